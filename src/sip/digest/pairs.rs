//! The form that challenges and credentials share: `Digest name=value, name="value"`.
//!
//! Implements: RFC 3261 §25.1 (challenge, credentials); RFC 7616 §3.3, §3.4.

use crate::sip::chars::{TOKEN, VALUE, all, is_space, quoted_len, split_once, take, trim, unquote};
use crate::sip::list::elements;

/// The name, and the value without quotes; `None` for what is not of this form.
pub(super) type Pair<'a> = Option<(&'a [u8], &'a [u8])>;

/// The parameters of a header of the scheme `Digest`; `None` if it is of another.
pub(super) fn pairs(value: &[u8]) -> Option<impl Iterator<Item = Pair<'_>>> {
    let (scheme, rest) = take(trim(value), TOKEN);
    let sound = scheme.eq_ignore_ascii_case(b"Digest") && rest.first().is_some_and(|byte| is_space(*byte));
    sound.then(|| elements(rest).map(pair))
}

fn pair(element: &[u8]) -> Pair<'_> {
    let (name, value) = split_once(element, b'=')?;
    let value = trim(value);
    let sound = if value.first() == Some(&b'"') {
        quoted_len(value) == Some(value.len())
    } else {
        all(value, VALUE) && !value.contains(&b'\\')
    };
    sound.then(|| (trim(name), unquote(value)))
}

/// Whether `text` can stand between quotes as it is: what is to be escaped in it, is.
pub(super) fn is_quotable(text: &str) -> bool {
    let mut bytes = text.bytes();
    while let Some(byte) = bytes.next() {
        let escaped = byte == b'\\' && bytes.next().is_some();
        if matches!(byte, b'"' | b'\\' | 0..=31 | 127) && !escaped {
            return false;
        }
    }
    true
}

/// Whether a list of qualities of protection holds `auth`.
pub(super) fn offers_auth(list: &[u8]) -> bool {
    elements(list).any(|qop| qop.eq_ignore_ascii_case(b"auth"))
}
