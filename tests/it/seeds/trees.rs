//! Trees that users of random worlds have: stages of every kind, that end in every way.

use ratatosk::base::Rng;
use ratatosk::routing::Profile;

use super::play::pick;

/// Draws a profile. `users` are the UIDs that it may name.
pub(super) fn draw(dice: &mut Rng, users: &[String]) -> String {
    loop {
        let mut rules = String::new();
        for _ in 0..dice.below(3) {
            let condition = condition(dice, users);
            rules = format!("{rules}  {condition} -> {}\n", line(dice, users, 2));
        }
        let last = line(dice, users, 2);
        let source = format!("profile \"drawn\" {{\n incoming {{\n{rules}  otherwise -> {last}\n }}\n}}\n");
        // What can never be reached is refused; then there is another.
        if Profile::compile(&source).is_ok() {
            return source;
        }
    }
}

fn condition(dice: &mut Rng, users: &[String]) -> String {
    match dice.below(5) {
        0 => "registered".to_owned(),
        1 => "mode page".to_owned(),
        2 => "not registered".to_owned(),
        _ => format!("caller {}", one(dice, users)),
    }
}

/// A line of actions.
fn line(dice: &mut Rng, users: &[String], depth: u32) -> String {
    match dice.below(12) {
        0 => "decline".to_owned(),
        1 => "busy".to_owned(),
        2 => "ignore".to_owned(),
        3 => "refuse \"not now\"".to_owned(),
        4 | 5 => format!("forward {}", one(dice, users)),
        _ => stage(dice, users, depth),
    }
}

fn stage(dice: &mut Rng, users: &[String], depth: u32) -> String {
    let mut targets = vec![target(dice, users, 0)];
    for _ in 0..dice.below(3) {
        let after = dice.below(5);
        targets.push(target(dice, users, after));
    }
    let mut text = format!("try {}", targets.join(", "));
    if dice.below(4) > 0 {
        text = format!("{text} for {}s", 1 + dice.below(12));
    }
    if depth == 0 {
        return text;
    }
    match dice.below(4) {
        0 => text,
        1 => {
            let outcomes = ["busy", "declined", "no-answer", "unreachable", "busy or no-answer"];
            let outcome = outcomes[pick(dice, outcomes.len())];
            let (first, second) = (line(dice, users, depth - 1), line(dice, users, depth - 1));
            format!("{text} {{\n   {outcome} -> {first}\n   otherwise -> {second}\n  }}")
        }
        _ => format!("{text} else {}", line(dice, users, depth - 1)),
    }
}

fn target(dice: &mut Rng, users: &[String], after: u64) -> String {
    let target = if dice.below(3) > 0 { "clients".to_owned() } else { format!("user {}", one(dice, users)) };
    if after > 0 { format!("{target} after {after}s") } else { target }
}

fn one<'a>(dice: &mut Rng, users: &'a [String]) -> &'a str {
    &users[pick(dice, users.len())]
}
