//! REGISTER: what it asks for, and the answer.
//!
//! Asked, stored, then done: [`requested_change`] says what a REGISTER wants without changing
//! anything; the change takes effect once the store has it.
//!
//! Implements: RFC 3261 §10.3; RFC 3327 §5.3; RFC 3608 §6.3; RFC 5626 §6, §7 (Flow-Timer); RFC 5627 §5.1, §5.2.

use std::time::Duration;

use smallvec::SmallVec;

use crate::base::{Limits, Now};
use crate::config::Settings;
use crate::effect::store::StoredBinding;
use crate::effect::{Ctx, Flow, StreamId};
use crate::sip::{Contact, Message, Name, NameAddr, Uri, Writer, features_of};
use crate::transaction::Asked;
use crate::transport::{Refused, target};

use super::bindings::{Binding, q_text};
use super::gruu;
use super::identity::aor_of;
use super::outbound::{Outbound, outbound, reg_id};
use super::path;
use super::push::{Asleep, Wakeable, asleep, client_of, feature_caps, wake_s};
use super::user::User;

/// What a REGISTER asks for.
#[derive(Debug, Default)]
pub struct Change {
    /// Bindings made or renewed.
    pub put: SmallVec<[Binding; 1]>,
    /// Keys of the bindings removed.
    pub remove: SmallVec<[String; 1]>,
    /// Whether the store has to hear of it before the answer; a renewal that changes nothing may
    /// wait while what is stored still covers it.
    pub durable: bool,
}

/// Why a REGISTER is refused: in words for the phone's owner, where its status says too little.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum Denied {
    /// 400: a Contact that is no address.
    #[error("a Contact cannot be read")]
    Contact,
    /// 400: `*` together with something else.
    #[error("Contact: * needs Expires: 0, and no Contact beside it")]
    Star,
    /// 400: flows of several numbers.
    #[error("a REGISTER is for one flow: one Contact with a reg-id")]
    Flows,
    /// 400: a Path that nothing could be sent by.
    #[error("a Path needs <sip:proxy;lr> for each proxy")]
    Path,
    /// 403: a Path without end.
    #[error("this Path is too long")]
    LongPath,
    /// 403: a Contact that would go round.
    #[error("the Contact is the user's own address; register the phone's")]
    Circle,
    /// 403: a Contact or Path that we will not call.
    #[error(transparent)]
    Target(#[from] Refused),
    /// 513: a Contact longer than any phone needs: the answers name all of them.
    #[error("the Contact or its instance-id is too long")]
    TooLong,
    /// 403: more bindings than a user may have.
    #[error("as many phones are registered as a user may have; let one unregister")]
    TooMany,
    /// 423: shorter than we allow.
    #[error("a binding that brief is not granted")]
    TooBrief,
    /// 555: the push service that wakes it is not known here.
    #[error("this push service is not known here")]
    NoPush,
    /// 420: a proxy stands between us and a phone that does not know of such.
    #[error("a Path came, and the phone does not know of such")]
    NoPath,
    /// 439: who stands between us and the phone cannot keep its flows apart.
    #[error("the first proxy cannot keep flows apart")]
    NoFirstHop,
    /// 500: older than what is registered (RFC 3261 §10.3 step 7).
    #[error("a later REGISTER has come before this one")]
    OutOfOrder,
}

/// What this REGISTER asks of the user's bindings.
pub fn requested_change(
    settings: &Settings,
    now: Now,
    user: &User,
    request: &Message,
    flow: Flow,
) -> Result<Change, Denied> {
    let wildcard = request.contacts().any(|contact| matches!(contact, Contact::Star));
    if wildcard {
        return remove_all(user, request);
    }
    let most = usize::from(settings.limits.bindings_per_user);
    if request.values(Name::Contact).nth(most + user.bindings.iter().count()).is_some() {
        // More than there is room for, and to be taken out.
        return Err(Denied::TooMany);
    }
    match outbound(request) {
        Outbound::Plain | Outbound::Flow => {}
        Outbound::NoFirstHop => return Err(Denied::NoFirstHop),
        Outbound::Several => return Err(Denied::Flows),
    }
    let mut change = Change::default();
    for line in request.values(Name::Contact) {
        let contact = NameAddr::parse(line).ok_or(Denied::Contact)?;
        let uri = Uri::parse(contact.uri).map_err(|_| Denied::Contact)?;
        let instance = contact.param("+sip.instance");
        if contact.uri.len() > CONTACT || instance.is_some_and(|instance| instance.len() > INSTANCE) {
            return Err(Denied::TooLong);
        }
        let has_instance = instance.is_some();
        if has_instance && names_itself(settings, user, &uri) {
            return Err(Denied::Circle);
        }
        let push = asleep(settings, &uri);
        let key = key_of(&contact, &push);
        let own = user.bindings.find(&key, &uri, has_instance);
        if own.is_some_and(|own| is_older(own, request)) {
            return Err(Denied::OutOfOrder);
        }
        let others = others_of(user, &push, own);
        let granted_s = granted(&settings.limits, contact.expires().or(request.expires()))?;
        if granted_s == 0 {
            change.durable |= own.is_some() || !others.is_empty();
            change.remove.extend(own.map(|own| own.stored.key.clone()).into_iter().chain(others));
            continue;
        }
        let asked = Asking { settings, now, user, request, flow };
        let binding = asked.binding((&contact, &uri), key, own, push, granted_s)?;
        change.durable |= own.is_none_or(|own| needs_store(own, &binding, now)) || !others.is_empty();
        if let (Some(own), false) = (own, change.durable) {
            // The store's row stays as it is, and so does what we believe of it.
            let StoredBinding { expires_s, wake_s, .. } = own.stored;
            let stored = StoredBinding { expires_s, wake_s, ..binding.stored };
            change.put.push(Binding { stored, ..binding });
            continue;
        }
        let replaced = own.map(|own| own.stored.key.clone()).into_iter().chain(others);
        change.remove.extend(replaced.filter(|key| *key != binding.stored.key));
        change.put.push(binding);
    }
    if would_hold(user, &change) > most {
        return Err(Denied::TooMany);
    }
    Ok(change)
}

/// Whether a Contact is the address that it is to be bound to, or a GRUU: it would go round.
fn names_itself(settings: &Settings, user: &User, contact: &Uri<'_>) -> bool {
    // A phone beside the server has an address that is the server's too, with a port of its own.
    let is_aor = contact.port.is_none() && contact.host_text().eq_ignore_ascii_case(settings.cid.as_str());
    aor_of(settings, contact).is_some_and(|uid| (uid == user.uid && is_aor) || contact.params.has("gr"))
}

/// The keys of the further bindings that the phone has left behind which is woken so.
fn others_of(user: &User, push: &Asleep, own: Option<&Binding>) -> SmallVec<[String; 1]> {
    let Asleep::Sometimes(address) = push else { return SmallVec::new() };
    let keys = user.bindings.woken_by(address).map(|other| &other.stored.key);
    keys.filter(|key| own.is_none_or(|own| own.stored.key != **key)).cloned().collect()
}

/// How many bindings there would be.
fn would_hold(user: &User, change: &Change) -> usize {
    let is_put = |key: &str| change.put.iter().any(|binding| binding.stored.key == key);
    let stays = |own: &&Binding| !change.remove.contains(&own.stored.key) && !is_put(&own.stored.key);
    user.bindings.iter().filter(stays).count() + change.put.len()
}

/// The 200 of a REGISTER: every binding with what is left of it.
pub fn registration_reply(ctx: &mut Ctx<'_>, user: &User, asked: &Asked, to_tag: &[u8]) -> Writer {
    let (settings, now) = (ctx.settings, ctx.now);
    let mut writer = asked.answer(200, to_tag);
    let knows_gruus = asked.request.has_token(Name::Supported, "gruu");
    for binding in user.bindings.iter().filter(|binding| binding.expires > now.at) {
        let stored = &binding.stored;
        let instance = if stored.instance.is_empty() {
            String::new()
        } else {
            format!(";+sip.instance=\"{}\"", stored.instance)
        };
        let reg_id = binding.reg_id().map(|number| format!(";reg-id={number}")).unwrap_or_default();
        let gruus = if knows_gruus { gruus_of(ctx, user, binding) } else { String::new() };
        let q = if stored.q == 1000 { String::new() } else { format!(";q={}", q_text(stored.q)) };
        writer.text(
            Name::Contact,
            format_args!(
                "<{}>;expires={}{q}{instance}{reg_id}{gruus}{}",
                stored.contact,
                binding.left_s(now.at),
                stored.features
            ),
        );
    }
    if outbound(&asked.request) == Outbound::Flow {
        writer.header(Name::Require, b"outbound");
    }
    write_feature_caps(settings, asked, &mut writer);
    if kept_alive(settings, asked).is_some() {
        writer.number(Name::FlowTimer, u64::from(settings.limits.flow_timer_s));
    }
    writer.copy(&asked.request, Name::Path);
    let listener = settings.listeners.get(usize::from(asked.flow.listener));
    if let Some(route) = listener.map(|own| own.service_route.as_str()).filter(|route| !route.is_empty()) {
        writer.header(Name::ServiceRoute, route.as_bytes());
    }
    writer
}

/// Says which push services are known here, to a phone that has named one or asks (RFC 8599 §5.3).
pub fn write_feature_caps(settings: &Settings, asked: &Asked, writer: &mut Writer) {
    if let Some(caps) = feature_caps(settings, &asked.request) {
        writer.header(Name::FeatureCaps, caps.as_bytes());
    }
}

/// The addresses that reach this client alone, as its own user is told them.
fn gruus_of(ctx: &mut Ctx<'_>, user: &User, binding: &Binding) -> String {
    if binding.stored.instance.is_empty() {
        return String::new();
    }
    let public = gruu::public(&user.uid, &binding.stored.instance);
    let temporary = gruu::temporary(ctx.settings, ctx.rng, &user.uid, binding);
    let temporary = temporary.map(|gruu| format!(";temp-gruu=\"{gruu}\"")).unwrap_or_default();
    format!(";pub-gruu=\"{public}\"{temporary}")
}

/// The stream that a phone keeps alive, if it has registered it as a flow and nobody stands between. Of a
/// datagram nobody knows whether it has come, so that silence says nothing there; and no page can have its
/// browser ping (RFC 7118 §6).
pub fn kept_alive(settings: &Settings, asked: &Asked) -> Option<StreamId> {
    let is_flow = outbound(&asked.request) == Outbound::Flow && !asked.request.has(Name::Path);
    let is_web = settings.transport(asked.flow).is_web();
    asked.flow.stream.filter(|_| is_flow && !is_web)
}

/// `Contact: *` with `Expires: 0`, and nothing else (RFC 3261 §10.2.2).
fn remove_all(user: &User, request: &Message) -> Result<Change, Denied> {
    if request.expires() != Some(0) || request.values(Name::Contact).count() != 1 {
        return Err(Denied::Star);
    }
    if user.bindings.iter().any(|own| is_older(own, request)) {
        return Err(Denied::OutOfOrder);
    }
    let remove: SmallVec<[String; 1]> = user.bindings.iter().map(|own| own.stored.key.clone()).collect();
    Ok(Change { put: SmallVec::new(), durable: !remove.is_empty(), remove })
}

/// The seconds that are granted; 0 removes.
pub(super) fn granted(limits: &Limits, asked: Option<u32>) -> Result<u32, Denied> {
    match asked {
        None => Ok(limits.binding_default_s),
        Some(0) => Ok(0),
        Some(short) if short < limits.binding_min_s => Err(Denied::TooBrief),
        Some(asked) => Ok(asked.min(limits.binding_max_s)),
    }
}

/// What makes two registrations one binding: the instance-id with its reg-id (RFC 5626 §4.1), else what
/// wakes its phone (RFC 8599 §5.3), else the Contact.
fn key_of(contact: &NameAddr<'_>, push: &Asleep) -> String {
    let text = |bytes| String::from_utf8_lossy(bytes).into_owned();
    let instance = contact.param("+sip.instance").unwrap_or_default();
    match (push, reg_id(contact)) {
        (_, Some(reg_id)) => format!("{}#{reg_id}", text(instance)),
        _ if !instance.is_empty() => text(instance),
        (Asleep::Sometimes(address), None) => client_of(address),
        (Asleep::Never | Asleep::Unknown, None) => text(contact.uri),
    }
}

/// Whether the same phone has already asked for something later (RFC 3261 §10.3 step 7).
fn is_older(own: &Binding, request: &Message) -> bool {
    own.stored.call_id.as_bytes() == request.call_id() && request.cseq() <= own.stored.cseq
}

/// Whether the store has to be told: something that it keeps has changed, or what it keeps does not
/// cover the new expiry.
fn needs_store(own: &Binding, new: &Binding, now: Now) -> bool {
    let (old, new) = (&own.stored, &new.stored);
    let same = old.key == new.key
        && old.contact == new.contact
        && old.target == new.target
        && old.transport == new.transport
        && old.listener == new.listener
        && old.path == new.path
        && old.q == new.q
        && old.instance == new.instance
        && old.features == new.features
        && old.wake_s.is_some() == new.wake_s.is_some();
    !same || now.wall_s() + i64::from(new.granted_s) > old.expires_s
}

/// Bytes that a Contact's URI may have, and its instance-id: as many bindings as a user may have by default
/// fit into one datagram, which the answer to a REGISTER has to.
const CONTACT: usize = 2048;
/// See [`CONTACT`].
const INSTANCE: usize = 256;
/// Bytes of features that a phone may tell: with more it is as one that tells none.
const FEATURES: usize = 1024;

struct Asking<'a> {
    settings: &'a Settings,
    now: Now,
    user: &'a User,
    request: &'a Message,
    flow: Flow,
}

impl Asking<'_> {
    fn binding(
        &self,
        (contact, uri): (&NameAddr<'_>, &Uri<'_>),
        key: String,
        own: Option<&Binding>,
        push: Asleep,
        granted_s: u32,
    ) -> Result<Binding, Denied> {
        let address = match push {
            Asleep::Unknown => return Err(Denied::NoPush),
            Asleep::Never => None,
            Asleep::Sometimes(address) => Some(address),
        };
        let path = path::route(self.request)?;
        // A Path is where it is called; what the Contact may be does not change with that.
        let called = target(self.settings, self.flow, uri)?;
        let flow = match path::neighbour(self.request) {
            Some(hop) => target(self.settings, self.flow, &hop)?,
            // A flow is the one thing that its phone keeps open.
            None if outbound(self.request) == Outbound::Flow => self.flow,
            None => called,
        };
        let listener = self.settings.listeners.get(usize::from(flow.listener));
        // Without an instance the same Contact may be written in another way: it stays one binding.
        let is_named = contact.param("+sip.instance").is_some() || address.is_some();
        let key = match own {
            Some(own) if !is_named && own.asleep.is_none() => own.stored.key.clone(),
            Some(_) | None => key,
        };
        let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
        let mut stored = StoredBinding {
            key,
            contact: text(contact.uri),
            target: flow.remote,
            transport: self.settings.transport(flow),
            listener: listener.map_or_else(String::new, |own| format!("{}:{}", own.transport, own.address)),
            path,
            q: contact.q(),
            instance: text(contact.param("+sip.instance").unwrap_or_default()),
            features: Some(features_of(contact.params))
                .filter(|own| own.len() <= FEATURES)
                .unwrap_or_default(),
            user_agent: text(self.request.header(Name::UserAgent).unwrap_or_default()),
            call_id: text(self.request.call_id()),
            cseq: self.request.cseq(),
            // Half as long again: a renewal that is not written must not be forgotten at a restart.
            expires_s: self.now.wall_s() + i64::from(granted_s) + i64::from(granted_s) / 2,
            granted_s,
            wake_s: None,
        };
        let expires = self.now.at + Duration::from_secs(u64::from(granted_s));
        let uid = &self.user.uid;
        stored.wake_s = address.as_ref().and_then(|_| wake_s(uid, &stored));
        let asleep = address.map(|to| Box::new(Wakeable::new(uid, to, &stored, expires)));
        Ok(Binding {
            stored,
            flow,
            expires,
            registered: self.now.at,
            has_failed: false,
            is_gone: false,
            asleep,
        })
    }
}
