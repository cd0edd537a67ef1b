//! What trees decide: tables of questions and actions.

use std::time::Duration;

use ratatosk::routing::Outcome::{Answered, Busy, Declined, NoAnswer, Unreachable};
use ratatosk::routing::{Action, Code, Direction, Outcome, Place, Profile, Trace};

use super::shipped::shipped;
use super::{ask, compiled, line_told, told};

/// Asks a tree each question and compares the actions.
fn decides(source: &str, direction: Direction, table: &[(&str, &str)]) {
    let profile = compiled(source);
    for (question, expected) in table {
        let found = ask(question, |question| {
            let place = profile.decide(direction, question, &mut Trace::new()).unwrap();
            line_told(&profile, place)
        });
        assert_eq!(found, *expected, "{question}");
    }
}

#[test]
fn callers_are_told_apart() {
    decides(
        &shipped("examples/screening"),
        Direction::Incoming,
        &[
            ("page spammer@south.test", "ignore"),
            ("voice joe@mail.ads.test", "try secretary@north.test+0 20s"),
            ("voice joe@ads.test", "ignore"),
            ("page anonymous", "try clients+0"),
            ("voice anna@south.test", "try clients+0 30s"),
            ("voice anonymous", "refuse please call with your number shown"),
            ("voice +4712345678", "try secretary@north.test+0 20s"),
        ],
    );
}

#[test]
fn registration_counts_for_the_mode_asked_for() {
    decides(
        &shipped("examples/together"),
        Direction::Incoming,
        &[
            ("video carl@south.test reg", "try bob@north.test+0 30s"),
            ("video carl@south.test mode", "try clients+0,bob@north.test+10 40s"),
            ("page carl@south.test", "try clients+0"),
        ],
    );
}

#[test]
fn numbers_and_clusters_are_barred_or_let_out() {
    decides(
        &shipped("examples/office-phone"),
        Direction::Outgoing,
        &[
            ("voice +19005551234", "refuse premium numbers are barred"),
            ("voice +4782912345", "refuse premium numbers are barred"),
            ("voice +4722334455", "send"),
            ("voice anne@north.test", "send"),
            ("page anne@north.test", "send"),
            ("page +4722334455", "refuse this phone calls colleagues and Norway only"),
            ("video anne@north.test", "refuse this phone calls colleagues and Norway only"),
        ],
    );
}

#[test]
fn and_or_not_and_parentheses_mean_what_they_say() {
    let source = r#"profile "logic" { incoming {
        mode voice and not (caller anonymous or caller *@a.test or bob@b.test) -> decline
        not mode voice or text and (registered or mode page) -> busy
        caller number "+47 (22) *" or carl@* or @c.test and registered -> ignore
        otherwise -> try clients
    } }"#;
    decides(
        source,
        Direction::Incoming,
        &[
            ("voice x@x.test", "decline"),
            ("voice anonymous", "try clients+0"),
            ("voice bob@b.test", "try clients+0"),
            ("page anonymous", "busy"),
            ("text anonymous reg", "try clients+0"),
            ("video anonymous", "try clients+0"),
            ("video anonymous reg", "busy"),
            ("voice +4722334455", "decline"),
            ("text carl@x.test", "try clients+0"),
            ("text carl@x.test reg", "ignore"),
            ("text +4722 reg", "ignore"),
        ],
    );
}

/// Somebody who does not say who he is may be blocked; he is in no other group, whatever it holds.
#[test]
fn an_anonymous_caller_is_in_no_group_but_invisible() {
    let source = r#"profile "p" { incoming {
        caller in "Friends" -> busy
        caller not in "Friends" and caller in "Invisible" -> ignore
        otherwise -> decline
    } }"#;
    decides(
        source,
        Direction::Incoming,
        &[
            ("voice anonymous in:Invisible in:Friends", "ignore"),
            ("voice anonymous in:Invisible", "ignore"),
            ("voice anonymous in:Friends", "decline"),
            ("voice x@x.test in:Invisible in:Friends", "busy"),
        ],
    );
    // That case is none that a rule has to be there for.
    let only = "profile \"p\" { incoming {\ncaller anonymous and caller in \"Friends\" -> busy\notherwise -> decline\n} }";
    let faults = Profile::compile(only).unwrap_err();
    assert_eq!(faults.iter().map(|fault| fault.code).collect::<Vec<_>>(), [Code::DeadRule]);
}

#[test]
fn groups_contacts_urgency_and_the_time_decide() {
    let source = r#"profile "facts" {
        zone Europe/Oslo
        incoming {
            caller in "Invisible" -> ignore
            caller in "Friends" or in "Family" or boss@north.test -> try clients
            urgent and caller contact -> also "gsm", also inbox, try clients else inbox
            time mon-fri 09:00-17:00 or sat 10:00-14:00 -> try client "desk", "gsm" after 5s for 30s
            time 22:00-06:00 -> decline
            not caller contact and urgent -> busy
            otherwise -> try user secretary@north.test
        }
        outgoing {
            to in "Family" -> send
            to contact and not urgent -> send
            otherwise -> refuse "only those you know"
        } }"#;
    decides(
        source,
        Direction::Incoming,
        &[
            ("voice x@x.test in:Invisible in:Friends", "ignore"),
            ("voice anonymous in:Invisible", "ignore"),
            // Who is in a group by himself and says nothing else is not believed.
            ("voice anonymous in:Friends contact urgent at:2026-11-25T20:00:00Z", "busy"),
            ("voice x@x.test in:Work in:Family", "try clients+0"),
            ("voice boss@north.test", "try clients+0"),
            ("page x@x.test in:Work urgent", "also \"gsm\", also inbox, try clients+0"),
            ("page +4712345678 contact urgent", "also \"gsm\", also inbox, try clients+0"),
            // 2026-11-25 is a Wednesday; Oslo is an hour ahead.
            ("voice x@x.test at:2026-11-25T08:00:00Z", "try client \"desk\"+0,\"gsm\"+5 30s"),
            ("voice x@x.test at:2026-11-25T15:59:59Z", "try client \"desk\"+0,\"gsm\"+5 30s"),
            ("voice x@x.test at:2026-11-25T16:00:00Z", "try secretary@north.test+0"),
            ("voice x@x.test at:2026-11-28T09:00:00Z", "try client \"desk\"+0,\"gsm\"+5 30s"),
            ("voice x@x.test at:2026-11-29T09:00:00Z", "try secretary@north.test+0"),
            ("voice x@x.test at:2026-11-25T21:00:00Z urgent", "decline"),
            ("voice x@x.test at:2026-11-25T05:00:00Z", "try secretary@north.test+0"),
            ("voice x@x.test at:2026-11-29T09:00:00Z urgent", "busy"),
        ],
    );
    decides(
        source,
        Direction::Outgoing,
        &[
            ("voice mum@home.test in:Family urgent", "send"),
            ("voice bob@north.test contact", "send"),
            ("voice bob@north.test contact urgent", "refuse only those you know"),
            ("page bob@north.test in:Invisible", "refuse only those you know"),
        ],
    );
    let profile = compiled(source);
    assert_eq!(profile.groups(), ["Family", "Friends", "Invisible"]);
    let text = ask("page x@x.test in:Work in:Friends-of-friends at:2026-11-28T21:30:00Z", |question| {
        let mut trace = Trace::new();
        profile.decide(Direction::Incoming, question, &mut trace);
        let incoming = profile.explain(&trace, question);
        profile.decide(Direction::Outgoing, question, &mut trace);
        format!("{incoming}{}", profile.explain(&trace, question))
    });
    super::faults::golden("explain-facts", &text);
}

/// Follows a list of outcomes from the first place on; the actions on the way.
fn follows(profile: &Profile, question: &str, outcomes: &[Outcome]) -> Vec<String> {
    ask(question, |question| {
        let mut trace = Trace::new();
        let mut place: Option<Place> = profile.decide(Direction::Incoming, question, &mut trace);
        let mut actions = vec![told(profile.action(place.unwrap()))];
        for outcome in outcomes {
            place = profile.follow(place.unwrap(), *outcome, &mut trace);
            actions.push(place.map_or("returned".to_owned(), |place| told(profile.action(place))));
        }
        actions
    })
}

#[test]
fn outcomes_lead_on_or_return() {
    let profile = compiled(
        r#"profile "hunt" { incoming {
            mode voice -> try clients for 20s {
                busy or no-answer -> try user bob@north.test after 2s for 30s else busy
                declined -> decline
            }
            mode page -> clients
            otherwise -> try clients for 10s else user bob@north.test
        } }"#,
    );
    let table: &[(&str, &[Outcome], &[&str])] = &[
        ("voice a@b.test", &[NoAnswer, NoAnswer], &["try clients+0 20s", "try bob@north.test+2 30s", "busy"]),
        ("voice a@b.test", &[Declined], &["try clients+0 20s", "decline"]),
        ("voice a@b.test", &[Unreachable], &["try clients+0 20s", "returned"]),
        ("voice a@b.test", &[Answered], &["try clients+0 20s", "returned"]),
        ("page a@b.test", &[Busy], &["try clients+0", "returned"]),
        ("web a@b.test", &[Busy, Busy], &["try clients+0 10s", "try bob@north.test+0", "returned"]),
        ("web a@b.test", &[Answered], &["try clients+0 10s", "returned"]),
    ];
    for (question, outcomes, actions) in table {
        assert_eq!(follows(&profile, question, outcomes), *actions, "{question} {outcomes:?}");
    }
    assert_eq!(profile.longest_ring(Direction::Incoming), Duration::from_secs(190));
    assert_eq!(profile.longest_ring(Direction::Outgoing), Duration::ZERO);
}

#[test]
fn a_missing_tree_is_somebody_elses() {
    let profile = compiled("profile \"empty\" {}");
    ask("voice a@b.test", |question| {
        assert_eq!(profile.decide(Direction::Incoming, question, &mut Trace::new()), None);
        assert_eq!(profile.decide(Direction::Outgoing, question, &mut Trace::new()), None);
    });
}

#[test]
fn a_place_survives_a_move_and_a_strange_one_does_no_harm() {
    let profile = compiled(&shipped("examples/together"));
    let moved = compiled(&shipped("examples/together"));
    let place =
        ask("voice a@b.test mode", |q| profile.decide(Direction::Incoming, q, &mut Trace::new()).unwrap());
    let written = serde_json::to_string(&place).unwrap();
    let read: Place = serde_json::from_str(&written).unwrap();
    assert_eq!(profile.action(place), moved.action(read));
    for strange in ["9999", "4294967295"] {
        let strange: Place = serde_json::from_str(strange).unwrap();
        assert_eq!(profile.action(strange), &Action::Decline);
        assert_eq!(profile.follow(strange, Busy, &mut Trace::new()), None);
    }
}

#[test]
fn a_decision_explains_itself() {
    let profile = compiled(&shipped("examples/together"));
    let text = ask("video carl@south.test reg", |question| {
        let mut trace = Trace::new();
        let place = profile.decide(Direction::Incoming, question, &mut trace).unwrap();
        let next = profile.follow(place, NoAnswer, &mut trace).unwrap();
        assert_eq!(profile.follow(next, Busy, &mut trace), None);
        format!("{}\n{}\n", profile.explain(&trace, question), profile.rule_line(&trace))
    });
    super::faults::golden("explain", &text);
}

#[test]
fn the_deciding_rule_fits_on_one_line() {
    let profile = compiled(&shipped("default"));
    let line = ask("file a@b.test", |question| {
        let mut trace = Trace::new();
        profile.decide(Direction::Incoming, question, &mut trace);
        profile.rule_line(&trace)
    });
    assert_eq!(line, "default:15 otherwise -> try clients");
}

#[test]
fn a_long_path_keeps_its_end() {
    let rules: String = (0..200).map(|i| format!("caller u{i}@b.test -> busy\n")).collect();
    let profile = compiled(&format!("profile \"long\" {{ incoming {{\n{rules}otherwise -> decline\n}} }}"));
    ask("voice a@b.test", |question| {
        let mut trace = Trace::new();
        profile.decide(Direction::Incoming, question, &mut trace);
        assert_eq!(trace.forgotten(), 201 - Trace::CAPACITY);
        assert_eq!(profile.rule_line(&trace), "long:202 otherwise -> decline");
    });
}
