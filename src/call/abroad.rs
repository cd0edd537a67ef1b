//! A branch that leads to another cluster.
//!
//! There is no half of ours at its end: the INVITE goes straight to the other cluster, which runs
//! its own user's tree. He is told who calls, and nothing of how the call came to him but whether it
//! goes round.
//!
//! Implements: RFC 3325 §5 (to an entity we trust); RFC 3261 §21.5.4 (a cluster that is not there).

use bytes::Bytes;

use crate::base::Uid;
use crate::dialog::Face;
use crate::federation::{Unreachable, trail, write_asserted};
use crate::leg::{Dial, Refusal};
use crate::routing::Who;
use crate::sip::{Method, Writer};

use super::call::{Call, Desk, State};
use super::hunt::Rings;
use super::ladder::Party;

impl Call {
    /// Calls a user of another cluster, if there is a way to him, with this share of the breadth; `sips`:
    /// over TLS, even if the call did not begin so.
    pub(super) fn ring_abroad(&mut self, desk: &mut Desk<'_, '_, '_>, uid: &Uid, share: u16, sips: bool) {
        let State::Hunting(hunt) = &mut self.state else { return };
        let sips = sips || self.caller.face.sips;
        let way = match desk.peers.way(desk.wire.ctx, uid, (self.route.mode(), sips)) {
            Ok(way) => way,
            Err(Unreachable::Insecure) => {
                hunt.note(Refusal::sips_not_allowed(self.owner.cluster()));
                return;
            }
            Err(why) => {
                hunt.note(Refusal::no_cluster(why.status(), why.retry_after()));
                return;
            }
        };
        let ctx = &mut *desk.wire.ctx;
        let only = self.only_for(uid).map(|only| only.as_param()).unwrap_or_default();
        let to = Face::of(uid).secured(sips);
        let uri = format!("{}{only}", to.uri());
        let (asserted, from) = self.caller.abroad(&self.owner);
        let from = from.secured(sips);
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
