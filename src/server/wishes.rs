//! What a request of a user's own phone says besides whom it is for: under which of his profiles it is
//! sent, or which of them is to serve from now on.
//!
//! A profile is named by a number that is dialled before the other one, or else by a header, or else by
//! the client that sends. A number that is dialled alone lets a profile serve.

use std::sync::Arc;

use crate::base::Uid;
use crate::call::Origin;
use crate::config::Settings;
use crate::effect::store::StoredProfile;
use crate::effect::{Ctx, StoreOp, StoreOutcome};
use crate::leg::Passage;
use crate::registrar::{User, who_of_uri};
use crate::routing::{Profile, Who};
use crate::sip::{Message, Method, Name, Uri};
use crate::transaction::Asked;

use super::circling::Listener;
use super::switchboard::{Switchboard, Waiting};

/// A request that is to be sent.
#[derive(Debug)]
pub(super) struct Sent {
    pub(super) asked: Asked,
    pub(super) to: Who,
    /// Whose outgoing tree decides.
    pub(super) profile: Arc<Profile>,
    /// The client that sends it, by its name.
    pub(super) device: Option<Arc<str>>,
}

/// What a request wants.
#[derive(Debug)]
enum Wish {
    /// To be sent, under a profile of the user's own if one is named.
    Send(Who, Option<Arc<Profile>>),
    /// That this profile serves from now on, or the cluster's default.
    Activate(Option<Box<str>>),
    /// Something that there is not.
    Nothing(String),
}

impl Switchboard {
    /// Finds out what a request wants; one that is not to be sent is answered here.
    pub(super) fn sent(&mut self, ctx: &mut Ctx<'_>, uid: &Uid, asked: Asked, to: Who) -> Option<Sent> {
        let user = self.users.get(uid)?;
        let phone = Origin::of(asked.flow, &asked.request);
        let device = user.device(ctx.at(), |binding| phone.is(binding));
        match wish(ctx.settings, user, &asked.request, to, device.as_deref()) {
            Wish::Send(to, named) => {
                let profile = named.unwrap_or_else(|| Arc::clone(user.profiles(ctx.settings).0));
                return Some(Sent { asked, to, profile, device });
            }
            Wish::Activate(name) => {
                let ticket = ctx.store(StoreOp::Activate { uid: uid.clone(), profile: name.clone() });
                self.waiting.insert(ticket, Waiting::Activation { uid: uid.clone(), asked, name });
            }
            Wish::Nothing(why) => self.tell(ctx, &asked, 404, &why),
        }
        None
    }

    /// The store has let another profile serve, or has not.
    pub(super) fn on_activated(
        &mut self,
        ctx: &mut Ctx<'_>,
        (uid, asked): (&Uid, Asked),
        name: Option<&str>,
        outcome: &StoreOutcome,
    ) {
        match (outcome, name) {
            (StoreOutcome::Saved, _) => {}
            (StoreOutcome::Gone, Some(name)) => {
                self.read_again(ctx, uid.clone());
                return self.tell(ctx, &asked, 404, &format!("there is no profile {name} any more"));
            }
            _ => return self.refuse(ctx, &asked, 500),
        }
        if let Some(user) = self.users.get_mut(uid) {
            user.activate(name);
        }
        // Whatever was being read of him is older than that.
        self.read_again(ctx, uid.clone());
        let is_read = self.users.get(uid).is_some_and(|user| user.profile.is_some());
        let told = match name {
            Some(name) if !is_read => {
                format!("the profile {name} cannot be read, the default profile serves for it")
            }
            Some(name) => format!("the profile {name} serves from now on"),
            None => "the default profile serves from now on".to_owned(),
        };
        self.look_for_circles(ctx, uid, Listener::Wish { asked, told });
    }

    /// What a request wanted is done. There is nobody who speaks: a call is refused, and says so.
    pub(super) fn tell_done(&mut self, ctx: &mut Ctx<'_>, asked: &Asked, told: &str) {
        let status = if asked.request.method() == Method::Message { 200 } else { 480 };
        self.tell(ctx, asked, status, told);
    }

    /// Answers with a reason that a phone may show.
    fn tell(&mut self, ctx: &mut Ctx<'_>, asked: &Asked, status: u16, why: &str) {
        let tag = self.fresh_tag(ctx);
        let mut writer = asked.answer(status, tag.as_bytes());
        if let Some(reason) = Passage::reason_text(status, why).header(Name::Reason) {
            writer.header(Name::Reason, reason);
        }
        self.transactions.respond(ctx, asked.key, status, writer.finish(b""));
    }
}

fn wish(settings: &Settings, user: &User, request: &Message, to: Who, device: Option<&str>) -> Wish {
    let features = &settings.features;
    let dialled = dialled(settings, &to);
    if let Some(code) = after(dialled, &features.activate) {
        return match code {
            "0" => Wish::Activate(None),
            code => match user.coded(code) {
                Some(own) => Wish::Activate(Some(own.name.clone())),
                None => Wish::Nothing(format!("no profile has the number {code}")),
            },
        };
    }
    if let Some(rest) = after(dialled, &features.under) {
        let (code, rest) = rest.split_at_checked(1).unwrap_or_default();
        let target = Uri::parse(format!("sip:{rest}@{}", settings.cid).as_bytes())
            .ok()
            .filter(|_| !rest.is_empty())
            .and_then(|uri| who_of_uri(settings, &uri));
        return match (user.coded(code), target) {
            (Some(own), Some(to)) => Wish::Send(to, own.profile.clone()),
            (None, _) => Wish::Nothing(format!("no profile has the number {code}")),
            (_, None) => Wish::Nothing("a number is missing after that of the profile".to_owned()),
        };
    }
    let header = request.named(&features.header).and_then(|name| std::str::from_utf8(name).ok());
    if let Some(name) = header.map(str::trim).filter(|name| !name.is_empty()) {
        return match user.named(name) {
            Some(own) => Wish::Send(to, own.profile.clone()),
            None => Wish::Nothing(format!("there is no profile {name}")),
        };
    }
    let own = device.and_then(|device| user.of_client(device));
    Wish::Send(to, own.and_then(|own: &StoredProfile| own.profile.clone()))
}

/// What was dialled, if it is in this cluster.
fn dialled<'w>(settings: &Settings, to: &'w Who) -> &'w str {
    match to {
        Who::Number(number) => number,
        Who::User(uid) if uid.cluster() == settings.cid.as_str() => uid.user(),
        Who::User(_) | Who::Anonymous => "",
    }
}

/// What follows a prefix, if there is one and it is dialled.
fn after<'t>(dialled: &'t str, prefix: &str) -> Option<&'t str> {
    dialled.strip_prefix(prefix).filter(|rest| !prefix.is_empty() && !rest.is_empty())
}
