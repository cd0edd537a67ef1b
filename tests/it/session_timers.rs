//! Session timers (RFC 4028): each leg agrees with its own phone on who refreshes and how often, and a
//! call that nobody refreshes is over.

use crate::sim::{Do, World, answers, call};

/// Anne calls Carl and they talk for so long; the cluster wishes for sessions of two minutes.
fn talking(seconds: f64) -> World {
    let mut world = World::new();
    world.configure("north.test", |settings| settings.limits.session_s = 120);
    world.phone("anne").timer = false;
    let carl = world.phone("carl").on_call(&answers(1.0));
    carl.timer = false;
    world.at(0.0, "anne", call("carl"));
    world.at(seconds, "anne", Do::Hangup);
    world.show_timers = true;
    world
}

fn golden(world: &mut World, name: &str) {
    world.golden(&format!("session_timers/{name}"));
}

/// She asks for two and a half minutes; the cluster has it shorter, and she refreshes.
#[test]
fn the_caller_refreshes() {
    let mut world = talking(100.0);
    let anne = world.phone_named("anne");
    (anne.timer, anne.session, anne.updates) = (true, Some(150), true);
    golden(&mut world, "the_caller_refreshes");
}

#[test]
fn the_caller_refreshes_by_reinvite() {
    let mut world = talking(100.0);
    let anne = world.phone_named("anne");
    (anne.timer, anne.session) = (true, Some(120));
    golden(&mut world, "the_caller_refreshes_by_reinvite");
}

/// She knows the extension and asks for nothing: the cluster does.
#[test]
fn the_cluster_asks_for_a_timer() {
    let mut world = talking(10.0);
    world.phone_named("anne").timer = true;
    golden(&mut world, "the_cluster_asks_for_a_timer");
}

#[test]
fn the_callee_refreshes() {
    let mut world = talking(100.0);
    let carl = world.phone_named("carl");
    (carl.timer, carl.updates) = (true, true);
    golden(&mut world, "the_callee_refreshes");
}

#[test]
fn the_server_refreshes_by_update() {
    let mut world = talking(100.0);
    let carl = world.phone_named("carl");
    (carl.timer, carl.lazy, carl.updates) = (true, true, true);
    golden(&mut world, "the_server_refreshes_by_update");
}

/// Without UPDATE the phone is told once more what it knows, and Anne hears nothing of it.
#[test]
fn the_server_refreshes_by_reinvite() {
    let mut world = talking(100.0);
    let carl = world.phone_named("carl");
    (carl.timer, carl.lazy) = (true, true);
    golden(&mut world, "the_server_refreshes_by_reinvite");
}

/// The server's refresh and Carl's hold cross: he is told 491, and his hold comes through later.
#[test]
fn a_refresh_crosses_a_reinvite() {
    let mut world = talking(100.0);
    let carl = world.phone_named("carl");
    (carl.timer, carl.lazy) = (true, true);
    world.net.delay_ms = (20, 20);
    world.at(61.05, "carl", Do::Hold);
    golden(&mut world, "a_refresh_crosses_a_reinvite");
}

/// Who was to refresh and does not is hung up on, and so is the other.
#[test]
fn a_session_is_not_refreshed() {
    let mut world = talking(200.0);
    let carl = world.phone_named("carl");
    (carl.timer, carl.dead_clock) = (true, true);
    golden(&mut world, "a_session_is_not_refreshed");
}

/// The phone that the server refreshes is gone: the call is over when its UPDATE is not answered.
#[test]
fn a_refreshed_phone_is_gone() {
    let mut world = talking(200.0);
    let carl = world.phone_named("carl");
    (carl.timer, carl.lazy, carl.updates) = (true, true, true);
    world.at(10.0, "carl", Do::Vanish);
    golden(&mut world, "a_refreshed_phone_is_gone");
}

/// A session that would have to be refreshed every half minute is refused, in a call too.
#[test]
fn a_session_is_too_brief() {
    let mut world = talking(10.0);
    let anne = world.phone_named("anne");
    (anne.timer, anne.session) = (true, Some(60));
    golden(&mut world, "a_session_is_too_brief");
    let mut world = talking(10.0);
    world.phone_named("anne").timer = true;
    world.at(4.0, "anne", Do::Hold.with("Session-Expires", "30;refresher=uac"));
    golden(&mut world, "a_session_is_too_brief_in_a_call");
}

/// A phone wants longer ones than the cluster asks for: it is asked again (RFC 4028 §7.3).
#[test]
fn a_phone_finds_the_session_too_brief() {
    for tcp in [false, true] {
        let mut world = talking(10.0);
        let carl = world.phone_named("carl");
        (carl.timer, carl.min_se) = (true, 600);
        if tcp {
            carl.tcp();
        }
        let suffix = if tcp { "_by_tcp" } else { "" };
        golden(&mut world, &format!("a_phone_finds_the_session_too_brief{suffix}"));
    }
}

/// One that is never content is refused like any other that has failed.
#[test]
fn a_phone_finds_every_session_too_brief() {
    let mut world = talking(10.0);
    world.phone_named("carl").on_call = vec![(0.0, crate::sim::Reply::Status(422))];
    golden(&mut world, "a_phone_finds_every_session_too_brief");
}

/// An operator who wants no timers of the cluster's own.
#[test]
fn no_timer_unless_a_phone_asks() {
    let mut world = talking(10.0);
    world.configure("north.test", |settings| settings.limits.session_s = 0);
    let anne = world.phone_named("anne");
    (anne.timer, anne.session) = (true, Some(1800));
    world.phone_named("carl").timer = true;
    golden(&mut world, "no_timer_unless_a_phone_asks");
}
