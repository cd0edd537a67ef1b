//! A question as a record keeps it, and where a request stands in its tree: whatever stands in a database or comes from
//! another server.

#![no_main]

use std::sync::{Arc, LazyLock};

use libfuzzer_sys::fuzz_target;
use ratatosk::routing::{Bookmark, Profile, Recorded};

/// Looks at every kind of fact, and goes on after most outcomes.
const TREE: &str = r#"profile "p" {
  zone Europe/Oslo
  incoming {
    caller in "Invisible" or anonymous or number "+47*" -> ignore
    time mon-fri 09:00-17:00 and not urgent -> also inbox, try clients for 20s { busy -> busy
      otherwise -> try client "desk" else decline }
    subject contains "lunch" or body matches "*w*n*" or language en -> reply "busy"
    property "a" is "b" or account credit under 5 or size over 5 or status away -> hold
    caller verified or contact -> forward carl@south.test
    registered this-mode -> try clients, user carl@south.test after 5s else voicemail
    otherwise -> redirect carl@south.test
  }
  outgoing { device "desk" and to @north.test -> send
    otherwise -> try trunk "office" as "+4722000000" else send }
}"#;
/// Has no incoming tree.
const BARE: &str = "profile \"bare\" { outgoing {\n otherwise -> send\n } }";

static TREES: LazyLock<[Arc<Profile>; 2]> =
    LazyLock::new(|| [TREE, BARE].map(|text| Arc::new(Profile::compile(text).expect("a tree"))));

fuzz_target!(|text: &str| {
    let [tree, bare] = &*TREES;
    if let Ok(read) = Recorded::read(text) {
        assert_eq!(Recorded::read(&read.text()).as_ref(), Ok(&read), "what is written is read as it was");
        let _ = (read.replay(tree, tree), read.replay(bare, tree));
    }
    if let Ok(read) = serde_json::from_str::<Bookmark>(text) {
        let written = serde_json::to_string(&read).expect("texts and numbers");
        assert_eq!(serde_json::from_str::<Bookmark>(&written).ok().as_ref(), Some(&read));
        // No text that is made up has the tag of a tree; so each is tried as if it had.
        for profile in [tree, bare] {
            let mut value: serde_json::Value = serde_json::from_str(&written).expect("it was written just now");
            value["tree"] = profile.tag().into();
            let read: Bookmark = serde_json::from_value(value).expect("a tag is a text");
            let Ok(route) = read.resume((profile, tree), None) else { continue };
            let _ = (route.action(), route.sides(), route.rule(), route.path());
            let again = route.bookmark().resume((profile, tree), None).expect("it was written by this program");
            assert_eq!(again.bookmark(), route.bookmark());
        }
    }
});
