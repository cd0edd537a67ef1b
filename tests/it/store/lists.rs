//! Contacts, groups and devices: what the command line keeps is what a user server loads.

use ratatosk::effect::store::{StoredDevice, StoredGroup};
use ratatosk::io::store::{DeviceKind, Expected, Hint, Refusal};
use ratatosk::routing::Listed;

use super::*;

fn listed(text: &str) -> Listed {
    Listed::read(text).unwrap()
}

fn refusal<T: std::fmt::Debug>(done: Result<T, StoreError>) -> Refusal {
    match done {
        Err(StoreError::Refused(refusal)) => refusal,
        other => panic!("{other:?}"),
    }
}

fn names(names: &[&str]) -> Vec<String> {
    names.iter().map(|name| (*name).to_owned()).collect()
}

async fn add_users(database: &mut Database, users: &[&str]) {
    for user in users {
        database.add_user(&new_user(user, &[])).await.unwrap();
    }
}

async fn add(database: &mut Database, contact: &str, groups: &[&str]) -> Result<bool, StoreError> {
    database.add_contact(&uid("anne"), &listed(contact), &names(groups), &Limits::default()).await
}

async fn group(database: &mut Database, name: &str, outer: &[&str]) -> Result<String, StoreError> {
    database.add_group(&uid("anne"), name, &names(outer), &Limits::default()).await
}

#[test]
fn groups_in_groups_are_followed_and_never_go_in_a_circle() {
    let directory = TempDir::new().unwrap();
    let place = place(&directory);
    with_database(&place, async |database| {
        add_users(database, &["anne", "carl", "dora"]).await;
        for (name, outer) in
            [("Family", &[][..]), ("Friends", &[]), ("Band", &["friends"]), ("Drums", &["Band"])]
        {
            group(database, name, outer).await.unwrap();
        }
        assert!(add(database, "carl@north.test", &["drums"]).await.unwrap());
        assert!(!add(database, "carl@north.test", &["Drums"]).await.unwrap(), "he was there already");
        assert!(add(database, "+354 555-1234", &["Family", "Friends"]).await.unwrap());
        assert!(add(database, "@west.test", &[]).await.unwrap());

        match refusal(group(database, "friends", &["Drums"]).await) {
            Refusal::GroupCircle { inner, outer, way } => {
                assert_eq!((inner.as_str(), outer.as_str()), ("Friends", "Drums"));
                assert_eq!(way, "\"Friends\" holds \"Band\" holds \"Drums\"");
            }
            other => panic!("{other:?}"),
        }
        assert!(matches!(refusal(group(database, "Band", &["band"]).await), Refusal::GroupCircle { .. }));
        assert!(matches!(refusal(group(database, "Drums", &["Frends"]).await),
            Refusal::NoGroup { hint: Hint::Meant(meant), .. } if meant == "Friends"));
        assert!(matches!(refusal(group(database, "FRIENDS", &[]).await), Refusal::GroupExists { .. }));
        assert!(matches!(refusal(group(database, "invisible", &[]).await), Refusal::GroupOfAll(_)));
        assert!(matches!(refusal(group(database, "a\"b", &[]).await), Refusal::Name { .. }));
        // One fault, and nothing of the command was done.
        refusal(group(database, "Other", &["Family", "Nowhere"]).await);
        assert!(database.groups(&uid("anne")).await.unwrap().iter().all(|group| group.group != "Other"));
    });
    // The tables themselves refuse, whoever writes them.
    let circle = std::panic::catch_unwind(|| {
        by_hand(&place, "INSERT INTO subgroups VALUES ('anne@north.test', 'Drums', 'Friends', 0)");
    });
    assert!(circle.is_err());

    let world = World::start(&place);
    let contacts = world.load("anne").unwrap().contacts;
    assert_eq!(contacts.everybody, ["+3545551234", "@west.test", "carl@north.test"]);
    let stored = |name: &str, members: &[&str]| StoredGroup { name: name.into(), members: names(members) };
    assert_eq!(
        contacts.groups,
        [
            stored("Band", &["carl@north.test"]),
            stored("Drums", &["carl@north.test"]),
            stored("Family", &["+3545551234"]),
            stored("Friends", &["+3545551234", "carl@north.test"]),
        ]
    );
    assert!(world.load("carl").unwrap().contacts.groups.is_empty(), "nobody else has them");
    world.handle.close();
}

#[test]
fn a_group_may_move_be_renamed_and_go() {
    let directory = TempDir::new().unwrap();
    with_database(&place(&directory), async |database| {
        add_users(database, &["anne", "carl"]).await;
        let anne = &uid("anne");
        for (name, outer) in [("Work", &[][..]), ("Home", &[]), ("Team", &["Work"])] {
            group(database, name, outer).await.unwrap();
        }
        add(database, "carl@north.test", &["Team"]).await.unwrap();
        group(database, "Team", &["Home"]).await.unwrap();
        assert_eq!(database.remove_group(anne, "team", &names(&["work"])).await.unwrap(), "Team");
        let gone = refusal(database.remove_group(anne, "Team", &names(&["Work"])).await);
        assert!(matches!(gone, Refusal::GroupNotIn { .. }));
        assert_eq!(database.rename_group(anne, "team", "Crew").await.unwrap(), "Team");
        assert!(matches!(
            refusal(database.rename_group(anne, "Crew", "home").await),
            Refusal::GroupExists { .. }
        ));
        database.rename_group(anne, "Crew", "CREW").await.unwrap();
        let rows = database.groups(anne).await.unwrap();
        let row = |name: &str| rows.iter().find(|row| row.group == name).unwrap();
        assert_eq!(
            (&row("Home").groups, &row("Home").members),
            (&names(&["CREW"]), &names(&["carl@north.test"]))
        );
        assert_eq!((&row("CREW").inside, row("Work").members.len()), (&names(&["Home"]), 0));
        assert!(row("Invisible").members.is_empty());

        database.remove_group(anne, "crew", &[]).await.unwrap();
        let contacts = database.contacts(anne).await.unwrap();
        assert_eq!((contacts.len(), contacts[0].groups.len(), contacts[0].listed), (1, 0, true));
        assert!(matches!(refusal(database.remove_group(anne, "crew", &[]).await), Refusal::NoGroup { .. }));
        assert!(matches!(
            refusal(database.remove_group(anne, "Invisible", &[]).await),
            Refusal::GroupOfAll(_)
        ));
    });
}

#[test]
fn who_is_blocked_is_no_contact_and_stays_blocked() {
    let directory = TempDir::new().unwrap();
    let place = place(&directory);
    with_database(&place, async |database| {
        add_users(database, &["anne", "carl", "dora"]).await;
        let anne = &uid("anne");
        add(database, "spam@south.test", &["invisible"]).await.unwrap();
        group(database, "Spammers", &["Invisible"]).await.unwrap();
        group(database, "Friends", &[]).await.unwrap();
        add(database, "@evil.test", &["Spammers"]).await.unwrap();
        add(database, "carl@north.test", &["Friends", "Invisible"]).await.unwrap();
        add(database, "anonymous", &["Invisible"]).await.unwrap();
        let state = |rows: &[ratatosk::io::store::ContactRow]| -> Vec<(String, bool, bool)> {
            rows.iter().map(|row| (row.contact.clone(), row.listed, row.blocked)).collect()
        };
        let expected = [
            ("@evil.test", false, true),
            ("anonymous", false, true),
            ("carl@north.test", true, true),
            ("spam@south.test", false, true),
        ];
        let expected = expected.map(|(contact, listed, blocked)| (contact.to_owned(), listed, blocked));
        assert_eq!(state(&database.contacts(anne).await.unwrap()), expected);

        let not = refusal(database.remove_contact(anne, &listed("spam@south.test"), &[]).await);
        assert!(matches!(not, Refusal::NoContact { .. }), "{not}");
        assert!(
            database.remove_contact(anne, &listed("carl@north.test"), &[]).await.unwrap(),
            "still blocked"
        );
        assert_eq!(database.unblock(anne, &listed("carl@north.test")).await.unwrap(), [""; 0]);
        let not = refusal(database.unblock(anne, &listed("somebody@evil.test")).await);
        assert!(
            matches!(&not, Refusal::NotBlocked { hint: Hint::Through(by), .. } if by == "@evil.test"),
            "{not}"
        );
        database
            .add_contact(anne, &listed("one@evil.test"), &names(&["Invisible"]), &Limits::default())
            .await
            .unwrap();
        assert_eq!(database.unblock(anne, &listed("one@evil.test")).await.unwrap(), ["@evil.test"]);
        database.unblock(anne, &listed("@evil.test")).await.unwrap();
        let left = database.contacts(anne).await.unwrap();
        assert_eq!(state(&left).len(), 2, "{left:?}");
    });
    let world = World::start(&place);
    let contacts = world.load("anne").unwrap().contacts;
    assert!(contacts.everybody.is_empty());
    let invisible = contacts.groups.iter().find(|group| group.name == "Invisible").unwrap();
    assert_eq!(invisible.members, ["anonymous", "spam@south.test"]);
    world.handle.close();
}

#[test]
fn a_contact_is_taken_out_of_one_group_or_of_all() {
    let directory = TempDir::new().unwrap();
    with_database(&place(&directory), async |database| {
        add_users(database, &["anne", "carl", "carol"]).await;
        let anne = &uid("anne");
        for (name, outer) in [("Friends", &[][..]), ("Team", &["Friends"]), ("Work", &[])] {
            group(database, name, outer).await.unwrap();
        }
        add(database, "carl@north.test", &["Team", "Work"]).await.unwrap();
        let carl = &listed("carl@north.test");
        let not = refusal(database.remove_contact(anne, carl, &names(&["Friends"])).await);
        assert!(matches!(&not, Refusal::NotInGroup { hint: Hint::Through(by), .. } if by == "Team"), "{not}");
        // All or nothing: he stays in "Team", though that was named first.
        refusal(database.remove_contact(anne, carl, &names(&["Team", "Friends"])).await);
        database.remove_contact(anne, carl, &names(&["team"])).await.unwrap();
        assert_eq!(database.contacts(anne).await.unwrap()[0].groups, ["Work"]);
        assert_eq!(database.contacts_in(anne, "work").await.unwrap().len(), 1);
        assert!(database.contacts_in(anne, "Friends").await.unwrap().is_empty());
        database.remove_contact(anne, carl, &[]).await.unwrap();
        assert!(database.contacts(anne).await.unwrap().is_empty());

        let unknown = refusal(add(database, "carll@north.test", &[]).await);
        assert!(
            matches!(unknown, Refusal::NoSuchUser { hint: Hint::Meant(meant), .. } if meant == "carl@north.test")
        );
        let nobody = database.contacts(&uid("ane")).await;
        assert!(matches!(nobody, Err(StoreError::NoUserBut { meant, .. }) if meant == "anne@north.test"));
        assert!(matches!(database.contacts(&uid("zoe")).await, Err(StoreError::NoUser(_))));
    });
}

#[test]
fn lists_have_limits() {
    let directory = TempDir::new().unwrap();
    with_database(&place(&directory), async |database| {
        add_users(database, &["anne"]).await;
        let anne = &uid("anne");
        let limits = Limits {
            contacts_per_user: 2,
            groups_per_user: 2,
            devices_per_user: 1,
            profiles_per_user: 1,
            ..Limits::default()
        };
        let limit = |refusal: Refusal| match refusal {
            Refusal::TooMany { limit, .. } => limit,
            other => panic!("{other:?}"),
        };
        for contact in ["a@south.test", "b@south.test", "a@south.test"] {
            database.add_contact(anne, &listed(contact), &[], &limits).await.unwrap();
        }
        let third =
            database.add_contact(anne, &listed("c@south.test"), &names(&["Invisible"]), &limits).await;
        assert_eq!(limit(refusal(third)), "contacts_per_user");
        for group in ["A", "B"] {
            database.add_group(anne, group, &[], &limits).await.unwrap();
        }
        assert_eq!(limit(refusal(database.add_group(anne, "C", &[], &limits).await)), "groups_per_user");
        assert_eq!(database.groups(anne).await.unwrap().len(), 3, "with \"Invisible\"");
        let fax = |name| DeviceKind::of("fax").unwrap().device(name, Some("+1"), None).unwrap();
        database.add_device(anne, &fax("one"), &limits).await.unwrap();
        assert_eq!(limit(refusal(database.add_device(anne, &fax("two"), &limits).await)), "devices_per_user");
        let tree = "profile \"x\" { incoming { otherwise -> busy } }";
        for _ in 0..2 {
            database.put_profile(anne, "x", tree, &Expected::Whatever, &limits).await.unwrap();
        }
        assert_eq!(
            limit(refusal(database.put_profile(anne, "y", tree, &Expected::Whatever, &limits).await)),
            "profiles_per_user"
        );
        let limits = Limits { profile_bytes_per_user: 200, ..Limits::default() };
        let long = |bytes: usize| format!("{tree}{}", "\n".repeat(bytes - tree.len()));
        // What it takes the place of does not count.
        database.put_profile(anne, "x", &long(110), &Expected::Whatever, &limits).await.unwrap();
        database.put_profile(anne, "y", &long(90), &Expected::Whatever, &limits).await.unwrap();
        let more = database.put_profile(anne, "y", &long(91), &Expected::Whatever, &limits).await;
        assert_eq!(limit(refusal(more)), "profile_bytes_per_user");
    });
}

#[test]
fn devices_are_loaded_as_they_were_named() {
    const URN: &str = "urn:uuid:f81d4fae-7dec-11d0-a765-00a0c91e6bf6";
    let directory = TempDir::new().unwrap();
    let place = place(&directory);
    let client = |name| DeviceKind::of("client").unwrap().device(name, None, Some(URN)).unwrap();
    with_database(&place, async |database| {
        add_users(database, &["anne", "carl"]).await;
        let (anne, limits) = (&uid("anne"), &Limits::default());
        let gsm = DeviceKind::of("gsm").unwrap().device("GSM", Some("+354 555"), None).unwrap();
        database.add_device(anne, &gsm, limits).await.unwrap();
        database.add_device(anne, &client("desk"), limits).await.unwrap();
        database.add_device(&uid("carl"), &client("desk"), limits).await.unwrap();
        assert!(matches!(
            refusal(database.add_device(anne, &client("Desk"), limits).await),
            Refusal::DeviceExists { .. }
        ));
        assert!(matches!(
            refusal(database.add_device(anne, &client("lap"), limits).await),
            Refusal::InstanceTaken { .. }
        ));
        assert!(matches!(refusal(database.remove_device(anne, "desc").await),
            Refusal::NoDevice { hint: Hint::Meant(meant), .. } if meant == "desk"));
        let names = database.names_of(anne).await.unwrap();
        assert_eq!(names.groups, ["Invisible"]);
        assert_eq!(
            names.devices.iter().map(|device| device.name.as_str()).collect::<Vec<_>>(),
            ["desk", "GSM"]
        );
    });
    let world = World::start(&place);
    let gsm = StoredDevice {
        name: "GSM".into(),
        kind: "gsm".into(),
        address: Some("+354555".into()),
        instance: None,
    };
    assert_eq!(world.load("anne").unwrap().devices, [client("desk"), gsm]);
    let mut desk = binding("desk");
    desk.instance = format!("\"<{}>\"", URN.to_uppercase());
    world.ask(StoreOp::SaveBindings { uid: uid("anne"), put: vec![desk], remove: Vec::new() });
    world.handle.close();
    with_database(&place, async |database| {
        let devices = database.devices(&uid("anne")).await.unwrap();
        assert_eq!(devices.iter().map(|device| device.registered).collect::<Vec<_>>(), [Some(true), None]);
        assert_eq!(database.remove_device(&uid("anne"), "gsm").await.unwrap(), "GSM");
        assert_eq!(database.user(&uid("anne")).await.unwrap().devices, 1);
    });
}

#[test]
fn all_that_is_a_users_goes_with_him() {
    let directory = TempDir::new().unwrap();
    let place = place(&directory);
    with_database(&place, async |database| {
        add_users(database, &["anne", "carl"]).await;
        group(database, "Friends", &[]).await.unwrap();
        group(database, "Team", &["Friends"]).await.unwrap();
        add(database, "carl@north.test", &["Team", "Invisible"]).await.unwrap();
        let fax = DeviceKind::of("fax").unwrap().device("fax", Some("+1"), None).unwrap();
        database.add_device(&uid("anne"), &fax, &Limits::default()).await.unwrap();
        let carl = &uid("carl");
        database.add_contact(carl, &listed("anne@north.test"), &[], &Limits::default()).await.unwrap();
    });
    let world = World::start(&place);
    let page = ratatosk::effect::store::InboxPage {
        serial: 0,
        id: "p".into(),
        uid: uid("anne"),
        sender: "carl@north.test".into(),
        call_id: "c".into(),
        cseq: 1,
        from: String::new(),
        headers: String::new(),
        body: bytes::Bytes::new(),
        stored_ms: 0,
        copy: false,
        held: false,
    };
    let put = || StoreOp::PutInbox(Arc::new(page.clone()));
    assert!(matches!(world.ask(put()), StoreOutcome::Saved));
    assert!(matches!(world.ask(StoreOp::PutCall(Arc::new(call("c", "")))), StoreOutcome::Saved));
    with_database(&place, async |database| database.remove_user(&uid("anne")).await).unwrap();
    for table in ["contacts", "groups", "members", "subgroups", "devices", "inbox", "bindings", "profiles"] {
        let expected = usize::from(table == "contacts");
        assert_eq!(rows(&place, table), expected, "{table}");
    }
    assert_eq!(rows(&place, "calls"), 1, "records stay");
    assert!(matches!(world.ask(put()), StoreOutcome::Failed), "nobody to keep it for");
    assert!(matches!(world.ask(StoreOp::Delivered { uid: uid("anne"), serial: 1 }), StoreOutcome::Saved));
    // Another of his name finds nothing of his.
    with_database(&place, async |database| add_users(database, &["anne"]).await);
    let anne = world.load("anne").unwrap();
    assert!(anne.contacts.groups.is_empty() && anne.devices.is_empty() && !anne.waiting);
    world.handle.close();
}
