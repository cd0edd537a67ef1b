//! Proving to another cluster who we are: the client's half of digest.
//!
//! What a peer asked for last is kept and answered in advance with the next count, so that usually
//! a request goes once. The account is our cluster's name, the realm the peer's; a challenge for
//! any other realm, or for an algorithm that we do not offer ourselves, is left alone.
//!
//! Implements: RFC 3261 §22.2, §22.3; RFC 7616 §3.4, §3.6; RFC 8760 §2.4.

use crate::base::{Cid, Rng};
use crate::config::{Algorithm as Offered, Peer, Secret};
use crate::sip::digest::{Algorithm, Challenge, Hex, ha1};
use crate::sip::{Message, Name};

/// What one peer wants proved, and with what it is.
#[derive(Debug)]
pub(super) struct Proof {
    /// The hashes of our secret, MD5 and SHA-256; none for a peer that we show a certificate.
    secrets: Option<[Hex; 2]>,
    known: Option<Known>,
}

/// The latest challenge.
#[derive(Debug)]
struct Known {
    nonce: String,
    opaque: String,
    algorithm: Algorithm,
    /// The header that answers it.
    header: Name,
    count: u32,
}

impl Proof {
    pub(super) fn new(own: &Cid, peer: &Peer) -> Self {
        let ha1 = |secret: &Secret, algorithm| {
            let (user, realm) = (own.as_str().as_bytes(), peer.cid.as_str().as_bytes());
            ha1(algorithm, user, realm, secret.expose().as_bytes())
        };
        let secrets = |secret| [Algorithm::Md5, Algorithm::Sha256].map(|algorithm| ha1(secret, algorithm));
        Self { secrets: peer.trust.secret().map(secrets), known: None }
    }

    /// The header that proves a request in advance; `None` before the first challenge.
    pub(super) fn prove(
        &mut self,
        rng: &mut Rng,
        (own, realm): (&Cid, &Cid),
        (method, uri): (&str, &str),
    ) -> Option<(Name, String)> {
        let known = self.known.as_mut()?;
        known.count += 1;
        let [md5, sha256] = self.secrets.as_ref()?;
        let secret = if known.algorithm == Algorithm::Md5 { md5 } else { sha256 };
        let challenge = Challenge {
            realm: realm.as_str(),
            nonce: &known.nonce,
            algorithm: known.algorithm,
            stale: false,
            opaque: &known.opaque,
        };
        let cnonce = format!("{:016x}", rng.draw());
        let answer = challenge.answer((own.as_str(), secret), (method, uri), (&cnonce, known.count));
        Some((known.header, answer.to_string()))
    }

    /// Takes the first challenge of a response that we can answer; false if there is none.
    pub(super) fn learn(&mut self, digest: &[Offered], realm: &Cid, response: &Message) -> bool {
        let (challenges, header) = match response.status() {
            401 => (Name::WwwAuthenticate, Name::Authorization),
            _ => (Name::ProxyAuthenticate, Name::ProxyAuthorization),
        };
        let ours = |challenge: &Challenge<'_>| {
            self.secrets.is_some()
                && challenge.realm.eq_ignore_ascii_case(realm.as_str())
                && speaks(digest, challenge.algorithm)
        };
        let found = response.lines(challenges).filter_map(Challenge::parse).find(ours);
        self.known = found.map(|challenge| Known {
            nonce: challenge.nonce.to_owned(),
            opaque: challenge.opaque.to_owned(),
            algorithm: challenge.algorithm,
            header,
            count: 0,
        });
        self.known.is_some()
    }
}

/// Whether we prove ourselves with this: what we would not believe, we do not use either.
pub(super) fn speaks(digest: &[Offered], algorithm: Algorithm) -> bool {
    digest.iter().any(|offered| {
        matches!((offered, algorithm), (Offered::Md5, Algorithm::Md5) | (Offered::Sha256, Algorithm::Sha256))
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::base::Limits;
    use crate::config::{Allow, Trust};
    use crate::sip::digest::Credentials;

    const BOTH: &[Offered] = &[Offered::Sha256, Offered::Md5];

    fn peer() -> Peer {
        let trust = Trust::Secret(Secret::new("ours"));
        Peer { cid: Cid::new("south.test"), at: None, trust, allow: Allow::EVERYTHING }
    }

    fn refusal(status: u16, challenges: &[&str]) -> Message {
        let name = if status == 401 { "WWW-Authenticate" } else { "Proxy-Authenticate" };
        let lines: Vec<String> =
            challenges.iter().map(|value| format!("{name}: Digest {value}\r\n")).collect();
        let lines = lines.concat();
        let text = format!(
            "SIP/2.0 {status} No\r\nVia: SIP/2.0/UDP 192.0.2.1;branch=z9hG4bKa\r\nFrom: <sip:a>;tag=a\r\n\
             To: <sip:b>;tag=b\r\nCall-ID: c\r\nCSeq: 1 MESSAGE\r\n{lines}Content-Length: 0\r\n\r\n"
        );
        Message::parse(text.into_bytes().into(), &Limits::default()).unwrap()
    }

    /// What is said to a challenge: the header and the algorithm, or nothing.
    fn says(digest: &[Offered], status: u16, challenges: &[&str]) -> Option<(Name, Algorithm)> {
        let own = Cid::new("north.test");
        let (peer, mut rng) = (peer(), Rng::from_seed(1));
        let mut proof = Proof::new(&own, &peer);
        let uri = "sip:carl@south.test";
        assert!(proof.prove(&mut rng, (&own, &peer.cid), ("MESSAGE", uri)).is_none());
        if !proof.learn(digest, &peer.cid, &refusal(status, challenges)) {
            return None;
        }
        let (name, value) = proof.prove(&mut rng, (&own, &peer.cid), ("MESSAGE", uri)).unwrap();
        let credentials = Credentials::parse(value.as_bytes()).unwrap();
        let secret = ha1(credentials.algorithm, b"north.test", b"south.test", b"ours");
        assert!(credentials.prove(&secret, b"MESSAGE"), "{value}");
        assert_eq!(credentials.count(), Some(1));
        assert_eq!(credentials.uri, uri.as_bytes());
        Some((name, credentials.algorithm))
    }

    #[test]
    fn the_first_challenge_that_we_can_answer_is_answered() {
        const SHA: &str = "realm=\"south.test\",nonce=\"n\",algorithm=SHA-256,qop=\"auth\"";
        const MD5: &str = "realm=\"south.test\",nonce=\"n\",algorithm=MD5,qop=\"auth\"";
        const LONG: &str = "realm=\"south.test\",nonce=\"n\",algorithm=SHA-512-256,qop=\"auth\"";
        const PLAIN: &str = "realm=\"south.test\",nonce=\"n\",qop=\"auth-int,auth\"";
        const OLD: &str = "realm=\"south.test\",nonce=\"n\"";
        const OTHER: &str = "realm=\"west.test\",nonce=\"n\",algorithm=SHA-256,qop=\"auth\"";
        const CASE: &str = "realm=\"South.Test\",nonce=\"n\",algorithm=sha-256,qop=auth";
        const OURS: &str = "realm=\"north.test\",nonce=\"n\",algorithm=SHA-256,qop=\"auth\"";
        let proxy = |algorithm| Some((Name::ProxyAuthorization, algorithm));
        let (sha, md5) = (Algorithm::Sha256, Algorithm::Md5);
        for (digest, challenges, expected) in [
            (BOTH, &[SHA, MD5][..], proxy(sha)),
            (BOTH, &[MD5, SHA], proxy(md5)),
            (&[Offered::Sha256], &[MD5, SHA], proxy(sha)),
            (&[Offered::Sha256], &[MD5], None),
            (&[Offered::Md5], &[SHA], None),
            (BOTH, &[LONG, MD5], proxy(md5)),
            (BOTH, &[PLAIN], proxy(md5)),
            // Without a client nonce the answer could be prepared by whoever asks.
            (BOTH, &[OLD], None),
            (BOTH, &[OTHER], None),
            (BOTH, &[OTHER, SHA], proxy(sha)),
            (BOTH, &[OURS], None),
            (BOTH, &[], None),
        ] {
            assert_eq!(says(digest, 407, challenges), expected, "{digest:?} {challenges:?}");
        }
        assert_eq!(says(BOTH, 401, &[SHA]), Some((Name::Authorization, sha)));
        // In another case the realm is the same, and the answer repeats ours.
        let own = Cid::new("north.test");
        assert!(Proof::new(&own, &peer()).learn(BOTH, &peer().cid, &refusal(407, &[CASE])));
    }

    #[test]
    fn every_answer_counts_on_until_there_is_another_challenge() {
        let (own, peer, mut rng) = (Cid::new("north.test"), peer(), Rng::from_seed(1));
        let mut proof = Proof::new(&own, &peer);
        let mut next = |proof: &mut Proof| {
            let (_, value) = proof.prove(&mut rng, (&own, &peer.cid), ("OPTIONS", "sip:south.test")).unwrap();
            let credentials = Credentials::parse(value.as_bytes()).unwrap();
            (String::from_utf8_lossy(credentials.nonce).into_owned(), credentials.count().unwrap())
        };
        let challenge = |nonce: &str| {
            refusal(407, &[&format!("realm=\"south.test\",nonce=\"{nonce}\",qop=\"auth\",stale=true")])
        };
        assert!(proof.learn(BOTH, &peer.cid, &challenge("one")));
        assert_eq!(next(&mut proof), ("one".to_owned(), 1));
        assert_eq!(next(&mut proof), ("one".to_owned(), 2));
        assert!(proof.learn(BOTH, &peer.cid, &challenge("two")));
        assert_eq!(next(&mut proof), ("two".to_owned(), 1));
        // Asked for what we cannot give, we do not go on with what is no longer believed.
        assert!(!proof.learn(BOTH, &peer.cid, &refusal(407, &[])));
        assert!(
            proof.prove(&mut Rng::from_seed(2), (&own, &peer.cid), ("OPTIONS", "sip:south.test")).is_none()
        );
    }
}
