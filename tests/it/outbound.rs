//! Clients with several flows (RFC 5626): which of them rings, and what happens when one is dead.
//!
//! Each flow is a phone of the world: `anne/one` and `anne/two` are the two connections of one client.

use crate::sim::{Do, Reply, World, answers, call, page};

const URN: &str = "urn:uuid:f81d4fae-7dec-11d0-a765-00a0c91e6bf6";

/// Carl, and a client of Anne's with two flows, both of them good: the first is tried first.
fn two_flows() -> World {
    two_flows_by("")
}

/// The same, and Anne's own tree.
fn two_flows_by(tree: &str) -> World {
    let mut world = World::new();
    world.phone("carl");
    if !tree.is_empty() {
        world.tree("anne", tree);
    }
    for (name, number) in [("anne/one", 1), ("anne/two", 2)] {
        world.phone(name).flow(URN, number).on_call(&answers(1.0));
    }
    world.begin();
    world
}

/// The NAT in front of her first flow has forgotten it.
fn the_first_is_silent(world: &mut World) {
    world.phone_named("anne/one").deaf = true;
}

/// The last answer to a REGISTER.
pub(crate) fn registered(world: &World) -> String {
    let is_answer = |text: &String| text.starts_with("SIP/2.0") && text.contains("REGISTER\r\n");
    let texts = world.wire.iter().map(|line| String::from_utf8_lossy(&line.bytes).into_owned());
    texts.filter(is_answer).last().unwrap()
}

#[test]
fn a_flow_is_told_that_it_is_one() {
    let mut world = World::new();
    world.phone("anne/one").offline().flow(URN, 1).tcp();
    world.phone("anne/two").offline().flow(URN, 2);
    world.at(0.0, "anne/one", Do::Register);
    world.run(0.5);
    let answer = registered(&world);
    assert!(answer.contains("\r\nRequire: outbound\r\n"), "{answer}");
    assert!(answer.contains("\r\nFlow-Timer: 120\r\n"), "{answer}");
    assert!(answer.contains(&format!(";+sip.instance=\"<{URN}>\";reg-id=1\r\n")), "{answer}");
    world.at(1.0, "anne/two", Do::Register);
    world.expect(
        "  0.000  anne/one -> server  REGISTER              expires 3600
           0.002  server -> anne/one  401 REGISTER          challenge
           0.003  anne/one -> server  REGISTER              expires 3600
           0.004  server -> anne/one  200 REGISTER          1 binding
           1.000  anne/two -> server  REGISTER              expires 3600
           1.001  server -> anne/two  401 REGISTER          challenge
           1.002  anne/two -> server  REGISTER              expires 3600
           1.003  server -> anne/two  200 REGISTER          2 bindings",
    );
    // Nobody knows whether a ping by datagram has come: nothing is promised.
    assert!(!registered(&world).contains("Flow-Timer"));
}

/// A client that comes back by another address with the number of an old flow has that flow no more.
#[test]
fn the_same_number_is_the_same_flow() {
    let mut world = World::new();
    world.phone("anne/old").flow(URN, 1);
    world.phone("anne/new").offline().flow(URN, 1).on_call(&answers(1.0));
    world.phone("carl");
    world.at(0.0, "anne/new", Do::Register);
    world.at(1.0, "carl", call("anne"));
    world.golden("outbound_the_same_number_is_the_same_flow");
}

#[test]
fn one_flow_of_a_client_rings() {
    let mut world = two_flows();
    world.at(0.0, "carl", call("anne"));
    world.golden("outbound_one_flow_of_a_client_rings");
}

/// There is no way to it: the other flow rings at once.
#[test]
fn a_flow_without_a_way() {
    let mut world = two_flows();
    world.phone_named("anne/one").no_route = true;
    world.at(0.0, "carl", call("anne"));
    world.golden("outbound_a_flow_without_a_way");
}

/// A flow that is silent is left after five seconds, and not tried first any more; when its phone has
/// registered by it, it is as good as any.
#[test]
fn a_silent_flow_is_left_and_comes_back() {
    let mut world = two_flows();
    the_first_is_silent(&mut world);
    world.at(0.0, "carl", call("anne"));
    world.at(9.0, "carl", Do::Hangup);
    world.at(20.0, "carl", call("anne"));
    world.at(25.0, "carl", Do::Hangup);
    world.run(49.0);
    world.phone_named("anne/one").deaf = false;
    world.at(50.0, "anne/one", Do::Register);
    world.at(60.0, "carl", call("anne"));
    world.at(61.0, "carl", Do::Hangup);
    world.golden("outbound_a_silent_flow_is_left_and_comes_back");
}

/// A proxy says that it has lost the phone.
#[test]
fn a_proxy_has_lost_the_flow() {
    let mut world = two_flows();
    world.phone_named("anne/one").on_call(&[(0.0, Reply::Status(430))]);
    world.at(0.0, "carl", call("anne"));
    world.golden("outbound_a_proxy_has_lost_the_flow");
}

/// What a phone says itself stands: it is not asked once more by another flow.
#[test]
fn a_refusal_is_not_asked_for_twice() {
    let mut world = two_flows();
    world.phone_named("anne/one").on_call(&[(0.5, Reply::Status(503))]);
    world.at(0.0, "carl", call("anne"));
    world.golden("outbound_a_refusal_is_not_asked_for_twice");
}

/// A connection is lost while its phone rings.
#[test]
fn a_connection_is_lost_while_it_rings() {
    let mut world = World::new();
    world.phone("carl");
    world.phone("anne/one").flow(URN, 1).tcp().on_call(&[(0.0, Reply::Status(180))]);
    world.phone("anne/two").flow(URN, 2).on_call(&answers(1.0));
    world.begin();
    world.phone_named("anne/two").expires = Some(1800);
    world.at(0.0, "anne/two", Do::Register);
    world.at(1.0, "carl", call("anne"));
    world.at(2.0, "anne/one", Do::Disconnect);
    world.golden("outbound_a_connection_is_lost_while_it_rings");
}

#[test]
fn no_flow_has_a_way() {
    let mut world = two_flows();
    world.phone_named("anne/one").no_route = true;
    world.phone_named("anne/two").no_route = true;
    world.at(0.0, "carl", call("anne"));
    world.at(5.0, "carl", call("anne"));
    world.golden("outbound_no_flow_has_a_way");
}

/// The caller gives up while the second flow rings: both are told.
#[test]
fn the_caller_gives_up_after_the_first_flow() {
    let mut world = two_flows();
    the_first_is_silent(&mut world);
    world.phone_named("anne/two").on_call(&[(0.0, Reply::Status(180))]);
    world.at(0.0, "carl", call("anne"));
    world.at(7.0, "carl", Do::Hangup);
    world.golden("outbound_the_caller_gives_up_after_the_first_flow");
}

/// The next stage names the client again: it rings on by the flow that it rings by.
#[test]
fn a_client_rings_on_by_its_second_flow() {
    let mut world = two_flows_by(
        "profile \"p\" {\n incoming {\n otherwise -> try clients for 8s else clients for 5s\n }\n}\n",
    );
    the_first_is_silent(&mut world);
    world.phone_named("anne/two").on_call(&[(0.0, Reply::Status(180))]);
    world.at(0.0, "carl", call("anne"));
    world.golden("outbound_a_client_rings_on_by_its_second_flow");
}

/// A client is not rung by its own call, by whichever flow it calls.
#[test]
fn a_client_does_not_ring_itself() {
    let mut world = World::new();
    for (name, number) in [("anne/one", 1), ("anne/two", 2)] {
        world.phone(name).flow(URN, number);
    }
    world.phone("anne/desk").on_call(&answers(1.0));
    world.at(0.0, "anne/two", call("anne"));
    world.golden("outbound_a_client_does_not_ring_itself");
}

#[test]
fn a_page_goes_by_one_flow_and_by_the_next_if_that_is_dead() {
    let mut world = two_flows();
    world.at(0.0, "carl", page("anne", "by the first"));
    world.run(1.0);
    world.phone_named("anne/one").on_page = 430;
    world.at(2.0, "carl", page("anne", "by the other"));
    world.at(3.0, "carl", page("anne", "by the other at once"));
    world.run(4.0);
    world.phone_named("anne/two").no_route = true;
    world.phone_named("anne/one").on_page = 200;
    world.at(5.0, "carl", page("anne", "back by the first"));
    world.golden("outbound_a_page_goes_by_one_flow");
    assert_eq!(world.phone_named("anne/one").pages, ["by the first", "back by the first"]);
    assert_eq!(world.phone_named("anne/two").pages, ["by the other", "by the other at once"]);
}

/// What may be registered as a flow, and how it is answered.
#[test]
fn what_is_a_flow() {
    let contact = |more: &str| format!("<sip:anne@198.51.100.1:5060>{more}");
    let instance = format!(";+sip.instance=\"<{URN}>\"");
    let flow = contact(&format!("{instance};reg-id=1"));
    let two = format!("{flow}, {}", contact(""));
    let gone = format!("{flow}, {};expires=0", contact(""));
    let (edge, old) = ("<sip:edge.north.test;lr;ob>", "<sip:old.north.test;lr>");
    let both = format!("{edge}, {old}");
    let table: &[(&str, &str, &str, u16, bool)] = &[
        ("a flow", &flow, "", 200, true),
        ("without an instance", &contact(";reg-id=1"), "", 200, false),
        ("no number", &contact(&format!("{instance};reg-id=0")), "", 200, false),
        ("no number at all", &contact(&format!("{instance};reg-id=x1")), "", 200, false),
        ("a number too large", &contact(&format!("{instance};reg-id=2147483648")), "", 200, false),
        ("an instance alone", &contact(&instance), "", 200, false),
        ("several at once", &two, "", 400, false),
        ("one, and another goes", &gone, "", 200, true),
        ("by a proxy that knows flows", &flow, edge, 200, true),
        ("by one that does not", &flow, old, 439, false),
        ("the phone's neighbour does not", &flow, &both, 439, false),
    ];
    for (what, contact, path, status, is_flow) in table {
        let mut world = World::new();
        world.phone("anne").offline();
        let mut register = Do::Register.with("Contact", contact).with("Supported", "path, outbound");
        if !path.is_empty() {
            register = register.with("Path", path);
        }
        world.at(0.0, "anne", register);
        world.run(1.0);
        let answer = registered(&world);
        assert!(answer.starts_with(&format!("SIP/2.0 {status} ")), "{what}: {answer}");
        assert_eq!(answer.contains("\r\nRequire: outbound\r\n"), *is_flow, "{what}: {answer}");
    }
    // One that does not say that it knows outbound is not told anything of it.
    let mut world = World::new();
    world.phone("anne").offline();
    world.at(0.0, "anne", Do::Register.with("Contact", &flow));
    world.run(1.0);
    assert!(!registered(&world).contains("outbound"), "{}", registered(&world));
}

/// Carl by TLS, and a client of Anne's with a flow by TLS and one by UDP, which has registered last.
fn one_by_tls() -> World {
    let mut world = World::new().secured();
    world.phone("carl").sips();
    world.phone("anne/one").sips().flow(URN, 1).on_call(&[(0.0, Reply::Status(180))]);
    world.phone("anne/two").flow(URN, 2).on_call(&answers(1.0));
    world.begin();
    world.at(0.0, "anne/two", Do::Register);
    world
}

#[test]
fn a_call_by_sips_goes_by_the_flow_by_tls_whichever_is_better() {
    let mut world = one_by_tls();
    world.at(1.0, "carl", call("sips:anne@north.test"));
    world.at(3.0, "carl", Do::Hangup);
    world.at(5.0, "carl", page("sips:anne@north.test", "by tls"));
    world.golden("outbound_a_call_by_sips_goes_by_the_flow_by_tls");
    assert_eq!(world.phone_named("anne/one").pages, ["by tls"]);
}

/// Its connection is lost: what is by `sips:` does not go on in the clear.
#[test]
fn a_call_by_sips_does_not_go_on_in_the_clear() {
    let mut world = one_by_tls();
    world.at(1.0, "carl", call("sips:anne@north.test"));
    world.at(2.0, "anne/one", Do::Disconnect);
    world.golden("outbound_a_call_by_sips_does_not_go_on_in_the_clear");
}

/// A flow by datagrams is where its REGISTER came from, whatever its Contact says: that is what its phone
/// keeps open.
#[test]
fn a_flow_is_where_it_came_from() {
    let flow = format!(";+sip.instance=\"<{URN}>\";reg-id=1");
    for (more, port) in [(flow.as_str(), 5060), ("", 7777)] {
        let mut world = World::new();
        world.phone("anne").offline();
        let contact = format!("<sip:anne@198.51.100.1:7777>{more}");
        let register = Do::Register.with("Contact", &contact).with("Supported", "path, outbound");
        world.at(0.0, "anne", register);
        world.run(1.0);
        let kept = world.store.bindings(&crate::sim::world::uid("anne"));
        assert_eq!(kept[0].target.port(), port, "{contact}");
    }
}

/// What is known of a flow after a restart is as good as before it.
#[test]
fn a_dead_flow_is_known_after_a_restart() {
    let mut world = two_flows();
    world.run(60.0);
    world.restart_servers();
    the_first_is_silent(&mut world);
    world.at(61.0, "carl", call("anne"));
    world.at(69.0, "carl", Do::Hangup);
    world.at(80.0, "carl", call("anne"));
    world.golden("outbound_a_dead_flow_is_known_after_a_restart");
}

/// The phone has given up the flow by which it was called, and then its user declines: that is his word.
#[test]
fn what_the_phone_says_stands_when_its_flow_is_gone() {
    let mut world = two_flows();
    world.phone_named("anne/one").on_call(&[(0.0, Reply::Status(180)), (3.0, Reply::Status(603))]);
    world.at(0.0, "carl", call("anne"));
    world.at(1.0, "anne/one", Do::Unregister);
    world.golden("outbound_what_the_phone_says_stands");
}

/// 430 is between a proxy and us.
#[test]
fn no_430_reaches_a_caller() {
    let mut world = World::new();
    world.phone("carl");
    world.phone("anne").on_call(&[(0.0, Reply::Status(430))]);
    world.at(0.0, "carl", call("anne"));
    world.expect(
        "  0.000  carl   -> server  INVITE anne           offer
           0.001  server -> carl    100
           0.001  server -> anne    INVITE                offer
           0.002  anne   -> server  430
           0.003  server -> anne    ACK
           0.003  server -> carl    480
           0.004  carl   -> server  ACK",
    );
}

/// What waits in the inbox is shown once by a client that comes by two flows.
#[test]
fn what_waits_is_shown_once() {
    let mut world = World::new();
    world.phone("carl");
    for (name, number) in [("anne/one", 1), ("anne/two", 2)] {
        world.phone(name).offline().flow(URN, number);
    }
    world.at(0.0, "carl", page("anne", "once"));
    world.at(2.0, "anne/one", Do::Register);
    world.at(2.0, "anne/two", Do::Register);
    let ladder = world.finish();
    world.assert_sound(&ladder);
    let taken: usize = ["anne/one", "anne/two"].iter().map(|name| world.phone_named(name).pages.len()).sum();
    assert_eq!(taken, 1, "{ladder}");
}

/// A page whose connection closes before it is answered goes by the other flow at once.
#[test]
fn a_page_whose_connection_is_lost() {
    let mut world = World::new();
    world.phone("carl");
    world.phone("anne/one").tcp().flow(URN, 1).on_page = 0;
    world.phone("anne/two").flow(URN, 2);
    world.at(0.0, "carl", page("anne", "hello"));
    world.at(1.0, "anne/one", Do::Disconnect);
    let ladder = world.finish();
    world.assert_sound(&ladder);
    assert_eq!(world.phone_named("anne/two").pages, ["hello"], "{ladder}");
    let words = ladder.split_whitespace().collect::<Vec<_>>().join(" ");
    assert!(words.contains("1.001 server -> anne/two MESSAGE"), "{ladder}");
}

/// Carl talks to Anne's client by the first of its two connections.
fn in_a_call() -> World {
    let mut world = World::new();
    world.phone("carl");
    world.phone("anne/one").tcp().flow(URN, 1).on_call(&answers(1.0));
    world.phone("anne/two").tcp().offline().flow(URN, 2);
    world.begin();
    world.at(0.0, "carl", call("anne"));
    world
}

/// Her network goes, and the client goes on by the other one: it is asked there at once.
#[test]
fn a_call_goes_on_by_the_other_flow() {
    let mut world = in_a_call();
    world.at(2.0, "anne/two", Do::Register);
    world.at(4.9, "anne/two", Do::GoOnWith("anne/one".to_owned()));
    world.at(5.0, "anne/one", Do::Disconnect);
    world.at(5.0, "anne/one", Do::Vanish);
    world.at(8.0, "carl", Do::Hold);
    world.at(40.0, "anne/two", Do::Hangup);
    world.golden("outbound_a_call_goes_on_by_the_other_flow");
}

/// Carl talks to Anne's client by the first of its two flows, both over UDP, and that falls silent: she goes on by
/// the other one. Her phone is asked after a minute whether it is there.
fn falls_silent() -> World {
    let mut world = World::new();
    world.configure("north.test", |settings| settings.limits.dialog_probe_s = 60);
    world.phone("carl");
    world.phone("anne/one").flow(URN, 1).on_call(&answers(1.0));
    world.phone("anne/two").flow(URN, 2);
    world.begin();
    world.at(0.0, "anne/one", Do::Register);
    world.at(0.1, "carl", call("anne"));
    world.at(5.0, "anne/one", Do::Vanish);
    world
}

/// Nobody answers there any more: the call goes on by the other one.
#[test]
fn a_silent_flow_does_not_end_the_call() {
    let mut world = falls_silent();
    world.at(5.0, "anne/two", Do::GoOnWith("anne/one".to_owned()));
    world.at(100.0, "carl", Do::Hold);
    world.at(110.0, "anne/two", Do::Hangup);
    world.golden("outbound_a_silent_flow_does_not_end_the_call");
}

/// What Carl wants meanwhile cannot be had, and the call goes on all the same.
#[test]
fn what_is_asked_of_a_silent_flow_fails_and_the_call_goes_on() {
    for (name, what) in [("an_info", Do::Info), ("a_hold", Do::Hold)] {
        let mut world = falls_silent();
        world.at(5.0, "anne/two", Do::GoOnWith("anne/one".to_owned()));
        world.at(10.0, "carl", what);
        world.at(80.0, "carl", Do::Hold);
        world.at(90.0, "carl", Do::Hangup);
        world.golden(&format!("outbound_{name}_to_a_silent_flow"));
    }
}

/// The client does not know of the call by its other flow, or is silent there too: the call is over.
#[test]
fn a_call_whose_flows_are_all_silent_is_over() {
    for (name, then) in [("silent", Do::Vanish), ("strange", Do::Restart)] {
        let mut world = falls_silent();
        world.at(5.0, "anne/two", Do::GoOnWith("anne/one".to_owned()));
        world.at(5.1, "anne/two", then);
        world.run(140.0);
        world.golden(&format!("outbound_both_flows_are_{name}"));
    }
}

/// The other one is there a while later: it is the same client, whichever flow it had.
#[test]
fn a_call_waits_for_any_flow_of_its_client() {
    let mut world = in_a_call();
    world.at(5.0, "anne/one", Do::Disconnect);
    world.at(5.0, "anne/one", Do::Vanish);
    world.at(5.1, "anne/two", Do::GoOnWith("anne/one".to_owned()));
    world.at(15.0, "anne/two", Do::Register);
    world.at(40.0, "carl", Do::Hangup);
    world.golden("outbound_a_call_waits_for_any_flow_of_its_client");
}

/// The one that is left is known to be dead: nothing is gained there, and the client is waited for.
#[test]
fn a_call_does_not_go_on_by_a_dead_flow() {
    let mut world = in_a_call();
    world.at(2.0, "anne/two", Do::Register);
    world.run(3.0);
    world.phone_named("anne/two").on_call(&[(0.0, Reply::Status(430))]);
    world.phone("william");
    world.at(3.0, "william", Do::Register);
    world.at(4.0, "william", call("anne"));
    world.at(5.0, "william", Do::Hangup);
    world.at(6.0, "anne/one", Do::Disconnect);
    world.at(20.0, "carl", Do::Hangup);
    world.golden("outbound_a_call_does_not_go_on_by_a_dead_flow");
}

/// A caller's flow is lost: it is his client's as well.
#[test]
fn a_callers_call_goes_on_by_the_other_flow() {
    let mut world = in_a_call();
    world.phone_named("carl").on_call(&answers(1.0));
    world.at(2.0, "carl", Do::Hangup);
    world.at(2.5, "anne/two", Do::Register);
    world.at(3.0, "anne/one", call("carl"));
    world.at(4.9, "anne/two", Do::GoOnWith("anne/one".to_owned()));
    world.at(5.0, "anne/one", Do::Disconnect);
    world.at(5.0, "anne/one", Do::Vanish);
    world.at(8.0, "carl", Do::Hangup);
    world.golden("outbound_a_callers_call_goes_on_by_the_other_flow");
}

/// What is by `sips:` does not go on in the clear, and goes on when its client is back over TLS.
#[test]
fn a_call_by_sips_waits_for_a_secure_flow() {
    let mut world = one_by_tls();
    world.phone_named("anne/one").on_call(&answers(1.0));
    world.at(1.0, "carl", call("sips:anne@north.test"));
    world.at(5.0, "anne/one", Do::Disconnect);
    world.at(5.5, "anne/two", Do::Register);
    world.at(15.0, "carl", Do::Hangup);
    world.golden("outbound_a_call_by_sips_waits_for_a_secure_flow");
}

/// A NAT gives the phone another address in a call: it registers, and is asked there from then on, whether it
/// writes its own address in its Contact or that which the NAT gives it.
#[test]
fn a_call_goes_on_at_the_new_address() {
    for (name, is_flow, is_told) in [
        ("a_flow", true, false),
        ("a_phone", false, false),
        ("a_flow_that_knows", true, true),
        ("a_phone_that_knows", false, true),
    ] {
        let mut world = World::new();
        world.phone("carl");
        let anne = world.phone("anne");
        anne.on_call(&answers(1.0));
        anne.instance = Some(URN.to_owned());
        if is_flow {
            anne.flow(URN, 1);
        }
        if !is_told {
            anne.nat();
        }
        world.at(0.0, "carl", call("anne"));
        if is_told {
            // By STUN it knows what is to be in its Contact from now on; that of the call is the old one.
            world.at(5.0, "anne", Do::Move);
        } else {
            world.at(5.0, "anne", Do::Forget);
            world.at(6.0, "anne", Do::Register);
        }
        world.at(8.0, "carl", Do::Hold);
        world.at(10.0, "carl", Do::Hangup);
        world.golden(&format!("outbound_a_call_of_{name}_goes_on_at_the_new_address"));
    }
}

/// Two clients come by one connection; the other one leaves it, and takes no call with it that is not its own.
#[test]
fn a_client_takes_its_own_calls_along() {
    let mut world = World::new();
    let other = "urn:uuid:f81d4fae-7dec-11d0-a765-00a0c91e6bf7";
    world.phone("carl");
    world.phone("anne/one").tcp().flow(URN, 1).on_call(&answers(1.0));
    world.phone("anne/two").tcp().offline().flow(other, 1);
    world.begin();
    let contact = format!("<sip:other@198.51.100.9>;+sip.instance=\"<{other}>\";reg-id=1;q=0.1");
    let shared = Do::Register.with("Contact", &contact).with("Supported", "path, outbound");
    world.at(0.0, "anne/one", shared);
    world.at(1.0, "carl", call("anne").with("Request-Disposition", "no-fork"));
    world.at(5.0, "anne/two", Do::Register);
    world.at(8.0, "carl", Do::Hangup);
    world.golden("outbound_a_client_takes_its_own_calls_along");
}
