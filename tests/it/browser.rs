//! Two real browsers talk through the real server: Chromium without a screen, with JsSIP.
//!
//! They register over secure WebSocket (and over a plain one), page each other and call each other with sound. What they do is
//! written in `tests/browser`; `tests/run` installs what that needs, in a folder that `RATATOSK_BROWSER` names.

use std::process::Command;
use std::time::Duration;

use crate::process::{Process, peers, skip};
use crate::server_process::{DOMAIN, PASSWORD, Server};

/// How long everything may take: a browser starts in some seconds.
const PATIENCE: Duration = Duration::from_secs(90);

fn talk(scheme: &str) {
    if !peers(&["chromium", "node"]) {
        return;
    }
    let Some(folder) = std::env::var_os("RATATOSK_BROWSER") else {
        skip("RATATOSK_BROWSER names no folder with what tests/browser needs");
        return;
    };
    let server = Server::secured();
    let url = format!("{scheme}://{}/", server.web_address(scheme == "wss"));
    let mut node = Command::new("node");
    node.current_dir(folder).args(["browsers.mjs", &url, DOMAIN, PASSWORD]);
    let mut process = Process::start("browsers", server.dir(), &mut node);
    let status = process.wait(PATIENCE);
    assert!(status.success(), "{}", process.output());
}

#[test]
fn two_browsers_page_and_call_each_other() {
    talk("wss");
}

#[test]
fn two_browsers_page_and_call_each_other_in_the_clear() {
    talk("ws");
}
