//! What each key means, and which values it takes.

use std::path::PathBuf;

use super::fault::Code;
use super::file::{Sources, Trees};
use super::place::Place as Store;
use super::reader::{Given, Place, Section, list, suggestion};
use super::settings::{Algorithm, Allow, Features};
use crate::base::Cid;
use crate::routing::Mode;

/// The cluster of a server that was told none.
const CID: &str = "localhost";
/// The database of a server that was told none.
const DATABASE: &str = "ratatosk-data/ratatosk.db";
/// The default profile, and its file's name before `.tree`.
const PROFILE: &str = "default";
const TREES: &str = "routing-trees";
/// What a peer may be allowed beside the modes.
const PRESENCE: &str = "presence";
/// Most user servers of one process: the index of one is kept in a byte of every token.
const THREADS_MAX: u8 = 64;

/// `cluster.id`.
pub(super) fn cid(cluster: &Section<'_, '_, '_>) -> Option<Cid> {
    let Some(id) = cluster.text("id") else { return Some(Cid::new(CID)) };
    if !is_host(&id.value) {
        cluster.fault(
            Code::BadValue,
            &id.place,
            format!("`{}` is no domain name", id.value),
            "the cluster's name is the part of its users' addresses after the @, for instance north.test",
        );
        return None;
    }
    Some(Cid::new(&id.value))
}

/// `cluster.aliases`.
pub(super) fn aliases(cluster: &Section<'_, '_, '_>) -> Vec<String> {
    let mut aliases = Vec::new();
    for alias in cluster.texts("aliases").unwrap_or_default() {
        if is_host(alias.value.trim_matches(['[', ']'])) {
            aliases.push(alias.value.trim_matches(['[', ']']).to_ascii_lowercase());
        } else {
            let help = "an alias is a name or address without port, as it stands after the @";
            let message = format!("`{}` is neither a domain name nor an address", alias.value);
            cluster.fault(Code::BadValue, &alias.place, message, help);
        }
    }
    aliases
}

/// `[store]`.
pub(super) fn store(store: &Section<'_, '_, '_>, sources: &Sources<'_>) -> Option<Store> {
    const HELP: &str = "write `url = \"sqlite://north.db\"`; the file is made at first use";
    let max_mb = store.number("max_mb").and_then(|given| {
        let fits = u32::try_from(given.value).ok().filter(|mb| *mb > 0);
        if fits.is_none() {
            store.fault(Code::BadValue, &given.place, "the database needs some room", "give it 1 MB or more");
        }
        fits
    });
    let Some(url) = store.text("url") else {
        return Some(Store { database: sources.directory.join(DATABASE), max_mb });
    };
    let url = follow(store, url, sources)?;
    if url.value.starts_with("postgres:") || url.value.starts_with("postgresql:") {
        let message = "PostgreSQL is not served by this version";
        store.fault(Code::Later, &url.place, message, format!("it stores in SQLite: {HELP}"));
        return None;
    }
    let path = url.value.strip_prefix("sqlite://").or_else(|| url.value.strip_prefix("sqlite:"));
    match path {
        Some(path) if !path.is_empty() && !path.starts_with(':') && !path.contains('?') => {
            Some(Store { database: sources.directory.join(path), max_mb })
        }
        _ => {
            let message = format!("`{}` names no database", url.value);
            store.fault(Code::BadValue, &url.place, message, HELP);
            None
        }
    }
}

/// `auth.digest`.
pub(super) fn digest(auth: &Section<'_, '_, '_>) -> Option<Vec<Algorithm>> {
    const HELP: &str = "write `digest = [\"SHA-256\", \"MD5\"]`, or one of them";
    let Some(names) = auth.texts("digest") else { return Some(vec![Algorithm::Sha256, Algorithm::Md5]) };
    let mut algorithms = Vec::new();
    for name in &names {
        let algorithm = match name.value.as_str() {
            "MD5" => Algorithm::Md5,
            "SHA-256" => Algorithm::Sha256,
            other => {
                let message = format!("there is no digest algorithm `{other}`");
                auth.fault(Code::BadValue, &name.place, message, HELP);
                continue;
            }
        };
        if algorithms.contains(&algorithm) {
            auth.fault(Code::Repeated, &name.place, format!("`{}` is offered twice", name.value), HELP);
        }
        algorithms.push(algorithm);
    }
    if names.is_empty() {
        auth.fault(Code::BadValue, &auth.place, "`digest` offers no algorithm", HELP);
        return None;
    }
    Some(algorithms)
}

/// `[trees]`.
pub(super) fn trees(trees: &Section<'_, '_, '_>, sources: &Sources<'_>) -> Trees {
    let directory = path(trees.text("directory"), TREES, sources);
    let default = match trees.text("default") {
        Some(given) if given.value.is_empty() || given.value.contains('/') => {
            let help = "write the name of a file in `directory`, without `.tree`";
            trees.fault(Code::BadValue, &given.place, format!("`{}` names no profile", given.value), help);
            PROFILE.to_owned()
        }
        Some(given) => given.value,
        None => PROFILE.to_owned(),
    };
    Trees { directory, default, features: features(trees) }
}

/// What phones name profiles by.
fn features(trees: &Section<'_, '_, '_>) -> Features {
    let usual = Features::default();
    let is_dialled = |text: &str| text.chars().all(|c| c.is_ascii_digit() || matches!(c, '*' | '#'));
    let prefix = |key, usual| match trees.text(key) {
        Some(given) if !is_dialled(&given.value) => {
            let message = format!("`{}` cannot be dialled", given.value);
            let help = "digits, * and #, as in `\"*70\"`; \"\" switches it off";
            trees.fault(Code::BadValue, &given.place, message, help);
            usual
        }
        Some(given) => given.value,
        None => usual,
    };
    let (activate, under) = (prefix("activate", usual.activate), prefix("under", usual.under));
    if !activate.is_empty()
        && !under.is_empty()
        && (activate.starts_with(&under) || under.starts_with(&activate))
    {
        let message = format!("`activate` and `under` cannot be told apart: \"{activate}\" and \"{under}\"");
        let help = "none of the two may begin with the other";
        trees.fault(Code::BadValue, &trees.place, message, help);
    }
    let header = match trees.text("header") {
        Some(given) if !is_token(&given.value) => {
            let message = format!("`{}` is no name of a header", given.value);
            trees.fault(Code::BadValue, &given.place, message, "letters, digits and -, as in \"X-Profile\"");
            usual.header
        }
        Some(given) => given.value,
        None => usual.header,
    };
    Features { header, activate, under }
}

fn is_token(text: &str) -> bool {
    !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'-')
}

/// `threads`.
pub(super) fn threads(root: &Section<'_, '_, '_>) -> Option<u8> {
    let given = root.number("threads")?;
    let threads = u8::try_from(given.value).ok().filter(|threads| (1..=THREADS_MAX).contains(threads));
    if threads.is_none() {
        let message = format!("{} is no number of threads", given.value);
        root.fault(Code::BadValue, &given.place, message, format!("from 1 to {THREADS_MAX}"));
    }
    threads
}

/// A path, against the directory of the file.
pub(super) fn path(given: Option<Given<String>>, default: &str, sources: &Sources<'_>) -> PathBuf {
    sources.directory.join(given.map_or_else(|| default.to_owned(), |given| given.value))
}

/// Follows a `file:` or `env:` reference, so that a secret need not stand in the file.
pub(super) fn follow(
    section: &Section<'_, '_, '_>,
    given: Given<String>,
    sources: &Sources<'_>,
) -> Option<Given<String>> {
    let Given { value, place } = given;
    let fault = |message: String, help: &str| section.fault(Code::Reference, &place, message, help);
    if let Some(name) = value.strip_prefix("env:") {
        let Some(secret) = sources.environment.get(name) else {
            fault(format!("there is no variable {name}"), "set it where the server is started");
            return None;
        };
        return Some(Given { value: secret.clone(), place });
    }
    if let Some(path) = value.strip_prefix("file:") {
        let path = sources.directory.join(path);
        return match (sources.read)(&path) {
            Ok(secret) => Some(Given { value: secret.trim_end().to_owned(), place }),
            Err(error) => {
                fault(format!("{} cannot be read: {error}", path.display()), "it holds the value alone");
                None
            }
        };
    }
    Some(Given { value, place })
}

fn modes() -> impl Iterator<Item = &'static str> + Clone {
    Mode::ALL.iter().map(|mode| mode.as_str()).chain([PRESENCE])
}

/// What a peer may send and be sent.
pub(super) fn allowed(section: &Section<'_, '_, '_>, words: &[Given<String>]) -> Allow {
    let mut allow = Allow::NOTHING;
    for word in words {
        match word.value.parse::<Mode>() {
            Ok(mode) => allow = allow.with(mode),
            Err(_) if word.value == PRESENCE => allow = allow.with_presence(),
            Err(_) => {
                let help = suggestion(&word.value, modes())
                    .unwrap_or_else(|| format!("there are {}", list(modes())));
                let message = format!("there is no mode `{}`", word.value);
                section.fault(Code::BadValue, &word.place, message, help);
            }
        }
    }
    allow
}

/// Whether a text can stand after an `@`: a domain name, or an address.
pub(super) fn is_host(text: &str) -> bool {
    let name = text.trim_end_matches('.');
    let label = |label: &str| {
        !label.is_empty()
            && label.len() <= 63
            && !label.starts_with('-')
            && !label.ends_with('-')
            && label.chars().all(|c| c.is_ascii_alphanumeric() || c == '-' || c == '_')
    };
    text.parse::<std::net::IpAddr>().is_ok() || (name.len() <= 253 && name.split('.').all(label))
}

/// The place of a value that was not given: that of its section.
pub(super) fn at<T>(given: Option<&Given<T>>, section: &Section<'_, '_, '_>) -> Place {
    given.map_or_else(|| section.place.clone(), |given| given.place.clone())
}
