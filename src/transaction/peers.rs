//! Requests to other clusters: each may be challenged, and is then sent again with a proof; and what a
//! phone finds too brief, which is sent again with what it wants.
//!
//! What is sent again is the same request with the next sequence number, a new branch and the
//! credentials; everybody who waits for the old transaction waits for the new one.
//!
//! Implements: RFC 3261 §22.2, §8.1.3.5; RFC 4028 §7.3.

use std::sync::Arc;
use std::time::Duration;

use crate::base::{Key, PeerId};
use crate::effect::{Ctx, Flow};
use crate::sip::{Message, Name, Writer};

use super::table::{ClientMachine, Draft, Transactions};
use super::timing::TIMEOUT;
use super::{Owner, TxEvent};

/// How another cluster is asked.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Asking {
    /// Which.
    pub peer: PeerId,
    /// Whether with a proof that it has demanded.
    pub again: bool,
    /// How many of its servers may be tried after this one.
    pub others: u8,
    /// Where the request went.
    pub flow: Option<Flow>,
    /// How long an answer is waited for, if it is no INVITE.
    pub(super) patience: Duration,
}

/// What became of a request that may go to another server.
#[derive(Debug, Clone)]
pub struct Untaken {
    /// Whose.
    pub owner: Owner,
    /// The client transaction, which is over.
    pub client: Key,
    /// The other cluster, where the request went, and how many of its servers are left.
    pub asking: Asking,
    /// The request.
    pub request: Box<Message>,
    /// The status that it stands for.
    pub status: u16,
    /// The response, if one came.
    pub response: Option<Arc<Message>>,
}

impl Untaken {
    /// What its owner is told if it goes nowhere else.
    pub fn failed(&self) -> TxEvent {
        let (owner, client, peer) = (self.owner, self.client, Some(self.asking.peer));
        match &self.response {
            Some(response) => TxEvent::Response { owner, client, peer, response: Arc::clone(response) },
            None => {
                TxEvent::Failed { owner, client, peer, method: self.request.method(), status: self.status }
            }
        }
    }
}

impl Asking {
    /// With so many servers of the cluster to be tried after the first.
    #[must_use]
    pub const fn with_others(self, others: u8) -> Self {
        Self { others, ..self }
    }

    /// Once more, with a proof.
    #[must_use]
    pub const fn with_proof(self) -> Self {
        Self { again: true, ..self }
    }

    /// The first time.
    pub const fn first(peer: PeerId, patience: Duration) -> Self {
        Self { peer, again: false, others: 0, flow: None, patience }
    }
}

impl Transactions {
    /// Sends a request to another cluster and keeps its transaction until it is answered.
    pub fn request_peer(
        &mut self,
        ctx: &mut Ctx<'_>,
        (owner, asking): (Owner, Asking),
        flow: Flow,
        draft: &Draft<'_>,
    ) -> Key {
        self.send(ctx, owner, flow, draft, (Some(asking), asking.patience))
    }

    /// Sends a request to another server of the cluster, which may ask for a proof of its own (RFC
    /// 3263 §4.3). Gives its new transaction and sequence number.
    pub fn redirect(
        &mut self,
        ctx: &mut Ctx<'_>,
        (owner, asking): (Owner, Asking),
        flow: Flow,
        request: &Message,
    ) -> (Key, u32) {
        let asking = Asking { again: false, others: asking.others.saturating_sub(1), ..asking };
        self.repeat(ctx, (owner, Some(asking)), flow, (request, request.cseq()), &[])
    }

    /// Sends a request again that was refused for what it lacks, with these headers in the place of those
    /// that it had. Gives its new transaction and sequence number.
    pub fn resend(
        &mut self,
        ctx: &mut Ctx<'_>,
        (owner, asking): (Owner, Option<Asking>),
        flow: Flow,
        request: &Message,
        anew: &[(Name, &str)],
    ) -> (Key, u32) {
        self.repeat(ctx, (owner, asking), flow, (request, request.cseq() + 1), anew)
    }

    fn repeat(
        &mut self,
        ctx: &mut Ctx<'_>,
        (owner, asking): (Owner, Option<Asking>),
        flow: Flow,
        (request, cseq): (&Message, u32),
        anew: &[(Name, &str)],
    ) -> (Key, u32) {
        let method = request.method_bytes();
        let headers = |writer: &mut Writer| {
            for (name, text, value) in request.every_line() {
                if is_written_anew(name) || anew.iter().any(|(own, _)| *own == name) {
                    continue;
                }
                if name == Name::Unknown {
                    writer.raw(text, value);
                } else {
                    writer.header(name, value);
                }
            }
            writer.text(Name::CSeq, format_args!("{cseq} {}", String::from_utf8_lossy(method)));
            for (name, value) in anew {
                writer.header(*name, value.as_bytes());
            }
        };
        let draft = Draft {
            method: request.method(),
            name: method,
            uri: request.request_uri(),
            headers: &headers,
            body: &request.body(),
        };
        let patience = asking.map_or(TIMEOUT, |asking| asking.patience);
        (self.send(ctx, owner, flow, &draft, (asking, patience)), cseq)
    }

    /// A cluster is not there by these flows: calls and pages that it has not answered at all are given up, which
    /// would otherwise wait for half a minute.
    pub fn on_peer_down(
        &mut self,
        ctx: &mut Ctx<'_>,
        peer: PeerId,
        is_down: impl Fn(Flow) -> bool,
    ) -> Vec<TxEvent> {
        let waits = |asking: Option<Asking>| {
            asking.is_some_and(|asking| asking.peer == peer && asking.flow.is_some_and(&is_down))
        };
        let is_open = |machine: &ClientMachine| match machine {
            ClientMachine::Invite(machine) => machine.is_calling() && waits(machine.asking),
            ClientMachine::Other(machine) => {
                matches!(machine.owner, Owner::Page(_) | Owner::Outbox(_)) && waits(machine.asking)
            }
        };
        let lost: Vec<Key> =
            self.clients.iter().filter(|(_, machine)| is_open(machine)).map(|(key, _)| key).collect();
        lost.into_iter().filter_map(|key| self.on_no_way(ctx, key)).collect()
    }

    /// What a response is to the owner of its request.
    pub(super) fn event(
        &self,
        (key, owner): (Key, Owner),
        asking: Option<Asking>,
        response: &Arc<Message>,
    ) -> TxEvent {
        let response = Arc::clone(response);
        if let (Some(asking), 401 | 407) = (asking, response.status())
            && let Some(request) = self.request_of(key)
        {
            return TxEvent::Challenged { owner, client: key, asking, request, response };
        }
        if response.status() == 422
            && let Some(request) = self.request_of(key)
        {
            return TxEvent::TooBrief { owner, client: key, asking, request, response };
        }
        if let (Some(asking), 503) = (asking, response.status())
            && let Some(untaken) = self.untaken((key, owner), asking, 503, Some(&response))
        {
            return untaken;
        }
        TxEvent::Response { owner, client: key, peer: asking.map(|asking| asking.peer), response }
    }

    /// A server of a cluster has not taken a request, and there are others.
    pub(super) fn untaken(
        &self,
        (client, owner): (Key, Owner),
        asking: Asking,
        status: u16,
        response: Option<&Arc<Message>>,
    ) -> Option<TxEvent> {
        if asking.others == 0 || matches!(owner, Owner::Probe(_)) {
            return None;
        }
        let (request, response) = (self.request_of(client)?, response.map(Arc::clone));
        Some(TxEvent::Untaken(Box::new(Untaken { owner, client, asking, request, status, response })))
    }

    /// A request of ours as it was sent, while its transaction lasts.
    pub fn request_of(&self, key: Key) -> Option<Box<Message>> {
        let request = match self.clients.get(key)? {
            ClientMachine::Invite(machine) => machine.request(),
            ClientMachine::Other(machine) => machine.request(),
        };
        request.map(Box::new)
    }
}

/// Headers that a request which is sent again has of its own.
fn is_written_anew(name: Name) -> bool {
    matches!(
        name,
        Name::Via | Name::CSeq | Name::ContentLength | Name::Authorization | Name::ProxyAuthorization
    )
}
