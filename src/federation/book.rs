//! The book of the other clusters, one for each user server.
//!
//! Whoever wants to send something to a peer asks here for the way; whatever comes from one, or does
//! not, is noted here. What other user servers have to know is left in `notices`.

use std::time::Duration;

use hashbrown::HashMap;

use crate::base::{At, Cid, Key, PeerId, ServerIndex, Slot, Uid};
use crate::config::{Peer, Settings};
use crate::effect::admin::LivePeer;
use crate::effect::wake::PeerTimer;
use crate::effect::{Ctx, Fact, Flow, StreamId, Ticket, Wake};
use crate::routing::Mode;
use crate::sip::{Message, Method, Name, Writer};
use crate::transaction::{Asking, Draft, Owner, TIMEOUT, Transactions};

use super::gate::{Account, Gate};
use super::outbox::Outbox;
use super::proof::Proof;
use super::watch::{Health, Next, QUIET, Watch};

/// Seconds that a caller is asked to wait when a cluster is not there: it is looked for every second.
const RETRY_AFTER_S: u64 = 5;
/// How often the same trouble with a secret is told.
const TELL_EVERY: Duration = Duration::from_secs(60);

/// All other clusters.
#[derive(Debug)]
pub struct Peers {
    index: ServerIndex,
    pub(super) own: Cid,
    pub(super) gate: Gate,
    list: Vec<Entry>,
    /// Who waits for which answer of the store.
    pub(super) asked: HashMap<Ticket, PeerId>,
    /// What the other user servers are to be told; the switchboard delivers it.
    pub notices: Vec<Notice>,
}

/// One of them. It keeps its place when it is not configured any more.
#[derive(Debug)]
pub(super) struct Entry {
    pub(super) peer: Peer,
    /// How it is reached; `None` if it is not configured any more.
    flow: Option<Flow>,
    owner: ServerIndex,
    pub(super) watch: Watch,
    pub(super) outbox: Outbox,
    proof: Proof,
    account: Account,
    told: Option<At>,
    /// When its owner was told last that it is used.
    used: Option<At>,
}

/// A way to a user of another cluster.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Way {
    /// The cluster.
    pub peer: PeerId,
    /// The flow that reaches it.
    pub flow: Flow,
}

/// Why there is none.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Unreachable {
    /// It is no cluster that we speak with: 404.
    Stranger,
    /// This is not allowed between the two: 403.
    Forbidden,
    /// It is not there: 503.
    Down,
}

/// What other user servers are to be told.
#[derive(Debug)]
pub enum Notice {
    /// For all: a peer stands differently.
    News(News),
    /// For the one who owns the peer's slot.
    Tip(ServerIndex, Cid, Tip),
}

/// How a peer stands.
#[derive(Debug, Clone)]
pub struct News {
    /// Which.
    pub cid: Cid,
    /// How.
    pub health: Health,
    /// Since when, milliseconds since 1970.
    pub since_ms: i64,
}

/// What its owner should know of a peer.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Tip {
    /// Something valid came from it.
    Heard,
    /// Something is sent to it.
    Used,
    /// Something that was sent to it was not answered.
    Failed(&'static str),
    /// A page waits for it.
    Stored,
}

impl Unreachable {
    /// The status that says so.
    pub const fn status(self) -> u16 {
        match self {
            Self::Stranger => 404,
            Self::Forbidden => 403,
            Self::Down => 503,
        }
    }

    /// When to try again, if that is of use.
    pub fn retry_after(self) -> Option<String> {
        (self == Self::Down).then(|| RETRY_AFTER_S.to_string())
    }
}

impl Peers {
    /// The book of a user server.
    pub fn new(settings: &Settings, index: ServerIndex) -> Self {
        let mut peers = Self {
            index,
            own: settings.cid.clone(),
            gate: Gate::new(settings),
            list: Vec::new(),
            asked: HashMap::new(),
            notices: Vec::new(),
        };
        peers.take(settings);
        peers
    }

    /// Those that this user server looks after.
    pub fn owned(&self) -> impl Iterator<Item = PeerId> {
        let own = |(_, entry): &(u16, &Entry)| entry.owner == self.index && entry.flow.is_some();
        (0..).zip(&self.list).filter(own).map(|(place, _)| PeerId(place))
    }

    /// How many there are.
    pub fn len(&self) -> usize {
        self.list.len()
    }

    /// Whether there is none.
    pub fn is_empty(&self) -> bool {
        self.list.is_empty()
    }

    /// Answers of the store that are waited for.
    pub fn waiting(&self) -> usize {
        self.asked.len()
    }

    /// The configuration was read again.
    pub fn configure(&mut self, ctx: &mut Ctx<'_>) {
        for entry in &mut self.list {
            entry.flow = None;
        }
        self.take(ctx.settings);
        let all: Vec<PeerId> = (0..).zip(&self.list).map(|(place, _)| PeerId(place)).collect();
        for id in all {
            let index = self.index;
            let Some(entry) = self.entry_mut(id) else { continue };
            ctx.disarm(&mut entry.watch.timer);
            if entry.flow.is_none() {
                entry.outbox.rest(ctx);
            } else if entry.owner == index {
                self.schedule(ctx, id, Next::Wait(Duration::ZERO));
            }
        }
    }

    fn take(&mut self, settings: &Settings) {
        for peer in &settings.peers {
            let listener = settings.listener_for(peer);
            let stream = peer.transport.is_reliable().then_some(StreamId::ANY);
            let flow = listener.map(|listener| Flow { listener, remote: peer.address, stream });
            let owner = Slot::of(peer.cid.as_str().as_bytes()).owner(settings.servers);
            match self.list.iter_mut().find(|entry| entry.peer.cid == peer.cid) {
                Some(entry) if entry.peer.secret == peer.secret => {
                    (entry.peer, entry.flow) = (peer.clone(), flow);
                }
                Some(entry) => {
                    entry.proof = Proof::new(&self.own, peer);
                    entry.account = Account::new(&self.own, peer);
                    (entry.peer, entry.flow) = (peer.clone(), flow);
                }
                None => self.list.push(Entry {
                    peer: peer.clone(),
                    flow,
                    owner,
                    watch: Watch::new(),
                    outbox: Outbox::default(),
                    proof: Proof::new(&self.own, peer),
                    account: Account::new(&self.own, peer),
                    told: None,
                    used: None,
                }),
            }
        }
    }

    pub(super) fn entry(&self, id: PeerId) -> Option<&Entry> {
        self.list.get(usize::from(id.0)).filter(|entry| entry.flow.is_some())
    }

    pub(super) fn entry_mut(&mut self, id: PeerId) -> Option<&mut Entry> {
        self.list.get_mut(usize::from(id.0))
    }

    pub(super) fn account(&self, id: PeerId) -> Option<&Account> {
        self.entry(id).map(|entry| &entry.account)
    }

    pub(super) fn account_mut(&mut self, id: PeerId) -> Option<&mut Account> {
        self.entry_mut(id).map(|entry| &mut entry.account)
    }

    /// The cluster of this name, if we speak with it.
    pub fn find(&self, cluster: &str) -> Option<PeerId> {
        let named = |(_, entry): &(u16, &Entry)| entry.peer.cid.as_str() == cluster && entry.flow.is_some();
        (0..).zip(&self.list).find(named).map(|(place, _)| PeerId(place))
    }

    /// Its name.
    pub fn cid(&self, id: PeerId) -> Option<&Cid> {
        self.entry(id).map(|entry| &entry.peer.cid)
    }

    /// Whether this mode may pass between it and us.
    pub fn allows(&self, id: PeerId, mode: Mode) -> bool {
        self.entry(id).is_some_and(|entry| entry.peer.allow.has(mode))
    }

    /// The flow that reaches it.
    pub fn flow(&self, id: PeerId) -> Option<Flow> {
        self.entry(id)?.flow
    }

    /// The way to a user of another cluster, if there is one now.
    pub fn way(&mut self, ctx: &mut Ctx<'_>, uid: &Uid, mode: Mode) -> Result<Way, Unreachable> {
        let peer = self.find(uid.cluster()).ok_or(Unreachable::Stranger)?;
        let entry = self.entry(peer).ok_or(Unreachable::Stranger)?;
        let flow = entry.flow.ok_or(Unreachable::Stranger)?;
        if !entry.peer.allow.has(mode) {
            return Err(Unreachable::Forbidden);
        }
        match entry.watch.health {
            Health::Unknown | Health::Up | Health::Suspect => {
                self.on_used(ctx, peer);
                Ok(Way { peer, flow })
            }
            Health::Down => Err(Unreachable::Down),
        }
    }

    // ---- proofs ----------------------------------------------------------------------------

    /// The header that proves a request in advance.
    pub fn prove(
        &mut self,
        ctx: &mut Ctx<'_>,
        id: PeerId,
        method: Method,
        uri: &str,
    ) -> Option<(Name, String)> {
        let entry = self.list.get_mut(usize::from(id.0))?;
        entry.proof.prove(ctx.rng, (&self.own, &entry.peer.cid), (method.as_str(), uri))
    }

    /// A peer asks for a proof: the header that gives it, if it is one that we give.
    pub fn answer(
        &mut self,
        ctx: &mut Ctx<'_>,
        id: PeerId,
        request: &Message,
        challenge: &Message,
    ) -> Option<(Name, String)> {
        let entry = self.list.get_mut(usize::from(id.0))?;
        if !entry.proof.learn(&ctx.settings.digest, &entry.peer.cid, challenge) {
            return None;
        }
        let method = String::from_utf8_lossy(request.method_bytes());
        let uri = std::str::from_utf8(request.request_uri()).ok()?;
        entry.proof.prove(ctx.rng, (&self.own, &entry.peer.cid), (&method, uri))
    }

    /// A peer does not believe our proof: it cannot be used until the secrets match. `probe`: what
    /// it did not believe was our look at it.
    pub fn on_refused(&mut self, ctx: &mut Ctx<'_>, id: PeerId, probe: Option<Key>) {
        let Some(entry) = self.entry_mut(id) else { return };
        if entry.told.is_none_or(|told| ctx.at().since(told) >= TELL_EVERY) {
            entry.told = Some(ctx.at());
            ctx.fact(Fact::SecretRefused { peer: entry.peer.cid.clone() });
        }
        match probe {
            // To ask again at once would only get us shut out for longer.
            Some(client) => self.on_probe_failed(ctx, id, client, (SECRET, period(ctx))),
            None => self.on_failed(ctx, id, SECRET),
        }
    }

    // ---- health ----------------------------------------------------------------------------

    /// Something valid came from a peer.
    pub fn on_heard(&mut self, ctx: &mut Ctx<'_>, id: PeerId) {
        let index = self.index;
        let Some(entry) = self.entry_mut(id) else { return };
        if entry.owner == index {
            if entry.watch.on_heard(ctx.now) {
                entry.watch.error = None;
                self.tell(ctx, id);
                self.schedule(ctx, id, Next::Wait(period(ctx)));
                self.sweep_outbox(ctx, id);
            }
        } else if entry.watch.health != Health::Up {
            let tip = Notice::Tip(entry.owner, entry.peer.cid.clone(), Tip::Heard);
            self.notices.push(tip);
        }
    }

    /// A peer has asked for a proof that we can give: it is there, though whether it wants us is not known.
    pub fn on_asked_for_proof(&mut self, ctx: &Ctx<'_>, id: PeerId) {
        let index = self.index;
        if let Some(entry) = self.entry_mut(id).filter(|entry| entry.owner == index) {
            entry.watch.on_asked_for_proof(ctx.now);
        }
    }

    /// Something is sent to a peer: if it has long been silent, it is asked whether it is there.
    fn on_used(&mut self, ctx: &mut Ctx<'_>, id: PeerId) {
        let index = self.index;
        let Some(entry) = self.entry_mut(id) else { return };
        if entry.owner == index {
            if entry.watch.on_used(ctx.now) {
                self.schedule(ctx, id, Next::Wait(Duration::ZERO));
            }
        } else if entry.used.is_none_or(|used| ctx.at().since(used) >= QUIET) {
            entry.used = Some(ctx.at());
            let tip = Notice::Tip(entry.owner, entry.peer.cid.clone(), Tip::Used);
            self.notices.push(tip);
        }
    }

    /// Something that was sent to a peer was not answered, or could not be sent.
    pub fn on_failed(&mut self, ctx: &mut Ctx<'_>, id: PeerId, why: &'static str) {
        let index = self.index;
        let Some(entry) = self.entry_mut(id) else { return };
        if entry.owner == index {
            let next = entry.watch.on_failed(ctx.now, why);
            if let Next::Probe(_) = next {
                self.tell(ctx, id);
                // The time for it has come now.
                self.schedule(ctx, id, Next::Wait(Duration::ZERO));
            }
        } else if entry.watch.health != Health::Down {
            let tip = Notice::Tip(entry.owner, entry.peer.cid.clone(), Tip::Failed(why));
            self.notices.push(tip);
        }
    }

    /// Another user server has told something about a peer of ours.
    pub fn on_tip(&mut self, ctx: &mut Ctx<'_>, cid: &Cid, tip: Tip) {
        let Some(id) = self.find(cid.as_str()) else { return };
        match tip {
            Tip::Heard => self.on_heard(ctx, id),
            Tip::Used => self.on_used(ctx, id),
            Tip::Failed(why) => self.on_failed(ctx, id, why),
            Tip::Stored => self.wake_outbox(ctx, id),
        }
    }

    /// Its owner tells how a peer stands.
    pub fn on_news(&mut self, news: &News) {
        let Some(entry) = self.find(news.cid.as_str()).and_then(|id| self.entry_mut(id)) else { return };
        (entry.watch.health, entry.watch.since_ms) = (news.health, news.since_ms);
    }

    /// A peer's timer fired.
    pub fn on_timer(
        &mut self,
        ctx: &mut Ctx<'_>,
        transactions: &mut Transactions,
        id: PeerId,
        timer: PeerTimer,
    ) {
        match timer {
            PeerTimer::Outbox => {
                if let Some(entry) = self.entry_mut(id) {
                    entry.outbox.timer = None;
                }
                self.wake_outbox(ctx, id);
            }
            PeerTimer::Probe => {
                if self.entry(id).is_none() {
                    return;
                }
                let Some(entry) = self.entry_mut(id) else { return };
                if let Some(late) = entry.watch.probing() {
                    transactions.abandon(ctx, late);
                }
                let (next, news) = entry.watch.on_timer(ctx.now, period(ctx));
                if news {
                    self.tell(ctx, id);
                    self.wake_outbox(ctx, id);
                }
                if let Next::Probe(_) = next {
                    self.probe(ctx, transactions, id);
                }
                self.schedule(ctx, id, next);
            }
        }
    }

    /// Our look at a peer was answered.
    pub fn on_probe_answered(
        &mut self,
        ctx: &mut Ctx<'_>,
        transactions: &mut Transactions,
        id: PeerId,
        client: Key,
    ) {
        transactions.abandon(ctx, client);
        let Some(entry) = self.entry_mut(id) else { return };
        if entry.watch.probing() == Some(client) {
            let next = entry.watch.on_probe_answered(period(ctx));
            self.schedule(ctx, id, next);
        }
    }

    /// Our look at a peer was not answered, or not believed; the next is due after that time.
    pub fn on_probe_failed(
        &mut self,
        ctx: &mut Ctx<'_>,
        id: PeerId,
        client: Key,
        (why, after): (&'static str, Duration),
    ) {
        let Some(entry) = self.entry_mut(id) else { return };
        if entry.watch.probing() != Some(client) {
            return;
        }
        if entry.watch.on_probe_failed(ctx.now, why) {
            self.tell(ctx, id);
            self.wake_outbox(ctx, id);
        }
        self.schedule(ctx, id, Next::Wait(after));
    }

    /// Our look was sent again, with a proof.
    pub fn on_probe_resent(&mut self, id: PeerId, old: Key, new: Key) {
        let Some(entry) = self.entry_mut(id) else { return };
        entry.watch.on_resent(old, new);
    }

    /// What operators see of the peers that this user server looks after.
    pub fn listing(&self) -> Vec<LivePeer> {
        let owned = self.owned().filter_map(|id| self.entry(id));
        owned
            .map(|entry| LivePeer {
                cid: entry.peer.cid.to_string(),
                address: format!("{} {}", entry.peer.transport, entry.peer.address),
                state: entry.watch.health.as_str().to_owned(),
                since_ms: entry.watch.since_ms,
                error: entry.watch.error.unwrap_or_default().to_owned(),
            })
            .collect()
    }

    /// Tells everybody how a peer stands.
    fn tell(&mut self, ctx: &mut Ctx<'_>, id: PeerId) {
        let Some(entry) = self.list.get(usize::from(id.0)) else { return };
        let (cid, watch) = (&entry.peer.cid, &entry.watch);
        match watch.health {
            Health::Up => ctx.fact(Fact::PeerUp { peer: cid.clone() }),
            Health::Down => {
                let why = watch.error.unwrap_or_default();
                ctx.fact(Fact::PeerDown { peer: cid.clone(), why });
            }
            Health::Unknown | Health::Suspect => {}
        }
        let news = News { cid: cid.clone(), health: watch.health, since_ms: watch.since_ms };
        self.notices.push(Notice::News(news));
    }

    fn schedule(&mut self, ctx: &mut Ctx<'_>, id: PeerId, next: Next) {
        let Some(entry) = self.entry_mut(id) else { return };
        let (Next::Wait(after) | Next::Probe(after)) = next else { return };
        ctx.disarm(&mut entry.watch.timer);
        entry.watch.timer = Some(ctx.arm(after, Wake::Peer(id, PeerTimer::Probe)));
    }

    /// Asks a peer whether it is there.
    fn probe(&mut self, ctx: &mut Ctx<'_>, transactions: &mut Transactions, id: PeerId) {
        let Some(flow) = self.flow(id) else { return };
        let Some(cid) = self.cid(id).cloned() else { return };
        let uri = format!("sip:{cid}");
        let proof = self.prove(ctx, id, Method::Options, &uri);
        let (call_id, tag) = (ctx.rng.draw(), ctx.rng.draw());
        let own = self.own.clone();
        let headers = |writer: &mut Writer| {
            writer.header(Name::MaxForwards, b"1");
            writer.text(Name::From, format_args!("<sip:{own}>;tag={tag:016x}"));
            writer.text(Name::To, format_args!("<{uri}>"));
            writer.text(Name::CallId, format_args!("{call_id:016x}"));
            writer.header(Name::CSeq, b"1 OPTIONS");
            if let Some((name, proof)) = &proof {
                writer.header(*name, proof.as_bytes());
            }
        };
        let draft = Draft {
            method: Method::Options,
            name: b"OPTIONS",
            uri: uri.as_bytes(),
            headers: &headers,
            body: b"",
        };
        let asking = Asking::first(id, TIMEOUT);
        let client = transactions.request_peer(ctx, (Owner::Probe(id), asking), flow, &draft);
        if let Some(entry) = self.entry_mut(id) {
            entry.watch.on_probe(ctx.now, client);
        }
    }
}

/// What stands in a listing when a peer does not believe us.
const SECRET: &str = "the secret does not match";

fn period(ctx: &Ctx<'_>) -> Duration {
    Duration::from_secs(u64::from(ctx.settings.limits.peer_probe_s))
}
