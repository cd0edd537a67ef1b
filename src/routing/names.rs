//! What a tree's owner has made and his trees may name: groups of contacts, devices, stock messages.

use super::words::{Mode, ModeSet};
use crate::base::Uid;

/// The groups, devices and stock messages of one user.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct Names {
    groups: Vec<String>,
    /// Each with its kind.
    devices: Vec<(String, String)>,
    /// Stock messages, the ready-made ones not among them.
    stock: Vec<String>,
}

/// For whom a tree is checked, as far as that is known.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Owner<'a> {
    pub(super) uid: Option<&'a Uid>,
    pub(super) names: Option<&'a Names>,
}

/// The group of those to whom a user is not there. Whoever is in it is no contact, whatever other group
/// he is in.
pub const INVISIBLE: &str = "Invisible";

/// The stock messages that everybody has. One of the same name that a user makes goes before it.
pub const READY: &[(&str, &str)] = &[
    ("available", "I have your message and will answer soon."),
    ("occupied", "I am busy at the moment and will see your message later."),
    ("away", "I am away from my desk and will see your message when I am back."),
    ("offline", "I am not there at the moment and will see your message later."),
    ("busy", "I am busy right now."),
    ("available, by phone", "Your message has been sent on to my phone."),
    ("occupied, by phone", "I am busy at the moment; your message has been sent on to my phone."),
    ("away, by phone", "I am away from my desk; your message has been sent on to my phone."),
    ("offline, by phone", "I am not there at the moment; your message has been sent on to my phone."),
];

/// What a stock message says: the user's own, or a ready-made one; in any case. `None` if there is none.
pub fn stock_text<'s>(own: &'s [(Box<str>, Box<str>)], name: &str) -> Option<&'s str> {
    let mine = own.iter().find(|(own, _)| own.eq_ignore_ascii_case(name)).map(|(_, text)| &**text);
    let ready = || READY.iter().find(|(ready, _)| ready.eq_ignore_ascii_case(name)).map(|(_, text)| *text);
    mine.or_else(ready)
}

/// The kind of device that is a program or phone of its own, and rings by registering.
pub(super) const CLIENT: &str = "client";

/// The kind of device that says what a user has written down for it.
pub(super) const AUTO_REPLIER: &str = "auto-replier";

/// What an inbox can take.
pub(super) const INBOX_TAKES: &[Mode] = &[Mode::Page];
/// What voicemail can take.
pub(super) const VOICEMAIL_TAKES: &[Mode] = &[Mode::Voice, Mode::Video];
/// What a trunk can take.
pub(super) const TRUNK_TAKES: &[Mode] = &[Mode::Voice];

/// The seed's table of devices: what each kind is called, and what it can take.
const KINDS: &[(&str, &str, &[Mode])] = &[
    (CLIENT, "a client", Mode::ALL),
    ("phone", "a standard phone", &[Mode::Voice]),
    ("gsm", "a GSM phone", &[Mode::Voice, Mode::Page]),
    (AUTO_REPLIER, "an auto-replier", &[Mode::Voice, Mode::Text, Mode::Page]),
    ("web", "a web page", &[Mode::Web]),
    ("pager", "a pager", &[Mode::Page]),
    ("mail", "an email client", &[Mode::Page, Mode::File]),
    ("voicemail", "a voice mailbox", VOICEMAIL_TAKES),
    ("fax", "a fax machine", &[Mode::Page, Mode::File]),
];

impl Names {
    /// Groups by name; devices by name and kind.
    pub fn new(
        groups: impl IntoIterator<Item = String>,
        devices: impl IntoIterator<Item = (String, String)>,
    ) -> Self {
        Self {
            groups: groups.into_iter().collect(),
            devices: devices.into_iter().collect(),
            stock: Vec::new(),
        }
    }

    /// The same, with stock messages of his own.
    #[must_use]
    pub fn with_stock(self, stock: impl IntoIterator<Item = String>) -> Self {
        Self { stock: stock.into_iter().collect(), ..self }
    }

    /// The names of the stock messages, the ready-made ones too.
    pub(super) fn stock(&self) -> impl Iterator<Item = &str> + Clone {
        self.stock.iter().map(String::as_str).chain(READY.iter().map(|(name, _)| *name))
    }

    /// The names of the groups.
    pub(super) fn groups(&self) -> impl Iterator<Item = &str> + Clone {
        self.groups.iter().map(String::as_str)
    }

    /// The names of the devices, or of those that are clients.
    pub(super) fn devices(&self, only_clients: bool) -> impl Iterator<Item = &str> + Clone {
        let wanted = move |(_, kind): &&(String, String)| kind == CLIENT || !only_clients;
        self.devices.iter().filter(wanted).map(|(name, _)| name.as_str())
    }

    /// The kind of the device of this name.
    pub(super) fn kind(&self, device: &str) -> Option<&str> {
        self.devices.iter().find(|(name, _)| name == device).map(|(_, kind)| kind.as_str())
    }
}

/// What a kind of device is called, and what it can take; one that is not known may take anything.
pub(super) fn about(kind: &str) -> (String, ModeSet) {
    let known = KINDS.iter().find(|(word, _, _)| *word == kind);
    let (what, modes) =
        known.map_or((format!("a {kind}"), Mode::ALL), |(_, what, m)| ((*what).to_owned(), *m));
    (what, modes.iter().copied().collect())
}
