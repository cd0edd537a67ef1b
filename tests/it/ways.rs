//! Ways to a user: numbers, trees, forwards, redirections, transports.

use crate::sim::{Do, Reply, World, answers, call, page};

/// A whole profile around the rules of one tree.
fn incoming(rules: &str) -> String {
    format!("profile \"p\" {{\n incoming {{\n {rules}\n }}\n}}\n")
}

fn outgoing(rules: &str) -> String {
    format!("profile \"p\" {{\n outgoing {{\n {rules}\n }}\n}}\n")
}

fn busy() -> [(f64, Reply); 1] {
    [(0.0, Reply::Status(486))]
}

#[test]
fn digits_dial_the_user_whose_number_it_is() {
    let mut world = World::new();
    world.phone("anne");
    world.phone("carl").on_call(&busy());
    world.number("carl", "+3545551234");
    world.at(0.0, "anne", call("+3545551234"));
    world.expect(
        "  0.000  anne   -> server  INVITE +3545551234    offer
           0.001  server -> anne    100
           0.001  server -> carl    INVITE                offer
           0.002  carl   -> server  486
           0.003  server -> carl    ACK
           0.003  server -> anne    486
           0.004  anne   -> server  ACK",
    );
}

#[test]
fn a_tel_uri_dials_the_user_whose_number_it_is() {
    let mut world = World::new();
    world.phone("anne");
    world.phone("carl").on_call(&busy());
    world.number("carl", "+3545551234");
    world.at(0.0, "anne", call("tel:+354-555-1234"));
    world.expect(
        "  0.000  anne   -> server  INVITE +354-555-1234  offer
           0.001  server -> anne    100
           0.001  server -> carl    INVITE                offer
           0.002  carl   -> server  486
           0.003  server -> carl    ACK
           0.003  server -> anne    486
           0.004  anne   -> server  ACK",
    );
}

#[test]
fn a_number_that_is_nobodys() {
    let mut world = World::new();
    world.phone("anne");
    world.at(0.0, "anne", call("tel:+3545550000"));
    world.expect(
        "  0.000  anne   -> server  INVITE +3545550000    offer
           0.001  server -> anne    100
           0.001  server -> anne    404
           0.002  anne   -> server  ACK",
    );
}

#[test]
fn the_callers_tree_refuses() {
    let mut world = World::new();
    world.phone("anne");
    world.phone("carl");
    let rules = "to carl@north.test -> refuse \"not him\"\n otherwise -> send";
    world.tree("anne", &outgoing(rules));
    world.at(0.0, "anne", call("carl"));
    world.expect(
        "  0.000  anne   -> server  INVITE carl           offer
           0.001  server -> anne    100
           0.001  server -> anne    403
           0.002  anne   -> server  ACK",
    );
}

#[test]
fn the_callees_tree_declines_one_caller() {
    let mut world = World::new();
    world.phone("anne");
    world.phone("carl").on_call(&busy());
    world.phone("dora");
    world.tree("carl", &incoming("caller anne@north.test -> decline\n otherwise -> try clients"));
    world.at(0.0, "anne", call("carl"));
    world.at(1.0, "dora", call("carl"));
    world.expect(
        "  0.000  anne   -> server  INVITE carl           offer
           0.001  server -> anne    100
           0.001  server -> anne    603
           0.002  anne   -> server  ACK
           1.000  dora   -> server  INVITE carl           offer
           1.001  server -> dora    100
           1.001  server -> carl    INVITE                offer
           1.002  carl   -> server  486
           1.003  server -> carl    ACK
           1.003  server -> dora    486
           1.004  dora   -> server  ACK",
    );
}

/// `busy` says so without disturbing anybody.
#[test]
fn the_callees_tree_is_busy() {
    let mut world = World::new();
    world.phone("anne");
    world.phone("carl");
    world.tree("carl", &incoming("otherwise -> busy"));
    world.at(0.0, "anne", call("carl"));
    world.expect(
        "  0.000  anne   -> server  INVITE carl           offer
           0.001  server -> anne    100
           0.001  server -> anne    486
           0.002  anne   -> server  ACK",
    );
}

/// `ignore`: the caller is never told that he was ignored; it rings for him until nobody answers.
#[test]
fn the_callees_tree_ignores() {
    let mut world = World::new();
    world.phone("anne");
    world.phone("carl");
    world.tree("carl", &incoming("otherwise -> ignore"));
    world.at(0.0, "anne", call("carl"));
    world.run(200.0);
    world.golden("the_callees_tree_ignores");
}

/// Dora's 180 is not seen here: for Anne it is Carl's once more.
#[test]
fn a_forward_rings_the_other_user() {
    let mut world = World::new();
    world.phone("anne");
    world.phone("carl").on_call(&[(0.0, Reply::Status(180))]);
    world.phone("dora").on_call(&answers(1.0));
    world.tree("carl", &incoming("otherwise -> try clients for 5s else forward dora@north.test"));
    world.at(0.0, "anne", call("carl"));
    world.at(10.0, "dora", Do::Hangup);
    world.expect(
        "  0.000  anne   -> server  INVITE carl           offer
           0.001  server -> anne    100
           0.001  server -> carl    INVITE                offer
           0.002  carl   -> server  180
           0.003  server -> anne    180
           5.001  server -> carl    CANCEL
           5.001  server -> dora    INVITE                offer
           5.002  carl   -> server  200 CANCEL
           5.002  carl   -> server  487
           5.002  dora   -> server  180
           5.003  server -> carl    ACK
           6.002  dora   -> server  200                   answer
           6.003  server -> dora    ACK
           6.003  server -> anne    200                   answer
           6.004  anne   -> server  ACK
          10.000  dora   -> server  BYE
          10.001  server -> dora    200 BYE
          10.001  server -> anne    BYE
          10.002  anne   -> server  200 BYE",
    );
}

/// Two trees that forward to each other: the one that closes the circle says so.
#[test]
fn forwards_go_round_in_a_circle() {
    let mut world = World::new();
    world.phone("anne");
    world.phone("carl");
    world.phone("dora");
    world.tree("carl", &incoming("otherwise -> forward dora@north.test"));
    world.tree("dora", &incoming("otherwise -> forward carl@north.test"));
    world.at(0.0, "anne", call("carl"));
    world.expect(
        "  0.000  anne   -> server  INVITE carl           offer
           0.001  server -> anne    100
           0.001  server -> anne    482
           0.002  anne   -> server  ACK",
    );
}

/// A 302 is a new decision of the callee's outgoing tree, not of the caller's.
#[test]
fn a_phone_sends_the_call_elsewhere() {
    let mut world = World::new();
    world.phone("anne");
    world.phone("carl").on_call(&[(0.0, Reply::MovedTo("dora".to_owned()))]);
    world.phone("dora").on_call(&busy());
    world.tree("anne", &outgoing("to dora@north.test -> refuse \"not her\"\n otherwise -> send"));
    world.at(0.0, "anne", call("carl"));
    world.expect(
        "  0.000  anne   -> server  INVITE carl           offer
           0.001  server -> anne    100
           0.001  server -> carl    INVITE                offer
           0.002  carl   -> server  302                   to dora
           0.003  server -> carl    ACK
           0.003  server -> dora    INVITE                offer
           0.004  dora   -> server  486
           0.005  server -> dora    ACK
           0.005  server -> anne    486
           0.006  anne   -> server  ACK",
    );
}

#[test]
fn a_phone_may_not_send_the_call_where_its_user_may_not() {
    let mut world = World::new();
    world.phone("anne");
    world.phone("carl").on_call(&[(0.0, Reply::MovedTo("dora".to_owned()))]);
    world.phone("dora");
    world.tree("carl", &outgoing("to dora@north.test -> refuse \"not her\"\n otherwise -> send"));
    world.at(0.0, "anne", call("carl"));
    world.golden("a_phone_may_not_send_the_call_where_its_user_may_not");
}

/// Nothing is relayed for strangers, nor to them: another domain is no target of a phone's 302.
#[test]
fn a_phone_sends_the_call_to_another_domain() {
    let mut world = World::new();
    world.phone("anne");
    world.phone("carl").on_call(&[(0.0, Reply::MovedTo("sip:dora@elsewhere.test".to_owned()))]);
    world.at(0.0, "anne", call("carl"));
    world.golden("a_phone_sends_the_call_to_another_domain");
}

#[test]
fn a_phone_on_tcp_calls_one_on_udp() {
    let mut world = World::new();
    world.phone("anne").tcp();
    world.phone("carl").on_call(&answers(1.0));
    world.at(0.0, "anne", call("carl"));
    world.at(3.0, "carl", Do::Hold);
    world.at(5.0, "anne", Do::Hangup);
    world.golden("a_phone_on_tcp_calls_one_on_udp");
}

#[test]
fn a_phone_on_udp_calls_one_on_tcp_behind_a_nat() {
    let mut world = World::new();
    world.phone("anne");
    world.phone("carl").tcp().nat().on_call(&answers(1.0));
    world.at(0.0, "anne", call("carl"));
    world.at(3.0, "carl", Do::Hold);
    world.at(5.0, "anne", Do::Hangup);
    world.golden("a_phone_on_udp_calls_one_on_tcp_behind_a_nat");
}

/// Behind a NAT a phone on UDP is called where its REGISTER came from, not where it says.
#[test]
fn a_phone_behind_a_nat_is_called() {
    let mut world = World::new();
    world.phone("anne").nat();
    world.phone("carl").nat().on_call(&answers(1.0));
    world.at(0.0, "anne", call("carl"));
    world.at(5.0, "carl", Do::Hangup);
    world.golden("a_phone_behind_a_nat_is_called");
}

/// The phone's connection is lost in a call: it comes back by another one, is asked whether it still
/// knows of the call, and the call goes on.
#[test]
fn a_connection_is_closed_in_a_call() {
    let mut world = World::new();
    world.phone("anne");
    world.phone("carl").tcp().on_call(&answers(1.0));
    world.at(0.0, "anne", call("carl"));
    world.at(5.0, "carl", Do::Disconnect);
    world.at(8.0, "anne", Do::Hold);
    world.at(10.0, "anne", Do::Hangup);
    world.golden("a_connection_is_closed_in_a_call");
}

/// The phone does not come back.
#[test]
fn a_connection_is_closed_for_good() {
    let mut world = World::new();
    world.phone("anne");
    world.phone("carl").tcp().on_call(&answers(1.0));
    world.at(0.0, "anne", call("carl"));
    world.at(5.0, "carl", Do::Disconnect);
    world.at(5.01, "carl", Do::Vanish);
    world.run(50.0);
    world.golden("a_connection_is_closed_for_good");
}

/// The caller's phone is switched off and on: it knows nothing of the call that it is asked about.
#[test]
fn a_caller_comes_back_without_his_call() {
    let mut world = World::new();
    world.phone("anne").tcp();
    world.phone("carl").on_call(&answers(1.0));
    world.at(0.0, "anne", call("carl"));
    world.at(5.0, "anne", Do::Disconnect);
    world.at(5.1, "anne", Do::Restart);
    world.golden("a_caller_comes_back_without_his_call");
}

/// The callee's connection is lost between his answer and its ACK, which waits for the caller's: he
/// repeats the answer by another one, and is acknowledged there.
#[test]
fn a_connection_is_closed_before_the_ack() {
    let mut world = World::new();
    world.phone("anne");
    world.phone("carl").tcp().on_call(&answers(1.0));
    world.at(0.0, "anne", Do::CallWithoutOffer("carl".to_owned()));
    world.at(1.0025, "carl", Do::Disconnect);
    world.at(10.0, "anne", Do::Hangup);
    world.golden("a_connection_is_closed_before_the_ack");
}

/// The caller's connection is lost before the answer reaches him: he gets it by the next one. This
/// phone has given up meanwhile, which is known when 64·T1 have brought no ACK (RFC 3261 §13.3.1.4).
#[test]
fn a_connection_is_closed_before_the_answer() {
    let mut world = World::new();
    world.phone("anne").tcp();
    world.phone("carl").on_call(&answers(1.0));
    world.at(0.0, "anne", call("carl"));
    world.at(1.0025, "anne", Do::Disconnect);
    world.at(10.0, "anne", Do::Hangup);
    world.golden("a_connection_is_closed_before_the_answer");
}

/// The first thing that the phone sends by its new connection is a request of the call.
#[test]
fn a_phone_goes_on_by_another_connection() {
    let mut world = World::new();
    world.phone("anne");
    world.phone("carl").tcp().on_call(&answers(1.0));
    world.at(0.0, "anne", call("carl"));
    world.at(5.0, "carl", Do::Disconnect);
    world.at(5.5, "carl", Do::Hold);
    world.at(10.0, "anne", Do::Hangup);
    world.golden("a_phone_goes_on_by_another_connection");
}

/// The other side asks something, and hangs up, while the phone is away: the phone hears of the end
/// when it is back.
#[test]
fn the_call_ends_while_a_phone_is_away() {
    let mut world = World::new();
    world.phone("anne");
    world.phone("carl").tcp().on_call(&answers(1.0));
    world.at(0.0, "anne", call("carl"));
    world.at(5.0, "carl", Do::Disconnect);
    world.at(5.3, "anne", Do::Info);
    world.at(5.4, "anne", Do::Hold);
    world.at(5.6, "anne", Do::Hangup);
    world.golden("the_call_ends_while_a_phone_is_away");
}

/// The connection dies without a word: the phone knows it, has registered by another, and is called
/// there; that the old one is closed comes out later.
#[test]
fn a_connection_dies_quietly() {
    let mut world = World::new();
    world.phone("anne");
    world.phone("carl").tcp().on_call(&answers(1.0));
    world.at(0.0, "anne", call("carl"));
    world.run(3.0);
    let dead = world.die_quietly("carl");
    world.run(6.0);
    world.at(8.0, "anne", Do::Hold);
    world.run(9.0);
    world.come_out(dead);
    world.at(10.0, "anne", Do::Hangup);
    world.run(50.0);
    world.golden("a_connection_dies_quietly");
}

/// The server's own system knows no way to a phone: nobody waits for it, and a page goes to the inbox.
#[test]
fn there_is_no_way_to_a_phone() {
    let mut world = World::new();
    world.phone("anne");
    world.phone("carl");
    world.begin();
    world.phone_named("carl").no_route = true;
    world.at(0.0, "anne", call("carl"));
    world.at(1.0, "anne", page("carl", "hello"));
    world.expect(
        "  0.000  anne   -> server  INVITE carl           offer
           0.001  server -> anne    100
           0.001  server -> anne    480
           0.002  anne   -> server  ACK
           1.000  anne   -> server  MESSAGE carl          \"hello\"
           1.001  server -> anne    202 MESSAGE",
    );
}

/// A request over 1300 bytes goes by TCP to a phone that accepts it (RFC 3261 §18.1.1).
#[test]
fn a_long_invite_goes_by_tcp() {
    let mut world = World::new();
    world.phone("anne").padding = 1500;
    world.phone("carl").on_call(&answers(1.0)).accepts_streams = true;
    world.at(0.0, "anne", call("carl"));
    world.at(5.0, "anne", Do::Hangup);
    world.golden("a_long_invite_goes_by_tcp");
}

/// And as a datagram to one that does not.
#[test]
fn a_long_invite_goes_as_a_datagram() {
    let mut world = World::new();
    world.phone("anne").padding = 1500;
    world.phone("carl").on_call(&answers(1.0));
    world.at(0.0, "anne", call("carl"));
    world.at(5.0, "anne", Do::Hangup);
    world.golden("a_long_invite_goes_as_a_datagram");
}

/// The server is killed and comes back: who was registered is still called.
#[test]
fn a_binding_outlives_the_server() {
    let mut world = World::new();
    world.phone("anne");
    world.phone("carl").on_call(&busy());
    world.run(1.0);
    world.restart_servers();
    world.at(2.0, "anne", call("carl"));
    world.expect(
        "  2.000  anne   -> server  INVITE carl           offer
           2.001  server -> anne    407                   challenge stale
           2.002  anne   -> server  ACK
           2.002  anne   -> server  INVITE carl           offer
           2.003  server -> anne    100
           2.003  server -> carl    INVITE                offer
           2.004  carl   -> server  486
           2.005  server -> carl    ACK
           2.005  server -> anne    486
           2.006  anne   -> server  ACK",
    );
}

/// A call that was up when the server was killed ends when a phone says so, and nothing is left.
#[test]
fn a_call_does_not_outlive_the_server() {
    let mut world = World::new();
    world.phone("anne");
    world.phone("carl").on_call(&answers(1.0));
    world.at(0.0, "anne", call("carl"));
    world.run(5.0);
    world.restart_servers();
    world.at(8.0, "anne", Do::Hangup);
    world.at(9.0, "carl", Do::Hangup);
    world.golden("a_call_does_not_outlive_the_server");
}

// ---- NAT boxes that forget -----------------------------------------------------------------

/// Anne behind a NAT that remembers her for a minute, in a call with Carl.
fn behind_a_forgetful_nat() -> World {
    let mut world = World::new();
    world.phone("anne").nat().nat_patience = Some(std::time::Duration::from_secs(60));
    world.phone("carl").on_call(&answers(1.0));
    world.at(0.0, "anne", call("carl"));
    world
}

/// Her mapping is lost in the call and made anew, with another port, when she says something: she is
/// asked who she is, and followed.
#[test]
fn a_mapping_is_lost_in_a_call_and_the_phone_found_again() {
    let mut world = behind_a_forgetful_nat();
    world.at(90.0, "anne", Do::Hold);
    world.at(92.0, "carl", Do::Hangup);
    world.golden("ways/a_mapping_is_lost_in_a_call_and_the_phone_found_again");
}

/// She says nothing, and what is sent to her is lost: the call ends for the other.
#[test]
fn a_mapping_is_lost_in_a_call_and_the_phone_is_not_found() {
    let mut world = behind_a_forgetful_nat();
    world.at(90.0, "carl", Do::Hangup);
    world.golden("ways/a_mapping_is_lost_in_a_call_and_the_phone_is_not_found");
}

/// Keep-alives hold the mapping.
#[test]
fn keep_alives_hold_a_mapping() {
    let mut world = behind_a_forgetful_nat();
    for beat in 1..4 {
        world.at(f64::from(beat) * 25.0, "anne", Do::KeepAlive);
    }
    world.at(90.0, "carl", Do::Hangup);
    world.golden("ways/keep_alives_hold_a_mapping");
}

/// A NAT that forgets all of a sudden: the phone registers, and is called where it is now.
#[test]
fn a_phone_that_was_forgotten_registers_and_is_called_there() {
    let mut world = World::new();
    world.phone("anne").nat().on_call(&answers(1.0));
    world.phone("carl");
    world.at(1.0, "anne", Do::Forget);
    world.at(2.0, "carl", call("anne"));
    world.at(4.0, "anne", Do::Register);
    world.at(40.0, "carl", call("anne"));
    world.at(43.0, "carl", Do::Hangup);
    world.golden("ways/a_phone_that_was_forgotten_registers_and_is_called_there");
}
