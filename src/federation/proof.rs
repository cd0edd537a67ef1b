//! Proving to another cluster who we are: the client's half of digest.
//!
//! What a peer asked for last is kept and answered in advance with the next count, so that usually
//! a request goes once. The account is our cluster's name, the realm the peer's; a challenge for
//! any other realm, or for an algorithm that we do not offer ourselves, is left alone.
//!
//! Implements: RFC 3261 §22.2, §22.3; RFC 7616 §3.4, §3.6; RFC 8760 §2.4.

use crate::base::{Cid, Rng};
use crate::config::{Algorithm as Offered, Peer, Settings};
use crate::sip::digest::{Algorithm, Challenge, Hex, ha1};
use crate::sip::{Message, Name};

/// What one peer wants proved, and with what it is.
#[derive(Debug)]
pub(super) struct Proof {
    md5: Hex,
    sha256: Hex,
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
        let ha1 = |algorithm| {
            let (user, realm) = (own.as_str().as_bytes(), peer.cid.as_str().as_bytes());
            ha1(algorithm, user, realm, peer.secret.expose().as_bytes())
        };
        Self { md5: ha1(Algorithm::Md5), sha256: ha1(Algorithm::Sha256), known: None }
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
        let secret = if known.algorithm == Algorithm::Md5 { &self.md5 } else { &self.sha256 };
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
    pub(super) fn learn(&mut self, settings: &Settings, realm: &Cid, response: &Message) -> bool {
        let (challenges, header) = match response.status() {
            401 => (Name::WwwAuthenticate, Name::Authorization),
            _ => (Name::ProxyAuthenticate, Name::ProxyAuthorization),
        };
        let ours = |challenge: &Challenge<'_>| {
            challenge.realm.eq_ignore_ascii_case(realm.as_str()) && speaks(settings, challenge.algorithm)
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
pub(super) fn speaks(settings: &Settings, algorithm: Algorithm) -> bool {
    settings.digest.iter().any(|offered| {
        matches!((offered, algorithm), (Offered::Md5, Algorithm::Md5) | (Offered::Sha256, Algorithm::Sha256))
    })
}
