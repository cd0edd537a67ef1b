//! Phones that sleep are woken in time to renew their bindings: whoever is in memory or not, whatever
//! becomes of the first try, and not all at once.

use ratatosk::base::{At, Slot};
use ratatosk::effect::store::StoredBinding;
use ratatosk::effect::{StoreOp, StoreOutcome};

use super::*;

/// Anne's phone by TCP sleeps behind a binding of so many seconds.
fn naps(expires: u32) -> World {
    let mut world = hooked("");
    world.phone("anne/hand").tcp().sleeper(2.0).on_call(&answers(1.0)).expires = Some(expires);
    world.begin();
    world.at(0.0, "anne/hand", Do::Sleep);
    world
}

/// When phones were woken, whole seconds into the ladder.
fn woken(world: &World) -> Vec<u64> {
    world.pushes.iter().map(|(_, at, _)| world.since_origin(*at).as_secs()).collect()
}

/// Nobody asks for anybody, and the phone is registered for as long as it likes.
#[test]
fn the_servers_are_started_anew() {
    let mut world = naps(600);
    world.run(1.0);
    world.restart_servers();
    world.run(3000.0);
    assert!(world.pushes.iter().all(|(.., what)| what == "anne/hand for a renewal"), "{:?}", world.pushes);
    assert!((4..=8).contains(&world.pushes.len()), "{:?}", world.pushes);
    world.at(3001.0, "carl", call("anne"));
    let ladder = world.finish();
    world.assert_sound(&ladder);
    let words = ladder.split_whitespace().collect::<Vec<_>>().join(" ");
    assert!(words.contains("server -> carl 200 answer"), "{ladder}");
}

/// The store cannot be read when they start: it is asked again.
#[test]
fn the_store_is_away_when_they_start() {
    let mut world = naps(600);
    world.run(1.0);
    world.store.gone = true;
    world.restart_servers();
    world.run(60.0);
    world.store.gone = false;
    world.run(1500.0);
    assert!(world.phone_named("anne/hand").is_registered());
    assert!(world.pushes.len() >= 2, "{:?}", world.pushes);
}

/// Too many are in memory, and she is let go.
#[test]
fn her_record_is_let_go() {
    let mut world = hooked("");
    world.configure("north.test", |settings| {
        settings.limits.users_in_memory = 1;
        settings.limits.awake_s = 1;
    });
    world.phone("anne/hand").sleeper(2.0).expires = Some(1800);
    world.phone("william");
    world.begin();
    world.at(0.0, "anne/hand", Do::Freeze);
    for minute in 1..90 {
        world.at(f64::from(minute) * 60.0, "carl", Do::Options("sip:north.test".into()));
    }
    world.run(400.0);
    let loaded = world.census().iter().map(|census| census.users).sum::<usize>();
    world.run(5000.0);
    assert!(loaded < 3, "she is in memory still");
    assert!(!world.pushes.is_empty());
    assert!(world.phone_named("anne/hand").is_registered());
    assert_eq!(world.store.bindings(&uid("anne")).len(), 1);
}

/// The hook is started anew just then.
#[test]
fn the_hook_fails_for_a_while() {
    let mut world = naps(240);
    world.run(1.0);
    world.hook.0 = Pushed::Failed;
    world.run(140.0);
    let tries = woken(&world);
    world.hook.0 = Pushed::Taken;
    world.run(600.0);
    assert!(tries.len() >= 2, "{tries:?}");
    assert!(world.phone_named("anne/hand").is_registered());
    assert_eq!(world.store.bindings(&uid("anne")).len(), 1);
}

/// The service takes it, and the phone never comes: it is woken again, each time after a longer pause, until
/// the binding ends.
#[test]
fn messages_get_lost() {
    let mut world = naps(240);
    world.phone_named("anne/hand").wakes_after = None;
    world.run(600.0);
    let tries = woken(&world);
    let pauses: Vec<u64> = tries.windows(2).map(|pair| pair[1] - pair[0]).collect();
    assert_eq!(pauses, [15, 30, 60], "{tries:?}");
    assert!(world.store.bindings(&uid("anne")).is_empty(), "it has ended");
}

/// The second one arrives.
#[test]
fn a_message_gets_lost() {
    let mut world = naps(240);
    world.phone_named("anne/hand").wakes_after = None;
    world.run(130.0);
    assert_eq!(world.pushes.len(), 1);
    world.phone_named("anne/hand").wakes_after = Some(2.0);
    world.run(160.0);
    assert_eq!(world.pushes.len(), 2);
    world.run(230.0);
    assert_eq!(world.pushes.len(), 2, "it has come");
}

/// A renewal that is not taken is nothing to somebody who waits for the phone.
#[test]
fn a_renewal_fails_while_somebody_waits() {
    let mut world = naps(240);
    world.phone_named("anne/hand").wakes_after = Some(15.0);
    world.run(100.0);
    world.at(112.0, "carl", call("anne"));
    world.run(115.0);
    world.hook.0 = Pushed::Failed;
    world.run(140.0);
    let ladder = world.finish();
    let reasons: Vec<_> = world.pushes.iter().map(|(.., what)| what.as_str()).collect();
    assert_eq!(reasons[..2], ["anne/hand for a call", "anne/hand for a renewal"]);
    let words = ladder.split_whitespace().collect::<Vec<_>>().join(" ");
    assert!(words.contains("server -> carl 200 answer"), "{ladder}");
}

/// A fleet is due when the servers start: they are read, and woken, a bounded number at a time.
#[test]
fn a_fleet_is_due() {
    let mut world = hooked("");
    world.hook = (Pushed::Taken, 0.5);
    let now_s = world.clock().wall_s();
    let fleet: Vec<_> = (0..1_000).map(|number| uid(&format!("u{number}"))).collect();
    for user in &fleet {
        let binding = StoredBinding {
            key: "k".into(),
            contact: "sip:u@192.0.2.7;transport=tcp;pn-provider=acme;pn-prid=one".into(),
            transport: Transport::Tcp,
            target: "192.0.2.7:5062".parse().unwrap(),
            expires_s: now_s + 110,
            granted_s: 600,
            wake_s: Some(now_s - 10),
            ..sample()
        };
        world.store.add(user, "secret");
        let put = StoreOp::SaveBindings { uid: user.clone(), put: vec![binding], remove: Vec::new() };
        assert!(matches!(world.store.perform(now_s, put), StoreOutcome::Saved));
    }
    world.start_ladder();
    world.run(40.0);
    let servers = world.census().len();
    let times: Vec<At> = world.pushes.iter().map(|(_, at, _)| *at).collect();
    for (place, at) in times.iter().enumerate() {
        let soon = times[place..].iter().take_while(|later| later.since(*at) < Duration::from_millis(490));
        let most = 32 * servers;
        assert!(soon.count() <= most, "more than {most} at once");
    }
    assert!(times.len() >= fleet.len(), "{} of {} were woken", times.len(), fleet.len());
}

/// Of the many who registered in one moment, not all are due in one.
#[test]
fn a_fleet_that_registered_at_once_is_spread() {
    let mut due: Vec<i64> = Vec::new();
    for number in 0..40 {
        let mut world = hooked("");
        let name = format!("u{number}");
        world.phone(&name).tcp().sleeper(2.0).expires = Some(3600);
        world.begin();
        let binding = world.store.bindings(&uid(&name))[0].clone();
        due.push(binding.expires_s - binding.wake_s.unwrap());
    }
    due.sort_unstable();
    assert!(due[0] >= 120 && due[39] <= 1800, "{due:?}");
    assert!(due[39] - due[0] > 400, "{due:?}");
}

/// Slots as the store is asked for them.
#[test]
fn every_slot_is_looked_at_by_its_server() {
    for servers in 1..=16 {
        let owned = (0..servers).map(|server| Slot::owned(ratatosk::base::ServerIndex(server), servers));
        let mut next = 0;
        for (server, (first, last)) in (0..).zip(owned) {
            assert_eq!(first.0, next);
            for slot in [first, last] {
                assert_eq!(slot.owner(servers).0, server);
            }
            next = last.0 + 1;
        }
        assert_eq!(next, 4096);
    }
}

fn sample() -> StoredBinding {
    StoredBinding {
        key: String::new(),
        contact: String::new(),
        target: "192.0.2.7:5062".parse().unwrap(),
        transport: Transport::Udp,
        listener: String::new(),
        path: String::new(),
        q: 1000,
        instance: String::new(),
        features: String::new(),
        user_agent: String::new(),
        call_id: "c".into(),
        cseq: 1,
        expires_s: 0,
        granted_s: 0,
        wake_s: None,
    }
}
