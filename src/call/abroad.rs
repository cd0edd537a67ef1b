//! A branch that leads to another cluster.
//!
//! There is no half of ours at its end: the INVITE goes straight to the other cluster, which runs
//! its own user's tree. He is told who calls, and nothing of how the call came to him but whether it
//! goes round.
//!
//! Implements: RFC 3325 §5 (to an entity we trust); RFC 3261 §21.5.4 (a cluster that is not there).

use bytes::Bytes;

use crate::base::Uid;
use crate::dialog::{Escaped, Face};
use crate::federation::{trail, write_asserted};
use crate::leg::{Dial, Refusal};
use crate::routing::Who;
use crate::sip::{Method, Writer};

use super::call::{Call, Desk, State};
use super::hunt::Rings;
use super::ladder::Party;

impl Call {
    /// Calls a user of another cluster, if there is a way to him, with this share of the breadth.
    pub(super) fn ring_abroad(&mut self, desk: &mut Desk<'_, '_, '_>, uid: &Uid, share: u16) {
        let State::Hunting(hunt) = &mut self.state else { return };
        let way = match desk.peers.way(desk.wire.ctx, uid, self.route.mode()) {
            Ok(way) => way,
            Err(why) => {
                hunt.note(Refusal::no_cluster(why.status(), why.retry_after()));
                return;
            }
        };
        let ctx = &mut *desk.wire.ctx;
        let uri = format!("sip:{}@{}", Escaped(uid.user()), uid.cluster());
        let (asserted, from) = self.caller.abroad(&self.owner);
        let hidden = self.caller.who == Who::Anonymous;
        let proof = desk.peers.prove(ctx, way.peer, Method::Invite, &uri);
        let trail = trail(ctx.settings, ctx.rng, self.history.visited()).join(", ");
        let history = (!trail.is_empty()).then(|| Bytes::from(trail));
        let more = |writer: &mut Writer| {
            write_asserted(writer, &asserted, hidden);
            if let Some((name, proof)) = &proof {
                writer.header(*name, proof.as_bytes());
            }
        };
        let to = Face { name: None, user: uid.user().to_owned(), host: uid.cluster().to_owned() };
        let dial = Dial {
            call: self.key,
            flow: way.flow,
            contact: &uri,
            path: "",
            from: &from,
            to: &to,
            max_forwards: self.max_forwards - 1,
            breadth: share,
            history: history.as_ref(),
            referred: self.referred.as_ref(),
            reliable: self.reliable,
            passage: &self.passage,
        };
        let leg = desk.legs.dial_peer(desk.wire, &dial, (way.peer, way.others), &more);
        self.begin_branch(desk, leg, Rings::User(uid.clone()), share, Party::User(uid.clone()));
    }
}
