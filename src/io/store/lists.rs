//! A user's contact list and groups as the tables have them, and what follows from them.

use std::collections::BTreeSet;

use serde::Deserialize;
use sqlx::{Row, SqliteConnection};

use super::error::StoreError;
use super::refusal::{Hint, Refusal};
use crate::base::{Limits, Uid};
use crate::effect::store::{StoredContacts, StoredGroup};

/// The group of those to whom its owner is not there. Every user has it; its members are contacts
/// only if they are on the contact list as well.
pub(super) const INVISIBLE: &str = crate::routing::INVISIBLE;

/// The contact list and the groups of a user `u`, as [`Lists`] reads them. NULL if he has neither, as
/// most users: then nothing is made that would be empty.
macro_rules! lists_of_user {
    () => {
        "CASE WHEN EXISTS (SELECT 1 FROM contacts c WHERE c.uid = u.uid) \
            OR EXISTS (SELECT 1 FROM groups g WHERE g.uid = u.uid) THEN json_array( \
          json((SELECT json_group_array(c.contact) FROM contacts c WHERE c.uid = u.uid)), \
          json((SELECT json_group_array(json_array(g.name, \
            (SELECT json_group_array(m.contact) FROM members m WHERE m.uid = g.uid AND m.\"group\" = g.name), \
            (SELECT json_group_array(s.inner) FROM subgroups s WHERE s.uid = g.uid AND s.\"group\" = g.name))) \
           FROM groups g WHERE g.uid = u.uid))) END"
    };
}
pub(super) use lists_of_user;

/// Both lists.
#[derive(Debug, Default)]
pub(super) struct Lists {
    /// Who is on the contact list, by name.
    pub(super) contacts: Vec<String>,
    /// The groups that the tables have, by name.
    pub(super) groups: Vec<Group>,
}

/// A group as it is stored.
#[derive(Debug, Deserialize)]
pub(super) struct Group {
    pub(super) name: String,
    /// Who is in it himself.
    pub(super) contacts: Vec<String>,
    /// Which groups are in it.
    pub(super) groups: Vec<String>,
}

impl Lists {
    /// Reads what [`lists_of_user`] gives.
    pub(super) fn parse(text: Option<&str>) -> Result<Self, serde_json::Error> {
        let Some(text) = text else { return Ok(Self::default()) };
        let (contacts, groups) = serde_json::from_str(text)?;
        let mut lists = Self { contacts, groups };
        let names: Vec<String> = lists.groups.iter().map(|group| group.name.clone()).collect();
        for inner in lists.groups.iter_mut().flat_map(|group| &mut group.groups) {
            // Where it is inside it may stand in other letters, from before it was renamed.
            if let Some(name) = names.iter().find(|name| name.eq_ignore_ascii_case(inner)) {
                inner.clone_from(name);
            }
        }
        Ok(lists)
    }

    /// The lists of a user; of one who is not there, empty ones.
    pub(super) async fn read(connection: &mut SqliteConnection, uid: &Uid) -> Result<Self, StoreError> {
        const SQL: &str = concat!("SELECT ", lists_of_user!(), " AS lists FROM users u WHERE u.uid = ?1");
        let Some(row) = sqlx::query(SQL).bind(uid.as_str()).fetch_optional(connection).await? else {
            return Ok(Self::default());
        };
        let broken = |error: serde_json::Error| StoreError::Sql(sqlx::Error::Decode(error.into()));
        Self::parse(row.try_get("lists")?).map_err(broken)
    }

    /// The group of this name, in any case.
    pub(super) fn get(&self, name: &str) -> Option<&Group> {
        self.groups.iter().find(|group| group.name.eq_ignore_ascii_case(name))
    }

    /// The name of a group as it is stored. "Invisible" is there though no table has it.
    pub(super) fn name(&self, uid: &Uid, name: &str) -> Result<String, Refusal> {
        if name.eq_ignore_ascii_case(INVISIBLE) {
            return Ok(INVISIBLE.to_owned());
        }
        let otherwise = || format!("`ratatosk group add {uid} '{name}'` makes it");
        let there = self.groups.iter().map(|group| group.name.as_str()).chain([INVISIBLE]);
        let hint = || Hint::of(name, there, otherwise);
        let group = self.get(name).map(|group| group.name.clone());
        group.ok_or_else(|| Refusal::NoGroup { uid: uid.clone(), group: name.to_owned(), hint: hint() })
    }

    /// A group and all that are inside it, however deep; each once.
    pub(super) fn inside(&self, name: &str) -> Vec<&Group> {
        self.ways(name).into_iter().map(|(group, _)| group).collect()
    }

    /// A group and all that are inside it, each with the place here of the one that led to it.
    fn ways(&self, name: &str) -> Vec<(&Group, Option<usize>)> {
        let mut found: Vec<(&Group, Option<usize>)> =
            self.get(name).map(|group| (group, None)).into_iter().collect();
        let mut at = 0;
        while let Some((group, _)) = found.get(at) {
            for inner in group.groups.iter().filter_map(|inner| self.get(inner)) {
                if !found.iter().any(|(group, _)| std::ptr::eq(*group, inner)) {
                    found.push((inner, Some(at)));
                }
            }
            at += 1;
        }
        found
    }

    /// Whether a group is "Invisible", or somewhere inside it.
    pub(super) fn is_invisible(&self, name: &str) -> bool {
        name.eq_ignore_ascii_case(INVISIBLE)
            || self.inside(INVISIBLE).iter().any(|group| group.name.eq_ignore_ascii_case(name))
    }

    /// Everybody in a group, by way of others too, by name.
    pub(super) fn members(&self, name: &str) -> BTreeSet<&str> {
        self.inside(name).into_iter().flat_map(|group| &group.contacts).map(String::as_str).collect()
    }

    /// The way from one group into another that is inside it: `"Work" holds "Team" holds "Night"`.
    pub(super) fn way(&self, outer: &str, inner: &str) -> Option<String> {
        let ways = self.ways(outer);
        let mut at = ways.iter().position(|(group, _)| group.name.eq_ignore_ascii_case(inner))?;
        let mut names = Vec::new();
        while let Some((group, from)) = ways.get(at) {
            names.push(format!("\"{}\"", group.name));
            let Some(from) = from else { break };
            at = *from;
        }
        names.reverse();
        Some(names.join(" holds "))
    }

    /// Refuses lists that are too long.
    pub(super) fn fit(&self, uid: &Uid, limits: &Limits) -> Result<(), Refusal> {
        let members = self.groups.iter().flat_map(|group| &group.contacts);
        let people: BTreeSet<&str> = self.contacts.iter().chain(members).map(String::as_str).collect();
        let names = self.groups.iter().map(|group| group.name.len());
        let bytes = people.iter().map(|text| text.len()).chain(names).sum();
        let counts = [
            (people.len(), u32::from(limits.contacts_per_user), "many contacts", "contacts_per_user"),
            (self.groups.len(), u32::from(limits.groups_per_user), "many groups", "groups_per_user"),
            (bytes, limits.contact_list_bytes, "long a contact list", "contact_list_bytes"),
        ];
        let over =
            counts.iter().find(|(count, most, ..)| u32::try_from(*count).is_ok_and(|count| count > *most));
        over.map_or(Ok(()), |(_, most, what, limit)| {
            Err(Refusal::TooMany { uid: uid.clone(), what, limit, most: *most })
        })
    }

    /// As the core takes them: groups in groups followed.
    pub(super) fn stored(self) -> StoredContacts {
        let followed = |group: &Group| StoredGroup {
            name: group.name.clone(),
            members: self.members(&group.name).into_iter().map(str::to_owned).collect(),
        };
        let groups = self.groups.iter().map(followed).collect();
        StoredContacts { everybody: self.contacts, groups }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn lists() -> Lists {
        let text = r#"[["carl@a.test"], [["Friends",["bill@a.test"],["Team"]],["Night",["+1"],[]],
            ["Team",["carl@a.test","bill@a.test"],["night"]],["Work",["@w.test"],["Team","Night"]]]]"#;
        Lists::parse(Some(text)).unwrap()
    }

    #[test]
    fn groups_in_groups_are_followed_once() {
        let lists = lists();
        let names = |name| lists.inside(name).iter().map(|group| group.name.as_str()).collect::<Vec<_>>();
        assert_eq!(names("work"), ["Work", "Team", "Night"]);
        assert_eq!(names("Nobody"), [""; 0]);
        let members = |name| lists.members(name).into_iter().collect::<Vec<_>>();
        assert_eq!(members("Friends"), ["+1", "bill@a.test", "carl@a.test"]);
        let way = lists.way("Friends", "Night");
        assert_eq!(way.as_deref(), Some("\"Friends\" holds \"Team\" holds \"Night\""));
        assert_eq!(lists.way("Night", "Friends"), None);
    }

    #[test]
    fn a_circle_in_a_broken_table_ends() {
        let lists = Lists::parse(Some(r#"[[],[["A",["a"],["B"]],["B",["b"],["A"]]]]"#)).unwrap();
        assert_eq!(lists.members("A").len(), 2);
    }

    #[test]
    fn lists_have_an_end() {
        let uid = Uid::parse("anne@north.test").unwrap();
        let refused = |limits: Limits| match lists().fit(&uid, &limits) {
            Err(Refusal::TooMany { limit, .. }) => Some(limit),
            _ => None,
        };
        assert_eq!(refused(Limits::default()), None);
        assert_eq!(refused(Limits { contacts_per_user: 3, ..Limits::default() }), Some("contacts_per_user"));
        assert_eq!(refused(Limits { groups_per_user: 3, ..Limits::default() }), Some("groups_per_user"));
        assert_eq!(
            refused(Limits { contact_list_bytes: 50, ..Limits::default() }),
            Some("contact_list_bytes")
        );
    }
}
