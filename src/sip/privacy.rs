//! What the sender of a message asks to be kept from others.
//!
//! Implements: RFC 3323 §4.1.1.3, §4.2; RFC 3325 §9.3; RFC 7044 §7.2.1 (history).

use super::message::Message;
use super::name::Name;
use super::uri::Uri;

/// The kinds of privacy that a message asks for, by its Privacy header and its From.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
#[expect(clippy::struct_excessive_bools, reason = "each is a wish of its own, in any combination")]
pub struct Privacy {
    /// Not who he is: `user`, `id`, `header`, a kind that we do not know, or a From that is anonymous.
    pub sender: bool,
    /// Not what he writes about himself and the call, either: `user`, `header`, or a kind that we do not know.
    pub details: bool,
    /// Not where his media come from.
    pub session: bool,
    /// Not how the call has come there: `history`, `header`, `session`.
    pub history: bool,
    /// Whether there is a kind that we do not know.
    pub unknown: bool,
    /// Whether the message is rather to fail than to go on without.
    pub critical: bool,
}

impl Privacy {
    /// What a message asks for. `none` asks for nothing, and takes nothing back (RFC 3323 §4.2).
    pub fn of(message: &Message) -> Self {
        let mut asked = Self::default();
        for word in
            message.lines(Name::Privacy).flat_map(|line| line.split(|byte| matches!(byte, b';' | b',')))
        {
            asked.add(&word.trim_ascii().to_ascii_lowercase());
        }
        let from = message.from().and_then(|from| Uri::parse(from.uri).ok());
        asked.sender |= from.is_some_and(|uri| uri.is_anonymous());
        asked
    }

    fn add(&mut self, word: &[u8]) {
        match word {
            b"" | b"none" => {}
            b"critical" => self.critical = true,
            b"id" => self.sender = true,
            b"session" => (self.session, self.history) = (true, true),
            b"history" => self.history = true,
            b"user" => (self.sender, self.details) = (true, true),
            b"header" => (self.sender, self.details, self.history) = (true, true, true),
            // Whatever it is, more is hidden rather than less.
            _ => (self.sender, self.details, self.unknown) = (true, true, true),
        }
    }

    /// Whether the message would rather fail than have what we cannot give (RFC 3323 §5): the address of
    /// media that do not pass through us is seen, and we do not know what an unknown kind would hide.
    pub fn is_beyond_us(self) -> bool {
        self.critical && (self.session || self.unknown)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::base::Limits;

    fn asked(from: &str, privacy: &str) -> Privacy {
        let text = format!(
            "INVITE sip:b@c SIP/2.0\r\nVia: SIP/2.0/UDP a;branch=z9hG4bKx\r\nFrom: <{from}>;tag=1\r\nTo: <sip:b@c>\r\n\
             Call-ID: x\r\nCSeq: 1 INVITE\r\nContact: <sip:a@a>\r\n{privacy}\r\n"
        );
        Privacy::of(&Message::parse(text.into(), &Limits::default()).unwrap())
    }

    #[test]
    fn kinds_of_privacy() {
        let of = |words: &str| {
            let own = asked("sip:anne@north.test", &format!("Privacy: {words}\r\n"));
            let marks = [
                (own.sender, "sender"),
                (own.details, "details"),
                (own.session, "session"),
                (own.history, "history"),
                (own.is_beyond_us(), "beyond us"),
            ];
            marks.into_iter().filter(|(is, _)| *is).map(|(_, mark)| mark).collect::<Vec<_>>().join(" ")
        };
        assert_eq!(of("none"), "");
        assert_eq!(of("id"), "sender");
        assert_eq!(of("ID ; critical"), "sender");
        assert_eq!(of("user"), "sender details");
        assert_eq!(of("header,critical"), "sender details history");
        assert_eq!(of("session"), "session history");
        assert_eq!(of("session;critical"), "session history beyond us");
        assert_eq!(of("history"), "history");
        assert_eq!(of("wings"), "sender details");
        assert_eq!(of("id;wings;critical"), "sender details beyond us");
        assert_eq!(of("none;;"), "");
        assert_eq!(asked("sip:anne@north.test", ""), Privacy::default());
        assert!(asked("sip:Anonymous@anonymous.invalid", "").sender);
        let two = asked("sip:anne@north.test", "Privacy: id\r\nPrivacy: session\r\n");
        assert!(two.sender && two.session);
    }
}
