//! Who is meant: from the URIs of requests to users and numbers.
//!
//! Implements: RFC 3261 §19.1; RFC 3966 §5.

use crate::base::Uid;
use crate::config::Settings;
use crate::dialog::Face;
use crate::routing::Who;
use crate::sip::{NameAddr, Scheme, Uri};

/// The one who calls or writes.
#[derive(Debug, Clone)]
pub struct Caller {
    /// As trees see him.
    pub who: Who,
    /// As phones see him.
    pub face: Face,
}

/// Whom a URI names: a user of this cluster, a number; `None` for what we cannot reach.
pub fn who_of(settings: &Settings, address: &[u8]) -> Option<Who> {
    let uri = NameAddr::parse(address).map_or(address, |named| named.uri);
    who_of_uri(settings, &Uri::parse(uri).ok()?)
}

/// [`who_of`] for a URI that was read.
pub fn who_of_uri(settings: &Settings, uri: &Uri<'_>) -> Option<Who> {
    let user = uri.user_text()?;
    if uri.scheme == Scheme::Tel {
        let context = uri.param("phone-context").and_then(|context| std::str::from_utf8(context).ok());
        return Some(Who::Number(global(&user, context).into()));
    }
    if !settings.is_own_host(uri.host_text()) {
        return None;
    }
    if is_number(&user) {
        return Some(Who::Number(user.into_owned().into()));
    }
    // RFC 3261 §19.1.6: with `user=phone` the user part is a telephone number as RFC 3966 writes it.
    if uri.param("user").is_some_and(|kind| kind.eq_ignore_ascii_case(b"phone"))
        && let Some(number) = phone(&user)
    {
        return Some(Who::Number(number.into()));
    }
    Uid::new(&user, settings.cid.as_str()).ok().map(Who::User)
}

/// The user whom an address of record names, be his name made of digits or not.
pub fn aor_of(settings: &Settings, uri: &Uri<'_>) -> Option<Uid> {
    if !settings.is_own_host(uri.host_text()) || uri.scheme == Scheme::Tel {
        return None;
    }
    Uid::new(&uri.user_text()?, settings.cid.as_str()).ok()
}

/// The number in the user part of a SIP URI: its separators removed, its context put before it.
fn phone(user: &str) -> Option<String> {
    let mut parts = user.split(';');
    let digits: String = parts.next()?.chars().filter(|c| !matches!(c, '-' | '.' | '(' | ')')).collect();
    let context = parts.find_map(|part| part.strip_prefix("phone-context="));
    is_number(&digits).then(|| global(&digits, context))
}

/// A local number in a context that is the beginning of global ones (RFC 3966 §5.1.5).
fn global(number: &str, context: Option<&str>) -> String {
    match context.filter(|context| !number.starts_with('+') && context.starts_with('+')) {
        Some(context) => {
            let digits = context.chars().filter(|c| *c == '+' || c.is_ascii_digit());
            digits.chain(number.chars()).collect()
        }
        None => number.to_owned(),
    }
}

/// Whether a user part is a telephone number: digits, with or without a leading `+`.
fn is_number(user: &str) -> bool {
    let digits = user.strip_prefix('+').unwrap_or(user);
    !digits.is_empty() && digits.bytes().all(|byte| byte.is_ascii_digit() || matches!(byte, b'*' | b'#'))
}
