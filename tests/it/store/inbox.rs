//! The inbox: stored once and in order, within limits, and kept over a kill.

use std::io::{BufRead, BufReader};
use std::process::{Command, Stdio};

use bytes::Bytes;
use ratatosk::effect::store::InboxPage;

use super::*;

/// Where the process that is killed keeps its store.
const DIRECTORY: &str = "RATATOSK_TEST_STORE";

/// A page of a sender whose only one it is.
fn page(user: &str, call_id: &str) -> InboxPage {
    InboxPage {
        serial: 0,
        id: format!("page {call_id}"),
        uid: uid(user),
        sender: format!("writer.of.{call_id}@north.test"),
        call_id: call_id.into(),
        cseq: 1,
        from: "\"Carl\" <sip:carl@north.test>".into(),
        headers: "Content-Type: text/plain\r\nSubject: é\r\n".into(),
        body: Bytes::from(format!("the text of {call_id}")),
        stored_ms: 1_000,
        copy: false,
        held: false,
    }
}

pub(super) fn put(user: &str, call_id: &str) -> StoreOp {
    StoreOp::PutInbox(Arc::new(page(user, call_id)))
}

fn copy(user: &str, call_id: &str) -> StoreOp {
    StoreOp::PutInbox(Arc::new(InboxPage { copy: true, ..page(user, call_id) }))
}

fn waiting(world: &World, user: &str, limit: u32) -> Vec<InboxPage> {
    match world.ask(StoreOp::LoadInbox { uid: uid(user), limit, held: true }) {
        StoreOutcome::Inbox(pages) => pages,
        other => panic!("{other:?}"),
    }
}

fn call_ids(world: &World, user: &str) -> Vec<String> {
    waiting(world, user, 1_000).into_iter().map(|page| page.call_id).collect()
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

fn letter(outcome: StoreOutcome) -> String {
    letters(&[outcome])
}

/// A store with the users anne, carl and dora.
fn store(limits: &Limits) -> (TempDir, Place, World) {
    let directory = TempDir::new().unwrap();
    let place = place(&directory);
    with_database(&place, async |database| {
        for user in ["anne", "carl", "dora"] {
            database.add_user(&new_user(user, &[])).await.unwrap();
        }
    });
    let world = World::start_within(&place, limits);
    (directory, place, world)
}

#[test]
fn a_page_is_stored_once_and_delivered_in_order() {
    let (_directory, place, world) = store(&Limits::default());
    assert!(!world.load("anne").unwrap().waiting);
    let binary = InboxPage { body: Bytes::from_static(b"\0\xff\r\n"), ..page("anne", "b") };
    let empty = InboxPage { body: Bytes::new(), headers: String::new(), ..page("anne", "c") };
    let another = InboxPage { cseq: 2, ..page("anne", "a") };
    let ops = vec![
        put("anne", "a"),
        StoreOp::PutInbox(Arc::new(binary.clone())),
        put("anne", "a"),
        StoreOp::PutInbox(Arc::new(empty.clone())),
        StoreOp::PutInbox(Arc::new(another.clone())),
        put("dora", "a"),
    ];
    assert_eq!(letters(&world.ask_all(ServerIndex(1), ops)), "ssssss");
    assert_eq!(letter(world.ask(put("anne", "a"))), "s", "sent again later: it was there already");
    let pages = waiting(&world, "anne", 1_000);
    let serials: Vec<i64> = pages.iter().map(|page| page.serial).collect();
    assert!(serials.is_sorted() && !serials.contains(&0), "{serials:?}");
    let bare: Vec<InboxPage> = pages.into_iter().map(|page| InboxPage { serial: 0, ..page }).collect();
    assert_eq!(bare, [page("anne", "a"), binary, empty, another]);
    assert_eq!(waiting(&world, "anne", 2).len(), 2);
    assert!(waiting(&world, "nobody", 10).is_empty() && waiting(&world, "carl", 10).is_empty());
    assert!(world.load("anne").unwrap().waiting && !world.load("carl").unwrap().waiting);

    // Only its owner's word marks a page, and a word about no page harms nobody.
    let delivered = |user, serial| StoreOp::Delivered { uid: uid(user), serial };
    let ops = vec![
        delivered("dora", serials[0]),
        delivered("anne", serials[1]),
        delivered("anne", serials[1]),
        delivered("anne", 4_711),
        delivered("anne", serials[0]),
    ];
    assert_eq!(letters(&world.ask_all(ServerIndex(0), ops)), "sssss");
    assert_eq!(call_ids(&world, "anne"), ["c", "a"]);
    assert_eq!(call_ids(&world, "dora"), ["a"]);
    assert_eq!(letter(world.ask(put("anne", "a"))), "s", "sent again after its delivery");
    assert_eq!(call_ids(&world, "anne"), ["c", "a"], "and not delivered again");
    for serial in &serials[2..] {
        world.ask(delivered("anne", *serial));
    }
    assert!(!world.load("anne").unwrap().waiting);

    let listed = with_database(&place, async |database| database.inbox(&uid("anne"), 3).await.unwrap());
    let texts: Vec<_> = listed.iter().map(|row| (row.content_type.as_str(), row.text.as_deref())).collect();
    let text = Some("the text of a");
    assert_eq!(texts[1..], [("", Some("")), ("text/plain", text)]);
    assert!(listed.iter().all(|row| row.delivered_ms.is_some() && !row.copy));
    world.handle.close();
}

#[test]
fn an_inbox_is_full_at_its_limit_and_every_member_of_a_batch_gets_its_own_answer() {
    let limits = Limits { inbox_pages: 3, ..Limits::default() };
    let (_directory, _place, world) = store(&limits);
    let ops = vec![
        put("anne", "1"),
        put("anne", "2"),
        put("anne", "1"),
        save("anne", &["desk"], &[]),
        put("nobody", "1"),
        put("anne", "3"),
        put("anne", "4"),
        put("dora", "1"),
        put("anne", "3"),
        StoreOp::PutCall(Arc::new(call("c1", ""))),
    ];
    assert_eq!(letters(&world.ask_all(ServerIndex(0), ops)), "ssss-sfsss");
    assert_eq!(call_ids(&world, "anne"), ["1", "2", "3"]);
    assert_eq!(world.load("anne").unwrap().bindings.len(), 1);
    // A binding of nobody's is at fault, so that each is tried alone: with the same answers.
    let ops = vec![put("anne", "5"), put("anne", "2"), save("nobody", &["x"], &[]), put("dora", "2")];
    assert_eq!(letters(&world.ask_all(ServerIndex(0), ops)), "fs-s");

    let first = waiting(&world, "anne", 1)[0].serial;
    assert_eq!(letter(world.ask(StoreOp::Delivered { uid: uid("anne"), serial: first })), "s");
    assert_eq!(letter(world.ask(put("anne", "6"))), "s", "there is room again");
    assert_eq!(letter(world.ask(put("anne", "7"))), "f");
    world.handle.limit(&Limits { inbox_pages: 4, ..limits });
    assert_eq!(letter(world.ask(put("anne", "7"))), "s", "a limit that was read again serves");
    assert_eq!(call_ids(&world, "anne"), ["2", "3", "6", "7"]);
    world.handle.close();
}

/// Nobody fills an inbox alone: of its room one sender has a quarter, by number and by bytes.
#[test]
fn one_sender_has_a_part_of_an_inbox() {
    let (_directory, _place, world) =
        store(&Limits { inbox_pages: 8, inbox_bytes: 40_000, ..Limits::default() });
    let of = |sender: &str, call_id: &str, length, copy| {
        let (sender, body) = (sender.to_owned(), Bytes::from(vec![b'x'; length]));
        StoreOp::PutInbox(Arc::new(InboxPage { sender, body, copy, ..page("anne", call_id) }))
    };
    let ops = vec![
        of("carl", "1", 10, false),
        of("carl", "2", 10, false),
        of("carl", "3", 10, false),
        of("carl", "4", 10, true),
        of("dora", "1", 6_000, false),
        of("dora", "2", 6_000, false),
    ];
    assert_eq!(letters(&world.ask_all(ServerIndex(0), ops)), "ssfssf");
    // What is there counts, what was had does not.
    assert_eq!(letter(world.ask(of("carl", "5", 10, false))), "f");
    let first = waiting(&world, "anne", 1)[0].serial;
    world.ask(StoreOp::Delivered { uid: uid("anne"), serial: first });
    assert_eq!(letter(world.ask(of("carl", "5", 10, false))), "s");
    world.handle.close();
}

#[test]
fn bytes_have_a_limit_too() {
    let (_directory, _place, world) = store(&Limits { inbox_bytes: 10_000, ..Limits::default() });
    let long = |call_id: &str, length, copy| {
        let body = Bytes::from(vec![b'x'; length]);
        StoreOp::PutInbox(Arc::new(InboxPage { body, copy, ..page("anne", call_id) }))
    };
    let ops = vec![
        long("1", 6_000, false),
        long("2", 6_000, false),
        long("3", 3_000, false),
        long("4", 11_000, true),
        long("5", 6_000, true),
        long("6", 6_000, true),
    ];
    assert_eq!(letters(&world.ask_all(ServerIndex(0), ops)), "sfsfss");
    assert_eq!(call_ids(&world, "anne"), ["1", "3"]);
    world.handle.close();
}

#[test]
fn copies_are_listed_never_sent_and_give_way() {
    let (_directory, place, world) = store(&Limits { inbox_pages: 3, ..Limits::default() });
    let ops = vec![copy("anne", "1"), copy("anne", "2"), copy("anne", "3"), copy("anne", "2")];
    assert_eq!(letters(&world.ask_all(ServerIndex(0), ops)), "ssss");
    assert!(call_ids(&world, "anne").is_empty() && !world.load("anne").unwrap().waiting);
    assert_eq!(letters(&world.ask_all(ServerIndex(0), vec![copy("anne", "4"), put("anne", "5")])), "ss");
    let listed = || with_database(&place, async |database| database.inbox(&uid("anne"), 100).await.unwrap());
    let all: Vec<_> = listed().iter().map(|row| (row.id.clone(), row.copy)).collect();
    let expected = [("page 2", true), ("page 3", true), ("page 4", true), ("page 5", false)];
    assert_eq!(all, expected.map(|(id, copy)| (id.to_owned(), copy)), "the oldest copy has given way");

    // The same page is to be delivered after all: in a later batch, and in one with its copy.
    assert_eq!(letter(world.ask(put("anne", "3"))), "s");
    assert_eq!(letters(&world.ask_all(ServerIndex(0), vec![copy("anne", "6"), put("anne", "6")])), "ss");
    assert_eq!(call_ids(&world, "anne"), ["3", "5", "6"]);
    assert_eq!(letters(&world.ask_all(ServerIndex(0), vec![copy("anne", "6"), put("anne", "2")])), "sf");
    assert_eq!(call_ids(&world, "anne"), ["3", "5", "6"], "a copy of one that waits takes nothing from it");
    world.handle.close();
}

#[test]
fn a_full_disk_takes_no_page_and_loses_none() {
    let directory = TempDir::new().unwrap();
    let place = Place { max_mb: Some(1), ..place(&directory) };
    with_database(&place, async |database| database.add_user(&new_user("anne", &[])).await).unwrap();
    let world = World::start(&place);
    let (mut taken, mut refused) = (Vec::new(), 0);
    for i in 0..60 {
        let call_id = format!("{i:02}");
        let long = InboxPage { body: Bytes::from(vec![b'x'; 20_000]), ..page("anne", &call_id) };
        match world.ask(StoreOp::PutInbox(Arc::new(long))) {
            StoreOutcome::Saved => taken.push(call_id),
            StoreOutcome::Failed => refused += 1,
            other => panic!("{other:?}"),
        }
    }
    assert!(refused > 10 && taken.len() > 10, "{refused} of 60");
    assert_eq!(call_ids(&world, "anne"), taken);
    by_hand(&place, "DELETE FROM inbox WHERE call_id < '10'");
    assert_eq!(letter(world.ask(put("anne", "later"))), "s");
    taken.retain(|call_id| call_id.as_str() >= "10");
    taken.push("later".into());
    assert_eq!(call_ids(&world, "anne"), taken);
    world.handle.close();
}

/// Stores pages until it is killed, telling each that was answered.
#[test]
#[ignore = "runs inside the next test"]
fn a_process_that_is_killed() {
    let Some(directory) = std::env::var_os(DIRECTORY) else { return };
    let world = World::start(&Place::new(std::path::Path::new(&directory).join("north.db")));
    for first in (0..100_000).step_by(7) {
        let ids: Vec<String> = (first..first + 7).map(|i| format!("{i:06}")).collect();
        let outcomes = world.ask_all(ServerIndex(0), ids.iter().map(|id| put("anne", id)).collect());
        for (id, outcome) in ids.iter().zip(outcomes) {
            assert_eq!(letter(outcome), "s");
            println!("saved {id}");
        }
    }
}

#[test]
fn pages_that_were_answered_are_there_after_a_kill() {
    let directory = TempDir::new().unwrap();
    let place = place(&directory);
    with_database(&place, async |database| database.add_user(&new_user("anne", &[])).await).unwrap();
    let mut writer = Command::new(std::env::current_exe().unwrap())
        .args(["store::inbox::a_process_that_is_killed", "--exact", "--ignored", "--nocapture"])
        .env(DIRECTORY, directory.path())
        .stdout(Stdio::piped())
        .stderr(Stdio::null())
        .spawn()
        .unwrap();
    let lines = BufReader::new(writer.stdout.take().unwrap()).lines().map_while(Result::ok);
    let mut told = Vec::new();
    for line in lines {
        let Some((_, id)) = line.split_once("saved ") else { continue };
        told.push(id.to_owned());
        if told.len() == 40 {
            // What it has written to the pipe by then is told too.
            writer.kill().unwrap();
        }
    }
    writer.wait().unwrap();
    assert!(told.len() >= 40, "{}", told.len());
    let world = World::start(&place);
    let there = call_ids(&world, "anne");
    let expected: Vec<String> = (0..there.len()).map(|i| format!("{i:06}")).collect();
    assert_eq!(there, expected, "each once, in order, without a gap");
    assert!(there.len() >= told.len() && there[..told.len()] == told, "{} of {}", there.len(), told.len());
    world.handle.close();
}
