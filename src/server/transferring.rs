//! Transfer: the halves that it needs are set up here.

use crate::call::{Call, Errand, Join};
use crate::effect::Ctx;
use crate::leg::{LegWord, LinkMail, Refusal};
use crate::routing::{Direction, Route, Who};

use super::calling::has_calls_enough;
use super::peer::PeerWord;
use super::switchboard::Switchboard;

impl Switchboard {
    /// A user sends somebody to somebody else: his outgoing tree decides, as if he called there himself.
    pub(super) fn on_errand(&mut self, ctx: &mut Ctx<'_>, errand: Errand) {
        let is_closed = self.takes_no_call(ctx);
        let refused = match self.users.get_mut(&errand.owner) {
            _ if is_closed => Some(503),
            Some(user) if has_calls_enough(ctx, user, None, &self.calls) => Some(486),
            Some(_) => None,
            None => Some(500),
        };
        if let Some(status) = refused {
            let word = LegWord::Reject(Refusal::status(status));
            return self.post(errand.from.server, PeerWord::Mail(LinkMail { to: errand.from, word }));
        }
        let Some(user) = self.users.get_mut(&errand.owner) else { return };
        user.calls.begin();
        let facts = user.facts(ctx.now, &errand.to, errand.opening.passage.content(errand.mode));
        let who = (Who::User(errand.owner.clone()), errand.to);
        let route = Route::begin(user.profiles(ctx.settings), Direction::Outgoing, errand.mode, who, facts);
        let key = self.calls.next_key();
        let upstream = self.legs.link_in(key, errand.from);
        let opened = PeerWord::Opened { leg: errand.from.leg, peer: self.legs.link_end(upstream) };
        self.post(errand.from.server, opened);
        let half =
            Call::new(key, errand.opening, Direction::Outgoing, errand.owner, route, upstream, ctx.now);
        self.calls.insert(half);
        self.with_call(ctx, key, Call::begin);
    }

    /// Two halves of one user become one call, if they are his and both are answered.
    pub(super) fn on_join(&mut self, ctx: &mut Ctx<'_>, join: &Join) {
        let owner = |key| self.calls.get(key).map(Call::owner);
        let is_his = owner(join.call).is_some() && owner(join.call) == owner(join.other);
        let (here, there) = self.legs.link_pair(join.call, join.other);
        let mut is_ready = false;
        if let (true, Some(sips)) = (is_his, self.calls.get(join.call).map(Call::is_sips)) {
            self.with_call(ctx, join.other, |call, _| is_ready = call.stands_by(join.leg, there, sips));
        }
        if !is_ready {
            self.legs.unlink(here, there);
        }
        self.with_call(ctx, join.call, |call, desk| call.join(desk, is_ready.then_some(here)));
    }
}
