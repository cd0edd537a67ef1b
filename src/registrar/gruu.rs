//! Addresses that reach one client and no other (GRUUs).
//!
//! A public one is the user's address with the client's instance-id behind it: whoever reads it knows
//! whose it is. A temporary one says nothing to anybody but us: user, client and registration are
//! sealed in it, so that nothing has to be remembered of the thousands that are given out. It is good
//! as long as its client stays registered under the Call-ID that it was given out for.
//!
//! Only the client's own user is told of either. They reach others by what the user's phone writes
//! into a body, a page or a Refer-To; a Contact does not pass us.
//!
//! Where RFC 5627 §5.3 has temporary ones gone for good when the registration has lapsed, a phone that
//! comes back under the same Call-ID has its old ones back.
//!
//! Implements: RFC 5627 §3, §5.1, §5.2, §5.4, §6.1.

use std::fmt::Write as _;
use std::sync::Arc;

use chacha20poly1305::aead::Aead;
use chacha20poly1305::{KeyInit, XChaCha20Poly1305, XNonce};
use hmac::{Hmac, Mac};
use sha2::{Digest, Sha256};

use crate::base::{At, Rng, Uid};
use crate::config::Settings;
use crate::dialog::Escaped;
use crate::sip::Uri;

use super::bindings::{Binding, bare};
use super::user::User;

/// What a temporary one begins with.
const TEMPORARY: &str = "tgruu.";
/// What is sealed is filled up to a multiple of this: the length of a name tells its user.
const BLOCK: usize = 32;
/// Bytes of the number that makes each seal another.
const NONCE: usize = 24;
/// Bytes by which a seal is known to be ours.
const PROOF: usize = 16;
/// The letters of five bits each: they stay what they are in lower case.
const LETTERS: &[u8; 32] = b"abcdefghijklmnopqrstuvwxyz234567";

/// The one client of a user that a request is for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Only {
    /// The one with this instance-id.
    Instance(Arc<str>),
    /// The one that a temporary GRUU was given to: digests of its instance-id and of the Call-ID that
    /// it registered under.
    Temporary {
        /// Of the instance-id.
        instance: u64,
        /// Of the Call-ID.
        call_id: u64,
    },
}

/// What the address of a user of ours turns out to be.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Meaning {
    /// What it says.
    Plain,
    /// A temporary GRUU: this client of that user is meant.
    Client(Uid, Only),
    /// It was never given out.
    Nobody,
}

impl Only {
    /// The client that a URI names by its `gr`, if it names one.
    pub fn of(uri: &Uri<'_>) -> Option<Self> {
        let value = uri.param("gr").filter(|value| !value.is_empty())?;
        Some(Self::Instance(String::from_utf8_lossy(&crate::sip::unescaped(value)).into()))
    }

    /// Whether a binding is of that client.
    pub fn is(&self, binding: &Binding) -> bool {
        match self {
            Self::Instance(instance) => binding.has_instance(instance),
            Self::Temporary { instance, call_id } => {
                *instance == digest(bare(&binding.stored.instance).as_bytes())
                    && *call_id == digest(binding.stored.call_id.as_bytes())
            }
        }
    }

    /// As a parameter of a URI; nothing for one whose URI says it all.
    pub fn as_param(&self) -> String {
        match self {
            Self::Instance(instance) => format!(";gr={}", Parameter(&bare(instance))),
            Self::Temporary { .. } => String::new(),
        }
    }
}

/// Whether somebody asks for a user's client by a temporary GRUU that is good no longer.
pub fn is_spent(now: At, user: &User, only: Option<&Only>) -> bool {
    let is_temporary = matches!(only, Some(Only::Temporary { .. }));
    is_temporary && !user.bindings.reachable(now).any(|binding| only.is_some_and(|only| only.is(binding)))
}

/// The public GRUU of a client.
pub(super) fn public(uid: &Uid, instance: &str) -> String {
    format!("sip:{}@{};gr={}", Escaped(uid.user()), uid.cluster(), Parameter(&bare(instance)))
}

/// A new temporary GRUU of a client; `None` if the cluster's name leaves no room for one.
pub(super) fn temporary(settings: &Settings, rng: &mut Rng, uid: &Uid, binding: &Binding) -> Option<String> {
    let mut plain = Vec::with_capacity(2 * BLOCK);
    plain.extend_from_slice(&digest(bare(&binding.stored.instance).as_bytes()).to_be_bytes());
    plain.extend_from_slice(&digest(binding.stored.call_id.as_bytes()).to_be_bytes());
    plain.push(u8::try_from(uid.user().len()).ok()?);
    plain.extend_from_slice(uid.user().as_bytes());
    plain.resize(plain.len().next_multiple_of(BLOCK), 0);
    let mut sealed = Vec::with_capacity(NONCE + plain.len() + PROOF);
    for _ in 0..NONCE / 8 {
        sealed.extend_from_slice(&rng.draw().to_be_bytes());
    }
    let secret = seal(settings).encrypt(XNonce::from_slice(&sealed), &*plain).ok()?;
    sealed.extend_from_slice(&secret);
    let user = format!("{TEMPORARY}{}", letters(&sealed));
    Uid::new(&user, settings.cid.as_str()).ok()?;
    Some(format!("sip:{user}@{};gr", settings.cid.as_str()))
}

/// What a user's address means: one that has the form of a temporary GRUU is one, or nobody's.
pub fn meaning(settings: &Settings, uid: &Uid) -> Meaning {
    let word = uid.user().strip_prefix(TEMPORARY).filter(|_| uid.cluster() == settings.cid.as_str());
    let Some(sealed) = word.and_then(bytes).filter(|sealed| sealed.len() >= NONCE + BLOCK + PROOF) else {
        return Meaning::Plain;
    };
    open(settings, &sealed).map_or(Meaning::Nobody, |(uid, only)| Meaning::Client(uid, only))
}

fn open(settings: &Settings, sealed: &[u8]) -> Option<(Uid, Only)> {
    let (nonce, secret) = sealed.split_at_checked(NONCE)?;
    let plain = seal(settings).decrypt(XNonce::from_slice(nonce), secret).ok()?;
    let (instance, rest) = plain.split_first_chunk::<8>()?;
    let (call_id, rest) = rest.split_first_chunk::<8>()?;
    let (length, rest) = rest.split_first()?;
    let user = std::str::from_utf8(rest.get(..usize::from(*length))?).ok()?;
    let uid = Uid::new(user, settings.cid.as_str()).ok()?;
    let (instance, call_id) = (u64::from_be_bytes(*instance), u64::from_be_bytes(*call_id));
    Some((uid, Only::Temporary { instance, call_id }))
}

/// The seal of a cluster: its key is made of the cluster's, which outlives restarts.
fn seal(settings: &Settings) -> XChaCha20Poly1305 {
    #[expect(clippy::expect_used, reason = "HMAC accepts keys of every length")]
    let mut mac = <Hmac<Sha256> as hmac::KeyInit>::new_from_slice(&settings.key).expect("any key length");
    mac.update(b"temporary gruu\0");
    mac.update(settings.cid.as_str().as_bytes());
    let key: [u8; 32] = mac.finalize().into_bytes().into();
    XChaCha20Poly1305::new(&key.into())
}

fn digest(bytes: &[u8]) -> u64 {
    let hash = Sha256::digest(bytes);
    hash.iter().take(8).fold(0, |sum, byte| sum << 8 | u64::from(*byte))
}

/// Five bits a letter.
fn letters(bytes: &[u8]) -> String {
    let bit = |at: usize| bytes.get(at / 8).is_some_and(|byte| byte >> (7 - at % 8) & 1 == 1);
    let value = |letter: usize| (0..5).fold(0, |sum, at| sum << 1 | usize::from(bit(letter * 5 + at)));
    (0..(bytes.len() * 8).div_ceil(5))
        .filter_map(|letter| LETTERS.get(value(letter)))
        .map(|letter| char::from(*letter))
        .collect()
}

/// The bytes that letters stand for; what is left over of the last one is dropped.
fn bytes(letters: &str) -> Option<Vec<u8>> {
    let (mut out, mut sum, mut bits) = (Vec::with_capacity(letters.len() * 5 / 8), 0_u32, 0);
    for letter in letters.bytes() {
        let value = LETTERS.iter().position(|own| *own == letter)?;
        sum = (sum << 5 | u32::try_from(value).ok()?) & 0xfff;
        bits += 5;
        if bits >= 8 {
            bits -= 8;
            out.push(u8::try_from(sum >> bits & 0xff).ok()?);
        }
    }
    Some(out)
}

/// Text as the value of a URI's parameter (RFC 3261 §25.1, `paramchar`).
struct Parameter<'a>(&'a str);

impl std::fmt::Display for Parameter<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        for byte in self.0.bytes() {
            if byte.is_ascii_alphanumeric() || b"-_.!~*'()[]/:&+$".contains(&byte) {
                f.write_char(char::from(byte))?;
            } else {
                write!(f, "%{byte:02x}")?;
            }
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn letters_and_back() {
        for length in 0..80_u8 {
            let data: Vec<u8> = (0..length).map(|byte| byte.wrapping_mul(37)).collect();
            assert_eq!(bytes(&letters(&data)), Some(data));
        }
        assert_eq!(letters(b"foobar"), "mzxw6ytboi");
        assert_eq!(bytes("mzxw6ytboi1"), None);
    }

    #[test]
    fn a_public_one_is_the_address_and_the_instance() {
        let uid = Uid::new("anne", "north.test").unwrap();
        let urn = "<urn:uuid:f81d4fae-7dec-11d0-a765-00a0c91e6bf6>";
        let gruu = public(&uid, urn);
        assert_eq!(gruu, "sip:anne@north.test;gr=urn:uuid:f81d4fae-7dec-11d0-a765-00a0c91e6bf6");
        let odd = public(&uid, "<urn:x;y@z>");
        assert_eq!(odd, "sip:anne@north.test;gr=urn:x%3by%40z");
        let only = Only::of(&Uri::parse(odd.as_bytes()).unwrap()).unwrap();
        assert_eq!(only, Only::Instance("urn:x;y@z".into()));
        assert_eq!(Only::of(&Uri::parse(b"sip:anne@north.test;gr").unwrap()), None);
    }
}
