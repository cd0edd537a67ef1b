//! A half that rings moves to another user server: where it stands is a small text, and the half that
//! reads it goes on as this one would have. Targets whose time has come ring anew, for as long as was
//! left to them; who has refused is not asked again; then the tree says what is next.
//!
//! What a phone has said besides its status stays behind.

use std::sync::Arc;
use std::time::Duration;

use serde::{Deserialize, Serialize};

use crate::base::Uid;
use crate::effect::{CallTimer, Wake};
use crate::leg::{Passage, Refusal};
use crate::registrar::Flowing;
use crate::routing::{self, Direction, Outcome, Profile, Route};

use super::call::{Call, Desk, Order, State};
use super::hunt::{Hunt, Rings, Verdict};
use super::parties::{Invitation, Opening};

/// The status that a phone hears for which another user server calls from now on.
const MOVED: &str = "SIP;cause=487;text=\"Another server goes on\"";

/// Where a half stands. Its text is the JSON that serde writes; what is nested says its own form.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Standing {
    tree: routing::Bookmark,
    /// When the half began, milliseconds since 1970.
    began_ms: i64,
    /// How long it has rung in all, milliseconds.
    rung_ms: u64,
    /// How long the current `try` has, milliseconds.
    tried_ms: u64,
    /// What the `try` before this one came to.
    earlier: Option<(Outcome, Option<u16>)>,
    /// What this one has come to so far.
    verdict: Option<(Outcome, Option<u16>)>,
    /// Clients that have refused, each with the key of the binding that it was rung by.
    clients: Vec<(String, String)>,
    /// Users who have.
    users: Vec<String>,
    searches: (u16, u16),
    redirections: u8,
    children: u16,
}

impl Standing {
    /// Reads what was written.
    pub fn read(text: &str) -> Option<Self> {
        serde_json::from_str(text).ok()
    }

    /// The way on through the tree, if it is the same still.
    pub fn route(&self, profiles: (&Arc<Profile>, &Arc<Profile>), opening: &Opening) -> Option<Route> {
        let route = self.tree.resume(profiles, None).ok()?;
        let content = opening.passage.content(route.mode());
        self.tree.resume(profiles, content).ok()
    }

    fn hunt(&self) -> Hunt {
        let clients = self.clients.iter().map(|(client, binding)| {
            Rings::Client(Flowing { client: client.as_str().into(), binding: binding.as_str().into() })
        });
        let users = self.users.iter().filter_map(|uid| Uid::parse(uid).ok()).map(Rings::User);
        Hunt::resumed(clients.chain(users), self.verdict.map(verdict))
    }
}

fn verdict((outcome, status): (Outcome, Option<u16>)) -> Verdict {
    (outcome, status.map(Refusal::status))
}

fn kept((outcome, refusal): &Verdict) -> (Outcome, Option<u16>) {
    (*outcome, refusal.as_ref().map(|refusal| refusal.status))
}

fn ms(time: Duration) -> u64 {
    u64::try_from(time.as_millis()).unwrap_or(u64::MAX)
}

impl Call {
    /// Gives up a callee's half that rings: what another user server needs to go on with it. `None`: it
    /// does not ring, or is no callee's. Whom it rings is told to stop; whoever asks is not.
    pub fn give_up(&mut self, desk: &mut Desk<'_, '_, '_>) -> Option<Invitation> {
        let nothing = Hunt::default();
        let hunt = match &self.state {
            State::Hunting(hunt) => hunt,
            State::Ignoring => &nothing,
            State::Bridged { .. } | State::Over => return None,
        };
        let now = desk.wire.ctx.at();
        let (clients, users) = hunt.refused();
        let standing = Standing {
            tree: self.route.bookmark(),
            began_ms: self.started.wall_ms,
            rung_ms: ms(self.rung_before + now.since(self.started.at)),
            tried_ms: ms(self.tried_before + now.since(self.search.1)),
            earlier: self.earlier.as_deref().map(kept),
            verdict: hunt.so_far().map(kept),
            clients,
            users,
            searches: self.searches,
            redirections: self.redirections,
            children: self.children,
        };
        let text = serde_json::to_string(&standing).ok().filter(|_| self.direction == Direction::Incoming)?;
        let from = desk.legs.hand_on(self.upstream.leg)?;
        let opening = Opening {
            id: Arc::clone(&self.id),
            caller: self.caller.clone(),
            passage: self.passage.clone(),
            reliable: self.reliable,
            max_forwards: self.max_forwards,
            breadth: self.breadth,
            searches: self.searches.1,
            history: self.history.clone(),
            origin: self.origin.clone(),
            only: self.only.clone(),
            referred: self.referred.clone(),
        };
        let (callee, mode) = (self.owner.clone(), self.route.mode());
        self.stop_ringing(desk, &Passage::reason(MOVED));
        desk.wire.ctx.disarm(&mut self.limit);
        desk.orders.push(Order::Over(self.key));
        self.state = State::Over;
        Some(Invitation { from, callee, mode, opening, standing: Some(text) })
    }

    /// Goes on from where another user server has left it.
    pub fn resume(&mut self, desk: &mut Desk<'_, '_, '_>, standing: &Standing) {
        let (rung, tried) =
            (Duration::from_millis(standing.rung_ms), Duration::from_millis(standing.tried_ms));
        let ring = Duration::from_secs(u64::from(desk.wire.ctx.settings.limits.ring_s));
        let left = ring.saturating_sub(rung);
        self.limit = Some(desk.wire.ctx.arm(left, Wake::Call(self.key, CallTimer::Limit)));
        self.started.wall_ms = standing.began_ms;
        (self.rung_before, self.tried_before) = (rung, tried);
        self.earlier = standing.earlier.map(|kept| Box::new(verdict(kept)));
        self.searches = standing.searches;
        (self.redirections, self.children) = (standing.redirections, standing.children);
        self.state = State::Hunting(Box::new(standing.hunt()));
        self.upstream.party = self.ladder.party(self.asker(desk.owner, desk.wire.ctx.at()));
        self.ladder.invite(0, self.upstream.party, self.passage.has_body());
        let route = self.route.clone();
        self.claims = 1;
        self.perform(desk, &route);
        self.settle(desk);
    }
}

impl Hunt {
    /// The book of a search that began elsewhere: these have refused.
    fn resumed(refused: impl Iterator<Item = Rings>, verdict: Option<Verdict>) -> Self {
        let mut hunt = Self::default();
        for rings in refused {
            hunt.has_refused(rings);
        }
        hunt.begin_with(verdict);
        hunt
    }

    /// Clients and users that have refused.
    fn refused(&self) -> (Vec<(String, String)>, Vec<String>) {
        let (mut clients, mut users) = (Vec::new(), Vec::new());
        for rings in self.ended() {
            match rings {
                Rings::Client(Flowing { client, binding }) => {
                    clients.push((client.to_string(), binding.to_string()));
                }
                Rings::User(uid) => users.push(uid.to_string()),
            }
        }
        (clients, users)
    }
}
