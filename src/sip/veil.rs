//! What a session description says of its author, and nobody needs for the session.
//!
//! The names and addresses of his machine in `o=`, a subject, an e-mail address and telephone number, the
//! program that he uses. Where media are to be sent to has to stay as it is (`c=`, `m=`, `a=candidate`, …).
//!
//! Implements: RFC 8866 §5.2 (an origin that tells nothing), §5.3, §5.4, §5.5, §5.6; RFC 3323 §5.2 (as far as it
//! can be hidden without passing on the media).

use super::item::word;

/// The address that stands for none, as browsers write it.
const NOWHERE: &[u8] = b" IN IP4 0.0.0.0";

/// A session description without that; `None` if there is nothing to hide in it, or it is none. What is
/// no line of one (a letter, `=`, a value) is left out too: some phone might read it nevertheless.
pub(super) fn veiled(session: &[u8]) -> Option<Vec<u8>> {
    if !is_readable(session) {
        return None;
    }
    let mut out = Vec::with_capacity(session.len());
    for (text, end) in lines(session) {
        match text {
            [b'o', b'=', origin @ ..] => {
                let (_, rest) = word(origin);
                let (id, rest) = word(rest);
                let (version, _) = word(rest);
                for piece in [b"o=- ", number(id), b" ", number(version), NOWHERE, end] {
                    out.extend_from_slice(piece);
                }
            }
            [b's', b'=', ..] => {
                out.extend_from_slice(b"s=-");
                out.extend_from_slice(end);
            }
            [b'i' | b'u' | b'e' | b'p', b'=', ..] => {}
            [b'a', b'=', attribute @ ..] if is_tool(attribute) => {}
            [b'a'..=b'z', b'=', ..] => {
                out.extend_from_slice(text);
                out.extend_from_slice(end);
            }
            _ => {}
        }
    }
    (out != session).then_some(out)
}

/// Whether anybody could read it as a session description: there is at least a line of one.
pub(super) fn is_readable(session: &[u8]) -> bool {
    session.starts_with(b"v=") || lines(session).any(|(text, _)| matches!(text, [b'a'..=b'z', b'=', ..]))
}

/// The lines of a text and their ends: a line feed, a carriage return, or both.
fn lines(mut text: &[u8]) -> impl Iterator<Item = (&[u8], &[u8])> {
    std::iter::from_fn(move || {
        let (line, rest) = text.split_at(memchr::memchr2(b'\r', b'\n', text).unwrap_or(text.len()));
        let (end, rest) = rest.split_at(if rest.starts_with(b"\r\n") { 2 } else { rest.len().min(1) });
        text = rest;
        (!line.is_empty() || !end.is_empty()).then_some((line, end))
    })
}

/// A session's number or version, which are digits.
fn number(text: &[u8]) -> &[u8] {
    if !text.is_empty() && text.iter().all(u8::is_ascii_digit) { text } else { b"0" }
}

fn is_tool(attribute: &[u8]) -> bool {
    let name = attribute.split(|byte| *byte == b':').next().unwrap_or_default();
    name.trim_ascii().eq_ignore_ascii_case(b"tool")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_author_is_veiled() {
        let veil = |text: &str| veiled(text.as_bytes()).map(|out| String::from_utf8(out).unwrap());
        assert_eq!(
            veil(
                "v=0\r\no=anne 7 8 IN IP6 2001:db8::1\r\ns=Anne calls\r\ni=x\r\nu=http://a\r\ne=a@b\r\np=+354\r\n\
                 c=IN IP4 192.0.2.1\r\nt=0 0\r\na=tool:phone 1\r\nm=audio 9 RTP/AVP 0\r\ni=her desk\r\na=sendrecv\r\n"
            )
            .as_deref(),
            Some(
                "v=0\r\no=- 7 8 IN IP4 0.0.0.0\r\ns=-\r\nc=IN IP4 192.0.2.1\r\nt=0 0\r\nm=audio 9 RTP/AVP 0\r\n\
                 a=sendrecv\r\n"
            )
        );
        assert_eq!(veil("v=0\no=x 1 1 IN IP4 h\ns=-").as_deref(), Some("v=0\no=- 1 1 IN IP4 0.0.0.0\ns=-"));
        assert_eq!(veil("v=0\r\no=- 1 1 IN IP4 0.0.0.0\r\ns=-\r\n"), None, "nothing to hide");
        assert_eq!(veil("v=0\r\no=\r\n").as_deref(), Some("v=0\r\no=- 0 0 IN IP4 0.0.0.0\r\n"));
        assert_eq!(veil("no session"), None);
        assert_eq!(veil("\0\0"), None);
    }

    #[test]
    fn no_odd_line_lifts_the_veil() {
        let veil = |text: &str| veiled(text.as_bytes()).map(|out| String::from_utf8(out).unwrap());
        for odd in [
            "\r\no=anne 1 1 IN IP4 her.house\r\nv=0\r\n",
            "v=0\r\n o=anne 1 1 IN IP4 her.house\r\n",
            "v=0\r\nO=anne 1 1 IN IP4 her.house\r\n",
            "v=0\ro=anne 1 1 IN IP4 her.house\rs=anne\r",
            "o=anne 1 1 IN IP4 her.house\n",
            "v=0\r\ns =anne\r\n",
            "v=0\r\na=TOOL:anne\r\na=tool :anne\r\na= tool:anne\r\na=tool\r\n",
            "v=0\r\no=anne anne anne her.house\r\n",
            "anne\r\nv=0\r\n",
        ] {
            let out = veil(odd).unwrap();
            assert!(
                !out.contains("anne") && !out.contains("house") && !out.contains("tool"),
                "{odd:?}: {out:?}"
            );
        }
    }
}
