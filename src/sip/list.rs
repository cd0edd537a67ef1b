//! Lists: the comma-separated elements of a header value.
//!
//! A comma inside quotes or inside `<…>` separates nothing. Empty elements are left out here;
//! where they are a fault, `check` says so.
//!
//! Implements: RFC 3261 §7.3.1.

use super::chars::{after, between, quoted_len, trim};

/// The elements of one header value.
#[derive(Clone, Debug)]
pub struct Elements<'a> {
    rest: Option<&'a [u8]>,
}

/// The comma-separated elements of `value`, trimmed, none of them empty.
pub fn elements(value: &[u8]) -> Elements<'_> {
    Elements { rest: Some(value) }
}

impl<'a> Elements<'a> {
    /// The next element, be it empty.
    pub(super) fn next_raw(&mut self) -> Option<&'a [u8]> {
        let rest = self.rest?;
        let end = element_len(rest);
        self.rest = (end < rest.len()).then(|| after(rest, end + 1));
        Some(trim(between(rest, 0, end)))
    }
}

impl<'a> Iterator for Elements<'a> {
    type Item = &'a [u8];

    fn next(&mut self) -> Option<&'a [u8]> {
        loop {
            let element = self.next_raw()?;
            if !element.is_empty() {
                return Some(element);
            }
        }
    }
}

/// The length of the first element: to the comma, or to the end.
pub(super) fn element_len(value: &[u8]) -> usize {
    let mut at = 0;
    loop {
        let Some(step) = memchr::memchr3(b',', b'"', b'<', after(value, at)) else {
            return value.len();
        };
        at += step;
        let rest = after(value, at);
        let skipped = match rest.first() {
            Some(b'"') => quoted_len(rest),
            Some(b'<') => memchr::memchr(b'>', rest).map(|len| len + 1),
            _ => return at,
        };
        // What is never closed reaches to the end.
        let Some(skipped) = skipped else { return value.len() };
        at += skipped;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn commas_in_quotes_and_brackets() {
        let all = |text: &'static str| elements(text.as_bytes()).collect::<Vec<_>>();
        assert_eq!(all("a , b,,c,"), [b"a", b"b", b"c"]);
        assert_eq!(all(r#""x, \" y" <sip:a,b@c>;q=1 , *"#), [&br#""x, \" y" <sip:a,b@c>;q=1"#[..], b"*"]);
        assert_eq!(all(" , "), Vec::<&[u8]>::new());
        assert_eq!(all("\"open, a"), [b"\"open, a"]);
    }
}
