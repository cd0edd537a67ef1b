//! What a tree's owner has made and his trees may name: groups of contacts, and devices.

use super::words::{Mode, ModeSet};
use crate::base::Uid;

/// The groups and devices of one user.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct Names {
    groups: Vec<String>,
    /// Each with its kind.
    devices: Vec<(String, String)>,
}

/// For whom a tree is checked, as far as that is known.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Owner<'a> {
    pub(super) uid: Option<&'a Uid>,
    pub(super) names: Option<&'a Names>,
}

/// The kind of device that is a program or phone of its own, and rings by registering.
pub(super) const CLIENT: &str = "client";

/// What each kind of device can take: conversations, and the messages that it keeps.
const KINDS: &[(&str, &[Mode])] = &[
    (CLIENT, Mode::ALL),
    ("phone", &[Mode::Voice]),
    ("gsm", &[Mode::Voice, Mode::Page]),
    ("pager", &[Mode::Page]),
    ("mail", &[Mode::Page, Mode::File]),
    ("fax", &[Mode::Page, Mode::File]),
];

impl Names {
    /// Groups by name; devices by name and kind.
    pub fn new(
        groups: impl IntoIterator<Item = String>,
        devices: impl IntoIterator<Item = (String, String)>,
    ) -> Self {
        Self { groups: groups.into_iter().collect(), devices: devices.into_iter().collect() }
    }

    /// The names of the groups.
    pub(super) fn groups(&self) -> impl Iterator<Item = &str> + Clone {
        self.groups.iter().map(String::as_str)
    }

    /// The names of the devices that are, or are not, clients.
    pub(super) fn devices(&self, clients: bool) -> impl Iterator<Item = &str> + Clone {
        let wanted = move |(_, kind): &&(String, String)| (kind == CLIENT) == clients;
        self.devices.iter().filter(wanted).map(|(name, _)| name.as_str())
    }

    /// The kind of the device of this name.
    pub(super) fn kind(&self, device: &str) -> Option<&str> {
        self.devices.iter().find(|(name, _)| name == device).map(|(_, kind)| kind.as_str())
    }
}

/// What a kind of device can take; one that is not known may take anything.
pub(super) fn taken_by(kind: &str) -> ModeSet {
    let modes = KINDS.iter().find(|(name, _)| *name == kind).map_or(Mode::ALL, |(_, modes)| modes);
    modes.iter().copied().collect()
}
