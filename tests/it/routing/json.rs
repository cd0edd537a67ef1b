//! The JSON form of trees: there and back nothing is lost, and the schema says what it is.

use std::path::Path;

use proptest::prelude::*;
use ratatosk::routing::{JsonFault, Profile, format, from_json, to_json};
use serde_json::{Value, json};

use super::properties::file;

fn schema() -> Value {
    serde_json::from_str(include_str!("../../../docs/routing-tree.schema.json")).unwrap()
}

/// Whether a value is as a schema says, as far as ours go: the first thing that is not.
fn invalid(schema: &Value, of: &Value, value: &Value) -> Option<String> {
    if let Some(name) = of["$ref"].as_str() {
        return invalid(schema, schema.pointer(name.trim_start_matches('#')).unwrap(), value);
    }
    let wrong = |what: &str| Some(format!("{what}: {value} is not {of}"));
    let kind = match value {
        Value::Object(_) => "object",
        Value::Array(_) => "array",
        Value::String(_) => "string",
        _ => "another",
    };
    if of["type"].as_str().is_some_and(|wanted| wanted != kind) {
        return wrong("type");
    }
    if of["enum"].as_array().is_some_and(|list| !list.contains(value)) {
        return wrong("enum");
    }
    let has = |of: &Value| {
        of["required"]
            .as_array()
            .is_none_or(|list| list.iter().all(|key| value.get(key.as_str().unwrap()).is_some()))
    };
    if !has(of) {
        return wrong("required");
    }
    if let Some(list) = of["oneOf"].as_array()
        && list.iter().filter(|one| has(one) && invalid(schema, one, value).is_none()).count() != 1
    {
        return wrong("oneOf");
    }
    let begins = |pattern: &str, text: &str| match pattern {
        "^#" => text.starts_with('#'),
        "^(#|$)" => text.is_empty() || text.starts_with('#'),
        _ => text.starts_with(|c: char| c.is_ascii_digit()) && text.ends_with(['s', 'm', 'n', 'h']),
    };
    if let (Some(pattern), Some(text)) = (of["pattern"].as_str(), value.as_str())
        && !begins(pattern, text)
    {
        return wrong("pattern");
    }
    if of["minItems"]
        .as_u64()
        .is_some_and(|least| value.as_array().unwrap().len() < usize::try_from(least).unwrap())
    {
        return wrong("minItems");
    }
    let first = of["prefixItems"].get(0).filter(|_| kind == "array");
    if let Some(found) = first.and_then(|first| invalid(schema, first, &value[0])) {
        return Some(found);
    }
    let items = value.as_array().into_iter().flatten().filter(|_| of.get("items").is_some());
    let fields = value.as_object().into_iter().flatten().filter(|_| of.get("properties").is_some());
    let item = items.map(|item| invalid(schema, &of["items"], item)).find(Option::is_some).flatten();
    item.or_else(|| {
        fields
            .map(|(key, field)| match of["properties"].get(key) {
                Some(known) => invalid(schema, known, field),
                None => wrong(key),
            })
            .find(Option::is_some)
            .flatten()
    })
}

/// There and back.
fn round(source: &str) {
    let written = to_json(source).unwrap();
    assert_eq!(from_json(&written).unwrap(), format(source).unwrap(), "{written}");
    let value: Value = serde_json::from_str(&written).unwrap();
    let schema = schema();
    assert_eq!(invalid(&schema, &schema, &value), None, "{written}");
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 256, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn there_and_back_nothing_is_lost(source in file()) {
        round(&source);
    }
}

/// Languages are words of two or three letters, and so are some of the grammar's: `to` is Tongan, `or` is Odia.
#[test]
fn a_language_may_be_any_word() {
    let grammar = include_str!("../../../editors/routing-tree.tmLanguage.json");
    let words = grammar.split(|c: char| !c.is_ascii_lowercase()).filter(|word| (2..=3).contains(&word.len()));
    let mut words: Vec<String> = words.map(str::to_owned).collect();
    let letters = || 'a'..='z';
    words.extend(letters().flat_map(|a| letters().map(move |b| format!("{a}{b}"))));
    for word in ["and", "not", "for", "set", "log", "try"] {
        assert!(words.iter().any(|known| known == word), "{word}");
    }
    for word in words {
        let tree = |values: &str| {
            format!(
                "profile \"p\" {{\nincoming {{\nlanguage {values} and urgent -> busy\notherwise -> ignore\n}}\n}}\n"
            )
        };
        let quoted = format!("\"{word}\"");
        for values in [quoted.clone(), format!("da or {quoted}"), format!("{quoted} or {quoted} or zz")] {
            let source = tree(&values);
            let once = format(&source).unwrap_or_else(|faults| panic!("{}", faults.render(false)));
            assert_eq!(format(&once).unwrap(), once);
            let (meant, said) = (Profile::compile(&source), Profile::compile(&once));
            assert_eq!(meant.unwrap(), said.unwrap_or_else(|faults| panic!("{}", faults.render(false))));
            round(&source);
        }
    }
}

#[test]
fn the_trees_that_are_shipped_go_there_and_back() {
    for directory in ["routing-trees", "routing-trees/examples"] {
        let directory = Path::new(env!("CARGO_MANIFEST_DIR")).join(directory);
        for file in std::fs::read_dir(directory).unwrap().map(|file| file.unwrap().path()) {
            if file.extension().is_some_and(|extension| extension == "tree") {
                round(&std::fs::read_to_string(file).unwrap());
            }
        }
    }
}

#[test]
fn what_nests_as_deep_as_it_may_goes_there_and_back() {
    let cond = (0..26).fold("urgent".to_owned(), |inner, depth| {
        let joint = if depth % 2 == 0 { "and" } else { "or" };
        format!("(registered {joint} {inner})")
    });
    let rules = |begin: &str| format!("profile \"p\" {{\nincoming {{\n{begin}\notherwise -> busy\n}}\n}}\n");
    round(&rules(&format!("{cond} -> busy")));
    let line = (0..12).fold("busy".to_owned(), |inner, _| format!("try clients {{\nbusy -> {inner}\n}}"));
    round(&rules(&format!("urgent -> {line}")));
    let line = (0..25).fold("busy".to_owned(), |inner, _| format!("try clients else {inner}"));
    round(&rules(&format!("urgent -> {line}")));
    let block = (0..25).fold("otherwise -> busy".to_owned(), |inner, _| format!("urgent {{\n{inner}\n}}"));
    round(&rules(&block));
}

#[test]
fn the_schema_knows_the_words_of_conditions() {
    let grammar: Value =
        serde_json::from_str(include_str!("../../../editors/routing-tree.tmLanguage.json")).unwrap();
    let pattern = grammar["repository"]["condition"]["match"].as_str().unwrap();
    let words: Vec<&str> =
        pattern.split("(?:").nth(1).unwrap().split(')').next().unwrap().split('|').collect();
    let known = &schema()["$defs"]["condition"]["oneOf"][3]["properties"]["is"]["prefixItems"][0]["enum"];
    assert_eq!(*known, json!(words));
}

#[test]
fn the_form_is_structure_and_words() {
    let source = "# top\nprofile \"p\" { # head\n  zone Europe/Oslo\n\n  incoming {\n    # one\n    caller in \"A, B\" or @b.test and not (urgent or mode page) -> also inbox, try clients, \"gsm\" after 5s for 20s else busy # why\n    otherwise -> try clients {\n      busy or declined -> refuse \"no\"\n      # last\n    } # end\n  }\n}\n# below\n";
    let written: Value = serde_json::from_str(&to_json(source).unwrap()).unwrap();
    let expected = json!({
        "profile": "p",
        "notes": { "above": ["# top"], "behind": "# head" },
        "zone": { "name": "Europe/Oslo" },
        "trees": [{
            "direction": "incoming",
            "notes": { "above": [""] },
            "rules": [
                {
                    "when": { "all": [
                        { "is": ["caller", "in \"A, B\"", "@b.test"] },
                        { "not": { "any": [{ "is": ["urgent"] }, { "is": ["mode", "page"] }] } },
                    ] },
                    "notes": { "above": ["# one"], "behind": "# why" },
                    "then": {
                        "besides": ["also inbox"],
                        "try": [{ "target": "clients" }, { "target": "\"gsm\"", "after": "5s" }],
                        "for": "20s",
                        "else": { "do": "busy" },
                    },
                },
                {
                    "notes": { "end": ["# last"], "behind_end": "# end" },
                    "then": {
                        "try": [{ "target": "clients" }],
                        "results": [{ "on": ["declined", "busy"], "then": { "do": "refuse \"no\"" } }],
                    },
                },
            ],
        }],
        "below": ["# below"],
    });
    let expected = expected.to_string().replace("[\"declined\",\"busy\"]", "[\"busy\",\"declined\"]");
    assert_eq!(written, serde_json::from_str::<Value>(&expected).unwrap(), "{written:#}");
}

#[test]
fn what_is_no_tree_is_told() {
    let rule = |rule: Value| {
        json!({ "profile": "p", "trees": [{ "direction": "incoming", "rules": [rule] }] }).to_string()
    };
    let told = |json: &str| from_json(json).unwrap_err().to_string();
    assert!(told("{").contains("not the JSON form of a tree"));
    assert!(told(r#"{"profile":"p","tres":[]}"#).contains("tres"));
    assert!(told(&" ".repeat(5_000_000)).contains("at most"));
    for (bad, part) in [
        (json!({ "then": { "do": "busy\notherwise -> decline" } }), "an action cannot be"),
        (json!({ "then": { "do": "busy # gone" } }), "an action cannot be"),
        (json!({ "then": { "do": "" } }), "an action cannot be"),
        (
            json!({ "when": { "is": ["mode", "page -> busy"] }, "then": { "do": "busy" } }),
            "a value of a condition cannot be",
        ),
        (
            json!({ "when": { "is": ["urgent or mode", "page"] }, "then": { "do": "busy" } }),
            "a value of a condition cannot be",
        ),
        (json!({ "notes": { "behind": "busy" }, "then": { "do": "busy" } }), "a comment"),
        (json!({ "notes": { "above": ["# a\nb"] }, "then": { "do": "busy" } }), "a comment"),
        (json!({ "rules": [], "then": { "do": "busy" } }), "either `rules` or `then`"),
        (json!({ "when": { "any": [] }, "then": { "do": "busy" } }), "at least one"),
        (json!({ "when": { "is": [] }, "then": { "do": "busy" } }), "begins with the word"),
        (json!({ "then": { "do": "busy", "else": { "do": "busy" } } }), "only a `try` goes on"),
    ] {
        let json = rule(bad);
        assert!(told(&json).contains(part), "{json}: {}", told(&json));
    }
    // A fault of the tree has its place in the text.
    let fault = from_json(&rule(json!({ "then": { "do": "bussy" } }))).unwrap_err();
    assert!(
        matches!(fault, JsonFault::Tree(faults) if faults.iter().any(|fault| fault.help.as_deref() == Some("did you mean `busy`?")))
    );
}
