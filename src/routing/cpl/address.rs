//! Addresses in a script: as those whom a condition means, and as those who are tried.

use super::super::lex::escape;
use super::super::pattern::Pattern;
use super::super::plan::Target;
use super::super::words::Direction;
use super::switch::{Test, Why, key};
use crate::base::Uid;

/// How numbers begin, as far as trees can name them.
const DIGITS: &str = "+0123456789";

/// The target of an address; or why there is none.
pub(super) fn target(url: &str, owner: Option<&Uid>) -> Result<String, Why> {
    let url = url.trim();
    let (scheme, rest) = url.split_once(':').unwrap_or(("", url));
    match scheme.to_ascii_lowercase().as_str() {
        "sip" => {}
        "tel" => {
            return Err((
                format!("{} is a telephone number, and a tree reaches those as devices", escape(url)),
                "`ratatosk device add UID home --type phone --address NUMBER` makes one, and `try \"home\"` rings it",
            ));
        }
        "sips" => {
            return Err((
                "no tree can ask for TLS all the way to a phone".to_owned(),
                "write `sip:` if the way within the cluster will do",
            ));
        }
        _ => return Err((format!("{} is no address of a user", escape(url)), SIP)),
    }
    let uid =
        Uid::parse(rest).map_err(|why| (format!("{} is no address of a user: {why}", escape(url)), SIP))?;
    if owner == Some(&uid) {
        return Err((
            format!("{uid} is yourself: this would go round in a circle"),
            "your own phones are `<lookup source=\"registration\">`",
        ));
    }
    Ok(Target::User(uid).to_string())
}

const SIP: &str = "an address looks like `sip:anne@north.test`, without port or parameters";

/// The condition of an output of an address switch.
pub(super) fn test(
    direction: Direction,
    (field, subfield): (&str, Option<&str>),
    (how, value): (&str, &str),
) -> Result<Test, Why> {
    let key = key(direction, field)?;
    let value = value.trim();
    let patterns = match (subfield, how) {
        (None, "is") => whole(value)?,
        (Some("user"), "is") if value.eq_ignore_ascii_case("anonymous") && key == "caller" => {
            vec![Pattern::Anonymous]
        }
        (Some("user"), "is") => [pattern(&format!("{value}@*"))?].into_iter().chain(number(value)).collect(),
        (Some("host"), "is") => vec![pattern(&format!("@{value}"))?],
        (Some("host"), "subdomain-of") => {
            let domain = value.trim_start_matches('.');
            let whole = pattern(&format!("@{domain}"))?;
            // An address has no domains below it.
            let is_address = domain.trim_matches(['[', ']']).parse::<std::net::IpAddr>().is_ok();
            let below = (!is_address).then(|| pattern(&format!("*.{domain}"))).transpose()?;
            [whole].into_iter().chain(below).collect()
        }
        (Some("tel"), "is") => vec![number(value).ok_or_else(|| no_number(value))?],
        (Some("tel"), "subdomain-of") => {
            vec![number(&format!("{value}*")).ok_or_else(|| no_number(value))?]
        }
        (Some(other @ ("display" | "address-type" | "port" | "password" | "alias-type")), _) => {
            let message = format!("the {other} of an address does not reach a tree");
            return Err((message, "a tree looks at `user`, `host` or `tel`"));
        }
        (subfield, how) => {
            let of = subfield.map_or("a whole address".to_owned(), |subfield| format!("`{subfield}`"));
            return Err((format!("`{how}` does not go with {of}"), "`is` goes with all of them"));
        }
    };
    let patterns: Vec<String> = patterns.iter().map(ToString::to_string).collect();
    Ok(Test::When(format!("{key} {}", patterns.join(" or "))))
}

/// The condition for a part of an address that is not there.
pub(super) fn missing(direction: Direction, field: &str, subfield: Option<&str>) -> Result<Test, Why> {
    let key = key(direction, field)?;
    match subfield {
        // There is always somebody, if only an anonymous one.
        None => Ok(Test::Never),
        Some("tel") => {
            let numbers = DIGITS.chars().map(|digit| format!("number \"{digit}*\""));
            Ok(Test::When(format!("not {key} {}", numbers.collect::<Vec<_>>().join(" or "))))
        }
        Some(other) => {
            let message = format!("whether an address has a {other} does not reach a tree");
            Err((message, "a tree can tell numbers from other addresses: `subfield=\"tel\"`"))
        }
    }
}

fn whole(url: &str) -> Result<Vec<Pattern>, Why> {
    match url.split_once(':') {
        Some((scheme, rest)) if scheme.eq_ignore_ascii_case("tel") => {
            Ok(vec![number(rest).ok_or_else(|| no_number(rest))?])
        }
        Some((scheme, rest)) if scheme.eq_ignore_ascii_case("sip") || scheme.eq_ignore_ascii_case("sips") => {
            let user = rest.split('@').next().unwrap_or_default();
            if !rest.contains('@') || rest.contains('*') {
                return Err((format!("{} is no address of a user", escape(url)), SIP));
            }
            Ok([pattern(rest)?].into_iter().chain(number(user)).collect())
        }
        _ => Err((format!("{} is no address", escape(url)), SIP)),
    }
}

fn pattern(text: &str) -> Result<Pattern, Why> {
    match Pattern::read(text) {
        Ok(pattern @ Pattern::User(_)) => Ok(pattern),
        Ok(Pattern::Anonymous | Pattern::Number(_)) => Err((format!("{} is no address", escape(text)), SIP)),
        Err(why) => Err((format!("{}: {why}", escape(text)), SIP)),
    }
}

fn number(text: &str) -> Option<Pattern> {
    Pattern::number(text).ok()
}

fn no_number(text: &str) -> Why {
    (format!("{} is no telephone number", escape(text)), "a number is digits, perhaps after a `+`")
}
