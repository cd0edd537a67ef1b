//! `[limits]`: its keys are the fields of [`Limits`], read off the type itself, so that a limit that
//! is added there is a key here.

use serde::de::value::Error as ValueError;
use serde::de::{Deserialize, Deserializer, Error as _, Visitor};
use serde_json::{Map, Value};

use super::fault::Code;
use super::reader::{Place, Section};
use crate::base::Limits;

/// The limits, with their defaults where the file says nothing.
pub(super) fn limits(section: &Section<'_, '_, '_>) -> Option<Limits> {
    let mut given = Map::new();
    let mut is_good = true;
    for name in names() {
        let Some(number) = section.number(name) else { continue };
        let alone = Map::from_iter([((*name).to_owned(), Value::from(number.value))]);
        if Limits::deserialize(Value::Object(alone)).is_err() {
            let message = format!("`{name}` cannot be {}", number.value);
            section.fault(Code::BadValue, &number.place, message, "a smaller number");
            is_good = false;
        }
        given.insert((*name).to_owned(), Value::from(number.value));
    }
    let limits = Limits::deserialize(Value::Object(given)).ok().filter(|_| is_good)?;
    sensible(section, &limits, &section.place).then_some(limits)
}

/// Limits that no phone could live with.
fn sensible(section: &Section<'_, '_, '_>, limits: &Limits, place: &Place) -> bool {
    let faults = [
        (
            !(limits.binding_min_s..=limits.binding_max_s).contains(&limits.binding_default_s),
            "the times of a binding contradict each other",
            "`binding_min_s` ≤ `binding_default_s` ≤ `binding_max_s`",
        ),
        (
            !(1_300..=65_535).contains(&limits.message_bytes),
            "`message_bytes` fits no message, or no datagram",
            "from 1300 to 65535",
        ),
        (
            limits.groups_per_user > 63,
            "a user cannot have so many groups of contacts",
            "`groups_per_user` is 63 at most",
        ),
        (limits.nonce_s == 0, "a nonce that is good for no time lets nobody in", "`nonce_s` is 1 or more"),
        (
            limits.breadth == 0 || limits.halves_per_call == 0,
            "a call that may ring nobody reaches nobody",
            "`breadth` and `halves_per_call` are 1 or more",
        ),
        (
            limits.session_min_s < 90 || (1..limits.session_min_s).contains(&limits.session_s),
            "the times of a session contradict each other, or RFC 4028",
            "90 ≤ `session_min_s` ≤ `session_s`, or `session_s = 0` for no timer of ours",
        ),
        (
            limits.wake_s == 0 || limits.awake_s == 0,
            "a phone that has no time to wake up, or falls asleep at once, is never called",
            "`wake_s` and `awake_s` are 1 or more",
        ),
        (limits.ring_s == 0, "a call that may ring for no time reaches nobody", "`ring_s` is 1 or more"),
    ];
    for (_, message, help) in faults.iter().filter(|(is_fault, ..)| *is_fault) {
        section.fault(Code::BadValue, place, *message, *help);
    }
    !faults.iter().any(|(is_fault, ..)| *is_fault)
}

/// The names of all limits.
pub(super) fn names() -> &'static [&'static str] {
    let mut names: &'static [&'static str] = &[];
    // The deserializer below only looks which fields are asked for, and gives none.
    let none = Limits::deserialize(Fields(&mut names));
    debug_assert!(none.is_err(), "nothing was given");
    names
}

/// A deserializer that learns the fields of a struct.
struct Fields<'a>(&'a mut &'static [&'static str]);

impl<'de> Deserializer<'de> for Fields<'_> {
    type Error = ValueError;

    fn deserialize_struct<V: Visitor<'de>>(
        self,
        _name: &'static str,
        fields: &'static [&'static str],
        _visitor: V,
    ) -> Result<V::Value, ValueError> {
        *self.0 = fields;
        Err(ValueError::custom("only the fields are asked for"))
    }

    fn deserialize_any<V: Visitor<'de>>(self, _visitor: V) -> Result<V::Value, ValueError> {
        Err(ValueError::custom("limits are a struct"))
    }

    serde::forward_to_deserialize_any! {
        bool i8 i16 i32 i64 i128 u8 u16 u32 u64 u128 f32 f64 char str string bytes byte_buf option unit
        unit_struct newtype_struct seq tuple tuple_struct map enum identifier ignored_any
    }
}
