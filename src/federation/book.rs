//! The book of the other clusters, one for each user server.
//!
//! Whoever wants to send something to a peer asks here for the way; whatever comes from one, or does
//! not, is noted here. What other user servers have to know is left in `notices`.

use std::time::Duration;

use hashbrown::HashMap;

use crate::base::{At, Cid, Key, PeerId, ServerIndex, Slot, Uid};
use crate::config::{Peer, Settings, Trust};
use crate::effect::admin::LivePeer;
use crate::effect::wake::PeerTimer;
use crate::effect::{Ctx, Fact, Flow, Ticket, Wake};
use crate::routing::Mode;
use crate::sip::{Message, Method, Name};
use crate::transaction::Transactions;

use super::gate::{Account, Gate};
use super::lookup::Lookup;
use super::outbox::Outbox;
use super::proof::Proof;
use super::targets::Targets;
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
    /// Whether it is still configured.
    is_configured: bool,
    /// Its servers.
    pub(super) targets: Targets,
    pub(super) lookup: Lookup,
    pub(super) owner: ServerIndex,
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
    /// How many of its servers may be tried after that one.
    pub others: u8,
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
    /// It is not reached over TLS, and is to be: 480 (RFC 5630 §5.3).
    Insecure,
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
    /// Its servers, and which of them is spoken to.
    pub targets: Targets,
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
    /// One of its servers has not taken what was sent to it.
    Target(Flow),
    /// A page waits for it.
    Stored,
}

impl Entry {
    /// How and where it is reached now, for a listing.
    fn reached_at(&self, settings: &Settings) -> String {
        let flow = self.targets.current();
        flow.map_or_else(
            || "nowhere yet".to_owned(),
            |flow| format!("{} {}", settings.transport(flow), flow.remote),
        )
    }
}

impl Unreachable {
    /// The status that says so.
    pub const fn status(self) -> u16 {
        match self {
            Self::Stranger => 404,
            Self::Forbidden => 403,
            Self::Down => 503,
            Self::Insecure => 480,
        }
    }

    /// When to try again, if that is of use.
    pub fn retry_after(self) -> Option<String> {
        (self == Self::Down).then(|| RETRY_AFTER_S.to_string())
    }
}

impl Entry {
    /// Where it was is nothing to go by any more: it is looked for anew, and asked whether it is there.
    fn forget_place(&mut self) {
        (self.targets, self.lookup) = (Targets::default(), Lookup::default());
        self.watch.retarget();
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
        let own = |(_, entry): &(u16, &Entry)| entry.owner == self.index && entry.is_configured;
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

    /// Answers of the store and of the DNS that are waited for.
    pub fn waiting(&self) -> usize {
        self.asked.len() + self.list.iter().filter(|entry| entry.lookup.is_under_way()).count()
    }

    /// The user server whose book it is.
    pub(super) fn index(&self) -> ServerIndex {
        self.index
    }

    /// Each of them.
    pub(super) fn ids(&self) -> impl Iterator<Item = PeerId> + use<> {
        (0..u16::try_from(self.list.len()).unwrap_or(u16::MAX)).map(PeerId)
    }

    /// The configuration was read again.
    pub fn configure(&mut self, ctx: &mut Ctx<'_>) {
        for entry in &mut self.list {
            entry.is_configured = false;
        }
        self.take(ctx.settings);
        let all: Vec<PeerId> = self.ids().collect();
        for id in all {
            let index = self.index;
            let Some(entry) = self.entry_mut(id) else { continue };
            if !entry.is_configured {
                ctx.disarm(&mut entry.watch.timer);
                entry.forget_place();
                entry.outbox.rest(ctx);
            } else if entry.owner == index && entry.watch.probing().is_none() {
                // Who is being asked already has his time to answer.
                self.schedule(ctx, id, Next::Wait(Duration::ZERO));
            }
        }
    }

    fn take(&mut self, settings: &Settings) {
        for peer in &settings.peers {
            let fixed = peer.at.map(|at| Targets::new(settings, &peer.cid, &[at]));
            let owner = Slot::of(peer.cid.as_str().as_bytes()).owner(settings.servers);
            match self.list.iter_mut().find(|entry| entry.peer.cid == peer.cid) {
                Some(entry) => {
                    if entry.peer.trust != peer.trust {
                        entry.proof = Proof::new(&self.own, peer);
                        entry.account = Account::new(&self.own, peer);
                    }
                    let has_moved = entry.peer.at != peer.at || entry.peer.is_secure() != peer.is_secure();
                    (entry.peer, entry.is_configured) = (peer.clone(), true);
                    // Those that the DNS has named are still there, as far as anybody knows.
                    if has_moved {
                        entry.forget_place();
                    }
                    if let Some(fixed) = fixed {
                        entry.targets = fixed;
                    }
                }
                None => self.list.push(Entry {
                    peer: peer.clone(),
                    is_configured: true,
                    targets: fixed.unwrap_or_default(),
                    lookup: Lookup::default(),
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
        self.list.get(usize::from(id.0)).filter(|entry| entry.is_configured)
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
        let named = |(_, entry): &(u16, &Entry)| entry.peer.cid.as_str() == cluster && entry.is_configured;
        (0..).zip(&self.list).find(named).map(|(place, _)| PeerId(place))
    }

    /// Whether it is never spoken to but over TLS.
    pub fn is_secure(&self, id: PeerId) -> bool {
        self.entry(id).is_some_and(|entry| entry.peer.is_secure())
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
        self.entry(id)?.targets.current()
    }

    /// The way to a user of another cluster, if there is one now; for what is by `sips:`, one over TLS.
    pub fn way(
        &mut self,
        ctx: &mut Ctx<'_>,
        uid: &Uid,
        (mode, sips): (Mode, bool),
    ) -> Result<Way, Unreachable> {
        let peer = self.find(uid.cluster()).ok_or(Unreachable::Stranger)?;
        let entry = self.entry(peer).ok_or(Unreachable::Stranger)?;
        if !entry.peer.allow.has(mode) {
            return Err(Unreachable::Forbidden);
        }
        if sips && !entry.peer.is_secure() {
            return Err(Unreachable::Insecure);
        }
        match entry.watch.health {
            Health::Unknown | Health::Up | Health::Suspect => {
                let others = entry.targets.others();
                let flow = entry.targets.current().ok_or(Unreachable::Down)?;
                self.on_used(ctx, peer);
                Ok(Way { peer, flow, others })
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

    /// A peer does not believe our proof: it cannot be used until the secrets match, or our certificate is
    /// one that it knows. `probe`: what
    /// it did not believe was our look at it.
    pub fn on_refused(&mut self, ctx: &mut Ctx<'_>, id: PeerId, probe: Option<Key>) {
        let Some(entry) = self.entry_mut(id) else { return };
        let peer = entry.peer.cid.clone();
        let (why, fact) = match entry.peer.trust {
            Trust::Secret(_) => (SECRET, Fact::SecretRefused { peer }),
            Trust::Certificate => (CERTIFICATE, Fact::CertificateRefused { peer }),
        };
        if entry.told.is_none_or(|told| ctx.at().since(told) >= TELL_EVERY) {
            entry.told = Some(ctx.at());
            ctx.fact(fact);
        }
        match probe {
            // To ask again at once would only get us shut out for longer.
            Some(client) => self.on_probe_failed(ctx, id, client, (why, period(ctx))),
            None => self.on_failed(ctx, id, why),
        }
    }

    // ---- health ----------------------------------------------------------------------------

    /// Something valid came from a peer.
    pub fn on_heard(&mut self, ctx: &mut Ctx<'_>, id: PeerId) {
        let index = self.index;
        let Some(entry) = self.entry_mut(id) else { return };
        if entry.owner == index {
            let waits_for_server = entry.targets.others() > 0 && entry.watch.probing().is_some();
            if entry.watch.on_heard(ctx.now) {
                entry.watch.error = None;
                self.tell(ctx, id);
                if !waits_for_server {
                    self.schedule(ctx, id, Next::Wait(period(ctx)));
                }
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
            Tip::Target(failed) => drop(self.on_target_failed(ctx, id, failed)),
            Tip::Stored => self.wake_outbox(ctx, id),
        }
    }

    /// Its owner tells how a peer stands.
    pub fn on_news(&mut self, news: &News) {
        let Some(entry) = self.find(news.cid.as_str()).and_then(|id| self.entry_mut(id)) else { return };
        (entry.watch.health, entry.watch.since_ms) = (news.health, news.since_ms);
        entry.targets = news.targets.clone();
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
                self.on_probe_due(ctx, transactions, id);
            }
        }
    }

    /// What operators see of the peers that this user server looks after.
    pub fn listing(&self, settings: &Settings) -> Vec<LivePeer> {
        let owned = self.owned().filter_map(|id| self.entry(id));
        owned
            .map(|entry| LivePeer {
                cid: entry.peer.cid.to_string(),
                address: entry.reached_at(settings),
                state: entry.watch.health.as_str().to_owned(),
                since_ms: entry.watch.since_ms,
                error: entry.watch.error.unwrap_or_default().to_owned(),
            })
            .collect()
    }

    /// Tells everybody how a peer stands.
    pub(super) fn tell(&mut self, ctx: &mut Ctx<'_>, id: PeerId) {
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
        let targets = entry.targets.clone();
        let news = News { cid: cid.clone(), health: watch.health, since_ms: watch.since_ms, targets };
        self.notices.push(Notice::News(news));
    }

    pub(super) fn schedule(&mut self, ctx: &mut Ctx<'_>, id: PeerId, next: Next) {
        let Some(entry) = self.entry_mut(id) else { return };
        let (Next::Wait(after) | Next::Probe(after)) = next else { return };
        ctx.disarm(&mut entry.watch.timer);
        entry.watch.timer = Some(ctx.arm(after, Wake::Peer(id, PeerTimer::Probe)));
    }
}

/// What stands in a listing when a peer does not believe us.
const SECRET: &str = "the secret does not match";
/// The same of one to which we have shown our certificate.
const CERTIFICATE: &str = "it does not believe our certificate";

pub(super) fn period(ctx: &Ctx<'_>) -> Duration {
    Duration::from_secs(u64::from(ctx.settings.limits.peer_probe_s))
}
