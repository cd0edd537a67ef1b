//! Where a domain's servers are, as the DNS says: a machine that asks one question after the other and is
//! fed the answers.
//!
//! ```text
//!   NAPTR ──SIP+D2T, …──▶ SRV of each, in order ──▶ addresses of each, by priority and weight
//!     │                    ▲
//!     └──none──▶ SRV of each transport that we speak ──none──▶ addresses of the domain itself
//! ```
//!
//! No answer makes a question that was not bounded before it: however many records there are, and
//! wherever they point, the machine ends.
//!
//! Implements: RFC 3263 §4.1, §4.2; RFC 2782 (order and weights).

use std::collections::VecDeque;
use std::net::SocketAddr;

use crate::base::Rng;
use crate::effect::Transport;
use crate::effect::dns::{Answer, Question, Record, Target};

/// Records of one answer that are looked at.
const RECORDS_MAX: usize = 16;
/// Targets of a domain.
const TARGETS_MAX: usize = 16;
/// Questions that are asked for one domain.
const QUESTIONS_MAX: usize = 48;
/// Shortest and longest time that what was found is believed, seconds.
const TTL_S: (u32, u32) = (30, 3_600);

/// A domain that is being looked for.
#[derive(Debug)]
pub struct Resolution {
    domain: String,
    /// The transports that we speak, the best first.
    spoken: Vec<Transport>,
    steps: VecDeque<Step>,
    asked: usize,
    /// Whether a service was found, so that the domain itself is not taken for one.
    has_service: bool,
    is_silent: bool,
    found: Vec<Target>,
    ttl_s: u32,
}

#[derive(Debug, Clone, PartialEq, Eq)]
enum Step {
    Naptr,
    Srv { name: String, transport: Transport },
    Addresses { name: String, port: u16, transport: Transport },
}

/// What was found.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Found {
    /// The targets, in the order in which they are to be tried.
    pub targets: Vec<Target>,
    /// Seconds after which it is time to look again.
    pub ttl_s: u32,
    /// Whether some question was not answered: what was known before may still hold.
    pub is_silent: bool,
}

impl Resolution {
    /// Looks for the servers of a domain that speak one of these transports, the best first.
    pub fn new(domain: &str, spoken: Vec<Transport>) -> Self {
        Self {
            domain: domain.to_owned(),
            spoken,
            steps: [Step::Naptr].into(),
            asked: 0,
            has_service: false,
            is_silent: false,
            found: Vec::new(),
            ttl_s: TTL_S.1,
        }
    }

    /// The question that is to be asked now; `None` when all is known.
    pub fn question(&self) -> Option<Question> {
        Some(match self.steps.front()? {
            Step::Naptr => Question::Naptr(self.domain.clone()),
            Step::Srv { name, .. } => Question::Srv(name.clone()),
            Step::Addresses { name, .. } => Question::Addresses(name.clone()),
        })
    }

    /// Takes the answer to it.
    pub fn on_answer(&mut self, answer: &Answer, rng: &mut Rng) {
        let Some(step) = self.steps.pop_front() else { return };
        self.asked += 1;
        self.is_silent |= !answer.is_answered;
        if !answer.records.is_empty() {
            self.ttl_s = self.ttl_s.min(answer.ttl_s);
        }
        let next = match step {
            Step::Naptr => self.services(&answer.records),
            Step::Srv { transport, .. } => self.servers(&answer.records, transport, rng),
            Step::Addresses { port, transport, .. } => {
                self.keep(&answer.records, port, transport);
                Vec::new()
            }
        };
        for step in next.into_iter().rev() {
            self.steps.push_front(step);
        }
        if self.asked >= QUESTIONS_MAX || self.found.len() >= TARGETS_MAX {
            self.steps.clear();
        } else if self.steps.is_empty() && !self.has_service {
            self.has_service = true;
            self.steps.extend(self.domain_itself());
        }
    }

    /// What was found, once nothing is left to ask.
    pub fn found(self) -> Found {
        let ttl_s = self.ttl_s.clamp(TTL_S.0, TTL_S.1);
        Found { targets: self.found, ttl_s, is_silent: self.is_silent }
    }

    /// The services that the domain names, or those that its transports would have.
    fn services(&self, records: &[Record]) -> Vec<Step> {
        let mut usable: Vec<(u16, u16, Step)> = records
            .iter()
            .filter_map(|record| match record {
                Record::Naptr { order, preference, flags, service, replacement } => {
                    let transport = transport_of(service).filter(|own| self.spoken.contains(own))?;
                    flags
                        .eq_ignore_ascii_case("s")
                        .then(|| (*order, *preference, Step::Srv { name: replacement.clone(), transport }))
                }
                Record::Srv { .. } | Record::Address(_) => None,
            })
            .collect();
        usable.sort_by_key(|(order, preference, _)| (*order, *preference));
        usable.truncate(RECORDS_MAX);
        if !usable.is_empty() {
            return usable.into_iter().map(|(.., step)| step).collect();
        }
        let of_transport = |transport: &Transport| Step::Srv {
            name: format!("{}.{}", service_of(*transport), self.domain),
            transport: *transport,
        };
        self.spoken.iter().map(of_transport).collect()
    }

    /// The servers of a service, in the order that RFC 2782 draws.
    fn servers(&mut self, records: &[Record], transport: Transport, rng: &mut Rng) -> Vec<Step> {
        let mut servers: Vec<Server> = records
            .iter()
            .filter_map(|record| match record {
                Record::Srv { priority, weight, port, target } => Some(Server {
                    priority: *priority,
                    weight: *weight,
                    step: Step::Addresses { name: target.clone(), port: *port, transport },
                    exists: target != "." && *port != 0,
                }),
                Record::Naptr { .. } | Record::Address(_) => None,
            })
            .collect();
        self.has_service |= !servers.is_empty();
        servers.retain(|server| server.exists);
        let mut ordered = in_order(servers, rng);
        ordered.truncate(RECORDS_MAX);
        ordered.into_iter().map(|server| server.step).collect()
    }

    fn keep(&mut self, records: &[Record], port: u16, transport: Transport) {
        for record in records {
            let Record::Address(ip) = record else { continue };
            let target = Target { transport, address: SocketAddr::new(*ip, port) };
            if self.found.len() < TARGETS_MAX && !self.found.contains(&target) {
                self.found.push(target);
            }
        }
    }

    /// Without any service the domain is a host, spoken to as every server can be (RFC 3263 §4.2).
    fn domain_itself(&self) -> Option<Step> {
        let plain = [Transport::Udp, Transport::Tcp].into_iter().find(|own| self.spoken.contains(own));
        let transport = plain.or_else(|| self.spoken.first().copied())?;
        Some(Step::Addresses { name: self.domain.clone(), port: transport.port(), transport })
    }
}

/// A server of a service.
#[derive(Debug)]
struct Server {
    priority: u16,
    weight: u16,
    step: Step,
    exists: bool,
}

/// By priority; among those of one priority each comes first as often as its weight says.
fn in_order(mut servers: Vec<Server>, rng: &mut Rng) -> Vec<Server> {
    // Those without weight first: they have the small chance that the RFC leaves them.
    servers.sort_by_key(|server| (server.priority, server.weight != 0));
    let mut ordered = Vec::with_capacity(servers.len());
    while let Some(priority) = servers.first().map(|server| server.priority) {
        let same = servers.iter().take_while(|server| server.priority == priority);
        let weights: Vec<u64> = same.map(|server| u64::from(server.weight)).collect();
        let drawn = rng.below(weights.iter().sum::<u64>() + 1);
        let mut sum = 0;
        let at = weights.iter().position(|weight| {
            sum += weight;
            sum >= drawn
        });
        ordered.push(servers.remove(at.unwrap_or(0)));
    }
    ordered
}

/// The transport of a service that a domain offers (RFC 3263 §4.1).
fn transport_of(service: &str) -> Option<Transport> {
    let words = [("SIPS+D2T", Transport::Tls), ("SIP+D2T", Transport::Tcp), ("SIP+D2U", Transport::Udp)];
    words.into_iter().find(|(word, _)| service.eq_ignore_ascii_case(word)).map(|(_, transport)| transport)
}

/// The name of a transport's SRV records, before the domain.
const fn service_of(transport: Transport) -> &'static str {
    match transport {
        Transport::Udp => "_sip._udp",
        Transport::Tcp => "_sip._tcp",
        Transport::Tls => "_sips._tcp",
        Transport::Ws => "_sip._ws",
        Transport::Wss => "_sips._ws",
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::base::Rng;
    use proptest::prelude::*;

    const SPOKEN: [Transport; 3] = [Transport::Tls, Transport::Tcp, Transport::Udp];

    fn answer(records: Vec<Record>) -> Answer {
        Answer { records, ttl_s: 60, is_answered: true }
    }

    fn naptr(order: u16, preference: u16, service: &str, replacement: &str) -> Record {
        let (service, replacement) = (service.to_owned(), replacement.to_owned());
        Record::Naptr { order, preference, flags: "s".into(), service, replacement }
    }

    fn srv(priority: u16, weight: u16, port: u16, target: &str) -> Record {
        Record::Srv { priority, weight, port, target: target.to_owned() }
    }

    fn ip(last: u8) -> Record {
        Record::Address([192, 0, 2, last].into())
    }

    /// Asks a zone to the end; the questions and what was found.
    fn resolve(zone: impl Fn(&Question) -> Answer, seed: u64) -> (Vec<Question>, Found) {
        let (mut rng, mut asked) = (Rng::from_seed(seed), Vec::new());
        let mut resolution = Resolution::new("south.test", SPOKEN.into());
        while let Some(question) = resolution.question() {
            resolution.on_answer(&zone(&question), &mut rng);
            asked.push(question);
            assert!(asked.len() <= QUESTIONS_MAX);
        }
        (asked, resolution.found())
    }

    fn text(found: &Found) -> Vec<String> {
        found.targets.iter().map(|target| format!("{} {}", target.transport, target.address)).collect()
    }

    #[test]
    fn naptr_leads_to_srv_and_that_to_addresses_in_their_order() {
        let zone = |question: &Question| {
            answer(match question {
                Question::Naptr(name) if name == "south.test" => vec![
                    naptr(20, 0, "SIP+D2U", "_sip._udp.south.test"),
                    naptr(10, 5, "SIP+D2T", "_sip._tcp.elsewhere.test"),
                    naptr(10, 1, "SIPS+D2T", "_sips._tcp.south.test"),
                    naptr(1, 1, "E2U+email", "mail.south.test"),
                    naptr(1, 1, "SIP+D2W", "_sip._ws.south.test"),
                ],
                Question::Srv(name) if name == "_sips._tcp.south.test" => {
                    vec![srv(2, 0, 5063, "b.south.test"), srv(1, 0, 5061, "a.south.test")]
                }
                Question::Srv(name) if name == "_sip._tcp.elsewhere.test" => {
                    vec![srv(1, 0, 5060, "b.south.test")]
                }
                Question::Addresses(name) if name == "a.south.test" => vec![ip(1), ip(2)],
                Question::Addresses(name) if name == "b.south.test" => vec![ip(3)],
                Question::Naptr(_) | Question::Srv(_) | Question::Addresses(_) => vec![],
            })
        };
        let (asked, found) = resolve(zone, 1);
        assert_eq!(
            text(&found),
            ["tls 192.0.2.1:5061", "tls 192.0.2.2:5061", "tls 192.0.2.3:5063", "tcp 192.0.2.3:5060"]
        );
        assert_eq!((asked.len(), found.ttl_s, found.is_silent), (7, 60, false));
    }

    #[test]
    fn without_naptr_every_transport_of_ours_is_asked_for_and_at_last_the_domain_itself() {
        let srv_only = |question: &Question| {
            answer(match question {
                Question::Srv(name) if name == "_sip._tcp.south.test" => {
                    vec![srv(0, 0, 5070, "a.south.test")]
                }
                Question::Addresses(_) => vec![ip(1)],
                Question::Naptr(_) | Question::Srv(_) => vec![],
            })
        };
        assert_eq!(text(&resolve(srv_only, 1).1), ["tcp 192.0.2.1:5070"]);
        let host = |question: &Question| {
            answer(if matches!(question, Question::Addresses(_)) { vec![ip(9)] } else { vec![] })
        };
        let (asked, found) = resolve(host, 1);
        assert_eq!(text(&found), ["udp 192.0.2.9:5060"]);
        let name = |service: &str| Question::Srv(format!("{service}.south.test"));
        assert_eq!(asked[1..4], [name("_sips._tcp"), name("_sip._tcp"), name("_sip._udp")]);
    }

    #[test]
    fn a_service_that_is_declared_absent_is_not_looked_for_elsewhere() {
        let zone = |question: &Question| {
            answer(match question {
                Question::Srv(_) => vec![srv(0, 0, 0, ".")],
                Question::Addresses(_) => vec![ip(1)],
                Question::Naptr(_) => vec![],
            })
        };
        assert!(resolve(zone, 1).1.targets.is_empty());
    }

    #[test]
    fn silence_garbage_loops_and_too_much_come_to_an_end() {
        let (_, found) = resolve(|_| Answer::SILENCE, 1);
        assert!(found.targets.is_empty() && found.is_silent);
        // Answers to other questions, and names that point at themselves.
        let garbage = |question: &Question| {
            answer(match question {
                Question::Naptr(name) => vec![ip(1), naptr(1, 1, "SIP+D2U", name)],
                Question::Srv(name) => vec![ip(1), srv(1, 1, 5060, name), naptr(1, 1, "SIP+D2U", name)],
                Question::Addresses(name) => vec![srv(1, 1, 5060, name)],
            })
        };
        assert!(resolve(garbage, 1).1.targets.is_empty());
        let many = |question: &Question| {
            answer(match question {
                Question::Naptr(_) => {
                    (0..200).map(|n| naptr(n, 0, "SIP+D2U", &format!("{n}.south.test"))).collect()
                }
                Question::Srv(name) => (0..200).map(|n| srv(n, 0, 5060, &format!("{n}.{name}"))).collect(),
                Question::Addresses(_) => (0..200).map(ip).collect(),
            })
        };
        assert_eq!(resolve(many, 1).1.targets.len(), TARGETS_MAX);
        // Everything points on, and nothing has an address.
        let empty = |question: &Question| {
            if matches!(question, Question::Addresses(_)) { answer(vec![]) } else { many(question) }
        };
        assert_eq!(resolve(empty, 1).0.len(), QUESTIONS_MAX);
    }

    #[test]
    fn weights_are_shares() {
        let zone = |question: &Question| {
            answer(match question {
                Question::Srv(name) if name.starts_with("_sip._tcp") => {
                    vec![srv(1, 60, 1, "a"), srv(1, 30, 2, "b"), srv(1, 10, 3, "c"), srv(0, 0, 4, "first")]
                }
                Question::Addresses(_) => vec![ip(1)],
                Question::Naptr(_) | Question::Srv(_) => vec![],
            })
        };
        let mut second = [0; 3];
        for seed in 0..3_000 {
            let targets = resolve(zone, seed).1.targets;
            assert_eq!((targets.len(), targets[0].address.port()), (4, 4));
            second[usize::from(targets[1].address.port()) - 1] += 1;
        }
        for (count, share) in second.into_iter().zip([1_800, 900, 300]) {
            assert!(i32::abs(count - share) < 120, "{second:?}");
        }
    }

    proptest! {
        #[test]
        fn every_server_comes_once_and_in_the_order_of_priorities(
            servers in proptest::collection::vec((0_u16..4, any::<u16>()), 0..30),
            seed in any::<u64>(),
        ) {
            let server = |(number, (priority, weight)): (usize, &(u16, u16))| Server {
                priority: *priority,
                weight: *weight,
                step: Step::Srv { name: number.to_string(), transport: Transport::Udp },
                exists: true,
            };
            let ordered = in_order(servers.iter().enumerate().map(server).collect(), &mut Rng::from_seed(seed));
            prop_assert!(ordered.is_sorted_by_key(|server| server.priority));
            let mut names: Vec<_> = ordered.iter().map(|server| format!("{:?}", server.step)).collect();
            names.sort();
            names.dedup();
            prop_assert_eq!(names.len(), servers.len());
        }
    }
}
