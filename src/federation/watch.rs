//! Whether another cluster is there.
//!
//! ```text
//!   Unknown ──answer──▶ Up ──nothing heard for a while──▶ (asked by OPTIONS)
//!      │                │ ▲
//!      │    a request failed │ anything valid
//!      │                ▼ │
//!      └────no answer──▶ Suspect ──no answer──▶ Down ──anything valid──▶ Up
//!                                                 asked every second
//! ```
//!
//! A call waits half a minute for a first answer, so whoever is sent something after a silence is asked
//! at the same time, and when it is down everything that it has not answered is given up.
//!
//! Only the user server that owns the peer's slot runs this; the others keep what they are told in a
//! watch whose timers are never armed.
//!
//! Implements: RFC 3261 §11.

use std::fmt;
use std::time::Duration;

use crate::base::{At, Key, Now, TimerId};

/// How long an answer is waited for while we believe that the peer is there: three repeats.
pub(super) const PATIENCE: Duration = Duration::from_secs(4);
/// Silence after which a peer that something is sent to is asked at once whether it is there.
pub(super) const QUIET: Duration = Duration::from_secs(5);
/// How often a peer that is not there is asked.
pub const AGAIN: Duration = Duration::from_secs(1);

/// How a peer stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Health {
    /// It was never asked.
    Unknown,
    /// It answers.
    Up,
    /// Something we sent it was not answered.
    Suspect,
    /// It does not answer.
    Down,
}

/// What is known of one peer's health.
#[derive(Debug)]
pub(super) struct Watch {
    pub(super) health: Health,
    /// Since when, milliseconds since 1970.
    pub(super) since_ms: i64,
    /// What went wrong last.
    pub(super) error: Option<&'static str>,
    /// When it last said anything valid.
    heard: At,
    /// The OPTIONS that is not answered, and when it was sent.
    probing: Option<(Key, At)>,
    /// It is to be asked now, whatever it said last.
    doubted: bool,
    pub(super) timer: Option<TimerId>,
}

/// What a watch wants after an event.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Next {
    /// To be woken after that time.
    Wait(Duration),
    /// An OPTIONS, and to be woken after that time if it is not answered.
    Probe(Duration),
    /// Nothing: what it waits for is under way.
    Nothing,
}

impl Watch {
    pub(super) fn new() -> Self {
        Self {
            health: Health::Unknown,
            since_ms: 0,
            error: None,
            heard: At::START,
            probing: None,
            doubted: false,
            timer: None,
        }
    }

    /// Something valid came from it; true if it was not known to be there.
    pub(super) fn on_heard(&mut self, now: Now) -> bool {
        self.heard = now.at;
        self.turn(now, Health::Up)
    }

    /// It has asked for a proof: somebody is there.
    pub(super) fn on_asked_for_proof(&mut self, now: Now) {
        self.heard = now.at;
    }

    /// Something is sent to it; true if it has been silent for so long that it is to be asked.
    pub(super) fn on_used(&mut self, now: Now) -> bool {
        let silent = now.at.since(self.heard) >= QUIET;
        let doubts = self.health == Health::Up && silent && self.probing.is_none() && !self.doubted;
        self.doubted |= doubts;
        doubts
    }

    /// Something we sent was not answered, or could not be sent: it is to be asked at once.
    pub(super) fn on_failed(&mut self, now: Now, why: &'static str) -> Next {
        match self.health {
            Health::Unknown | Health::Up => {
                self.error = Some(why);
                self.turn(now, Health::Suspect);
                if self.probing.is_some() { Next::Nothing } else { Next::Probe(PATIENCE) }
            }
            Health::Suspect | Health::Down => Next::Nothing,
        }
    }

    /// The OPTIONS has failed: nobody is there, or nobody who wants us. True if that is news.
    pub(super) fn on_probe_failed(&mut self, now: Now, why: &'static str) -> bool {
        self.probing = None;
        self.error = Some(why);
        self.turn(now, Health::Down)
    }

    /// An OPTIONS was sent.
    pub(super) fn on_probe(&mut self, now: Now, client: Key) {
        self.doubted = false;
        self.probing = Some((client, now.at));
    }

    /// The OPTIONS was sent again, with a proof.
    pub(super) fn on_resent(&mut self, old: Key, new: Key) {
        if let Some((client, _)) = self.probing.as_mut().filter(|(client, _)| *client == old) {
            *client = new;
        }
    }

    /// The OPTIONS that is not answered.
    pub(super) fn probing(&self) -> Option<Key> {
        self.probing.map(|(client, _)| client)
    }

    /// Another of its servers is spoken to from now on: what the last one was asked is of no interest.
    pub(super) fn retarget(&mut self) {
        self.probing = None;
        self.doubted = true;
    }

    /// The OPTIONS was answered.
    pub(super) fn on_probe_answered(&mut self, period: Duration) -> Next {
        self.probing = None;
        Next::Wait(period)
    }

    /// The time has come. An OPTIONS that is still open has not been answered in time.
    pub(super) fn on_timer(&mut self, now: Now, period: Duration) -> (Next, bool) {
        self.timer = None;
        // Whatever else it has said meanwhile is an answer too.
        let late = self.probing.take().is_some_and(|(_, asked)| self.heard < asked);
        match self.health {
            Health::Up if !late => {
                let silence = now.at.since(self.heard);
                let rest = period.saturating_sub(silence);
                (if rest.is_zero() || self.doubted { Next::Probe(PATIENCE) } else { Next::Wait(rest) }, false)
            }
            Health::Unknown | Health::Suspect if !late => (Next::Probe(PATIENCE), false),
            Health::Down => (Next::Probe(AGAIN), false),
            Health::Unknown | Health::Up | Health::Suspect => {
                self.error = Some("it does not answer");
                (Next::Probe(AGAIN), self.turn(now, Health::Down))
            }
        }
    }

    /// It stands like that from now on; true if that is news.
    pub(super) fn turn(&mut self, now: Now, health: Health) -> bool {
        if self.health == health {
            return false;
        }
        self.health = health;
        self.since_ms = now.wall_ms;
        true
    }
}

impl Health {
    /// In a word.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Unknown => "unknown",
            Self::Up => "up",
            Self::Suspect => "suspect",
            Self::Down => "down",
        }
    }
}

impl fmt::Display for Health {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const PERIOD: Duration = Duration::from_secs(30);
    const CLIENT: Key = Key { index: 1, tenant: 1 };

    fn at(seconds: u64) -> Now {
        Now { at: At::START + Duration::from_secs(seconds), wall_ms: 1_000 * i64::try_from(seconds).unwrap() }
    }

    /// A watch on a peer that answered the first question at that second.
    fn up(seconds: u64) -> Watch {
        let mut watch = Watch::new();
        assert_eq!(watch.on_timer(at(seconds), PERIOD), (Next::Probe(PATIENCE), false));
        watch.on_probe(at(seconds), CLIENT);
        assert!(watch.on_heard(at(seconds)));
        assert_eq!(watch.on_probe_answered(PERIOD), Next::Wait(PERIOD));
        watch
    }

    #[test]
    fn a_peer_that_speaks_is_not_asked() {
        let mut watch = up(0);
        assert!(!watch.on_heard(at(20)));
        assert_eq!(watch.on_timer(at(30), PERIOD), (Next::Wait(Duration::from_secs(20)), false));
        assert_eq!(watch.on_timer(at(50), PERIOD), (Next::Probe(PATIENCE), false));
    }

    #[test]
    fn a_peer_that_does_not_answer_is_down_and_asked_again() {
        let mut watch = up(0);
        assert_eq!(watch.on_timer(at(30), PERIOD), (Next::Probe(PATIENCE), false));
        watch.on_probe(at(30), CLIENT);
        assert_eq!(watch.on_timer(at(34), PERIOD), (Next::Probe(AGAIN), true));
        assert_eq!((watch.health, watch.since_ms), (Health::Down, 34_000));
        watch.on_probe(at(34), CLIENT);
        assert_eq!(watch.on_timer(at(35), PERIOD), (Next::Probe(AGAIN), false));
        // Whatever it says is a sign of life.
        assert!(watch.on_heard(at(36)));
        assert_eq!((watch.health, watch.since_ms), (Health::Up, 36_000));
    }

    #[test]
    fn whatever_it_says_meanwhile_is_an_answer() {
        let mut watch = up(0);
        watch.on_timer(at(30), PERIOD);
        watch.on_probe(at(30), CLIENT);
        watch.on_heard(at(32));
        assert_eq!(watch.on_timer(at(34), PERIOD), (Next::Wait(Duration::from_secs(28)), false));
    }

    #[test]
    fn a_failed_request_makes_it_suspect_and_is_followed_up() {
        let mut watch = up(0);
        assert_eq!(watch.on_failed(at(5), "it does not answer"), Next::Probe(PATIENCE));
        assert_eq!(watch.health, Health::Suspect);
        assert_eq!(watch.on_failed(at(5), "it does not answer"), Next::Nothing, "once is enough");
        assert_eq!(watch.on_timer(at(5), PERIOD), (Next::Probe(PATIENCE), false));
        watch.on_probe(at(5), CLIENT);
        assert!(watch.on_probe_failed(at(6), "it cannot be reached"));
        assert_eq!((watch.health, watch.error), (Health::Down, Some("it cannot be reached")));
        assert_eq!(watch.on_failed(at(7), "it does not answer"), Next::Nothing);
    }

    #[test]
    fn a_silent_peer_is_asked_when_it_is_used() {
        let mut watch = up(0);
        assert!(!watch.on_used(at(4)));
        assert!(watch.on_used(at(6)));
        assert!(!watch.on_used(at(6)), "once");
        assert_eq!(watch.on_timer(at(6), PERIOD), (Next::Probe(PATIENCE), false));
        watch.on_probe(at(6), CLIENT);
        assert!(!watch.on_used(at(7)), "it is being asked");
        watch.on_heard(at(7));
        watch.on_probe_answered(PERIOD);
        assert!(!watch.on_used(at(8)));
    }
}
