//! Replaces: the dialog that somebody wants to stand in for, and whether it is one of ours.
//!
//! In a Refer-To it names a call that the phone has besides; in an INVITE that of another phone of the same
//! user, which is to be relieved. Only a dialog with a phone can be meant: other clusters look after their
//! own.
//!
//! Implements: RFC 3891 §3, §6.1.

use bytes::Bytes;

use crate::base::{Key, Token};
use crate::sip::Item;

use super::legs::{Legs, Machine};

/// A dialog, as the one who is to replace it names it (RFC 3891 §3).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Replaces {
    /// Its Call-ID.
    pub call_id: Bytes,
    /// The tag of whoever is asked.
    pub to_tag: Bytes,
    /// The tag of the other.
    pub from_tag: Bytes,
    /// Whether it is meant only as long as it is not answered.
    pub early_only: bool,
}

impl Replaces {
    /// Reads the value of a Replaces header; `None` if it names no dialog.
    pub fn parse(value: &[u8]) -> Option<Self> {
        let item = Item::parse(value);
        let tag = |name: &str| item.param(name).filter(|tag| !tag.is_empty()).map(Bytes::copy_from_slice);
        let call_id = Bytes::copy_from_slice(item.value);
        (!call_id.is_empty()).then_some(())?;
        let early_only = item.param("early-only").is_some();
        Some(Self { call_id, to_tag: tag("to-tag")?, from_tag: tag("from-tag")?, early_only })
    }
}

impl Legs {
    /// The answered leg whose dialog this is, and its call.
    pub fn dialog_of(&self, replaces: &Replaces) -> Option<(Key, Key)> {
        let Replaces { call_id, to_tag, from_tag, .. } = replaces;
        // Whoever names a dialog may see it from either end.
        let ends = [(to_tag, from_tag), (from_tag, to_tag)];
        ends.into_iter().find_map(|(ours, theirs)| {
            let (_, key) = Token::read(ours)?;
            let leg = self.arena.get(key)?;
            let Machine::Confirmed(machine) = &leg.machine else { return None };
            machine.dialog.is_named(call_id, ours, theirs).then_some((key, leg.call?))
        })
    }

    /// The leg that an INVITE wants to stand in for, its call, and whether it is answered. One that is over and only
    /// tidies up is nobody's.
    pub fn replaced_by(&self, replaces: &Replaces) -> Option<(Key, Key, bool)> {
        let Replaces { call_id, to_tag, from_tag, .. } = replaces;
        let (_, key) = Token::read(to_tag)?;
        let leg = self.arena.get(key)?;
        let answered = match &leg.machine {
            Machine::Confirmed(machine) if machine.dialog.peer().is_none() => {
                machine.dialog.is_named(call_id, to_tag, from_tag).then_some(true)
            }
            Machine::Uac(machine) => machine.rings_as(call_id, to_tag, from_tag).then_some(false),
            // An early dialog that we have not asked for cannot be replaced.
            Machine::Confirmed(_) | Machine::Uas(_) | Machine::Link(_) => None,
        };
        Some((key, leg.call?, answered?))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_names_a_dialog() {
        let read = |text: &str| {
            let Replaces { call_id, to_tag, from_tag, early_only } = Replaces::parse(text.as_bytes())?;
            let text = |bytes: Bytes| String::from_utf8_lossy(&bytes).into_owned();
            Some((text(call_id), text(to_tag), text(from_tag), early_only))
        };
        let named = |early| Some(("a@b".to_owned(), "1".to_owned(), "2".to_owned(), early));
        assert_eq!(read("a@b;to-tag=1;from-tag=2"), named(false));
        assert_eq!(read(" a@b ; from-tag=2;x=y ;early-only; to-tag=1"), named(true));
        for odd in ["", "a@b", "a@b;to-tag=1", "a@b;to-tag=1;from-tag=", ";to-tag=1;from-tag=2"] {
            assert_eq!(read(odd), None, "{odd:?}");
        }
    }
}
