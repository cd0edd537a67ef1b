//! What a phone that sleeps says when it registers: which push service wakes it, and how that knows it.
//!
//! It stands in the Contact itself, so that nothing more has to be kept of it.
//!
//! Implements: RFC 8599 §4.1, §5.3 (registrar), §8 (555), §14.4.

use crate::base::Uid;
use crate::config::Settings;
use crate::effect::{PushAddress, PushReason};
use crate::sip::{Message, Name, NameAddr, Uri, unescaped};

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
    if prid.is_empty() { Asleep::Never } else { Asleep::Sometimes(PushAddress { provider, prid, param }) }
}

/// What the answer to a REGISTER says of push services, as the value of Feature-Caps: the one that it
/// asked for, or all of them if it asked which there are.
pub(super) fn feature_caps(settings: &Settings, request: &Message) -> Option<String> {
    let hook = settings.push.as_ref()?;
    let contact = request.values(Name::Contact).find_map(|line| {
        let uri = Uri::parse(NameAddr::parse(line)?.uri).ok()?;
        uri.params.has("pn-provider").then_some(uri)
    })?;
    let provider = contact.param("pn-provider").map(unescaped).unwrap_or_default();
    let known = hook.providers.iter().find(|own| own.as_bytes() == provider);
    Some(match known {
        Some(own) => format!("*;+sip.pns=\"{own}\""),
        None => {
            let each = hook.providers.iter().map(|own| format!("*;+sip.pns=\"{own}\""));
            each.collect::<Vec<_>>().join(", ")
        }
    })
}
