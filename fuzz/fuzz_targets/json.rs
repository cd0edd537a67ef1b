//! The JSON form of a tree: what is read as one, and what a text becomes.

#![no_main]

use libfuzzer_sys::fuzz_target;
use ratatosk::routing::{format, from_json, to_json};

fuzz_target!(|text: &str| {
    let written = if text.trim_start().starts_with('{') {
        from_json(text).ok()
    } else {
        let rules = format!("profile \"p\" {{ incoming {{\n{text}\n}} }}");
        format(if text.trim_start().starts_with(['p', '#']) { text } else { &rules }).ok()
    };
    let Some(tree) = written else { return };
    let canonical = format(&tree).expect("what is written can be read");
    let json = to_json(&tree).expect("what has a canonical form has a JSON form");
    assert_eq!(from_json(&json).ok().as_ref(), Some(&canonical), "nothing is lost");
    assert_eq!(to_json(&canonical).ok(), Some(json));
});
