//! A look at a session description: which media there are, and which way they flow.
//!
//! Only a look: what is not asked here is not read, and what a body says of its author is taken out in `veil`. Lenient, because
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

/// The beginning of an answer from nowhere.
const NOWHERE: &[u8] = b"v=0\r\no=- 0 0 IN IP4 0.0.0.0\r\ns=-\r\nc=IN IP4 0.0.0.0\r\nt=0 0\r\n";
/// The port that stands where nothing is to be sent to.
const DISCARD: u16 = 9;

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

    /// Writes its line with another port.
    fn write(&self, port: u16, out: &mut Vec<u8>) {
        let port = port.to_string();
        let parts =
            [b"m=", self.kind, b" ", port.as_bytes(), b" ", self.protocol, b" ", trim(self.formats), b"\r\n"];
        for part in parts {
            out.extend_from_slice(part);
        }
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
        let mut answer = NOWHERE.to_vec();
        self.media().for_each(|media| media.write(0, &mut answer));
        answer
    }

    /// The answer that takes the media of this offer and lets nothing flow (RFC 3264 §6.1), for somebody
    /// whose own session comes later. Media with keys or a transport of their own are refused: whoever
    /// takes them has to have those.
    pub fn held(&self) -> Vec<u8> {
        let mut answer = NOWHERE.to_vec();
        let mut lines = lines(self.0).skip_while(|(kind, _)| *kind != b'm').peekable();
        for media in self.media() {
            lines.next();
            let is_plain = media.is_on() && matches!(media.protocol, b"RTP/AVP" | b"RTP/AVPF");
            media.write(if is_plain { DISCARD } else { 0 }, &mut answer);
            while let Some((kind, value)) = lines.next_if(|(kind, _)| *kind != b'm') {
                let maps = value.starts_with(b"rtpmap:") || value.starts_with(b"fmtp:");
                if is_plain && kind == b'a' && maps {
                    for part in [b"a=", value, b"\r\n"] {
                        answer.extend_from_slice(part);
                    }
                }
            }
            if is_plain {
                answer.extend_from_slice(b"a=inactive\r\n");
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

    /// What could flow is taken and does not flow; what needs keys of one's own is refused.
    #[test]
    fn an_answer_from_nowhere() {
        let body = b"v=0\r\no=- 1 1 IN IP4 192.0.2.1\r\ns=-\r\nc=IN IP4 192.0.2.1\r\na=ice-lite\r\nt=0 0\r\n\
            m=audio 49170 RTP/AVP 0 96\r\na=rtpmap:96 opus/48000/2\r\na=sendrecv\r\n\
            m=video 5004 RTP/SAVPF 97\r\na=rtpmap:97 VP8/90000\r\nm=audio 0 RTP/AVP 8\r\n";
        let sdp = Sdp::parse(body).unwrap();
        let text = |answer: Vec<u8>| String::from_utf8(answer[NOWHERE.len()..].to_vec()).unwrap();
        assert_eq!(
            text(sdp.held()),
            "m=audio 9 RTP/AVP 0 96\r\na=rtpmap:96 opus/48000/2\r\na=inactive\r\n\
             m=video 0 RTP/SAVPF 97\r\nm=audio 0 RTP/AVP 8\r\n"
        );
        assert_eq!(
            text(sdp.refusal()),
            "m=audio 0 RTP/AVP 0 96\r\nm=video 0 RTP/SAVPF 97\r\nm=audio 0 RTP/AVP 8\r\n"
        );
    }
}
