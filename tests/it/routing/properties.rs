//! What holds for every tree and every text, on random ones.

use proptest::prelude::*;
use ratatosk::base::Uid;
use ratatosk::routing::{Direction, Mode, Party, Profile, Question, Registered, Trace, format};

/// Words and signs of the language, and things that are neither.
fn scrap() -> impl Strategy<Value = String> {
    let words = "profile incoming outgoing zone otherwise mode caller to registered this-mode status available property account credit under over subject body header contains matches language size device verified is and or not try \
        clients user for after else decline busy ignore forward send refuse number anonymous in contact urgent time also reply hold redirect set log inbox \
        voicemail client mon-fri sat-sun 09:00-17:00 22:00-06:00 24:00-99:99 9-17 \"desk\" \
        voice page answered no-answer failed { } ( ) -> , \" # \\ * @ + 20s 2m 0s 999999999999999999h \
        anne@north.test *@south.test @a.test +47* \"p\" Europe/Oslo \r \n \u{0} \u{feff} \u{2028} é - --> é@é";
    let words: Vec<String> = words.split(' ').filter(|w| !w.is_empty()).map(str::to_owned).collect();
    prop_oneof![8 => proptest::sample::select(words), 1 => any::<String>(), 2 => Just("\n".to_owned())]
}

fn address() -> impl Strategy<Value = &'static str> {
    proptest::sample::select(vec![
        "anne@north.test",
        "bob@south.test",
        "@north.test",
        "@south.test",
        "*.test",
        "anne@*",
        "a*",
        "*th.test",
        "\"c#1@south.test\"",
        "number \"+1900*\"",
        "+47*",
        "*99",
        "\"+1 900 55\"",
        "in \"Friends\"",
        "in \"The \\\"Board\\\" # 1\"",
        "contact",
        "not in \"Friends\"",
    ])
}

fn condition(party: &'static str) -> impl Strategy<Value = String> {
    let mode = proptest::sample::subsequence(Mode::ALL.to_vec(), 1..4).prop_map(|modes| {
        format!("mode {}", modes.iter().map(ToString::to_string).collect::<Vec<_>>().join(" or "))
    });
    let parties =
        prop::collection::vec(address(), 1..4).prop_map(move |l| format!("{party} {}", l.join(" or ")));
    let registered =
        proptest::sample::select(vec!["registered", "registered this-mode"]).prop_map(str::to_owned);
    let windows = [
        "dec-24 to jan-2",
        "2026-12-24 mon-fri 9:00-12:00",
        "every \"freq=weekly;byday=MO\" from 2026-01-05 9:00 for 120m",
        "mon-fri 9:00-17:00",
        "sat",
        "sun-mon 22:00-06:00",
        "00:00-06:30",
        "08:00-0:00",
    ];
    let time = proptest::sample::subsequence(windows.to_vec(), 1..3)
        // Hours right after days without any can be read in two ways.
        .prop_filter("two readings", |list| {
            let bare = ["sat", "dec-24 to jan-2"];
            !list.windows(2).any(|pair| {
                bare.contains(&pair[0])
                    && !bare.contains(&pair[1])
                    && pair[1].contains(':')
                    && !pair[1].starts_with(['0', 'e'])
            })
        })
        .prop_map(|list| format!("time {}", list.join(" or ")));
    let facts = [
        "status away or offline",
        "account \"gold\"",
        "account credit under 5 or over 100",
        "property \"a b\"",
        "property \"a \\\"b\" is \"c\" or \"d\"",
        "subject contains \"Å # x\"",
        "header \"subject\" matches \"*a*\" or \"b\"",
        "body matches \"*\"",
        "language en-GB or is",
        "size over 1000",
        "urgent",
    ];
    let facts = proptest::sample::select(facts.to_vec()).prop_map(str::to_owned);
    prop_oneof![mode, parties, registered, time, facts].prop_recursive(3, 8, 3, |inner| {
        let joined = |word: &'static str| {
            prop::collection::vec(inner.clone(), 2..4).prop_map(move |list| format!("({})", list.join(word)))
        };
        prop_oneof![joined(" and "), joined(" or "), inner.clone().prop_map(|cond| format!("not ({cond})"))]
    })
}

fn line() -> impl Strategy<Value = String> {
    let leaf = [
        "decline",
        "busy",
        "ignore",
        "forward bob@south.test",
        "refuse \"a \\\" # b\"",
        "clients",
        "inbox",
        "also inbox, also \"gsm\", try \"gsm # 2\"",
        "also inbox, busy",
        "reply \"away\", hold",
        "set \"a\" \"\", log \"x # y\", redirect bob@south.test",
        "reply \"busy\"",
    ];
    let leaf = proptest::sample::select(leaf.to_vec()).prop_map(str::to_owned);
    leaf.prop_recursive(3, 6, 2, |inner| {
        let head = proptest::sample::select(vec![
            "try clients",
            "try clients, user carl@north.test after 5s for 300s",
            "clients for 90s",
            "client \"desk\", \"gsm\" after 2s, voicemail",
            "also clients, try user carl@north.test",
        ]);
        prop_oneof![
            (head.clone(), inner.clone()).prop_map(|(head, then)| format!("{head} else {then}")),
            (head, inner.clone(), inner, gap(), gap()).prop_map(|(head, a, b, g, h)| {
                format!("{head} {{{g}busy or no-answer -> {a}{g}declined->{b}{h}}}")
            }),
        ]
    })
}

/// What may stand between two rules.
fn gap() -> impl Strategy<Value = &'static str> {
    proptest::sample::select(vec![
        "\n",
        "\n\n\n",
        "  # behind\n",
        "\n# above\n",
        "\r\n\t# one\r\n\r\n  #two \n",
    ])
}

fn block(party: &'static str) -> impl Strategy<Value = String> {
    let rule = (condition(party), line()).prop_map(|(when, then)| format!("{when}  ->{then}")).boxed();
    let list = |rule: BoxedStrategy<String>| {
        (prop::collection::vec((rule, gap()), 0..5), line(), gap(), any::<bool>()).prop_map(
            |(rules, last, g, end)| {
                let rules: String = rules.into_iter().map(|(rule, gap)| format!("{rule}{gap}")).collect();
                let last = if end { format!("otherwise -> {last}{g}") } else { String::new() };
                format!("{{{g}{rules}{last}}}")
            },
        )
    };
    list(rule.clone()).prop_recursive(3, 12, 4, move |inner| {
        let nested = (condition(party), inner).prop_map(|(when, block)| format!("{when} {block}"));
        list(prop_oneof![rule.clone(), nested].boxed())
    })
}

pub(super) fn file() -> impl Strategy<Value = String> {
    (block("caller"), gap(), gap())
        .prop_map(|(block, g, h)| format!("{g}profile \"x\" {{{h}incoming {block}{h}}}{g}"))
}

fn party() -> impl Strategy<Value = String> {
    let close = [
        "anonymous",
        "anne@north.test",
        "anne@south.test",
        "bob@south.test",
        "x@x.example",
        "a@th.test",
        "c#1@south.test",
        "+1900",
        "+190055",
        "+4799",
        "99",
        "0",
        "+",
        "anne@x.example",
        "x@a.test",
    ];
    prop_oneof![proptest::sample::select(close.to_vec()).prop_map(str::to_owned), "[+]?[0-9]{1,6}"]
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 512, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn no_text_makes_it_panic(scraps in prop::collection::vec(scrap(), 0..60), spaced: bool) {
        let body = scraps.join(if spaced { " " } else { "" });
        for source in [body.clone(), format!("profile \"p\" {{ incoming {{ {body} }} outgoing {{ {body}")] {
            if let Err(faults) = Profile::compile(&source) {
                prop_assert!(faults.iter().next().is_some());
                prop_assert!(!faults.render(false).is_empty());
                prop_assert!(serde_json::to_string(&faults).is_ok());
            }
            let _ = format(&source);
        }
    }

    #[test]
    fn the_canonical_form_is_one_and_says_the_same(source in file()) {
        let once = format(&source).map_err(|f| TestCaseError::fail(f.render(false)))?;
        let twice = format(&once).map_err(|f| TestCaseError::fail(f.render(false)))?;
        prop_assert_eq!(&once, &twice);
        let comments = |text: &str| text.matches("# ").count() + text.matches("#two").count();
        prop_assert_eq!(comments(&once), comments(&source));
        let codes = |text: &str| Profile::compile(text)
            .map_err(|faults| faults.iter().map(|f| (f.code, f.message.clone())).collect::<Vec<_>>());
        prop_assert_eq!(codes(&once), codes(&source));
    }

    #[test]
    fn a_tree_that_checks_has_a_rule_for_everybody(source in file(), who in party(), mode in 0..6_usize, state in 0..3_usize) {
        if let Ok(profile) = Profile::compile(&source) {
            let uid = Uid::parse(&who);
            let caller = match &uid {
                Ok(uid) => Party::User(uid),
                Err(_) if who == "anonymous" => Party::Anonymous,
                Err(_) => Party::Number(&who),
            };
            let question = Question {
                mode: Mode::ALL[mode], caller, to: caller, registered: [Registered::None, Registered::OtherModes, Registered::ThisMode][state],
                groups: &[], contact: false, urgent: false, wall_ms: 0,
                ..Question::new(Mode::Voice, Party::Anonymous, Party::Anonymous)
            };
            let mut trace = Trace::new();
            profile.decide(Direction::Incoming, &question, &mut trace);
            prop_assert_ne!(profile.rule_line(&trace), "x: no rule");
        }
    }
}
