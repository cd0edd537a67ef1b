//! Scripts that come with a REGISTER: each becomes a profile of its sender's, and whatever is wrong with
//! it, his registration is good.

use std::time::Duration;

use bytes::Bytes;

use crate::base::Uid;
use crate::effect::store::Script;
use crate::effect::{Ctx, StoreOp, StoreOutcome, Wake};
use crate::registrar::Change;
use crate::sip::{Message, Name};
use crate::transaction::Asked;

use super::circling::Listener;
use super::switchboard::{Switchboard, Waiting};

/// So long whoever has sent something waits for long work of the store; phones repeat a request for half a minute.
pub(super) const PATIENCE: Duration = Duration::from_secs(2);
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
        let timer = Some(ctx.arm(PATIENCE, Wake::Late(ticket)));
        self.users.begin_storing(uid);
        self.waiting.insert(ticket, Waiting::Script { uid: uid.clone(), asked, change, timer });
    }

    /// A script has become a profile, or it is known why not. If it serves, the answer waits for one thing more.
    pub(super) fn on_script(
        &mut self,
        ctx: &mut Ctx<'_>,
        uid: &Uid,
        (asked, change): (Asked, Change),
        outcome: &StoreOutcome,
    ) {
        let (script, trouble) = read(outcome);
        self.read_if_changed(ctx, uid, script);
        if script == Script::Serves {
            return self.look_for_circles(ctx, uid, Listener::Register { asked, change });
        }
        self.answer_register(ctx, uid, (asked, change), trouble.as_deref());
    }

    /// A script is not read in good time: the phone is answered, and hears of it with its next REGISTER.
    pub(super) fn on_slow_script(&mut self, ctx: &mut Ctx<'_>, uid: &Uid, (asked, change): (Asked, Change)) {
        let trouble = "the script is not read yet; it serves as soon as it is";
        self.answer_register(ctx, uid, (asked, change), Some(trouble));
    }

    /// What has become of a script that nobody waits for any more.
    pub(super) fn on_late_script(&mut self, ctx: &mut Ctx<'_>, uid: &Uid, outcome: &StoreOutcome) {
        let (script, trouble) = read(outcome);
        self.read_if_changed(ctx, uid, script);
        if script == Script::Serves {
            self.look_for_circles(ctx, uid, None);
        }
        self.put_news(uid, trouble);
    }

    fn read_if_changed(&mut self, ctx: &mut Ctx<'_>, uid: &Uid, script: Script) {
        if script != Script::Same {
            self.read_again(ctx, uid.clone());
        }
    }

    /// A REGISTER that has waited for something is answered, and those that have come since are dealt with.
    pub(super) fn answer_register(
        &mut self,
        ctx: &mut Ctx<'_>,
        uid: &Uid,
        (asked, change): (Asked, Change),
        trouble: Option<&str>,
    ) {
        let queued = self.users.end_storing(uid);
        self.carry_out(ctx, uid, &asked, change, trouble);
        for asked in queued {
            self.on_register(ctx, uid, asked);
        }
    }
}

/// What has become of a script, and what its sender is to hear if it is no good.
fn read(outcome: &StoreOutcome) -> (Script, Option<Box<str>>) {
    let StoreOutcome::Imported(done) = outcome else {
        return (Script::Same, Some("the script could not be stored; send it again later".into()));
    };
    match done {
        Ok(script) => (*script, None),
        Err(why) => (Script::Same, Some(format!("the script was not taken: {why}").into())),
    }
}
