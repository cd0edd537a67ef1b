//! What a phone that sleeps says when it registers: which push service wakes it, and how that knows it.
//!
//! It stands in the Contact itself, so that nothing more has to be kept of it.
//!
//! Implements: RFC 8599 §4.1, §5.3 (registrar), §8 (555), §14.4.

use std::borrow::Cow;
use std::time::Duration;

use crate::base::{At, Uid};
use crate::config::Settings;
use crate::effect::store::StoredBinding;
use crate::effect::{PushAddress, PushReason};
use crate::sip::{Message, Name, NameAddr, Uri, unescaped};

use super::bindings::Binding;
use super::register::granted;

/// What a Contact says of push services.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Asleep {
    /// Nothing, or nothing that is of use: its phone is awake as long as it is registered.
    Never,
    /// The service that wakes its phone is not known here.
    Unknown,
    /// Its phone may sleep, and is woken so.
    Sometimes(PushAddress),
}

/// A phone that can be woken.
#[derive(Debug, Clone)]
pub struct Wakeable {
    /// How.
    pub to: PushAddress,
    /// Which client it is, where it tells no instance-id.
    client: String,
    reminder: Reminder,
    /// How often it was woken to renew its binding.
    tries: u32,
}

/// When a phone is woken to renew its binding.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Reminder {
    /// It renews it unasked (RFC 8599 §4.1.4).
    Never,
    /// Then.
    At(At),
    /// As soon as its push service can be asked.
    Due,
}

impl Wakeable {
    /// The phone of this binding of a user's.
    pub(super) fn new(uid: &Uid, to: PushAddress, stored: &StoredBinding, expires: At) -> Self {
        let client = if stored.instance.is_empty() { client_of(&to) } else { String::new() };
        let reminder = match woken_before_s(uid, stored) {
            Some(before_s) => Reminder::At(expires.before(Duration::from_secs(before_s.into()))),
            None => Reminder::Never,
        };
        Self { to, client, reminder, tries: 0 }
    }

    /// Which client it is, if it tells no instance-id.
    pub(super) fn client(&self) -> &str {
        &self.client
    }

    /// When it has to be woken next.
    pub(super) fn remind_at(&self) -> Option<At> {
        match self.reminder {
            Reminder::At(at) => Some(at),
            Reminder::Never | Reminder::Due => None,
        }
    }

    /// Whether it is to be woken as soon as that can be.
    pub(super) fn is_due(&self) -> bool {
        self.reminder == Reminder::Due
    }

    /// Whether it is being woken, and has not come yet.
    pub(super) fn is_reminded(&self) -> bool {
        self.is_due() || self.tries > 0
    }

    /// Its time has come.
    pub(super) fn fall_due(&mut self) {
        self.reminder = Reminder::Due;
    }

    /// Its push service is asked now. If nothing comes of it, it is asked again, each time after twice as
    /// long: hooks are restarted, and messages get lost.
    pub(super) fn note_asked(&mut self, now: At, granted_s: u32) {
        let first = Duration::from_secs(renewed_before_s(granted_s).into()) / FIRST_PAUSE;
        self.reminder = Reminder::At(now + first.saturating_mul(1 << self.tries.min(TRIES)));
        self.tries += 1;
    }
}

/// A phone that is to be woken.
#[derive(Debug)]
pub struct Rousing {
    /// Whose.
    pub uid: Uid,
    /// Which of his clients: see [`Binding::client`](super::Binding::client).
    pub client: String,
    /// How.
    pub to: PushAddress,
    /// What for.
    pub reason: PushReason,
}

impl Rousing {
    /// For the phone of this user's binding; `None` if that cannot be woken.
    pub fn of(uid: &Uid, binding: &Binding, reason: PushReason) -> Option<Self> {
        let to = binding.asleep.as_deref()?.to.clone();
        Some(Self { uid: uid.clone(), client: binding.client().to_owned(), to, reason })
    }
}

/// What a Contact says, where there is a hook that wakes phones; without one nothing is meant by it.
pub(super) fn asleep(settings: &Settings, contact: &Uri<'_>) -> Asleep {
    let Some(hook) = &settings.push else { return Asleep::Never };
    let text = |name: &str| {
        let value = contact.param(name).map(unescaped).unwrap_or_default();
        String::from_utf8_lossy(&value).into_owned()
    };
    let (provider, prid, param) = (text("pn-provider"), text("pn-prid"), text("pn-param"));
    if provider.is_empty() {
        return Asleep::Never;
    }
    if !hook.providers.contains(&provider) {
        return Asleep::Unknown;
    }
    // What no service could have given is not told to any.
    let is_text = |value: &String| !value.chars().any(|c| c.is_control() || c == char::REPLACEMENT_CHARACTER);
    if prid.is_empty() || ![&prid, &param].into_iter().all(is_text) {
        return Asleep::Never;
    }
    Asleep::Sometimes(PushAddress { provider, prid, param })
}

/// Whether a phone has said, by a feature of its Contact, that it renews its binding unasked.
pub(super) fn wakes_itself(features: &str) -> bool {
    features.split(';').any(|own| own.split('=').next() == Some(WAKES_ITSELF))
}

/// The seconds before its end at which a binding that was granted for so long has to be renewed: a phone
/// may be without a network for a while.
pub(super) fn renewed_before_s(granted_s: u32) -> u32 {
    RENEWED_BEFORE_S.min(granted_s / 2)
}

/// The seconds before the end of a binding at which its phone is woken to renew it; `None`: it renews it
/// unasked. It is somewhat earlier than it has to be for some users than for others: a fleet that has
/// registered in one moment is not woken in one.
fn woken_before_s(uid: &Uid, stored: &StoredBinding) -> Option<u32> {
    if wakes_itself(&stored.features) {
        return None;
    }
    let spread_s = stored.granted_s.saturating_sub(2 * RENEWED_BEFORE_S) / 4;
    let share = u32::from(uid.slot().0) % SHARES;
    Some(renewed_before_s(stored.granted_s) + spread_s.saturating_mul(share) / SHARES)
}

/// When the store has to tell of a binding that is asleep, seconds since 1970: [`StoredBinding::wake_s`].
pub(super) fn wake_s(uid: &Uid, stored: &StoredBinding) -> Option<i64> {
    Some(stored.expires_s - i64::from(woken_before_s(uid, stored)?))
}

/// Which client it is that is woken so: what it writes there says so, and by whichever connection and
/// Contact it comes back (RFC 8599 §5.3).
pub(super) fn client_of(to: &PushAddress) -> String {
    format!("push:{};{};{}", to.provider, to.prid, to.param)
}

const WAKES_ITSELF: &str = "+sip.pnsreg";
const RENEWED_BEFORE_S: u32 = 120;
/// Parts of the time over which users are spread who are to be woken.
const SHARES: u32 = 256;
/// What part of the least time before the end passes until a phone is woken again.
const FIRST_PAUSE: u32 = 8;
/// So often the pause is doubled: no binding lives longer than that.
const TRIES: u32 = 20;

/// What the answer to a REGISTER says of push services, as the value of Feature-Caps: the one that it
/// asked for, or all of them if it asked which there are. A phone that cannot be woken by what it says is
/// told nothing, and keeps itself awake (§4.1.1).
pub(super) fn feature_caps(settings: &Settings, request: &Message) -> Option<String> {
    let hook = settings.push.as_ref()?;
    let (contact, uri) = request.values(Name::Contact).find_map(|line| {
        let contact = NameAddr::parse(line)?;
        let uri = Uri::parse(contact.uri).ok()?;
        uri.params.has("pn-provider").then_some((contact, uri))
    })?;
    let provider = uri.param("pn-provider").map(unescaped).unwrap_or_default();
    let known = hook.providers.iter().find(|own| own.as_bytes() == provider);
    if known.is_some() && asleep(settings, &uri) == Asleep::Never {
        return None;
    }
    Some(match known {
        Some(own) if contact.param(WAKES_ITSELF).is_some() => {
            let asked = contact.expires().or(request.expires());
            let granted_s = granted(&settings.limits, asked).unwrap_or_default();
            format!("*;+sip.pns=\"{own}\";{WAKES_ITSELF}=\"{}\"", renewed_before_s(granted_s))
        }
        Some(own) => format!("*;+sip.pns=\"{own}\""),
        None => {
            let each = hook.providers.iter().map(|own| format!("*;+sip.pns=\"{own}\""));
            each.collect::<Vec<_>>().join(", ")
        }
    })
}

/// A Contact without what a push service knows its phone by: whoever has that can have the phone woken, or
/// follow it.
pub fn veiled(contact: &str) -> Cow<'_, str> {
    if !contact.contains("pn-") {
        return contact.into();
    }
    let mut parts = contact.split(';');
    let first = parts.next().unwrap_or_default().to_owned();
    let shown = parts.map(|part| match part.split_once('=') {
        Some((name, _)) if SECRET.iter().any(|own| name.eq_ignore_ascii_case(own)) => format!("{name}=…"),
        Some(_) | None => part.to_owned(),
    });
    shown.fold(first, |text, part| text + ";" + &part).into()
}

/// The parameters that nobody else is to see.
const SECRET: [&str; 2] = ["pn-prid", "pn-param"];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_a_push_service_knows_a_phone_by_is_not_shown() {
        let table = [
            ("sip:a@192.0.2.1;transport=tcp", "sip:a@192.0.2.1;transport=tcp"),
            (
                "sip:a@192.0.2.1;pn-provider=acme;PN-PRID=x%3Dy;pn-param=z;ob",
                "sip:a@192.0.2.1;pn-provider=acme;PN-PRID=…;pn-param=…;ob",
            ),
            ("sip:pn-prid@192.0.2.1;pn-prid", "sip:pn-prid@192.0.2.1;pn-prid"),
        ];
        for (contact, shown) in table {
            assert_eq!(veiled(contact), shown);
        }
    }
}
