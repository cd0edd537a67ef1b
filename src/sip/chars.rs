//! Characters and the smallest pieces of the grammar: classes, white space, quotes, numbers.
//!
//! All of it works on bytes: a SIP message need not be UTF-8, and where it is not it still has
//! to be answered. Nothing here knows a header.
//!
//! Implements: RFC 3261 §25.1 (basic rules), §7.3.1 (folding as white space).

use std::borrow::Cow;

/// May stand in a token.
pub(super) const TOKEN: u8 = 1;
/// May stand in the user part of a URI (`#` too: phones dial it unescaped).
pub(super) const USER: u8 = 2;
/// May stand in a parameter of a URI.
pub(super) const PARAM: u8 = 4;
/// May stand in the headers of a URI.
pub(super) const HEADERS: u8 = 8;
/// May stand in a host name (`_` too: many names on private networks hold it).
pub(super) const HOST: u8 = 16;
/// May stand in a URI of any other scheme.
pub(super) const ABSOLUTE: u8 = 32;
/// May stand in a telephone number.
pub(super) const PHONE: u8 = 64;
/// May stand in the unquoted value of a header parameter: a token, a host, or what phones make
/// of them, but nothing that would end it for another reader.
pub(super) const VALUE: u8 = 128;

const CLASSES: [u8; 256] = {
    let mut table = values();
    table = add(table, b"-.!%*_+`'~", TOKEN);
    table = add(table, b"-_.!~*'()%&=+$,;?/#", USER);
    table = add(table, b"-_.!~*'()%[]/:&+$;=", PARAM);
    table = add(table, b"-_.!~*'()%[]/?:+$&=", HEADERS);
    table = add(table, b"-._", HOST);
    table = add(table, b"-_.!~*'()%;/?:@&=+$,#[]", ABSOLUTE);
    table = add(table, b"+-.()*#ABCDEFabcdef0123456789", PHONE);
    table = add(table, b"abcdefghijklmnopqrstuvwxyz", TOKEN | USER | PARAM | HEADERS | HOST | ABSOLUTE);
    table = add(table, b"ABCDEFGHIJKLMNOPQRSTUVWXYZ", TOKEN | USER | PARAM | HEADERS | HOST | ABSOLUTE);
    add(table, b"0123456789", TOKEN | USER | PARAM | HEADERS | HOST | ABSOLUTE)
};

#[allow(
    clippy::indexing_slicing,
    clippy::as_conversions,
    reason = "runs in the compiler, where neither `get` nor `From` is const and a slip is a build error"
)]
const fn add(mut table: [u8; 256], chars: &[u8], class: u8) -> [u8; 256] {
    let mut i = 0;
    while i < chars.len() {
        table[chars[i] as usize] |= class;
        i += 1;
    }
    table
}

#[allow(clippy::indexing_slicing, reason = "runs in the compiler, where a slip is a build error")]
const fn values() -> [u8; 256] {
    let mut table = [VALUE; 256];
    let mut i = 0;
    while i <= 32 {
        table[i] = 0;
        i += 1;
    }
    // ", comma, ;, <, > and delete.
    let mut enders: &[usize] = &[34, 44, 59, 60, 62, 127];
    while let [first, rest @ ..] = enders {
        table[*first] = 0;
        enders = rest;
    }
    table
}

/// Whether the byte is of the class.
#[inline]
pub(super) fn is(byte: u8, class: u8) -> bool {
    CLASSES.get(usize::from(byte)).is_some_and(|classes| classes & class != 0)
}

/// Whether every byte is of the class.
pub(super) fn all(bytes: &[u8], class: u8) -> bool {
    bytes.iter().all(|byte| is(*byte, class))
}

/// Whether this is a token: at least one byte, all of the class.
pub(super) fn is_token(bytes: &[u8]) -> bool {
    !bytes.is_empty() && all(bytes, TOKEN)
}

/// White space inside a header value; a fold is white space too.
#[inline]
pub(super) fn is_space(byte: u8) -> bool {
    matches!(byte, b' ' | b'\t' | b'\r' | b'\n')
}

/// The bytes without white space at the front.
#[inline]
pub(super) fn trim_start(mut bytes: &[u8]) -> &[u8] {
    while let [first, rest @ ..] = bytes
        && is_space(*first)
    {
        bytes = rest;
    }
    bytes
}

/// The bytes without white space at the end.
#[inline]
pub(super) fn trim_end(mut bytes: &[u8]) -> &[u8] {
    while let [rest @ .., last] = bytes
        && is_space(*last)
    {
        bytes = rest;
    }
    bytes
}

/// The bytes without white space at either end.
#[inline]
pub fn trim(bytes: &[u8]) -> &[u8] {
    trim_end(trim_start(bytes))
}

/// The bytes from `from` on; empty if there are none.
#[inline]
pub(super) fn after(bytes: &[u8], from: usize) -> &[u8] {
    bytes.get(from..).unwrap_or_default()
}

/// The bytes from `from` to before `to`; empty if there are none.
#[inline]
pub(super) fn between(bytes: &[u8], from: usize, to: usize) -> &[u8] {
    bytes.get(from..to).unwrap_or_default()
}

/// Splits off the longest front that is of the class.
#[inline]
pub(super) fn take(bytes: &[u8], class: u8) -> (&[u8], &[u8]) {
    let len = bytes.iter().position(|byte| !is(*byte, class)).unwrap_or(bytes.len());
    bytes.split_at_checked(len).unwrap_or((bytes, &[]))
}

/// Splits at the first `separator`, which goes to neither side.
pub(super) fn split_once(bytes: &[u8], separator: u8) -> Option<(&[u8], &[u8])> {
    let at = memchr::memchr(separator, bytes)?;
    Some((between(bytes, 0, at), after(bytes, at + 1)))
}

/// Where the quoted string that opens at the front ends: the length with both quotes, or `None`
/// when it is never closed.
pub(super) fn quoted_len(bytes: &[u8]) -> Option<usize> {
    debug_assert_eq!(bytes.first(), Some(&b'"'));
    let mut at = 1;
    loop {
        at += memchr::memchr2(b'"', b'\\', after(bytes, at))?;
        if bytes.get(at) == Some(&b'"') {
            return Some(at + 1);
        }
        at += 2;
    }
}

/// What stands between quotes, or the bytes as they are when they are not quoted.
pub(super) fn unquote(bytes: &[u8]) -> &[u8] {
    match bytes {
        [b'"', inner @ .., b'"'] => inner,
        _ => bytes,
    }
}

/// The text of what stood between quotes: escapes undone, anything not UTF-8 replaced.
pub fn unescape_quoted(inner: &[u8]) -> Cow<'_, str> {
    if memchr::memchr(b'\\', inner).is_none() {
        return String::from_utf8_lossy(inner);
    }
    let mut plain = Vec::with_capacity(inner.len());
    let mut bytes = inner.iter();
    while let Some(byte) = bytes.next() {
        plain.push(if *byte == b'\\' { *bytes.next().unwrap_or(byte) } else { *byte });
    }
    Cow::Owned(String::from_utf8_lossy(&plain).into_owned())
}

/// A number written in digits only, however many zeros lead it; `None` when it is none or does
/// not fit.
pub fn number(digits: &[u8]) -> Option<u64> {
    if digits.is_empty() {
        return None;
    }
    digits.iter().try_fold(0_u64, |sum, byte| {
        let digit = byte.is_ascii_digit().then(|| u64::from(byte - b'0'))?;
        sum.checked_mul(10)?.checked_add(digit)
    })
}

/// [`number`] for a smaller type.
pub(super) fn small<T: TryFrom<u64>>(digits: &[u8]) -> Option<T> {
    T::try_from(number(digits)?).ok()
}

/// The value of a hexadecimal digit.
pub(super) fn hex(byte: u8) -> Option<u8> {
    match byte {
        b'0'..=b'9' => Some(byte - b'0'),
        b'a'..=b'f' => Some(byte - b'a' + 10),
        b'A'..=b'F' => Some(byte - b'A' + 10),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn quotes() {
        assert_eq!(quoted_len(br#""a\"b" c"#), Some(6));
        assert_eq!(quoted_len(br#""a\""#), None);
        assert_eq!(quoted_len(br#""a\"#), None);
        assert_eq!(unescape_quoted(br#"a\"b\\"#), r#"a"b\"#);
    }

    #[test]
    fn numbers() {
        assert_eq!(number(b"0068"), Some(68));
        assert_eq!(number(b"-1"), None);
        assert_eq!(number(b"+1"), None);
        assert_eq!(number(b""), None);
        assert_eq!(number(b"36893488147419103232"), None);
    }
}
