//! Whether phones' flows work, as far as what is sent by them tells.
//!
//! A request that could not be sent or was not answered, and a proxy's 430, speak against a flow; any
//! other answer speaks for it. What is told here decides by which flow a client is called next.
//!
//! Implements: RFC 5626 §5.3, §11.5 (430).

use crate::base::{At, Key, Uid};
use crate::effect::{Ctx, Fact};
use crate::transaction::Owner;

use super::switchboard::Switchboard;

/// What a proxy says whose connection to the phone is gone (RFC 5626 §11.5).
pub(super) const FLOW_FAILED: u16 = 430;

impl Switchboard {
    /// What became of a request: whether its phone was reached.
    pub(super) fn note_flow(&mut self, ctx: &mut Ctx<'_>, owner: Owner, client: Key, works: bool) {
        let told = match owner {
            Owner::Leg(leg) => {
                self.legs.call_of(leg).and_then(|call| self.calls.get(call)).and_then(|call| {
                    let (binding, since) = call.binding_of(leg)?;
                    Some((call.owner(), binding, since))
                })
            }
            Owner::Page(page) => self.pages.get(page).and_then(|page| {
                let (binding, since) = page.binding_of(client)?;
                Some((page.owner(), binding, since))
            }),
            Owner::Round(round) => self.rounds.get(round).and_then(|round| {
                let (binding, since) = round.binding_of(client)?;
                Some((round.owner(), binding, since))
            }),
            Owner::Probe(_) | Owner::Outbox(_) | Owner::Nobody => None,
        };
        if let Some((uid, binding, since)) = told
            && let Some(user) = self.users.get_mut(uid)
            && (!works || user.bindings.any_failed())
            && user.bindings.note(binding, works, since)
        {
            tell(ctx, uid, user.bindings.get(binding), works);
        }
    }

    /// A call has found a flow dead.
    pub(super) fn on_flow_failed(&mut self, ctx: &mut Ctx<'_>, uid: &Uid, binding: &str, since: At) {
        if let Some(user) = self.users.get_mut(uid)
            && user.bindings.note(binding, false, since)
        {
            tell(ctx, uid, user.bindings.get(binding), false);
        }
    }
}

fn tell(ctx: &mut Ctx<'_>, uid: &Uid, binding: Option<&crate::registrar::Binding>, works: bool) {
    if let Some(binding) = binding {
        ctx.fact(Fact::Flow { uid: uid.clone(), via: binding.via(), works });
    }
}
