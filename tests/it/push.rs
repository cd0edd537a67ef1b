//! Phones that sleep (RFC 8599): who is woken, who rings late, and what happens when nobody wakes up.

use std::io::{Read, Write};
use std::net::{TcpListener, TcpStream};
use std::sync::Arc;
use std::sync::mpsc::{Receiver, channel};
use std::time::Duration;

use ratatosk::config::{PushHook, Secret};
use ratatosk::effect::{Fact, Pushed, Transport};
use ratatosk::io::driver;
use ratatosk::io::net::listen::OpenError;
use rustls::{ServerConnection, StreamOwned};

use crate::loopback::{LOOPBACK, Link, Server, prove, register, request, settings};
use crate::secured::{Authority, serving};
use crate::sim::world::uid;
use crate::sim::{Do, Reply, World, answers, call, page};

mod renewals;

pub(crate) fn hook(port: u16) -> PushHook {
    PushHook {
        host: "127.0.0.1".into(),
        port,
        authorities: None,
        path: "/wake".into(),
        token: Some(Secret::new("a-token")),
        providers: vec!["acme".into(), "fcm".into()],
    }
}

/// A world with a hook, and Carl.
fn hooked(tree: &str) -> World {
    let mut world = World::new();
    world.configure("north.test", |settings| settings.push = Some(Arc::new(hook(80))));
    if !tree.is_empty() {
        world.tree("anne", &format!("profile \"p\" {{\n incoming {{\n  {tree}\n }}\n}}\n"));
    }
    world.phone("carl");
    world
}

/// Anne's phone by TCP has fallen asleep; it wakes up after so long.
fn falls_asleep(world: &mut World, wakes_after: f64) {
    world.phone("anne/hand").tcp().sleeper(wakes_after).on_call(&answers(1.0));
    world.begin();
    world.at(0.0, "anne/hand", Do::Sleep);
}

fn asleep(wakes_after: f64) -> World {
    let mut world = hooked("");
    falls_asleep(&mut world, wakes_after);
    world
}

#[test]
fn a_sleeping_phone_is_woken_and_rings() {
    let mut world = asleep(3.0);
    world.at(2.0, "carl", call("anne"));
    world.golden("push_a_sleeping_phone_is_woken_and_rings");
}

/// One that speaks UDP is taken to be awake for a while after it has registered.
#[test]
fn a_phone_without_a_connection() {
    let mut world = hooked("");
    world.phone("anne/hand").sleeper(2.0).on_call(&answers(1.0));
    world.at(10.0, "carl", call("anne"));
    world.at(15.0, "carl", Do::Hangup);
    world.at(100.0, "carl", call("anne"));
    world.golden("push_a_phone_without_a_connection");
}

/// The desk phone rings meanwhile; the other one rings late, and is answered.
#[test]
fn a_woken_phone_rings_beside_the_others() {
    let mut world = hooked("");
    world.phone("anne/desk").on_call(&[(0.0, Reply::Status(180))]);
    falls_asleep(&mut world, 3.0);
    world.at(2.0, "carl", call("anne"));
    world.golden("push_a_woken_phone_rings_beside_the_others");
}

/// The desk phone is busy: that is not the last word while another one may wake up.
#[test]
fn a_refusal_waits_for_who_is_being_woken() {
    let mut world = hooked("");
    world.phone("anne/desk").on_call(&[(0.0, Reply::Status(486))]);
    falls_asleep(&mut world, 8.0);
    world.at(2.0, "carl", call("anne"));
    world.golden("push_a_refusal_waits_for_who_is_being_woken");
}

#[test]
fn the_caller_gives_up_meanwhile() {
    let mut world = asleep(4.0);
    world.at(2.0, "carl", call("anne"));
    world.at(4.0, "carl", Do::Hangup);
    world.golden("push_the_caller_gives_up_meanwhile");
}

#[test]
fn a_phone_registers_twice() {
    let mut world = asleep(3.0);
    world.at(2.0, "carl", call("anne"));
    world.at(5.5, "anne/hand", Do::Register);
    world.golden("push_a_phone_registers_twice");
}

#[test]
fn two_callers_wake_it_once() {
    let mut world = hooked("");
    world.phone("william");
    falls_asleep(&mut world, 3.0);
    world.phone_named("anne/hand").on_call(&[(0.0, Reply::Status(180))]);
    world.at(2.0, "carl", call("anne"));
    world.at(3.0, "william", call("anne"));
    let ladder = world.finish();
    world.assert_sound(&ladder);
    assert_eq!(world.pushes.len(), 1, "{ladder}");
    let words = ladder.split_whitespace().collect::<Vec<_>>().join(" ");
    assert_eq!(words.matches("-> anne/hand INVITE").count(), 2, "{ladder}");
}

#[test]
fn the_hook_is_down() {
    let mut world = asleep(3.0);
    world.hook.0 = Pushed::Failed;
    world.at(2.0, "carl", call("anne"));
    world.run(10.0);
    assert_eq!(world.store.bindings(&uid("anne")).len(), 1, "it may be up again");
    world.golden("push_the_hook_is_down");
}

/// It speaks UDP and has been silent for a while; the hook is down, and the phone is not asleep at all.
#[test]
fn the_hook_is_down_and_the_phone_is_awake() {
    let mut world = hooked("");
    world.phone("anne/hand").sleeper(2.0).on_call(&answers(1.0));
    world.hook.0 = Pushed::Failed;
    world.at(60.0, "carl", page("anne", "are you there"));
    world.at(100.0, "carl", call("anne"));
    world.golden("push_the_hook_is_down_and_the_phone_is_awake");
    assert_eq!(world.phone_named("anne/hand").pages, ["are you there"]);
}

/// The same, and it does sleep: the hook is asked once more behind the INVITE, and that is all.
#[test]
fn the_hook_is_down_and_the_phone_sleeps() {
    let mut world = hooked("");
    world.phone("anne/hand").sleeper(2.0);
    world.hook.0 = Pushed::Failed;
    world.at(60.0, "anne/hand", Do::Freeze);
    world.at(100.0, "carl", call("anne"));
    world.golden("push_the_hook_is_down_and_the_phone_sleeps");
    assert_eq!(world.pushes.len(), 2);
}

/// Carl's push was taken, William's is not: both wait for the phone, and it rings for both.
#[test]
fn a_later_push_fails() {
    let mut world = hooked("");
    world.phone("william");
    falls_asleep(&mut world, 9.0);
    world.phone_named("anne/hand").on_call(&[(0.0, Reply::Status(180))]);
    world.at(2.0, "carl", call("anne"));
    world.run(4.0);
    world.hook.0 = Pushed::Failed;
    world.at(8.0, "william", call("anne"));
    let ladder = world.finish();
    world.assert_sound(&ladder);
    assert_eq!(world.pushes.len(), 2, "{ladder}");
    let words = ladder.split_whitespace().collect::<Vec<_>>().join(" ");
    assert_eq!(words.matches("-> anne/hand INVITE").count(), 2, "{ladder}");
}

/// Anne's desk phone removes all that is registered: there is nobody left to wait for.
#[test]
fn it_is_removed_while_somebody_waits() {
    let mut world = hooked("");
    world.phone("anne/desk").on_call(&[(0.0, Reply::Status(486))]);
    falls_asleep(&mut world, 15.0);
    world.at(2.0, "carl", call("anne"));
    world.at(4.0, "anne/desk", Do::UnregisterAll);
    world.golden("push_it_is_removed_while_somebody_waits");
}

/// It tells no instance-id, and comes back by another connection each time, hence with another Contact: it
/// is the one that was woken, and has one binding however often it naps.
#[test]
fn another_contact_after_each_nap() {
    let mut world = hooked("");
    world.phone("anne/hand").tcp().sleeper(3.0).offline().on_call(&answers(1.0));
    let prid = world.phone_named("anne/hand").prid();
    world.begin();
    for nap in 0..12 {
        let seconds = f64::from(nap);
        let contact =
            format!("<sip:nap{nap}@192.0.2.7;transport=tcp;pn-provider=acme;pn-prid={prid};pn-param=p>");
        world.at(seconds, "anne/hand", Do::Register.with("Contact", &contact));
        world.at(seconds + 0.5, "anne/hand", Do::Sleep);
    }
    world.run(12.0);
    let kept: Vec<_> = world.store.bindings(&uid("anne")).iter().map(|own| own.contact.clone()).collect();
    assert_eq!(kept.len(), 1, "{kept:?}");
    assert!(kept[0].starts_with("sip:nap11@"), "{kept:?}");
    world.at(14.0, "carl", call("anne"));
    // It would complain of Contacts that are not its own.
    let ladder = world.finish();
    assert_eq!(world.pushes.len(), 1, "{ladder}");
    let words = ladder.split_whitespace().collect::<Vec<_>>().join(" ");
    assert!(words.contains("server -> carl 200 answer"), "{ladder}");
    assert_eq!(world.store.bindings(&uid("anne")).len(), 1);
}

/// Who is which client: the Contacts of two REGISTERs, and how many bindings they come to.
#[test]
fn one_phone_or_two() {
    let one = ";pn-provider=acme;pn-prid=one;pn-param=p";
    let instance = "+sip.instance=\"<urn:uuid:1>\"";
    let table = [
        (format!("<sip:a@192.0.2.7{one}>"), format!("<sip:b@192.0.2.7{one}>"), 1),
        (
            format!("<sip:a@192.0.2.7{one}>"),
            "<sip:b@192.0.2.7;pn-provider=acme;pn-prid=two;pn-param=p>".into(),
            2,
        ),
        (
            format!("<sip:a@192.0.2.7{one}>"),
            "<sip:b@192.0.2.7;pn-provider=fcm;pn-prid=one;pn-param=p>".into(),
            2,
        ),
        (
            format!("<sip:a@192.0.2.7{one}>"),
            "<sip:b@192.0.2.7;pn-provider=acme;pn-prid=one;pn-param=q>".into(),
            2,
        ),
        // An application that was renewed tells an instance-id now.
        (format!("<sip:a@192.0.2.7{one}>"), format!("<sip:b@192.0.2.7{one}>;{instance}"), 1),
        (format!("<sip:a@192.0.2.7{one}>;{instance}"), format!("<sip:b@192.0.2.7{one}>;{instance}"), 1),
        // One that wants to be woken no longer, and the other way round.
        (format!("<sip:a@192.0.2.7{one}>"), "<sip:a@192.0.2.7>".into(), 1),
        ("<sip:a@192.0.2.7>".into(), format!("<sip:a@192.0.2.7{one}>"), 1),
        ("<sip:a@192.0.2.7>".into(), "<sip:b@192.0.2.7>".into(), 2),
        (format!("<sip:a@192.0.2.7{one}>"), format!("<sip:b@192.0.2.7{one}>;expires=0"), 0),
    ];
    for (first, second, count) in table {
        let mut world = hooked("");
        world.phone("anne").offline();
        world.at(0.0, "anne", Do::Register.with("Contact", &first));
        world.at(1.0, "anne", Do::Register.with("Contact", &second));
        world.run(2.0);
        assert_eq!(world.store.bindings(&uid("anne")).len(), count, "{first} and {second}");
    }
}

/// Its push service knows it no longer: nor do we.
#[test]
fn the_phone_is_gone() {
    let mut world = asleep(3.0);
    world.hook.0 = Pushed::Gone;
    world.at(2.0, "carl", call("anne"));
    world.at(10.0, "carl", call("anne"));
    world.golden("push_the_phone_is_gone");
    assert!(world.store.bindings(&uid("anne")).is_empty());
    assert_eq!(world.pushes.len(), 1);
}

/// It comes back before the hook has said that it is gone: that was another phone.
#[test]
fn it_registers_before_the_hook_says_that_it_is_gone() {
    let mut world = asleep(3.0);
    world.hook = (Pushed::Gone, 2.0);
    world.at(2.0, "carl", call("anne"));
    world.at(3.0, "anne/hand", Do::Register);
    world.golden("push_it_registers_before_the_hook_says_that_it_is_gone");
    assert_eq!(world.store.bindings(&uid("anne")).len(), 1);
}

/// The hook says nothing for a while, and is not there in the end: the phone has registered meanwhile.
#[test]
fn the_hook_is_slow() {
    let mut world = asleep(3.0);
    world.hook = (Pushed::Failed, 5.0);
    world.at(2.0, "carl", call("anne"));
    world.at(4.0, "anne/hand", Do::Register);
    world.golden("push_the_hook_is_slow");
}

/// Its connection is open, and nobody is behind it: it is woken when it has been silent for long enough.
#[test]
fn a_phone_sleeps_behind_its_connection() {
    let mut world = hooked("");
    world.phone("anne/hand").tcp().sleeper(2.0).on_call(&answers(1.0));
    world.at(0.0, "anne/hand", Do::Freeze);
    world.at(2.0, "carl", call("anne"));
    world.golden("push_a_phone_sleeps_behind_its_connection");
}

/// It is woken in time to renew its binding, and is registered for as long as it likes.
#[test]
fn a_sleeping_phone_renews_its_binding() {
    let mut world = hooked("");
    world.phone("anne/hand").tcp().sleeper(2.0).expires = Some(600);
    world.begin();
    world.at(0.0, "anne/hand", Do::Sleep);
    world.run(500.0);
    let at: Vec<_> = world.pushes.iter().map(|(_, _, what)| what.as_str()).collect();
    assert_eq!(at, ["anne/hand for a renewal"]);
    assert!(world.phone_named("anne/hand").is_registered());
}

/// One that does so by itself is let alone.
#[test]
fn a_phone_that_wakes_by_itself_is_let_sleep() {
    let mut world = hooked("");
    world.phone("anne").offline();
    let contact = "<sip:anne@198.51.100.1;pn-provider=acme;pn-prid=one>;+sip.pnsreg;expires=300";
    world.at(0.0, "anne", Do::Register.with("Contact", contact));
    world.run(290.0);
    assert!(world.pushes.is_empty());
}

/// Who wants one phone after the other waits for those that sleep, too, and has nobody woken twice.
#[test]
fn one_after_the_other() {
    let mut world = hooked("");
    world.phone("anne/desk").on_call(&[(0.0, Reply::Status(486))]);
    falls_asleep(&mut world, 3.0);
    world.phone_named("anne/hand").wakes_after = None;
    world.at(2.0, "carl", call("anne").with("Request-Disposition", "sequential"));
    world.golden("push_one_after_the_other");
    assert_eq!(world.pushes.len(), 1);
}

#[test]
fn nobody_wakes_up() {
    let mut world = asleep(3.0);
    world.phone_named("anne/hand").wakes_after = None;
    world.at(2.0, "carl", call("anne"));
    world.golden("push_nobody_wakes_up");
}

/// The stage is over before it is awake: it does not ring for what comes after.
#[test]
fn it_wakes_up_too_late() {
    let mut world = hooked("otherwise -> try clients for 2s else user william@north.test");
    world.phone("william").on_call(&answers(4.0));
    falls_asleep(&mut world, 3.0);
    world.at(2.0, "carl", call("anne"));
    world.golden("push_it_wakes_up_too_late");
}

/// The next stage names it again: it is waited for, and not woken once more.
#[test]
fn it_wakes_up_in_the_next_stage() {
    let mut world = hooked("otherwise -> try clients for 2s else clients for 9s");
    falls_asleep(&mut world, 3.0);
    world.at(2.0, "carl", call("anne"));
    world.golden("push_it_wakes_up_in_the_next_stage");
    assert_eq!(world.pushes.len(), 1);
}

#[test]
fn a_page_wakes_it() {
    let mut world = asleep(2.0);
    world.at(2.0, "carl", page("anne", "wake up"));
    world.golden("push_a_page_wakes_it");
    assert_eq!(world.phone_named("anne/hand").pages, ["wake up"]);
}

/// A page waits no longer than pages do: it is in the inbox, and comes from there.
#[test]
fn a_page_that_wakes_it_too_late_comes_from_the_inbox() {
    let mut world = asleep(8.0);
    world.at(2.0, "carl", page("anne", "wake up"));
    world.golden("push_a_page_that_wakes_it_too_late");
    assert_eq!(world.phone_named("anne/hand").pages, ["wake up"]);
}

/// What the servers were told outlives them, though the connection does not.
#[test]
fn the_servers_are_started_anew() {
    let mut world = asleep(3.0);
    world.run(1.0);
    world.restart_servers();
    world.at(4.0, "carl", call("anne"));
    let ladder = world.finish();
    world.assert_sound(&ladder);
    assert_eq!(world.pushes.len(), 1, "{ladder}");
    let words = ladder.split_whitespace().collect::<Vec<_>>().join(" ");
    assert!(words.contains("server -> carl 200 answer"), "{ladder}");
}

/// What a phone may say of push services, and what it is answered.
#[test]
fn what_is_registered() {
    let early = "*;+sip.pns=\"acme\";+sip.pnsreg=\"120\"";
    let every = "*;+sip.pns=\"acme\", *;+sip.pns=\"fcm\"";
    let long = format!(";x={}", "y".repeat(2048));
    let table = [
        (true, ";pn-provider=acme;pn-prid=one", 200, Some("*;+sip.pns=\"acme\"")),
        // Nobody could wake it by that, and it is not told that somebody would.
        (true, ";pn-provider=acme", 200, None),
        (true, ";pn-provider=acme;pn-prid=a%0d%0ab", 200, None),
        (true, ";pn-provider=acme;pn-prid=one;pn-param=%ff", 200, None),
        (true, &long, 513, None),
        (true, ";pn-provider", 200, Some(every)),
        (true, ";pn-provider=other;pn-prid=one", 555, Some(every)),
        (true, ";pn-provider=acme;pn-prid=one>;+sip.pnsreg;expires=600", 200, Some(early)),
        (true, ";pn-provider=other;pn-prid=one>;expires=0", 200, Some(every)),
        (true, "", 200, None),
        (false, ";pn-provider=acme;pn-prid=one", 200, None),
    ];
    for (has_hook, more, status, caps) in table {
        let mut world = World::new();
        world.configure("north.test", |settings| settings.push = has_hook.then(|| Arc::new(hook(80))));
        world.phone("anne").offline();
        let end = if more.contains('>') { "" } else { ">" };
        let contact = format!("<sip:anne@198.51.100.1{more}{end}");
        world.at(0.0, "anne", Do::Register.with("Contact", &contact));
        world.run(1.0);
        let answer = String::from_utf8_lossy(&world.wire.last().unwrap().bytes).into_owned();
        assert!(answer.starts_with(&format!("SIP/2.0 {status} ")), "{more}: {answer}");
        let told = answer.lines().find_map(|line| line.strip_prefix("Feature-Caps: "));
        assert_eq!(told, caps, "{more}");
    }
}

/// A hook that answers everybody so; what it was asked comes out.
pub(crate) fn answering(listener: TcpListener, status: &'static str) -> Receiver<String> {
    answering_by(listener, status, |stream| stream)
}

/// [`answering`] by whatever wraps a connection. Who breaks off before he has asked is passed over.
fn answering_by<W: Read + Write>(
    listener: TcpListener,
    status: &'static str,
    wrap: impl Fn(TcpStream) -> W + Send + 'static,
) -> Receiver<String> {
    let (asked, hears) = channel();
    std::thread::spawn(move || {
        for stream in listener.incoming() {
            let (mut stream, mut text) = (wrap(stream.unwrap()), Vec::new());
            let mut room = [0; 1024];
            while !text.ends_with(b"}") {
                match stream.read(&mut room) {
                    Ok(length) if length > 0 => text.extend_from_slice(&room[..length]),
                    Ok(_) | Err(_) => break,
                }
            }
            let text = String::from_utf8(text).unwrap();
            if !text.is_empty() {
                let answer = format!("HTTP/1.1 {status}\r\nContent-Length: 0\r\n\r\n");
                stream.write_all(answer.as_bytes()).unwrap();
            }
            if asked.send(text).is_err() {
                return;
            }
        }
    });
    hears
}

/// A server with this hook, at which anne has registered by a connection that is gone; she pages herself from
/// another phone, so that the first one is woken. Her second phone comes with it.
fn wakes(hook: PushHook) -> (Server, Link) {
    let mut settings = settings(2, &[(Transport::Udp, LOOPBACK), (Transport::Tcp, LOOPBACK)]);
    settings.push = Some(Arc::new(hook));
    let server = Server::start(settings);
    let mut phone = Link::Tcp(server.tcp());
    let challenged = phone.ask(&request("REGISTER", &phone, "anne", "sip:north.test", 1, "", ""));
    let proof = prove(&challenged, "REGISTER", "anne", "sip:north.test");
    let text = request("REGISTER", &phone, "anne", "sip:north.test", 2, &proof, "");
    let own = format!("Contact: <sip:anne@{}>", phone.address());
    let asleep = "Contact: <sip:anne@127.0.0.1;pn-provider=acme;pn-prid=a%22b>";
    let answer = phone.ask(&text.replace(&own, asleep));
    assert!(answer.contains("Feature-Caps: *;+sip.pns=\"acme\""), "{answer}");
    drop(phone);
    let mut caller = Link::Udp(server.udp());
    register(&mut caller, 1);
    let to = "sip:anne@north.test";
    let challenged = caller.ask(&request("MESSAGE", &caller, "anne", to, 3, "", "hello"));
    let proof = prove(&challenged, "MESSAGE", "anne", to);
    caller.send(&request("MESSAGE", &caller, "anne", to, 4, &proof, "hello"));
    (server, caller)
}

/// Why the phone that slept is registered no longer; `None` if it still is after a while.
fn forgotten(server: &Server) -> Option<&'static str> {
    let facts = server.facts.lock().unwrap();
    while let Ok(fact) = facts.recv_timeout(Duration::from_millis(1500)) {
        if let Fact::Unregistered { why, .. } = fact {
            return Some(why);
        }
    }
    None
}

/// The hook, asked for real: what it is sent, and what its word does. Only 410 says that the phone is gone.
#[test]
fn the_hook_is_asked_by_http() {
    for (status, why) in
        [("410 Gone", Some("unknown to its push service")), ("404 Not Found", None), ("202 Accepted", None)]
    {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let hook = hook(listener.local_addr().unwrap().port());
        let hears = answering(listener, status);
        let (server, _caller) = wakes(hook);
        let text = hears.recv_timeout(Duration::from_secs(10)).unwrap();
        assert!(text.starts_with("POST /wake HTTP/1.1\r\nHost: 127.0.0.1:"), "{text}");
        assert!(text.contains("\r\nAuthorization: Bearer a-token\r\n"), "{text}");
        let body: serde_json::Value = serde_json::from_str(text.split("\r\n\r\n").nth(1).unwrap()).unwrap();
        assert_eq!(body["user"], "anne@north.test");
        assert_eq!(body["provider"], "acme");
        assert_eq!(body["prid"], "a\"b");
        assert_eq!(body["reason"], "page");
        assert!(!text.contains("hello"), "what waits for the phone is nobody's");
        assert_eq!(forgotten(&server), why, "{status}");
    }
}

/// By https it hears the same, if it is who its address says; somebody else in its place hears nothing.
#[test]
fn the_hook_is_asked_by_https() {
    let (authority, stranger) = (Authority::new(), Authority::new());
    for (proof, is_believed) in [
        (authority.issue("hook", &["127.0.0.1"], [2020, 2100]), true),
        (authority.issue("other", &["127.0.0.2", "north.test"], [2020, 2100]), false),
        (authority.issue("old", &["127.0.0.1"], [2020, 2021]), false),
        (stranger.issue("stranger", &["127.0.0.1"], [2020, 2100]), false),
    ] {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let port = listener.local_addr().unwrap().port();
        let config = serving(&proof);
        let hears = answering_by(listener, "410 Gone", move |stream| {
            StreamOwned::new(ServerConnection::new(Arc::clone(&config)).unwrap(), stream)
        });
        let (server, _caller) = wakes(PushHook { authorities: Some(authority.file()), ..hook(port) });
        let text = hears.recv_timeout(Duration::from_secs(10)).unwrap();
        assert_eq!(text.contains("\"prid\":\"a\\\"b\""), is_believed, "{text}");
        assert_eq!(forgotten(&server).is_some(), is_believed);
    }
}

/// Authorities that cannot be read are told before anything is opened, and by a reload, which then changes nothing.
#[test]
fn authorities_of_the_hook_that_are_of_no_use_are_told() {
    let authority = Authority::new();
    let proof = authority.usual();
    let open = |authorities: std::path::PathBuf| {
        let mut settings = settings(1, &[(Transport::Udp, LOOPBACK)]);
        settings.push = Some(Arc::new(PushHook { authorities: Some(authorities), ..hook(443) }));
        settings
    };
    for (file, words) in
        [("nowhere.pem".into(), "nowhere.pem cannot be read"), (proof.key, "holds no certificate")]
    {
        let told = match driver::open(open(file)) {
            Err(OpenError::Certificate(error)) => error.to_string(),
            other => panic!("{other:?}"),
        };
        assert!(told.contains(words), "{told}");
    }
    let server = Server::start(open(authority.file()));
    let reload = || server.running.handle().reload_certificates(&server.settings);
    reload().unwrap();
    std::fs::write(authority.file(), "").unwrap();
    assert!(reload().unwrap_err().to_string().contains("holds no certificate"));
}
