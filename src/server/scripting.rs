//! Scripts that come with a REGISTER: each becomes a profile of its sender's, and whatever is wrong with
//! it, his registration is good.

use bytes::Bytes;

use crate::base::Uid;
use crate::effect::{Ctx, StoreOp, StoreOutcome};
use crate::registrar::Change;
use crate::sip::{Message, Name};
use crate::transaction::Asked;

use super::switchboard::{Switchboard, Waiting};

/// What a body says that is a script (RFC 3880).
const CPL: &str = "application/cpl+xml";

/// Whether a request brings a script, or takes the one before away.
fn has_script(request: &Message) -> bool {
    request.content_type().is_some_and(|kind| kind.is(CPL))
}

/// The script that it brings; without one it takes away.
fn script_of(request: &Message) -> Option<Bytes> {
    let action = request.item(Name::ContentDisposition).and_then(|item| item.param("action"));
    let removes = action.is_some_and(|action| action.eq_ignore_ascii_case(b"remove"));
    Some(request.body()).filter(|body| !removes && !body.is_empty())
}

impl Switchboard {
    /// What a REGISTER asks for is stored, or need not be: a script that came with it is next, and then the
    /// answer.
    pub(super) fn take_script(&mut self, ctx: &mut Ctx<'_>, uid: &Uid, asked: Asked, change: Change) {
        if !has_script(&asked.request) {
            return self.carry_out(ctx, uid, &asked, change, None);
        }
        let script = script_of(&asked.request);
        let ticket = ctx.store(StoreOp::ImportScript { uid: uid.clone(), script });
        self.users.begin_storing(uid);
        self.waiting.insert(ticket, Waiting::Script { uid: uid.clone(), asked, change });
    }

    /// A script has become a profile, or it is known why not.
    pub(super) fn on_script(
        &mut self,
        ctx: &mut Ctx<'_>,
        (uid, asked): (&Uid, &Asked),
        change: Change,
        outcome: &StoreOutcome,
    ) {
        let queued = self.users.end_storing(uid);
        let (changed, trouble) = if let StoreOutcome::Imported(done) = outcome {
            let told = |why: &str| format!("the script was not taken: {why}");
            (done == &Ok(true), done.as_ref().err().map(|why| told(why)))
        } else {
            (false, Some("the script could not be stored; send it again later".to_owned()))
        };
        self.carry_out(ctx, uid, asked, change, trouble.as_deref());
        if changed && let Some(ticket) = self.users.refresh(ctx, uid) {
            self.waiting.insert(ticket, Waiting::User(uid.clone()));
        }
        for asked in queued {
            self.on_register(ctx, uid, asked);
        }
    }
}
