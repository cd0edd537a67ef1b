//! Pages, and requests that belong to no call.

use crate::sim::world::uid;
use crate::sim::{Do, World, call, page};

#[test]
fn a_page_is_taken() {
    let mut world = World::new();
    world.phone("anne");
    world.phone("carl");
    world.at(0.0, "anne", page("carl", "lunch?"));
    world.expect(
        "  0.000  anne   -> server  MESSAGE carl          \"lunch?\"
           0.001  server -> carl    MESSAGE               \"lunch?\"
           0.002  carl   -> server  200 MESSAGE
           0.003  server -> anne    200 MESSAGE",
    );
    assert_eq!(world.phone_named("carl").pages, ["lunch?"]);
}

/// Every phone has it; the sender hears of the first that took it, and only once.
#[test]
fn a_page_goes_to_every_phone() {
    let mut world = World::new();
    world.phone("anne");
    world.phone("carl/desk").on_page = 486;
    world.phone("carl/hand");
    world.phone("carl/lap");
    world.at(0.0, "anne", page("carl", "lunch?"));
    world.expect(
        "  0.000  anne      -> server     MESSAGE carl          \"lunch?\"
           0.001  server    -> carl/desk  MESSAGE               \"lunch?\"
           0.001  server    -> carl/hand  MESSAGE               \"lunch?\"
           0.001  server    -> carl/lap   MESSAGE               \"lunch?\"
           0.002  carl/desk -> server     486 MESSAGE
           0.002  carl/hand -> server     200 MESSAGE
           0.002  carl/lap  -> server     200 MESSAGE
           0.003  server    -> anne       200 MESSAGE",
    );
}

#[test]
fn a_page_is_challenged() {
    let mut world = World::new();
    world.phone("anne").reuses_nonce = false;
    world.phone("carl");
    world.at(0.0, "anne", page("carl", "lunch?"));
    world.expect(
        "  0.000  anne   -> server  MESSAGE carl          \"lunch?\"
           0.001  server -> anne    407 MESSAGE           challenge
           0.002  anne   -> server  MESSAGE carl          \"lunch?\", SHA-256
           0.003  server -> carl    MESSAGE               \"lunch?\"
           0.004  carl   -> server  200 MESSAGE
           0.005  server -> anne    200 MESSAGE",
    );
}

/// A page to a user who is not there waits for him; nobody's page is refused.
#[test]
fn a_page_to_nobody() {
    let mut world = World::new();
    world.phone("anne");
    world.phone("carl").offline();
    world.at(0.0, "anne", page("carl", "lunch?"));
    world.at(1.0, "anne", page("nobody", "lunch?"));
    world.expect(
        "  0.000  anne   -> server  MESSAGE carl          \"lunch?\"
           0.001  server -> anne    202 MESSAGE
           1.000  anne   -> server  MESSAGE nobody        \"lunch?\"
           1.001  server -> anne    404 MESSAGE",
    );
}

/// No phone took it: that is 480, whatever they said.
#[test]
fn a_page_that_no_phone_takes() {
    let mut world = World::new();
    world.phone("anne");
    world.phone("carl").on_page = 405;
    world.at(0.0, "anne", page("carl", "lunch?"));
    world.expect(
        "  0.000  anne   -> server  MESSAGE carl          \"lunch?\"
           0.001  server -> carl    MESSAGE               \"lunch?\"
           0.002  carl   -> server  405 MESSAGE           allow
           0.003  server -> anne    480 MESSAGE",
    );
}

/// What the sender can do something about he is told: too long, or of the wrong kind.
#[test]
fn what_a_phone_dislikes_about_a_page() {
    let mut world = World::new();
    world.phone("anne");
    world.phone("carl").dislikes =
        vec![("long".to_owned(), 413), ("html".to_owned(), 415), ("odd".to_owned(), 501)];
    world.at(0.0, "anne", page("carl", "long"));
    world.at(1.0, "anne", page("carl", "html").with("Content-Type", "text/html"));
    world.at(2.0, "anne", page("carl", "html"));
    world.at(3.0, "anne", page("carl", "odd"));
    world.golden("what_a_phone_dislikes_about_a_page");
}

/// Nobody's tree is asked about what nobody could be sent.
#[test]
fn a_page_that_cannot_be_sent() {
    let mut world = World::new();
    world.configure("north.test", |settings| settings.limits.page_bytes = 6);
    world.phone("anne");
    world.phone("carl");
    world.at(0.0, "anne", page("carl", "dinner?"));
    world.at(1.0, "anne", page("carl", "lunch?").with("Content-Type", ""));
    world.at(2.0, "anne", page("carl", "").with("Content-Type", ""));
    world.expect(
        "  0.000  anne   -> server  MESSAGE carl          \"dinner?\"
           0.001  server -> anne    413 MESSAGE
           1.000  anne   -> server  MESSAGE carl          \"lunch?\"
           1.001  server -> anne    400 MESSAGE
           2.000  anne   -> server  MESSAGE carl          \"\"
           2.001  server -> carl    MESSAGE               \"\"
           2.002  carl   -> server  200 MESSAGE
           2.003  server -> anne    200 MESSAGE",
    );
}

/// The clients stage of a page lasts five seconds at most; then it waits in the inbox.
#[test]
fn a_page_to_a_phone_that_is_gone() {
    let mut world = World::new();
    world.phone("anne");
    world.phone("carl");
    world.at(0.0, "carl", Do::Vanish);
    world.at(0.1, "anne", page("carl", "lunch?"));
    world.golden("a_page_to_a_phone_that_is_gone");
}

/// The sender repeats what he was not answered: it is delivered once, and answered the same.
#[test]
fn a_page_that_comes_twice_is_delivered_once() {
    let mut world = World::new();
    world.phone("anne");
    world.phone("carl");
    world.at(0.0, "anne", page("carl", "lunch?"));
    world.at(1.0, "anne", Do::Repeat);
    world.show_repeats = true;
    world.expect(
        "  0.000  anne   -> server  MESSAGE carl          \"lunch?\"
           0.001  server -> carl    MESSAGE               \"lunch?\"
           0.002  carl   -> server  200 MESSAGE
           0.003  server -> anne    200 MESSAGE
           1.000  anne   -> server  MESSAGE carl          \"lunch?\", again
           1.001  server -> anne    200 MESSAGE           again",
    );
    assert_eq!(world.phone_named("carl").pages, ["lunch?"]);
}

#[test]
fn the_callees_tree_declines_a_page() {
    let mut world = World::new();
    world.phone("anne");
    world.phone("carl");
    let rules = "mode page -> decline\n otherwise -> try clients";
    world.tree("carl", &format!("profile \"p\" {{\n incoming {{\n {rules}\n }}\n}}\n"));
    world.at(0.0, "anne", page("carl", "lunch?"));
    world.expect(
        "  0.000  anne   -> server  MESSAGE carl          \"lunch?\"
           0.001  server -> anne    603 MESSAGE",
    );
}

/// `ignore` on a page: taken and thrown away, and the sender is never told.
#[test]
fn the_callees_tree_ignores_a_page() {
    let mut world = World::new();
    world.phone("anne");
    world.phone("carl");
    world.tree("carl", "profile \"p\" {\n incoming {\n otherwise -> ignore\n }\n}\n");
    world.at(0.0, "anne", page("carl", "lunch?"));
    world.expect(
        "  0.000  anne   -> server  MESSAGE carl          \"lunch?\"
           0.001  server -> anne    200 MESSAGE",
    );
}

/// Where no phone is, who is ignored hears what others would: that the page is kept, and that nobody is there to call.
#[test]
fn who_is_ignored_cannot_tell_it_from_absence() {
    let mut world = World::new();
    world.phone("anne");
    world.user("carl");
    world.tree("carl", "profile \"p\" {\n incoming {\n otherwise -> ignore\n }\n}\n");
    world.at(0.0, "anne", page("carl", "lunch?"));
    world.at(2.0, "anne", call("carl"));
    world.expect(
        "  0.000  anne   -> server  MESSAGE carl          \"lunch?\"
           0.001  server -> anne    202 MESSAGE
           2.000  anne   -> server  INVITE carl           offer
           2.001  server -> anne    100
           2.001  server -> anne    480
           2.002  anne   -> server  ACK",
    );
}

#[test]
fn a_forwarded_page() {
    let mut world = World::new();
    world.phone("anne");
    world.phone("dora");
    world.tree(
        "carl",
        "profile \"p\" {\n incoming {\n otherwise -> try clients else forward dora@north.test\n }\n}\n",
    );
    world.at(0.0, "anne", page("carl", "lunch?"));
    world.expect(
        "  0.000  anne   -> server  MESSAGE carl          \"lunch?\"
           0.001  server -> dora    MESSAGE               \"lunch?\"
           0.002  dora   -> server  200 MESSAGE
           0.003  server -> anne    200 MESSAGE",
    );
}

/// Users who try each other, in every order that there is: the page is not asked about for ever.
#[test]
fn a_page_among_users_who_try_each_other() {
    let mut world = World::new();
    world.phone("anne");
    let users = ["carl", "dora", "eric", "faye", "gina", "hans"];
    for user in users {
        let others: Vec<String> = users
            .iter()
            .filter(|other| **other != user)
            .map(|other| format!("try user {other}@north.test"))
            .collect();
        let rules = format!("otherwise -> {}", others.join(" else "));
        world.tree(user, &format!("profile \"p\" {{\n incoming {{\n {rules}\n }}\n}}\n"));
    }
    world.at(0.0, "anne", page("carl", "lunch?"));
    world.expect(
        "  0.000  anne   -> server  MESSAGE carl          \"lunch?\"
           0.001  server -> anne    480 MESSAGE",
    );
    let halves = world.store.pages.len();
    assert!((60..=101).contains(&halves), "{halves} halves");
}

/// A client takes pages by the name that its user calls it by.
#[test]
fn a_page_to_a_client_by_name() {
    for target in ["client \"desk\"", "\"desk\""] {
        let mut world = World::new();
        world.phone("anne");
        world.phone("carl/desk").offline();
        world.phone("carl/hand");
        world.store.client(&uid("carl"), "desk", "urn:uuid:00000000-0000-0000-0000-000000000001");
        let rules = format!("otherwise -> {target} else inbox");
        world.tree("carl", &format!("profile \"p\" {{\n incoming {{\n {rules}\n }}\n}}\n"));
        let instance = "+sip.instance=\"<urn:uuid:00000000-0000-0000-0000-000000000001>\"";
        let contact = format!("<sip:zq2qc@198.51.100.2:5060>;{instance}");
        world.at(0.0, "anne", page("carl", "lunch?"));
        world.at(1.0, "carl/desk", Do::Register.with("Contact", &contact));
        world.at(2.0, "anne", page("carl", "dinner?"));
        world.golden("a_page_to_a_client_by_name");
        assert_eq!(world.phone_named("carl/desk").pages, ["lunch?", "dinner?"]);
    }
}

/// Also a page that a phone on UDP could not send in one datagram arrives whole.
#[test]
fn a_long_page_goes_by_tcp() {
    let mut world = World::new();
    world.phone("anne");
    world.phone("carl").accepts_streams = true;
    let text = "x".repeat(2000);
    world.at(0.0, "anne", page("carl", &text));
    let ladder = world.finish();
    world.assert_sound(&ladder);
    assert_eq!(world.phone_named("carl").pages, [text]);
}

#[test]
fn options_tells_what_the_server_can() {
    let mut world = World::new();
    world.phone("anne");
    world.at(0.0, "anne", Do::Options("sip:north.test".to_owned()));
    world.expect(
        "  0.000  anne   -> server  OPTIONS
           0.001  server -> anne    200 OPTIONS",
    );
    let answer = String::from_utf8_lossy(&world.wire[1].bytes).into_owned();
    for name in ["Allow: ", "Accept: ", "Supported: "] {
        assert!(answer.contains(&format!("\r\n{name}")), "no {name}in\n{answer}");
    }
}

/// Who asks what a user can is told what the server can, and the same of nobody: which phones somebody has, and
/// what they can, is for no others.
#[test]
fn options_tells_nothing_of_a_user() {
    let mut world = World::new();
    world.phone("anne");
    world.phone("carl").offline();
    world.begin();
    let contact =
        "<sip:carl@198.51.100.2>;video;+sip.instance=\"<urn:uuid:f81d4fae-7dec-11d0-a765-00a0c91e6bf6>\"";
    world.at(0.0, "carl", Do::Register.with("Contact", contact));
    world.at(1.0, "anne", Do::Options("sip:carl@north.test".to_owned()));
    world.at(2.0, "anne", Do::Options("sip:nobody@north.test".to_owned()));
    world.run(3.0);
    let answers: Vec<_> = world.sent_to("anne").filter(|one| one.cseq().1 == "OPTIONS").collect();
    let told = |name| answers.iter().map(|one| one.get(name).map(str::to_owned)).collect::<Vec<_>>();
    assert_eq!(answers.iter().map(crate::sim::text::Packet::status).collect::<Vec<_>>(), [Some(200); 2]);
    assert_eq!(told("Contact"), [None, None]);
    assert_eq!(told("Allow")[0], told("Allow")[1]);
}

/// What we do not serve yet is refused with what we do serve (RFC 3261 §8.2.1, RFC 6665 §7.3.2).
#[test]
fn other_methods_are_refused() {
    let mut world = World::new();
    world.phone("anne");
    for (at, method) in [(0.0, "SUBSCRIBE"), (1.0, "PUBLISH"), (2.0, "NOTIFY"), (3.0, "INFO"), (4.0, "DANCE")]
    {
        world.at(at, "anne", Do::Request(method.to_owned(), "anne".to_owned()));
    }
    world.golden("other_methods_are_refused");
}

#[test]
fn a_stranger_is_challenged_whatever_he_asks() {
    let mut world = World::new();
    let stranger = world.phone("anne");
    stranger.reuses_nonce = false;
    stranger.password = "guess".to_owned();
    stranger.offline();
    for (at, method) in
        [(0.0, "OPTIONS"), (1.0, "MESSAGE"), (2.0, "SUBSCRIBE"), (3.0, "REFER"), (4.0, "DANCE")]
    {
        world.at(at, "anne", Do::Request(method.to_owned(), "carl".to_owned()));
    }
    world.golden("a_stranger_is_challenged_whatever_he_asks");
}
