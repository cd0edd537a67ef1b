//! Who is it? Challenges and what comes back to them.
//!
//! A challenge keeps no state: its nonce tells by itself that it is ours, and its To tag is derived
//! from the request, so that a repeat gets the same answer. Unknown user and wrong password take the
//! same way and the same time.
//!
//! A request that was challenged comes again with a higher CSeq. So that it is known for the same
//! ([`Doors::first_cseq`]), the nonce of its challenge remembers the first.
//!
//! Implements: RFC 3261 §22, §8.2.7; RFC 7616; RFC 8760.

use std::fmt::Write;
use std::hash::{DefaultHasher, Hasher};

use bytes::Bytes;

use crate::base::token::hex;
use crate::base::{Now, Rng, Uid};
use crate::config::{Algorithm as Offered, Settings};
use crate::effect::Flow;
use crate::sip::digest::{Algorithm, Challenge, Credentials, Hex, Judged, Nonces, Use, first_cseq};
use crate::sip::{Message, Method, Name, Uri, Writer};

use super::user::User;

/// Nonces of one user whose uses are remembered, beyond one for each binding that he may have: each phone
/// goes on with its own.
const WINDOWS: usize = 2;
/// How much longer than a request its challenge may be, on a datagram whose source may be forged, for the
/// sake of a further algorithm: 5/2.
const ANSWER_MAX: (usize, usize) = (5, 2);
/// Room for the text of a challenge, but for one of a realm with a very long name.
const CHALLENGE_USUAL: usize = 192;
/// The name of a challenge's line, its end, and the end of the message.
const CHALLENGE_REST: usize = 45;

/// What a request says about its sender.
#[derive(Debug)]
pub enum Access<'a> {
    /// Nothing that we could check: he is to be challenged.
    Stranger,
    /// That he is this user.
    Claim {
        /// The account, as a UID of this cluster.
        uid: Uid,
        /// His proof.
        credentials: Credentials<'a>,
    },
}

/// What a claim turns out to be.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Verdict {
    /// True.
    Granted,
    /// Not decided: he is to try again with a new nonce.
    Again {
        /// Whether his password may well be right, and only the nonce was old.
        stale: bool,
    },
    /// A wrong password, or a user that does not exist.
    Wrong,
    /// The proof is for another request: 400.
    OtherUri,
}

/// The doors of the cluster: makes challenges and checks claims.
#[derive(Debug, Clone)]
pub struct Doors {
    nonces: Nonces,
    tag_key: u64,
    /// Checked in place of a user who does not exist, so that he takes as long.
    nobody: Option<Hex>,
}

impl Doors {
    /// The doors of a cluster with these settings.
    pub fn new(settings: &Settings) -> Self {
        let mut hasher = DefaultHasher::new();
        hasher.write(&settings.key);
        let life_s = settings.limits.nonce_s;
        let nonces = Nonces::new(&settings.key, settings.cid.as_str(), settings.epoch, life_s);
        Self { nonces, tag_key: hasher.finish(), nobody: Hex::parse(&[b'0'; 32]) }
    }

    /// Whether the nonce of a claim is one that a fetch of the user's record is worth; if not, what
    /// its sender is told.
    pub fn triage(&self, (now, source): (Now, Flow), credentials: &Credentials<'_>) -> Result<(), Verdict> {
        match self.nonces.judge(now, source.remote.ip(), credentials.nonce) {
            Judged::Good { .. } => Ok(()),
            Judged::Stale => Err(Verdict::Again { stale: true }),
            Judged::Foreign => Err(Verdict::Again { stale: false }),
        }
    }

    /// Checks a claim against the record of the user, if there is one.
    pub fn check(
        &self,
        settings: &Settings,
        (now, source): (Now, Flow),
        request: &Message,
        credentials: &Credentials<'_>,
        user: Option<&mut User>,
    ) -> Verdict {
        let judged = self.nonces.judge(now, source.remote.ip(), credentials.nonce);
        let Judged::Good { issued_ms, id } = judged else {
            return Verdict::Again { stale: judged == Judged::Stale };
        };
        if !covers(settings, request, credentials.uri) {
            return Verdict::OtherUri;
        }
        let whole_uid = credentials.username.contains(&b'@');
        let known = user.is_some();
        let ha1 = user.as_ref().and_then(|user| user.ha1(credentials.algorithm, whole_uid));
        let Some(ha1) = ha1.or(self.nobody) else { return Verdict::Wrong };
        if !credentials.prove(&ha1, request.method_bytes()) || !known {
            return Verdict::Wrong;
        }
        let count = credentials.count().unwrap_or(0);
        let windows = usize::from(settings.limits.bindings_per_user) + WINDOWS;
        match user.map(|user| user.uses.take(windows, (id, issued_ms), count)) {
            Some(Use::First) => Verdict::Granted,
            Some(Use::Forgotten) => Verdict::Again { stale: true },
            Some(Use::Replayed) | None => Verdict::Again { stale: false },
        }
    }

    /// The challenge of a request: 401 from the registrar, 407 from everybody else.
    pub fn challenge(
        &self,
        settings: &Settings,
        (now, source): (Now, Flow),
        rng: &mut Rng,
        request: &Message,
        stale: bool,
    ) -> Bytes {
        // Everybody but the registrar asks as a proxy does.
        let registrar = request.method() == Method::Register;
        let (status, name) =
            if registrar { (401, Name::WwwAuthenticate) } else { (407, Name::ProxyAuthenticate) };
        let mut writer = self.refusal(request, status, source);
        let word = self.first_cseq(settings, request) ^ self.thread(request);
        let nonce = self.nonces.mint(now, source.remote.ip(), word, rng);
        let most = request.raw().len() * ANSWER_MAX.0 / ANSWER_MAX.1;
        for (index, offered) in settings.digest.iter().enumerate() {
            let algorithm = match offered {
                Offered::Md5 => Algorithm::Md5,
                Offered::Sha256 => Algorithm::Sha256,
            };
            let challenge =
                Challenge { realm: settings.cid.as_str(), nonce: &nonce, algorithm, stale, opaque: "" };
            let mut text = String::with_capacity(CHALLENGE_USUAL);
            // To write to a string does not fail.
            let _ = write!(text, "{challenge}");
            // A second one is left out of the answer to a datagram that is shorter than any phone's.
            let would_be = writer.len() + text.len() + CHALLENGE_REST;
            if index > 0 && source.stream.is_none() && would_be > most {
                break;
            }
            writer.header(name, text.as_bytes());
        }
        writer.finish(b"")
    }

    /// The CSeq that a request had before it was challenged for the first time.
    pub fn first_cseq(&self, settings: &Settings, request: &Message) -> u32 {
        match claimed(settings, request) {
            Access::Claim { credentials, .. } => {
                first_cseq(request, Some(&credentials), self.thread(request))
            }
            Access::Stranger => request.cseq(),
        }
    }

    /// A word that requests of one Call-ID and From tag share.
    fn thread(&self, request: &Message) -> u32 {
        let mut hasher = DefaultHasher::new();
        hasher.write_u64(self.tag_key);
        hasher.write(request.call_id());
        hasher.write(request.from_tag());
        u32::try_from(hasher.finish() >> 32).unwrap_or(0)
    }

    /// The beginning of a response that keeps no state: its To tag is derived from the request
    /// (RFC 3261 §8.2.7).
    pub fn refusal(&self, request: &Message, status: u16, source: Flow) -> Writer {
        let mut hasher = DefaultHasher::new();
        hasher.write_u64(self.tag_key);
        hasher.write(request.call_id());
        hasher.write(request.from_tag());
        hasher.write(request.via().map(|via| via.branch).unwrap_or_default());
        hasher.write_u32(request.cseq());
        let mut tag = *b"s0123456789abcdef";
        let [_, digits @ ..] = &mut tag;
        hex(hasher.finish(), digits);
        Writer::answer(request, status, &tag, Some(source.remote))
    }
}

/// What a request says about its sender, told without any state.
pub fn claimed<'m>(settings: &Settings, request: &'m Message) -> Access<'m> {
    let both = (Name::Authorization, Name::ProxyAuthorization);
    let (first, second) = if request.method() == Method::Register { both } else { (both.1, both.0) };
    request
        .lines(first)
        .chain(request.lines(second))
        .filter_map(|line| Credentials::parse(line).ok())
        .filter(|credentials| credentials.realm == settings.cid.as_str().as_bytes())
        .filter(|credentials| is_offered(settings, credentials.algorithm))
        .find_map(|credentials| {
            let name = credentials.username_text();
            let uid = match name.rsplit_once('@') {
                Some((user, host)) if settings.is_own_host(host) => Uid::new(user, settings.cid.as_str()),
                Some(_) => return None,
                None => Uid::new(&name, settings.cid.as_str()),
            };
            Some(Access::Claim { uid: uid.ok()?, credentials })
        })
        .unwrap_or(Access::Stranger)
}

fn is_offered(settings: &Settings, algorithm: Algorithm) -> bool {
    settings.digest.iter().any(|offered| {
        matches!((offered, algorithm), (Offered::Md5, Algorithm::Md5) | (Offered::Sha256, Algorithm::Sha256))
    })
}

/// Whether a proof for `uri` covers this request: its Request-URI, or the cluster itself, which is
/// what phones write that take the registrar's name for it.
fn covers(settings: &Settings, request: &Message, uri: &[u8]) -> bool {
    if uri == request.request_uri() {
        return true;
    }
    let (Ok(named), Ok(asked)) = (Uri::parse(uri), Uri::parse(request.request_uri())) else {
        return false;
    };
    named.same_as(&asked) || (named.user.is_none() && settings.is_own_host(named.host_text()))
}
