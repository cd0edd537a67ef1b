//! The trees that are shipped, driven by SIP down every branch: each line of each tree is reached by some
//! call or page, and whichever is not is named.

use std::collections::{BTreeMap, BTreeSet};

use ratatosk::effect::store::{StoredContacts, StoredDevice, StoredGroup};
use ratatosk::routing::{Direction, Mode, Party, Profile, Question, Trace};

use crate::sim::world::uid;
use crate::sim::{Do, Reply, World, answers, call, page, refuses};

/// The clients that carl may have, and the instances of those that have a name.
const PHONES: [(&str, &str, Option<&str>); 3] = [
    ("phone:", "carl", None),
    ("desk:", "carl/desk", Some("urn:uuid:00000000-0000-0000-0000-000000000001")),
    ("mobile:", "carl/mobile", Some("urn:uuid:00000000-0000-0000-0000-000000000002")),
];

/// A session description with one medium of a kind.
fn offer(kind: &str) -> String {
    format!(
        "v=0\r\no=- 1 1 IN IP4 198.51.100.1\r\ns=-\r\nc=IN IP4 198.51.100.1\r\nt=0 0\r\nm={kind}\r\na=sendrecv\r\n"
    )
}

/// A scene in words: the mode, and then what is the case. Without `phone:`, `desk:` or `mobile:` and what it
/// does, carl has no such client.
struct Scene<'a>(Vec<&'a str>);

impl<'a> Scene<'a> {
    fn has(&self, word: &str) -> bool {
        self.0.contains(&word)
    }

    fn value(&self, name: &str) -> Option<&'a str> {
        self.0.iter().find_map(|word| word.strip_prefix(name))
    }

    /// Anne and what she does.
    fn act(&self) -> Do {
        let to = self.value("to:").unwrap_or("carl");
        let with = |kind: &str| call(to).with("Content-Type", "application/sdp").with("*", &offer(kind));
        let act = match self.0[0] {
            "page" => page(to, "hello"),
            "video" => with("video 30000 RTP/AVP 31"),
            "text" => with("message 30000 TCP/MSRP *"),
            _ => call(to),
        };
        if self.has("urgent") { act.with("Priority", "urgent") } else { act }
    }

    fn people(&self, world: &mut World) {
        for other in ["colleague", "assistant"] {
            world.phone(other).on_call(&refuses(0.2, 486));
        }
        let anne = world.phone("anne");
        anne.instance = Some("urn:uuid:00000000-0000-0000-0000-000000000009".to_owned());
        if self.has("hall") {
            world.store.client(&uid("anne"), "hall", "urn:uuid:00000000-0000-0000-0000-000000000009");
        }
        world.user("carl");
        for (word, name, instance) in PHONES {
            if let Some(urn) = instance {
                world.store.client(&uid("carl"), word.trim_end_matches(':'), urn);
            }
            let Some(does) = self.value(word) else { continue };
            let phone = world.phone(name);
            phone.instance = instance.map(str::to_owned);
            let refused = |status: u16| (refuses(0.2, status).to_vec(), status);
            (phone.on_call, phone.on_page) = match does {
                "answers" => (answers(0.2).to_vec(), 200),
                "busy" => refused(486),
                "declines" => refused(603),
                "cannot" => (refuses(0.2, 488).to_vec(), 405),
                _ => (vec![(0.0, Reply::Status(180))], 0),
            };
        }
    }

    fn facts(&self, world: &mut World) {
        let anne = uid("anne").to_string();
        let groups = if self.has("invisible") {
            vec![StoredGroup { name: "Invisible".into(), members: vec![anne.clone()] }]
        } else {
            Vec::new()
        };
        let everybody = if self.has("contact") { vec![anne] } else { Vec::new() };
        world.store.contacts(&uid("carl"), StoredContacts { everybody, groups });
        world.store.status(&uid("carl"), self.value("status:").map(|status| status.parse().unwrap()));
        world.store.account(
            &uid("anne"),
            self.value("account:").unwrap_or("standard"),
            self.value("credit:").map_or(0, |credit| credit.parse().unwrap()),
        );
        let address = Some("+4790000000".to_owned());
        let gsm = StoredDevice { name: "gsm".into(), kind: "gsm".into(), address, instance: None };
        world.store.device(&uid("carl"), gsm);
    }

    /// Plays it: the decisions of all halves that this profile made.
    fn play(&self, source: &str, profile: &Profile) -> Vec<String> {
        if self.0[0] == "file" {
            return vec![plan(profile)];
        }
        let mut world = World::new();
        self.people(&mut world);
        if profile.has(Direction::Incoming) {
            world.tree("carl", source);
        }
        if profile.has(Direction::Outgoing) {
            world.tree("anne", source);
        }
        self.facts(&mut world);
        let at = self.value("at:").map_or(0.0, |at| at.parse().unwrap());
        world.at(at, "anne", self.act());
        world.at(at + 120.0, "anne", Do::Hangup);
        let ladder = world.finish();
        world.assert_sound(&ladder);
        let calls = world.store.calls.iter().map(|record| (&record.rule, &record.path));
        let pages = world.store.pages.iter().map(|record| (&record.rule, &record.path));
        let own = format!("{}:", profile.name());
        calls.chain(pages).filter(|(rule, _)| rule.starts_with(&own)).map(|(_, path)| path.clone()).collect()
    }
}

/// What the tree does with a file: no phone sends one by SIP.
fn plan(profile: &Profile) -> String {
    let (caller, to) = (uid("anne"), uid("carl"));
    let question = Question::new(Mode::File, Party::User(&caller), Party::User(&to));
    let mut trace = Trace::new();
    profile.decide(Direction::Incoming, &question, &mut trace);
    profile.explain(&trace, &question)
}

/// The lines that a decision came to: their numbers, and what stands there.
fn lines(path: &str) -> impl Iterator<Item = (usize, String)> + '_ {
    path.lines().filter_map(|line| {
        let (number, rest) = line.trim_start().split_once("  ")?;
        rest.contains(" -> ").then(|| Some((number.parse().ok()?, rest.to_owned())))?
    })
}

/// Plays scenes until each line of a tree has been reached: a rule is one, and so is what follows an `else`.
fn every_branch(name: &str, scenes: &[&str]) {
    let source = std::fs::read_to_string(format!("routing-trees/{name}.tree")).unwrap();
    let profile = Profile::compile(&source).unwrap();
    let mut expected: BTreeMap<usize, usize> = BTreeMap::new();
    for (number, line) in (1..).zip(source.lines()) {
        if line.contains(" -> ") && !line.trim_start().starts_with('#') {
            expected.insert(number, 1 + line.matches(" else ").count());
        }
    }
    let mut reached: BTreeMap<usize, BTreeSet<String>> = BTreeMap::new();
    for scene in scenes {
        let new = Scene(scene.split(' ').collect()).play(&source, &profile);
        let before: usize = reached.values().map(BTreeSet::len).sum();
        for (number, told) in new.iter().flat_map(|path| lines(path)) {
            reached.entry(number).or_default().insert(told);
        }
        let after: usize = reached.values().map(BTreeSet::len).sum();
        assert!(after > before, "{name}: {scene} leads nowhere new: {new:#?}");
    }
    for (number, count) in &expected {
        let found = reached.get(number).map_or(0, BTreeSet::len);
        assert_eq!(
            found,
            *count,
            "{name}:{number} `{}`: {reached:#?}",
            source.lines().nth(number - 1).unwrap()
        );
    }
    assert_eq!(reached.len(), expected.len(), "{name}: {reached:#?}");
}

#[test]
fn default() {
    every_branch(
        "default",
        &[
            "voice invisible phone:silent",
            "page phone:answers",
            "page",
            "voice phone:silent",
            "text phone:busy",
        ],
    );
}

/// Chart 7 of the seed.
#[test]
fn statuses() {
    every_branch(
        "statuses",
        &[
            "voice invisible",
            "page status:available phone:answers",
            "page status:available",
            "page status:occupied urgent phone:answers",
            "page status:occupied urgent",
            "page status:occupied phone:answers",
            "page status:away",
            "page status:offline",
            "voice status:available phone:silent",
            "voice status:away phone:answers",
            "text status:available phone:busy",
            "text status:away",
        ],
    );
}

#[test]
fn do_not_disturb() {
    every_branch(
        "do-not-disturb",
        &[
            "voice invisible",
            "page contact phone:answers",
            "page urgent",
            "voice contact phone:silent",
            "text urgent phone:busy",
            "page phone:answers",
            "voice phone:answers",
            "text phone:answers",
        ],
    );
}

#[test]
fn follow_me() {
    every_branch(
        "follow-me",
        &[
            "page invisible",
            "voice desk:declines",
            "voice desk:busy mobile:silent",
            "page desk:answers",
            "page",
            "text desk:busy",
        ],
    );
}

#[test]
fn office_hours() {
    every_branch(
        "office-hours",
        // The world begins at one on New Year's morning in Oslo, a holiday; the next day is a Friday.
        &[
            "voice invisible",
            "page phone:answers",
            "page",
            "voice phone:answers at:36000",
            "voice phone:busy at:118800",
        ],
    );
}

#[test]
fn reach_me() {
    every_branch(
        "reach-me",
        &[
            "voice invisible",
            "page phone:answers",
            "page status:available",
            "page contact status:away phone:answers",
            "page status:away phone:answers",
            "voice phone:silent",
            "text phone:busy",
        ],
    );
}

#[test]
fn block_politely() {
    every_branch(
        "block-politely",
        &[
            "voice invisible phone:answers",
            "page phone:answers",
            "page",
            "voice phone:silent",
            "text phone:busy",
        ],
    );
}

#[test]
fn assistant() {
    every_branch(
        "assistant",
        &[
            "voice invisible",
            "voice contact phone:silent",
            "page contact phone:answers",
            "page contact",
            "text contact phone:busy",
            "voice phone:answers",
        ],
    );
}

#[test]
fn mobile_when_offline() {
    every_branch(
        "mobile-when-offline",
        &["voice invisible", "voice phone:silent", "voice", "page phone:answers", "page", "text phone:busy"],
    );
}

#[test]
fn office_line() {
    every_branch(
        "office-line",
        &[
            "voice to:+19005551234",
            "voice to:carl phone:answers",
            "voice to:+4722334455",
            "voice to:+35455512345 hall",
            "voice to:+35455512345 at:36000",
            "voice to:+35455512345",
        ],
    );
}

#[test]
fn low_credit() {
    every_branch(
        "low-credit",
        &[
            "voice to:carl phone:answers",
            "voice to:+4722334455 account:trial credit:5",
            "voice to:+4722334455 credit:0",
            "voice to:+4722334455 credit:5",
        ],
    );
}

#[test]
fn fallback() {
    every_branch(
        "fallback",
        &[
            "video invisible",
            "video phone:cannot",
            "video phone:silent",
            "voice phone:silent",
            "text phone:cannot",
            "page phone:answers",
            "page",
            "file",
        ],
    );
}

#[test]
fn agent() {
    every_branch("agent", &["page", "voice", "video phone:answers"]);
}
