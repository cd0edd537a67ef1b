//! The outbox: what waits for another cluster, in order and within limits, and the receipts.

use bytes::Bytes;
use ratatosk::effect::store::OutboxPage;

use super::*;

fn page(user: &str, peer: &str, id: &str) -> OutboxPage {
    OutboxPage {
        serial: 0,
        id: format!("page {id}"),
        owner: uid(user),
        peer: Cid::new(peer),
        recipient: Uid::new("dora", peer).unwrap(),
        call_id: format!("page-{id}@north.test"),
        from: "\"Anne\" <sip:anne@north.test>".into(),
        headers: "P-Asserted-Identity: <sip:anne@north.test>\r\nContent-Type: text/plain\r\n".into(),
        body: Bytes::from(format!("the text of {id} \u{e9}")),
        max_forwards: 69,
        stored_ms: 1_000,
        due_ms: 2_000,
        tries: 1,
    }
}

fn record(page: &OutboxPage) -> PageRecord {
    PageRecord {
        id: page.id.as_str().into(),
        direction: "outgoing",
        owner: page.owner.clone(),
        sender: page.owner.to_string(),
        recipient: page.recipient.to_string(),
        at_ms: page.stored_ms,
        status: 202,
        how: "outbox",
        rule: String::new(),
        path: String::new(),
        question: "{\"asked\":true}".into(),
    }
}

fn put_page(page: OutboxPage) -> StoreOp {
    let record = Arc::new(record(&page));
    StoreOp::PutOutbox(Arc::new(page), record)
}

fn put(user: &str, peer: &str, id: &str) -> StoreOp {
    put_page(page(user, peer, id))
}

/// What waits for a cluster after that serial, due by then, or stored before `stored_ms`; and when more
/// is due.
fn load(
    world: &World,
    peer: &str,
    (after, due_ms, stored_ms): (i64, i64, i64),
) -> (Vec<OutboxPage>, Option<i64>) {
    let op = StoreOp::LoadOutbox { peer: Cid::new(peer), after, due_ms, stored_ms, limit: 3 };
    match world.ask(op) {
        StoreOutcome::Outbox(pages, next_ms) => (pages, next_ms),
        other => panic!("{other:?}"),
    }
}

fn ids(pages: &[OutboxPage]) -> Vec<&str> {
    pages.iter().map(|page| page.id.trim_start_matches("page ")).collect()
}

/// What was answered, a letter each.
fn letters(outcomes: &[StoreOutcome]) -> String {
    let letter = |outcome: &StoreOutcome| match outcome {
        StoreOutcome::Saved => 's',
        StoreOutcome::Full => 'f',
        StoreOutcome::Failed => '-',
        other => panic!("{other:?}"),
    };
    outcomes.iter().map(letter).collect()
}

/// A store with the users anne and carl.
fn store(limits: &Limits) -> (TempDir, Place, World) {
    let directory = TempDir::new().unwrap();
    let place = place(&directory);
    with_database(&place, async |database| {
        for user in ["anne", "carl"] {
            database.add_user(&new_user(user, &[])).await.unwrap();
        }
    });
    let world = World::start_within(&place, limits);
    (directory, place, world)
}

/// The receipts in the listing, by the page's record.
fn receipts(place: &Place) -> Vec<(String, String, Option<i64>)> {
    let rows = with_database(place, async |database| {
        database.pages(&Filter { owner: None, limit: 100 }).await.unwrap()
    });
    let mut receipts: Vec<_> = rows.into_iter().map(|row| (row.id, row.receipt, row.receipt_ms)).collect();
    receipts.sort();
    receipts
}

#[test]
fn pages_wait_in_order_until_they_are_settled() {
    let (_directory, place, world) = store(&Limits::default());
    let later = OutboxPage { due_ms: 9_000, ..page("anne", "south.test", "2") };
    let strange = OutboxPage {
        headers: String::new(),
        body: Bytes::from_static(b"\0\xff"),
        ..page("carl", "south.test", "3")
    };
    let ops = vec![
        put("anne", "south.test", "1"),
        put_page(later),
        put_page(strange.clone()),
        put("anne", "west.test", "4"),
        put("anne", "south.test", "5"),
        put("anne", "south.test", "6"),
    ];
    assert_eq!(letters(&world.ask_all(ServerIndex(1), ops)), "ssssss");
    let (due, next) = load(&world, "south.test", (0, 2_000, 0));
    assert_eq!((ids(&due), next), (vec!["1", "3", "5"], Some(9_000)), "three at most, the oldest first");
    assert_eq!(OutboxPage { serial: 0, ..due[0].clone() }, page("anne", "south.test", "1"));
    assert_eq!(OutboxPage { serial: 0, ..due[1].clone() }, strange);
    assert_eq!(ids(&load(&world, "south.test", (due[2].serial, 2_000, 0)).0), ["6"]);
    assert_eq!(ids(&load(&world, "south.test", (0, i64::MAX, 0)).0), ["1", "2", "3"], "due or not");
    assert_eq!(load(&world, "south.test", (0, 1_999, 0)), (vec![], Some(2_000)), "nothing is due yet");
    assert_eq!(ids(&load(&world, "south.test", (0, 0, 1_000)).0), ["1", "2", "3"], "too old");
    assert_eq!(load(&world, "east.test", (0, i64::MAX, 0)), (vec![], None));
    let counts = with_database(&place, async |database| database.outbox().await.unwrap());
    assert_eq!(
        counts.into_iter().collect::<Vec<_>>(),
        [("south.test".to_owned(), 5), ("west.test".to_owned(), 1)]
    );

    let settle = |page: &OutboxPage, receipt: &str| StoreOp::SettleOutbox {
        page: Arc::new(page.clone()),
        receipt: receipt.to_owned(),
        at_ms: 7_000,
    };
    let ops = vec![
        settle(&due[0], "delivered"),
        StoreOp::DeferOutbox { serial: due[1].serial, tries: 2, due_ms: 60_000 },
        settle(&due[2], "refused 404"),
        settle(&due[2], "refused 404"),
    ];
    assert_eq!(letters(&world.ask_all(ServerIndex(0), ops)), "ssss");
    let (left, _) = load(&world, "south.test", (0, i64::MAX, 0));
    assert_eq!(ids(&left), ["2", "3", "6"]);
    assert_eq!((left[1].tries, left[1].due_ms), (2, 60_000));
    world.handle.close();
    let told = |id: &str, receipt: &str, at| (format!("page {id}"), receipt.to_owned(), Some(at));
    assert_eq!(
        receipts(&place),
        [
            told("1", "delivered", 7_000),
            told("2", "waiting", 1_000),
            told("3", "waiting", 1_000),
            told("4", "waiting", 1_000),
            told("5", "refused 404", 7_000),
            told("6", "waiting", 1_000),
        ]
    );
}

#[test]
fn a_page_that_waits_is_not_put_again() {
    let (_directory, place, world) = store(&Limits { outbox_per_user: 2, ..Limits::default() });
    let again =
        |id: &str| put_page(OutboxPage { id: format!("again {id}"), ..page("anne", "south.test", id) });
    let ops = vec![put("anne", "south.test", "1"), again("1"), put("anne", "south.test", "2"), again("2")];
    assert_eq!(letters(&world.ask_all(ServerIndex(0), ops)), "ssss");
    assert_eq!(letters(&[world.ask(again("1"))]), "s", "though there is no room for another");
    assert_eq!(ids(&load(&world, "south.test", (0, i64::MAX, 0)).0), ["1", "2"]);
    world.handle.close();
    assert_eq!(receipts(&place).len(), 2, "and it has one record");
}

#[test]
fn an_outbox_has_limits_and_every_member_of_a_batch_gets_its_own_answer() {
    let limits = Limits { outbox_per_user: 2, outbox_per_peer: 3, ..Limits::default() };
    let (_directory, place, world) = store(&limits);
    let ops = vec![
        put("anne", "south.test", "1"),
        put("nobody", "south.test", "2"),
        put("anne", "west.test", "3"),
        put("anne", "south.test", "4"),
        put("carl", "south.test", "5"),
        put("carl", "south.test", "6"),
        put("carl", "south.test", "7"),
    ];
    assert_eq!(letters(&world.ask_all(ServerIndex(0), ops)), "s-sfssf");
    assert_eq!(ids(&load(&world, "south.test", (0, i64::MAX, 0)).0), ["1", "5", "6"]);
    let first = load(&world, "south.test", (0, i64::MAX, 0)).0[0].clone();
    let settle = StoreOp::SettleOutbox { page: Arc::new(first), receipt: "delivered".into(), at_ms: 1 };
    assert_eq!(letters(&[world.ask(settle)]), "s");
    assert_eq!(letters(&[world.ask(put("anne", "south.test", "8"))]), "s", "there is room again");
    // Those of a user who is removed go with him.
    with_database(&place, async |database| database.remove_user(&uid("carl")).await.unwrap());
    assert_eq!(ids(&load(&world, "south.test", (0, i64::MAX, 0)).0), ["8"]);
    world.handle.close();
}

/// They are there after a restart, and a serial is never given twice.
#[test]
fn what_waits_outlives_the_server() {
    let (_directory, place, world) = store(&Limits::default());
    assert_eq!(letters(&[world.ask(put("anne", "south.test", "1"))]), "s");
    let serial = load(&world, "south.test", (0, i64::MAX, 0)).0[0].serial;
    world.handle.close();
    let world = World::start(&place);
    let (there, _) = load(&world, "south.test", (0, i64::MAX, 0));
    assert_eq!((there[0].serial, ids(&there)), (serial, vec!["1"]));
    let settle =
        StoreOp::SettleOutbox { page: Arc::new(there[0].clone()), receipt: "delivered".into(), at_ms: 1 };
    world.ask(settle);
    assert_eq!(letters(&[world.ask(put("anne", "south.test", "2"))]), "s");
    assert!(load(&world, "south.test", (0, i64::MAX, 0)).0[0].serial > serial);
    world.handle.close();
}
