//! A CPL script.

#![no_main]

use libfuzzer_sys::fuzz_target;
use ratatosk::base::{Limits, Uid};
use ratatosk::routing::{Profile, format, import_cpl};

fuzz_target!(|script: &str| {
    let limits = Limits { tree_bytes: 8 * 1024, tree_check_steps: 50_000, ..Limits::default() };
    let owner = Uid::parse("anne@north.test").expect("an address");
    match import_cpl(script, "cpl", &limits, Some(&owner)) {
        Ok(imported) => {
            assert!(!script.trim_start().starts_with("<!DOCTYPE"), "{script}");
            let file = Limits { tree_bytes: u32::MAX, ..limits };
            assert!(Profile::compile_for(&imported.text, &file, &owner, None).is_ok(), "{}", imported.text);
            assert_eq!(format(&imported.text).ok().as_ref(), Some(&imported.text));
        }
        Err(faults) => {
            assert!(faults.iter().next().is_some());
            assert!(!faults.render(false).is_empty());
        }
    }
});
