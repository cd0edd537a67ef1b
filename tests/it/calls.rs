//! Calls from end to end, each with its ladder.

use crate::sim::{Do, Reply, World};

fn call(to: &str) -> Do {
    Do::Call(to.to_owned())
}

/// Rings at once, answers after two seconds.
fn answers() -> [(f64, Reply); 2] {
    [(0.0, Reply::Status(180)), (2.0, Reply::Answer)]
}

#[test]
fn the_caller_hangs_up() {
    let mut world = World::new();
    world.phone("anne");
    world.phone("carl").on_call(&answers());
    world.at(0.0, "anne", call("carl"));
    world.at(10.0, "anne", Do::Hangup);
    world.expect(
        "  0.000  anne   -> server  INVITE carl           offer
           0.001  server -> anne    100
           0.001  server -> carl    INVITE                offer",
    );
}
