//! When are two requests one? The keys of server transactions.
//!
//! A transaction lives for half a minute after its request was answered, and there are thousands of them. What
//! they are found by is all that is kept of the request: two keyed hashes of 128 bits, of which no two are equal
//! by chance, and nobody who does not know the key can make two equal.
//!
//! Implements: RFC 3261 §17.2.3 (with and without the branch cookie), §8.2.2.2 (merged requests).

use std::hash::Hasher;

use siphasher::sip128::{Hasher128, SipHasher13};
use smallvec::SmallVec;

use crate::sip::{Message, Method, Name, Via};

/// What every branch of RFC 3261 begins with (§8.1.1.7).
pub(super) const COOKIE: &[u8] = b"z9hG4bK";

/// What a request has in common with those that are the same, and with no other.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Fingerprint(u64, u64);

impl Fingerprint {
    /// Where a hash table looks for it.
    pub(super) fn place(self) -> u64 {
        self.0
    }
}

/// Takes fingerprints.
pub(super) struct Fingerprints {
    key: u64,
}

impl Fingerprints {
    /// With a key that nobody else knows.
    pub(super) fn new(key: u64) -> Self {
        Self { key }
    }

    /// The transaction that a request belongs to, taken as one of `method`: an ACK, and a CANCEL, is of its INVITE's.
    pub(super) fn of_transaction(&self, message: &Message, method: Method) -> Fingerprint {
        self.of_parts(message, method, message.to_tag())
    }

    /// The transaction of the first INVITE of a dialog that an ACK is for: it has the To tag of the answer, which the
    /// INVITE had not. The branch cookie, where there is one, says it alone.
    pub(super) fn of_first_invite(&self, ack: &Message) -> Fingerprint {
        self.of_parts(ack, Method::Invite, b"")
    }

    fn of_parts(&self, message: &Message, method: Method, to_tag: &[u8]) -> Fingerprint {
        let mut hash = self.begin(message, method);
        match message.via().filter(is_of_rfc3261) {
            Some(via) => {
                let host: SmallVec<[u8; 64]> = via.host.iter().map(u8::to_ascii_lowercase).collect();
                hash.part(via.branch).part(&host).number(via.port.map_or(u32::MAX, u32::from));
            }
            None => {
                hash.part(b"").part(message.request_uri()).part(message.call_id());
                hash.part(message.from_tag()).number(message.cseq());
                hash.part(message.values(Name::Via).next().unwrap_or_default()).part(to_tag);
            }
        }
        hash.end()
    }

    /// The request, whatever way it took: the same one that came another way is answered 482.
    pub(super) fn of_request(&self, message: &Message) -> Fingerprint {
        let mut hash = self.begin(message, message.method());
        hash.part(message.call_id()).part(message.from_tag()).number(message.cseq());
        hash.end()
    }

    /// Methods that we have no word for are told apart by their text.
    fn begin(&self, message: &Message, method: Method) -> Hash {
        let mut hash = Hash(SipHasher13::new_with_keys(self.key, 0));
        hash.part(if method == Method::Other { message.method_bytes() } else { method.as_str().as_bytes() });
        hash
    }
}

struct Hash(SipHasher13);

impl Hash {
    /// With its length, so that no two lists of parts read the same.
    fn part(&mut self, bytes: &[u8]) -> &mut Self {
        self.0.write_usize(bytes.len());
        self.0.write(bytes);
        self
    }

    fn number(&mut self, number: u32) -> &mut Self {
        self.0.write_u32(number);
        self
    }

    fn end(self) -> Fingerprint {
        let hash = self.0.finish128();
        Fingerprint(hash.h1, hash.h2)
    }
}

/// Whether its branch says alone which transaction it is of.
pub(super) fn has_cookie(message: &Message) -> bool {
    message.via().is_some_and(|via| is_of_rfc3261(&via))
}

/// The bare cookie identifies nothing (RFC 4475 §3.2.1).
fn is_of_rfc3261(via: &Via<'_>) -> bool {
    via.branch.len() > COOKIE.len() && via.branch.starts_with(COOKIE)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::base::Limits;

    fn message(method: &str, via: &str, to_tag: &str) -> Message {
        let text = format!(
            "{method} sip:carl@north.test SIP/2.0\r\nVia: SIP/2.0/UDP {via}\r\nFrom: <sip:anne@north.test>;tag=f\r\n\
             To: <sip:carl@north.test>{to_tag}\r\nCall-ID: c\r\nCSeq: 1 {method}\r\nMax-Forwards: 70\r\nContent-Length: 0\r\n\r\n"
        );
        Message::parse(text.into(), &Limits::default()).unwrap()
    }

    /// RFC 3261 §17.2.3: with the cookie branch, sent-by and method; without it Request-URI, tags, Call-ID, CSeq and Via.
    #[test]
    fn what_makes_two_requests_one() {
        let prints = Fingerprints::new(7);
        let of = |message: &Message| prints.of_transaction(message, message.method());
        let first = of(&message("INVITE", "h.test:5060;branch=z9hG4bKa", ""));
        assert_eq!(first, of(&message("INVITE", "H.TEST:5060;branch=z9hG4bKa", ";tag=t")));
        for other in ["h.test:5060;branch=z9hG4bKb", "h.test:5061;branch=z9hG4bKa", "h.test;branch=z9hG4bKa"]
        {
            assert_ne!(first, of(&message("INVITE", other, "")), "{other}");
        }
        assert_ne!(first, of(&message("BYE", "h.test:5060;branch=z9hG4bKa", "")));
        assert_eq!(
            first,
            prints.of_transaction(&message("ACK", "h.test:5060;branch=z9hG4bKa", ";tag=t"), Method::Invite)
        );

        let old = |method: &str, to_tag| message(method, "h.test:5060;branch=1", to_tag);
        assert_ne!(of(&old("INVITE", ";tag=t")), of(&old("INVITE", ";tag=u")), "in two dialogs");
        assert_eq!(
            of(&old("INVITE", ";tag=t")),
            prints.of_transaction(&old("ACK", ";tag=t"), Method::Invite),
            "inside a dialog"
        );
        assert_eq!(of(&old("INVITE", "")), prints.of_first_invite(&old("ACK", ";tag=t")), "outside");
    }
}
