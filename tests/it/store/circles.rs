//! Whose tree closes a circle: what is read to find that out.

use ratatosk::routing::{Profile, Turn};

use super::*;

/// From a user on only those are read whom he can reach; and what is told of him is the same.
#[test]
fn only_those_who_can_be_reached_are_read() {
    let directory = TempDir::new().unwrap();
    let limits = Limits::default();
    with_database(&place(&directory), async |database| {
        let to = |user: &str| format!("otherwise -> try clients else forward {user}@north.test");
        let trees = [
            ("anne", to("bob")),
            ("bob", to("carl")),
            ("carl", to("bob") + "\n"),
            ("dora", to("emil")),
            ("emil", to("dora")),
            ("frida", "otherwise -> busy".to_owned()),
            ("gerd", to("hans").replace("north", "south")),
        ];
        for (user, rules) in &trees {
            database.add_user(&new_user(user, &[])).await.unwrap();
            let tree = format!("profile \"own\" {{\nincoming {{\n{rules}\n}}\n}}\n");
            database.put_profile(&uid(user), "own", &tree, &Expected::Whatever, &limits).await.unwrap();
            database.activate_profile(&uid(user), Some("own")).await.unwrap();
        }
        let quiet =
            Profile::compile("profile \"d\" {\nincoming {\notherwise -> try clients\n}\n}\n").unwrap();
        let from = |turns: Vec<Turn>| turns.into_iter().map(|turn| turn.from).collect::<Vec<_>>();
        let all = database.ways(&quiet, &limits).await.unwrap();
        let everybody = ["bob", "carl", "dora", "emil"].map(|user| format!("{user}@north.test"));
        assert_eq!(from(all.turns(&limits)), everybody);
        for (user, reached) in [
            ("anne", &["bob", "carl"][..]),
            ("carl", &["bob", "carl"]),
            ("dora", &["dora", "emil"]),
            ("frida", &[]),
            ("gerd", &[]),
            ("nobody", &[]),
        ] {
            let ways = database.ways_from(&[uid(user)], &quiet, &limits).await.unwrap();
            let expected: Vec<String> = reached.iter().map(|user| format!("{user}@north.test")).collect();
            assert_eq!(from(ways.turns(&limits)), expected, "{user}");
            assert_eq!(ways.turns_of(&uid(user), &limits), all.turns_of(&uid(user), &limits), "{user}");
        }
        // The default tree of those who have none leads on as well.
        database.activate_profile(&uid("bob"), None).await.unwrap();
        let default =
            Profile::compile(&format!("profile \"d\" {{\nincoming {{\n{}\n}}\n}}\n", to("anne"))).unwrap();
        let ways = database.ways_from(&[uid("anne"), uid("frida")], &default, &limits).await.unwrap();
        assert_eq!(from(ways.turns(&limits)), ["anne@north.test", "bob@north.test"]);
    });
}
