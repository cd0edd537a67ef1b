//! The bindings of one user, in memory.
//!
//! A client that keeps several flows has a binding for each. It is called by one of them at a time: by
//! the best of those of which nothing bad is known, and by one that has failed only where there is no
//! better. A flow that has failed is good again when its phone registers by it or answers.
//!
//! Implements: RFC 3261 §10.2.1, §10.3 (URI equivalence); RFC 5626 §4.1 (instance-id), §5.3 (one flow of
//! an instance at a time), §7; RFC 3327; RFC 5630 §5.3, §5.4 (`sips:` Contacts).

use std::borrow::Cow;
use std::cmp::Reverse;
use std::net::SocketAddr;
use std::time::Duration;

use smallvec::SmallVec;

use crate::base::{At, Limits, Now, Uid};
use crate::config::Settings;
use crate::effect::admin::LiveBinding;
use crate::effect::store::StoredBinding;
use crate::effect::{Flow, PushAddress, StreamId, Transport};
use crate::sip::{Uri, is_sips};

use super::push::{Asleep, Wakeable, asleep, veiled};

/// One binding: AOR ↔ Contact until it expires.
#[derive(Debug, Clone)]
pub struct Binding {
    /// What the store keeps of it.
    pub stored: StoredBinding,
    /// Where it is called.
    pub flow: Flow,
    /// When it expires.
    pub expires: At,
    /// When its phone last registered here; the start, if that was before.
    pub registered: At,
    /// Whether the last thing known of its flow is that it does not work.
    pub has_failed: bool,
    /// Whether the stream that it came by is gone: it is kept because its phone can be woken.
    pub is_gone: bool,
    /// By what its phone is woken, if it may sleep.
    pub asleep: Option<Box<Wakeable>>,
}

/// A client, and by which of its flows.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Flowing {
    /// Which client: see [`Binding::client`].
    pub client: Box<str>,
    /// The key of the binding.
    pub binding: Box<str>,
}

/// All bindings of one user.
#[derive(Debug, Default)]
pub struct Bindings {
    list: SmallVec<[Binding; 1]>,
}

impl Bindings {
    /// Takes them from the store: those over datagrams live on, those over streams have lost their
    /// connection and wait for the phone to come back, unless it can be woken.
    pub fn load(settings: &Settings, now: Now, uid: &Uid, stored: Vec<StoredBinding>) -> Self {
        let list = stored
            .into_iter()
            .filter_map(|stored| {
                let address = address_of(settings, &stored);
                let is_gone = stored.transport != Transport::Udp;
                if is_gone && address.is_none() {
                    return None;
                }
                let left_s = u64::try_from(stored.expires_s - now.wall_s()).ok().filter(|left| *left > 0)?;
                let listener = listener_of(settings, &stored)?;
                let flow = Flow { listener, remote: stored.target, stream: None };
                let expires = now.at + Duration::from_secs(left_s);
                let asleep = address.map(|to| Box::new(Wakeable::new(uid, to, &stored, expires)));
                Some(Binding {
                    stored,
                    flow,
                    expires,
                    registered: At::START,
                    has_failed: false,
                    is_gone,
                    asleep,
                })
            })
            .collect();
        Self { list }
    }

    /// Those that are good now: those whose stream is gone last, before them those whose flow has failed,
    /// best `q` first, the latest first among equals.
    pub fn reachable(&self, now: At) -> impl Iterator<Item = &Binding> {
        let mut order: SmallVec<[&Binding; 4]> = self.list.iter().filter(|b| b.expires > now).collect();
        let place = |b: &Binding| (b.is_gone, b.has_failed, Reverse(b.stored.q), Reverse(b.registered));
        order.sort_by_key(|binding| place(binding));
        order.into_iter()
    }

    /// Whether there is one that is good now.
    pub fn any(&self, now: At) -> bool {
        self.list.iter().any(|binding| binding.expires > now)
    }

    /// How many there are.
    pub fn len(&self) -> usize {
        self.list.len()
    }

    /// Whether there is none.
    pub fn is_empty(&self) -> bool {
        self.list.is_empty()
    }

    /// The one with this key, or else with an equivalent Contact, unless both tell their instance:
    /// then they are two clients, whatever private address both have (RFC 5626 §6). Or else one of a client
    /// that tells no instance and is woken so.
    pub fn find(&self, key: &str, contact: &Uri<'_>, has_instance: bool) -> Option<&Binding> {
        let same = |binding: &&Binding| {
            (!has_instance || binding.stored.instance.is_empty())
                && Uri::parse(binding.stored.contact.as_bytes()).is_ok_and(|uri| uri.same_as(contact))
        };
        let woken_so = |binding: &&Binding| binding.stored.instance.is_empty() && binding.client() == key;
        let first = self.list.iter().find(|binding| binding.stored.key == key);
        first.or_else(|| self.list.iter().find(same)).or_else(|| self.list.iter().find(woken_so))
    }

    /// Those that were made by a phone which is woken so and told no instance: whoever registers with that
    /// address now is that phone.
    pub fn woken_by<'a>(&'a self, address: &'a PushAddress) -> impl Iterator<Item = &'a Binding> {
        self.list.iter().filter(move |own| {
            own.stored.instance.is_empty() && own.asleep.as_deref().is_some_and(|phone| phone.to == *address)
        })
    }

    /// Whether a client has any.
    pub fn has_client(&self, client: &str) -> bool {
        self.list.iter().any(|binding| binding.client() == client)
    }

    /// The one with this key.
    pub fn get(&self, key: &str) -> Option<&Binding> {
        self.list.iter().find(|binding| binding.stored.key == key)
    }

    /// A request by this binding's flow, sent at `sent`, has shown whether that works. A failure says
    /// nothing of a phone that has registered since. True if that is news.
    pub fn note(&mut self, key: &str, works: bool, sent: At) -> bool {
        let Some(own) = self.list.iter_mut().find(|binding| binding.stored.key == key) else { return false };
        let is_news = own.has_failed == works && (works || own.registered <= sent);
        own.has_failed ^= is_news;
        is_news
    }

    /// Whether a flow of any has failed.
    pub fn any_failed(&self) -> bool {
        self.list.iter().any(|binding| binding.has_failed)
    }

    /// All of them.
    pub fn iter(&self) -> impl Iterator<Item = &Binding> {
        self.list.iter()
    }

    /// Adds one, in the place of one with the same key.
    pub fn put(&mut self, binding: Binding) {
        match self.list.iter_mut().find(|own| own.stored.key == binding.stored.key) {
            Some(own) => *own = binding,
            None => self.list.push(binding),
        }
    }

    /// Takes one out.
    pub fn remove(&mut self, key: &str) -> Option<Binding> {
        let at = self.list.iter().position(|binding| binding.stored.key == key)?;
        Some(self.list.remove(at))
    }

    /// Takes out those that have expired.
    pub fn expire(&mut self, now: At) -> Vec<Binding> {
        self.take(|binding| binding.expires <= now)
    }

    /// A stream is gone. Takes out those that it carried; those whose phones can be woken stay.
    pub fn lose(&mut self, stream: StreamId) -> Vec<Binding> {
        for binding in &mut self.list {
            binding.is_gone |= binding.flow.stream == Some(stream);
        }
        self.take(|binding| binding.flow.stream == Some(stream) && binding.asleep.is_none())
    }

    /// Those that a stream carries or has carried.
    pub fn of_stream(&self, stream: StreamId) -> impl Iterator<Item = &Binding> {
        self.list.iter().filter(move |binding| binding.flow.stream == Some(stream))
    }

    /// When the first of them expires, or its phone has to be woken to renew it.
    pub fn next_due(&self) -> Option<At> {
        let due = |binding: &Binding| {
            let remind_at = binding.asleep.as_deref().and_then(Wakeable::remind_at);
            remind_at.map_or(binding.expires, |at| at.min(binding.expires))
        };
        self.list.iter().map(due).min()
    }

    /// The clients whose phones have to be woken now to renew a binding, each with its push service.
    pub fn fall_due(&mut self, now: At) -> Vec<(String, String)> {
        let mut clients = Vec::new();
        for binding in &mut self.list {
            let Some(phone) = binding.asleep.as_deref_mut() else { continue };
            if phone.remind_at().is_some_and(|at| at <= now) {
                phone.fall_due();
                let provider = phone.to.provider.clone();
                clients.push((binding.client().to_owned(), provider));
            }
        }
        clients
    }

    /// The push service of a client is asked now, if that is still to be: the binding that is to be renewed.
    pub fn note_asked(&mut self, now: At, client: &str) -> Option<&Binding> {
        let mut first = None;
        for (at, binding) in self.list.iter_mut().enumerate() {
            if binding.client() != client {
                continue;
            }
            let granted_s = binding.stored.granted_s;
            if let Some(phone) = binding.asleep.as_deref_mut().filter(|phone| phone.is_due()) {
                phone.note_asked(now, granted_s);
                first = first.or(Some(at));
            }
        }
        self.list.get(first?)
    }

    /// Whether a phone is being woken to renew a binding.
    pub fn any_reminded(&self) -> bool {
        self.list.iter().any(|binding| binding.asleep.as_deref().is_some_and(Wakeable::is_reminded))
    }

    fn take(&mut self, gone: impl Fn(&Binding) -> bool) -> Vec<Binding> {
        let (out, left): (Vec<_>, Vec<_>) = self.list.drain(..).partition(gone);
        self.list = left.into();
        out
    }
}

impl Binding {
    /// Whether its client has registered a `sips:` Contact: only then it is reached by `sips:`.
    pub fn is_sips(&self) -> bool {
        is_sips(self.stored.contact.as_bytes())
    }

    /// Whether a call or page may go there: one by `sips:` to a `sips:` Contact only (RFC 5630 §5.3).
    pub fn takes(&self, sips: bool) -> bool {
        !sips || (self.is_sips() && self.stored.transport.is_secure())
    }

    /// The Request-URI by which it is called: its Contact, which as a `sips:` one stands for the same as a
    /// `sip:` one too (RFC 5630 §5.3, §5.4).
    pub fn uri(&self, sips: bool) -> Cow<'_, str> {
        match self.stored.contact.get(5..).filter(|_| self.is_sips() && !sips) {
            Some(rest) => format!("sip:{rest}").into(),
            None => self.stored.contact.as_str().into(),
        }
    }

    /// Whole seconds until it expires.
    pub fn left_s(&self, now: At) -> u64 {
        // Rounded: what was granted a moment ago is told as granted; 0 would mean that it is gone.
        (self.expires.since(now) + Duration::from_millis(500)).as_secs().max(1)
    }

    /// Which client it is of: its instance-id, or for one that tells none what wakes it, or else the
    /// binding itself.
    pub fn client(&self) -> &str {
        match &self.asleep {
            _ if !self.stored.instance.is_empty() => &self.stored.instance,
            Some(phone) => phone.client(),
            None => &self.stored.key,
        }
    }

    /// Its client, and which of its flows it is.
    pub fn flowing(&self) -> Flowing {
        Flowing { client: self.client().into(), binding: self.stored.key.as_str().into() }
    }

    /// The number of its flow among those of its client (RFC 5626 §4.2), if it has one.
    pub fn reg_id(&self) -> Option<&str> {
        let number = self.stored.key.strip_prefix(&self.stored.instance)?.strip_prefix('#');
        number.filter(|_| !self.stored.instance.is_empty())
    }

    /// Whether its phone has to be woken before anything is sent to it: it can be, and its stream is gone,
    /// what was sent last has failed, or, over datagrams, it has not registered for a while.
    pub fn sleeps(&self, now: At, limits: &Limits) -> bool {
        let awake = Duration::from_secs(limits.awake_s.into());
        let is_stale = self.stored.transport == Transport::Udp && now.since(self.registered) >= awake;
        self.asleep.is_some() && (self.is_gone || self.has_failed || is_stale)
    }

    /// Whether it is of the client with this instance-id (RFC 5626 §4.1), however it is quoted.
    pub fn has_instance(&self, instance: &str) -> bool {
        !self.stored.instance.is_empty()
            && unquoted(&self.stored.instance).eq_ignore_ascii_case(unquoted(instance))
    }

    /// For listings.
    pub fn listing(&self, uid: &str, now: At) -> LiveBinding {
        LiveBinding {
            uid: uid.to_owned(),
            key: self.stored.key.clone(),
            works: !self.has_failed,
            is_asleep: self.is_gone,
            contact: self.shown_contact().into_owned(),
            via: self.via(),
            expires_s: i64::try_from(self.left_s(now)).unwrap_or(i64::MAX),
            q: q_text(self.stored.q),
            instance: self.stored.instance.clone(),
            user_agent: self.stored.user_agent.clone(),
        }
    }

    /// Its Contact as others than its phone may see it: without what its push service knows it by.
    pub fn shown_contact(&self) -> Cow<'_, str> {
        veiled(&self.stored.contact)
    }

    /// How and where it is called: `udp 127.0.0.1:5062`.
    pub fn via(&self) -> String {
        format!("{} {}", self.stored.transport, self.flow.remote)
    }
}

/// By what the phone of a stored binding is woken, if it may sleep.
fn address_of(settings: &Settings, stored: &StoredBinding) -> Option<PushAddress> {
    match asleep(settings, &Uri::parse(stored.contact.as_bytes()).ok()?) {
        Asleep::Sometimes(address) => Some(address),
        Asleep::Never | Asleep::Unknown => None,
    }
}

/// An instance-id without what it is quoted with, in lower case.
pub(super) fn bare(instance: &str) -> String {
    unquoted(instance).to_ascii_lowercase()
}

fn unquoted(instance: &str) -> &str {
    instance.trim_matches(|c| matches!(c, '"' | '<' | '>' | ' '))
}

/// A `q` in thousandths as it is written: `0.5`.
pub fn q_text(q: u16) -> String {
    let text = format!("{}.{:03}", q / 1000, q % 1000);
    let short = text.trim_end_matches('0').trim_end_matches('.');
    if short.is_empty() { "0".to_owned() } else { short.to_owned() }
}

/// The listener that a binding came by, or another of its transport and address family.
fn listener_of(settings: &Settings, stored: &StoredBinding) -> Option<u8> {
    let name = |transport: Transport, address: SocketAddr| format!("{transport}:{address}");
    let exact = settings.listeners.iter().position(|own| name(own.transport, own.address) == stored.listener);
    let similar = || {
        settings.listeners.iter().position(|own| {
            own.transport == stored.transport && own.address.is_ipv4() == stored.target.is_ipv4()
        })
    };
    exact.or_else(similar).and_then(|at| u8::try_from(at).ok())
}
