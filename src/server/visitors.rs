//! Calls and pages of other clusters that ask for a number: whose is it?
//!
//! The request has come to the user server that the number itself names, and its proof was used up
//! there. If its owner is at home with another user server, it is handed over, and so are its repeats,
//! as long as there may be any; a CANCEL is offered to every user server anyway.
//!
//! Implements: RFC 3261 §17.2.3 (a repeat belongs to its transaction, wherever that is).

use std::net::SocketAddr;
use std::sync::Arc;

use hashbrown::HashMap;

use crate::base::{At, Cid, ServerIndex, Uid};
use crate::effect::{Ctx, Flow, StoreOp, StoreOutcome};
use crate::sip::{Message, Method};
use crate::transaction::{Arrival, TIMEOUT};

use super::peer::PeerWord;
use super::switchboard::{Switchboard, Waiting};
use super::users::{Job, Known};

/// Numbers that are looked for, or were handed over, at once: beyond it the other cluster repeats.
const HANDED_MAX: usize = 16_384;

/// A request whose cluster has proved itself, on its way to the user server of whom it is for.
#[derive(Debug, Clone)]
pub(crate) struct Visitor {
    pub(super) peer: Cid,
    pub(super) flow: Flow,
    pub(super) message: Arc<Message>,
    /// The user of ours whom it is for; `None` if there is nobody.
    pub(super) callee: Option<Uid>,
    /// Whether it is a repeat: nothing that is new, wherever it arrives.
    again: bool,
}

/// What a request is told from others by: its branch, method and source.
type Name = (Box<[u8]>, Method, SocketAddr);

/// The requests for numbers that have lately come here.
#[derive(Debug, Default)]
pub(super) struct Visitors(HashMap<Name, Entry>);

#[derive(Debug)]
struct Entry {
    since: At,
    /// Where it was handed to, and for whom; nothing while the number is looked for.
    to: Option<(ServerIndex, Uid)>,
}

impl Visitors {
    /// Forgets those that are not repeated any more.
    pub(super) fn forget(&mut self, now: At) {
        self.0.retain(|_, entry| now.since(entry.since) < TIMEOUT);
    }
}

impl Switchboard {
    /// A request for a number: its owner is looked for.
    pub(super) fn find_callee(
        &mut self,
        ctx: &mut Ctx<'_>,
        (peer, flow): (Cid, Flow),
        message: &Arc<Message>,
        number: &Arc<str>,
    ) {
        let Some(name) = name_of(flow, message).filter(|_| self.visitors.0.len() < HANDED_MAX) else {
            return self.refuse_plainly(ctx, flow, message, 503);
        };
        self.visitors.0.insert(name, Entry { since: ctx.at(), to: None });
        let visitor = Visitor { peer, flow, message: Arc::clone(message), callee: None, again: false };
        let ticket = ctx.store(StoreOp::FindNumber(number.to_string()));
        self.waiting.insert(ticket, Waiting::NumberForVisitor(Box::new(visitor), Arc::clone(number)));
    }

    /// Whether a request is a repeat of one for a number, which then goes where that has gone.
    pub(super) fn is_handed_over(&mut self, (peer, flow): (&Cid, Flow), message: &Arc<Message>) -> bool {
        let Some(entry) = name_of(flow, message).and_then(|name| self.visitors.0.get(&name)) else {
            return false;
        };
        if let Some((server, callee)) = entry.to.clone() {
            let (peer, message, callee) = (peer.clone(), Arc::clone(message), Some(callee));
            self.post(server, PeerWord::Visit(Visitor { peer, flow, message, callee, again: true }));
        }
        true
    }

    /// Whose number it is.
    pub(super) fn on_callee(
        &mut self,
        ctx: &mut Ctx<'_>,
        mut visitor: Visitor,
        owner: Option<Uid>,
        outcome: &StoreOutcome,
    ) {
        if matches!(outcome, StoreOutcome::Failed) {
            // A repeat asks anew: that answer may be lost.
            if let Some(name) = name_of(visitor.flow, &visitor.message) {
                self.visitors.0.remove(&name);
            }
            return self.refuse_plainly(ctx, visitor.flow, &visitor.message, 500);
        }
        visitor.callee = owner;
        let Some(callee) = &visitor.callee else { return self.on_visitor(ctx, visitor) };
        let server = callee.slot().owner(ctx.settings.servers);
        let entry = name_of(visitor.flow, &visitor.message).and_then(|name| self.visitors.0.get_mut(&name));
        if let Some(entry) = entry {
            entry.to = Some((server, callee.clone()));
        }
        self.post(server, PeerWord::Visit(visitor));
    }

    /// A request that another user server, or this one, has let in.
    pub(super) fn on_visitor(&mut self, ctx: &mut Ctx<'_>, visitor: Visitor) {
        match self.transactions.on_request(ctx, &visitor.message) {
            Arrival::New if !visitor.again => {}
            Arrival::New | Arrival::Known => return,
            Arrival::Merged => return self.refuse_plainly(ctx, visitor.flow, &visitor.message, 482),
        }
        if let Some(callee) = &visitor.callee {
            match self.users.known(ctx.at(), callee) {
                Some(Known::Present | Known::Absent) => {}
                Some(Known::Loading) | None => {
                    let callee = callee.clone();
                    return self.wait_for(ctx, &callee, Job::Visitor(Box::new(visitor)));
                }
            }
        }
        let Some(peer) = self.peers.find(visitor.peer.as_str()) else {
            return self.refuse_plainly(ctx, visitor.flow, &visitor.message, 403);
        };
        let asked = self.transactions.open(visitor.flow, &visitor.message);
        self.serve_peer(ctx, peer, asked, visitor.callee);
    }
}

fn name_of(flow: Flow, message: &Message) -> Option<Name> {
    let branch = message.via().map(|via| via.branch.into())?;
    Some((branch, message.method(), flow.remote))
}
