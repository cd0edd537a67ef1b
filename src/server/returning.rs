//! A phone whose flow is gone goes on by another one: so do its calls.
//!
//! A flow dies with a network that changes, a NAT that forgets or a server between, and the phone
//! hears of it last. One that keeps several has the next one at once. Another one shows that it is there
//! again by registering, which says which client it is, or by a request inside its dialog; until then its
//! answered calls wait for a while of their own (`limits.lost_flow_s`). That a stream is gone is told by the
//! stream; that a NAT has given a phone another address, by the phone when it registers; and that datagrams
//! are lost on their way to it, by a request that nobody has answered.
//!
//! What is said over TLS only waits for a flow that is secure.
//!
//! Implements: RFC 5626 §4.4.1, §4.4.2, §5.3 (a new flow in place of a failed one).

use hashbrown::HashMap;
use smallvec::SmallVec;

use crate::base::{Arena, Key, Uid};
use crate::call::Call;
use crate::effect::{Ctx, Flow};
use crate::leg::{Legs, Wire};
use crate::registrar::{Binding, User};
use crate::sip::Uri;
use crate::transaction::RELAYED;

use super::switchboard::Switchboard;

/// Legs of one client.
type Adrift = SmallVec<[Key; 2]>;

/// The legs of calls that wait for a client, by the user and his client.
#[derive(Debug, Default)]
pub(super) struct Awaited {
    legs: HashMap<(Uid, Box<str>), Adrift>,
}

/// A client of a user's has registered, or has lost a flow.
#[derive(Debug)]
pub(super) struct Moved {
    pub(super) client: Box<str>,
    /// The flow that it had.
    pub(super) left: Option<Flow>,
    /// Its Contact there, which tells its calls from those of others on that flow.
    pub(super) contact: String,
}

impl Awaited {
    fn add(&mut self, uid: &Uid, moved: &Moved, legs: Adrift) {
        if !legs.is_empty() {
            self.legs.entry((uid.clone(), moved.client.clone())).or_default().extend(legs);
        }
    }

    /// Forgets the legs that have not waited any longer.
    pub(super) fn tidy(&mut self, legs: &Legs) {
        self.legs.retain(|_, waiting| {
            waiting.retain(|leg| legs.is_adrift(*leg));
            !waiting.is_empty()
        });
    }
}

impl Moved {
    /// The client of this binding, which leaves its flow.
    pub(super) fn from(binding: &Binding) -> Self {
        Self { left: Some(binding.flow), ..Self::to(binding) }
    }

    /// The client of this binding, which had none before.
    pub(super) fn to(binding: &Binding) -> Self {
        Self { client: binding.client().into(), left: None, contact: binding.stored.contact.clone() }
    }
}

impl Switchboard {
    /// Clients of a user have lost the stream that they had: their calls go on by another flow of theirs,
    /// or wait for them.
    pub(super) fn on_clients_lost(&mut self, ctx: &mut Ctx<'_>, uid: &Uid, lost: &[Moved]) {
        for moved in lost {
            let others = lost.iter().filter(|other| other.client != moved.client);
            let others: Vec<&str> = others.map(|other| other.contact.as_str()).collect();
            self.awaited.add(uid, moved, legs_left((&self.legs, &self.calls), uid, moved, &others));
            let flows = self.users.get(uid).map(|user| live_flows(ctx, user, &moved.client));
            for flow in flows.unwrap_or_default() {
                self.go_on(ctx, uid, &moved.client, flow);
            }
        }
    }

    /// A client has registered by this flow: its calls go on there, if it has lost the one that they had,
    /// or has left it for this one.
    pub(super) fn on_client(&mut self, ctx: &mut Ctx<'_>, uid: &Uid, moved: &Moved, flow: Flow) {
        if let Some(left) = moved.left.filter(|left| !is_same(*left, flow)) {
            let is_other =
                |binding: &&Binding| *binding.client() != *moved.client && is_same(binding.flow, left);
            let user = self.users.get(uid);
            let others = user.into_iter().flat_map(|user| user.bindings.iter().filter(is_other));
            let others: Vec<&str> = others.map(|other| other.stored.contact.as_str()).collect();
            self.awaited.add(uid, moved, legs_left((&self.legs, &self.calls), uid, moved, &others));
        }
        self.go_on(ctx, uid, &moved.client, flow);
    }

    /// Nothing was answered to a request inside an answered call: its flow counts as dead, and the call goes on
    /// by the best of the others that its client has. Says whether there was one.
    pub(super) fn on_silence(&mut self, ctx: &mut Ctx<'_>, leg: Key, client: Key) -> bool {
        let Some((uid, user, binding)) = self.behind(leg) else { return false };
        let fits = |flow: &Flow| {
            !is_same(*flow, binding.flow)
                && (ctx.settings.transport(*flow).is_secure() || !self.legs.is_sips(leg))
        };
        let Some(other) = live_flows(ctx, user, binding.client()).into_iter().find(fits) else {
            return false;
        };
        let (uid, key) = (uid.clone(), binding.stored.key.clone());
        self.on_flow_failed(ctx, &uid, &key, ctx.at().before(RELAYED));
        let mut wire = Wire { ctx, transactions: &mut self.transactions };
        let reports = self.legs.on_silence(&mut wire, leg, client, other);
        self.reports.extend(reports.into_iter().flatten());
        true
    }

    /// The phone of an answered call as it has registered: whose, and by which binding.
    fn behind(&self, leg: Key) -> Option<(&Uid, &User, &Binding)> {
        let call = self.legs.call_of(leg).and_then(|call| self.calls.get(call))?;
        let (flow, target) = (self.legs.flow_of(leg)?, self.legs.target_of(leg)?);
        let user = self.users.get(call.owner())?;
        let here = user.bindings.iter().filter(|binding| is_same(binding.flow, flow));
        let here: SmallVec<[&Binding; 2]> = here.collect();
        let named = here.iter().find(|binding| is_named(&binding.stored.contact, target));
        Some((call.owner(), user, named.or(here.first())?))
    }

    /// What waits for a client goes on by this flow.
    fn go_on(&mut self, ctx: &mut Ctx<'_>, uid: &Uid, client: &str, flow: Flow) {
        let key = (uid.clone(), client.into());
        let Some(mut legs) = self.awaited.legs.remove(&key) else { return };
        if !ctx.settings.transport(flow).is_secure() {
            let (waiting, others): (Adrift, _) = legs.into_iter().partition(|leg| self.legs.is_sips(*leg));
            legs = others;
            if !waiting.is_empty() {
                self.awaited.legs.insert(key, waiting);
            }
        }
        for leg in legs {
            let mut wire = Wire { ctx, transactions: &mut self.transactions };
            let report = self.legs.on_flow(&mut wire, leg, flow);
            self.reports.extend(report);
        }
    }
}

/// The legs of a user on the flow that a client of his has left, but for those of others there, whose
/// Contacts these are.
fn legs_left((legs, calls): (&Legs, &Arena<Call>), uid: &Uid, moved: &Moved, others: &[&str]) -> Adrift {
    let is_his = |leg: &Key| {
        let call = legs.call_of(*leg).and_then(|call| calls.get(call));
        call.is_some_and(|call| call.owner() == uid)
    };
    let is_its = |leg: &Key| {
        let names = |contact: &str| legs.target_of(*leg).is_some_and(|target| is_named(contact, target));
        names(&moved.contact) || !others.iter().any(|other| names(other))
    };
    let left = moved.left.into_iter().flat_map(|left| legs.on_way(left));
    left.filter(is_his).filter(is_its).collect()
}

/// Whether a Contact is the target of a dialog.
fn is_named(contact: &str, target: &[u8]) -> bool {
    let own = Uri::parse(contact.as_bytes()).ok();
    own.zip(Uri::parse(target).ok()).is_some_and(|(own, target)| own.same_as(&target))
}

/// The flows that a client can be reached by now, the best first.
fn live_flows(ctx: &Ctx<'_>, user: &User, client: &str) -> SmallVec<[Flow; 2]> {
    let live = |binding: &&Binding| binding.client() == client && !binding.is_gone && !binding.has_failed;
    user.bindings.reachable(ctx.at()).filter(live).map(|binding| binding.flow).collect()
}

/// Whether two flows are one.
fn is_same(one: Flow, other: Flow) -> bool {
    match (one.stream, other.stream) {
        (None, None) => one.remote == other.remote && one.listener == other.listener,
        (one, other) => one == other,
    }
}
