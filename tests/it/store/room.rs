//! A store that has no room, and one whose tables a server uses.

use std::sync::Arc;
use std::time::Duration;

use ratatosk::base::ServerIndex;
use ratatosk::config::Place;
use ratatosk::effect::fact::CallRecord;
use ratatosk::effect::{StoreOp, StoreOutcome};
use ratatosk::io::store::{Database, Opening, Store, StoreError};
use tempfile::TempDir;

use super::{World, by_hand, call, cid, new_user, place, rows, save, with_database};

/// Records give way to what phones wait for, and are written when there is room.
#[test]
fn a_full_disk_takes_registrations_as_long_as_there_is_room_for_them() {
    let directory = TempDir::new().unwrap();
    let place = Place { max_mb: Some(1), ..place(&directory) };
    with_database(&place, async |database| database.add_user(&new_user("anne", &[])).await).unwrap();
    let world = World::start(&place);
    let long = "x".repeat(600_000);
    let put = |id: &str| StoreOp::PutCall(Arc::new(call(id, &long)));
    assert!(matches!(world.ask(put("one")), StoreOutcome::Saved));
    // In one transaction: there is room for the binding and not for the record.
    let outcomes = world.ask_all(ServerIndex(0), vec![put("two"), save("anne", &["desk"], &[])]);
    assert!(matches!(outcomes[..], [StoreOutcome::Failed, StoreOutcome::Saved]), "{outcomes:?}");
    assert_eq!(world.load("anne").unwrap().bindings.len(), 1);
    assert_eq!(rows(&place, "calls"), 1);
    by_hand(&place, "DELETE FROM calls");
    assert!(matches!(world.ask(save("anne", &["mobile"], &[])), StoreOutcome::Saved));
    world.handle.close();
    assert_eq!(rows(&place, "calls"), 1, "the one that was held");
}

/// What is held of a call gives way to what is known of it later: it is not written over that when there is room.
#[test]
fn a_record_that_is_held_gives_way_to_a_later_one() {
    let directory = TempDir::new().unwrap();
    let place = Place { max_mb: Some(1), ..place(&directory) };
    with_database(&place, async |database| database.add_user(&new_user("anne", &[])).await).unwrap();
    let world = World::start(&place);
    let long = "x".repeat(600_000);
    let put = |record: CallRecord| StoreOp::PutCall(Arc::new(record));
    assert!(matches!(world.ask(put(call("one", &long))), StoreOutcome::Saved));
    for id in ["two", "three"] {
        assert!(matches!(world.ask(put(call(id, &long))), StoreOutcome::Failed), "{id} is held");
    }
    by_hand(&place, "DELETE FROM calls");
    let later = CallRecord { status: 487, ..call("two", "short") };
    assert!(matches!(world.ask(put(later)), StoreOutcome::Saved));
    world.handle.close();
    assert_eq!(rows(&place, "calls WHERE id = 'two' AND status = 487"), 1);
    assert_eq!(rows(&place, "calls"), 2, "the other one that was held is there too");
}

/// A store that is nearly full forgets its oldest records, however young they are.
#[test]
fn the_oldest_records_go_when_the_store_is_nearly_full() {
    let directory = TempDir::new().unwrap();
    let place = Place { max_mb: Some(1), ..place(&directory) };
    with_database(&place, async |database| database.add_user(&new_user("anne", &[])).await).unwrap();
    let world = World::start(&place);
    let (long, now_ms) = ("x".repeat(9_000), i64::MAX / 2);
    for i in 0..80 {
        let record = CallRecord { ended_ms: now_ms, ..call(&format!("c{i}"), &long) };
        assert!(matches!(world.ask(StoreOp::PutCall(Arc::new(record))), StoreOutcome::Saved));
    }
    world.handle.close();
    let before = rows(&place, "calls");
    let most = Place { max_mb: Some(1), ..place.clone() };
    // Every start sweeps.
    by_hand(
        &place,
        "INSERT INTO calls (id, direction, owner, slot, caller, callee, mode, started_ms, ended_ms, status, \"end\", rule, path) \
        SELECT 'more', 'outgoing', 'anne@north.test', 0, 'a', 'b', 'voice', 1, 9000000000000000, 200, 'x', 'y', hex(zeroblob(120000))",
    );
    let world = World::start(&most);
    let began = std::time::Instant::now();
    while rows(&place, "calls") > before / 2 && began.elapsed() < Duration::from_secs(10) {
        std::thread::sleep(Duration::from_millis(20));
    }
    assert!(rows(&place, "calls") <= before / 2, "{} of {before}", rows(&place, "calls"));
    world.handle.close();
}

/// A program that knows more tables leaves those of a server that runs as they are.
#[test]
fn tables_under_a_running_server_stay_as_they_are() {
    let directory = TempDir::new().unwrap();
    let place = place(&directory);
    with_database(&place, async |database| database.add_user(&new_user("anne", &[])).await).unwrap();
    let running = Store::open(&place, &cid()).unwrap();
    by_hand(&place, "DELETE FROM _sqlx_migrations WHERE version = 20");
    assert!(matches!(Store::open(&place, &cid()), Err(StoreError::InUse { .. })));
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    let opened = runtime.block_on(Database::open(&place, &cid(), Opening::Existing));
    assert!(matches!(opened, Err(StoreError::Older { .. })), "{opened:?}");
    assert_eq!(rows(&place, "_sqlx_migrations WHERE version = 20"), 0, "nothing was changed");
    drop(running);
}
