//! Whom a half of a call rings: its owner's clients, and other users.
//!
//! Nobody is rung twice by one `try`, whatever names lead to him, and no phone by its own call.
//!
//! Implements: RFC 3261 §16.3 (Max-Forwards), §16.5 (target set); RFC 5393 §5.3 (Max-Breadth).

use std::sync::Arc;

use bytes::Bytes;
use smallvec::SmallVec;

use crate::base::Uid;
use crate::dialog::Face;
use crate::leg::{Dial, Refusal};
use crate::registrar::{Binding, User};
use crate::routing::{Action, Target, TimedTarget};

use super::call::{Call, Desk, Order, State};
use super::hunt::{Branch, Rings, Side};
use super::ladder::Party;
use super::parties::{Invitation, Opening};

/// Whom the action of a tree names.
#[derive(Debug, Default)]
pub(super) struct Named {
    every_client: bool,
    clients: SmallVec<[Box<str>; 2]>,
    users: SmallVec<[Uid; 2]>,
}

impl Named {
    fn add(&mut self, desk: &Desk<'_, '_, '_>, target: &Target) {
        match callee_of(desk.owner, target) {
            Callee::Clients(None) => self.every_client = true,
            Callee::Clients(name) => {
                let keys = desk.owner.clients(desk.wire.ctx.at(), name);
                self.clients.extend(keys.map(|binding| binding.stored.key.as_str().into()));
            }
            Callee::User(uid) => self.users.push(uid.clone()),
            Callee::Nobody => {}
        }
    }

    pub(super) fn covers(&self, rings: &Rings) -> bool {
        match rings {
            Rings::Client(key) => self.every_client || self.clients.contains(key),
            Rings::User(uid) => self.users.contains(uid),
        }
    }
}

impl Call {
    /// Whom the tree names now.
    pub(super) fn named(&self, desk: &Desk<'_, '_, '_>) -> Named {
        let mut named = Named::default();
        match self.route.action() {
            Action::Try(plan) => {
                for TimedTarget { target, .. } in &plan.targets {
                    named.add(desk, target);
                }
            }
            Action::Forward(uid) => named.users.push(uid.clone()),
            Action::Send | Action::Decline | Action::Busy | Action::Refuse(_) | Action::Ignore => {}
            Action::Reply(_) | Action::Hold | Action::Redirect(_) => {}
        }
        named
    }

    /// Whether a target rings already.
    pub(super) fn rings(&self, desk: &Desk<'_, '_, '_>, target: &Target) -> bool {
        let mut named = Named::default();
        named.add(desk, target);
        matches!(&self.state, State::Hunting(hunt) if hunt.is_ringing(|rings| named.covers(rings)))
    }

    /// Rings targets, each with its share of the breadth. Those that come later have theirs left, and
    /// as many again have, since who rings on into the next stage gives nothing back.
    pub(super) fn ring_all(&mut self, desk: &mut Desk<'_, '_, '_>, targets: &[Target]) {
        let claims = targets.iter().map(|target| self.branches_of(desk, target));
        self.claims = claims.fold(self.claims_later(desk), u16::saturating_add).saturating_mul(2);
        for target in targets {
            match callee_of(desk.owner, target) {
                Callee::Clients(name) => self.ring_clients(desk, name),
                Callee::User(uid) => {
                    let cause = self.cause();
                    self.ring_user(desk, uid, None, cause);
                }
                Callee::Nobody => {}
            }
        }
    }

    /// The branches of the targets whose time has not come.
    pub(super) fn claims_later(&self, desk: &Desk<'_, '_, '_>) -> u16 {
        let claims = self.later.iter().map(|(_, target)| self.branches_of(desk, target));
        claims.fold(0, u16::saturating_add)
    }

    /// How many new branches a target would be.
    fn branches_of(&self, desk: &Desk<'_, '_, '_>, target: &Target) -> u16 {
        match callee_of(desk.owner, target) {
            Callee::Clients(name) => {
                let new = desk.owner.clients(desk.wire.ctx.at(), name).filter(|one| self.may_ring(one));
                u16::try_from(new.count()).unwrap_or(u16::MAX)
            }
            Callee::User(_) => 1,
            Callee::Nobody => 0,
        }
    }

    /// Whether a client is to be rung: not the one that calls, nor one that was rung by this `try`.
    fn may_ring(&self, binding: &Binding) -> bool {
        let calls = self.origin.as_ref().is_some_and(|origin| origin.is(binding));
        let State::Hunting(hunt) = &self.state else { return false };
        !calls && !hunt.knows_client(&binding.stored.key)
    }

    /// The status for which the call went on to this stage, if it did (408 stands for silence).
    pub(super) fn cause(&self) -> Option<u16> {
        let (_, refusal) = self.earlier.as_deref()?;
        Some(refusal.as_ref().map_or(408, |refusal| refusal.status))
    }

    /// The breadth of one more branch; without any the branch has failed with 440.
    fn take_share(&mut self) -> Option<u16> {
        let State::Hunting(hunt) = &mut self.state else { return None };
        let share = hunt.share(self.breadth, self.claims);
        self.claims = self.claims.saturating_sub(1);
        if share.is_none() {
            hunt.note(Refusal::status(440));
        }
        share
    }

    fn ring_clients(&mut self, desk: &mut Desk<'_, '_, '_>, name: Option<&str>) {
        let owner = desk.owner;
        let history = self.history.header(&self.owner);
        for binding in owner.clients(desk.wire.ctx.at(), name) {
            if self.may_ring(binding)
                && let Some(share) = self.take_share()
            {
                self.ring_client(desk, binding, share, history.as_ref());
            }
        }
    }

    fn ring_client(
        &mut self,
        desk: &mut Desk<'_, '_, '_>,
        binding: &Binding,
        share: u16,
        history: Option<&Bytes>,
    ) {
        let callee =
            Face { name: None, user: self.owner.user().to_owned(), host: self.owner.cluster().to_owned() };
        let dial = Dial {
            call: self.key,
            flow: binding.flow,
            contact: &binding.stored.contact,
            path: &binding.stored.path,
            from: &self.caller.face,
            to: &callee,
            max_forwards: self.max_forwards,
            breadth: share,
            history,
            reliable: self.reliable,
            passage: &self.passage,
        };
        let leg = desk.legs.dial(desk.wire, &dial);
        let party = Party::client(desk.owner, binding);
        self.begin_branch(desk, leg, Rings::Client(binding.stored.key.as_str().into()), share, party);
    }

    pub(super) fn begin_branch(
        &mut self,
        desk: &Desk<'_, '_, '_>,
        leg: crate::base::Key,
        rings: Rings,
        share: u16,
        party: Party,
    ) {
        let party = self.ladder.party(party);
        self.ladder.invite(self.after_ms(desk), party, self.passage.has_body());
        if let State::Hunting(hunt) = &mut self.state {
            hunt.add(Branch::new(Side { leg, party }, rings, share, desk.wire.ctx.at()));
        }
    }

    /// Asks another user's routing, unless it was asked before. `number`: what he was found by;
    /// `cause`: the status for which the call goes there.
    pub(super) fn ring_user(
        &mut self,
        desk: &mut Desk<'_, '_, '_>,
        uid: &Uid,
        number: Option<&Arc<str>>,
        cause: Option<u16>,
    ) {
        let State::Hunting(hunt) = &mut self.state else { return };
        let rings = Rings::User(uid.clone());
        if hunt.knows(&rings) {
            return;
        }
        let tired = usize::from(desk.wire.ctx.settings.limits.forwards) < self.history.len();
        if self.history.has(desk.wire.ctx.settings, uid) || self.searches.0 == 0 {
            hunt.note(Refusal::status(480));
            return;
        }
        if self.max_forwards == 0 || tired {
            hunt.note(Refusal::status(483));
            return;
        }
        let Some(share) = self.take_share() else { return };
        self.searches.0 -= 1;
        self.children = self.children.saturating_add(1);
        if uid.cluster() != desk.wire.ctx.settings.cid.as_str() {
            return self.ring_abroad(desk, uid, share);
        }
        let from = desk.legs.link_out(self.key);
        let opening = Opening {
            id: Arc::clone(&self.id),
            caller: self.caller.clone(),
            passage: self.passage.clone(),
            reliable: self.reliable,
            max_forwards: self.max_forwards - 1,
            breadth: share,
            searches: self.searches.0,
            history: self.history.to(uid, number, self.children, cause),
            origin: self.origin.clone(),
        };
        let party =
            number.map_or_else(|| Party::User(uid.clone()), |number| Party::Number(Arc::clone(number)));
        self.begin_branch(desk, from.leg, rings, share, party);
        let mode = self.route.mode();
        desk.orders.push(Order::Invite(Invitation {
            from,
            callee: uid.clone(),
            mode,
            opening,
            standing: None,
        }));
    }
}

/// What a target means for a call.
enum Callee<'a> {
    /// Every client, or the one of that name.
    Clients(Option<&'a str>),
    User(&'a Uid),
    /// Nothing here can take a call to it.
    Nobody,
}

/// A named device that is a client is rung as one.
fn callee_of<'a>(owner: &User, target: &'a Target) -> Callee<'a> {
    match target {
        Target::Clients => Callee::Clients(None),
        Target::Client(name) => Callee::Clients(Some(name)),
        Target::Device(name) => {
            let of_name = owner.devices.iter().find(|device| device.name == **name);
            match of_name.and_then(|device| device.instance.as_ref()) {
                Some(_) => Callee::Clients(Some(name)),
                None => Callee::Nobody,
            }
        }
        Target::User(uid) => Callee::User(uid),
        Target::Inbox | Target::Voicemail => Callee::Nobody,
    }
}

/// Whether nothing here can take a call to this target.
pub(super) fn is_missing(owner: &User, target: &Target) -> bool {
    matches!(callee_of(owner, target), Callee::Nobody)
}
