//! SIP domain certificates: of which domains the one is who shows a certificate, and whether it is
//! believed; and of phones, whether theirs are.
//!
//! A certificate stands for the domains of its `sip:` URIs; only if it has none, for its DNS names; for
//! nobody by a wildcard or by its common name. It has to be good now, signed by an authority that the
//! operator believes, and meant for that: where it says what it may be used for, `sipDomain` has to be
//! among it. A list of revocations that is older than it should be still counts for what it says: who was
//! revoked stays so, and the others are not shut out because somebody is late with the next list.
//!
//! Implements: RFC 5922 §7.1, §7.2, §7.3, §7.4; RFC 5924 §4; RFC 5280 §6.3.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use rustls::client::danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier};
use rustls::crypto::{CryptoProvider, verify_tls12_signature, verify_tls13_signature};
use rustls::pki_types::{CertificateDer, ServerName, UnixTime};
use rustls::server::danger::{ClientCertVerified, ClientCertVerifier};
use rustls::{CertificateError, DigitallySignedStruct, DistinguishedName, OtherError};
use rustls::{Error, RootCertStore, SignatureScheme};
use webpki::{CertRevocationList, EndEntityCert, ExpirationPolicy, ExtendedKeyUsageValidator};
use webpki::{KeyPurposeIdIter, KeyUsage, RevocationOptionsBuilder, UnknownStatusPolicy};

use crate::base::Cid;
use crate::sip::{Scheme, Uri};

/// What a certificate is shown for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Purpose {
    /// To be believed that one is of its domain.
    Domain,
    /// To be connected to: whom that is for is proved by a secret.
    Server,
    /// To connect with, whatever it is worth.
    Client,
    /// To connect with a phone.
    Phone,
}

/// Judges the certificates of far ends.
#[derive(Debug)]
pub(crate) struct Judge {
    roots: RootCertStore,
    hints: Vec<DistinguishedName>,
    revoked: Vec<CertRevocationList<'static>>,
    /// Whether it has been told that a list is out of date.
    is_told: AtomicBool,
    provider: Arc<CryptoProvider>,
}

/// Whose domains a certificate stands for (RFC 5922 §7.1).
pub(crate) fn domains_of(certificate: &CertificateDer<'_>) -> Vec<Cid> {
    let Ok(certificate) = EndEntityCert::try_from(certificate) else { return Vec::new() };
    let of_uri = |text: &str| {
        let uri = Uri::parse(text.as_bytes()).ok()?;
        (uri.scheme == Scheme::Sip && uri.user.is_none()).then(|| Cid::new(uri.host_text()))
    };
    let domains: Vec<Cid> = certificate.valid_uri_names().filter_map(of_uri).take(DOMAINS_MAX).collect();
    if !domains.is_empty() {
        return domains;
    }
    let names = certificate.valid_dns_names().filter(|name| !name.contains('*'));
    names.map(Cid::new).take(DOMAINS_MAX).collect()
}

impl Judge {
    /// One that believes these authorities, but for what their lists revoke.
    pub(crate) fn new(
        roots: RootCertStore,
        revoked: Vec<CertRevocationList<'static>>,
        provider: Arc<CryptoProvider>,
    ) -> Self {
        Self { hints: roots.subjects(), roots, revoked, is_told: AtomicBool::new(false), provider }
    }

    /// The domains of which somebody who has shown these certificates has proved to be; none if they
    /// are not believed.
    pub(crate) fn domains(&self, chain: &[CertificateDer<'_>]) -> Vec<Cid> {
        match chain {
            [own, others @ ..] if self.judge(own, others, UnixTime::now(), Purpose::Domain).is_ok() => {
                domains_of(own)
            }
            _ => Vec::new(),
        }
    }

    fn judge(
        &self,
        own: &CertificateDer<'_>,
        others: &[CertificateDer<'_>],
        now: UnixTime,
        purpose: Purpose,
    ) -> Result<(), Error> {
        let certificate = EndEntityCert::try_from(own).map_err(told)?;
        let verified = match self.verify(&certificate, others, now, purpose, ExpirationPolicy::Enforce) {
            Err(webpki::Error::CrlExpired { .. }) => {
                if !self.is_told.swap(true, Ordering::Relaxed) {
                    tracing::warn!(
                        "a list in `revocations` is out of date: what it revokes stays revoked, what was revoked since is not known; \
                         put the next one there and reload"
                    );
                }
                self.verify(&certificate, others, now, purpose, ExpirationPolicy::Ignore)
            }
            verified => verified,
        };
        verified.map_err(told)
    }

    fn verify(
        &self,
        certificate: &EndEntityCert<'_>,
        others: &[CertificateDer<'_>],
        now: UnixTime,
        purpose: Purpose,
        old_lists: ExpirationPolicy,
    ) -> Result<(), webpki::Error> {
        let algorithms = self.provider.signature_verification_algorithms.all;
        let lists: Vec<_> = self.revoked.iter().collect();
        // Without a list nothing is revoked; nor by an authority that gives none.
        let revocation = RevocationOptionsBuilder::new(&lists).ok().map(|options| {
            options.with_status_policy(UnknownStatusPolicy::Allow).with_expiration_policy(old_lists).build()
        });
        certificate
            .verify_for_usage(algorithms, &self.roots.roots, others, now, purpose, revocation, None)
            .map(drop)
    }
}

/// What the library's two traits want alike: how signatures are checked.
macro_rules! signatures {
    () => {
        fn verify_tls12_signature(
            &self,
            message: &[u8],
            own: &CertificateDer<'_>,
            signed: &DigitallySignedStruct,
        ) -> Result<HandshakeSignatureValid, Error> {
            verify_tls12_signature(
                message,
                own,
                signed,
                &self.judge.provider.signature_verification_algorithms,
            )
        }

        fn verify_tls13_signature(
            &self,
            message: &[u8],
            own: &CertificateDer<'_>,
            signed: &DigitallySignedStruct,
        ) -> Result<HandshakeSignatureValid, Error> {
            verify_tls13_signature(
                message,
                own,
                signed,
                &self.judge.provider.signature_verification_algorithms,
            )
        }

        fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
            self.judge.provider.signature_verification_algorithms.supported_schemes()
        }
    };
}

/// Judges those that we connect to.
#[derive(Debug)]
pub(crate) struct ServerJudge {
    pub(crate) judge: Arc<Judge>,
    pub(crate) purpose: Purpose,
}

/// Judges those that connect to us.
#[derive(Debug)]
pub(crate) struct ClientJudge {
    pub(crate) judge: Arc<Judge>,
    pub(crate) purpose: Purpose,
    /// Whether who shows no certificate is refused.
    pub(crate) is_mandatory: bool,
}

impl ServerCertVerifier for ServerJudge {
    fn verify_server_cert(
        &self,
        own: &CertificateDer<'_>,
        others: &[CertificateDer<'_>],
        name: &ServerName<'_>,
        _: &[u8],
        now: UnixTime,
    ) -> Result<ServerCertVerified, Error> {
        self.judge.judge(own, others, now, self.purpose)?;
        if domains_of(own).iter().any(|domain| domain.as_str().eq_ignore_ascii_case(&name.to_str())) {
            Ok(ServerCertVerified::assertion())
        } else {
            Err(CertificateError::NotValidForName.into())
        }
    }

    signatures!();
}

impl ClientCertVerifier for ClientJudge {
    fn client_auth_mandatory(&self) -> bool {
        self.is_mandatory
    }

    fn root_hint_subjects(&self) -> &[DistinguishedName] {
        &self.judge.hints
    }

    fn verify_client_cert(
        &self,
        own: &CertificateDer<'_>,
        others: &[CertificateDer<'_>],
        now: UnixTime,
    ) -> Result<ClientCertVerified, Error> {
        self.judge.judge(own, others, now, self.purpose).map(|()| ClientCertVerified::assertion())
    }

    signatures!();
}

impl ExtendedKeyUsageValidator for Purpose {
    /// A certificate that names no use is good for every one.
    fn validate(&self, uses: KeyPurposeIdIter<'_, '_>) -> Result<(), webpki::Error> {
        let mut present = Vec::new();
        for use_of_it in uses {
            present.push(use_of_it?.to_decoded_oid());
        }
        let more: &[&[usize]] = match self {
            Self::Domain => &[],
            Self::Server => &[SERVER_AUTH],
            Self::Client => &[SERVER_AUTH, CLIENT_AUTH],
            Self::Phone => &[CLIENT_AUTH],
        };
        let fits = |own: &Vec<usize>| [SIP_DOMAIN, ANY_USE].iter().chain(more).any(|oid| own == oid);
        if present.is_empty() || present.iter().any(fits) {
            return Ok(());
        }
        let required = KeyUsage::required_if_present(SIP_DOMAIN_DER);
        Err(webpki::Error::RequiredEkuNotFoundContext(webpki::RequiredEkuNotFoundContext {
            required,
            present,
        }))
    }
}

/// What is wrong with a certificate, as the alert tells the far end and the log our operator.
fn told(error: webpki::Error) -> Error {
    #[allow(clippy::wildcard_enum_match_arm, reason = "the crate's errors are not ours to list")]
    let error = match error {
        webpki::Error::BadDer | webpki::Error::BadDerTime => CertificateError::BadEncoding,
        webpki::Error::CertExpired { .. } => CertificateError::Expired,
        webpki::Error::CertNotValidYet { .. } => CertificateError::NotValidYet,
        webpki::Error::UnknownIssuer => CertificateError::UnknownIssuer,
        webpki::Error::CertRevoked => CertificateError::Revoked,
        webpki::Error::InvalidSignatureForPublicKey => CertificateError::BadSignature,
        webpki::Error::RequiredEkuNotFoundContext(_) => CertificateError::InvalidPurpose,
        other => CertificateError::Other(OtherError(Arc::new(other))),
    };
    error.into()
}

/// `id-kp-sipDomain` (RFC 5924 §3).
const SIP_DOMAIN: &[usize] = &[1, 3, 6, 1, 5, 5, 7, 3, 20];
const SIP_DOMAIN_DER: &[u8] = &[0x2b, 6, 1, 5, 5, 7, 3, 20];
/// `anyExtendedKeyUsage` (RFC 5280 §4.2.1.12).
const ANY_USE: &[usize] = &[2, 5, 29, 37, 0];
const SERVER_AUTH: &[usize] = &[1, 3, 6, 1, 5, 5, 7, 3, 1];
const CLIENT_AUTH: &[usize] = &[1, 3, 6, 1, 5, 5, 7, 3, 2];
/// Domains of one certificate that are looked at.
const DOMAINS_MAX: usize = 64;
