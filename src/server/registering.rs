//! REGISTER: asked, stored, then done.

use std::sync::Arc;
use std::time::Duration;

use crate::base::{At, Uid};
use crate::effect::{Ctx, Fact, StoreOp, StreamId};
use crate::registrar::{
    Binding, Change, Denied, User, aor_of, kept_alive, registration_reply, requested_change,
    write_feature_caps,
};
use crate::sip::{Name, Uri};
use crate::transaction::Asked;

use super::returning::Moved;
use super::switchboard::{Switchboard, Waiting};

impl Switchboard {
    /// A REGISTER of a user who is who he says he is.
    pub(super) fn on_register(&mut self, ctx: &mut Ctx<'_>, uid: &Uid, asked: Asked) {
        let request = Arc::clone(&asked.request);
        // The registrar of another domain is not here (RFC 3261 §10.3 step 1).
        let domain = Uri::parse(request.request_uri());
        if !domain.is_ok_and(|domain| ctx.settings.is_own_host(domain.host_text())) {
            return self.refuse(ctx, &asked, 404);
        }
        // An AOR that is no URI could not be registered at all (RFC 4475 §3.3.4).
        let Some(aor) = request.to().and_then(|to| Uri::parse(to.uri).ok()) else {
            return self.refuse(ctx, &asked, 400);
        };
        if aor_of(ctx.settings, &aor).as_ref() != Some(uid) {
            return self.refuse(ctx, &asked, 403);
        }
        let Some(asked) = self.users.queue_register(uid, asked) else { return };
        let Some(user) = self.users.get(uid) else { return self.refuse(ctx, &asked, 500) };
        match requested_change(ctx.settings, ctx.now, user, &request, asked.flow) {
            Err(denied) => self.deny(ctx, &asked, denied),
            Ok(change) if change.durable => {
                let put = change.put.iter().map(|binding| binding.stored.clone()).collect();
                let remove = change.remove.to_vec();
                let ticket = ctx.store(StoreOp::SaveBindings { uid: uid.clone(), put, remove });
                self.users.begin_storing(uid);
                let waiting = Waiting::Registration { uid: uid.clone(), asked, change };
                self.waiting.insert(ticket, waiting);
            }
            Ok(change) => self.take_script(ctx, uid, asked, change),
        }
    }

    /// The store has, or has not, taken the bindings of a REGISTER.
    pub(super) fn on_registration_stored(
        &mut self,
        ctx: &mut Ctx<'_>,
        uid: &Uid,
        asked: Asked,
        change: Change,
        saved: bool,
    ) {
        let queued = self.users.end_storing(uid);
        if saved {
            self.take_script(ctx, uid, asked, change);
        } else {
            self.refuse(ctx, &asked, 500);
        }
        for asked in queued {
            self.on_register(ctx, uid, asked);
        }
    }

    /// The bindings change, and the phone is answered; told besides what has become of a script that it sent,
    /// if that is no good or leads in a circle, and what else there is to be told.
    pub(super) fn carry_out(
        &mut self,
        ctx: &mut Ctx<'_>,
        uid: &Uid,
        asked: &Asked,
        change: Change,
        trouble: Option<&str>,
    ) {
        let tag = self.fresh_tag(ctx);
        let user = self.users.get_mut(uid).filter(|user| !user.removed);
        let Some(user) = user else { return self.refuse(ctx, asked, 403) };
        let removed = take_out(ctx, user, &change.remove);
        let client = |binding: &Binding| user.round.is_some().then(|| binding.client().to_owned());
        let renewed: Vec<String> = change.put.iter().filter_map(client).collect();
        let mut is_reachable = false;
        let (mut lost, mut clients) = (Vec::new(), Vec::new());
        for mut binding in change.put {
            if let Some(stream) = binding.flow.stream {
                binding.is_gone = self.closed.contains(&stream);
                if binding.is_gone && binding.asleep.is_none() {
                    // It has closed while the store was at it: nobody can be called there.
                    lost.push(binding);
                    continue;
                }
                let users = (!binding.is_gone).then(|| self.streams.entry(stream).or_default());
                if let Some(users) = users.filter(|users| !users.contains(uid)) {
                    users.push(uid.clone());
                }
            }
            ctx.fact(Fact::Registered {
                uid: uid.clone(),
                contact: binding.shown_contact().into_owned(),
                via: binding.via(),
                expires_s: binding.stored.granted_s,
                renewed: !change.durable,
            });
            if !binding.is_gone {
                let before = user.bindings.get(&binding.stored.key);
                let moved = before.map_or_else(|| Moved::to(&binding), Moved::from);
                clients.push((moved, binding.flow));
                is_reachable = true;
            }
            user.bindings.put(binding);
        }
        let news = user.news.take();
        let mut reply = registration_reply(ctx, user, asked, tag.as_bytes());
        for told in trouble.into_iter().chain(news.as_deref()) {
            let quoted = told.replace('\\', "\\\\").replace('"', "\\\"");
            reply.text(Name::Warning, format_args!("399 {} \"{quoted}\"", ctx.settings.cid));
        }
        let response = reply.finish(b"");
        self.users.watch_expiry(ctx, uid);
        self.transactions.respond(ctx, asked.key, 200, response);
        if let Some(stream) = kept_alive(ctx.settings, asked) {
            // A ping may be lost, and repeated.
            let within = Duration::from_secs(ctx.settings.limits.flow_timer_s.into()) * 5 / 4;
            ctx.hear_from(stream, within);
        }
        for (moved, flow) in clients {
            self.on_client(ctx, uid, &moved, flow);
            self.on_registered(ctx, uid, &moved.client);
        }
        for client in removed {
            self.on_removed(ctx, uid, &client);
        }
        if !lost.is_empty() {
            self.forget_bindings(ctx, uid, lost, "connection closed");
        }
        if is_reachable {
            self.on_reachable(ctx, uid, &renewed);
        }
    }

    fn deny(&mut self, ctx: &mut Ctx<'_>, asked: &Asked, denied: Denied) {
        let status = match denied {
            Denied::NoPush => {
                let mut writer = asked.answer(555, self.fresh_tag(ctx).as_bytes());
                write_feature_caps(ctx.settings, asked, &mut writer);
                return self.transactions.respond(ctx, asked.key, 555, writer.finish(b""));
            }
            Denied::NoPath => {
                let mut writer = asked.answer(420, self.fresh_tag(ctx).as_bytes());
                writer.header(Name::Unsupported, b"path");
                return self.transactions.respond(ctx, asked.key, 420, writer.finish(b""));
            }
            Denied::Contact | Denied::Star | Denied::Flows | Denied::Path => 400,
            Denied::LongPath | Denied::Circle | Denied::Target(_) => 403,
            Denied::TooLong => 513,
            Denied::TooMany => {
                ctx.fact(Fact::Limit("bindings_per_user"));
                403
            }
            Denied::NoFirstHop => 439,
            Denied::OutOfOrder => 500,
            Denied::TooBrief => {
                let mut writer = asked.answer(423, self.fresh_tag(ctx).as_bytes());
                writer.number(Name::MinExpires, u64::from(ctx.settings.limits.binding_min_s));
                return self.transactions.respond(ctx, asked.key, 423, writer.finish(b""));
            }
        };
        self.refuse_because(ctx, asked, status, &denied);
    }

    /// The first binding of a user expires, or has to be renewed by a phone that sleeps.
    pub(super) fn on_expiry(&mut self, ctx: &mut Ctx<'_>, uid: &Uid) {
        let now = ctx.at();
        let Some(user) = self.users.get_mut(uid) else { return };
        user.expiry = None;
        let gone = user.bindings.expire(now);
        let due = user.bindings.fall_due(now);
        self.forget_bindings(ctx, uid, gone, "expired");
        self.renew(ctx, uid, due);
    }

    /// A connection that carried bindings of a user is gone: they cannot be called any more.
    pub(super) fn on_stream_lost(&mut self, ctx: &mut Ctx<'_>, uid: &Uid, stream: StreamId) {
        let Some(user) = self.users.get_mut(uid) else { return };
        let lost: Vec<Moved> = user.bindings.of_stream(stream).map(Moved::from).collect();
        let gone = user.bindings.lose(stream);
        self.on_clients_lost(ctx, uid, &lost);
        self.forget_bindings(ctx, uid, gone, "connection closed");
    }

    /// A client of a user's is there no longer, as its push service says, who was asked then.
    pub(super) fn forget_client(&mut self, ctx: &mut Ctx<'_>, uid: &Uid, client: &str, asked: At) {
        let Some(user) = self.users.get_mut(uid) else { return };
        let of_client = |binding: &&Binding| {
            binding.client() == client && binding.asleep.is_some() && binding.registered <= asked
        };
        let keys: Vec<String> =
            user.bindings.iter().filter(of_client).map(|binding| binding.stored.key.clone()).collect();
        let gone = keys.iter().filter_map(|key| user.bindings.remove(key)).collect();
        self.forget_bindings(ctx, uid, gone, "unknown to its push service");
    }

    fn forget_bindings(&mut self, ctx: &mut Ctx<'_>, uid: &Uid, gone: Vec<Binding>, why: &'static str) {
        let remove: Vec<String> = gone.iter().map(|binding| binding.stored.key.clone()).collect();
        for binding in gone {
            let contact = binding.shown_contact().into_owned();
            ctx.fact(Fact::Unregistered { uid: uid.clone(), contact, why });
        }
        // What is being stored now is the latest; a removal behind it would take that away.
        if !remove.is_empty() && !self.users.is_storing(uid) {
            ctx.store(StoreOp::SaveBindings { uid: uid.clone(), put: Vec::new(), remove });
        }
        self.users.watch_expiry(ctx, uid);
    }
}

/// Takes these bindings out of a user's; the clients that they were of.
pub(super) fn take_out(ctx: &mut Ctx<'_>, user: &mut User, keys: &[String]) -> Vec<String> {
    let mut clients = Vec::new();
    for gone in keys.iter().filter_map(|key| user.bindings.remove(key)) {
        let contact = gone.shown_contact().into_owned();
        ctx.fact(Fact::Unregistered { uid: user.uid.clone(), contact, why: "removed" });
        clients.push(gone.client().to_owned());
    }
    clients
}
