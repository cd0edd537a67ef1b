//! Transfer: REFER is the server's own affair (RFC 3515, RFC 5589); the target is decided by the
//! referrer's outgoing tree, and nobody's phone learns anything of the others'.

use ratatosk::effect::Transport;

use crate::sim::text::Packet;
use crate::sim::{Do, Reply, World, answers, call, refuses};

/// Anne and Carl talk; Dora's phone is there.
fn talking() -> World {
    let mut world = World::new();
    world.phone("anne");
    world.phone("carl").on_call(&answers(1.0));
    world.phone("dora").on_call(&answers(2.0));
    world.at(0.0, "anne", call("carl"));
    world
}

fn to_dora() -> Do {
    Do::ReferTo("dora".to_owned())
}

fn golden(world: &mut World, name: &str) {
    world.golden(&format!("transfers/{name}"));
}

/// Anne, who called Carl, sends him to Dora and waits for the outcome; then Carl hangs up.
#[test]
fn the_caller_sends_the_callee_on() {
    let mut world = talking();
    world.at(5.0, "anne", to_dora());
    world.at(20.0, "carl", Do::Hangup);
    golden(&mut world, "the_caller_sends_the_callee_on");
}

/// Carl, who was called, sends Anne to Dora, and hangs up at once; then Dora hangs up.
#[test]
fn the_callee_sends_the_caller_on_and_leaves() {
    let mut world = talking();
    world.at(5.0, "carl", to_dora());
    world.at(5.5, "carl", Do::Hangup);
    world.at(20.0, "dora", Do::Hangup);
    golden(&mut world, "the_callee_sends_the_caller_on_and_leaves");
}

/// Dora is shown whom she is connected with, and told who has sent him, unless that one would not be known.
#[test]
fn the_target_sees_who_comes() {
    let anonymous = "\"Anonymous\" <sip:anonymous@anonymous.invalid>;tag=zq1qa";
    for (calls, refers, referrer) in [
        (call("carl"), to_dora(), Some("<sip:anne@north.test>")),
        (call("carl"), to_dora().with("Referred-By", "<sip:carl@north.test>"), Some("<sip:anne@north.test>")),
        (call("carl"), to_dora().with("Privacy", "id"), None),
        (call("carl"), to_dora().with("Referred-By", "<sip:anonymous@anonymous.invalid>"), None),
        (call("carl").with("From", anonymous), to_dora(), None),
        (call("carl").with("Privacy", "user"), to_dora(), None),
    ] {
        let mut world = World::new();
        world.phone("anne");
        world.phone("carl").on_call(&answers(1.0));
        world.phone("dora").on_call(&answers(2.0));
        world.at(0.0, "anne", calls);
        world.at(5.0, "anne", refers);
        world.run(10.0);
        let invite = world.latest("dora", "INVITE", "INVITE");
        let invite = Packet::parse(&invite).unwrap();
        let from = invite.get("From").unwrap();
        assert!(from.starts_with("<sip:carl@north.test>"), "{from}");
        assert_eq!(invite.get("Referred-By"), referrer);
    }
}

/// Anne is at home at north, Carl at south, and Dora has a namesake there.
fn across() -> World {
    let mut world = World::new().with_south();
    world.federate(Transport::Udp);
    world.phone("anne");
    world.phone("carl@south.test").on_call(&answers(1.0));
    world.phone("dora").on_call(&answers(2.0));
    world.phone("dora@south.test").on_call(&answers(2.0));
    world.at(0.0, "anne", call("carl@south.test"));
    world
}

/// The caller sends on a callee of another cluster: to one of hers, and to one of his.
#[test]
fn the_caller_sends_on_across() {
    let mut world = across();
    world.at(5.0, "anne", to_dora());
    world.at(20.0, "carl@south.test", Do::Hangup);
    golden(&mut world, "the_caller_sends_on_across");
    let mut world = across();
    world.at(5.0, "anne", Do::ReferTo("dora@south.test".to_owned()));
    world.run(10.0);
    let invite = world.latest("dora@south.test", "INVITE", "INVITE");
    let invite = Packet::parse(&invite).unwrap();
    assert_eq!(invite.get("Referred-By"), Some("<sip:anne@north.test>"), "her cluster says so");
    world.at(20.0, "dora@south.test", Do::Hangup);
    let ladder = world.finish();
    world.assert_sound(&ladder);
}

/// The callee sends on a caller of another cluster.
#[test]
fn the_callee_sends_on_across() {
    let mut world = across();
    world.at(5.0, "carl@south.test", Do::ReferTo("dora@south.test".to_owned()));
    world.at(20.0, "anne", Do::Hangup);
    golden(&mut world, "the_callee_sends_on_across");
}

/// She has called one in each cluster, and connects them.
#[test]
fn an_attended_transfer_across() {
    let mut world = across();
    world.at(5.0, "anne", Do::Hold);
    world.at(6.0, "anne", call("dora"));
    world.at(10.0, "anne", Do::Join);
    world.at(20.0, "dora", Do::Hangup);
    golden(&mut world, "an_attended_transfer_across");
}

#[test]
fn the_target_is_busy() {
    let mut world = talking();
    world.phone_named("dora").on_call = refuses(1.0, 486).to_vec();
    world.at(5.0, "anne", to_dora());
    world.at(20.0, "anne", Do::Hangup);
    golden(&mut world, "the_target_is_busy");
}

/// The referrer has left, and the target does not answer: there is nobody left for Carl.
#[test]
fn the_referrer_leaves_and_the_target_is_busy() {
    let mut world = talking();
    world.phone_named("dora").on_call = refuses(1.0, 486).to_vec();
    world.at(5.0, "anne", to_dora());
    world.at(5.5, "anne", Do::Hangup);
    golden(&mut world, "the_referrer_leaves_and_the_target_is_busy");
}

/// Her own tree decides whom she may send others to.
#[test]
fn the_target_is_one_whom_the_referrer_may_not_call() {
    let mut world = talking();
    world.tree(
        "anne",
        "profile \"work\" { outgoing { to dora@north.test -> refuse \"not her\"\n otherwise -> send } }",
    );
    world.at(5.0, "anne", to_dora());
    world.at(20.0, "anne", Do::Hangup);
    golden(&mut world, "the_target_is_one_whom_the_referrer_may_not_call");
}

/// A phone that sends the other side to its own user: his tree rings it like any other call.
#[test]
fn a_phone_refers_to_itself() {
    let mut world = talking();
    world.phone_named("anne").on_call = refuses(1.0, 486).to_vec();
    world.at(5.0, "anne", Do::ReferTo("anne".to_owned()));
    world.at(20.0, "anne", Do::Hangup);
    golden(&mut world, "a_phone_refers_to_itself");
}

/// The one who is to be sent hangs up while the target rings.
#[test]
fn the_referred_hangs_up_meanwhile() {
    let mut world = talking();
    world.at(5.0, "anne", to_dora());
    world.at(6.0, "carl", Do::Hangup);
    golden(&mut world, "the_referred_hangs_up_meanwhile");
}

/// His phone does not take the new session: the target is let go, and the call is as it was.
#[test]
fn the_referred_refuses_the_new_session() {
    let mut world = talking();
    world.net.delay_ms = (20, 20);
    world.at(5.0, "anne", to_dora());
    world.at(7.07, "carl", Do::Hold);
    world.at(20.0, "anne", Do::Hangup);
    golden(&mut world, "the_referred_refuses_the_new_session");
}

/// REFER and BYE cross: the call is over.
#[test]
fn a_refer_crosses_a_bye() {
    let mut world = talking();
    world.net.delay_ms = (20, 20);
    world.at(5.0, "anne", to_dora());
    world.at(4.99, "carl", Do::Hangup);
    golden(&mut world, "a_refer_crosses_a_bye");
}

/// She does not want to hear of it (RFC 4488).
#[test]
fn no_notifications() {
    let mut world = talking();
    world.at(5.0, "anne", to_dora().with("Refer-Sub", "false").with("Require", "norefersub"));
    world.at(20.0, "carl", Do::Hangup);
    golden(&mut world, "no_notifications");
}

/// A second REFER while the first is open.
#[test]
fn two_refers_at_once() {
    let mut world = talking();
    world.at(5.0, "anne", to_dora());
    world.at(5.5, "anne", to_dora());
    world.at(20.0, "carl", Do::Hangup);
    golden(&mut world, "two_refers_at_once");
}

/// REFERs that say nothing that could be done.
#[test]
fn refers_that_cannot_be() {
    for (refer_to, status) in [
        ("", "400"),
        ("<mailto:dora@north.test>", "416"),
        ("<sip:dora@north.test;method=BYE>", "403"),
        ("<sip:dora@north.test?Replaces=unreadable>", "400"),
    ] {
        let mut world = talking();
        world.at(5.0, "anne", to_dora().with("Refer-To", refer_to));
        world.run(5.1);
        world.latest("anne", &format!("SIP/2.0 {status}"), "REFER");
        let ladder = world.finish();
        world.assert_sound(&ladder);
    }
}

/// Anne has called both, and connects them.
#[test]
fn an_attended_transfer() {
    let mut world = talking();
    world.at(5.0, "anne", Do::Hold);
    world.at(6.0, "anne", call("dora"));
    world.at(10.0, "anne", Do::Join);
    world.at(20.0, "dora", Do::Hangup);
    golden(&mut world, "an_attended_transfer");
}

/// A call that is not there any more.
#[test]
fn an_attended_transfer_to_a_call_that_is_over() {
    let mut world = talking();
    world.at(
        5.0,
        "anne",
        Do::ReferTo("sip:dora@north.test?Replaces=x%3Bto-tag%3Dy%3Bfrom-tag%3Dz".to_owned()),
    );
    world.at(20.0, "anne", Do::Hangup);
    golden(&mut world, "an_attended_transfer_to_a_call_that_is_over");
}

/// The other call only rings: nobody can be given what he has not answered.
#[test]
fn an_attended_transfer_to_a_call_that_rings() {
    let mut world = talking();
    world.phone_named("dora").on_call = vec![(0.0, Reply::Status(180))];
    world.at(6.0, "anne", call("dora"));
    world.run(8.0);
    let ringing = world.latest("anne", "SIP/2.0 180", "INVITE");
    let ringing = Packet::parse(&ringing).unwrap();
    let (id, to, from) = (ringing.call_id().replace('@', "%40"), ringing.to_tag(), ringing.from_tag());
    let dora = format!("sip:dora@north.test?Replaces={id}%3Bto-tag%3D{to}%3Bfrom-tag%3D{from}");
    world.at(8.5, "anne", Do::ReferTo(dora));
    world.at(20.0, "anne", Do::Hangup);
    world.at(21.0, "anne", Do::Hangup);
    golden(&mut world, "an_attended_transfer_to_a_call_that_rings");
}
