//! Lists of revoked certificates, as they are read: each has to be signed by an authority that is believed.
//!
//! Certificates are judged by the lists of whoever has signed them, and the signature of such a list is looked
//! at then, too. One that does not hold would shut out everybody, good or bad; and one that nobody asks
//! for would revoke nothing, whatever it says. So both are told when the list is read.
//!
//! Implements: RFC 5280 §5.1, §6.3.3 (f), (g).

use std::path::Path;

use rustls::crypto::CryptoProvider;
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, CertificateRevocationListDer, pem};
use webpki::{CertRevocationList, EndEntityCert, OwnedCertRevocationList};

use super::certificates::{CertificateError, of_pem};

/// The lists in a file, which these authorities have signed, or others whose certificates stand beside the
/// lists.
pub(super) fn revocations(
    path: &Path,
    authorities: &[CertificateDer<'_>],
    provider: &CryptoProvider,
) -> Result<Vec<CertRevocationList<'static>>, CertificateError> {
    let what = ["list of revoked certificates", "X509 CRL"];
    let lists: Vec<CertificateRevocationListDer<'static>> = sections(path, what)?;
    if lists.is_empty() {
        return Err(of_pem(path, pem::Error::NoItemsFound, what));
    }
    let beside: Vec<CertificateDer<'static>> = sections(path, ["certificate", "CERTIFICATE"])?;
    let signers: Vec<EndEntityCert<'_>> =
        authorities.iter().chain(&beside).filter_map(|own| EndEntityCert::try_from(own).ok()).collect();
    let list = |der: &CertificateRevocationListDer<'static>| {
        let owned = OwnedCertRevocationList::from_der(der).map_err(|error| useless(path, &error))?;
        let list = CertRevocationList::from(owned);
        let mut named = signers.iter().filter(|own| own.subject() == list.issuer()).peekable();
        if named.peek().is_none() {
            return Err(CertificateError::ListOfOthers { path: path.into() });
        }
        if !named.any(|own| has_signed(own, der, provider)) {
            return Err(CertificateError::ListUnsigned { path: path.into() });
        }
        Ok(list)
    };
    lists.iter().map(list).collect()
}

fn sections<T: PemObject>(path: &Path, what: [&'static str; 2]) -> Result<Vec<T>, CertificateError> {
    let read = T::pem_file_iter(path).and_then(Iterator::collect::<Result<Vec<_>, _>>);
    read.map_err(|error| of_pem(path, error, what))
}

fn useless(path: &Path, error: &webpki::Error) -> CertificateError {
    CertificateError::Useless { path: path.into(), error: error.to_string() }
}

/// Whether the key of this certificate has signed a list.
fn has_signed(signer: &EndEntityCert<'_>, list: &[u8], provider: &CryptoProvider) -> bool {
    let Some(Signed { text, algorithm, signature }) = Signed::parse(list) else { return false };
    let known = provider.signature_verification_algorithms.all.iter();
    let mut of_that_name = known.filter(|own| own.signature_alg_id().as_ref() == algorithm);
    of_that_name.any(|own| signer.verify_signature(*own, text, signature).is_ok())
}

/// The three parts of whatever an authority signs.
struct Signed<'a> {
    text: &'a [u8],
    algorithm: &'a [u8],
    signature: &'a [u8],
}

impl<'a> Signed<'a> {
    fn parse(der: &'a [u8]) -> Option<Self> {
        let whole = Value::parse(der, SEQUENCE)?;
        let text = Value::parse(whole.inside, SEQUENCE)?;
        let algorithm = Value::parse(text.behind, SEQUENCE)?;
        let signature = Value::parse(algorithm.behind, BIT_STRING)?;
        // Its first byte says how many bits of the last one do not count: none.
        let (0, signature) = signature.inside.split_first().map(|(first, rest)| (*first, rest))? else {
            return None;
        };
        Some(Self { text: text.all, algorithm: algorithm.inside, signature })
    }
}

/// One value as it is encoded: with its tag and length, without them, and what stands behind it.
struct Value<'a> {
    all: &'a [u8],
    inside: &'a [u8],
    behind: &'a [u8],
}

impl<'a> Value<'a> {
    fn parse(der: &'a [u8], tag: u8) -> Option<Self> {
        let (head, len) = match *der {
            [own, len @ ..=0x7f, ..] if own == tag => (2, usize::from(len)),
            [own, form @ 0x81..=0x84, ..] if own == tag => {
                let head = 2 + usize::from(form & 0x7f);
                let digits = der.get(2..head)?;
                (head, digits.iter().fold(0, |len, digit| len << 8 | usize::from(*digit)))
            }
            _ => return None,
        };
        let (all, behind) = der.split_at_checked(head.checked_add(len)?)?;
        Some(Self { all, inside: all.get(head..)?, behind })
    }
}

const SEQUENCE: u8 = 0x30;
const BIT_STRING: u8 = 0x03;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn values_as_they_are_encoded() {
        let inside = |der: &[u8]| Value::parse(der, SEQUENCE).map(|value| value.inside.to_vec());
        assert_eq!(inside(&[0x30, 2, 7, 8, 9]), Some(vec![7, 8]));
        assert_eq!(inside(&[0x30, 0x81, 1, 7]), Some(vec![7]));
        assert_eq!(inside(&[0x30, 0x82, 0, 1, 7]), Some(vec![7]));
        let bad: [&[u8]; 7] = [
            &[],
            &[0x30],
            &[0x31, 0],
            &[0x30, 2, 7],
            &[0x30, 0x80, 0, 0],
            &[0x30, 0x82, 1],
            &[0x30, 0x84, 0xff, 0xff, 0xff, 0xff],
        ];
        for der in bad {
            assert_eq!(inside(der), None, "{der:?}");
        }
    }
}
