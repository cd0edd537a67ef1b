//! A tree file, or the rules of one: reader, checker, formatter, comparison, pictures.

#![no_main]

use libfuzzer_sys::fuzz_target;
use ratatosk::base::{Limits, Uid};
use ratatosk::routing::{Code, Incomparable, Profile, Style, differences, draw, format};

/// Small enough for many runs a second, large enough for every fault.
fn limits() -> Limits {
    Limits { tree_bytes: 8 * 1024, tree_check_steps: 50_000, ..Limits::default() }
}

fuzz_target!(|text: &str| {
    let rules = format!("profile \"p\" {{ incoming {{\n{text}\n}} }}");
    let text = if text.trim_start().starts_with(['p', '#']) { text } else { &rules };
    let owner = Uid::parse("anne@north.test").expect("an address");
    let compile = |text: &str| Profile::compile_for(text, &limits(), &owner, None);
    let compiled = compile(text);
    if let Err(faults) = &compiled {
        assert!(faults.iter().next().is_some());
        assert!(!faults.render(false).is_empty());
    }
    let Ok(once) = format(text) else {
        assert!(compiled.is_err(), "what compiles has a canonical form");
        return;
    };
    assert_eq!(format(&once).ok().as_ref(), Some(&once), "there is one canonical form");
    match (compiled, compile(&once)) {
        (Ok(before), Ok(after)) => {
            assert_eq!(before, after, "it says the same");
            let found = differences((&before, &after), &before, &limits());
            assert!(matches!(&found, Ok(none) if none.is_empty()) || found == Err(Incomparable::TooComplex));
            for style in [Style::Text, Style::Dot, Style::Svg] {
                assert!(!draw(&before, None, style).is_empty());
            }
        }
        (Err(before), Err(after)) => {
            let codes = |faults: &ratatosk::routing::Faults| faults.iter().map(|fault| fault.code).collect::<Vec<_>>();
            assert_eq!(codes(&before), codes(&after));
        }
        // The canonical form may be longer than a file may be.
        (_, Err(after)) => assert!(after.iter().all(|fault| fault.code == Code::TooLarge)),
        (Err(before), Ok(_)) => assert!(before.iter().all(|fault| fault.code == Code::TooLarge)),
    }
});
