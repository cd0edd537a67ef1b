//! What comes of our requests to other clusters: challenges, and signs of life or death.

use std::time::Duration;

use crate::base::{Key, PeerId, ServerIndex};
use crate::effect::Ctx;
use crate::federation::{AGAIN, Health, News, Notice};
use crate::sip::Name;
use crate::transaction::{Owner, TxEvent, Untaken};

use super::peer::PeerWord;
use super::switchboard::Switchboard;

/// How long a cluster is left alone that has answered 503 to the question whether it is there.
const SHUT_OUT: Duration = Duration::from_secs(30);

impl Switchboard {
    /// Another cluster asks who we are. The request is sent again with the answer, once, if it is
    /// still wanted; else its owner is to be told that it has failed, and this is what he is told.
    pub(super) fn on_challenged(&mut self, ctx: &mut Ctx<'_>, event: &TxEvent) -> Option<TxEvent> {
        let TxEvent::Challenged { owner, client, asking, request, response } = event else {
            return None;
        };
        let (owner, client, asking) = (*owner, *client, *asking);
        let peer = asking.peer;
        let wanted = match owner {
            Owner::Leg(leg) => self.legs.wants_again(leg, client),
            Owner::Page(_) | Owner::Round(_) | Owner::Probe(_) | Owner::Outbox(_) | Owner::Nobody => true,
        };
        let proof =
            if asking.again || !wanted { None } else { self.peers.answer(ctx, peer, request, response) };
        // Who asks is told, whichever of its servers others go to now.
        let flow = asking.flow.or_else(|| self.peers.flow(peer));
        let (Some((name, proof)), Some(flow)) = (proof, flow) else {
            let probe = (owner == Owner::Probe(peer)).then_some(client);
            if wanted {
                self.peers.on_refused(ctx, peer, probe);
            }
            if probe.is_some() {
                return None;
            }
            let method = request.method();
            return Some(TxEvent::Failed { owner, client, peer: Some(peer), method, status: 503 });
        };
        self.peers.on_asked_for_proof(ctx, peer);
        let (new, cseq) = self.transactions.resend(
            ctx,
            (owner, Some(asking.with_proof())),
            flow,
            request,
            &[(name, &proof)],
        );
        self.on_resent(ctx, owner, (client, new), cseq);
        None
    }

    /// A server of another cluster has not taken a request: it goes to the next one, if it is still wanted
    /// and there is one; else this is what its owner is told.
    pub(super) fn on_untaken(&mut self, ctx: &mut Ctx<'_>, untaken: &Untaken) -> Option<TxEvent> {
        let Untaken { owner, client, asking, request, .. } = untaken;
        let wanted = match owner {
            Owner::Leg(leg) => self.legs.wants_again(*leg, *client),
            Owner::Page(page) => self.pages.get(*page).is_some(),
            Owner::Round(_) | Owner::Probe(_) | Owner::Outbox(_) | Owner::Nobody => true,
        };
        let next = asking.flow.and_then(|failed| self.peers.on_target_failed(ctx, asking.peer, failed));
        let Some(next) = next.filter(|_| wanted) else { return Some(untaken.failed()) };
        let (new, cseq) = self.transactions.redirect(ctx, (*owner, *asking), next, request);
        if let Owner::Leg(leg) = owner {
            self.legs.on_redirected(*leg, next);
        }
        self.on_resent(ctx, *owner, (*client, new), cseq);
        None
    }

    /// A request was sent again: whoever waits for it waits for the new one.
    fn on_resent(&mut self, ctx: &mut Ctx<'_>, owner: Owner, (client, new): (Key, Key), cseq: u32) {
        match owner {
            Owner::Leg(leg) => self.legs.on_resent(leg, client, new, cseq),
            Owner::Page(page) => self.with_page(ctx, page, |page, _| page.on_resent(client, new)),
            Owner::Probe(peer) => self.peers.on_probe_resent(peer, client, new),
            Owner::Outbox(peer) => self.peers.on_page_resent(peer, client, new),
            Owner::Round(_) | Owner::Nobody => {}
        }
    }

    /// A phone wants a longer session. Its leg asks for one, once; else the refusal stands, and this is
    /// what is told.
    pub(super) fn on_too_brief(&mut self, ctx: &mut Ctx<'_>, event: &TxEvent) -> Option<TxEvent> {
        let TxEvent::TooBrief { owner, client, asking, request, response } = event else { return None };
        let wanted = response.item(Name::MinSe).and_then(|item| item.number());
        if let (Owner::Leg(leg), Some(min_s), false) = (owner, wanted, request.has(Name::MinSe))
            && self.legs.wants_again(*leg, *client)
            && let Some(flow) = self.legs.flow_of(*leg)
        {
            let min_s = min_s.max(ctx.settings.limits.session_s).to_string();
            let anew = [(Name::MinSe, min_s.as_str()), (Name::SessionExpires, min_s.as_str())];
            let (new, cseq) = self.transactions.resend(ctx, (*owner, *asking), flow, request, &anew);
            self.legs.on_resent(*leg, *client, new, cseq);
            return None;
        }
        let peer = asking.map(|asking| asking.peer);
        let response = std::sync::Arc::clone(response);
        Some(TxEvent::Response { owner: *owner, client: *client, peer, response })
    }

    /// An answer says that a cluster is there, its absence that it may not be.
    pub(super) fn note_health(&mut self, ctx: &mut Ctx<'_>, event: &TxEvent) {
        match event {
            // It may be there for others; nothing of ours is taken.
            TxEvent::Response { peer: Some(_), response, .. } if response.status() == 503 => {}
            TxEvent::Response { peer: Some(peer), .. } => self.peers.on_heard(ctx, *peer),
            TxEvent::Failed { owner: Owner::Probe(_), .. } => {}
            TxEvent::Failed { peer: Some(peer), status, .. } => {
                self.peers.on_failed(ctx, *peer, why(*status));
            }
            TxEvent::Response { peer: None, .. }
            | TxEvent::Failed { peer: None, .. }
            | TxEvent::Challenged { .. }
            | TxEvent::TooBrief { .. }
            | TxEvent::Untaken(_) => {}
        }
    }

    /// What came of a look whether a cluster is there.
    pub(super) fn on_probe(
        &mut self,
        ctx: &mut Ctx<'_>,
        peer: PeerId,
        client: Key,
        status: u16,
        answered: bool,
    ) {
        match (answered, status) {
            (true, ..200) => {}
            (true, 503) => self.peers.on_probe_failed(ctx, peer, client, ("it takes nothing now", SHUT_OUT)),
            (true, _) => self.peers.on_probe_answered(ctx, &mut self.transactions, peer, client),
            (false, _) => self.peers.on_probe_failed(ctx, peer, client, (why(status), AGAIN)),
        }
    }

    /// The book of clusters has something for other user servers.
    pub(super) fn on_notice(&mut self, ctx: &mut Ctx<'_>, notice: Notice) {
        match notice {
            Notice::News(news) => {
                self.give_up_on(ctx, &news);
                let own = self.index;
                for server in (0..ctx.settings.servers).map(ServerIndex).filter(|server| *server != own) {
                    self.post(server, PeerWord::PeerNews(news.clone()));
                }
            }
            Notice::Tip(server, cid, tip) => self.post(server, PeerWord::PeerTip(cid, tip)),
        }
    }

    /// A cluster that is down will not answer what it was asked, nor a server of it that has failed. One in whose
    /// place another is spoken to, because the DNS says so, will.
    pub(super) fn give_up_on(&mut self, ctx: &mut Ctx<'_>, news: &News) {
        let Some(peer) = self.peers.find(news.cid.as_str()) else { return };
        let (now, all) = (ctx.at(), news.health == Health::Down);
        let is_down = |flow| all || news.targets.is_avoided(now, flow);
        for event in self.transactions.on_peer_down(ctx, peer, is_down) {
            self.on_event(ctx, &event);
        }
    }
}

/// In plain words, why a request to a cluster came to nothing.
const fn why(status: u16) -> &'static str {
    match status {
        408 => "it does not answer",
        _ => "it cannot be reached",
    }
}
