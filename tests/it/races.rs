//! Two phones of one user, and everything that they may do at the same time: a table of pairs, with
//! what the caller hears and what each phone is told.

use crate::sim::{Do, Reply, World, answers, call, refuses};

/// When the caller gives up, or hangs up.
const END: f64 = 20.0;

/// A phone: what it does, and whether its 200 crosses a CANCEL.
struct Plays(Vec<(f64, Reply)>, bool);

fn plays(steps: &[(f64, Reply)]) -> Plays {
    Plays(steps.to_vec(), false)
}

fn rings() -> Plays {
    plays(&[(0.0, Reply::Status(180))])
}

fn crosses() -> Plays {
    Plays(vec![(0.0, Reply::Status(180))], true)
}

fn says(status: u16) -> Plays {
    plays(&[(0.0, Reply::Status(status))])
}

/// Early media at once, then an answer.
fn sings(after: f64) -> Plays {
    plays(&[(0.0, Reply::Early), (after, Reply::Answer)])
}

fn moves() -> Plays {
    plays(&[(0.0, Reply::Status(180)), (1.0, Reply::MovedTo("dora".to_owned()))])
}

/// A row: the desk, the hand, what the caller hears, what the desk is told, what the hand is told.
type Row = (&'static str, Plays, Plays, &'static str, &'static str, &'static str);

fn table() -> Vec<Row> {
    const WINS: &str = "INVITE ACK BYE";
    const STOPS: &str = "INVITE CANCEL+ ACK";
    const CROSSES: &str = "INVITE CANCEL+ ACK BYE+";
    const GIVEN_UP: &str = "INVITE CANCEL ACK";
    const SAID_NO: &str = "INVITE ACK";
    let a = |after| plays(&answers(after));
    let r = |after, status| plays(&refuses(after, status));
    vec![
        ("one answers, one rings", a(2.0), rings(), "180 200", WINS, STOPS),
        ("both answer, one first", a(2.0), a(2.5), "180 200", WINS, STOPS),
        ("both answer at once", a(2.0), a(2.0), "180 200", WINS, CROSSES),
        ("an answer crosses the CANCEL", a(2.0), crosses(), "180 200", WINS, CROSSES),
        (
            "both cross the caller's CANCEL",
            crosses(),
            crosses(),
            "180 487",
            "INVITE CANCEL ACK BYE",
            "INVITE CANCEL ACK BYE",
        ),
        ("both ring on", rings(), rings(), "180 487", GIVEN_UP, GIVEN_UP),
        ("answer and busy at once", a(2.0), r(2.0, 486), "180 200", WINS, STOPS),
        ("busy, then an answer", r(1.0, 486), a(2.0), "180 200", SAID_NO, WINS),
        ("answer and decline at once", a(2.0), r(2.0, 603), "180 200", WINS, "INVITE CANCEL+ ACK"),
        ("decline and answer at once", r(2.0, 603), a(2.0), "180 603", SAID_NO, "INVITE CANCEL ACK BYE"),
        ("decline, and one rings", r(1.0, 603), rings(), "180 603", SAID_NO, GIVEN_UP),
        ("busy everywhere, and one rings", r(1.0, 600), rings(), "180 600", SAID_NO, GIVEN_UP),
        ("both busy", r(1.0, 486), r(2.0, 486), "180 486", SAID_NO, SAID_NO),
        ("busy and not found", r(1.0, 404), r(2.0, 486), "180 486", SAID_NO, SAID_NO),
        ("a broken phone and one that is away", r(1.0, 500), r(2.0, 480), "180 480", SAID_NO, SAID_NO),
        ("two broken phones", r(1.0, 500), r(2.0, 502), "180 500", SAID_NO, SAID_NO),
        ("no codec in common, and one is away", says(488), says(480), "488", SAID_NO, SAID_NO),
        ("a phone that overloads is not the user", says(503), says(503), "480", SAID_NO, SAID_NO),
        ("a phone asks who calls", says(401), says(480), "480", SAID_NO, SAID_NO),
        ("busy, and one rings until the caller gives up", r(1.0, 486), rings(), "180 487", SAID_NO, GIVEN_UP),
        ("early media, and the other answers", sings(9.0), a(2.0), "183 180 200", STOPS, WINS),
        ("early media of both", sings(2.0), sings(9.0), "183 183 200", WINS, STOPS),
        (
            "forwarded by one",
            plays(&[(0.0, Reply::Status(181)), (2.0, Reply::Answer)]),
            rings(),
            "181 180 200",
            WINS,
            STOPS,
        ),
        ("silence and an answer", plays(&[]), a(2.0), "180 200", STOPS, WINS),
        ("moved, and one rings", moves(), rings(), "180 487", SAID_NO, GIVEN_UP),
        ("moved, and one answers", moves(), a(3.0), "180 200", SAID_NO, WINS),
        ("moved, and one is busy", moves(), r(2.0, 486), "180 486", SAID_NO, SAID_NO),
    ]
}

/// The requests that a phone was sent; `+` where the Reason says that another has taken the call.
fn told(world: &World, phone: &str) -> String {
    let one = |packet: crate::sim::text::Packet<'_>| {
        let elsewhere = packet.get("Reason").is_some_and(|reason| reason.contains("cause=200"));
        packet.method().map(|method| format!("{method}{}", if elsewhere { "+" } else { "" }))
    };
    world.sent_to(phone).filter_map(one).collect::<Vec<_>>().join(" ")
}

fn heard(world: &World) -> String {
    let statuses = world.answers_to("anne").map(|one| one.status().unwrap().to_string());
    statuses.collect::<Vec<_>>().join(" ")
}

#[test]
fn every_pair_has_one_outcome() {
    let mut wrong = Vec::new();
    for (name, desk, hand, hears, desk_told, hand_told) in table() {
        let mut world = World::new();
        world.phone("anne");
        for (phone, Plays(steps, crosses)) in [("carl/desk", desk), ("carl/hand", hand)] {
            world.phone(phone).on_call(&steps).crosses_cancel = crosses;
        }
        world.phone("dora").on_call(&refuses(0.5, 486));
        world.at(0.0, "anne", call("carl"));
        world.at(END, "anne", Do::Hangup);
        let ladder = world.finish();
        world.assert_sound(&format!("{name}\n{ladder}"));
        let is = (heard(&world), told(&world, "carl/desk"), told(&world, "carl/hand"));
        let should = (hears.to_owned(), desk_told.to_owned(), hand_told.to_owned());
        if is != should {
            wrong.push(format!("{name}\n  is        {is:?}\n  should be {should:?}\n{ladder}"));
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}
