//! What operators ask of a running user server.

use crate::call::End;
use crate::effect::Ctx;
use crate::effect::admin::{AdminReply, AdminRequest};

use super::switchboard::Switchboard;

impl Switchboard {
    pub(super) fn on_admin(&mut self, ctx: &mut Ctx<'_>, request: AdminRequest) -> AdminReply {
        match request {
            AdminRequest::Registrations => {
                let now = ctx.at();
                let list = self.users.present().into_iter().flat_map(|user| {
                    user.bindings
                        .iter()
                        .filter(move |binding| binding.expires > now)
                        .map(move |binding| binding.listing(user.uid.as_str(), now))
                });
                AdminReply::Registrations(list.collect())
            }
            AdminRequest::Calls => {
                let mut calls: Vec<_> = self.calls.iter().map(|(_, call)| call.listing()).collect();
                calls.sort_by_key(|call| call.started_ms);
                AdminReply::Calls(calls)
            }
            AdminRequest::Call(id) => {
                let calls = self.calls.iter().filter(|(_, call)| call.is_named(&id));
                AdminReply::Calls(calls.map(|(_, call)| call.account()).collect())
            }
            AdminRequest::Refresh(uids) => {
                for uid in &*uids {
                    self.read_again(ctx, uid.clone());
                }
                AdminReply::Done
            }
            AdminRequest::Peers => AdminReply::Peers(self.peers.listing(ctx.settings)),
            // The user server itself holds what it serves by.
            AdminRequest::Configure(_) => {
                self.peers.configure(ctx);
                self.look_for_due(ctx);
                AdminReply::Done
            }
            AdminRequest::HandOver { call, owner, to } => {
                self.hand_over(ctx, (&call, &owner), to);
                AdminReply::Done
            }
            AdminRequest::Drain => {
                self.draining = true;
                AdminReply::Done
            }
            AdminRequest::HangUp => {
                self.draining = true;
                let calls: Vec<_> = self.calls.iter().map(|(key, _)| key).collect();
                for key in calls {
                    self.with_call(ctx, key, |call, desk| call.break_off(desk, End::ShutDown));
                }
                AdminReply::Done
            }
            AdminRequest::Left => AdminReply::Left { calls: self.calls.len(), legs: self.legs.len() },
        }
    }
}
