//! Certificates made for a test, and the far ends that speak TLS and WebSocket.

use std::cell::Cell;
use std::fs;
use std::io::{self, Read, Write};
use std::net::TcpStream;
use std::path::PathBuf;
use std::sync::Arc;

use ratatosk::config::TlsFiles;
use rcgen::{
    BasicConstraints, CertificateParams, CertificateRevocationListParams, CertifiedIssuer, DnType,
    ExtendedKeyUsagePurpose, IsCa, KeyIdMethod, KeyPair, RevokedCertParams, SanType, date_time_ymd,
};
use rustls::crypto::ring;
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, PrivateKeyDer, ServerName};
use rustls::{ClientConfig, ClientConnection, RootCertStore, ServerConfig, StreamOwned};
use tempfile::TempDir;
use tungstenite::WebSocket;
use tungstenite::client::IntoClientRequest;
use tungstenite::http::HeaderValue;

/// The far end of a TLS connection.
pub(crate) type Tls = StreamOwned<ClientConnection, TcpStream>;

/// Somebody whose certificates are believed by those who are told so.
#[derive(Debug)]
pub(crate) struct Authority {
    dir: TempDir,
    issuer: CertifiedIssuer<'static, KeyPair>,
    /// How many certificates it has signed: each has its number.
    issued: Cell<u64>,
}

impl Authority {
    pub(crate) fn new() -> Self {
        Self::named("authority of a test")
    }

    pub(crate) fn named(name: &str) -> Self {
        let mut params = CertificateParams::new([]).unwrap();
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        params.distinguished_name.push(DnType::CommonName, name);
        let issuer = CertifiedIssuer::self_signed(params, KeyPair::generate().unwrap()).unwrap();
        let authority = Self { dir: tempfile::tempdir().unwrap(), issuer, issued: Cell::new(0) };
        fs::write(authority.file(), authority.issuer.pem()).unwrap();
        authority
    }

    /// Its own certificate.
    pub(crate) fn file(&self) -> PathBuf {
        self.dir.path().join("authority.pem")
    }

    /// A certificate for these names (URIs, domains or addresses), good in these years, under
    /// the name of a file.
    pub(crate) fn issue(&self, file: &str, names: &[&str], years: [i32; 2]) -> TlsFiles {
        self.issue_for(file, names, years, &[])
    }

    /// The same for these uses (RFC 5280 §4.2.1.12).
    pub(crate) fn issue_for(
        &self,
        file: &str,
        names: &[&str],
        years: [i32; 2],
        uses: &[ExtendedKeyUsagePurpose],
    ) -> TlsFiles {
        let (uris, others): (Vec<&str>, Vec<&str>) = names.iter().partition(|name| name.starts_with("sip"));
        let mut params =
            CertificateParams::new(others.into_iter().map(Into::into).collect::<Vec<_>>()).unwrap();
        params.subject_alt_names.extend(uris.iter().map(|uri| SanType::URI((*uri).try_into().unwrap())));
        params.extended_key_usages = uses.to_vec();
        self.issued.set(self.issued.get() + 1);
        params.serial_number = Some(self.issued.get().into());
        (params.not_before, params.not_after) =
            (date_time_ymd(years[0], 1, 1), date_time_ymd(years[1], 1, 1));
        let key = KeyPair::generate().unwrap();
        let certificate = params.signed_by(&key, &self.issuer).unwrap();
        let path = |end: &str| self.dir.path().join(format!("{file}.{end}"));
        fs::write(path("pem"), certificate.pem()).unwrap();
        fs::write(path("key"), key.serialize_pem()).unwrap();
        TlsFiles {
            certificate: path("pem"),
            key: path("key"),
            authorities: None,
            demands: true,
            revocations: None,
        }
    }

    /// The number of the certificate that it has signed last.
    pub(crate) fn latest(&self) -> u64 {
        self.issued.get()
    }

    /// Writes a list that revokes the certificates of these numbers; the next list is due in that year.
    pub(crate) fn revoke(&self, numbers: &[u64], next: i32) -> PathBuf {
        let revoked = |number: &u64| RevokedCertParams {
            serial_number: (*number).into(),
            revocation_time: date_time_ymd(2020, 1, 1),
            reason_code: None,
            invalidity_date: None,
        };
        let list = CertificateRevocationListParams {
            this_update: date_time_ymd(2020, 1, 2),
            next_update: date_time_ymd(next, 1, 1),
            crl_number: 1.into(),
            issuing_distribution_point: None,
            revoked_certs: numbers.iter().map(revoked).collect(),
            key_identifier_method: KeyIdMethod::Sha256,
        };
        let path = self.dir.path().join("revoked.pem");
        fs::write(&path, list.signed_by(&self.issuer).unwrap().pem().unwrap()).unwrap();
        path
    }

    /// One for north.test on the loopback, for as long as anybody runs this test.
    pub(crate) fn usual(&self) -> TlsFiles {
        self.issue("north", &["north.test", "127.0.0.1", "::1"], [2020, 2100])
    }

    /// Connects by TLS, believing this authority, as whoever has these files.
    pub(crate) fn connect(&self, stream: TcpStream, own: Option<&TlsFiles>) -> Tls {
        self.connect_to("north.test", stream, own)
    }

    /// The same, to whoever has to have a certificate for this name.
    pub(crate) fn connect_to(&self, name: &'static str, stream: TcpStream, own: Option<&TlsFiles>) -> Tls {
        tls(self.client(own), name, stream)
    }

    /// How whoever has these files connects, believing this authority; and comes back, if he may.
    pub(crate) fn client(&self, own: Option<&TlsFiles>) -> Arc<ClientConfig> {
        let builder = ClientConfig::builder_with_provider(Arc::new(ring::default_provider()))
            .with_safe_default_protocol_versions()
            .unwrap()
            .with_root_certificates(self.roots());
        Arc::new(match own {
            Some(own) => {
                let chain = CertificateDer::pem_file_iter(&own.certificate).unwrap().map(Result::unwrap);
                let key = PrivateKeyDer::from_pem_file(&own.key).unwrap();
                builder.with_client_auth_cert(chain.collect(), key).unwrap()
            }
            None => builder.with_no_client_auth(),
        })
    }

    fn roots(&self) -> RootCertStore {
        let mut roots = RootCertStore::empty();
        roots.add(self.issuer.der().clone()).unwrap();
        roots
    }
}

/// How one is connected to who has these files.
pub(crate) fn serving(own: &TlsFiles) -> Arc<ServerConfig> {
    let chain = CertificateDer::pem_file_iter(&own.certificate).unwrap().map(Result::unwrap);
    let config = ServerConfig::builder_with_provider(Arc::new(ring::default_provider()))
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_no_client_auth()
        .with_single_cert(chain.collect(), PrivateKeyDer::from_pem_file(&own.key).unwrap())
        .unwrap();
    Arc::new(config)
}

/// Connects by TLS to whoever has to have a certificate for this name.
pub(crate) fn tls(config: Arc<ClientConfig>, name: &'static str, stream: TcpStream) -> Tls {
    let name = ServerName::try_from(name).unwrap();
    StreamOwned::new(ClientConnection::new(config, name).unwrap(), stream)
}

/// What carries a WebSocket.
pub(crate) enum Carrier {
    Plain(TcpStream),
    Tls(Box<Tls>),
}

impl Carrier {
    pub(crate) fn socket(&self) -> &TcpStream {
        match self {
            Self::Plain(stream) => stream,
            Self::Tls(tls) => &tls.sock,
        }
    }
}

impl Read for Carrier {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        match self {
            Self::Plain(stream) => stream.read(buffer),
            Self::Tls(tls) => tls.read(buffer),
        }
    }
}

impl Write for Carrier {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        match self {
            Self::Plain(stream) => stream.write(bytes),
            Self::Tls(tls) => tls.write(bytes),
        }
    }

    fn flush(&mut self) -> io::Result<()> {
        match self {
            Self::Plain(stream) => stream.flush(),
            Self::Tls(tls) => tls.flush(),
        }
    }
}

/// Greets as a browser does, from a page of `origin`, offering this sub-protocol; gives the
/// WebSocket, or the status that it was refused with.
pub(crate) fn greet(
    carrier: Carrier,
    protocol: Option<&'static str>,
    origin: Option<&'static str>,
) -> Result<WebSocket<Carrier>, u16> {
    let mut request = "ws://north.test/".into_client_request().unwrap();
    for (name, value) in [("Sec-WebSocket-Protocol", protocol), ("Origin", origin)] {
        if let Some(value) = value {
            request.headers_mut().insert(name, HeaderValue::from_static(value));
        }
    }
    match tungstenite::client::client(request, carrier) {
        Ok((socket, response)) => {
            assert_eq!(response.headers().get("Sec-WebSocket-Protocol").unwrap(), "sip");
            Ok(socket)
        }
        Err(tungstenite::HandshakeError::Failure(tungstenite::Error::Http(response))) => {
            Err(response.status().as_u16())
        }
        Err(error) => panic!("{error}"),
    }
}
