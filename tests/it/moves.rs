//! A call that rings moves from one user server to another, and goes on there as it would have.

use ratatosk::base::ServerIndex;
use ratatosk::effect::Fact;
use ratatosk::effect::admin::AdminRequest;
use ratatosk::effect::fact::CallRecord;

use crate::sim::world::uid;
use crate::sim::{Do, Reply, World, answers, call, refuses};

/// Two stages, a target that joins later, and an end that nobody sees by chance.
const TREE: &str = "profile \"p\" {\n incoming {\n otherwise -> try clients, user dora@north.test after 12s for 20s {\n \
                    busy -> busy\n otherwise -> try user eric@north.test for 10s else decline\n }\n }\n}\n";

/// anne calls carl, who has two phones and that tree.
fn world() -> World {
    let mut world = World::new();
    let rings = [(0.0, Reply::Status(180))];
    for phone in ["anne", "carl/desk", "carl/hand", "dora", "eric"] {
        world.phone(phone).on_call(&rings);
    }
    world.tree("carl", TREE);
    world.at(0.0, "anne", call("carl"));
    world
}

/// Has the other user server go on with the callee's half.
fn move_call(world: &mut World) {
    let routed = world.facts.iter().find_map(|fact| match fact {
        Fact::CallRouted { id, owner, .. } if owner.user() == "carl" => Some(id.clone()),
        _ => None,
    });
    let here = uid("carl").slot().owner(world.settings().servers);
    let there = ServerIndex(1 - here.0);
    world.operator(&AdminRequest::HandOver { call: routed.unwrap(), owner: uid("carl"), to: there });
}

fn record(world: &World) -> &CallRecord {
    let of = |record: &&CallRecord| record.direction == "incoming" && record.owner.user() == "carl";
    let records: Vec<_> = world.store.calls.iter().filter(of).collect();
    assert_eq!(records.len(), 1, "one half, one record: {records:#?}");
    world.store.calls.iter().rfind(of).unwrap()
}

/// In the middle of the first stage: its phones ring on, the later target joins at its time, the stage ends
/// at its time, and the next one begins.
#[test]
fn it_goes_on_to_the_next_stage() {
    let mut world = world();
    world.run(8.0);
    move_call(&mut world);
    world.run(60.0);
    world.golden("moves/it_goes_on_to_the_next_stage");
    let record = record(&world);
    assert_eq!((record.status, record.end), (603, "refused"));
    assert!(record.path.contains("came back: no-answer"), "{}", record.path);
}

/// What would have happened without a move is what happens: the same status, the same path, the same question on
/// record. Who rings at that moment, a phone or another user, is asked anew, and nobody else is.
#[test]
fn it_ends_as_it_would_have() {
    let both: &[&str] = &["carl/desk", "carl/hand"];
    let with_dora: &[&str] = &["carl/desk", "carl/hand", "dora"];
    let table: &[(Option<f64>, f64, &[&str])] = &[
        (None, 3.0, both),
        (None, 15.0, with_dora),
        (None, 25.0, &["eric"]),
        (Some(2.0), 8.0, both),
        (Some(2.0), 21.0, &["eric"]),
    ];
    for (answer, at, asked) in table {
        let run = |moves: bool| {
            let mut world = world();
            if let Some(seconds) = answer {
                world.phone_named("eric").on_call(&answers(*seconds));
                world.at(30.0, "eric", Do::Hangup);
            }
            world.run(*at);
            if moves {
                move_call(&mut world);
            }
            world.run(60.0);
            let ladder = world.finish();
            world.assert_sound(&ladder);
            for phone in ["carl/desk", "carl/hand", "dora", "eric"] {
                let times = 1 + usize::from(moves && asked.contains(&phone));
                assert_eq!(world.calls_to(phone).count(), times, "{phone}, moved at {at}: {ladder}");
            }
            let record = record(&world);
            (record.status, record.end, record.path.clone(), record.question.clone(), record.started_ms)
        };
        assert_eq!(run(true), run(false), "moved at {at}");
    }
}

/// Another user's routing rings: his half stays where it is. It is told to stop, is asked again from the new
/// server of the half that asks, and is answered.
#[test]
fn another_user_is_asked_again() {
    let mut world = world();
    world.phone_named("eric").on_call(&answers(4.0));
    world.at(40.0, "eric", Do::Hangup);
    world.run(22.0);
    move_call(&mut world);
    world.run(60.0);
    world.golden("moves/another_user_is_asked_again");
    let record = record(&world);
    assert_eq!((record.status, record.answered_ms.is_some()), (200, true), "{}", record.path);
}

/// Who has refused before the move is not asked again, and his refusal counts.
#[test]
fn who_has_refused_is_not_asked_again() {
    let mut world = world();
    world.phone_named("carl/desk").on_call(&refuses(1.0, 486));
    world.run(5.0);
    move_call(&mut world);
    world.run(60.0);
    let ladder = world.finish();
    world.assert_sound(&ladder);
    assert_eq!(world.calls_to("carl/desk").count(), 1, "{ladder}");
    assert_eq!(world.calls_to("carl/hand").count(), 2, "{ladder}");
    assert_eq!(record(&world).status, 486, "busy at the end of the stage");
}

/// The caller gives up afterwards: whoever rings is told, wherever.
#[test]
fn the_caller_gives_up_after_the_move() {
    let mut world = world();
    world.at(14.0, "anne", Do::Hangup);
    world.run(8.0);
    move_call(&mut world);
    world.run(30.0);
    world.golden("moves/the_caller_gives_up_after_the_move");
    assert_eq!(record(&world).end, "the caller gave up");
}

/// A phone answers in its new server, and the two speak until one hangs up.
#[test]
fn it_is_answered_after_the_move() {
    let mut world = world();
    world.phone_named("carl/hand").on_call(&answers(4.0));
    world.run(2.0);
    move_call(&mut world);
    world.at(20.0, "anne", Do::Hangup);
    let ladder = world.finish();
    world.assert_sound(&ladder);
    let record = record(&world);
    assert_eq!((record.status, record.answered_ms.is_some()), (200, true), "{ladder}");
}

/// One that is answered, or over, stays where it is.
#[test]
fn what_does_not_ring_stays() {
    let mut world = world();
    world.phone_named("carl/hand").on_call(&answers(1.0));
    world.run(5.0);
    move_call(&mut world);
    world.at(10.0, "anne", Do::Hangup);
    let ladder = world.finish();
    world.assert_sound(&ladder);
    assert_eq!(world.calls_to("carl/hand").count(), 1, "{ladder}");
    assert_eq!(record(&world).status, 200);
}
