//! Requests to other clusters: each may be challenged, and is then sent again with a proof.
//!
//! What is sent again is the same request with the next sequence number, a new branch and the
//! credentials; everybody who waits for the old transaction waits for the new one.
//!
//! Implements: RFC 3261 §22.2, §8.1.3.5.

use std::sync::Arc;

use crate::base::{Key, Limits, PeerId};
use crate::effect::{Ctx, Flow, StreamId};
use crate::sip::{Message, Name, Writer};

use super::table::{ClientMachine, Draft, Transactions};
use super::{Owner, TxEvent};

/// Whom a request went to, and whether with a proof that was asked for.
#[derive(Debug, Clone, Copy)]
pub(super) struct Asking {
    pub(super) peer: PeerId,
    pub(super) again: bool,
}

impl Transactions {
    /// Sends a request to another cluster and keeps its transaction until it is answered.
    pub fn request_peer(
        &mut self,
        ctx: &mut Ctx<'_>,
        (owner, peer): (Owner, PeerId),
        flow: Flow,
        draft: &Draft<'_>,
    ) -> Key {
        self.send(ctx, owner, flow, draft, Some(Asking { peer, again: false }))
    }

    /// Sends a challenged request again, with the header that proves who we are. Gives its new
    /// transaction and sequence number.
    pub fn resend(
        &mut self,
        ctx: &mut Ctx<'_>,
        (owner, peer): (Owner, PeerId),
        flow: Flow,
        request: &Message,
        (name, proof): (Name, &str),
    ) -> (Key, u32) {
        let cseq = request.cseq() + 1;
        let method = request.method_bytes();
        let headers = |writer: &mut Writer| {
            for (name, text, value) in request.every_line() {
                match name {
                    Name::Via
                    | Name::CSeq
                    | Name::ContentLength
                    | Name::Authorization
                    | Name::ProxyAuthorization => {}
                    Name::Unknown => drop(writer.raw(text, value)),
                    _ => drop(writer.header(name, value)),
                }
            }
            writer.text(Name::CSeq, format_args!("{cseq} {}", String::from_utf8_lossy(method)));
            writer.header(name, proof.as_bytes());
        };
        let draft = Draft {
            method: request.method(),
            name: method,
            uri: request.request_uri(),
            headers: &headers,
            body: &request.body(),
        };
        (self.send(ctx, owner, flow, &draft, Some(Asking { peer, again: true })), cseq)
    }

    /// A connection is gone: what another cluster was asked by it will not be answered.
    pub fn on_closed(&mut self, ctx: &mut Ctx<'_>, stream: StreamId) -> Vec<TxEvent> {
        let on_it = |machine: &ClientMachine| {
            let (flow, asking) = match machine {
                ClientMachine::Invite(machine) => (machine.flow, machine.asking),
                ClientMachine::Other(machine) => (machine.flow, machine.asking),
            };
            asking.is_some() && flow.stream == Some(stream)
        };
        let lost: Vec<Key> =
            self.clients.iter().filter(|(_, machine)| on_it(machine)).map(|(key, _)| key).collect();
        lost.into_iter().filter_map(|key| self.on_no_way(ctx, key)).collect()
    }

    /// What a response is to the owner of its request.
    pub(super) fn event(
        &self,
        (key, owner): (Key, Owner),
        asking: Option<Asking>,
        response: &Arc<Message>,
        repeated: bool,
    ) -> TxEvent {
        let response = Arc::clone(response);
        if let (Some(Asking { peer, again }), 401 | 407) = (asking, response.status())
            && let Some(request) = self.request_of(key)
        {
            return TxEvent::Challenged { owner, client: key, peer, again, request, response };
        }
        TxEvent::Response {
            owner,
            client: key,
            peer: asking.map(|asking| asking.peer),
            response,
            again: repeated,
        }
    }

    fn request_of(&self, key: Key) -> Option<Box<Message>> {
        let bytes = match self.clients.get(key)? {
            ClientMachine::Invite(machine) => &machine.request,
            ClientMachine::Other(machine) => &machine.request,
        };
        Message::parse(bytes.clone(), &Limits::default()).ok().map(Box::new)
    }
}
