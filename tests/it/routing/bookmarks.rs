//! Where a request stands in its tree, written down and read: it goes on as it would have.

use std::collections::BTreeSet;
use std::path::Path;
use std::sync::Arc;

use ratatosk::base::Uid;
use ratatosk::routing::{
    Action, Astray, Bookmark, Direction, Facts, Mode, Outcome, Profile, Registered, Route, Status, Who,
};

/// Every tree that is shipped.
fn shipped() -> Vec<Arc<Profile>> {
    let directory = Path::new(env!("CARGO_MANIFEST_DIR")).join("routing-trees");
    let mut trees = Vec::new();
    for entry in std::fs::read_dir(directory).unwrap() {
        let path = entry.unwrap().path();
        if path.extension().is_some_and(|extension| extension == "tree") {
            trees.push(Arc::new(Profile::compile_bytes(&std::fs::read(&path).unwrap()).unwrap()));
        }
    }
    assert!(trees.len() >= 12, "there are twelve at least");
    trees
}

/// Requests of many kinds: every mode, status and state of registration, at three times of a week.
fn requests(profile: &Arc<Profile>) -> impl Iterator<Item = Route> {
    let groups: Arc<[Arc<str>]> = profile.groups().into_iter().map(Arc::from).collect();
    let (anne, carl) = (Uid::parse("anne@north.test").unwrap(), Uid::parse("carl@south.test").unwrap());
    let times = [1_795_687_200_000, 1_795_687_200_000 + 86_400_000 * 3, 1_795_734_000_000];
    let callers = [Who::User(carl.clone()), Who::Anonymous, Who::Number("+3545551234".into())];
    let mut routes = Vec::new();
    for direction in [Direction::Incoming, Direction::Outgoing] {
        for mode in Mode::ALL {
            for status in Status::ALL {
                for (at, wall_ms) in times.into_iter().enumerate() {
                    let caller = callers[at].clone();
                    let facts = Facts {
                        status: *status,
                        wall_ms,
                        registered: if at == 1 { Registered::None } else { Registered::ThisMode },
                        groups: if at == 0 { Arc::clone(&groups) } else { Arc::from([]) },
                        contact: at == 0,
                        urgent: at == 2,
                        ..Facts::default()
                    };
                    let parties = match direction {
                        Direction::Incoming => (caller, Who::User(anne.clone())),
                        Direction::Outgoing => (Who::User(anne.clone()), caller),
                    };
                    routes.push(Route::begin((profile, profile), direction, *mode, parties, facts));
                }
            }
        }
    }
    routes.into_iter()
}

/// Written, read, and on the way again.
fn moved(route: &Route, profile: &Arc<Profile>) -> Route {
    let text = serde_json::to_string(&route.bookmark()).unwrap();
    assert!(text.len() < 4_096, "it is small: {text}");
    let bookmark: Bookmark = serde_json::from_str(&text).unwrap();
    assert_eq!(bookmark, route.bookmark());
    // Compiled anew, as another server does it.
    let there = Arc::new(Profile::compile(profile.source()).unwrap());
    bookmark.resume((&there, &there), None).unwrap()
}

fn same(one: &Route, other: &Route) {
    assert_eq!(one.action(), other.action());
    assert_eq!(one.sides(), other.sides());
    assert_eq!((one.rule(), one.path()), (other.rule(), other.path()));
    assert_eq!(one.recorded(), other.recorded());
    assert_eq!(
        (one.caller(), one.to(), one.mode(), one.facts()),
        (other.caller(), other.to(), other.mode(), other.facts())
    );
}

/// At every stage of every way through a tree: the copy stands where the original does, and every outcome
/// leads both to the same place.
fn walk(route: &Route, profile: &Arc<Profile>, seen: &mut BTreeSet<(String, usize)>, depth: usize) {
    let copy = moved(route, profile);
    same(route, &copy);
    if depth == 0 || !matches!(route.action(), Action::Try(_)) || !seen.insert((route.rule(), depth)) {
        return;
    }
    for outcome in Outcome::ALL {
        let (mut next, mut next_copy) = (route.clone(), copy.clone());
        assert_eq!(next.follow(*outcome), next_copy.follow(*outcome));
        same(&next, &next_copy);
        walk(&next, profile, seen, depth - 1);
    }
}

#[test]
fn at_every_stage_of_every_shipped_tree_the_way_goes_on() {
    let mut stages = 0;
    for profile in shipped() {
        let mut seen = BTreeSet::new();
        for route in requests(&profile) {
            walk(&route, &profile, &mut seen, 6);
        }
        stages += seen.len();
    }
    assert!(stages > 50, "{stages} stages were seen");
}

/// Steps that a long way has let go stay gone, and the rule that decided is told all the same.
#[test]
fn a_way_longer_than_its_trace_goes_on() {
    let rules: String = (0..100).map(|at| format!("    caller user{at}@south.test -> decline\n")).collect();
    let source = format!(
        "profile \"long\" {{\n  incoming {{\n{rules}    otherwise -> try clients for 5s else busy\n  }}\n}}\n"
    );
    let profile = Arc::new(Profile::compile(&source).unwrap());
    for route in requests(&profile) {
        let mut copy = moved(&route, &profile);
        same(&route, &copy);
        let mut route = route;
        assert_eq!(route.follow(Outcome::NoAnswer), copy.follow(Outcome::NoAnswer));
        same(&route, &copy);
    }
}

#[test]
fn another_tree_or_a_later_form_is_not_gone_on_with() {
    let tree = |line: &str| {
        let source = format!("profile \"p\" {{\n  incoming {{\n    otherwise -> {line}\n  }}\n}}\n");
        Arc::new(Profile::compile(&source).unwrap())
    };
    let (old, new) = (tree("try clients for 5s else busy"), tree("try clients for 6s else busy"));
    let route = requests(&old).next().unwrap();
    let bookmark = route.bookmark();
    assert_eq!(bookmark.resume((&new, &new), None).unwrap_err(), Astray::OtherTree);
    assert!(bookmark.resume((&new, &old), None).is_ok(), "the default tree may have been asked");
    let later = serde_json::to_string(&bookmark).unwrap().replace("\"form\":2", "\"form\":3");
    let later: Bookmark = serde_json::from_str(&later).unwrap();
    assert_eq!(later.resume((&old, &old), None).unwrap_err(), Astray::Form);
}

/// The numbers of a bookmark are places in the graph that the compiler makes of a text. If this test fails because they have
/// changed, a bookmark of the version before would be read as another place: then `FORM` in `src/routing/bookmark.rs` has to
/// rise by one, and with it the number here.
#[test]
fn the_places_of_a_known_tree_are_those_of_this_form() {
    let source = "profile \"known\" {
  incoming {
    caller anne@north.test or bob@north.test -> busy
    mode page {
      urgent or not registered -> try clients else inbox
      otherwise -> decline
    }
    status away and (caller contact or caller verified) -> forward bob@north.test
    otherwise -> try clients for 5s {
      busy -> try client \"desk\" else decline
      otherwise -> voicemail
    }
  }
  outgoing { to @south.test -> send
    otherwise -> refuse \"no\" }
}
";
    let profile = Arc::new(Profile::compile(source).unwrap());
    let party = |text| Who::User(Uid::parse(text).unwrap());
    let facts = Facts { registered: Registered::ThisMode, status: Status::Away, ..Facts::default() };
    let begin = |direction, mode| {
        let parties = (party("zoe@south.test"), party("carl@north.test"));
        Route::begin((&profile, &profile), direction, mode, parties, facts.clone())
    };
    let mut voice = begin(Direction::Incoming, Mode::Voice);
    assert!(voice.follow(Outcome::Busy));
    let written = |route: &Route| {
        let bookmark = serde_json::to_value(route.bookmark()).unwrap();
        let step = |step: &serde_json::Value| match &step["tested"] {
            serde_json::Value::Null => step.to_string(),
            tested => format!("{}{}", tested["test"], if tested["held"] == true { "+" } else { "-" }),
        };
        let steps: Vec<String> = bookmark["steps"].as_array().unwrap().iter().map(step).collect();
        format!("form {}, place {}: {}", bookmark["form"], bookmark["place"], steps.join(" "))
    };
    let found = [voice, begin(Direction::Incoming, Mode::Page), begin(Direction::Outgoing, Mode::Voice)];
    assert_eq!(
        found.map(|route| written(&route)),
        [
            "form 2, place 2: 6- 5- 2+ 1- 0- {\"reached\":{\"line\":4}} {\"came-back\":{\"outcome\":\"busy\"}} {\"reached\":{\"line\":2}}",
            "form 2, place 6: 6- 5+ 4- 3+ {\"reached\":{\"line\":6}}",
            "form 2, place 2147483649: 0- {\"reached\":{\"line\":1}}",
        ]
    );
}
