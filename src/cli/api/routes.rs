//! The registry: every method and path, and the command that it stands for.

use std::fmt;

/// A route of the API.
#[derive(Debug, Clone, Copy)]
pub(super) struct Route {
    /// The method.
    pub(super) verb: Verb,
    /// The path: `/v1/users/{uid}`, where what stands in braces is an argument of the command.
    pub(super) path: &'static str,
    /// What it does.
    pub(super) does: Does,
    /// The argument that is a text, which may be the whole body; and the media type of such a body.
    pub(super) text: Option<(&'static str, &'static str)>,
    /// What the answer is.
    pub(super) gives: Gives,
    /// Arguments of the command that this route does not take.
    pub(super) without: &'static [&'static str],
    /// Whether it can tell how far it is.
    pub(super) streams: bool,
}

/// What a route does.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Does {
    /// A command, by its words.
    Command(&'static str),
    /// Says whether the user servers answer.
    Health,
    /// Describes the API.
    Document,
    /// Tells the figures to Prometheus.
    Metrics,
}

/// What an answer is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Gives {
    /// What the command tells programs; of one that has nothing for them, what it tells people.
    Value,
    /// A text of this media type.
    Text(&'static str),
    /// A picture, in the form that was asked for.
    Picture,
}

/// The values that stand in a path, each with the name of its argument.
pub(super) type Placed<'p> = Vec<(&'static str, &'p str)>;

/// A method.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Verb {
    Get,
    Put,
    Post,
    Patch,
    Delete,
}

impl Verb {
    /// As it stands in a request.
    pub(super) fn as_str(self) -> &'static str {
        match self {
            Self::Get => "GET",
            Self::Put => "PUT",
            Self::Post => "POST",
            Self::Patch => "PATCH",
            Self::Delete => "DELETE",
        }
    }

    /// Whether such a request has a body.
    pub(super) fn has_body(self) -> bool {
        matches!(self, Self::Put | Self::Post | Self::Patch)
    }
}

impl fmt::Display for Verb {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// A tree, as text.
pub(super) const TREE: &str = "text/plain";
/// A script of the Call Processing Language (RFC 3880 §12).
const CPL: &str = "application/cpl+xml";
/// The text format of Prometheus.
const EXPOSITION: &str = crate::io::metrics::MEDIA;
const CSV: &str = "text/csv";
const JSON: &str = "application/json";

impl Route {
    const fn of(verb: Verb, path: &'static str, does: Does) -> Self {
        Self { verb, path, does, text: None, gives: Gives::Value, without: &[], streams: false }
    }

    const fn new(verb: Verb, path: &'static str, command: &'static str) -> Self {
        Self::of(verb, path, Does::Command(command))
    }

    const fn text(self, argument: &'static str, media: &'static str) -> Self {
        Self { text: Some((argument, media)), ..self }
    }

    const fn gives(self, gives: Gives) -> Self {
        Self { gives, ..self }
    }

    const fn without(self, without: &'static [&'static str]) -> Self {
        Self { without, ..self }
    }

    const fn streams(self) -> Self {
        Self { streams: true, ..self }
    }

    /// Whether anybody may ask, without a token.
    pub(super) fn is_public(self) -> bool {
        self.does == Does::Health
    }

    /// The values that a path has in the places of this route's arguments; `None` if it is another path.
    pub(super) fn arguments(self, path: &str) -> Option<Placed<'_>> {
        let mut arguments = Vec::new();
        let mut given = path.split('/');
        for part in self.path.split('/') {
            let value = given.next()?;
            match part.strip_prefix('{').and_then(|part| part.strip_suffix('}')) {
                Some(name) if !value.is_empty() => arguments.push((name, value)),
                None if part == value => {}
                Some(_) | None => return None,
            }
        }
        given.next().is_none().then_some(arguments)
    }

    /// The names of the arguments that stand in its path.
    pub(super) fn placed(self) -> impl Iterator<Item = &'static str> {
        self.path.split('/').filter_map(|part| part.strip_prefix('{')?.strip_suffix('}'))
    }
}

use Verb::{Delete, Get, Patch, Post, Put};

/// All of them.
pub(super) const ROUTES: &[Route] = &[
    Route::of(Get, "/healthz", Does::Health),
    Route::of(Get, "/openapi.json", Does::Document),
    Route::of(Get, "/metrics", Does::Metrics).gives(Gives::Text(EXPOSITION)),
    Route::new(Post, "/v1/reload", "reload"),
    Route::new(Get, "/v1/status", "status"),
    Route::new(Get, "/v1/users", "user list"),
    Route::new(Post, "/v1/users", "user add"),
    Route::new(Post, "/v1/users/import", "user import").text("file", CSV),
    Route::new(Get, "/v1/users/{uid}", "user show"),
    Route::new(Patch, "/v1/users/{uid}", "user set"),
    Route::new(Delete, "/v1/users/{uid}", "user remove"),
    Route::new(Put, "/v1/users/{uid}/password", "user passwd"),
    Route::new(Get, "/v1/users/{uid}/presence", "presence show"),
    Route::new(Put, "/v1/users/{uid}/presence", "presence set"),
    Route::new(Get, "/v1/users/{uid}/contacts", "contact list"),
    Route::new(Put, "/v1/users/{uid}/contacts/{contact}", "contact add"),
    Route::new(Delete, "/v1/users/{uid}/contacts/{contact}", "contact remove"),
    Route::new(Put, "/v1/users/{uid}/blocked/{caller}", "contact block"),
    Route::new(Delete, "/v1/users/{uid}/blocked/{caller}", "contact unblock"),
    Route::new(Get, "/v1/users/{uid}/groups", "group list"),
    Route::new(Put, "/v1/users/{uid}/groups/{group}", "group add"),
    Route::new(Patch, "/v1/users/{uid}/groups/{group}", "group rename"),
    Route::new(Delete, "/v1/users/{uid}/groups/{group}", "group remove"),
    Route::new(Get, "/v1/users/{uid}/devices", "device list"),
    Route::new(Put, "/v1/users/{uid}/devices/{name}", "device add"),
    Route::new(Delete, "/v1/users/{uid}/devices/{name}", "device remove"),
    Route::new(Put, "/v1/users/{uid}/devices/{name}/profile", "device profile"),
    Route::new(Get, "/v1/users/{uid}/stock", "stock list"),
    Route::new(Put, "/v1/users/{uid}/stock/{name}", "stock set"),
    Route::new(Delete, "/v1/users/{uid}/stock/{name}", "stock remove"),
    Route::new(Get, "/v1/users/{uid}/profiles", "profile list"),
    Route::new(Get, "/v1/users/{uid}/profiles/{name}", "profile show").gives(Gives::Text(TREE)),
    Route::new(Put, "/v1/users/{uid}/profiles/{name}", "profile set").text("file", TREE),
    Route::new(Delete, "/v1/users/{uid}/profiles/{name}", "profile remove"),
    Route::new(Put, "/v1/users/{uid}/profiles/{name}/code", "profile code"),
    Route::new(Put, "/v1/users/{uid}/profile", "profile activate"),
    Route::new(Delete, "/v1/users/{uid}/profile", "profile activate").without(&["name"]),
    Route::new(Get, "/v1/users/{uid}/inbox", "inbox").without(&["remove"]),
    Route::new(Delete, "/v1/users/{uid}/inbox/{remove}", "inbox").without(&["limit"]),
    Route::new(Get, "/v1/profiles/unreadable", "profile unreadable"),
    Route::new(Get, "/v1/calls", "calls"),
    Route::new(Get, "/v1/calls/{id}", "calls show"),
    Route::new(Get, "/v1/pages", "pages"),
    Route::new(Get, "/v1/registrations", "registrations"),
    Route::new(Get, "/v1/trunks", "trunks"),
    Route::new(Post, "/v1/trees/check", "tree check").text("files", TREE),
    Route::new(Post, "/v1/trees/format", "tree fmt")
        .text("files", TREE)
        .gives(Gives::Text(TREE))
        .without(&["check"]),
    Route::new(Post, "/v1/trees/json", "tree json").text("file", TREE).gives(Gives::Text(JSON)),
    Route::new(Post, "/v1/trees/explain", "tree explain").text("tree", TREE),
    Route::new(Post, "/v1/trees/draw", "tree draw").text("tree", TREE).gives(Gives::Picture),
    Route::new(Post, "/v1/trees/diff", "tree diff").text("second", TREE),
    Route::new(Post, "/v1/trees/replay", "tree replay").text("tree", TREE).streams(),
    Route::new(Post, "/v1/trees/import-cpl", "tree import-cpl").text("file", CPL).gives(Gives::Text(TREE)),
    Route::new(Get, "/v1/trees/loops", "tree loops"),
];

/// Commands that no route stands for, and why.
#[cfg(test)]
const ELSEWHERE: &[(&str, &str)] = &[
    ("serve", "runs the server"),
    ("demo", "runs the server"),
    ("config check", "looks at files of the machine"),
    ("user reseal", "makes a file of the machine, while no server runs"),
    ("token add", "whoever has a token makes no others"),
    ("token list", "whoever has a token makes no others"),
    ("token remove", "whoever has a token makes no others"),
    ("openapi", "is /openapi.json"),
];

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::super::super::program;
    use super::*;

    #[test]
    fn every_command_has_a_route_or_a_reason() {
        let mut commands = BTreeSet::new();
        for command in program::command_line().get_subcommands() {
            let name = command.get_name();
            let has_own = command.get_arguments().next().is_some() || !command.has_subcommands();
            commands.extend(has_own.then(|| name.to_owned()));
            let inner = command.get_subcommands();
            commands.extend(inner.map(|inner| format!("{name} {}", inner.get_name())));
        }
        let routed = ROUTES.iter().filter_map(|route| match route.does {
            Does::Command(command) => Some(command.to_owned()),
            Does::Health | Does::Document | Does::Metrics => None,
        });
        let mut known: BTreeSet<String> = routed.collect();
        known.extend(ELSEWHERE.iter().map(|(command, _)| (*command).to_owned()));
        assert_eq!(commands, known);
    }

    #[test]
    fn no_two_routes_are_the_same_and_fixed_words_go_first() {
        for (at, route) in ROUTES.iter().enumerate() {
            let first = ROUTES.iter().position(|other| {
                other.verb == route.verb && other.arguments(&route.path.replace(['{', '}'], "")).is_some()
            });
            assert_eq!(first, Some(at), "{} {}", route.verb, route.path);
        }
    }

    #[test]
    fn a_path_is_taken_apart() {
        let route = Route::new(Get, "/v1/users/{uid}/profiles/{name}", "profile show");
        let arguments = |path| route.arguments(path);
        assert_eq!(arguments("/v1/users/a/profiles/b"), Some(vec![("uid", "a"), ("name", "b")]));
        for other in ["/v1/users/a/profiles", "/v1/users/a/profiles/b/", "/v1/users//profiles/b", "/", ""] {
            assert_eq!(arguments(other), None, "{other}");
        }
    }
}
