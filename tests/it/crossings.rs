//! The table of races: every pair of messages of one call that can cross does cross, in the server and
//! on the wire, and each is a golden ladder. `docs/races.md` is made from it; an empty cell is a failure.

use std::fmt::Write as _;
use std::fs;
use std::path::Path;

use crate::sim::text::Packet;
use crate::sim::world::Who;
use crate::sim::{Do, Reply, World, call, ladder};

/// When the two meet.
const WHEN: f64 = 3.0;
const FILE: &str = "docs/races.md";
const HEAD: &str = "# What happens when two messages cross

Every pair of messages of one call that can cross does so in a test, twice: they reach the server at the same instant, and one
meets on the wire what became of the other. A cell says what each of the two was answered, and links the whole ladder. A test
makes this page, and fails where a cell is empty; `UPDATE_GOLDEN=1 cargo test crossings` writes it anew.

";

/// What one side does, and how a table calls it.
struct Act {
    name: &'static str,
    title: &'static str,
    what: What,
}

#[derive(Clone)]
enum What {
    /// A user does that.
    Does(Do),
    /// The callee's phone says that.
    Says(Reply),
    /// The caller's phone confirms a response that comes at that moment.
    Pracks,
    /// The time of the callee's tree is over.
    Time,
}

fn act(name: &'static str, title: &'static str, what: What) -> Act {
    Act { name, title, what }
}

/// What either side may do in a call.
fn in_a_call() -> Vec<Act> {
    vec![
        act("reinvite", "re-INVITE", What::Does(Do::Hold)),
        act("update", "UPDATE", What::Does(Do::HoldByUpdate)),
        act("info", "INFO", What::Does(Do::Info)),
        act("refer", "REFER", What::Does(Do::ReferTo("dora".to_owned()))),
        act("bye", "BYE", What::Does(Do::Hangup)),
        act("cut", "connection lost", What::Does(Do::Disconnect)),
    ]
}

/// What the caller may do while it rings.
fn of_the_caller() -> Vec<Act> {
    vec![
        act("cancel", "CANCEL", What::Does(Do::Hangup)),
        act("prack", "PRACK", What::Pracks),
        act("update", "UPDATE", What::Does(Do::HoldByUpdate)),
        act("repeat", "PRACK again", What::Does(Do::Repeat)),
        act("cut", "connection lost", What::Does(Do::Disconnect)),
    ]
}

/// What happens at the callee's end meanwhile.
fn of_the_callee() -> Vec<Act> {
    vec![
        act("180", "180", What::Says(Reply::Status(180))),
        act("200", "200", What::Says(Reply::Answer)),
        act("486", "486", What::Says(Reply::Status(486))),
        act("603", "603", What::Says(Reply::Status(603))),
        act("408", "408", What::Says(Reply::Status(408))),
        act("302", "302", What::Says(Reply::MovedTo("dora".to_owned()))),
        act("update", "UPDATE", What::Does(Do::HoldByUpdate)),
        act("cut", "connection lost", What::Does(Do::Disconnect)),
        act("time", "time is over", What::Time),
    ]
}

/// Anne calls Carl: both phones can do everything that is in the table.
fn world(a: &Act, b: &Act) -> World {
    let mut world = World::new();
    for (name, own) in [("anne", a), ("carl", b), ("dora", b)] {
        let phone = world.phone(name);
        (phone.updates, phone.reliable) = (true, true);
        if name != "dora" && own.name == "cut" {
            phone.tcp();
        }
    }
    world.phone_named("dora").on_call = vec![(0.0, Reply::Status(180)), (5.0, Reply::Answer)];
    world.net.delay_ms = (20, 20);
    world.at(0.0, "anne", call("carl"));
    world
}

/// Both in a call.
fn talking(a: &Act, b: &Act, late: f64) -> World {
    let mut world = world(a, b);
    world.phone_named("carl").on_call = vec![(0.0, Reply::Status(180)), (1.0, Reply::Answer)];
    for (name, own, when) in [("anne", a, WHEN), ("carl", b, WHEN + late)] {
        if let What::Does(what) = &own.what {
            world.at(when, name, what.clone());
        }
    }
    world
}

/// It rings, and there is early media.
fn ringing(a: &Act, b: &Act, late: f64) -> World {
    let mut world = world(a, b);
    // The INVITE reaches his phone after 40 ms; a response its phone after as many.
    let early = if matches!(a.what, What::Pracks) { WHEN - 0.08 } else { 0.0 };
    let mut steps = vec![(early, Reply::Early)];
    match &b.what {
        What::Says(reply) => steps.push((WHEN + late - 0.04, reply.clone())),
        What::Does(what) => world.at(WHEN + late, "carl", what.clone()),
        What::Time => {
            world.tree("carl", "profile \"brief\" { incoming { otherwise -> try clients for 3s } }");
        }
        What::Pracks => {}
    }
    world.phone_named("carl").on_call = steps;
    if let What::Does(what) = &a.what {
        world.at(WHEN, "anne", what.clone());
    }
    world
}

/// What a phone was answered since they met: the statuses of its own request, or that it has none.
fn answered(world: &World, phone: usize) -> String {
    let heard = |line: &&crate::sim::world::Line| {
        line.to == Who::Phone(phone)
            && !line.again
            && world.since_origin(line.at).as_secs_f64() >= WHEN - 0.05
    };
    let statuses = world.wire.iter().filter(heard).filter_map(|line| {
        let packet = Packet::parse(&line.bytes).ok()?;
        let status = packet.status().filter(|status| *status > 100)?;
        let method = packet.cseq().1;
        (method != "REGISTER" && status != 401 && status != 407).then(|| format!("{status} {method}"))
    });
    let statuses: Vec<String> = statuses.take(3).collect();
    if statuses.is_empty() { "nothing".to_owned() } else { statuses.join(", ") }
}

/// Plays one cell: its ladder from where the two meet, and what each was answered.
fn play(mut world: World, name: &str) -> String {
    world.show_repeats = true;
    world.run(45.0);
    let text = world.finish();
    world.assert_sound(&format!("{name}\n{text}"));
    let begins = |row: &&str| {
        row.trim_start().split(' ').next().and_then(|at| at.parse::<f64>().ok()) >= Some(WHEN - 0.1)
    };
    let rows: Vec<&str> = text.lines().filter(begins).collect();
    assert!(!rows.is_empty(), "{name}: nothing crosses");
    ladder::golden(&(rows.join("\n") + "\n"), &format!("races/{name}"));
    format!("{} · {}", answered(&world, 0), answered(&world, 1))
}

/// One table, with both ways to cross.
fn table(
    text: &mut String,
    (room, title): (&str, &str),
    (rows, columns): (&[Act], &[Act]),
    make: fn(&Act, &Act, f64) -> World,
) {
    let titles: Vec<&str> = columns.iter().map(|column| column.title).collect();
    writeln!(text, "## {title}\n\n| Anne \\ Carl | {} |", titles.join(" | ")).unwrap();
    writeln!(text, "|---{}|", "|---".repeat(columns.len())).unwrap();
    for row in rows {
        let cells = columns.iter().map(|column| {
            let ways = [("", 0.0, "in the server"), ("_on_the_wire", 0.03, "on the wire")];
            let cells =
                ways.into_iter().filter(|(_, late, _)| *late == 0.0 || !matches!(column.what, What::Time));
            let cells = cells.map(|(suffix, late, place)| {
                let name = format!("{room}/{}_{}{suffix}", row.name, column.name);
                let outcome = play(make(row, column, late), &name);
                format!("[{place}](../tests/golden/races/{name}.txt): {outcome}")
            });
            cells.collect::<Vec<_>>().join("<br>")
        });
        writeln!(text, "| **{}** | {} |", row.title, cells.collect::<Vec<_>>().join(" | ")).unwrap();
    }
    text.push('\n');
}

/// Ladders of races that are told elsewhere, by their files.
const OTHERS: &[(&str, &str)] = &[
    ("two phones answer one INVITE behind a proxy", "two_phones_answer_behind_one_binding"),
    ("and both cross the CANCEL", "two_phones_answer_behind_one_binding_and_cross_the_cancel"),
    ("the 200 comes again when the call is over", "odd_phones/a_late_repeat_of_an_answer_is_acknowledged"),
    ("a CANCEL crosses the answer to a re-INVITE", "odd_phones/a_cancel_crosses_the_answer_to_a_reinvite"),
    ("a stage's timer and an answer at the same instant", "stages/a_timer_and_an_answer_at_the_same_instant"),
    ("a stage's timer and a refusal at the same instant", "stages/a_timer_and_a_decline_at_the_same_instant"),
    ("a refresh of the session crosses a re-INVITE", "session_timers/a_refresh_crosses_a_reinvite"),
    ("a 200 waits for a PRACK", "reliable/an_answer_waits_for_the_prack"),
    ("a 200 overtakes a PRACK", "reliable/an_answer_overtakes_the_prack_of_a_180"),
    ("glare between two clusters", "glare_across"),
    ("the new session of a transfer crosses a re-INVITE", "transfers/the_referred_refuses_the_new_session"),
    ("a call is picked up while its caller gives up", "replaces/a_pick_up_crosses_a_cancel"),
    ("a call is picked up while the other phone answers", "replaces/a_pick_up_crosses_the_answer"),
    ("a call is taken over while the other side makes an offer", "replaces/the_other_side_does_not_take_it"),
    ("a call is taken over while the other side hangs up", "replaces/the_other_side_hangs_up"),
    ("a call is taken over while its phone hangs up", "replaces/the_relieved_phone_hangs_up"),
    ("a phone that takes a call over is cut off meanwhile", "replaces/the_phone_is_cut_off"),
];

#[test]
fn every_pair_that_can_cross_does() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let mut text = HEAD.to_owned();
    let both = in_a_call();
    table(&mut text, ("in_a_call", "In a call"), (&both, &both), talking);
    let (caller, callee) = (of_the_caller(), of_the_callee());
    table(&mut text, ("ringing", "While it rings"), (&caller, &callee), ringing);
    text.push_str("## And besides\n\nTwo phones of one user, in 27 pairs: [tests/it/races.rs](../tests/it/races.rs).\n\n");
    for (title, file) in OTHERS {
        let file = format!("tests/golden/{file}.txt");
        assert!(root.join(&file).exists(), "{title}: no {file}");
        writeln!(text, "* [{title}](../{file})").unwrap();
    }
    if std::env::var_os("UPDATE_GOLDEN").is_some() {
        fs::write(root.join(FILE), &text).unwrap();
    }
    let written = fs::read_to_string(root.join(FILE)).unwrap_or_default();
    assert!(written == text, "{FILE} is out of date: UPDATE_GOLDEN=1 cargo test crossings");
}
