//! Asking the DNS. What the answers mean is decided in [`crate::transport`].
//!
//! Implements: RFC 1035; RFC 2782; RFC 3403 (the records).

use std::net::SocketAddr;
use std::time::Duration;

use hickory_resolver::TokioResolver;
use hickory_resolver::config::{ConnectionConfig, NameServerConfig, ResolverConfig};
use hickory_resolver::net::runtime::TokioRuntimeProvider;
use hickory_resolver::proto::rr::{Name, RData, RecordType};
use tokio::time::timeout;

use crate::effect::dns::{Answer, Question, Record};

/// Whom one thread asks.
pub(crate) struct Dns {
    resolver: Option<TokioResolver>,
}

impl Dns {
    /// Asks these servers, or those of the system.
    pub(crate) fn new(servers: &[SocketAddr]) -> Self {
        let built = if servers.is_empty() {
            TokioResolver::builder_tokio().and_then(|builder| configured(builder).build())
        } else {
            let servers = servers.iter().map(name_server).collect();
            let config = ResolverConfig::from_parts(None, Vec::new(), servers);
            let provider = TokioRuntimeProvider::default();
            configured(TokioResolver::builder_with_config(config, provider)).build()
        };
        if let Err(error) = &built {
            tracing::warn!(%error, "names cannot be looked up: see /etc/resolv.conf, or give `servers` in [dns]");
        }
        Self { resolver: built.ok() }
    }

    /// Asks a question. Whatever comes of it is an answer.
    pub(crate) fn ask(&self, question: Question) -> impl Future<Output = Answer> + use<> {
        let resolver = self.resolver.clone();
        async move {
            let Some(resolver) = resolver else { return Answer::SILENCE };
            match question {
                Question::Naptr(name) => look_up(&resolver, &name, RecordType::NAPTR).await,
                Question::Srv(name) => look_up(&resolver, &name, RecordType::SRV).await,
                Question::Addresses(name) => {
                    let v6 = look_up(&resolver, &name, RecordType::AAAA);
                    let v4 = look_up(&resolver, &name, RecordType::A);
                    let (v6, v4) = tokio::join!(v6, v4);
                    both(v6, v4)
                }
            }
        }
    }
}

fn name_server(address: &SocketAddr) -> NameServerConfig {
    let at_port = |mut connection: ConnectionConfig| {
        connection.port = address.port();
        connection
    };
    let connections = [ConnectionConfig::udp(), ConnectionConfig::tcp()].map(at_port).into();
    NameServerConfig::new(address.ip(), true, connections)
}

type Builder = hickory_resolver::ResolverBuilder<TokioRuntimeProvider>;

/// Once more, after a second, is enough: the peer's next question comes soon. What was found is kept here
/// no longer than the machine believes it.
fn configured(mut builder: Builder) -> Builder {
    let options = builder.options_mut();
    options.attempts = 2;
    options.timeout = Duration::from_secs(1);
    options.cache_size = 0;
    builder
}

async fn look_up(resolver: &TokioResolver, name: &str, kind: RecordType) -> Answer {
    // What is no name has no records.
    let Ok(mut name) = Name::from_utf8(name) else {
        return Answer { is_answered: true, ..Answer::SILENCE };
    };
    name.set_fqdn(true);
    let found = match timeout(PATIENCE, resolver.lookup(name, kind)).await {
        Ok(Ok(found)) => found,
        Ok(Err(error)) => {
            return Answer { is_answered: error.is_no_records_found(), ..Answer::SILENCE };
        }
        Err(_) => return Answer::SILENCE,
    };
    let ttl_s = found.answers().iter().map(|record| record.ttl).min().unwrap_or(0);
    let records = found.answers().iter().filter_map(|record| record_of(&record.data)).collect();
    Answer { records, ttl_s, is_answered: true }
}

fn record_of(data: &RData) -> Option<Record> {
    let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
    #[allow(clippy::wildcard_enum_match_arm, reason = "the other records of the DNS say nothing here")]
    match data {
        RData::NAPTR(naptr) => Some(Record::Naptr {
            order: naptr.order,
            preference: naptr.preference,
            flags: text(&naptr.flags),
            service: text(&naptr.services),
            replacement: naptr.replacement.to_utf8(),
        }),
        RData::SRV(srv) => Some(Record::Srv {
            priority: srv.priority,
            weight: srv.weight,
            port: srv.port,
            target: srv.target.to_utf8(),
        }),
        RData::A(ip) => Some(Record::Address(ip.0.into())),
        RData::AAAA(ip) => Some(Record::Address(ip.0.into())),
        _ => None,
    }
}

fn both(v6: Answer, v4: Answer) -> Answer {
    let ttls = [&v6, &v4].map(|answer| (!answer.records.is_empty()).then_some(answer.ttl_s));
    Answer {
        ttl_s: ttls.into_iter().flatten().min().unwrap_or(0),
        is_answered: v6.is_answered && v4.is_answered,
        records: v6.records.into_iter().chain(v4.records).collect(),
    }
}

/// How long an answer may take, with every repeat.
const PATIENCE: Duration = Duration::from_secs(5);
