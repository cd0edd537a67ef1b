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

/// A session description without that; `None` if there is nothing to hide in it, or it is none.
pub(super) fn veiled(session: &[u8]) -> Option<Vec<u8>> {
    if !session.starts_with(b"v=") {
        return None;
    }
    let mut out = Vec::with_capacity(session.len());
    for line in session.split_inclusive(|byte| *byte == b'\n') {
        let text = line.trim_ascii_end();
        let end = line.get(text.len()..).unwrap_or_default();
        match text {
            [b'o', b'=', origin @ ..] => {
                let (_, rest) = word(origin);
                let (id, rest) = word(rest);
                let (version, _) = word(rest);
                for piece in [b"o=- ", id, b" ", version, NOWHERE, end] {
                    out.extend_from_slice(piece);
                }
            }
            [b's', b'=', ..] => {
                out.extend_from_slice(b"s=-");
                out.extend_from_slice(end);
            }
            [b'i' | b'u' | b'e' | b'p', b'=', ..] => {}
            _ if text.starts_with(b"a=tool:") => {}
            _ => out.extend_from_slice(line),
        }
    }
    (out != session).then_some(out)
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
        assert_eq!(veil("v=0\r\no=\r\n").as_deref(), Some("v=0\r\no=-   IN IP4 0.0.0.0\r\n"));
        assert_eq!(veil("o=anne"), None, "no session");
    }
}
