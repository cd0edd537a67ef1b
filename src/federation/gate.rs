//! Who comes from another cluster: by its certificate, or the server's half of digest on a federation
//! listener.
//!
//! A stranger, a peer with a wrong secret and a cluster that is not configured get the same
//! challenge and learn nothing. A proof is for one Request-URI, which also decides which user server
//! a request comes to: so a count that was used can be used again nowhere, though every user server
//! keeps its own memory of counts.
//!
//! Implements: RFC 3261 §22.3, §26.3.2.2; RFC 7616 §3.3, §3.4, §5.5; RFC 8760; RFC 5922 §7.4.

use std::hash::{DefaultHasher, Hasher};

use crate::base::{Cid, Now, PeerId};
use crate::config::{Algorithm as Offered, Peer, Secret, Settings, Trust};
use crate::effect::{Ctx, Flow};
use crate::sip::digest::{
    Algorithm, Challenge, Credentials, Hex, Judged, Nonces, Use, Uses, first_cseq, ha1,
};
use crate::sip::{Message, Name, NameAddr, Uri, Writer};

use super::book::Peers;
use super::proof::speaks;

/// Nonces of one peer that are remembered at once: it has up to 64 user servers, each with its own,
/// and each gets a new one every few minutes.
const WINDOWS: usize = 256;

/// The gate: one for all peers.
#[derive(Debug)]
pub(super) struct Gate {
    nonces: Nonces,
    thread_key: u64,
    /// Checked in place of a peer that does not exist, so that it takes as long.
    nobody: Hex,
}

/// What one peer proves itself with, and which proofs it has used.
#[derive(Debug)]
pub(super) struct Account {
    /// The hashes of its secret, MD5 and SHA-256; none for one that shows a certificate.
    secrets: Option<[Hex; 2]>,
    uses: Uses,
}

/// What a request says about the cluster it comes from.
#[derive(Debug)]
pub struct Claim<'m> {
    /// The cluster, as it calls itself.
    pub account: String,
    peer: Option<PeerId>,
    credentials: Credentials<'m>,
}

impl Claim<'_> {
    /// The proof.
    pub fn credentials(&self) -> &Credentials<'_> {
        &self.credentials
    }
}

/// What a claim turns out to be.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Admission {
    /// True.
    Granted(Pass),
    /// Not decided: it is to try again with a new nonce.
    Again {
        /// Whether the secret may well be right, and only the nonce was old.
        stale: bool,
    },
    /// A wrong secret, or a cluster that is not configured.
    Wrong,
    /// The proof is for another request: 400.
    OtherUri,
}

/// A right proof.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Pass {
    /// Who has proved itself.
    pub peer: PeerId,
    /// The nonce and its count, to be used once; a connection is proved once for all that comes by it.
    once: Option<((u64, u64), u32)>,
}

impl Gate {
    pub(super) fn new(settings: &Settings) -> Self {
        let door = format!("federation {}", settings.cid);
        let nonces = Nonces::new(&settings.key, &door, settings.epoch, settings.limits.nonce_s);
        let mut hasher = DefaultHasher::new();
        hasher.write(door.as_bytes());
        hasher.write(&settings.key);
        let nobody = ha1(Algorithm::Sha256, b"", b"", &settings.key);
        Self { nonces, thread_key: hasher.finish(), nobody }
    }

    /// A word that requests of one Call-ID and From tag share.
    fn thread(&self, request: &Message) -> u32 {
        let mut hasher = DefaultHasher::new();
        hasher.write_u64(self.thread_key);
        hasher.write(request.call_id());
        hasher.write(request.from_tag());
        u32::try_from(hasher.finish() >> 32).unwrap_or(0)
    }
}

impl Account {
    pub(super) fn new(own: &Cid, peer: &Peer) -> Self {
        let ha1 = |secret: &Secret, algorithm| {
            let (user, realm) = (peer.cid.as_str().as_bytes(), own.as_str().as_bytes());
            ha1(algorithm, user, realm, secret.expose().as_bytes())
        };
        let secrets = |secret| [Algorithm::Md5, Algorithm::Sha256].map(|algorithm| ha1(secret, algorithm));
        Self { secrets: peer.trust.secret().map(secrets), uses: Uses::default() }
    }

    fn secret(&self, algorithm: Algorithm) -> Option<&Hex> {
        let [md5, sha256] = self.secrets.as_ref()?;
        match algorithm {
            Algorithm::Md5 => Some(md5),
            Algorithm::Sha256 => Some(sha256),
            Algorithm::Sha512_256 => None,
        }
    }
}

impl Peers {
    /// What a request says about where it comes from; `None` if nothing that could be checked.
    pub fn claim<'m>(&self, settings: &Settings, request: &'m Message) -> Option<Claim<'m>> {
        let credentials = request
            .lines(Name::ProxyAuthorization)
            .chain(request.lines(Name::Authorization))
            .filter_map(|line| Credentials::parse(line).ok())
            .find(|credentials| {
                credentials.realm.eq_ignore_ascii_case(settings.cid.as_str().as_bytes())
                    && speaks(&settings.digest, credentials.algorithm)
            })?;
        let account = credentials.username_text().to_ascii_lowercase();
        Some(Claim { peer: self.find(&account), account, credentials })
    }

    /// Checks a claim. Nothing is used up by it.
    pub fn check(&self, (now, source): (Now, Flow), request: &Message, claim: &Claim<'_>) -> Admission {
        let credentials = &claim.credentials;
        let judged = self.gate.nonces.judge(now, source.remote.ip(), credentials.nonce);
        let Judged::Good { issued_ms, id } = judged else {
            return Admission::Again { stale: judged == Judged::Stale };
        };
        if !covers(request, credentials.uri) {
            return Admission::OtherUri;
        }
        let account = claim.peer.and_then(|peer| self.account(peer));
        let secret = account.and_then(|account| account.secret(credentials.algorithm));
        let proved = credentials.prove(secret.unwrap_or(&self.gate.nobody), request.method_bytes());
        match (claim.peer, proved && secret.is_some()) {
            (Some(peer), true) => {
                let count = credentials.count().unwrap_or(0);
                Admission::Granted(Pass { peer, once: Some(((id, issued_ms), count)) })
            }
            (Some(_) | None, _) => Admission::Wrong,
        }
    }

    /// The peer that a request comes from, by the domains that the far end of its connection has proved to
    /// be of. One certificate may stand for several clusters: then whoever is asserted says which.
    pub fn certified(&self, domains: &[Cid], request: &Message) -> Option<Pass> {
        let peers = || domains.iter().filter_map(|domain| self.find(domain.as_str()));
        let mut known = peers().filter(|peer| self.is_certified(*peer));
        let asserted = request.values(Name::PAssertedIdentity).next().and_then(NameAddr::parse);
        let speaker = asserted.or_else(|| request.from()).and_then(|address| Uri::parse(address.uri).ok());
        let speaks = |peer: &PeerId| {
            let cid = self.cid(*peer).map(Cid::as_str);
            cid.zip(speaker).is_some_and(|(cid, uri)| uri.host_text().eq_ignore_ascii_case(cid))
        };
        let first = known.next()?;
        let peer = std::iter::once(first).chain(known).find(speaks).unwrap_or(first);
        Some(Pass { peer, once: None })
    }

    /// Whether a peer proves itself by its certificate, and by nothing else.
    pub fn is_certified(&self, id: PeerId) -> bool {
        self.entry(id).is_some_and(|entry| entry.peer.trust == Trust::Certificate)
    }

    /// Uses a proof; false if it was used before, or if nobody can tell any more.
    pub fn admit(&mut self, pass: &Pass) -> bool {
        let Some((nonce, count)) = pass.once else { return true };
        let account = self.account_mut(pass.peer);
        account.is_some_and(|account| account.uses.take(WINDOWS, nonce, count) == Use::First)
    }

    /// Writes the challenges into a 407.
    pub fn challenge(
        &self,
        ctx: &mut Ctx<'_>,
        source: Flow,
        request: &Message,
        stale: bool,
        writer: &mut Writer,
    ) {
        let word = self.first_cseq(ctx.settings, request) ^ self.gate.thread(request);
        let nonce = self.gate.nonces.mint(ctx.now, source.remote.ip(), word, ctx.rng);
        for offered in &ctx.settings.digest {
            let algorithm = match offered {
                Offered::Md5 => Algorithm::Md5,
                Offered::Sha256 => Algorithm::Sha256,
            };
            let realm = ctx.settings.cid.as_str();
            let challenge = Challenge { realm, nonce: &nonce, algorithm, stale, opaque: "" };
            writer.text(Name::ProxyAuthenticate, format_args!("{challenge}"));
        }
    }

    /// The CSeq that a request had before it was challenged for the first time: with its Call-ID it
    /// tells a page from all others.
    pub fn first_cseq(&self, settings: &Settings, request: &Message) -> u32 {
        let claim = self.claim(settings, request);
        let credentials = claim.as_ref().map(|claim| &claim.credentials);
        first_cseq(request, credentials, self.gate.thread(request))
    }
}

/// Whether a proof for `uri` is one for this request: it names the same Request-URI.
fn covers(request: &Message, uri: &[u8]) -> bool {
    if uri == request.request_uri() {
        return true;
    }
    match (Uri::parse(uri), Uri::parse(request.request_uri())) {
        (Ok(named), Ok(asked)) => named.same_as(&asked),
        _ => false,
    }
}
