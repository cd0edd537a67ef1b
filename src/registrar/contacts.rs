//! Whom a user knows, in memory: his contact list, and the groups that his trees name.
//!
//! Most users have neither, and pay one word for it. Of the others every address stands once, in one
//! text, sorted, with a bit for each group that it is in: groups in groups were followed before.

use std::cmp::Ordering;
use std::sync::Arc;

use crate::effect::store::StoredContacts;
use crate::routing::{Listed, Who};

/// A contact list.
#[derive(Debug, Default)]
pub struct Contacts {
    list: Option<Box<List>>,
}

#[derive(Debug)]
struct List {
    /// The groups that have members; the place of each is its bit.
    groups: Box<[Arc<str>]>,
    /// UIDs and numbers, one after the other.
    texts: Box<str>,
    /// Where each of them stands in the text, in the order of the alphabet.
    people: Box<[Person]>,
    /// Those who are many: clusters, beginnings of numbers.
    patterns: Box<[(Listed, Marks)]>,
    /// The bit of "Invisible", if anybody is in it.
    invisible: Marks,
}

#[derive(Debug, Clone, Copy)]
struct Person {
    start: u32,
    end: u32,
    marks: Marks,
}

/// A bit for each group that somebody is in, and one for being on the contact list.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
struct Marks(u64);

impl Contacts {
    /// The group of those to whom its owner is not there.
    pub const INVISIBLE: &str = crate::routing::INVISIBLE;

    /// Takes a list from the store.
    pub fn load(stored: StoredContacts) -> Self {
        let groups = stored.groups.into_iter().filter(|group| !group.members.is_empty());
        // The store lets nobody have more groups than there are bits.
        let groups: Vec<_> = groups.take(Marks::GROUPS).collect();
        if groups.is_empty() && stored.everybody.is_empty() {
            return Self::default();
        }
        let invisible = groups.iter().position(|group| group.name == Self::INVISIBLE);
        let mut entries: Vec<(&str, Marks)> =
            stored.everybody.iter().map(|text| (text.as_str(), Marks::LISTED)).collect();
        for (at, group) in groups.iter().enumerate() {
            entries.extend(group.members.iter().map(|text| (text.as_str(), Marks::group(at))));
        }
        entries.sort_by_key(|(text, _)| *text);
        let mut list = List {
            groups: groups.iter().map(|group| group.name.as_str().into()).collect(),
            texts: Box::default(),
            people: Box::default(),
            patterns: Box::default(),
            invisible: invisible.map_or(Marks::default(), Marks::group),
        };
        list.fill(&entries);
        Self { list: Some(Box::new(list)) }
    }

    /// The groups that somebody is in, and whether he is a contact. One who is in "Invisible" is none.
    pub fn of(&self, other: &Who) -> (Arc<[Arc<str>]>, bool) {
        // An empty one is shared: nothing is allocated for strangers.
        let Some(list) = &self.list else { return (Arc::default(), false) };
        let marks = list.marks(other);
        let contact = marks.has(Marks::LISTED) && !marks.has(list.invisible);
        if !marks.in_group() {
            return (Arc::default(), contact);
        }
        let groups = list.groups.iter().enumerate().filter(|(at, _)| marks.has(Marks::group(*at)));
        (groups.map(|(_, name)| Arc::clone(name)).collect(), contact)
    }

    /// Whether there is nobody on it.
    pub fn is_empty(&self) -> bool {
        self.list.is_none()
    }
}

impl List {
    /// Takes entries that are sorted, several of one text among them.
    fn fill(&mut self, entries: &[(&str, Marks)]) {
        let mut texts = String::new();
        let (mut people, mut patterns) = (Vec::new(), Vec::new());
        for same in entries.chunk_by(|(one, _), (next, _)| one == next) {
            let marks = same.iter().fold(Marks::default(), |all, (_, marks)| all.and(*marks));
            let Some((text, _)) = same.first() else { continue };
            // What an older version has stored and this one cannot read means nobody.
            let Ok(listed) = Listed::read(text) else { continue };
            if listed.exactly() == Some(text) {
                let start = texts.len();
                texts.push_str(text);
                let place = |at| u32::try_from(at).unwrap_or(u32::MAX);
                people.push(Person { start: place(start), end: place(texts.len()), marks });
            } else {
                patterns.push((listed, marks));
            }
        }
        self.texts = texts.into();
        self.people = people.into();
        self.patterns = patterns.into();
    }

    fn marks(&self, other: &Who) -> Marks {
        let text = match other {
            Who::User(uid) => uid.as_str(),
            Who::Number(number) => number,
            // No address is empty.
            Who::Anonymous => "",
        };
        let found = self.people.binary_search_by(|person| self.compare(*person, text));
        let found = found.ok().and_then(|at| self.people.get(at));
        let party = other.party();
        let patterns = self.patterns.iter().filter(|(listed, _)| listed.matches(party));
        let marks = found.map_or(Marks::default(), |person| person.marks);
        patterns.fold(marks, |all, (_, marks)| all.and(*marks))
    }

    fn compare(&self, person: Person, text: &str) -> Ordering {
        let place = |at| usize::try_from(at).unwrap_or(usize::MAX);
        self.texts.get(place(person.start)..place(person.end)).unwrap_or_default().cmp(text)
    }
}

impl Marks {
    /// How many groups there are bits for.
    const GROUPS: usize = 63;
    /// On the contact list.
    const LISTED: Self = Self(1 << Self::GROUPS);

    fn group(at: usize) -> Self {
        Self(u32::try_from(at).ok().and_then(|at| 1_u64.checked_shl(at)).unwrap_or(0))
    }

    fn and(self, other: Self) -> Self {
        Self(self.0 | other.0)
    }

    fn has(self, other: Self) -> bool {
        self.0 & other.0 != 0
    }

    fn in_group(self) -> bool {
        self.0 & !Self::LISTED.0 != 0
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::base::Uid;
    use crate::effect::store::StoredGroup;

    fn group(name: &str, members: &[&str]) -> StoredGroup {
        StoredGroup { name: name.into(), members: members.iter().map(|text| (*text).to_owned()).collect() }
    }

    fn contacts() -> Contacts {
        let everybody = ["carl@north.test", "+3545551234", "@east.test", "spam@south.test"];
        Contacts::load(StoredContacts {
            everybody: everybody.iter().map(|text| (*text).to_owned()).collect(),
            groups: vec![
                group("Friends", &["carl@north.test", "bill@west.test"]),
                group("Empty", &[]),
                group("Invisible", &["@south.test", "+1900*", "anonymous"]),
                group("Work", &["carl@north.test", "@north.test", "+354*"]),
            ],
        })
    }

    fn of(contacts: &Contacts, who: &Who) -> (Vec<String>, bool) {
        let (groups, contact) = contacts.of(who);
        (groups.iter().map(ToString::to_string).collect(), contact)
    }

    #[test]
    fn everybody_is_found_where_he_is() {
        let contacts = contacts();
        let user = |uid: &str| Who::User(Uid::parse(uid).unwrap());
        let number = |number: &str| Who::Number(number.into());
        let none: [&str; 0] = [];
        for (who, groups, contact) in [
            (user("carl@north.test"), &["Friends", "Work"][..], true),
            (user("dora@north.test"), &["Work"], false),
            (user("bill@west.test"), &["Friends"], false),
            (user("emma@east.test"), &none, true),
            (user("spam@south.test"), &["Invisible"], false),
            (user("somebody@else.test"), &none, false),
            (number("+3545551234"), &["Work"], true),
            (number("+3545551235"), &["Work"], false),
            (number("3545551234"), &none, false),
            (number("+19001"), &["Invisible"], false),
            (Who::Anonymous, &["Invisible"], false),
        ] {
            let expected = (groups.iter().map(|name| (*name).to_owned()).collect(), contact);
            assert_eq!(of(&contacts, &who), expected, "{who}");
        }
    }

    #[test]
    fn a_list_of_nobody_is_no_list() {
        let groups = vec![group("Friends", &[])];
        let contacts = Contacts::load(StoredContacts { everybody: Vec::new(), groups });
        assert!(contacts.is_empty());
        assert_eq!(of(&contacts, &Who::Anonymous), (Vec::new(), false));
        assert_eq!(size_of::<Contacts>(), 8);
    }

    #[test]
    fn the_last_bit_is_a_group_and_no_contact() {
        let name = |at: usize| format!("G{at:02}");
        let groups = (0..70).map(|at| group(&name(at), &[&format!("u{at}@north.test")])).collect();
        let contacts = Contacts::load(StoredContacts { everybody: Vec::new(), groups });
        let user = |at| Who::User(Uid::parse(&format!("u{at}@north.test")).unwrap());
        assert_eq!(of(&contacts, &user(62)), (vec![name(62)], false));
        assert_eq!(of(&contacts, &user(63)), (Vec::new(), false));
    }
}
