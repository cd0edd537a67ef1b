//! `[push]`: the hook that wakes sleeping phones.

use std::sync::Arc;

use super::check::follow;
use super::fault::Code;
use super::file::Sources;
use super::reader::Section;
use super::settings::{PushHook, Secret};

const URL_HELP: &str = "write `url = \"http://127.0.0.1:9000/wake\"`: a program beside the server that speaks to the push services";
const AUTHORITIES_HELP: &str = "write `authorities = \"/etc/ssl/certs/ca-certificates.crt\"`, where many systems have those that browsers believe, or a file of your own";
const PROVIDERS_HELP: &str = "write `providers = [\"apns\", \"fcm\"]`: the services that the hook knows";

/// The hook, if there is one. Whatever is wrong with it is told.
pub(super) fn push(section: &Section<'_, '_, '_>, sources: &Sources<'_>) -> Option<Arc<PushHook>> {
    let url = section.text("url");
    let token = section.text("token");
    let providers = section.texts("providers");
    let authorities = section.text("authorities");
    let Some(url) = url else {
        if token.is_some() || providers.is_some() || authorities.is_some() {
            section.fault(Code::Missing, &section.place, "nothing says where the hook is", URL_HELP);
        }
        return None;
    };
    let Some(Parts { is_secure, host, port, path }) = parts(&url.value) else {
        let message = format!("`{}` is no http:// or https:// address", url.value);
        section.fault(Code::BadValue, &url.place, message, URL_HELP);
        return None;
    };
    match &authorities {
        None if is_secure => {
            let message = "by https somebody has to say who the hook is: there are no `authorities`";
            section.fault(Code::Missing, &url.place, message, AUTHORITIES_HELP);
            return None;
        }
        Some(given) if !is_secure => {
            let help = "leave it out, or write `url = \"https://…\"`";
            section.fault(Code::BadValue, &given.place, "nobody proves who he is by http", help);
            return None;
        }
        Some(_) | None => {}
    }
    let providers: Vec<String> = providers.unwrap_or_default().into_iter().map(|given| given.value).collect();
    let is_word = |word: &String| {
        !word.is_empty() && word.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"-._".contains(&byte))
    };
    if providers.is_empty() || !providers.iter().all(is_word) {
        let message = "the hook knows no push service, or one whose name no phone could write";
        section.fault(Code::BadValue, &section.place, message, PROVIDERS_HELP);
        return None;
    }
    let token = match token {
        // Only a server shows it.
        Some(_) if sources.resolve.is_none() => None,
        Some(given) => Some(follow(section, given, sources)?),
        None => None,
    };
    if let Some(token) =
        token.as_ref().filter(|token| !token.value.bytes().all(|byte| byte.is_ascii_graphic()))
    {
        let help = "letters, digits and signs without spaces";
        section.fault(Code::BadValue, &token.place, "this `token` cannot stand in a header", help);
        return None;
    }
    let token = token.map(|token| Secret::new(&token.value));
    let authorities = authorities.map(|given| sources.directory.join(given.value));
    Some(Arc::new(PushHook { host, port, authorities, path, token, providers }))
}

/// What an address of a hook consists of.
struct Parts {
    is_secure: bool,
    host: String,
    port: u16,
    path: String,
}

/// The parts of an http:// or https:// address.
fn parts(url: &str) -> Option<Parts> {
    let (is_secure, rest) = match url.strip_prefix("https://") {
        Some(rest) => (true, rest),
        None => (false, url.strip_prefix("http://")?),
    };
    let (authority, path) = match rest.find('/') {
        Some(at) => rest.split_at_checked(at)?,
        None => (rest, "/"),
    };
    let is_plain = |text: &str| text.bytes().all(|byte| byte.is_ascii_graphic());
    if authority.contains('@') || !is_plain(authority) || !is_plain(path) {
        return None;
    }
    let (host, port) = match authority.rsplit_once(':') {
        Some((host, port)) if !port.ends_with(']') => (host, port.parse().ok()?),
        Some(_) | None => (authority, if is_secure { 443 } else { 80 }),
    };
    let host = host.trim_matches(['[', ']']);
    (!host.is_empty()).then(|| Parts { is_secure, host: host.to_owned(), port, path: path.to_owned() })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addresses_of_hooks() {
        let read = |url| parts(url).map(|Parts { host, port, path, .. }| format!("{host} {port} {path}"));
        assert_eq!(read("http://127.0.0.1:9000/wake?a=b").as_deref(), Some("127.0.0.1 9000 /wake?a=b"));
        assert_eq!(read("http://push.north.test").as_deref(), Some("push.north.test 80 /"));
        assert_eq!(read("http://[::1]:9000/").as_deref(), Some("::1 9000 /"));
        assert_eq!(read("http://[::1]/").as_deref(), Some("::1 80 /"));
        assert_eq!(read("https://push.north.test/wake").as_deref(), Some("push.north.test 443 /wake"));
        for bad in ["ftp://a/", "http://", "http://a:b/", "http://u@a/", "http://a/ b", "push.north.test"] {
            assert_eq!(read(bad), None, "{bad}");
        }
    }
}
