//! Registrations, each with its ladder.

use ratatosk::config::Algorithm;
use ratatosk::effect::Fact;

use crate::sim::world::uid;
use crate::sim::{Do, Reply, World, call, refuses};

/// Anne's phone, which has done nothing yet.
fn anne() -> World {
    let mut world = World::new();
    world.phone("anne").offline();
    world
}

fn kept(world: &World) -> usize {
    world.store.bindings(&uid("anne")).len()
}

#[test]
fn a_phone_registers() {
    let mut world = anne();
    world.phone_named("anne").reuses_nonce = false;
    world.at(0.0, "anne", Do::Register);
    world.expect(
        "  0.000  anne   -> server  REGISTER              expires 3600
           0.001  server -> anne    401 REGISTER          challenge
           0.002  anne   -> server  REGISTER              expires 3600, SHA-256
           0.003  server -> anne    200 REGISTER          1 binding",
    );
    assert_eq!(kept(&world), 1);
}

#[test]
fn a_phone_that_knows_only_md5() {
    let mut world = anne();
    world.phone_named("anne").reuses_nonce = false;
    world.phone_named("anne").knows = vec![Algorithm::Md5];
    world.at(0.0, "anne", Do::Register);
    world.expect(
        "  0.000  anne   -> server  REGISTER              expires 3600
           0.001  server -> anne    401 REGISTER          challenge
           0.002  anne   -> server  REGISTER              expires 3600, MD5
           0.003  server -> anne    200 REGISTER          1 binding",
    );
}

/// A nonce is good for five minutes; then the phone is told that only the nonce was too old, and
/// tries again without asking its user.
#[test]
fn a_nonce_gets_stale() {
    let mut world = anne();
    world.at(0.0, "anne", Do::Register);
    world.at(400.0, "anne", Do::Register);
    world.expect(
        "  0.000  anne   -> server  REGISTER              expires 3600
           0.001  server -> anne    401 REGISTER          challenge
           0.002  anne   -> server  REGISTER              expires 3600
           0.003  server -> anne    200 REGISTER          1 binding
         400.000  anne   -> server  REGISTER              expires 3600
         400.001  server -> anne    401 REGISTER          challenge stale
         400.002  anne   -> server  REGISTER              expires 3600
         400.003  server -> anne    200 REGISTER          1 binding",
    );
}

/// A nonce count serves once: who replays credentials is asked again.
#[test]
fn a_nonce_count_is_replayed() {
    let mut world = anne();
    world.at(0.0, "anne", Do::Register);
    world.run(1.0);
    let line = world.wire.iter().rfind(|line| line.bytes.starts_with(b"REGISTER")).unwrap();
    let text = String::from_utf8_lossy(&line.bytes).into_owned();
    let credentials = text.lines().find_map(|line| line.strip_prefix("Authorization: ")).unwrap();
    world.at(2.0, "anne", Do::Register.with("Authorization", credentials));
    world.expect(
        "  0.000  anne   -> server  REGISTER              expires 3600
           0.001  server -> anne    401 REGISTER          challenge
           0.002  anne   -> server  REGISTER              expires 3600
           0.003  server -> anne    200 REGISTER          1 binding
           2.000  anne   -> server  REGISTER              expires 3600
           2.001  server -> anne    401 REGISTER          challenge
           2.002  anne   -> server  REGISTER              expires 3600
           2.003  server -> anne    200 REGISTER          1 binding",
    );
}

/// A wrong password is asked for again; the phone gives up.
#[test]
fn a_wrong_password() {
    let mut world = anne();
    world.phone_named("anne").password = "guess".to_owned();
    world.phone_named("anne").reuses_nonce = false;
    world.at(0.0, "anne", Do::Register);
    world.golden("a_wrong_password");
    assert_eq!(kept(&world), 0);
    assert!(!world.wire.iter().any(|line| line.bytes.starts_with(b"SIP/2.0 200")));
}

/// Somebody who does not exist is treated as one with a wrong password.
#[test]
fn a_user_who_does_not_exist() {
    let mut known = anne();
    known.phone_named("anne").password = "guess".to_owned();
    known.at(0.0, "anne", Do::Register);
    let mut unknown = World::new();
    let phone = unknown.phone("anne");
    phone.offline().user = "nobody".to_owned();
    unknown.at(0.0, "anne", Do::Register);
    assert_eq!(known.finish(), unknown.finish());
}

#[test]
fn a_binding_that_is_too_short() {
    let mut world = anne();
    world.at(0.0, "anne", Do::RegisterFor(30));
    world.expect(
        "  0.000  anne   -> server  REGISTER              expires 30
           0.001  server -> anne    401 REGISTER          challenge
           0.002  anne   -> server  REGISTER              expires 30
           0.003  server -> anne    423 REGISTER          at least 60",
    );
    assert_eq!(kept(&world), 0);
}

#[test]
fn several_bindings_are_told_and_removed() {
    let mut world = World::new();
    for name in ["anne/desk", "anne/hand", "anne/lap"] {
        world.phone(name).offline();
    }
    world.at(0.0, "anne/desk", Do::Register);
    world.at(1.0, "anne/hand", Do::Register);
    world.at(2.0, "anne/lap", Do::Register);
    world.at(3.0, "anne/desk", Do::Query);
    world.at(4.0, "anne/hand", Do::Unregister);
    world.at(5.0, "anne/desk", Do::UnregisterAll);
    world.at(6.0, "anne/desk", Do::Query);
    world.golden("several_bindings_are_told_and_removed");
    assert_eq!(kept(&world), 0);
}

/// A phone that was switched off and on makes no second binding of the same Contact.
#[test]
fn a_phone_is_switched_off_and_on() {
    let mut world = anne();
    world.at(0.0, "anne", Do::Register);
    world.at(10.0, "anne", Do::Restart);
    world.expect(
        "  0.000  anne   -> server  REGISTER              expires 3600
           0.001  server -> anne    401 REGISTER          challenge
           0.002  anne   -> server  REGISTER              expires 3600
           0.003  server -> anne    200 REGISTER          1 binding
          10.000  anne   -> server  REGISTER              expires 3600
          10.001  server -> anne    401 REGISTER          challenge
          10.002  anne   -> server  REGISTER              expires 3600
          10.003  server -> anne    200 REGISTER          1 binding",
    );
    assert_eq!(kept(&world), 1);
}

/// The disk is full: the phone is refused, not accepted and lost; later it is served.
#[test]
fn the_disk_is_full() {
    let mut world = anne();
    world.at(0.0, "anne", Do::Register);
    world.store.full = true;
    world.run(1.0);
    assert_eq!(kept(&world), 0);
    world.store.full = false;
    world.at(2.0, "anne", Do::Register);
    world.golden("the_disk_is_full");
    assert_eq!(kept(&world), 1);
}

/// A binding that ran out is called no more.
#[test]
fn a_binding_runs_out() {
    let mut world = World::new();
    world.phone("anne");
    world.phone("carl").on_call(&[(0.0, Reply::Status(486))]).offline();
    world.at(0.0, "carl", Do::RegisterFor(60));
    world.at(1.0, "carl", Do::Vanish);
    world.at(62.0, "anne", call("carl"));
    world.expect(
        "  0.000  carl   -> server  REGISTER              expires 60
           0.001  server -> carl    401 REGISTER          challenge
           0.002  carl   -> server  REGISTER              expires 60
           0.003  server -> carl    200 REGISTER          1 binding
          62.000  anne   -> server  INVITE carl           offer
          62.001  server -> anne    100
          62.001  server -> anne    480
          62.002  anne   -> server  ACK",
    );
}

/// What is asked for beyond the longest is shortened to it (RFC 3261 §10.3 step 7).
#[test]
fn a_binding_that_is_too_long() {
    let mut world = anne();
    world.at(0.0, "anne", Do::RegisterFor(1_000_000));
    let ladder = world.finish();
    world.assert_sound(&ladder);
    let answer = String::from_utf8_lossy(&world.wire[3].bytes).into_owned();
    assert!(answer.contains(";expires=7200"), "{answer}");
}

/// Only one's own bindings are one's own to change.
#[test]
fn somebody_elses_binding() {
    let mut world = World::new();
    world.phone("anne");
    world.user("carl");
    world.at(0.0, "anne", Do::Register.with("To", "<sip:carl@north.test>"));
    world.golden("somebody_elses_binding");
    assert!(world.store.bindings(&uid("carl")).is_empty());
}

/// `Contact: *` with another expiry than 0 is nonsense (RFC 3261 §10.3 step 6).
#[test]
fn a_star_that_does_not_expire() {
    let mut world = World::new();
    world.phone("anne");
    world.at(0.0, "anne", Do::UnregisterAll.with("Expires", "60"));
    world.golden("a_star_that_does_not_expire");
    assert_eq!(kept(&world), 1);
}

/// The store's word comes late: so does the 200, and never before it.
#[test]
fn the_store_is_slow() {
    let mut world = anne();
    world.net.store_ms = (300, 300);
    world.at(0.0, "anne", Do::Register);
    world.golden("the_store_is_slow");
}

/// Two clients behind two gateways have the same private address: the instance tells them apart.
#[test]
fn two_instances_share_a_private_contact() {
    let mut world = World::new();
    for (phone, instance) in [("carl/desk", 1), ("carl/hand", 2)] {
        world.phone(phone).nat().offline();
        let contact = format!(
            "<sip:carl@192.168.0.2:5060>;+sip.instance=\"<urn:uuid:00000000-0000-0000-0000-00000000000{instance}>\""
        );
        world.at(f64::from(instance), phone, Do::Register.with("Contact", &contact));
    }
    world.run(4.0);
    assert_eq!(world.store.bindings(&uid("carl")).len(), 2);
}

/// A phone at the limit puts one binding in the place of another; one more than that is too many.
#[test]
fn bindings_are_swapped_at_the_limit() {
    let mut world = anne();
    world.configure("north.test", |settings| settings.limits.bindings_per_user = 2);
    let contacts = |text: &str| Do::Register.with("Contact", text);
    world.at(0.0, "anne", contacts("<sip:a@198.51.100.1>, <sip:b@198.51.100.1>"));
    world.at(1.0, "anne", contacts("<sip:a@198.51.100.1>;expires=0, <sip:c@198.51.100.1>"));
    world.run(2.0);
    let kept: Vec<_> = world.store.bindings(&uid("anne")).iter().map(|own| own.contact.clone()).collect();
    assert_eq!(kept, ["sip:b@198.51.100.1", "sip:c@198.51.100.1"]);
    world.at(3.0, "anne", contacts("<sip:d@198.51.100.1>"));
    world.run(4.0);
    assert!(!world.last_to("anne", "SIP/2.0 403").is_empty());
}

/// A phone renews at the very moment its binding expires, and the store takes its time: what was
/// promised is kept.
#[test]
fn a_binding_expires_while_its_renewal_is_stored() {
    let mut world = anne();
    world.net.store_ms = (50, 50);
    world.at(0.0, "anne", Do::RegisterFor(60));
    world.run(1.0);
    world.phone_named("anne").rest();
    world.at(60.02, "anne", Do::RegisterFor(60));
    world.run(62.0);
    assert!(world.last_to("anne", "SIP/2.0 200").contains("expires=6"));
    assert_eq!(kept(&world), 1);
}

/// The connection closes while the store is at it: no binding is left that nobody could be called by.
#[test]
fn a_connection_closes_while_its_registration_is_stored() {
    let mut world = World::new();
    world.phone("carl").tcp().offline();
    world.net.store_ms = (50, 50);
    world.at(0.0, "carl", Do::Register);
    world.at(0.01, "carl", Do::Disconnect);
    world.at(0.02, "carl", Do::Vanish);
    world.run(5.0);
    assert_eq!(world.census().iter().map(|census| census.bindings).sum::<usize>(), 0);
    assert_eq!(world.store.bindings(&uid("carl")).len(), 0);
}

/// A Contact that wants TLS is not called in the clear: it is refused.
#[test]
fn a_secure_contact_comes_without_tls() {
    for contact in ["<sips:anne@198.51.100.1>", "<sip:anne@198.51.100.1;transport=tls>"] {
        let mut world = anne();
        world.at(0.0, "anne", Do::Register.with("Contact", contact));
        world.run(2.0);
        assert!(!world.last_to("anne", "SIP/2.0 403").is_empty(), "{contact}");
    }
}

/// A connection is known to the server alone: reading its user again, however often, loses nothing.
#[test]
fn an_operator_changes_a_user_twice_in_a_moment() {
    let mut world = World::new();
    world.phone("anne");
    world.phone("carl").tcp().on_call(&refuses(0.5, 486));
    world.begin();
    world.refresh("carl");
    world.refresh("carl");
    world.run(0.5);
    world.refresh("carl");
    world.at(1.0, "anne", call("carl"));
    world.expect(
        "  1.000  anne   -> server  INVITE carl           offer
           1.001  server -> anne    100
           1.001  server -> carl    INVITE                offer
           1.002  carl   -> server  180
           1.003  server -> anne    180
           1.502  carl   -> server  486
           1.503  server -> carl    ACK
           1.503  server -> anne    486
           1.504  anne   -> server  ACK",
    );
}

/// Who reads what his phone shows, or its log, finds out why it is not registered, or why it cannot call.
#[test]
fn a_refusal_says_why() {
    for (contact, status, words) in [
        ("<tel:+4712345678>", 403, "the Contact is not a sip: or sips: URI"),
        ("<sip:anne@192.0.2.1:5060>", 403, "the Contact names this server itself"),
        (
            "<sips:anne@198.51.100.1>",
            403,
            "the Contact asks for TLS; register it over TLS, or write it without",
        ),
        ("*", 400, "Contact: * needs Expires: 0, and no Contact beside it"),
        (
            "<sip:anne@north.test>;+sip.instance=\"<urn:uuid:1>\"",
            403,
            "the Contact is the user's own address; register the phone's",
        ),
    ] {
        let mut world = anne();
        world.at(0.0, "anne", Do::Register.with("Contact", contact));
        world.run(1.0);
        let answer = world.last_to("anne", &format!("SIP/2.0 {status} "));
        assert!(answer.contains(&format!("Warning: 399 north.test \"{words}\"\r\n")), "{contact}: {answer}");
    }
    let mut world = World::new();
    world.configure("north.test", |settings| settings.limits.bindings_per_user = 1);
    world.phone("anne/desk");
    world.phone("anne/hand").offline();
    world.at(0.0, "anne/hand", Do::Register);
    world.at(1.0, "anne/desk", call("anne").with("Contact", ""));
    world.run(2.0);
    let answer = world.last_to("anne/hand", "SIP/2.0 403 ");
    assert!(
        answer.contains("\"as many phones are registered as a user may have; let one unregister\""),
        "{answer}"
    );
    let answer = world.last_to("anne/desk", "SIP/2.0 400 ");
    assert!(answer.contains("\"an INVITE needs exactly one Contact, with a sip: address\""), "{answer}");
}

/// A user name in other capitals can have no right password, for its phone reckons with it: who watches is told so.
#[test]
fn a_user_name_in_other_capitals() {
    for (name, respelled) in [("Anne", true), ("anne", false)] {
        let mut world = anne();
        let phone = world.phone_named("anne");
        (phone.user, phone.password) =
            (name.to_owned(), if respelled { "anne-secret" } else { "wrong" }.to_owned());
        world.at(0.0, "anne", Do::Register);
        world.run(1.0);
        let told = world.facts.iter().find_map(|fact| match fact {
            Fact::WrongPassword { account, respelled, .. } => Some((account.as_str(), *respelled)),
            _ => None,
        });
        assert_eq!(told, Some(("anne@north.test", respelled)));
    }
}
