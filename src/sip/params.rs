//! Parameters: `;name=value;name`.
//!
//! One reader for headers (white space and quotes allowed) and URIs (neither can occur there:
//! [`super::Uri::parse`] has seen to it). Reading is lenient; [`Params::are_sound`] is strict.
//!
//! Implements: RFC 3261 §25.1 (generic-param).

use super::chars::{TOKEN, VALUE, after, between, quoted_len, take, trim, trim_start, unquote};

/// Parameters, with the `;` before the first, as they came.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct Params<'a>(pub(super) &'a [u8]);

/// One parameter as it came: name and, after a `=`, its value, quotes and all.
pub(super) type Raw<'a> = (&'a [u8], Option<&'a [u8]>);

impl<'a> Params<'a> {
    /// Reads text that begins with `;`, or is empty.
    pub fn of(text: &'a [u8]) -> Self {
        Self(text)
    }

    /// The value of the first parameter of this name, without quotes; empty if it has none.
    pub fn get(&self, name: &str) -> Option<&'a [u8]> {
        let (_, value) = self.raw().find(|(other, _)| other.eq_ignore_ascii_case(name.as_bytes()))?;
        Some(unquote(value.unwrap_or_default()))
    }

    /// Whether there is one of this name.
    pub fn has(&self, name: &str) -> bool {
        self.get(name).is_some()
    }

    /// All of them: name, and value without quotes.
    pub fn iter(&self) -> impl Iterator<Item = (&'a [u8], Option<&'a [u8]>)> + use<'a> {
        self.raw().map(|(name, value)| (name, value.map(unquote)))
    }

    /// As they came, with the `;` before the first.
    pub fn as_bytes(&self) -> &'a [u8] {
        self.0
    }

    pub(super) fn raw(&self) -> Pieces<'a> {
        Pieces(self.0)
    }

    /// Whether this is `;name[=value]` throughout: no empty parameter, no quote left open,
    /// nothing after a value.
    pub(super) fn are_sound(&self) -> bool {
        let mut rest = trim_start(self.0);
        while let [b';', tail @ ..] = rest {
            let (name, tail) = take(trim_start(tail), TOKEN);
            if name.is_empty() {
                return false;
            }
            rest = trim_start(tail);
            if let [b'=', tail @ ..] = rest {
                let tail = trim_start(tail);
                let len = match tail.first() {
                    Some(b'"') => quoted_len(tail),
                    _ => Some(take(tail, VALUE).0.len()),
                };
                match len {
                    None | Some(0) => return false,
                    Some(len) => rest = trim_start(after(tail, len)),
                }
            }
        }
        rest.is_empty()
    }
}

/// The length of the value at the front; `None` if its quote is never closed.
fn value_len(bytes: &[u8]) -> Option<usize> {
    if bytes.first() == Some(&b'"') {
        return quoted_len(bytes);
    }
    let ends = |byte: &u8| matches!(byte, b';' | b' ' | b'\t' | b'\r' | b'\n');
    Some(bytes.iter().position(ends).unwrap_or(bytes.len()))
}

/// The parameters one by one.
#[derive(Clone, Debug)]
pub(super) struct Pieces<'a>(&'a [u8]);

impl<'a> Iterator for Pieces<'a> {
    type Item = Raw<'a>;

    #[inline]
    fn next(&mut self) -> Option<Raw<'a>> {
        loop {
            let piece = after(self.0, piece_start(self.0)?);
            let end = piece.iter().position(|byte| matches!(byte, b';' | b'=')).unwrap_or(piece.len());
            let name = trim(between(piece, 0, end));
            if piece.get(end) != Some(&b'=') {
                self.0 = after(piece, end);
                if name.is_empty() {
                    continue;
                }
                return Some((name, None));
            }
            let value = trim_start(after(piece, end + 1));
            let len = value_len(value).unwrap_or(value.len());
            self.0 = after(value, len);
            return Some((name, Some(between(value, 0, len))));
        }
    }
}

/// Where the next parameter begins: after the `;`.
fn piece_start(bytes: &[u8]) -> Option<usize> {
    match bytes.first()? {
        b';' => Some(1),
        _ => memchr::memchr(b';', bytes).map(|at| at + 1),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reads_leniently_and_judges_strictly() {
        let spaced = Params::of(b" ; newparam =\r\n newvalue ;\r\n second ; q = 0.33;d=\"a;\\\"b\"");
        assert!(spaced.are_sound());
        assert_eq!(spaced.get("NewParam"), Some(&b"newvalue"[..]));
        assert_eq!(spaced.get("second"), Some(&b""[..]));
        assert_eq!(spaced.get("q"), Some(&b"0.33"[..]));
        assert_eq!(spaced.get("d"), Some(&b"a;\\\"b"[..]));
        assert_eq!(spaced.iter().count(), 4);
        let odd = Params::of(b";;,;a=1;");
        assert!(!odd.are_sound());
        assert_eq!(odd.get("a"), Some(&b"1"[..]));
        for bad in [";", ";;a", ";a=", ";a b", ";a=\"x", "a", ";a=1 2", ";=1"] {
            assert!(!Params::of(bad.as_bytes()).are_sound(), "{bad}");
        }
    }
}
