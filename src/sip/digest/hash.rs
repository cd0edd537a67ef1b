//! The hashes of digest: HA1, and the response that proves its possession.
//!
//! Implements: RFC 7616 §3.3, §3.4.1 to §3.4.3; RFC 8760 §2.3.

use std::fmt;

use md5::Md5;
use sha2::digest::Digest;
use sha2::{Sha256, Sha512_256};
use subtle::ConstantTimeEq;

/// The hash that is used.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub enum Algorithm {
    /// `MD5`: broken, and all that many phones know.
    Md5,
    /// `SHA-256`
    Sha256,
    /// `SHA-512-256`
    Sha512_256,
}

impl Algorithm {
    /// The algorithm of this name; the `-sess` variants are not spoken.
    pub fn of(name: &[u8]) -> Option<Self> {
        [Self::Md5, Self::Sha256, Self::Sha512_256]
            .into_iter()
            .find(|algorithm| algorithm.as_str().as_bytes().eq_ignore_ascii_case(name))
    }

    /// Its name.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Md5 => "MD5",
            Self::Sha256 => "SHA-256",
            Self::Sha512_256 => "SHA-512-256",
        }
    }
}

/// A hash in lower-case hexadecimal. Compared in constant time, and not shown by `Debug`: an HA1
/// is as good as a password.
#[derive(Clone, Copy)]
pub struct Hex {
    text: [u8; 64],
    len: usize,
}

impl Hex {
    /// Takes a stored hash; `None` if it is not 32 or 64 hexadecimal digits.
    pub fn parse(text: &[u8]) -> Option<Self> {
        if !matches!(text.len(), 32 | 64) || !text.iter().all(u8::is_ascii_hexdigit) {
            return None;
        }
        let mut hex = Self { text: [0; 64], len: text.len() };
        for (to, from) in hex.text.iter_mut().zip(text) {
            *to = from.to_ascii_lowercase();
        }
        Some(hex)
    }

    /// Writes a hash of 32 bytes at most.
    pub fn of(hash: &[u8]) -> Self {
        const DIGITS: &[u8; 16] = b"0123456789abcdef";
        let digit = |nibble: u8| DIGITS.get(usize::from(nibble)).copied().unwrap_or(b'0');
        let mut hex = Self { text: [0; 64], len: (hash.len() * 2).min(64) };
        let digits = hash.iter().flat_map(|byte| [digit(byte >> 4), digit(byte & 15)]);
        for (to, from) in hex.text.iter_mut().zip(digits) {
            *to = from;
        }
        hex
    }

    /// The digits.
    pub fn as_bytes(&self) -> &[u8] {
        self.text.get(..self.len).unwrap_or_default()
    }

    /// The digits as text.
    pub fn as_str(&self) -> &str {
        std::str::from_utf8(self.as_bytes()).unwrap_or_default()
    }
}

impl PartialEq for Hex {
    fn eq(&self, other: &Self) -> bool {
        self.as_bytes().ct_eq(other.as_bytes()).into()
    }
}

impl Eq for Hex {}

impl fmt::Debug for Hex {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Hex(…)")
    }
}

/// What a response is computed from, apart from HA1. All as it stood between the quotes.
#[derive(Clone, Copy, Debug)]
pub struct Proof<'a> {
    /// The server's nonce.
    pub nonce: &'a [u8],
    /// The count, eight hexadecimal digits.
    pub nc: &'a [u8],
    /// The client's nonce.
    pub cnonce: &'a [u8],
    /// The method of the request.
    pub method: &'a [u8],
    /// The `uri` parameter.
    pub uri: &'a [u8],
}

/// The hash of `user:realm:password`.
pub fn ha1(algorithm: Algorithm, user: &[u8], realm: &[u8], password: &[u8]) -> Hex {
    hash(algorithm, &[user, b":", realm, b":", password])
}

/// The response with `qop=auth`.
pub fn response(algorithm: Algorithm, ha1: &Hex, proof: &Proof<'_>) -> Hex {
    let ha2 = hash(algorithm, &[proof.method, b":", proof.uri]);
    let Proof { nonce, nc, cnonce, .. } = *proof;
    hash(algorithm, &[ha1.as_bytes(), b":", nonce, b":", nc, b":", cnonce, b":auth:", ha2.as_bytes()])
}

fn hash(algorithm: Algorithm, parts: &[&[u8]]) -> Hex {
    match algorithm {
        Algorithm::Md5 => run::<Md5>(parts),
        Algorithm::Sha256 => run::<Sha256>(parts),
        Algorithm::Sha512_256 => run::<Sha512_256>(parts),
    }
}

fn run<D: Digest>(parts: &[&[u8]]) -> Hex {
    let mut state = D::new();
    for part in parts {
        state.update(part);
    }
    Hex::of(&state.finalize())
}

#[cfg(test)]
mod tests {
    use super::*;

    /// RFC 7616 §3.9.1.
    #[test]
    fn the_examples_of_the_rfc() {
        let proof = Proof {
            nonce: b"7ypf/xlj9XXwfDPEoM4URrv/xwf94BcCAzFZH4GiTo0v",
            nc: b"00000001",
            cnonce: b"f2/wE4q74E6zIJEtWaHKaf5wv/H5QzzpXusqGemxURZJ",
            method: b"GET",
            uri: b"/dir/index.html",
        };
        let answer = |algorithm| {
            let ha1 = ha1(algorithm, b"Mufasa", b"http-auth@example.org", b"Circle of Life");
            response(algorithm, &ha1, &proof)
        };
        assert_eq!(answer(Algorithm::Md5).as_str(), "8ca523f5e9506fed4657c9700eebdbec");
        assert_eq!(
            answer(Algorithm::Sha256).as_str(),
            "753927fa0e85d155564e2e272a28d1802ca10daf4496794697cf8db5856cb6c1"
        );
    }

    /// RFC 7616 §3.9.2 as corrected by its erratum 4897: the values in the text are those of
    /// SHA-512 cut to 256 bits, which is not SHA-512/256.
    #[test]
    fn the_example_of_sha_512_256() {
        let (algorithm, realm) = (Algorithm::Sha512_256, b"api@example.org");
        let ha1 = ha1(algorithm, "Jäsøn Doe".as_bytes(), realm, b"Secret, or not?");
        let proof = Proof {
            nonce: b"5TsQWLVdgBdmrQ0XsxbDODV+57QdFR34I9HAbC/RVvkK",
            nc: b"00000001",
            cnonce: b"NTg6RKcb9boFIAS3KrFK9BGeh+iDa/sm6jUMp2wds69v",
            method: b"GET",
            uri: b"/doe.json",
        };
        let expected = "3798d4131c277846293534c3edc11bd8a5e4cdcbff78b05db9d95eeb1cec68a5";
        assert_eq!(response(algorithm, &ha1, &proof).as_str(), expected);
    }

    #[test]
    fn a_secret_is_not_shown() {
        assert_eq!(format!("{:?}", ha1(Algorithm::Md5, b"a", b"b", b"c")), "Hex(…)");
        assert_eq!(
            Hex::parse(b"8CA523F5E9506FED4657C9700EEBDBEC").unwrap().as_str(),
            "8ca523f5e9506fed4657c9700eebdbec"
        );
        assert_eq!(Hex::parse(b"8ca5"), None);
    }
}
