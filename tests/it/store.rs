//! The store on a real database: what is answered is there after a restart, a batch fares no worse
//! than its members, a full disk refuses and recovers, and secrets need their key.

#![allow(clippy::disallowed_methods, reason = "real disks live in real time")]

mod circles;
mod due;
mod inbox;
mod lists;
mod outbox;
mod room;
mod sweep;

use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::mpsc::{Receiver, channel};
use std::time::Duration;

use ratatosk::base::{Cid, Limits, ServerIndex, Uid};
use ratatosk::config::Place;
use ratatosk::effect::fact::{CallRecord, PageRecord};
use ratatosk::effect::store::{StoredBinding, StoredUser};
use ratatosk::effect::{StoreOp, StoreOutcome, Ticket, Transport};
use ratatosk::io::store::{
    Change, Database, Expected, Filter, NewUser, Opening, Store, StoreError, StoreHandle, ha1,
};
use tempfile::TempDir;

const FAR_FUTURE_S: i64 = 4_000_000_000;

/// A store that serves, with a queue of what it answers.
struct World {
    handle: StoreHandle,
    answers: Receiver<(ServerIndex, Vec<(Ticket, StoreOutcome)>)>,
}

impl World {
    fn start(place: &Place) -> Self {
        Self::start_within(place, &Limits::default())
    }

    fn start_within(place: &Place, limits: &Limits) -> Self {
        let (tell, answers) = channel();
        let store = Store::open(place, &cid()).unwrap();
        let handle = store
            .start(limits, Arc::new(move |server, owed| tell.send((server, owed)).unwrap_or(())))
            .unwrap();
        Self { handle, answers }
    }

    fn ask(&self, op: StoreOp) -> StoreOutcome {
        self.handle.submit(ServerIndex(0), Ticket(7), op);
        let (server, mut owed) = self.answers.recv_timeout(Duration::from_secs(20)).unwrap();
        assert_eq!((server, owed.len()), (ServerIndex(0), 1));
        owed.pop().unwrap().1
    }

    /// Asks all at once; the outcomes by ticket.
    fn ask_all(&self, server: ServerIndex, ops: Vec<StoreOp>) -> Vec<StoreOutcome> {
        let count = ops.len();
        for (ticket, op) in (0..).zip(ops) {
            self.handle.submit(server, Ticket(ticket), op);
        }
        let mut all = Vec::new();
        while all.len() < count {
            let (to, owed) = self.answers.recv_timeout(Duration::from_secs(20)).unwrap();
            assert_eq!(to, server);
            all.extend(owed);
        }
        all.sort_by_key(|(ticket, _)| *ticket);
        all.into_iter().map(|(_, outcome)| outcome).collect()
    }

    fn load(&self, user: &str) -> Option<Box<StoredUser>> {
        match self.ask(StoreOp::LoadUser(uid(user))) {
            StoreOutcome::User(user) => user,
            other => panic!("{other:?}"),
        }
    }
}

fn cid() -> Cid {
    Cid::new("north.test")
}

fn uid(user: &str) -> Uid {
    Uid::new(user, "north.test").unwrap()
}

fn place(directory: &TempDir) -> Place {
    Place::new(directory.path().join("north.db"))
}

fn new_user(user: &str, numbers: &[&str]) -> NewUser {
    NewUser {
        uid: uid(user),
        password: Some(format!("{user}'s password")),
        name: Some(user.to_uppercase()),
        numbers: numbers.iter().map(|number| (*number).to_owned()).collect(),
        account: None,
    }
}

fn binding(key: &str) -> StoredBinding {
    StoredBinding {
        key: key.into(),
        contact: format!("sip:{key}@192.0.2.7"),
        target: "192.0.2.7:5062".parse::<SocketAddr>().unwrap(),
        transport: Transport::Udp,
        listener: "udp:127.0.0.1:5060".into(),
        path: String::new(),
        q: 500,
        instance: String::new(),
        features: String::new(),
        user_agent: "test \"phone\" é".into(),
        call_id: "abc".into(),
        cseq: 3,
        expires_s: FAR_FUTURE_S,
        granted_s: 3600,
        wake_s: None,
    }
}

fn save(user: &str, put: &[&str], remove: &[&str]) -> StoreOp {
    StoreOp::SaveBindings {
        uid: uid(user),
        put: put.iter().map(|key| binding(key)).collect(),
        remove: remove.iter().map(|key| (*key).to_owned()).collect(),
    }
}

fn call(id: &str, path: &str) -> CallRecord {
    CallRecord {
        id: id.into(),
        direction: "outgoing",
        owner: uid("anne"),
        caller: "anne@north.test".into(),
        callee: "carl@north.test".into(),
        mode: "voice",
        started_ms: 1_000,
        answered_ms: None,
        ended_ms: 2_000,
        status: 480,
        end: "nobody answered",
        rule: "default:4 otherwise -> try clients".into(),
        path: path.into(),
        question: "{\"asked\":true}".into(),
        ladder: "anne@north.test\n0\t0>\tINVITE\toffer\n".into(),
    }
}

/// Does something with the database as the command line does.
fn with_database<T>(place: &Place, work: impl AsyncFnOnce(&mut Database) -> T) -> T {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    runtime.block_on(async {
        let mut database = Database::open(place, &cid(), Opening::Create).await.unwrap();
        let done = work(&mut database).await;
        database.close().await.unwrap();
        done
    })
}

/// Does something with the database as nobody should.
fn by_hand(place: &Place, sql: &'static str) {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    runtime.block_on(async {
        use sqlx::Connection;
        let url = format!("sqlite://{}", place.database.display());
        let mut operator = sqlx::SqliteConnection::connect(&url).await.unwrap();
        sqlx::query(sql).execute(&mut operator).await.unwrap();
    });
}

/// How many rows a table has.
fn rows(place: &Place, table: &str) -> usize {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    let sql = sqlx::AssertSqlSafe(format!("SELECT count(*) FROM {table}"));
    let count: i64 = runtime.block_on(async {
        use sqlx::Connection;
        let url = format!("sqlite://{}", place.database.display());
        let mut operator = sqlx::SqliteConnection::connect(&url).await.unwrap();
        sqlx::query_scalar(sql).fetch_one(&mut operator).await.unwrap()
    });
    usize::try_from(count).unwrap()
}

#[test]
fn what_was_answered_is_there_after_a_restart() {
    let directory = TempDir::new().unwrap();
    let place = place(&directory);
    with_database(&place, async |database| database.add_user(&new_user("anne", &["+354555"])).await).unwrap();

    let world = World::start(&place);
    assert!(world.load("nobody").is_none());
    let anne = world.load("anne").unwrap();
    assert_eq!(anne.name.as_deref(), Some("ANNE"));
    assert_eq!(anne.numbers, ["+354555"]);
    assert!(anne.secrets == ha1(&uid("anne"), "anne's password"));
    assert!(anne.profile.is_none() && anne.bindings.is_empty());
    assert!(matches!(world.ask(StoreOp::FindNumber("+354555".into())), StoreOutcome::Number(Some(_))));
    assert!(matches!(world.ask(StoreOp::FindNumber("555".into())), StoreOutcome::Number(None)));
    assert!(matches!(world.ask(save("anne", &["desk", "mobile"], &[])), StoreOutcome::Saved));
    assert!(matches!(world.ask(save("anne", &[], &["desk"])), StoreOutcome::Saved));
    // The process is killed: nothing is closed, and only what was answered counts.
    std::mem::forget(world);
    let killed = directory.path().join("killed.db");
    for ending in ["db", "db-wal"] {
        std::fs::copy(directory.path().join(format!("north.{ending}")), killed.with_extension(ending))
            .unwrap();
    }
    std::fs::copy(place.key(), killed.with_extension("key")).unwrap();

    let world = World::start(&Place::new(killed));
    assert_eq!(world.load("anne").unwrap().bindings, [binding("mobile")]);
    world.handle.close();
}

#[test]
fn a_batch_keeps_the_order_and_one_bad_member_harms_nobody() {
    let directory = TempDir::new().unwrap();
    let place = place(&directory);
    with_database(&place, async |database| {
        database.add_user(&new_user("anne", &[])).await.unwrap();
        database.add_user(&new_user("carl", &[])).await.unwrap();
    });
    let world = World::start(&place);
    let mut ops = vec![
        save("anne", &["desk"], &[]),
        save("anne", &[], &["desk"]),
        save("anne", &["desk", "mobile"], &[]),
        save("nobody", &["desk"], &[]),
        save("carl", &["a"], &[]),
        save("carl", &["b"], &["a"]),
    ];
    ops.extend((0..100).map(|i| save("carl", &[&format!("phone {i:03}")], &[])));
    let outcomes = world.ask_all(ServerIndex(3), ops);
    for (i, outcome) in outcomes.iter().enumerate() {
        let is_expected = if i == 3 {
            matches!(outcome, StoreOutcome::Failed)
        } else {
            matches!(outcome, StoreOutcome::Saved)
        };
        assert!(is_expected, "{i}: {outcome:?}");
    }
    let keys = |user: &str| -> Vec<String> {
        world.load(user).unwrap().bindings.into_iter().map(|binding| binding.key).collect()
    };
    assert_eq!(keys("anne"), ["desk", "mobile"]);
    assert_eq!(keys("carl").len(), 101);
    world.handle.close();
}

#[test]
fn bindings_of_every_transport_are_kept() {
    let directory = TempDir::new().unwrap();
    let place = place(&directory);
    with_database(&place, async |database| database.import(&[new_user("anne", &[])], Duration::ZERO).await)
        .unwrap();
    let world = World::start(&place);
    let put = Transport::ALL.map(|transport| StoredBinding { transport, ..binding(transport.as_str()) });
    let op = StoreOp::SaveBindings { uid: uid("anne"), put: put.into(), remove: Vec::new() };
    assert!(matches!(world.ask(op), StoreOutcome::Saved));
    let kept = world.load("anne").unwrap().bindings;
    assert_eq!(kept.len(), Transport::ALL.len());
    assert!(kept.iter().all(|binding| binding.transport.as_str() == binding.key), "{kept:?}");
    world.handle.close();
}

#[test]
fn many_users_are_read_at_once() {
    let directory = TempDir::new().unwrap();
    let place = place(&directory);
    let users: Vec<NewUser> = (0..500).map(|i| new_user(&format!("u{i}"), &[])).collect();
    let imported =
        with_database(&place, async |database| database.import(&users, Duration::ZERO).await).unwrap();
    assert_eq!((imported.added, imported.changed.len()), (500, 0));
    let world = World::start(&place);
    let ops = (0..600).map(|i| StoreOp::LoadUser(uid(&format!("u{i}")))).collect();
    for (i, outcome) in world.ask_all(ServerIndex(0), ops).into_iter().enumerate() {
        match outcome {
            StoreOutcome::User(Some(user)) => assert_eq!(user.uid, uid(&format!("u{i}"))),
            StoreOutcome::User(None) => assert!(i >= 500, "u{i}"),
            other => panic!("{other:?}"),
        }
    }
    world.handle.close();
}

#[test]
fn records_are_completed_and_listed() {
    let directory = TempDir::new().unwrap();
    let place = place(&directory);
    let world = World::start(&place);
    let at_start = call("c1", "looked");
    let at_end = CallRecord {
        answered_ms: Some(1_500),
        status: 200,
        ladder: "desk\n5\t0<\t180\n".into(),
        ..call("c1", "looked\nfound")
    };
    let incoming = CallRecord { direction: "incoming", owner: uid("carl"), ..call("c1", "rang") };
    let page = PageRecord {
        id: "p1".into(),
        direction: "incoming",
        owner: uid("carl"),
        sender: "anne@north.test".into(),
        recipient: "carl@north.test".into(),
        at_ms: 1_000,
        status: 200,
        how: "client",
        rule: "default:4 otherwise -> try clients".into(),
        path: "looked".into(),
        question: "{\"asked\":true}".into(),
    };
    let ops = vec![
        StoreOp::PutCall(Arc::new(at_start)),
        StoreOp::PutCall(Arc::new(at_end)),
        StoreOp::PutCall(Arc::new(incoming)),
        StoreOp::PutCall(Arc::new(call("c2", ""))),
        StoreOp::PutPage(Arc::new(page)),
    ];
    let outcomes = world.ask_all(ServerIndex(0), ops);
    assert!(outcomes.iter().all(|outcome| matches!(outcome, StoreOutcome::Saved)), "{outcomes:?}");
    world.handle.close();
    let (all, annes, one, pages) = with_database(&place, async |database| {
        let filter = |owner| Filter { owner, limit: 10 };
        (
            database.calls(&filter(None)).await.unwrap(),
            database.calls(&filter(Some(uid("anne")))).await.unwrap(),
            database.call("c1").await.unwrap(),
            database.pages(&filter(None)).await.unwrap(),
        )
    });
    let ids = |rows: &[ratatosk::io::store::CallRow]| -> Vec<String> {
        rows.iter().map(|row| format!("{} {}", row.id, row.direction)).collect()
    };
    assert_eq!(ids(&all), ["c1 outgoing", "c1 incoming", "c2 outgoing"]);
    assert_eq!(ids(&annes), ["c1 outgoing", "c2 outgoing"]);
    assert_eq!(
        (one[0].answered_ms, one[0].status, one[0].path.as_str()),
        (Some(1_500), 200, "looked\nfound")
    );
    assert_eq!((pages.len(), pages[0].rule.as_str()), (1, "default:4 otherwise -> try clients"));
    with_database(&place, async |database| {
        let mut named = async |id: &str| database.call(id).await.unwrap().len();
        assert_eq!((named("c").await, named("c2").await, named("b").await, named("c3").await), (3, 1, 0, 0));
        assert_eq!(
            (named("c…2").await, named("c...1").await, named("…2").await, named("c…3").await),
            (1, 2, 1, 0)
        );
    });
}

#[test]
fn a_full_disk_refuses_and_serves_again_when_there_is_space() {
    let directory = TempDir::new().unwrap();
    let place = Place { max_mb: Some(1), ..place(&directory) };
    with_database(&place, async |database| database.add_user(&new_user("anne", &[])).await).unwrap();
    let world = World::start(&place);
    let long = "x".repeat(20_000);
    // Ever smaller batches, each size until one is refused: then nothing of any size fits.
    for size in [25, 10, 3, 1] {
        let put = |i| StoreOp::PutCall(Arc::new(call(&format!("{size} {i}"), &long)));
        let refused = (0..60).step_by(size).any(|first| {
            let outcomes = world.ask_all(ServerIndex(0), (first..first + size).map(put).collect());
            let saved = outcomes.iter().filter(|outcome| matches!(outcome, StoreOutcome::Saved)).count();
            let failed = outcomes.iter().filter(|outcome| matches!(outcome, StoreOutcome::Failed)).count();
            assert!((saved, failed) == (size, 0) || (saved, failed) == (0, size), "{outcomes:?}");
            failed > 0
        });
        assert!(refused, "{size} always fit");
    }
    let many: Vec<String> = (0..200).map(|i| format!("phone {i}")).collect();
    let many: Vec<&str> = many.iter().map(String::as_str).collect();
    assert!(matches!(world.ask(save("anne", &many, &[])), StoreOutcome::Failed));
    assert!(world.load("anne").unwrap().bindings.is_empty(), "all or nothing");

    by_hand(&place, "DELETE FROM calls");
    assert!(matches!(world.ask(save("anne", &many, &[])), StoreOutcome::Saved));
    assert_eq!(world.load("anne").unwrap().bindings.len(), many.len());
    world.handle.close();
}

#[test]
fn secrets_are_sealed_and_need_their_key() {
    let directory = TempDir::new().unwrap();
    let place = place(&directory);
    with_database(&place, async |database| database.add_user(&new_user("anne", &[])).await).unwrap();
    let secrets = ha1(&uid("anne"), "anne's password");
    let holds =
        |haystack: &[u8], needle: &[u8]| haystack.windows(needle.len()).any(|window| window == needle);
    for name in ["north.db", "north.db-wal"] {
        let Ok(bytes) = std::fs::read(directory.path().join(name)) else { continue };
        for secret in [&secrets.md5[..], &secrets.sha256[..], &secrets.md5_uid[..], b"anne's password"] {
            assert!(!holds(&bytes, secret), "{name} holds a secret in the clear");
        }
    }
    let mode =
        std::os::unix::fs::PermissionsExt::mode(&std::fs::metadata(place.key()).unwrap().permissions());
    assert_eq!(mode & 0o777, 0o600);

    let key = std::fs::read_to_string(place.key()).unwrap();
    std::fs::write(place.key(), format!("{}\n", "0".repeat(64))).unwrap();
    assert!(matches!(Store::open(&place, &cid()), Err(StoreError::WrongKey { .. })));
    std::fs::write(place.key(), "").unwrap();
    assert!(matches!(Store::open(&place, &cid()), Err(StoreError::NoKey { .. })));
    std::fs::write(place.key(), key).unwrap();
    assert!(Store::open(&place, &cid()).is_ok());
}

#[test]
fn one_store_serves_one_server_of_one_cluster() {
    let directory = TempDir::new().unwrap();
    let place = place(&directory);
    with_database(&place, async |database| database.add_user(&new_user("anne", &[])).await).unwrap();
    let first = Store::open(&place, &cid()).unwrap();
    assert!(matches!(Store::open(&place, &cid()), Err(StoreError::InUse { .. })));
    let epoch = first.epoch();
    drop(first);
    let second = Store::open(&place, &cid()).unwrap();
    assert!(second.epoch() > epoch, "every start is counted");
    drop(second);
    let other = Store::open(&place, &Cid::new("south.test"));
    assert!(matches!(other, Err(StoreError::OtherCluster { .. })));
}

#[test]
fn a_profile_is_compiled_shared_and_given_up_when_it_cannot_be() {
    const TREE: &str = "profile \"quiet\" { incoming { otherwise -> busy } }";
    let directory = TempDir::new().unwrap();
    let place = place(&directory);
    with_database(&place, async |database| {
        for (user, source) in [("anne", TREE), ("carl", TREE), ("william", "profile \"broken\" { incoming {")]
        {
            database.add_user(&new_user(user, &[])).await.unwrap();
            database
                .put_profile(&uid(user), "quiet", source, &Expected::Whatever, &Limits::default())
                .await
                .unwrap();
            database.activate_profile(&uid(user), Some("quiet")).await.unwrap();
        }
        let unknown = database.activate_profile(&uid("anne"), Some("loud")).await;
        assert!(matches!(unknown, Err(StoreError::NoProfile { .. })));
        assert!(database.profiles(&uid("anne")).await.unwrap()[0].active, "it stays as it was");
    });
    let world = World::start(&place);
    let (anne, carl) = (world.load("anne").unwrap(), world.load("carl").unwrap());
    assert_eq!(anne.profile.as_ref().unwrap().name(), "quiet");
    assert!(Arc::ptr_eq(anne.profile.as_ref().unwrap(), carl.profile.as_ref().unwrap()));
    assert!(world.load("william").unwrap().profile.is_none(), "the default serves him");
    world.handle.close();
}

#[test]
fn numbers_have_one_owner_and_users_can_be_changed_and_removed() {
    let directory = TempDir::new().unwrap();
    let place = place(&directory);
    with_database(&place, async |database| {
        database.add_user(&new_user("anne", &["100"])).await.unwrap();
        let taken = database.add_user(&new_user("carl", &["100"])).await;
        assert!(matches!(taken, Err(StoreError::NumberTaken { .. })));
        assert!(matches!(database.user(&uid("carl")).await, Err(StoreError::NoUser(_))));
        let again = database.add_user(&new_user("anne", &[])).await;
        assert!(matches!(again, Err(StoreError::UserExists(_))));
        let change = Change {
            name: Some(String::new()),
            numbers: Some(vec!["101".into()]),
            account: None,
            ..Change::default()
        };
        database.change_user(&uid("anne"), &change, &Limits::default()).await.unwrap();
        let anne = database.user(&uid("anne")).await.unwrap();
        assert_eq!((anne.name, anne.numbers), (None, vec!["101".to_owned()]));

        let carl = NewUser { password: None, name: None, ..new_user("carl", &["102"]) };
        let anne = NewUser { password: None, name: Some("Anne".into()), ..new_user("anne", &[]) };
        let imported = database.import(&[carl, anne], Duration::ZERO).await.unwrap();
        assert_eq!((imported.added, imported.changed), (1, vec![uid("anne")]));
        let anne = database.user(&uid("anne")).await.unwrap();
        assert!(anne.password && anne.numbers == ["101"] && anne.name.as_deref() == Some("Anne"));
        assert!(!database.user(&uid("carl")).await.unwrap().password);
        database.remove_user(&uid("anne")).await.unwrap();
        assert!(matches!(database.remove_user(&uid("anne")).await, Err(StoreError::NoUser(_))));
    });
}

/// A server holds its database by whatever name it is known, also when somebody tidies its lock away; and one that
/// ends takes nothing away that is another's.
#[test]
fn a_database_is_held_by_every_name() {
    let directory = TempDir::new().unwrap();
    let place = place(&directory);
    with_database(&place, async |database| database.add_user(&new_user("anne", &[])).await).unwrap();
    let first = Store::open(&place, &cid()).unwrap();
    std::fs::remove_file(place.lock()).unwrap();
    assert!(matches!(Store::open(&place, &cid()), Err(StoreError::InUse { .. })));
    let other = Place::new(directory.path().join("other.db"));
    std::fs::hard_link(&place.database, &other.database).unwrap();
    std::fs::copy(place.key(), other.key()).unwrap();
    assert!(matches!(Store::open(&other, &cid()), Err(StoreError::InUse { .. })));
    std::fs::write(place.lock(), "").unwrap();
    drop(first);
    assert!(place.lock().exists(), "it was not the one that it had");
    drop(Store::open(&other, &cid()).unwrap());
}

/// What would be written into a file that has been taken away is refused, until the file is back.
#[test]
fn nothing_is_promised_that_goes_into_no_file() {
    let directory = TempDir::new().unwrap();
    let place = place(&directory);
    with_database(&place, async |database| database.add_user(&new_user("anne", &[])).await).unwrap();
    let world = World::start(&place);
    let put = |number: u32| world.ask(inbox::put("anne", &number.to_string()));
    assert!(matches!(put(1), StoreOutcome::Saved));
    let away = directory.path().join("away.db");
    std::fs::rename(&place.database, &away).unwrap();
    assert!(matches!(put(2), StoreOutcome::Failed));
    std::fs::rename(&away, &place.database).unwrap();
    assert!(matches!(put(3), StoreOutcome::Saved));
    world.handle.close();
    let kept = with_database(&place, async |database| database.inbox(&uid("anne"), 10).await).unwrap();
    assert_eq!(kept.len(), 2);
}

/// What the store does in a second, and the processor's time for one of each: for `BENCHMARKS.md`.
/// `cargo test --release --test it store::figures -- --ignored --nocapture`
#[test]
#[ignore = "measures; asserts nothing"]
fn figures() {
    const USERS: usize = 20_000;
    const AT_ONCE: usize = 1_000;
    let directory = TempDir::new().unwrap();
    let place = place(&directory);
    let users: Vec<NewUser> = (0..USERS).map(|i| new_user(&format!("u{i}"), &[&format!("+{i}")])).collect();
    let before = Stopwatch::start();
    with_database(&place, async |database| database.import(&users, Duration::ZERO).await).unwrap();
    before.tell("users imported", USERS);

    let world = World::start(&place);
    let path = "  4  otherwise -> try clients\n".repeat(10);
    let ops: [(&str, Box<dyn Fn(usize) -> StoreOp>); 6] = [
        ("users loaded", Box::new(|i| StoreOp::LoadUser(uid(&format!("u{i}"))))),
        ("bindings saved", Box::new(|i| save(&format!("u{i}"), &["desk"], &[]))),
        ("bindings renewed", Box::new(|i| save(&format!("u{i}"), &["desk"], &[]))),
        ("pages put into inboxes", Box::new(|i| inbox::put(&format!("u{}", i % 100), &format!("c{i}")))),
        (
            "inboxes of 200 loaded, 20 pages of each",
            Box::new(|i| StoreOp::LoadInbox { uid: uid(&format!("u{}", i % 100)), limit: 20, held: false }),
        ),
        ("call records put", Box::new(|i| StoreOp::PutCall(Arc::new(call(&format!("call-{i}"), &path))))),
    ];
    for (what, op) in &ops {
        let before = Stopwatch::start();
        for some in (0..USERS).collect::<Vec<_>>().chunks(AT_ONCE) {
            world.ask_all(ServerIndex(0), some.iter().map(|i| op(*i)).collect());
        }
        before.tell(what, USERS);
    }
    world.handle.close();
}

struct Stopwatch {
    wall: std::time::Instant,
    processor_s: f64,
}

impl Stopwatch {
    fn start() -> Self {
        Self { wall: std::time::Instant::now(), processor_s: processor_s() }
    }

    fn tell(&self, what: &str, count: usize) {
        let count = f64::from(u32::try_from(count).unwrap());
        let rate = count / self.wall.elapsed().as_secs_f64();
        let each_us = (processor_s() - self.processor_s) * 1e6 / count;
        println!("{what}: {rate:.0} a second, {each_us:.1} µs of processor each");
    }
}

/// Seconds of processor that this process has used: user and system, in hundredths.
fn processor_s() -> f64 {
    let stat = std::fs::read_to_string("/proc/self/stat").unwrap();
    let fields: Vec<&str> = stat.rsplit_once(')').unwrap().1.split_whitespace().collect();
    (fields[11].parse::<f64>().unwrap() + fields[12].parse::<f64>().unwrap()) / 100.0
}
