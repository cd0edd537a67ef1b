//! Whose phones have to be woken: in their order, some at a time, of the slots that are asked for.

use ratatosk::base::Slot;

use super::*;

const ALL: (Slot, Slot) = (Slot(0), Slot(4095));

fn due(world: &World, slots: (Slot, Slot), after: Option<(i64, Uid)>, limit: u32) -> Vec<(i64, String)> {
    match world.ask(StoreOp::LoadDue { slots, due_s: 1_000, after, limit }) {
        StoreOutcome::Due(due) => due.into_iter().map(|(at, uid)| (at, uid.user().to_owned())).collect(),
        other => panic!("{other:?}"),
    }
}

#[test]
fn who_is_due_is_told_in_order() {
    let directory = TempDir::new().unwrap();
    let place = place(&directory);
    let names = ["anne", "bob", "carl", "dora", "emma", "fred"];
    with_database(&place, async |database| {
        for name in names {
            database.add_user(&new_user(name, &[])).await.unwrap();
        }
    });
    let world = World::start(&place);
    let table = [
        ("anne", "flow 1", Some(900), FAR_FUTURE_S),
        ("anne", "flow 2", Some(900), FAR_FUTURE_S),
        ("bob", "k", Some(900), FAR_FUTURE_S),
        ("carl", "k", Some(1_000), FAR_FUTURE_S),
        // Not yet; need not be; too late.
        ("dora", "k", Some(1_001), FAR_FUTURE_S),
        ("emma", "k", None, FAR_FUTURE_S),
        ("fred", "k", Some(900), 1_000),
    ];
    let ops = table.map(|(user, key, wake_s, expires_s)| StoreOp::SaveBindings {
        uid: uid(user),
        put: vec![StoredBinding { wake_s, expires_s, ..binding(key) }],
        remove: Vec::new(),
    });
    let outcomes = world.ask_all(ServerIndex(0), ops.into());
    assert!(outcomes.iter().all(|outcome| matches!(outcome, StoreOutcome::Saved)));

    let entry = |at: i64, name: &str| (at, name.to_owned());
    let all = [entry(900, "anne"), entry(900, "bob"), entry(1_000, "carl")];
    assert_eq!(due(&world, ALL, None, 10), all);
    assert_eq!(due(&world, ALL, None, 2), all[..2]);
    assert_eq!(due(&world, ALL, Some((900, uid("anne"))), 10), all[1..]);
    assert!(due(&world, ALL, Some((1_000, uid("carl"))), 10).is_empty());
    let slot = uid("bob").slot();
    assert_eq!(due(&world, (slot, slot), None, 10), all[1..2]);
    let user = world.load("bob").unwrap();
    assert_eq!(user.bindings[0].wake_s, Some(900));

    // One that is renewed is due later.
    let renewed = StoredBinding { wake_s: Some(2_000), ..binding("k") };
    let put = StoreOp::SaveBindings { uid: uid("bob"), put: vec![renewed], remove: Vec::new() };
    assert!(matches!(world.ask(put), StoreOutcome::Saved));
    assert_eq!(due(&world, ALL, None, 10), [entry(900, "anne"), entry(1_000, "carl")]);
    world.handle.close();
}

/// What was registered before there was a column for it.
#[test]
fn bindings_of_older_stores_are_due() {
    let directory = TempDir::new().unwrap();
    let place = place(&directory);
    with_database(&place, async |database| database.add_user(&new_user("anne", &[])).await).unwrap();
    let world = World::start(&place);
    let push = ";PN-Provider=acme;pn-prid=one";
    let contacts = [("long", push, 3_600, ""), ("short", push, 60, ""), ("itself", push, 60, ";+sip.pnsreg")];
    let put = contacts.map(|(key, push, granted_s, features)| StoredBinding {
        contact: format!("sip:{key}@192.0.2.7{push}"),
        granted_s,
        features: features.into(),
        expires_s: FAR_FUTURE_S,
        ..binding(key)
    });
    let put = StoreOp::SaveBindings { uid: uid("anne"), put: put.into(), remove: Vec::new() };
    assert!(matches!(world.ask(put), StoreOutcome::Saved));
    world.handle.close();
    by_hand(
        &place,
        "DROP INDEX bindings_by_wake; ALTER TABLE bindings DROP COLUMN wake_s; \
         DELETE FROM _sqlx_migrations WHERE version = 29",
    );
    let world = World::start(&place);
    let user = world.load("anne").unwrap();
    let mut due: Vec<_> = user.bindings.iter().map(|own| (own.key.as_str(), own.wake_s)).collect();
    due.sort_unstable();
    let expected = [("itself", None), ("long", Some(FAR_FUTURE_S - 120)), ("short", Some(FAR_FUTURE_S - 30))];
    assert_eq!(due, expected);
    world.handle.close();
}
