//! Calls and pages by `sips:`: over TLS on every hop, or not at all.
//!
//! That nothing by `sips:` goes in the clear, and that Contacts have the right scheme, is a checker's
//! (`sim/check/form.rs`) and holds in every world.

use ratatosk::effect::Transport;

use crate::sim::text::Packet;
use crate::sim::world::Who;
use crate::sim::{Do, Reply, World, answers, call, page};

/// Anne and Carl by TLS.
fn two() -> World {
    let mut world = World::new().secured();
    world.phone("anne").sips();
    world.phone("carl").sips().on_call(&answers(1.0));
    world
}

/// North and south, Anne and Carl by TLS; the clusters speak with each other by that.
fn across(transport: Transport) -> World {
    let mut world = World::new().with_south().secured();
    world.federate(transport);
    world.phone("anne").sips();
    world.phone("carl@south.test").sips().on_call(&answers(1.0));
    world
}

/// The latest message of a server to that phone that begins so.
fn told(world: &World, phone: &str, begin: &str) -> String {
    let place = world.phones.iter().position(|own| own.name == phone).unwrap();
    let lines = world.wire.iter().rev().filter(|line| line.to == Who::Phone(place));
    let found = lines.map(|line| String::from_utf8_lossy(&line.bytes)).find(|text| text.starts_with(begin));
    found.unwrap_or_else(|| panic!("{phone} was never sent {begin}")).into_owned()
}

fn header(message: &str, name: &str) -> String {
    Packet::parse(message.as_bytes()).unwrap().get(name).unwrap_or_default().to_owned()
}

#[test]
fn a_call_by_sips_is_so_to_its_end() {
    let mut world = two();
    world.at(0.0, "anne", call("sips:carl@north.test"));
    world.at(3.0, "carl", Do::Hold);
    world.at(5.0, "anne", Do::Hangup);
    world.golden("sips/a_call_by_sips_is_so_to_its_end");
    let invite = told(&world, "carl", "INVITE ");
    assert!(invite.starts_with("INVITE sips:zq2qc@198.51.100.2:5060 "), "{invite}");
    assert!(header(&invite, "From").starts_with("<sips:anne@north.test>"), "{invite}");
    assert!(header(&invite, "To").starts_with("<sips:carl@north.test>"), "{invite}");
    assert_eq!(header(&invite, "Contact"), "<sips:anne@192.0.2.1:5061>");
    let answer = told(&world, "anne", "SIP/2.0 200 ");
    assert!(header(&answer, "Via").starts_with("SIP/2.0/TLS "), "{answer}");
}

/// A `sips:` Contact stands for the same as a `sip:` one too: who asks for no more is not promised more.
#[test]
fn a_call_by_sip_to_a_phone_by_sips_is_by_sip() {
    let mut world = two();
    world.phone("dora");
    world.at(0.0, "dora", call("carl"));
    world.at(3.0, "dora", Do::Hangup);
    world.golden("sips/a_call_by_sip_to_a_phone_by_sips_is_by_sip");
    let invite = told(&world, "carl", "INVITE ");
    assert!(invite.starts_with("INVITE sip:zq2qc@198.51.100.2:5060 "), "{invite}");
    assert_eq!(header(&invite, "Contact"), "<sip:dora@192.0.2.1:5061;transport=tls>");
}

/// Of several phones those ring that can be reached so.
#[test]
fn only_phones_by_sips_ring_for_a_call_by_sips() {
    let mut world = World::new().secured();
    world.phone("anne").sips();
    world.phone("carl/desk");
    world.phone("carl/hand").sips().on_call(&answers(1.0));
    world.phone("carl/lap").transport = Transport::Tls;
    world.at(0.0, "anne", call("sips:carl@north.test"));
    world.at(3.0, "anne", Do::Hangup);
    world.golden("sips/only_phones_by_sips_ring_for_a_call_by_sips");
}

#[test]
fn who_cannot_be_reached_by_sips_is_480_and_the_caller_told_why() {
    let mut world = World::new().secured();
    world.phone("anne").sips();
    world.phone("carl");
    world.at(0.0, "anne", call("sips:carl@north.test"));
    world.expect(
        "  0.000  anne   -> server  INVITE carl           offer
           0.001  server -> anne    100
           0.001  server -> anne    480
           0.002  anne   -> server  ACK",
    );
    let refusal = told(&world, "anne", "SIP/2.0 480 ");
    assert_eq!(header(&refusal, "Warning"), "380 north.test \"SIPS Not Allowed\"");
}

/// The requirement goes with the call, wherever trees and phones send it.
#[test]
fn a_call_by_sips_is_sent_on_by_sips_only() {
    let mut world = World::new().secured();
    world.phone("anne").sips();
    world.tree("carl", "profile \"p\" {\n incoming {\n otherwise -> try user dora@north.test else forward eric@north.test\n }\n}\n");
    world.phone("dora").on_call(&answers(0.5));
    world.phone("eric").sips().on_call(&[(0.0, Reply::MovedTo("fred".into()))]);
    world.phone("fred").sips().on_call(&answers(1.0));
    world.at(0.0, "anne", call("sips:carl@north.test"));
    world.at(3.0, "anne", Do::Hangup);
    world.golden("sips/a_call_by_sips_is_sent_on_by_sips_only");
}

/// A phone that sends its caller to a `sips:` address means it.
#[test]
fn a_call_that_is_sent_to_a_sips_address_goes_on_by_sips() {
    let mut world = World::new().secured();
    world.phone("anne");
    let moved = || Reply::MovedTo("sips:dora@north.test".into());
    world.phone("carl").on_call(&[(0.0, moved())]);
    world.phone("dora/desk").on_call(&answers(0.5));
    world.phone("dora/hand").sips().on_call(&answers(1.0));
    world.at(0.0, "anne", call("carl"));
    world.at(3.0, "anne", Do::Hangup);
    world.golden("sips/a_call_that_is_sent_to_a_sips_address_goes_on_by_sips");
    assert!(told(&world, "dora/hand", "INVITE ").starts_with("INVITE sips:"));
}

/// Transfers too: the new call is by `sips:` if the old one is, or if the phone asks so.
#[test]
fn a_call_by_sips_is_transferred_by_sips_only() {
    let mut world = two();
    world.phone("dora/desk").on_call(&answers(0.5));
    world.phone("dora/hand").sips().on_call(&answers(1.0));
    world.at(0.0, "anne", call("sips:carl@north.test"));
    world.at(3.0, "carl", Do::ReferTo("dora".into()));
    world.at(8.0, "anne", Do::Hangup);
    world.golden("sips/a_call_by_sips_is_transferred_by_sips_only");
}

/// Two calls of which one is by `sips:` do not become one.
#[test]
fn a_call_by_sips_is_not_joined_with_one_that_is_not() {
    let mut world = two();
    world.phone("dora").on_call(&answers(0.5));
    world.at(0.0, "anne", call("sips:carl@north.test"));
    world.at(2.0, "anne", call("dora"));
    world.at(4.0, "anne", Do::Join);
    world.at(8.0, "anne", Do::Hangup);
    world.golden("sips/a_call_by_sips_is_not_joined_with_one_that_is_not");
}

/// A phone that is in such a call and comes back without TLS is not followed.
#[test]
fn a_call_by_sips_does_not_go_on_in_the_clear() {
    let mut world = two();
    world.at(0.0, "anne", call("sips:carl@north.test"));
    world.run(3.0);
    let carl = world.phone_named("carl");
    (carl.transport, carl.sips) = (Transport::Udp, false);
    world.at(4.0, "carl", Do::Ping);
    world.at(5.0, "carl", Do::Disconnect);
    world.at(6.0, "carl", Do::Register);
    world.golden("sips/a_call_by_sips_does_not_go_on_in_the_clear");
}

/// Who wants to be asked over TLS has to speak so: else he would be asked in the clear.
#[test]
fn a_sips_contact_without_tls_is_refused() {
    let mut world = World::new().secured();
    world.phone("anne");
    world.phone("carl").on_call(&answers(1.0));
    world.at(0.0, "anne", call("carl").with("Contact", "<sips:anne@198.51.100.1>"));
    world.expect(
        "  0.000  anne   -> server  INVITE carl           offer
           0.001  server -> anne    400
           0.002  anne   -> server  ACK",
    );
}

#[test]
fn a_call_by_sips_goes_to_another_cluster_over_tls() {
    let mut world = across(Transport::Tls);
    world.at(0.0, "anne", call("sips:carl@south.test"));
    world.at(3.0, "carl@south.test", Do::Hold);
    world.at(5.0, "carl@south.test", Do::Hangup);
    world.golden("sips/a_call_by_sips_goes_to_another_cluster_over_tls");
    let is_server = |who| matches!(who, Who::Server(_));
    let between = world.wire.iter().filter(|line| is_server(line.from) && is_server(line.to));
    let texts: Vec<String> = between.map(|line| String::from_utf8_lossy(&line.bytes).into_owned()).collect();
    let invite = texts.iter().find(|text| text.starts_with("INVITE ")).unwrap();
    assert!(invite.starts_with("INVITE sips:carl@south.test "), "{invite}");
    assert_eq!(header(invite, "Contact"), "<sips:anne@192.0.2.1:5071>");
    assert_eq!(header(invite, "P-Asserted-Identity"), "<sip:anne@north.test>");
}

#[test]
fn a_call_by_sips_does_not_go_to_another_cluster_in_the_clear() {
    let mut world = across(Transport::Tcp);
    world.at(0.0, "anne", call("sips:carl@south.test"));
    world.at(3.0, "anne", page("sips:carl@south.test", "hello"));
    world.golden("sips/a_call_by_sips_does_not_go_to_another_cluster_in_the_clear");
    let refusal = told(&world, "anne", "SIP/2.0 480 Temporarily Unavailable\r\n");
    assert!(refusal.contains("MESSAGE") || !header(&refusal, "Warning").is_empty(), "{refusal}");
    assert!(world.clusters[0].store.outbox.is_empty());
}

/// Nothing is kept for anybody.
const ONLY_CLIENTS: &str = "profile \"p\" {\n incoming {\n otherwise -> try clients\n }\n}\n";

/// Who asks by `sips:` for somebody who is there without TLS is told why he is not reached: for calls and
/// pages, here and from another cluster.
#[test]
fn who_is_not_reached_by_sips_is_told_why() {
    let mut here = World::new().secured();
    here.phone("anne").sips();
    here.phone("carl").on_call(&answers(1.0));
    let mut there = across(Transport::Tls);
    let carl = there.phone_named("carl@south.test");
    (carl.transport, carl.sips) = (Transport::Udp, false);
    let mut clear = across(Transport::Tcp);
    clear.phone_named("carl@south.test").sips = false;
    here.tree("carl", ONLY_CLIENTS);
    there.tree("carl@south.test", ONLY_CLIENTS);
    for (mut world, to) in [(here, "carl@north.test"), (there, "carl@south.test"), (clear, "carl@south.test")]
    {
        let asks = [page(&format!("sips:{to}"), "hello"), call(&format!("sips:{to}"))];
        for (at, what) in [1.0, 5.0].into_iter().zip(asks) {
            world.at(at, "anne", what.clone());
            world.run(at + 3.0);
            let text = told(&world, "anne", "SIP/2.0 480 ");
            let method = if at < 2.0 { "MESSAGE" } else { "INVITE" };
            assert!(header(&text, "CSeq").ends_with(method), "{method} to {to}: {text}");
            assert!(header(&text, "Warning").starts_with("380 "), "{method} to {to}: {text}");
        }
    }
}

/// A page by `sips:` waits in the inbox for a phone that can be reached so; the others wait for none.
#[test]
fn a_page_by_sips_waits_for_a_phone_by_sips() {
    let mut world = World::new().secured();
    world.tree("carl", "profile \"p\" {\n incoming {\n otherwise -> try clients else inbox\n }\n}\n");
    world.phone("anne").sips();
    world.phone("carl/desk").offline();
    world.phone("carl/hand").sips().offline();
    world.at(0.0, "anne", page("sips:carl@north.test", "secret"));
    world.at(1.0, "anne", page("carl", "hello"));
    world.at(2.0, "carl/desk", Do::Register);
    world.at(5.0, "anne", page("sips:carl@north.test", "also secret"));
    world.at(8.0, "carl/hand", Do::Register);
    world.golden("sips/a_page_by_sips_waits_for_a_phone_by_sips");
    assert_eq!(world.phone_named("carl/desk").pages, ["hello"]);
    assert_eq!(world.phone_named("carl/hand").pages, ["secret", "also secret"]);
    assert!(told(&world, "carl/hand", "MESSAGE ").starts_with("MESSAGE sips:"));
}

/// Across, and one that has waited in the outbox.
#[test]
fn a_page_by_sips_goes_to_another_cluster_over_tls() {
    let mut world = across(Transport::Tls);
    world.at(0.0, "anne", page("sips:carl@south.test", "hello"));
    world.kill_at(10.0, "south.test");
    world.at(16.0, "anne", page("sips:carl@south.test", "are you there?"));
    world.start_at(30.0, "south.test");
    world.run(60.0);
    world.golden("sips/a_page_by_sips_goes_to_another_cluster_over_tls");
    let mut pages = world.phone_named("carl@south.test").pages.clone();
    pages.dedup();
    assert_eq!(pages, ["hello", "are you there?"]);
}
