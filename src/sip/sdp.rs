//! A look at a session description: which media there are, and which way they flow.
//!
//! Only a look: bodies pass unchanged, and what is not asked here is not read. Lenient, because
//! what matters of an offer is between the phones.
//!
//! Implements: RFC 8866 §5, §5.14, §6.7; RFC 3264 §5.1, §8.2 (port 0), §8.4 (hold).

use super::chars::{small, split_once, trim};
use super::item::word;

/// A session description.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Sdp<'a>(&'a [u8]);

/// One medium of it.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Media<'a> {
    /// `audio`, `video`, `image`, `message`, …
    pub kind: &'a [u8],
    /// The port; 0 is a refusal.
    pub port: u16,
    /// `RTP/AVP`, `UDP/TLS/RTP/SAVPF`, `udptl`, …
    pub protocol: &'a [u8],
    /// The formats, separated by spaces.
    pub formats: &'a [u8],
    /// Which way it flows.
    pub direction: Direction,
}

/// Which way a medium flows, seen from who wrote it.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug, Default)]
pub enum Direction {
    /// Both ways.
    #[default]
    SendRecv,
    /// From here only.
    SendOnly,
    /// To here only.
    RecvOnly,
    /// Neither.
    Inactive,
}

impl Direction {
    fn of(attribute: &[u8]) -> Option<Self> {
        match attribute {
            b"sendrecv" => Some(Self::SendRecv),
            b"sendonly" => Some(Self::SendOnly),
            b"recvonly" => Some(Self::RecvOnly),
            b"inactive" => Some(Self::Inactive),
            _ => None,
        }
    }
}

impl Media<'_> {
    /// Whether it is wanted at all.
    pub fn is_on(&self) -> bool {
        self.port != 0
    }
}

impl<'a> Sdp<'a> {
    /// Looks at a body; `None` if it does not begin as a session description does.
    pub fn parse(body: &'a [u8]) -> Option<Self> {
        body.starts_with(b"v=").then_some(Self(body))
    }

    /// The media in order.
    pub fn media(&self) -> impl Iterator<Item = Media<'a>> + use<'a> {
        let mut lines = lines(self.0);
        let session = direction(&mut lines.clone()).unwrap_or_default();
        std::iter::from_fn(move || {
            loop {
                let (kind, value) = lines.next()?;
                if kind != b'm' {
                    continue;
                }
                let (kind, rest) = word(value);
                let (port, rest) = word(rest);
                let (protocol, formats) = word(rest);
                let port = split_once(port, b'/').map_or(port, |(port, _)| port);
                let direction = direction(&mut lines.clone()).unwrap_or(session);
                return Some(Media { kind, port: small(port).unwrap_or(0), protocol, formats, direction });
            }
        })
    }

    /// The answer that refuses every medium of this offer (RFC 3264 §6): for an ACK that has to
    /// answer, of a call that nobody wants any more.
    pub fn refusal(&self) -> Vec<u8> {
        let mut answer = b"v=0\r\no=- 0 0 IN IP4 0.0.0.0\r\ns=-\r\nc=IN IP4 0.0.0.0\r\nt=0 0\r\n".to_vec();
        for media in self.media() {
            for part in [b"m=", media.kind, b" 0 ", media.protocol, b" ", trim(media.formats), b"\r\n"] {
                answer.extend_from_slice(part);
            }
        }
        answer
    }

    /// Whether a medium of this kind is wanted.
    pub fn has(&self, kind: &str) -> bool {
        self.media().any(|media| media.is_on() && media.kind == kind.as_bytes())
    }

    /// Whether this puts the other on hold: there is a medium, and none of them listens.
    pub fn is_hold(&self) -> bool {
        let mut any = false;
        let silent = self.media().filter(Media::is_on).all(|media| {
            any = true;
            matches!(media.direction, Direction::SendOnly | Direction::Inactive)
        });
        any && silent
    }
}

/// The direction among the lines before the next medium.
fn direction<'a>(lines: &mut impl Iterator<Item = (u8, &'a [u8])>) -> Option<Direction> {
    lines.take_while(|(kind, _)| *kind != b'm').find_map(|(kind, value)| match kind {
        b'a' => Direction::of(value),
        _ => None,
    })
}

/// The lines as type and value.
fn lines(body: &[u8]) -> impl Iterator<Item = (u8, &[u8])> + Clone {
    body.split(|byte| *byte == b'\n').filter_map(|line| match line {
        [kind, b'=', value @ ..] => Some((*kind, trim(value))),
        _ => None,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn media_and_directions() {
        let body = b"v=0\r\no=- 1 1 IN IP4 192.0.2.1\r\ns=-\r\na=sendonly\r\nt=0 0\r\n\
            m=audio 49170/2 RTP/AVP 0 8\r\na=rtpmap:0 PCMU/8000\r\n\
            m=video 0 RTP/AVP 31\r\na=inactive\r\nm=image 9 udptl t38\r\na=recvonly\r\n";
        let sdp = Sdp::parse(body).unwrap();
        let media: Vec<_> = sdp.media().map(|m| (m.kind, m.port, m.direction)).collect();
        assert_eq!(
            media,
            [
                (&b"audio"[..], 49170, Direction::SendOnly),
                (b"video", 0, Direction::Inactive),
                (b"image", 9, Direction::RecvOnly)
            ]
        );
        assert!(sdp.has("audio") && !sdp.has("video") && !sdp.is_hold());
        assert!(Sdp::parse(b"v=0\nm=audio 9 RTP/AVP 0\na=inactive").unwrap().is_hold());
        assert_eq!(Sdp::parse(b"<xml>"), None);
    }
}
