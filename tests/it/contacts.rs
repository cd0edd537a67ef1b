//! A user in memory: what his trees are told of the other side, and what he costs.

use std::collections::BTreeSet;
use std::sync::Arc;

use bytes::Bytes;
use ratatosk::base::{At, Cid, Limits, Now, Uid};
use ratatosk::config::{Algorithm, Features, Listener, Settings};
use ratatosk::effect::Transport;
use ratatosk::effect::store::{
    Secrets, StoredBinding, StoredContacts, StoredDevice, StoredGroup, StoredUser,
};
use ratatosk::registrar::User;
use ratatosk::routing::{Content, Header, Profile, Who};

const URN: &str = "urn:uuid:f81d4fae-7dec-11d0-a765-00a0c91e6bf6";

fn settings() -> Settings {
    Settings {
        cid: Cid::new("north.test"),
        own_hosts: BTreeSet::new(),
        listeners: vec![Listener {
            advertise: "192.0.2.1".to_owned(),
            ..Listener::plain(Transport::Udp, "192.0.2.1:5060".parse().unwrap())
        }],
        digest: vec![Algorithm::Md5],
        key: [7; 32],
        epoch: 1,
        default_profile: Arc::new(
            Profile::compile("profile \"default\" { incoming { otherwise -> try clients } }").unwrap(),
        ),
        features: Features::default(),
        peers: Vec::new(),
        servers: 1,
        dns: Vec::new(),
        push: None,
        limits: Limits::default(),
    }
}

fn now() -> Now {
    Now { at: At::from_micros(1), wall_ms: 1_700_000_000_000 }
}

fn uid(text: &str) -> Uid {
    Uid::parse(text).unwrap()
}

fn stored() -> StoredUser {
    let secrets =
        Secrets { md5: [b'0'; 32], sha256: [b'0'; 64], md5_uid: [b'0'; 32], sha256_uid: [b'0'; 64] };
    StoredUser::new(uid("anne@north.test"), secrets)
}

fn contacts(everybody: &[&str], groups: &[(&str, &[&str])]) -> StoredContacts {
    let texts = |texts: &[&str]| texts.iter().map(|text| (*text).to_owned()).collect();
    let group =
        |(name, members): &(&str, &[&str])| StoredGroup { name: (*name).into(), members: texts(members) };
    StoredContacts { everybody: texts(everybody), groups: groups.iter().map(group).collect() }
}

/// A phone as most are: over UDP, with an instance-id.
fn binding() -> StoredBinding {
    StoredBinding {
        key: format!("<{URN}>#1"),
        contact: "sip:anne@203.0.113.77:52034;ob".into(),
        target: "203.0.113.77:52034".parse().unwrap(),
        transport: Transport::Udp,
        listener: "udp:192.0.2.1:5060".into(),
        path: String::new(),
        q: 1000,
        instance: format!("<{URN}>"),
        features: String::new(),
        user_agent: "Linphone-Desktop/5.2.6 (anne-laptop)".into(),
        call_id: "f3c0b7a1-5f2e-4d1f-9a55-0c9c6c2a8f10".into(),
        cseq: 42,
        expires_s: 1_700_005_400,
        granted_s: 3600,
        wake_s: None,
    }
}

#[test]
fn facts_tell_the_groups_and_follow_an_operators_change() {
    let settings = settings();
    let device = |name: &str| StoredDevice {
        name: name.into(),
        kind: "client".into(),
        address: None,
        instance: Some(URN.into()),
    };
    let friends: (&str, &[&str]) = ("Friends", &["carl@north.test", "@west.test"]);
    let mut user = User::load(
        &settings,
        now(),
        StoredUser {
            contacts: contacts(&["carl@north.test"], &[friends]),
            devices: vec![device("desk")],
            bindings: vec![binding()],
            waiting: true,
            ..stored()
        },
    );
    let facts = |user: &User, who: &Who| {
        let facts = user.facts(now(), who, Some(urgent()));
        assert!(facts.urgent && facts.wall_ms == now().wall_ms);
        (facts.groups.iter().map(ToString::to_string).collect::<Vec<_>>(), facts.contact)
    };
    let (carl, dora) = (Who::User(uid("carl@north.test")), Who::User(uid("dora@west.test")));
    assert_eq!(facts(&user, &carl), (vec!["Friends".to_owned()], true));
    assert_eq!(facts(&user, &dora), (vec!["Friends".to_owned()], false));
    assert_eq!(facts(&user, &Who::Anonymous), (vec![], false));
    assert_eq!(user.clients(now().at, Some("desk"), |_| true).count(), 1);

    let blocked: (&str, &[&str]) = ("Invisible", &["carl@north.test"]);
    let changed = StoredUser {
        contacts: contacts(&["carl@north.test", "dora@west.test"], &[blocked]),
        devices: vec![device("laptop")],
        ..stored()
    };
    user.refresh(changed);
    assert_eq!(facts(&user, &carl), (vec!["Invisible".to_owned()], false));
    assert_eq!(facts(&user, &dora), (vec![], true));
    assert_eq!(user.clients(now().at, Some("desk"), |_| true).count(), 0);
    assert_eq!(user.clients(now().at, Some("laptop"), |_| true).count(), 1, "bindings stay");
    assert!(user.waiting, "a page that came meanwhile still waits");
    user.refresh(stored());
    assert!(user.contacts.is_empty() && user.devices.is_empty());
}

#[test]
fn nothing_is_allocated_for_a_stranger() {
    let settings = settings();
    let group: (&str, &[&str]) = ("Friends", &["carl@north.test", "+354*"]);
    let stored = StoredUser { contacts: contacts(&["bill@west.test"], &[group]), ..stored() };
    let user = User::load(&settings, now(), stored);
    let (stranger, contact) = (Who::User(uid("zoe@east.test")), Who::User(uid("bill@west.test")));
    let measured = allocation_counter::measure(|| {
        for who in [&stranger, &contact, &Who::Anonymous] {
            let facts = user.facts(now(), who, None);
            assert!(facts.groups.is_empty());
        }
    });
    assert_eq!(measured.count_total, 0);
}

/// Bytes that a user keeps in memory, without the room that the allocator needs around them.
fn cost(stored: impl FnOnce() -> StoredUser) -> u64 {
    let settings = settings();
    let mut kept = None;
    let measured = allocation_counter::measure(|| {
        kept = Some(Box::new(User::load(&settings, now(), stored())));
    });
    assert!(kept.is_some());
    u64::try_from(measured.bytes_current).unwrap()
}

#[test]
fn a_user_is_small() {
    let bare = cost(stored);
    let registered = cost(|| StoredUser { bindings: vec![binding()], ..stored() });
    let people: Vec<String> = (0..1_000).map(|i| format!("somebody.{i:04}@north.test")).collect();
    let people: Vec<&str> = people.iter().map(String::as_str).collect();
    let groups: Vec<String> = (0..50).map(|i| format!("group {i}")).collect();
    let groups: Vec<(&str, &[&str])> = groups.iter().map(|name| (name.as_str(), &people[..])).collect();
    let popular = cost(|| StoredUser { contacts: contacts(&people, &groups), ..stored() });
    println!("bytes of a user: {bare}; registered: {registered}; with all contacts and groups: {popular}");
    assert!(registered < 1_200, "{registered}");
    assert!(popular < 65_536, "{popular}: a routing record has at most 64 kB");
}

/// What a message says that is urgent.
fn urgent() -> Arc<Content> {
    Arc::new(Content::new([(Header::Priority, Bytes::from_static(b"urgent"))], Bytes::new(), 0))
}
