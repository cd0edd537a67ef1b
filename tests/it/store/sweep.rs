//! What the store forgets by itself, and what it never does.

use std::time::Instant;

use super::*;

const DAY_MS: i64 = 86_400_000;

fn now_ms() -> i64 {
    let now = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).unwrap();
    i64::try_from(now.as_millis()).unwrap()
}

/// A store with records and pages of several ages, of which nothing was swept yet.
fn aged(place: &Place) {
    with_database(place, async |database| database.add_user(&new_user("anne", &[])).await).unwrap();
    let keep = Limits { records_keep_days: 0, inbox_keep_days: 0, ..Limits::default() };
    let world = World::start_within(place, &keep);
    let days_ago = |days: i64| now_ms() - days * DAY_MS;
    let ended = |id: String, days| CallRecord { ended_ms: days_ago(days), ..call(&id, "") };
    // More old ones than one step takes; a row from a clock that was wrong stands before them.
    let mut ops = vec![StoreOp::PutCall(Arc::new(ended("wrong".into(), -400)))];
    ops.extend((0..1_200).map(|i| StoreOp::PutCall(Arc::new(ended(format!("old {i}"), 91)))));
    ops.extend((0..10).map(|i| StoreOp::PutCall(Arc::new(ended(format!("new {i}"), 89)))));
    for (id, days) in [("old", 91), ("new", 89)] {
        ops.push(StoreOp::PutPage(Arc::new(PageRecord {
            id: id.into(),
            direction: "incoming",
            owner: uid("anne"),
            sender: "carl@north.test".into(),
            recipient: "anne@north.test".into(),
            at_ms: days_ago(days),
            status: 200,
            how: "client",
            rule: String::new(),
            path: String::new(),
            question: "{\"asked\":true}".into(),
        })));
    }
    let outcomes = world.ask_all(ServerIndex(0), ops);
    assert!(outcomes.iter().all(|outcome| matches!(outcome, StoreOutcome::Saved)));
    world.handle.close();
    by_hand(
        place,
        "INSERT INTO inbox (uid, slot, id, sender, call_id, cseq, bytes, stored_ms, copy, delivered_ms, \"from\", \
           headers, body) \
         SELECT 'anne@north.test', 0, 'p', 'carl', value, 1, 1, 1000, value = 'old copy', \
           CASE WHEN value LIKE 'old%' THEN 1000 WHEN value = 'new' THEN unixepoch() * 1000 END, '', '', x'' \
         FROM json_each('[\"old\", \"old copy\", \"new\", \"waiting\"]')",
    );
}

/// Waits until a table has so many rows.
fn settles(place: &Place, table: &'static str, count: usize) {
    let patience = Instant::now();
    while rows(place, table) != count {
        assert!(patience.elapsed() < Duration::from_secs(20), "{table}: {}", rows(place, table));
        std::thread::sleep(Duration::from_millis(20));
    }
}

#[test]
fn old_records_and_delivered_pages_go_and_waiting_ones_stay() {
    let directory = TempDir::new().unwrap();
    let place = place(&directory);
    aged(&place);
    assert_eq!((rows(&place, "calls"), rows(&place, "pages"), rows(&place, "inbox")), (1_211, 2, 4));
    let world = World::start(&place);
    settles(&place, "calls", 11);
    settles(&place, "pages", 1);
    settles(&place, "inbox", 2);
    match world.ask(StoreOp::LoadInbox { uid: uid("anne"), limit: 10, held: false }) {
        StoreOutcome::Inbox(pages) => assert_eq!(pages[0].call_id, "waiting", "however old it is"),
        other => panic!("{other:?}"),
    }
    world.handle.close();
    let filter = Filter { owner: None, limit: 100 };
    let calls = with_database(&place, async |database| database.calls(&filter).await.unwrap());
    assert!(calls.iter().all(|call| !call.id.starts_with("old")));
}

#[test]
fn nothing_goes_where_the_limits_say_for_ever() {
    let directory = TempDir::new().unwrap();
    let place = place(&directory);
    aged(&place);
    let limits = Limits { records_keep_days: 0, inbox_keep_days: 0, ..Limits::default() };
    let world = World::start_within(&place, &limits);
    // The first sweep is over before the first write is answered.
    assert!(matches!(world.ask(save("anne", &["desk"], &[])), StoreOutcome::Saved));
    world.handle.close();
    assert_eq!((rows(&place, "calls"), rows(&place, "pages"), rows(&place, "inbox")), (1_211, 2, 4));
}
