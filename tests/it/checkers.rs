//! The checkers of the simulated world can fail: each is shown a run that something is wrong with.

use bytes::Bytes;
use ratatosk::effect::store::InboxPage;

use crate::sim::check::{check, pages::inboxes};
use crate::sim::cluster::SOUTH;
use crate::sim::world::{Line, Who, World, uid};
use crate::sim::{Do, Reply, answers, call, page};

/// Two phones ring, both lift at once; then a page; then it is over. Nothing is wrong with it.
fn run() -> World {
    let mut world = World::new();
    world.phone("anne").labels = true;
    world.phone("carl/desk").on_call(&answers(2.0));
    world.phone("carl/lap").on_call(&answers(2.0));
    world.phone("carl/hand").on_call(&[(0.0, Reply::Status(180))]);
    world.phone("dora");
    world.at(0.0, "anne", call("carl"));
    world.at(5.0, "anne", Do::Hangup);
    world.at(6.0, "anne", page("dora", "hello"));
    world.finish();
    world.assert_sound("");
    world
}

/// What the checkers say of a run after something was done to it.
fn after(change: impl FnOnce(&mut World)) -> String {
    let mut world = run();
    change(&mut world);
    check(&world).join("\n")
}

/// The place of the first line between those two that starts so.
fn find(world: &World, from: &str, to: &str, start: &str) -> usize {
    let name = |who| crate::sim::ladder::name_of(world, who).to_owned();
    let is_it = |line: &Line| {
        name(line.from) == from && name(line.to) == to && line.bytes.starts_with(start.as_bytes())
    };
    world.wire.iter().position(is_it).unwrap_or_else(|| panic!("{from} never sends {to} {start}"))
}

/// Takes the line out, and every repeat of it.
fn lose(world: &mut World, from: &str, to: &str, start: &str) {
    let place = find(world, from, to, start);
    let bytes = world.wire[place].bytes.clone();
    world.wire.retain(|line| line.bytes != bytes);
}

/// Changes the text of a line.
fn edit(world: &mut World, place: usize, old: &str, new: &str) {
    let text = String::from_utf8(world.wire[place].bytes.to_vec()).unwrap();
    assert!(text.contains(old), "{old:?} is not in {text}");
    world.wire[place].bytes = Bytes::from(text.replacen(old, new, 1));
}

/// Repeats a line, changed, behind itself.
fn repeat(world: &mut World, place: usize, old: &str, new: &str) {
    let Line { at, from, to, bytes, arrived, copied, stream, .. } = &world.wire[place];
    let again = Line {
        at: *at,
        from: *from,
        to: *to,
        bytes: bytes.clone(),
        again: false,
        arrived: *arrived,
        copied: *copied,
        stream: *stream,
        waited: false,
    };
    world.wire.insert(place + 1, again);
    edit(world, place + 1, old, new);
}

fn finds(faults: &str, complaint: &str) {
    assert!(faults.contains(complaint), "{complaint:?} is not among\n{faults}");
}

#[test]
fn a_request_without_a_final_response() {
    finds(&after(|world| lose(world, "server", "anne", "SIP/2.0 200")), "no final response (INVITE");
}

#[test]
fn a_request_with_two_final_responses() {
    let faults = after(|world| {
        let place = find(world, "server", "anne", "SIP/2.0 200");
        repeat(world, place, "SIP/2.0 200 OK", "SIP/2.0 486 Busy Here");
    });
    finds(&faults, "a second final response after SIP/2.0 200");
}

#[test]
fn a_stranger_who_is_served() {
    let faults = after(|world| {
        let place = find(world, "anne", "server", "INVITE");
        edit(world, place, "Proxy-Authorization:", "X-Nothing:");
    });
    finds(&faults, "200 to a stranger");
}

#[test]
fn a_response_to_nothing() {
    finds(&after(|world| lose(world, "anne", "server", "BYE")), "a response to nothing");
}

#[test]
fn two_answers_to_one_caller() {
    let faults = after(|world| {
        let place = find(world, "server", "anne", "SIP/2.0 200");
        let text = String::from_utf8(world.wire[place].bytes.to_vec()).unwrap();
        let to = text.lines().find(|line| line.starts_with("To:")).unwrap().to_owned();
        repeat(world, place, &to, &format!("{to}b"));
    });
    finds(&faults, "two 2xx to one INVITE");
}

#[test]
fn two_winners() {
    let faults = after(|world| lose(world, "server", "carl/lap", "BYE"));
    finds(&faults, "a second winner");
    finds(&faults, "answered, and never ended by a BYE");
}

#[test]
fn a_winner_whose_caller_never_hears_of_it() {
    let faults = after(|world| {
        let place = find(world, "server", "anne", "SIP/2.0 200");
        edit(world, place, "SIP/2.0 200 OK", "SIP/2.0 480 Not Now");
    });
    finds(&faults, "connected with nobody");
}

#[test]
fn a_winner_whose_caller_hears_of_it_late() {
    let faults = after(|world| {
        let place = find(world, "server", "anne", "SIP/2.0 200");
        world.wire[place].at = world.wire[place].at + std::time::Duration::from_millis(300);
    });
    finds(&faults, "the caller did not hear of it at once");
}

#[test]
fn a_caller_connected_with_nobody() {
    let faults = after(|world| {
        for phone in ["carl/desk", "carl/lap"] {
            let place = find(world, phone, "server", "SIP/2.0 200");
            edit(world, place, "SIP/2.0 200 OK", "SIP/2.0 486 Busy Here");
        }
    });
    finds(&faults, "a 2xx to a caller whom nobody answered");
}

#[test]
fn a_branch_that_rings_on() {
    let faults = after(|world| lose(world, "server", "carl/hand", "CANCEL"));
    finds(&faults, "0.001 server -> carl/hand: rings on after its call is over (INVITE");
}

#[test]
fn a_branch_that_believes_it_was_missed() {
    let faults = after(|world| {
        let place = find(world, "server", "carl/hand", "CANCEL");
        edit(world, place, "cause=200", "cause=487");
    });
    finds(&faults, "cancelled without being told that it was answered elsewhere");
}

#[test]
fn a_cancel_that_comes_too_early() {
    let faults = after(|world| {
        let place = find(world, "carl/hand", "server", "SIP/2.0 180");
        world.wire.remove(place);
    });
    finds(&faults, "CANCEL before any provisional response");
}

#[test]
fn an_answer_that_is_not_acknowledged() {
    let faults = after(|world| lose(world, "server", "carl/desk", "ACK"));
    finds(&faults, "no ACK for 1 INVITE");
    finds(&faults, "BYE before the ACK of 1 INVITE");
}

#[test]
fn a_bye_that_is_older_than_its_invite() {
    let faults = after(|world| {
        let place = find(world, "server", "carl/desk", "BYE");
        edit(world, place, "CSeq: 2 BYE", "CSeq: 1 BYE");
    });
    finds(&faults, "CSeq 1 after 1");
}

#[test]
fn a_server_that_is_left_with_something() {
    let mut world = World::new();
    world.phone("anne");
    world.phone("carl").on_call(&answers(1.0));
    world.at(0.0, "anne", call("carl"));
    world.run(3.0);
    let faults = check(&world).join("\n");
    finds(&faults, "is left with Census");
    finds(&faults, "anne is in a call for ever");
}

#[test]
fn a_phone_that_complains() {
    finds(&after(|world| world.phones[0].complaints.push("no tea".to_owned())), "anne complains: no tea");
}

#[test]
fn a_page_that_is_lost() {
    let faults = after(|world| {
        let place = find(world, "dora", "server", "SIP/2.0 200");
        world.wire[place].arrived = None;
    });
    finds(&faults, "a page \"hello\" that nobody took and no inbox has");
}

fn stored(serial: i64, to: &str, body: &'static str) -> InboxPage {
    InboxPage {
        serial,
        id: serial.to_string(),
        uid: uid(to),
        sender: "anne@north.test".to_owned(),
        call_id: "x".to_owned(),
        cseq: 1,
        from: "<sip:anne@north.test>".to_owned(),
        headers: String::new(),
        body: Bytes::from_static(body.as_bytes()),
        stored_ms: 0,
        copy: false,
        held: false,
    }
}

#[test]
fn inboxes_that_are_wrong() {
    let mut world = run();
    world.store.inbox.push((stored(1, "dora", "hello"), true));
    inboxes(&mut world);
    assert!(world.faults.is_empty(), "dora has had it: {:?}", world.faults);

    world.store.inbox.push((stored(2, "dora", "hello"), true));
    world.store.inbox.push((stored(3, "dora", "never"), true));
    world.store.inbox.push((stored(4, "anne", "still"), false));
    world.at(700.0, "anne", Do::Register);
    world.run(701.0);
    inboxes(&mut world);
    let faults = world.faults.join("\n");
    finds(&faults, "dora@north.test has a page \"hello\" twice");
    finds(&faults, "\"never\" is marked as delivered, and dora@north.test never had it");
    finds(&faults, "\"still\" of anne@north.test still waits, and anne is registered");
}

#[test]
fn a_page_that_is_promised_before_it_is_stored() {
    let mut world = run();
    let place = find(&world, "server", "anne", "SIP/2.0 200 OK");
    let place = place + find_from(&world, place, "MESSAGE");
    edit(&mut world, place, "SIP/2.0 200", "SIP/2.0 202");
    let bytes = world.wire[place].bytes.clone();
    let fault = crate::sim::check::promise(&world, 0, &bytes).unwrap_or_default();
    finds(&fault, "202 to a page \"hello\" that no store holds yet");
    world.store.inbox.push((stored(1, "dora", "hello"), false));
    assert_eq!(crate::sim::check::promise(&world, 0, &bytes), None);
}

/// How far behind `start` the server answers a request of that method.
fn find_from(world: &World, start: usize, method: &str) -> usize {
    let answer = |line: &Line| {
        let text = String::from_utf8_lossy(&line.bytes);
        matches!(line.from, Who::Server(_))
            && text.starts_with("SIP/2.0 2")
            && text.contains(&format!(" {method}\r\n"))
    };
    world.wire[start..].iter().position(answer).unwrap()
}

#[test]
fn a_binding_that_is_promised_and_not_stored() {
    let world = run();
    let contact = world.store.bindings(&uid("dora"))[0].contact.clone();
    let text = |contact: &str, seconds: u32| {
        Bytes::from(format!(
            "SIP/2.0 200 OK\r\nTo: <sip:dora@north.test>\r\nCSeq: 1 REGISTER\r\n\
             Contact: <{contact}>;expires={seconds}\r\n\r\n"
        ))
    };
    let promise = |bytes: Bytes| crate::sim::check::promise(&world, 0, &bytes);
    assert_eq!(promise(text(&contact, 60)), None);
    finds(&promise(text("sip:nobody@198.51.100.9", 60)).unwrap_or_default(), "promises sip:nobody");
    finds(&promise(text(&contact, 1_000_000)).unwrap_or_default(), "for 1000000 s");
}

#[test]
fn what_leaks() {
    let faults = after(|world| {
        let place = find(world, "server", "carl/hand", "INVITE");
        edit(world, place, "Max-Forwards:", "X-Mark: zq1q5\r\nMax-Forwards:");
        let place = find(world, "server", "carl/lap", "INVITE");
        edit(world, place, "Max-Forwards:", "X-Host: 198.51.100.1\r\nMax-Forwards:");
        let place = find(world, "server", "carl/desk", "INVITE");
        edit(world, place, "Max-Forwards:", "X-Word: dora-secret\r\nMax-Forwards:");
    });
    finds(&faults, "carl/hand: carries the mark of another phone, zq1q");
    finds(&faults, "carl/lap: carries the address of another phone, 198.51.100.1");
    finds(&faults, "carl/desk: carries the password of dora");
}

#[test]
fn another_clusters_address() {
    let mut world = World::new().with_south();
    world.phone("anne");
    world.phone("carl").on_call(&[(0.0, Reply::Status(486))]);
    world.at(0.0, "anne", call("carl"));
    world.finish();
    world.assert_sound("");
    let place = find(&world, "north", "carl", "INVITE");
    edit(&mut world, place, "Max-Forwards:", "X-Host: 203.0.113.1\r\nMax-Forwards:");
    finds(&check(&world).join("\n"), "carries the address of south.test");
}

#[test]
fn a_message_that_is_malformed() {
    let faults = after(|world| {
        let place = find(world, "server", "carl/hand", "INVITE");
        let head = "Max-Forwards: ";
        edit(world, place, head, "Max-Forwards: 1");
        let place = find(world, "server", "carl/desk", "INVITE");
        edit(world, place, "Contact: <sip:anne@192.0.2.1:5060>", "Contact: <sip:anne@192.0.2.9:5060>");
        let place = find(world, "server", "anne", "SIP/2.0 180");
        edit(world, place, "Call-ID:", "X-Call:");
    });
    finds(&faults, "Max-Forwards 1");
    finds(&faults, "is not ours");
    finds(&faults, "no Call-ID");
}

#[test]
fn a_half_that_is_not_on_record() {
    finds(&after(|world| drop(world.store.calls.pop())), "ended 1 times, on record 0 times");
}

#[test]
fn a_lost_call_that_is_remembered() {
    let mut world = World::new().with_south();
    world.phone("anne@south.test").labels = true;
    world.phone("carl@south.test").on_call(&answers(1.0));
    world.at(0.0, "anne@south.test", call("carl"));
    world.kill_at(3.0, SOUTH.0);
    world.start_at(4.0, SOUTH.0);
    world.at(6.0, "carl@south.test", Do::Hangup);
    world.finish();
    world.assert_sound("");
    let place = find(&world, "south", "carl@south.test", "SIP/2.0 481");
    edit(&mut world, place, "SIP/2.0 481", "SIP/2.0 200");
    finds(&check(&world).join("\n"), "to a request of a lost call");
}
