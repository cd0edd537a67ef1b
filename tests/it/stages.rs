//! A tree that goes on: stages one after the other, what rings on from one to the next, and time.

use ratatosk::call::{draw, rungs};
use ratatosk::effect::fact::CallRecord;

use crate::sim::{Do, Reply, World, answers, call, refuses};

/// A profile whose incoming tree is one line.
fn line(line: &str) -> String {
    format!("profile \"p\" {{\n incoming {{\n otherwise -> {line}\n }}\n}}\n")
}

/// anne calls carl, who has two phones and that line; dora and eric have a phone each.
fn world(tree: &str) -> World {
    let mut world = World::new();
    world.phone("anne");
    world.phone("carl/desk").on_call(&rings());
    world.phone("carl/hand").on_call(&rings());
    world.phone("dora").on_call(&rings());
    world.phone("eric").on_call(&rings());
    world.tree("carl", &line(tree));
    world.at(0.0, "anne", call("carl"));
    world
}

fn rings() -> [(f64, Reply); 1] {
    [(0.0, Reply::Status(180))]
}

/// The record of a half.
fn record<'a>(world: &'a World, owner: &str) -> &'a CallRecord {
    let of = |record: &&CallRecord| record.direction == "incoming" && record.owner.user() == owner;
    world.store.calls.iter().rfind(of).unwrap()
}

/// The phones that the next stage names again get no second INVITE and no CANCEL; the one who joins
/// gets his; the time of the new stage counts anew.
#[test]
fn a_client_rings_on_over_two_stages() {
    let mut world = world("try clients for 5s else clients, user dora@north.test for 10s");
    world.phone_named("carl/hand").on_call(&answers(12.0));
    world.at(20.0, "anne", Do::Hangup);
    world.golden("stages/a_client_rings_on_over_two_stages");
    assert_eq!(world.calls_to("carl/desk").count(), 1);
}

/// And at the end of the second stage all of them stop.
#[test]
fn a_client_rings_on_and_the_second_stage_ends() {
    let mut world = world("try clients for 5s else clients, user dora@north.test for 10s");
    world.golden("stages/a_client_rings_on_and_the_second_stage_ends");
}

/// Another user's phones ring on as well, through his half; the clients that are not named stop.
#[test]
fn another_user_rings_on() {
    let mut world = world("try clients, user dora@north.test for 5s else user dora@north.test for 5s");
    world.golden("stages/another_user_rings_on");
    assert_eq!(world.calls_to("dora").count(), 1);
}

/// A `forward` to a user who rings already goes on with it.
#[test]
fn a_forward_takes_over_what_rings() {
    let mut world = world("try user dora@north.test for 5s else forward dora@north.test");
    world.phone_named("dora").on_call(&answers(9.0));
    world.at(12.0, "dora", Do::Hangup);
    world.golden("stages/a_forward_takes_over_what_rings");
}

/// A phone that has refused is rung again by a later stage that names it, one that rings is not.
#[test]
fn who_has_refused_is_asked_again() {
    let mut world = world("try clients for 5s else clients for 5s");
    world.phone_named("carl/hand").on_call(&refuses(1.0, 480));
    world.golden("stages/who_has_refused_is_asked_again");
    assert_eq!(world.calls_to("carl/desk").count(), 1);
    assert_eq!(world.calls_to("carl/hand").count(), 2);
}

/// A target that begins later, counted from the beginning of its stage.
#[test]
fn a_second_target_joins_later() {
    let mut world =
        world("try clients, user dora@north.test after 4s, user eric@north.test after 6s for 10s");
    world.phone_named("eric").on_call(&answers(2.0));
    world.at(12.0, "eric", Do::Hangup);
    world.golden("stages/a_second_target_joins_later");
}

/// When nothing rings any more there is nobody to wait for: the next target begins at once, and the
/// one after it at its own time.
#[test]
fn a_second_target_joins_at_once_when_the_first_refuses() {
    let mut world =
        world("try clients, user dora@north.test after 10s, user eric@north.test after 12s for 20s");
    world.phone_named("carl/desk").on_call(&refuses(1.0, 486));
    world.phone_named("carl/hand").on_call(&refuses(2.0, 486));
    world.golden("stages/a_second_target_joins_at_once_when_the_first_refuses");
}

/// Nobody is registered: the later target does not wait for nothing.
#[test]
fn a_second_target_joins_at_once_when_there_is_no_first() {
    let mut world = World::new();
    world.phone("anne");
    world.phone("carl/desk").offline();
    world.phone("dora").on_call(&answers(1.0));
    world.tree("carl", &line("try clients, user dora@north.test after 10s"));
    world.at(0.0, "anne", call("carl"));
    world.at(3.0, "anne", Do::Hangup);
    world.golden("stages/a_second_target_joins_at_once_when_there_is_no_first");
}

/// A decline speaks for the user: what has not begun does not begin.
#[test]
fn a_decline_ends_what_has_not_begun() {
    let mut world = world("try clients, user dora@north.test after 3s");
    world.phone_named("carl/desk").on_call(&refuses(1.0, 603));
    world.golden("stages/a_decline_ends_what_has_not_begun");
}

/// The caller gives up before a later target has begun: it never does.
#[test]
fn a_cancel_before_a_later_target_has_begun() {
    let mut world = world("try clients, user dora@north.test after 3s for 20s");
    world.at(2.0, "anne", Do::Hangup);
    world.golden("stages/a_cancel_before_a_later_target_has_begun");
}

/// Serial search: each outcome has its own way.
#[test]
fn every_outcome_leads_on() {
    let tree = "try clients for 5s {
        busy -> try user dora@north.test for 5s {
            no-answer -> try user eric@north.test
            otherwise -> busy
        }
        otherwise -> decline
    }";
    let mut world = world(tree);
    world.phone_named("carl/desk").on_call(&refuses(1.0, 486));
    world.phone_named("carl/hand").on_call(&refuses(1.0, 486));
    world.phone_named("eric").on_call(&answers(1.0));
    world.at(15.0, "anne", Do::Hangup);
    world.golden("stages/every_outcome_leads_on");
}

/// The answer comes in the moment in which the time of its stage is over. Time is first: the phone
/// is told to stop, its answer crosses that, and it gets ACK and BYE.
#[test]
fn a_timer_and_an_answer_at_the_same_instant() {
    let mut world = world("try clients for 5s else user dora@north.test for 5s");
    world.phone_named("carl/desk").on_call(&answers(4.999));
    world.phone_named("dora").on_call(&answers(1.0));
    world.at(10.0, "anne", Do::Hangup);
    world.golden("stages/a_timer_and_an_answer_at_the_same_instant");
}

/// The same, but the next stage names the phone again: it has rung on, and its answer counts.
#[test]
fn a_timer_and_an_answer_of_one_who_rings_on() {
    let mut world = world("try clients for 5s else clients, user dora@north.test for 5s");
    world.phone_named("carl/desk").on_call(&answers(4.999));
    world.at(10.0, "anne", Do::Hangup);
    world.golden("stages/a_timer_and_an_answer_of_one_who_rings_on");
}

/// One declines as the time of the stage is over: the time is first, and the tree goes on.
#[test]
fn a_timer_and_a_decline_at_the_same_instant() {
    let mut world = world("try clients for 5s {\n no-answer -> user dora@north.test\n otherwise -> busy\n }");
    world.phone_named("carl/desk").on_call(&refuses(4.999, 603));
    world.phone_named("dora").on_call(&answers(1.0));
    world.at(10.0, "anne", Do::Hangup);
    world.golden("stages/a_timer_and_a_decline_at_the_same_instant");
}

/// A phone on a lost connection is out of the fork at once, and the other rings on.
#[test]
fn a_connection_is_lost_while_it_rings() {
    let mut world = World::new();
    world.phone("anne");
    world.phone("carl/desk").tcp().on_call(&rings());
    world.phone("carl/hand").on_call(&answers(4.0));
    world.at(0.0, "anne", call("carl"));
    world.at(2.0, "carl/desk", Do::Disconnect);
    world.at(6.0, "anne", Do::Hangup);
    world.golden("stages/a_connection_is_lost_while_it_rings");
}

/// A 302 into a fork: the phones of the other user ring beside the one that is left.
#[test]
fn a_redirect_into_a_fork() {
    let mut world = World::new();
    world.phone("anne");
    world.phone("carl/desk").on_call(&[(1.0, Reply::MovedTo("dora".to_owned()))]);
    world.phone("carl/hand").on_call(&rings());
    world.phone("dora/desk").on_call(&answers(2.0));
    world.phone("dora/lap").on_call(&rings());
    world.at(0.0, "anne", call("carl"));
    world.at(6.0, "anne", Do::Hangup);
    world.golden("stages/a_redirect_into_a_fork");
}

/// Both phones of a user send to the same other one: he is called once.
#[test]
fn two_redirects_to_one_user() {
    let mut world = World::new();
    world.phone("anne");
    world.phone("carl/desk").on_call(&[(0.5, Reply::MovedTo("dora".to_owned()))]);
    world.phone("carl/hand").on_call(&[(1.0, Reply::MovedTo("dora".to_owned()))]);
    world.phone("dora").on_call(&refuses(2.0, 486));
    world.at(0.0, "anne", call("carl"));
    world.golden("stages/two_redirects_to_one_user");
    assert_eq!(world.calls_to("dora").count(), 1);
}

/// What was said and heard is in the record of each half, by names that its owner knows.
#[test]
fn a_record_has_its_ladder() {
    let mut world = world("try clients for 5s else user dora@north.test");
    world.phone_named("dora").on_call(&answers(2.0));
    world.at(9.0, "anne", Do::Hangup);
    let ladder = world.finish();
    world.assert_sound(&ladder);
    let drawn = |owner: &str| draw(&rungs(&record(&world, owner).ladder)).join("\n") + "\n";
    crate::sim::ladder::golden(&drawn("carl"), "stages/the_ladder_of_carls_half");
    crate::sim::ladder::golden(&drawn("dora"), "stages/the_ladder_of_doras_half");
    let all: String = world.store.calls.iter().map(|record| record.ladder.as_str()).collect();
    assert!(!all.contains("198.51.100") && !all.contains("sip:"), "{all}");
}

/// So is a live call told of.
#[test]
fn a_live_call_has_its_ladder() {
    let mut world = world("try clients for 20s");
    world.run(3.0);
    let live = world.live();
    let carls = live.iter().find(|call| call.owner == "carl@north.test").unwrap();
    assert_eq!((carls.state.as_str(), carls.answered_ms), ("ringing", None));
    let heard = rungs(&carls.ladder).iter().filter(|rung| rung.what == "180" && rung.to == "server").count();
    assert_eq!(heard, 2, "{}", carls.ladder);
    assert!(carls.path.contains("try clients"), "{}", carls.path);
}
