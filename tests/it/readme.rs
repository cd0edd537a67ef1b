//! What the README and the pages show for copying is accepted by the program.

use std::fs;
use std::path::Path;
use std::process::Command;
use std::time::Duration;

use crate::handset::Handset;
use crate::process::until;
use crate::server_process::{Server, run};
use crate::sim::page;

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

/// The tour, line by line in a shell, beside a demo in which carl has paged anne.
#[test]
fn its_tour_works_as_it_stands() {
    let tour = blocks("README.md").into_iter().find(|(kind, _)| kind == "sh").unwrap().1;
    let server = Server::demo();
    let store = server.output();
    let store =
        store.lines().find_map(|line| line.trim().strip_prefix("export RATATOSK_STORE_URL=")).unwrap();
    let mut carl = Handset::of("carl", "localhost", 1, &server.address());
    carl.act(&page("anne", "lunch?"), |carl| carl.heard.iter().any(|text| text.contains(" 202 ")));
    let program = Path::new(env!("CARGO_BIN_EXE_ratatosk")).parent().unwrap();
    let path = format!("{}:{}", program.display(), std::env::var("PATH").unwrap());
    let shell = |lines: &str| {
        let output = Command::new("sh")
            .args(["-ec", lines])
            .current_dir(env!("CARGO_MANIFEST_DIR"))
            .env("PATH", &path)
            .env("RATATOSK_STORE_URL", store)
            .output()
            .unwrap();
        let told = String::from_utf8(output.stdout).unwrap();
        assert!(output.status.success(), "{told}{}", String::from_utf8(output.stderr).unwrap());
        told
    };
    // Nobody waits for records.
    until("the page to be on record", Duration::from_secs(5), || {
        shell("ratatosk pages").contains("anne").then_some(())
    });
    let lines: Vec<&str> = tour.lines().filter(|line| !line.starts_with("export ")).collect();
    assert!(tour.lines().count() <= 10, "ten lines are a tour");
    let told = shell(&lines.join("\n"));
    for part in [
        "is in order",
        "time 22:00-07:00? yes: it is Saturday 2026-11-28 23:00 UTC",
        "the caller hears 603: declined",
        "the caller hears 202: kept for later",
        "try clients for 20s\n* ",
        "anne:default:",
        "1 of 1 calls and pages would be routed as they were",
        "anne@localhost is served by \"quiet\"",
        "there are no calls yet",
    ] {
        assert!(told.contains(part), "{part:?} is not in\n{told}");
    }
}
