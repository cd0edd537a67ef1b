//! When two URIs are the same.
//!
//! Not an equivalence in the mathematical sense (RFC 3261 says so itself): parameters that only
//! one side has are mostly ignored. So this is a method and not `Eq`, and a key for a table has
//! to be made otherwise.
//!
//! Implements: RFC 3261 §19.1.4; RFC 3966 §4.

use super::chars::{hex, split_once};
use super::uri::{Host, Scheme, Uri, is_visual};

/// Parameters that never match their absence, whatever their default. `transport` is not in the
/// rules of the section but in its examples.
const DECISIVE: [&str; 5] = ["user", "ttl", "method", "maddr", "transport"];

impl Uri<'_> {
    /// Whether both name the same resource.
    pub fn same_as(&self, other: &Uri<'_>) -> bool {
        if self.scheme != other.scheme {
            return false;
        }
        match self.scheme {
            Scheme::Sip | Scheme::Sips => {
                same_part(self.user, other.user)
                    && same_part(self.password, other.password)
                    && same_host(self.host, other.host)
                    && self.port == other.port
                    && sip_params_agree(self, other)
                    && sip_params_agree(other, self)
                    && headers_within(self.headers, other.headers)
                    && headers_within(other.headers, self.headers)
            }
            Scheme::Tel => {
                same_number(self.user.unwrap_or_default(), other.user.unwrap_or_default())
                    && tel_params_within(self, other)
                    && tel_params_within(other, self)
            }
            Scheme::Other => same_folded(self.raw, other.raw),
        }
    }
}

/// A letter of a URI: a byte, and whether it is an escaped reserved character, which differs
/// from the plain one.
type Letter = (u8, bool);

fn letters(bytes: &[u8]) -> impl Iterator<Item = Letter> + '_ {
    let mut rest = bytes;
    std::iter::from_fn(move || {
        if let [b'%', high, low, tail @ ..] = rest
            && let (Some(high), Some(low)) = (hex(*high), hex(*low))
        {
            rest = tail;
            let byte = high << 4 | low;
            return Some((byte, b";/?:@&=+$,".contains(&byte)));
        }
        let (first, tail) = rest.split_first()?;
        rest = tail;
        Some((*first, false))
    })
}

fn folded((byte, reserved): Letter) -> Letter {
    (byte.to_ascii_lowercase(), reserved)
}

fn same_exactly(one: &[u8], other: &[u8]) -> bool {
    one == other || letters(one).eq(letters(other))
}

fn same_folded(one: &[u8], other: &[u8]) -> bool {
    letters(one).map(folded).eq(letters(other).map(folded))
}

fn same_part(one: Option<&[u8]>, other: Option<&[u8]>) -> bool {
    match (one, other) {
        (Some(one), Some(other)) => same_exactly(one, other),
        (None, None) => true,
        (Some(_), None) | (None, Some(_)) => false,
    }
}

fn same_host(one: Host<'_>, other: Host<'_>) -> bool {
    match (one, other) {
        (Host::Name(one), Host::Name(other)) => one.eq_ignore_ascii_case(other),
        (Host::V6(one), Host::V6(other)) => {
            one.parse::<std::net::Ipv6Addr>().ok() == other.parse::<std::net::Ipv6Addr>().ok()
        }
        (Host::None, Host::None) => true,
        (Host::Name(_) | Host::V6(_) | Host::None, _) => false,
    }
}

/// The value of a parameter; of one that occurs twice, the first counts.
fn value_of<'a>(uri: &Uri<'a>, name: &[u8]) -> Option<&'a [u8]> {
    let mut params = uri.params.raw();
    params.find(|(other, _)| same_folded(other, name)).map(|(_, value)| value.unwrap_or_default())
}

/// Whether every parameter of `one` agrees with `other`, or may be absent there.
fn sip_params_agree(one: &Uri<'_>, other: &Uri<'_>) -> bool {
    one.params.raw().all(|(name, _)| match (value_of(one, name), value_of(other, name)) {
        (Some(ours), Some(theirs)) => same_folded(ours, theirs),
        _ => !DECISIVE.iter().any(|decisive| same_folded(name, decisive.as_bytes())),
    })
}

/// Whether every header of `one` is in `other` too.
fn headers_within(one: &[u8], other: &[u8]) -> bool {
    let pair = |header| split_once(header, b'=').unwrap_or((header, b""));
    one.is_empty()
        || one.split(|byte| *byte == b'&').map(pair).all(|(name, value)| {
            let mut theirs = other.split(|byte| *byte == b'&').map(pair);
            theirs.any(|(their_name, their_value)| {
                same_folded(name, their_name) && same_exactly(value, their_value)
            })
        })
}

fn same_number(one: &[u8], other: &[u8]) -> bool {
    let digits = |number: &[u8]| {
        let global = number.first() == Some(&b'+');
        (
            global,
            number.iter().filter(|byte| !is_visual(**byte)).map(u8::to_ascii_lowercase).collect::<Vec<_>>(),
        )
    };
    digits(one) == digits(other)
}

/// Whether every parameter of `one` is in `other` with the same value; a `phone-context` and an
/// `ext` are numbers, so that their visual separators do not count.
fn tel_params_within(one: &Uri<'_>, other: &Uri<'_>) -> bool {
    one.params.raw().all(|(name, _)| {
        let (Some(ours), Some(theirs)) = (value_of(one, name), value_of(other, name)) else {
            return false;
        };
        let is_number = name.eq_ignore_ascii_case(b"ext")
            || (name.eq_ignore_ascii_case(b"phone-context") && ours.first() == Some(&b'+'));
        if is_number { same_number(ours, theirs) } else { same_folded(ours, theirs) }
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn same(one: &str, other: &str) -> bool {
        let (one, other) = (Uri::parse(one.as_bytes()).unwrap(), Uri::parse(other.as_bytes()).unwrap());
        assert!(one.same_as(&one) && other.same_as(&other), "{one:?} {other:?}");
        assert_eq!(one.same_as(&other), other.same_as(&one));
        one.same_as(&other)
    }

    #[test]
    fn the_examples_of_rfc_3261() {
        let equal = [
            ("sip:%61lice@atlanta.com;transport=TCP", "sip:alice@AtLanTa.CoM;Transport=tcp"),
            ("sip:carol@chicago.com", "sip:carol@chicago.com;newparam=5"),
            ("sip:carol@chicago.com", "sip:carol@chicago.com;security=on"),
            ("sip:carol@chicago.com;newparam=5", "sip:carol@chicago.com;security=on"),
            (
                "sip:biloxi.com;transport=tcp;method=REGISTER?to=sip:bob%40biloxi.com",
                "sip:biloxi.com;method=REGISTER;transport=tcp?to=sip:bob%40biloxi.com",
            ),
            (
                "sip:alice@atlanta.com?subject=project%20x&priority=urgent",
                "sip:alice@atlanta.com?priority=urgent&subject=project%20x",
            ),
        ];
        let different = [
            ("SIP:ALICE@AtLanTa.CoM;Transport=udp", "sip:alice@AtLanTa.CoM;Transport=UDP"),
            ("sip:bob@biloxi.com", "sip:bob@biloxi.com:5060"),
            ("sip:bob@biloxi.com", "sip:bob@biloxi.com;transport=udp"),
            ("sip:bob@biloxi.com", "sip:bob@biloxi.com:6000;transport=tcp"),
            ("sip:carol@chicago.com", "sip:carol@chicago.com?Subject=next%20meeting"),
            ("sip:bob@phone21.boxesbybob.com", "sip:bob@192.0.2.4"),
            ("sip:carol@chicago.com;security=on", "sip:carol@chicago.com;security=off"),
        ];
        for (one, other) in equal {
            assert!(same(one, other), "{one} {other}");
        }
        for (one, other) in different {
            assert!(!same(one, other), "{one} {other}");
        }
    }

    #[test]
    fn what_the_rules_say_besides() {
        assert!(!same("sip:a@b", "sips:a@b"));
        assert!(!same("sip:a@b", "sip:b"));
        assert!(!same("sip:a:pass@b", "sip:a@b"));
        assert!(!same("sip:a%40c@b", "sip:ac@b"));
        assert!(!same("sip:a%3Bc@b", "sip:a;c@b"));
        assert!(!same("sip:%00@b", "sip:%00%00@b"));
        assert!(!same("sip:a@b;user=phone", "sip:a@b"));
        assert!(!same("sip:a@b;maddr=192.0.2.1", "sip:a@b"));
        assert!(same("sip:a@[2001:db8::1]", "sip:a@[2001:DB8:0::1]"));
        assert!(same("sip:a@b;%6C%72", "sip:a@b;lr"));
        assert!(same("sip:a@b;x=1;x=2", "sip:a@b;x=1"));
    }

    #[test]
    fn telephone_numbers() {
        assert!(same("tel:+1-201-555-0123", "TEL:+1.201.5550123"));
        assert!(!same("tel:+12015550123", "tel:12015550123"));
        assert!(same("tel:863-1234;phone-context=+1-914-555", "tel:8631234;phone-context=+1914555"));
        assert!(same("tel:7042;phone-context=Example.com", "tel:7042;phone-context=example.com"));
        assert!(!same("tel:7042;phone-context=example.com", "tel:7042;phone-context=example.net"));
        assert!(!same("tel:+47123;ext=5", "tel:+47123"));
        assert!(same("tel:+47123;ext=5;isub=9", "tel:+47123;isub=9;ext=5"));
    }
}
