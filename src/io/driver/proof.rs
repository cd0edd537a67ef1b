//! What the TLS of other clusters proves: of which domains a far end is; and whose certificate is not
//! believed, cluster or phone, which is told once.
//!
//! Implements: RFC 5922 §7.3, §7.4; RFC 5923 §5, §8 (connections are reused both ways).

use std::collections::HashMap;
use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;
use std::time::Duration;

use rustls::{AlertDescription, CertificateError, Error};

use crate::base::{At, Cid, Now};
use crate::config::{Face, Trust};
use crate::effect::dns::Target;
use crate::effect::{Fact, Flow, StreamId, Transport};
use crate::io::net::stream::Stream;
use crate::server::Input;
use crate::sip::Message;

use super::inbox::Word;
use super::thread::Thread;

/// Far ends whose certificates were not believed, or that did not believe ours; since when that is known.
#[derive(Debug, Default)]
pub(super) struct Doubted(HashMap<(IpAddr, String), At>);

impl Doubted {
    /// Whether this is news.
    fn add(&mut self, now: At, ip: IpAddr, why: &str) -> bool {
        if self.0.len() >= DOUBTED_MAX {
            self.0.retain(|_, since| now.since(*since) < TOLD_FOR);
        }
        let known = self.0.get(&(ip, why.to_owned()));
        if known.is_some_and(|since| now.since(*since) < TOLD_FOR) || self.0.len() >= DOUBTED_MAX {
            return false;
        }
        self.0.insert((ip, why.to_owned()), now);
        true
    }
}

impl Thread {
    /// Tells every user server of which domains the far end of a stream is, as soon as it has proved that.
    pub(super) fn note_proof(&self, now: Now, stream: &Stream) {
        let Some(domains) = stream.proved() else { return };
        self.doubted.borrow_mut().0.retain(|(ip, _), _| *ip != stream.flow.remote.ip());
        for inbox in self.others() {
            inbox.put(Word::Proved(stream.flow, Arc::clone(&domains)));
        }
        self.tell(now, Input::Proved(stream.flow, domains));
    }

    /// A cluster that has proved itself takes our requests by the connection that it has made, if it says so:
    /// then we make none to the address that it names.
    pub(super) fn note_alias(&self, stream: &Stream, request: &Message) {
        let via = request.via().filter(|via| request.is_request() && via.params.has("alias"));
        let Some(via) = via else { return };
        let settings = self.settings();
        let named = std::str::from_utf8(via.host).ok().and_then(|host| host.parse().ok());
        let ip = named.unwrap_or(stream.flow.remote.ip());
        let address = SocketAddr::new(ip, via.port.unwrap_or(Transport::Tls.port()));
        let Some(listener) = settings.listener_for(Target { transport: Transport::Tls, address }) else {
            return;
        };
        for peer in settings.peers.iter().filter(|peer| peer.trust == Trust::Certificate) {
            if stream.is_of(&peer.cid) {
                let to = Some(StreamId::of_cluster(&peer.cid));
                let end = Flow { listener, remote: address, stream: to };
                self.dials.borrow_mut().reuse(end, stream.flow);
            }
        }
    }

    /// The TLS of a stream has failed: if it was for a certificate, it is told.
    pub(super) fn note_failure(&self, now: Now, stream: &Stream) {
        let Some(error) = stream.failure() else { return };
        let flow = stream.flow;
        let is_phone = self.settings().face(flow.listener) != Some(Face::Federation);
        let why = if is_phone { words_of_phone(&error) } else { words(&error) };
        let Some(why) = why else { return };
        if !self.doubted.borrow_mut().add(now.at, flow.remote.ip(), &why) {
            return;
        }
        if is_phone {
            self.observe(&Fact::PhoneCertificate { source: flow.remote, why });
        } else {
            let peer = self.dials.borrow().to(flow).and_then(|end| self.cluster_of(end));
            self.observe(&Fact::CertificateFault { peer, source: flow.remote, why });
        }
    }

    /// The cluster that a flow to one of its servers is for.
    pub(super) fn cluster_of(&self, end: Flow) -> Option<Cid> {
        let settings = self.settings();
        let peers = settings.peers.iter();
        peers.map(|peer| &peer.cid).find(|cid| end.is_of_cluster(cid)).cloned()
    }
}

/// What is wrong with a certificate, in plain words with a way out; `None` if it was something else.
fn words(error: &Error) -> Option<String> {
    #[allow(clippy::wildcard_enum_match_arm, reason = "the crate's errors are not ours to list")]
    let words = match error {
        Error::InvalidCertificate(why) => match why {
            CertificateError::Expired | CertificateError::ExpiredContext { .. } => {
                "its certificate has expired: the other cluster's operator has to replace it"
            }
            CertificateError::NotValidYet | CertificateError::NotValidYetContext { .. } => {
                "its certificate is not good yet: compare the clocks of the two clusters"
            }
            CertificateError::Revoked => {
                "its certificate was revoked by the authority that signed it: the other cluster's operator has to get another"
            }
            CertificateError::UnknownIssuer | CertificateError::BadSignature => {
                "none of our `authorities` has signed its certificate"
            }
            CertificateError::NotValidForName | CertificateError::NotValidForNameContext { .. } => {
                "its certificate is for another domain: it has to name the `id` of the [[federation]], as the URI sip:id or as a DNS name"
            }
            CertificateError::InvalidPurpose | CertificateError::InvalidPurposeContext { .. } => {
                "its certificate is not meant for SIP: where it has an extended key usage, that has to hold sipDomain (1.3.6.1.5.5.7.3.20)"
            }
            other => return Some(format!("its certificate is of no use: {other}")),
        },
        Error::AlertReceived(
            AlertDescription::UnknownCA
            | AlertDescription::BadCertificate
            | AlertDescription::CertificateExpired
            | AlertDescription::CertificateRevoked
            | AlertDescription::CertificateUnknown
            | AlertDescription::UnsupportedCertificate
            | AlertDescription::CertificateRequired,
        ) => {
            return Some(format!(
                "it refuses our certificate ({error}): see to that, and to whom it believes"
            ));
        }
        _ => return None,
    };
    Some(words.to_owned())
}

/// The same where phones come.
fn words_of_phone(error: &Error) -> Option<String> {
    #[allow(clippy::wildcard_enum_match_arm, reason = "the crate's errors are not ours to list")]
    let words = match error {
        Error::NoCertificatesPresented => {
            "it shows no certificate, and this listener lets in nobody without one (`authorities`)"
        }
        Error::InvalidCertificate(why) => match why {
            CertificateError::Expired | CertificateError::ExpiredContext { .. } => {
                "its certificate has expired: it needs another one"
            }
            CertificateError::NotValidYet | CertificateError::NotValidYetContext { .. } => {
                "its certificate is not good yet: compare this machine's clock with that of the authority"
            }
            CertificateError::Revoked => "its certificate stands in `revocations`",
            CertificateError::UnknownIssuer | CertificateError::BadSignature => {
                "none of `authorities` has signed its certificate"
            }
            CertificateError::InvalidPurpose | CertificateError::InvalidPurposeContext { .. } => {
                "its certificate is not meant for it: where it has an extended key usage, that has to hold clientAuth"
            }
            other => return Some(format!("its certificate is of no use: {other}")),
        },
        Error::AlertReceived(_) => return words(error),
        _ => return None,
    };
    Some(words.to_owned())
}

/// Far ends of which is kept that it was told.
const DOUBTED_MAX: usize = 1_024;
/// After that time it is told again.
const TOLD_FOR: Duration = Duration::from_secs(3_600);
