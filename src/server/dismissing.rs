//! A user whom the store knows no longer: nothing is done in his name from that moment.
//!
//! His phones are forgotten, so that nobody who has the same name after him is reached by them; his calls
//! are broken off, and with the last of them he is let go.

use crate::base::Uid;
use crate::call::{Call, End};
use crate::effect::Ctx;

use super::registering::take_out;
use super::switchboard::Switchboard;

impl Switchboard {
    /// Takes away what a user still has who has been removed; nothing for others.
    pub(super) fn dismiss(&mut self, ctx: &mut Ctx<'_>, uid: &Uid) {
        let Some(user) = self.users.get_mut(uid).filter(|user| user.removed) else { return };
        let keys: Vec<String> = user.bindings.iter().map(|binding| binding.stored.key.clone()).collect();
        let clients = take_out(ctx, user, &keys);
        for client in clients {
            self.on_removed(ctx, uid, &client);
        }
        let is_his = |(_, call): &(_, &Call)| call.owner() == uid;
        let calls: Vec<_> = self.calls.iter().filter(is_his).map(|(key, _)| key).collect();
        for key in calls {
            self.with_call(ctx, key, |call, desk| call.break_off(desk, End::OwnerRemoved));
        }
        self.users.let_go(ctx, uid);
    }
}
