//! The names that a user's trees may use, and what makes a name.

use super::database::Database;
use super::error::StoreError;
use super::lists::{INVISIBLE, Lists};
use super::people::require;
use super::refusal::Refusal;
use crate::base::Uid;
use crate::base::text::is_unseen;
use crate::effect::store::StoredDevice;
use crate::routing;

/// Longest name of a group, a device or a profile, bytes.
const NAME_MAX: usize = 64;

/// What a user's trees may name.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Names {
    /// His groups of contacts, "Invisible" among them, which every user has.
    pub groups: Vec<String>,
    /// His devices, of which the clients are `client "desk"` to a tree.
    pub devices: Vec<StoredDevice>,
    /// His own stock messages.
    pub stock: Vec<String>,
}

impl From<Names> for routing::Names {
    fn from(names: Names) -> Self {
        let kinds = names.devices.into_iter().map(|device| (device.name, device.kind));
        Self::new(names.groups, kinds).with_stock(names.stock)
    }
}

impl Database {
    /// The groups, devices and stock messages that a user's trees may name.
    pub async fn names_of(&mut self, uid: &Uid) -> Result<Names, StoreError> {
        require(&mut self.connection, uid).await?;
        let lists = Lists::read(&mut self.connection, uid).await?;
        let mut groups: Vec<String> = lists.groups.iter().map(|group| group.name.clone()).collect();
        if !groups.iter().any(|name| name == INVISIBLE) {
            groups.push(INVISIBLE.to_owned());
        }
        groups.sort();
        let devices = super::devices::devices(&mut self.connection, uid).await?;
        let stock = super::own::stock(&mut self.connection, uid).await?;
        let stock = stock.into_iter().map(|row| row.name).collect();
        Ok(Names { groups, devices, stock })
    }
}

/// A name that a tree can write between quotes and a person can read.
pub(super) fn good_name<'n>(what: &'static str, name: &'n str) -> Result<&'n str, Refusal> {
    let is_seen = |c: char| !(is_unseen(c) || "\"\\".contains(c) || c.is_whitespace() && c != ' ');
    let fits = (1..=NAME_MAX).contains(&name.len()) && name.trim() == name;
    if fits && name.chars().all(is_seen) { Ok(name) } else { Err(Refusal::Name { what, name: name.into() }) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_is_what_a_tree_can_write() {
        for good in ["Friends", "Vinir mínir", "a", "24/7 (night)"] {
            assert_eq!(good_name("group", good), Ok(good));
        }
        let long = "x".repeat(65);
        for bad in ["", " ", " a", "a ", "a\"b", "a\\b", "a\nb", "a\u{1b}b", "a\u{202e}b", "a\u{a0}b", &long]
        {
            assert!(good_name("group", bad).is_err(), "{bad:?}");
        }
    }
}
