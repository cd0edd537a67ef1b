//! What one thread has counted.

use std::cell::RefCell;
use std::time::Duration;

use hashbrown::HashMap;

use super::histogram::Histogram;
use super::metric::{self, Metric};
use crate::base::ServerIndex;
use crate::effect::fact::{CallRecord, Dropped, PageRecord};
use crate::effect::{Fact, Pushed};
use crate::server::Census;
use crate::sip::{Message, Method};

/// Something that is counted.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(crate) enum Count {
    Request(Method),
    Response(u16),
    Dropped(Dropped),
    Limit(&'static str),
    Decision {
        tree: &'static str,
        action: &'static str,
    },
    Answered,
    /// A half of a call that was answered is over.
    Left,
    Ended {
        tree: &'static str,
        class: u16,
    },
    Page {
        tree: &'static str,
        how: &'static str,
        status: u16,
    },
    FromInbox(&'static str),
    FromOutbox,
    Registered {
        renewed: bool,
    },
    Unregistered(&'static str),
    Flow {
        works: bool,
    },
    Pushed(&'static str),
    WrongPassword,
}

/// What a thread has counted, and how long its turns took.
#[derive(Debug, Default)]
pub(crate) struct Tally {
    counts: RefCell<HashMap<Count, u64>>,
    turns: RefCell<Histogram>,
}

/// The figures of one thread at one moment.
#[derive(Debug)]
pub struct Snapshot {
    pub(crate) server: ServerIndex,
    pub(crate) counts: Vec<(Count, u64)>,
    pub(crate) turns: Histogram,
    pub(crate) census: Census,
    /// Messages that wait.
    pub(crate) queue: usize,
}

impl Tally {
    /// A message has come.
    pub(crate) fn received(&self, message: &Message) {
        if message.is_request() {
            self.add(Count::Request(message.method()));
        }
    }

    /// A message is sent.
    pub(crate) fn sent(&self, bytes: &[u8]) {
        if let Some(status) = status_of(bytes) {
            self.add(Count::Response(status));
        }
    }

    /// A turn took so long.
    pub(crate) fn turn(&self, took: Duration) {
        self.turns.borrow_mut().note(took);
    }

    /// A limit was reached.
    pub(crate) fn limit(&self, limit: &'static str) {
        self.add(Count::Limit(limit));
    }

    /// Something has happened.
    pub(crate) fn note(&self, fact: &Fact) {
        match *fact {
            Fact::Registered { renewed, .. } => self.add(Count::Registered { renewed }),
            Fact::Unregistered { why, .. } => self.add(Count::Unregistered(why)),
            Fact::Flow { works, .. } => self.add(Count::Flow { works }),
            Fact::Pushed { pushed, .. } => self.add(Count::Pushed(outcome_of(pushed))),
            Fact::WrongPassword { paused, .. } | Fact::WrongSecret { paused, .. } => {
                self.add(Count::WrongPassword);
                if paused {
                    self.limit("wrong_passwords_per_minute");
                }
            }
            Fact::Decided { tree, action } => self.add(Count::Decision { tree: tree.as_str(), action }),
            Fact::Limit(limit) => self.limit(limit),
            Fact::CallAnswered { .. } => self.add(Count::Answered),
            Fact::CallEnded(ref record) => self.ended(record),
            Fact::Page(ref record) => self.page(record),
            Fact::InboxDelivered { .. } => self.add(Count::FromInbox("delivered")),
            Fact::InboxRefused { .. } => self.add(Count::FromInbox("refused")),
            Fact::PageSettled { .. } => self.add(Count::FromOutbox),
            Fact::Dropped(why) => {
                self.add(Count::Dropped(why));
                if why == Dropped::Stranger {
                    self.limit("strangers_burst");
                }
            }
            Fact::TurnedAway => self.limit("transactions"),
            // Who is there is told by its state, and the rest by the event log.
            Fact::NeverAnswers { .. }
            | Fact::CallRouted { .. }
            | Fact::Noted { .. }
            | Fact::PeerUp { .. }
            | Fact::PeerDown { .. }
            | Fact::SecretRefused { .. }
            | Fact::CertificateRefused { .. }
            | Fact::NoRenewals { .. }
            | Fact::PhoneCertificate { .. }
            | Fact::CertificateFault { .. } => {}
        }
    }

    /// All of it now.
    pub(crate) fn snapshot(&self, server: ServerIndex, census: Census, queue: usize) -> Snapshot {
        let counts = self.counts.borrow().iter().map(|(count, times)| (*count, *times)).collect();
        Snapshot { server, counts, turns: *self.turns.borrow(), census, queue }
    }

    fn ended(&self, record: &CallRecord) {
        if record.answered_ms.is_some() {
            self.add(Count::Left);
        }
        self.add(Count::Ended { tree: record.direction, class: record.status / 100 });
    }

    fn page(&self, record: &PageRecord) {
        let how = if record.how.is_empty() { "nobody" } else { record.how };
        self.add(Count::Page { tree: record.direction, how, status: record.status });
    }

    fn add(&self, count: Count) {
        *self.counts.borrow_mut().entry(count).or_default() += 1;
    }
}

impl Count {
    /// The metric that it belongs to, and the values of its labels. `None` for what is only reckoned with.
    pub(super) fn series(self) -> Option<(Metric, Vec<String>)> {
        let (metric, labels): (Metric, Vec<&str>) = match self {
            Self::Response(status) => return Some((metric::RESPONSES, vec![status.to_string()])),
            Self::Ended { tree, class } => {
                return Some((metric::CALLS_ENDED, vec![tree.to_owned(), format!("{class}xx")]));
            }
            Self::Page { tree, how, status } => {
                return Some((metric::PAGES, vec![tree.to_owned(), how.to_owned(), status.to_string()]));
            }
            Self::Left => return None,
            Self::Request(Method::Other) => (metric::REQUESTS, vec!["other"]),
            Self::Request(method) => (metric::REQUESTS, vec![method.as_str()]),
            Self::Dropped(why) => (metric::DROPPED, vec![word_of(why)]),
            Self::Limit(limit) => (metric::LIMITS, vec![limit]),
            Self::Decision { tree, action } => (metric::EVALUATIONS, vec![tree, action]),
            Self::Answered => (metric::CALLS_ANSWERED, vec![]),
            Self::FromInbox(outcome) => (metric::INBOX_DELIVERED, vec![outcome]),
            Self::FromOutbox => (metric::OUTBOX_SETTLED, vec![]),
            Self::Registered { renewed: false } => (metric::REGISTRATIONS, vec!["new"]),
            Self::Registered { renewed: true } => (metric::REGISTRATIONS, vec!["renewed"]),
            Self::Unregistered(why) => (metric::UNREGISTRATIONS, vec![why]),
            Self::Flow { works: true } => (metric::FLOWS, vec!["up"]),
            Self::Flow { works: false } => (metric::FLOWS, vec!["silent"]),
            Self::Pushed(outcome) => (metric::PUSHES, vec![outcome]),
            Self::WrongPassword => (metric::WRONG_PASSWORDS, vec![]),
        };
        Some((metric, labels.into_iter().map(str::to_owned).collect()))
    }
}

fn outcome_of(pushed: Pushed) -> &'static str {
    match pushed {
        Pushed::Taken => "taken",
        Pushed::Gone => "gone",
        Pushed::Failed => "failed",
    }
}

fn word_of(why: Dropped) -> &'static str {
    match why {
        Dropped::Unreadable => "unreadable",
        Dropped::StrayResponse => "stray-response",
        Dropped::StrayAck => "stray-ack",
        Dropped::StrayCancel => "stray-cancel",
        Dropped::Overload => "overload",
        Dropped::Stranger => "stranger",
    }
}

/// The status of a response.
fn status_of(bytes: &[u8]) -> Option<u16> {
    let digits = bytes.strip_prefix(b"SIP/2.0 ")?.get(..3)?;
    std::str::from_utf8(digits).ok()?.parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_sent_is_counted_by_its_status() {
        assert_eq!(status_of(b"SIP/2.0 407 Proxy Authentication Required\r\n"), Some(407));
        for other in
            [&b"INVITE sip:anne@north.test SIP/2.0\r\n"[..], b"SIP/2.0 4", b"SIP/2.0 abc", b"\r\n\r\n"]
        {
            assert_eq!(status_of(other), None);
        }
        let tally = Tally::default();
        tally.sent(b"SIP/2.0 200 OK\r\n");
        tally.sent(b"SIP/2.0 200 OK\r\n");
        let snapshot = tally.snapshot(ServerIndex(0), Census::default(), 0);
        assert_eq!(snapshot.counts, [(Count::Response(200), 2)]);
    }

    #[test]
    fn every_count_has_the_labels_of_its_metric() {
        for count in [
            Count::Request(Method::Other),
            Count::Response(200),
            Count::Dropped(Dropped::Unreadable),
            Count::Limit("calls"),
            Count::Decision { tree: "incoming", action: "try" },
            Count::Answered,
            Count::Ended { tree: "incoming", class: 2 },
            Count::Page { tree: "incoming", how: "client", status: 200 },
            Count::FromInbox("delivered"),
            Count::FromOutbox,
            Count::Registered { renewed: true },
            Count::Unregistered("expired"),
            Count::Flow { works: false },
            Count::Pushed("taken"),
            Count::WrongPassword,
        ] {
            let (metric, labels) = count.series().unwrap();
            assert_eq!(labels.len(), metric.labels.len(), "{count:?}");
        }
    }
}
