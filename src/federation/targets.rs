//! The servers of another cluster: which is tried next.
//!
//! One that has failed is left alone for a while, as long as there are others.
//!
//! Implements: RFC 3263 §4.3 (failover).

use std::net::SocketAddr;
use std::time::Duration;

use crate::base::{At, Cid};
use crate::config::Settings;
use crate::effect::dns::Target;
use crate::effect::{Flow, StreamId, Transport};

/// How long a server that has failed is left alone.
const AVOIDED: Duration = Duration::from_secs(60);

/// The servers of one cluster, the best first.
#[derive(Debug, Clone, Default)]
pub struct Targets {
    /// Each with the time until which it is left alone.
    list: Vec<(Flow, Option<At>)>,
    current: usize,
}

impl Targets {
    /// Those of these targets that a listener of ours reaches.
    pub(super) fn new(settings: &Settings, cluster: &Cid, targets: &[Target]) -> Self {
        let flow = |target: &Target| {
            let stream = match target.transport {
                Transport::Udp => None,
                Transport::Tls => Some(StreamId::of_cluster(cluster)),
                Transport::Tcp | Transport::Ws | Transport::Wss => Some(StreamId::ANY),
            };
            let listener = settings.listener_for(*target)?;
            Some(Flow { listener, remote: target.address, stream })
        };
        let own = |target: &&Target| settings.is_own_listener(target.address);
        let list = targets.iter().filter(|target| !own(target)).filter_map(flow).map(|flow| (flow, None));
        Self { list: list.collect(), current: 0 }
    }

    /// These from now on; what is known of those that stay is kept.
    pub(super) fn renew(&mut self, now: At, new: Self) {
        let old = std::mem::replace(self, new);
        for (flow, until) in &mut self.list {
            *until = old.list.iter().find(|(own, _)| own == flow).and_then(|(_, until)| *until);
        }
        self.current = self.best(now).unwrap_or(0);
    }

    /// These besides, as the last that are tried.
    pub(super) fn add(&mut self, new: Self) {
        for (flow, until) in new.list {
            if self.list.iter().all(|(own, _)| *own != flow) {
                self.list.push((flow, until));
            }
        }
    }

    /// The one that is spoken to.
    pub fn current(&self) -> Option<Flow> {
        self.list.get(self.current).map(|(flow, _)| *flow)
    }

    /// How many may be tried after the first.
    pub(super) fn others(&self) -> u8 {
        u8::try_from(self.list.len().saturating_sub(1)).unwrap_or(u8::MAX)
    }

    /// One has failed; tells whether there is one that has not. If none is left, they are tried in turn.
    pub(super) fn on_failed(&mut self, now: At, failed: Flow) -> bool {
        let is_it = |flow: &Flow| end(flow) == end(&failed);
        for (_, until) in self.list.iter_mut().filter(|(flow, _)| is_it(flow)) {
            *until = Some(now + AVOIDED);
        }
        if self.current().is_some_and(|flow| !is_it(&flow)) {
            return true;
        }
        let best = self.best(now);
        let longest_ago =
            (0..self.list.len()).min_by_key(|at| self.list.get(*at).and_then(|(_, until)| *until));
        self.current = best.or(longest_ago).unwrap_or(0);
        best.is_some()
    }

    /// The one that is spoken to has answered: whatever it did before, it is there.
    pub(super) fn on_answered(&mut self) {
        if let Some((_, until)) = self.list.get_mut(self.current) {
            *until = None;
        }
    }

    /// Whether one has failed and is left alone, while another is spoken to.
    pub fn is_avoided(&self, now: At, flow: Flow) -> bool {
        let is_left = |(own, until): &(Flow, Option<At>)| {
            end(own) == end(&flow) && until.is_some_and(|until| until > now)
        };
        self.current().is_some_and(|current| end(&current) != end(&flow)) && self.list.iter().any(is_left)
    }

    fn best(&self, now: At) -> Option<usize> {
        self.list.iter().position(|(_, until)| until.is_none_or(|until| until <= now))
    }
}

/// The far end of a flow, by whichever of our connections.
fn end(flow: &Flow) -> (u8, SocketAddr) {
    (flow.listener, flow.remote)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn targets(ports: &[u16]) -> Targets {
        let flow = |port: &u16| Flow { listener: 0, remote: ([192, 0, 2, 1], *port).into(), stream: None };
        Targets { list: ports.iter().map(|port| (flow(port), None)).collect(), current: 0 }
    }

    fn port(targets: &Targets) -> u16 {
        targets.current().unwrap().remote.port()
    }

    #[test]
    fn one_after_the_other_is_tried_and_the_best_again_after_a_while() {
        let mut targets = targets(&[1, 2, 3]);
        let at = |seconds| At::START + Duration::from_secs(seconds);
        let first = targets.current().unwrap();
        assert!(targets.on_failed(at(0), first));
        assert_eq!(port(&targets), 2);
        assert!(targets.on_failed(at(1), first), "it is known");
        assert_eq!(port(&targets), 2);
        assert!(targets.on_failed(at(2), targets.current().unwrap()));
        assert!(!targets.on_failed(at(3), targets.current().unwrap()), "all have failed");
        assert_eq!(port(&targets), 1, "the one that was left alone for longest");
        targets.renew(at(10), self::targets(&[2, 1, 3]));
        assert_eq!(port(&targets), 2, "all are avoided");
        targets.renew(at(62), self::targets(&[3, 2, 1]));
        assert_eq!(port(&targets), 2, "3 is still avoided");
        targets.add(self::targets(&[4, 2]));
        assert_eq!(port(&targets), 2, "others besides change nothing");
        assert!(targets.on_failed(at(62), targets.current().unwrap()));
        assert_eq!(port(&targets), 1);
        assert!(targets.on_failed(at(62), targets.current().unwrap()));
        assert_eq!(port(&targets), 4, "and are there when they are needed");
        targets.on_answered();
        targets.renew(at(62), self::targets(&[1, 2, 4]));
        assert_eq!(port(&targets), 4, "it answers, the others have failed");
        assert_eq!(Targets::default().current(), None);
        assert!(!Targets::default().on_failed(at(0), first));
    }
}
