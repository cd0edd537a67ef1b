//! The files by which listeners prove who they are over TLS, and by which others are judged, the hook that wakes
//! phones among them: read at the start and at every reload.
//!
//! Implements: RFC 3261 §26.3.1.

use std::path::{Path, PathBuf};
use std::sync::{Arc, PoisonError, RwLock};

use rustls::client::Resumption;
use rustls::crypto::{CryptoProvider, ring};
use rustls::pki_types::pem::{self, PemObject};
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use rustls::server::NoServerSessionStorage;
use rustls::{ClientConfig, RootCertStore, ServerConfig};

use crate::base::Cid;
use crate::config::{Face, Listener, PushHook, Settings, TlsFiles, Trust};

use super::revocations::revocations;
use super::sip_domain::{ClientJudge, Judge, Purpose, ServerJudge, domains_of};

/// Why a listener cannot prove who it is.
#[derive(Debug, thiserror::Error)]
pub enum CertificateError {
    /// A file that is not there, or not readable.
    #[error("{} cannot be read: {error}; see to the path and to its permissions", path.display())]
    Unreadable {
        /// The file.
        path: PathBuf,
        /// What the system says.
        error: std::io::Error,
    },
    /// A file without what it is there for.
    #[error("{} holds no {what}: it has to be PEM, with a line `-----BEGIN {begin}-----`", path.display())]
    Empty {
        /// The file.
        path: PathBuf,
        /// What it should hold.
        what: &'static str,
        /// How that begins.
        begin: &'static str,
    },
    /// A key of another certificate.
    #[error("the key in {} is not that of the certificate in {}: give the two that were made together", key.display(), certificate.display())]
    OtherKey {
        /// The file of the key.
        key: PathBuf,
        /// The file of the certificate.
        certificate: PathBuf,
    },
    /// A file that was cut off.
    #[error("{} breaks off in the middle of a {what}: the line `-----END {begin}-----` is missing; copy the file again", path.display())]
    CutOff {
        /// The file.
        path: PathBuf,
        /// What it should hold.
        what: &'static str,
        /// How that ends.
        begin: &'static str,
    },
    /// A list of revoked certificates by nobody who is believed.
    #[error("a list in {} is of an authority that is none of `authorities`, and would revoke nothing: give the list of one of them, or put the certificate of that authority into the same file", path.display())]
    ListOfOthers {
        /// The file.
        path: PathBuf,
    },
    /// A list of revoked certificates in somebody's name who has not signed it.
    #[error("a list in {} bears the name of one of `authorities`, and was not signed by its key: with it nobody could come in; get the list again from the authority, or renew `authorities` too if its key is a new one", path.display())]
    ListUnsigned {
        /// The file.
        path: PathBuf,
    },
    /// Something in a file that TLS cannot use.
    #[error("{} is of no use for TLS: {error}", path.display())]
    Useless {
        /// The file.
        path: PathBuf,
        /// What is wrong with it.
        error: String,
    },
}

/// How each listener proves who it is, and who the hook has to be, for all threads: what was read last holds for
/// new connections.
#[derive(Debug)]
pub(crate) struct Certificates {
    read: RwLock<Files>,
}

/// What was read.
#[derive(Debug)]
struct Files {
    by_listener: Vec<Option<Identity>>,
    hook: Option<Arc<ClientConfig>>,
}

/// How one listener proves who it is.
#[derive(Debug, Clone)]
struct Identity {
    server: Arc<ServerConfig>,
    /// For connections with other clusters, if it knows whose certificates to believe.
    abroad: Option<Abroad>,
}

/// How a listener speaks with other clusters.
#[derive(Debug, Clone)]
struct Abroad {
    judge: Arc<Judge>,
    /// For connections in its name to those that are believed by a secret, and by their certificate.
    clients: [Arc<ClientConfig>; 2],
}

impl Certificates {
    /// Reads the files that these settings name.
    pub(crate) fn load(settings: &Settings) -> Result<Self, CertificateError> {
        Ok(Self { read: RwLock::new(load(settings)?) })
    }

    /// Reads them again; after an error those that were read before still hold.
    pub(crate) fn reload(&self, settings: &Settings) -> Result<(), CertificateError> {
        let read = load(settings)?;
        *self.read.write().unwrap_or_else(PoisonError::into_inner) = read;
        Ok(())
    }

    /// How the hook that wakes phones is connected to, if that is by TLS.
    pub(crate) fn of_hook(&self) -> Option<Arc<ClientConfig>> {
        self.read.read().unwrap_or_else(PoisonError::into_inner).hook.clone()
    }

    /// How a listener proves who it is; `None` if it does not.
    pub(crate) fn of(&self, listener: u8) -> Option<Arc<ServerConfig>> {
        self.identity(listener).map(|identity| identity.server)
    }

    /// How it proves that to another cluster, which is believed by this.
    pub(crate) fn of_client(&self, listener: u8, trust: &Trust) -> Option<Arc<ClientConfig>> {
        let [by_secret, by_certificate] = self.identity(listener)?.abroad?.clients;
        Some(match trust {
            Trust::Secret(_) => by_secret,
            Trust::Certificate => by_certificate,
        })
    }

    /// Who judges the certificates that other clusters show to a listener.
    pub(crate) fn judge(&self, listener: u8) -> Option<Arc<Judge>> {
        Some(self.identity(listener)?.abroad?.judge)
    }

    fn identity(&self, listener: u8) -> Option<Identity> {
        let read = self.read.read().unwrap_or_else(PoisonError::into_inner);
        read.by_listener.get(usize::from(listener)).cloned().flatten()
    }
}

/// Sees whether the files of these listeners, and of the hook, can be used.
pub fn check<'l>(
    listeners: impl IntoIterator<Item = (&'l TlsFiles, Face)>,
    push: Option<&PushHook>,
) -> Result<(), CertificateError> {
    listeners.into_iter().try_for_each(|(files, face)| identity(files, face).map(drop))?;
    hook(push).map(drop)
}

/// The domains for which the certificate in a file stands (RFC 5922 §7.1).
pub fn domains(files: &TlsFiles) -> Result<Vec<Cid>, CertificateError> {
    let chain = certificates(&files.certificate)?;
    Ok(chain.first().map(domains_of).unwrap_or_default())
}

fn load(settings: &Settings) -> Result<Files, CertificateError> {
    let one = |listener: &Listener| {
        let files = listener.tls.as_ref();
        files.map(|files| identity(files, listener.face)).transpose()
    };
    let by_listener = settings.listeners.iter().map(one).collect::<Result<_, _>>()?;
    Ok(Files { by_listener, hook: hook(settings.push.as_deref())? })
}

/// How a hook is connected to, if that is by TLS: like any web server, by its name or address.
fn hook(push: Option<&PushHook>) -> Result<Option<Arc<ClientConfig>>, CertificateError> {
    let Some(path) = push.and_then(|hook| hook.authorities.as_deref()) else { return Ok(None) };
    let useless = |error: String| CertificateError::Useless { path: path.into(), error };
    let mut roots = RootCertStore::empty();
    // What everybody believes is a long list, and one that is of no use says nothing against the others.
    let (good, _) = roots.add_parsable_certificates(certificates(path)?);
    if good == 0 {
        return Err(useless("none of its certificates is that of an authority".to_owned()));
    }
    let config = ClientConfig::builder_with_provider(provider())
        .with_safe_default_protocol_versions()
        .map_err(|error| useless(error.to_string()))?
        .with_root_certificates(roots)
        .with_no_client_auth();
    Ok(Some(Arc::new(config)))
}

fn identity(files: &TlsFiles, face: Face) -> Result<Identity, CertificateError> {
    let judge = files.authorities.as_ref().map(|path| {
        let (provider, authorities) = (provider(), certificates(path)?);
        let lists = files.revocations.as_deref().map(|lists| revocations(lists, &authorities, &provider));
        Ok(Arc::new(Judge::new(roots(path, authorities)?, lists.transpose()?.unwrap_or_default(), provider)))
    });
    let judge: Option<Arc<Judge>> = judge.transpose()?;
    let is_abroad = face == Face::Federation;
    // A cluster that shows none may still know a secret.
    let (purpose, is_mandatory) =
        if is_abroad { (Purpose::Client, false) } else { (Purpose::Phone, files.demands) };
    let judges = judge.clone().map(|judge| ClientJudge { judge, purpose, is_mandatory });
    let server = Arc::new(server(files, judges)?);
    let abroad = |judge: Arc<Judge>| -> Result<Abroad, CertificateError> {
        let judge_for = |purpose| ServerJudge { judge: Arc::clone(&judge), purpose };
        let client = |purpose| Ok(Arc::new(client(files, judge_for(purpose))?));
        let clients = [client(Purpose::Server)?, client(Purpose::Domain)?];
        Ok(Abroad { judge, clients })
    };
    Ok(Identity { server, abroad: judge.filter(|_| is_abroad).map(abroad).transpose()? })
}

fn client(files: &TlsFiles, judge: ServerJudge) -> Result<ClientConfig, CertificateError> {
    let useless = |error: rustls::Error| CertificateError::Useless {
        path: files.certificate.clone(),
        error: error.to_string(),
    };
    let mut config = ClientConfig::builder_with_provider(provider())
        .with_safe_default_protocol_versions()
        .map_err(useless)?
        .dangerous()
        .with_custom_certificate_verifier(Arc::new(judge))
        .with_client_auth_cert(certificates(&files.certificate)?, private_key(&files.key)?)
        .map_err(useless)?;
    // A connection lives long, and each is judged anew.
    config.resumption = Resumption::disabled();
    Ok(config)
}

fn server(files: &TlsFiles, judge: Option<ClientJudge>) -> Result<ServerConfig, CertificateError> {
    let useless = |path: &Path, error: &dyn std::fmt::Display| CertificateError::Useless {
        path: path.into(),
        error: error.to_string(),
    };
    let chain = certificates(&files.certificate)?;
    let key = private_key(&files.key)?;
    let builder = ServerConfig::builder_with_provider(provider())
        .with_safe_default_protocol_versions()
        .map_err(|error| useless(&files.certificate, &error))?;
    let judges = judge.is_some();
    let builder = match judge {
        Some(judge) => builder.with_client_cert_verifier(Arc::new(judge)),
        None => builder.with_no_client_auth(),
    };
    let mut config = builder.with_single_cert(chain, key).map_err(|error| {
        if matches!(error, rustls::Error::InconsistentKeys(_)) {
            let (key, certificate) = (files.key.clone(), files.certificate.clone());
            CertificateError::OtherKey { key, certificate }
        } else {
            useless(&files.certificate, &error)
        }
    })?;
    // Phones come back with a ticket that they keep; nothing is kept here for them. Where certificates are
    // asked for, each connection shows one: by a ticket one that was revoked since would come back.
    config.session_storage = Arc::new(NoServerSessionStorage {});
    if let (false, Ok(ticketer)) = (judges, ring::Ticketer::new()) {
        config.ticketer = ticketer;
    }
    Ok(config)
}

/// The authorities of a file.
fn roots(path: &Path, authorities: Vec<CertificateDer<'static>>) -> Result<RootCertStore, CertificateError> {
    let mut roots = RootCertStore::empty();
    for certificate in authorities {
        roots
            .add(certificate)
            .map_err(|error| CertificateError::Useless { path: path.into(), error: error.to_string() })?;
    }
    Ok(roots)
}

fn private_key(path: &Path) -> Result<PrivateKeyDer<'static>, CertificateError> {
    PrivateKeyDer::from_pem_file(path).map_err(|error| of_pem(path, error, ["private key", "PRIVATE KEY"]))
}

fn certificates(path: &Path) -> Result<Vec<CertificateDer<'static>>, CertificateError> {
    let read = CertificateDer::pem_file_iter(path).and_then(Iterator::collect::<Result<Vec<_>, _>>);
    let read =
        read.and_then(|chain| if chain.is_empty() { Err(pem::Error::NoItemsFound) } else { Ok(chain) });
    read.map_err(|error| of_pem(path, error, ["certificate", "CERTIFICATE"]))
}

/// What is wrong with a file that holds no such thing as it should.
pub(super) fn of_pem(path: &Path, error: pem::Error, [what, begin]: [&'static str; 2]) -> CertificateError {
    let path = path.into();
    #[allow(clippy::wildcard_enum_match_arm, reason = "the crate's errors are not ours to list")]
    match error {
        pem::Error::Io(error) => CertificateError::Unreadable { path, error },
        pem::Error::NoItemsFound => CertificateError::Empty { path, what, begin },
        pem::Error::MissingSectionEnd { .. } => CertificateError::CutOff { path, what, begin },
        other => CertificateError::Useless { path, error: other.to_string() },
    }
}

fn provider() -> Arc<CryptoProvider> {
    Arc::new(ring::default_provider())
}
