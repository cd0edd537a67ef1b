//! Whom a half of a call rings: its owner's clients, and other users.
//!
//! Nobody is rung twice by one `try`, whatever names lead to him, and no phone by its own call.
//!
//! A call to a GRUU rings one client: the tree decides whether and when, and whatever it names besides is
//! left out.
//!
//! Among the phones that the tree names, the caller's own wishes choose.
//!
//! Implements: RFC 3841 §7.1, §7.2.4; RFC 3261 §16.3 (Max-Forwards), §16.5 (target set); RFC 5393 §5.3 (Max-Breadth); RFC 5627 §6.1;
//! RFC 5630 §5.3 (`sips:`).

use std::sync::Arc;

use bytes::Bytes;
use smallvec::SmallVec;

use crate::base::Uid;
use crate::dialog::Face;
use crate::leg::{Dial, Refusal};
use crate::registrar::{Binding, Caller, Only, User};
use crate::routing::{Action, Direction, Target, TimedTarget, Who};
use crate::sip::Method;

use super::call::{Call, Desk, Order, State};
use super::hunt::{Branch, Rings, Side};
use super::ladder::Party;
use super::parties::{Invitation, Opening};

/// How a call comes to another user.
#[derive(Debug, Default)]
pub(super) struct Hop<'a> {
    /// The number that he was found by.
    pub(super) number: Option<&'a Arc<str>>,
    /// The status for which the call goes there.
    pub(super) cause: Option<u16>,
    /// Whether a phone has named him by `sips:`: he is reached over TLS only, however the call began.
    pub(super) sips: bool,
}

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
                let keys = desk.owner.clients(desk.wire.ctx.at(), name, |_| true);
                self.clients.extend(keys.map(|binding| binding.client().into()));
            }
            Callee::User(uid) => self.users.push(uid.clone()),
            Callee::Nobody => {}
        }
    }

    pub(super) fn covers(&self, rings: &Rings) -> bool {
        match rings {
            Rings::Client(flowing) => self.every_client || self.clients.contains(&flowing.client),
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
                Callee::User(_) if self.is_for_one_client() => {}
                Callee::User(uid) => {
                    let cause = self.cause();
                    self.ring_user(desk, uid, &Hop { cause, ..Hop::default() });
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
                let sips = self.caller.face.sips;
                let all = desk.owner.clients(desk.wire.ctx.at(), name, |one| one.takes(sips));
                let new = all.filter(|one| self.may_ring(desk.owner, one));
                u16::try_from(new.count()).unwrap_or(u16::MAX)
            }
            Callee::User(_) if self.is_for_one_client() => 0,
            Callee::User(_) => 1,
            Callee::Nobody => 0,
        }
    }

    /// Whether a client is to be rung: not the one that calls, nor one that was rung by this `try`, nor
    /// one that could not be called as the caller asks.
    fn may_ring(&self, owner: &User, binding: &Binding) -> bool {
        let client = binding.client();
        let mut flows = owner.bindings.iter().filter(|flow| flow.client() == client);
        let calls = self.origin.as_ref().is_some_and(|origin| flows.any(|flow| origin.is(flow)));
        let State::Hunting(hunt) = &self.state else { return false };
        let takes = binding.takes(self.caller.face.sips);
        !calls && self.means(binding) && takes && !hunt.knows_client(client)
    }

    /// Whether a client of the owner's is one that is asked for.
    fn means(&self, binding: &Binding) -> bool {
        match &self.only {
            Some(only) if self.is_for_one_client() => only.is(binding),
            Some(_) | None => true,
        }
    }

    /// Whether a phone of the owner's would ring, if his tree let it.
    pub(super) fn would_ring(&self, desk: &Desk<'_, '_, '_>) -> bool {
        let sips = self.caller.face.sips;
        let wishes = self.passage.preferences(Method::Invite);
        let all = desk.owner.preferred(desk.wire.ctx.at(), None, &wishes, |one| one.takes(sips));
        all.into_iter().any(|binding| self.means(binding))
    }

    /// Whether one client of the owner's is meant and nobody else.
    pub(super) fn is_for_one_client(&self) -> bool {
        self.only.is_some() && self.direction == Direction::Incoming
    }

    /// The one client of this user that is meant, where his half is asked.
    pub(super) fn only_for(&self, uid: &Uid) -> Option<Only> {
        let is_callee = matches!(self.route.to(), Who::User(to) if to == uid);
        self.only.clone().filter(|_| is_callee && self.direction == Direction::Outgoing)
    }

    /// The status for which the call went on to this stage, if it did (408 stands for silence).
    pub(super) fn cause(&self) -> Option<u16> {
        let (_, refusal) = self.earlier.as_deref()?;
        Some(refusal.as_ref().map_or(408, |refusal| refusal.status))
    }

    /// The breadth of one more branch; without any the branch has failed with 440.
    pub(super) fn take_share(&mut self) -> Option<u16> {
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
        let sips = self.caller.face.sips;
        let now = desk.wire.ctx.at();
        let mut clients = owner.clients(now, name, |one| one.takes(sips)).peekable();
        if clients.peek().is_none() && owner.clients(now, name, |_| true).next().is_some() {
            let State::Hunting(hunt) = &mut self.state else { return };
            hunt.note(Refusal::sips_not_allowed(self.owner.cluster()));
            return;
        }
        let wishes = self.passage.preferences(Method::Invite);
        let is_one = wishes.no_fork || wishes.sequential;
        let wanted = owner.preferred(now, name, &wishes, |one| one.takes(sips));
        if wanted.is_empty()
            && clients.peek().is_some()
            && let State::Hunting(hunt) = &mut self.state
        {
            // He is there, and not as the caller would have him (RFC 3841 §7.2.4).
            hunt.note(Refusal::status(480));
        }
        for binding in wanted {
            if (is_one && self.rings_a_client()) || !self.may_ring(owner, binding) {
                continue;
            }
            if !self.wake(desk, binding)
                && let Some(share) = self.take_share()
            {
                self.ring_client(desk, binding, share, history.as_ref());
            }
        }
    }

    fn rings_a_client(&self) -> bool {
        matches!(&self.state, State::Hunting(hunt) if hunt.is_ringing(|rings| matches!(rings, Rings::Client(_))))
    }

    /// Nothing rings any more: if the caller wants one phone after the other, the next one does. True if
    /// there is one.
    pub(super) fn ring_in_order(&mut self, desk: &mut Desk<'_, '_, '_>) -> bool {
        let route = self.route.clone();
        let Action::Try(plan) = route.action() else { return false };
        if !self.passage.preferences(Method::Invite).sequential {
            return false;
        }
        self.claims = 1;
        for TimedTarget { target, .. } in &plan.targets {
            if let Callee::Clients(name) = callee_of(desk.owner, target) {
                self.ring_clients(desk, name);
            }
        }
        self.rings_a_client()
    }

    pub(super) fn ring_client(
        &mut self,
        desk: &mut Desk<'_, '_, '_>,
        binding: &Binding,
        share: u16,
        history: Option<&Bytes>,
    ) {
        let sips = self.caller.face.sips;
        let callee = Face::of(&self.owner).secured(sips);
        let dial = Dial {
            call: self.key,
            flow: binding.flow,
            contact: &binding.uri(sips),
            path: &binding.stored.path,
            from: &self.caller.face,
            to: &callee,
            max_forwards: self.max_forwards,
            breadth: share,
            history,
            referred: self.referred.as_ref(),
            reliable: self.reliable,
            passage: &self.passage,
        };
        let leg = desk.legs.dial(desk.wire, &dial);
        let party = Party::client(desk.owner, binding);
        self.begin_branch(desk, leg, Rings::Client(binding.flowing()), share, party);
        self.watch_flows(desk);
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

    /// Asks another user's routing, unless it was asked before.
    pub(super) fn ring_user(&mut self, desk: &mut Desk<'_, '_, '_>, uid: &Uid, hop: &Hop<'_>) {
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
            return self.ring_abroad(desk, uid, share, hop.sips);
        }
        let face = self.caller.face.clone();
        let sips = face.sips || hop.sips;
        let from = desk.legs.link_out(self.key);
        let opening = Opening {
            id: Arc::clone(&self.id),
            caller: Caller { face: face.secured(sips), ..self.caller.clone() },
            passage: self.passage.clone(),
            reliable: self.reliable,
            max_forwards: self.max_forwards - 1,
            breadth: share,
            searches: self.searches.0,
            history: self.history.to(uid, hop.number, self.children, hop.cause),
            origin: self.origin.clone(),
            referred: self.referred.clone(),
            only: self.only_for(uid),
        };
        let number = hop.number.map(|number| Party::Number(Arc::clone(number)));
        let party = number.unwrap_or_else(|| Party::User(uid.clone()));
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
        Target::Inbox | Target::Voicemail | Target::Trunk(..) => Callee::Nobody,
    }
}

/// Whether nothing here can take a call to this target.
pub(super) fn is_missing(owner: &User, target: &Target, is_for_one_client: bool) -> bool {
    match callee_of(owner, target) {
        Callee::Clients(_) => false,
        Callee::User(_) => is_for_one_client,
        Callee::Nobody => true,
    }
}
