//! What the README and the pages show for copying is accepted by the program.

use std::fs;
use std::path::Path;

use crate::server_process::run;

/// The fenced blocks of a page, with the word after the fence.
fn blocks(page: &str) -> Vec<(String, String)> {
    let text = fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join(page)).unwrap();
    let fences: Vec<_> = text.split("```").collect();
    fences
        .chunks_exact(2)
        .map(|pair| pair[1].split_once('\n').unwrap())
        .map(|(a, b)| (a.into(), b.into()))
        .collect()
}

/// Puts each into a file of its own in a directory, and checks it.
fn accepted(blocks: impl Iterator<Item = String>, name: &str, check: impl Fn(&Path)) {
    let mut count = 0;
    for block in blocks {
        let dir = tempfile::tempdir().unwrap();
        let file = dir.path().join(name);
        fs::write(&file, block).unwrap();
        check(&file);
        count += 1;
    }
    assert!(count > 0, "nothing to check");
}

#[test]
fn its_trees_are_right() {
    let pages = ["README.md", "docs/routing-tree.md"].into_iter().flat_map(blocks);
    let trees = pages.map(|(_, text)| text).filter(|text| text.contains("profile \""));
    accepted(trees, "a.tree", |file| {
        run(&file.with_file_name("none.toml"), &["tree", "check", file.to_str().unwrap()]);
    });
}

#[test]
fn its_configurations_are_right() {
    let configurations =
        blocks("README.md").into_iter().filter(|(kind, _)| kind == "toml").map(|(_, text)| text);
    // A secret is a reference to what the reader has exported; here it is a file.
    let configurations = configurations.map(|text| text.replace("env:NORTH_SOUTH", "file:secret"));
    accepted(configurations, "ratatosk.toml", |file| {
        fs::write(file.with_file_name("secret"), "between the two").unwrap();
        run(file, &["config", "check"]);
    });
}
