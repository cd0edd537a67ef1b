//! What a client proves itself with: an Authorization or Proxy-Authorization of Digest.
//!
//! Strict, because two readings of credentials are a way in: a parameter that occurs twice, or a
//! quote that stays open, makes the whole unreadable. `username*` and hashed user names are not
//! spoken, and our challenges do not offer them.
//!
//! Implements: RFC 7616 §3.4; RFC 3261 §22.4.

use std::borrow::Cow;

use super::hash::{Algorithm, Hex, Proof, response};
use super::pairs::pairs;
use crate::sip::chars::{hex, unescape_quoted};

/// Credentials. All values as they stood between their quotes.
#[derive(Clone, Copy, Debug)]
pub struct Credentials<'a> {
    /// Who claims to ask.
    pub username: &'a [u8],
    /// The realm he answers for.
    pub realm: &'a [u8],
    /// The nonce he answers.
    pub nonce: &'a [u8],
    /// The URI that the response covers.
    pub uri: &'a [u8],
    /// The proof.
    pub response: &'a [u8],
    /// The algorithm; `MD5` when none is named.
    pub algorithm: Algorithm,
    /// The quality of protection; empty when absent.
    pub qop: &'a [u8],
    /// The client's nonce; empty when absent.
    pub cnonce: &'a [u8],
    /// The count of uses of the nonce, as it came.
    pub nc: &'a [u8],
    /// What we gave to be returned; empty when absent.
    pub opaque: &'a [u8],
}

/// Why a header holds no credentials that could be checked.
#[derive(Clone, Copy, PartialEq, Eq, Debug, thiserror::Error)]
pub enum CredentialsError {
    /// Another scheme than Digest.
    #[error("the scheme is not Digest")]
    Scheme,
    /// Not `name=value`, or a quote stays open.
    #[error("the credentials are badly written")]
    Form,
    /// A parameter occurs twice.
    #[error("a parameter occurs twice")]
    Twice,
    /// A parameter that has to be there is not.
    #[error("username, realm, nonce, uri or response is missing")]
    Missing,
    /// An algorithm that is not spoken here.
    #[error("the algorithm is not known")]
    Algorithm,
}

impl<'a> Credentials<'a> {
    /// Reads the value of one Authorization or Proxy-Authorization line.
    pub fn parse(value: &'a [u8]) -> Result<Self, CredentialsError> {
        const NAMES: [&str; 10] =
            ["username", "realm", "nonce", "uri", "response", "algorithm", "qop", "cnonce", "nc", "opaque"];
        let mut found: [Option<&'a [u8]>; 10] = [None; 10];
        for pair in pairs(value).ok_or(CredentialsError::Scheme)? {
            let (name, value) = pair.ok_or(CredentialsError::Form)?;
            let place = NAMES.iter().position(|known| known.as_bytes().eq_ignore_ascii_case(name));
            if let Some(slot) = place.and_then(|at| found.get_mut(at))
                && slot.replace(value).is_some()
            {
                return Err(CredentialsError::Twice);
            }
        }
        let [username, realm, nonce, uri, response, algorithm, qop, cnonce, nc, opaque] = found;
        let needed = |value: Option<&'a [u8]>| value.ok_or(CredentialsError::Missing);
        Ok(Self {
            username: needed(username)?,
            realm: needed(realm)?,
            nonce: needed(nonce)?,
            uri: needed(uri)?,
            response: needed(response)?,
            algorithm: Algorithm::of(algorithm.unwrap_or(b"MD5")).ok_or(CredentialsError::Algorithm)?,
            qop: qop.unwrap_or_default(),
            cnonce: cnonce.unwrap_or_default(),
            nc: nc.unwrap_or_default(),
            opaque: opaque.unwrap_or_default(),
        })
    }

    /// The user name as text, escapes undone.
    pub fn username_text(&self) -> Cow<'a, str> {
        unescape_quoted(self.username)
    }

    /// The count of uses of the nonce; `None` unless it is eight hexadecimal digits.
    pub fn count(&self) -> Option<u32> {
        let digits = self.nc.len() == 8;
        digits.then(|| self.nc.iter().try_fold(0, |sum, byte| Some(sum << 4 | u32::from(hex(*byte)?))))?
    }

    /// Whether they prove possession of this HA1, for a request of this method. Only with
    /// `qop=auth`, a client nonce and a count; compared in constant time.
    pub fn prove(&self, ha1: &Hex, method: &[u8]) -> bool {
        let Some(claimed) = Hex::parse(self.response) else { return false };
        let proof = Proof { nonce: self.nonce, nc: self.nc, cnonce: self.cnonce, method, uri: self.uri };
        let complete =
            self.qop.eq_ignore_ascii_case(b"auth") && !self.cnonce.is_empty() && self.count().is_some();
        complete && response(self.algorithm, ha1, &proof) == claimed
    }
}

#[cfg(test)]
mod tests {
    use super::super::{Challenge, ha1};
    use super::*;

    #[test]
    fn a_challenge_is_answered_and_the_answer_believed() {
        for algorithm in [Algorithm::Md5, Algorithm::Sha256, Algorithm::Sha512_256] {
            let (realm, nonce, opaque) = ("north.test", "5f1a", "x");
            let text = Challenge { realm, nonce, algorithm, stale: true, opaque }.to_string();
            let challenge = Challenge::parse(text.as_bytes()).unwrap();
            assert!(challenge.stale);
            let secret = ha1(algorithm, b"anne", realm.as_bytes(), b"secret");
            let answer = challenge.answer(("anne", &secret), ("REGISTER", "sip:north.test"), ("c0", 26));
            let text = answer.to_string();
            let credentials = Credentials::parse(text.as_bytes()).unwrap();
            assert_eq!((credentials.count(), credentials.username_text().as_ref()), (Some(26), "anne"));
            assert!(credentials.prove(&secret, b"REGISTER"));
            assert!(!credentials.prove(&secret, b"INVITE"));
            assert!(!credentials.prove(&ha1(algorithm, b"anne", b"north.test", b"guess"), b"REGISTER"));
            let bare = text.replace("qop=auth,", "");
            assert!(!Credentials::parse(bare.as_bytes()).unwrap().prove(&secret, b"REGISTER"));
        }
    }

    #[test]
    fn what_is_no_credentials() {
        let whole = r#"Digest username="a",realm="b",nonce="c",uri="sip:d",response="e""#;
        let error = |text: &str| Credentials::parse(text.as_bytes()).unwrap_err();
        assert!(Credentials::parse(whole.as_bytes()).is_ok());
        assert_eq!(error("Basic dXNlcjpwYXNz"), CredentialsError::Scheme);
        assert_eq!(error("Digest"), CredentialsError::Scheme);
        assert_eq!(error("Digest username=\"a\""), CredentialsError::Missing);
        assert_eq!(error(&format!("{whole},nonce=\"f\"")), CredentialsError::Twice);
        assert_eq!(error(&format!("{whole},algorithm=MD5-sess")), CredentialsError::Algorithm);
        assert_eq!(error(&format!("{whole},cnonce=\"open")), CredentialsError::Form);
        assert_eq!(error(&format!("{whole},opaque")), CredentialsError::Form);
        assert_eq!(error(&format!("{whole},opaque=x\"y")), CredentialsError::Form);
        assert_eq!(error(&format!("{whole},opaque=x\\")), CredentialsError::Form);
    }
}
