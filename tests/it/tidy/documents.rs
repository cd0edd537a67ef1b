//! The README's table of RFCs: what the `Implements:` lines name, in plain words, with the tests of each.
//!
//! `UPDATE_GOLDEN=1` writes it anew. An RFC that is new in an `Implements:` line needs a row here.

use std::collections::BTreeSet;
use std::fmt::Write as _;
use std::fs;

use super::conformance::documents;
use super::source::{none, root, sources};

const BEGIN: &str = "<!-- The table of RFCs is made by a test: UPDATE_GOLDEN=1 cargo test tidy -->\n";
const END: &str = "<!-- end of the table -->\n";

/// Number, what it is about, and the tests: files of `tests/it`, or sources with tests of their own.
const ROWS: &[(u32, &str, &str)] = &[
    (1035, "what a name server says", "dns"),
    (2045, "codings of bodies", "src/sip/multipart.rs odd_phones"),
    (2046, "bodies in several parts", "src/sip/multipart.rs odd_phones sipp"),
    (2533, "matching of features, as far as callers need it", "src/sip/preferences.rs"),
    (2782, "SRV records", "src/transport/resolve.rs"),
    (3261, "SIP", "calls dialogs forks odd_phones requests register crossings torture"),
    (3262, "reliable provisional responses (PRACK)", "reliable crossings"),
    (3263, "where a domain is reached", "src/transport/resolve.rs"),
    (3264, "offer and answer", "dialogs updates reliable"),
    (3311, "UPDATE", "updates reliable crossings sipp"),
    (3323, "privacy", "privacy src/sip/privacy.rs requests detours sipp"),
    (3325, "asserted identities between clusters", "privacy federation federation_door"),
    (3326, "why a call ended (Reason)", "forks races odd_phones"),
    (3327, "Path", "paths strangers"),
    (3403, "NAPTR records", "src/transport/resolve.rs dns"),
    (3420, "the first line of a message, in NOTIFY", "transfers"),
    (3428, "pages (MESSAGE)", "messages inbox"),
    (3515, "REFER", "transfers crossings sipp"),
    (3581, "rport", "ways wire"),
    (3608, "Service-Route", "paths"),
    (3840, "what phones can do", "caller_preferences src/sip/preferences.rs"),
    (3841, "what callers would have of them", "caller_preferences src/sip/preferences.rs sipp"),
    (3880, "CPL scripts, turned into trees", "routing/cpl"),
    (3891, "Replaces, in INVITE and inside Refer-To", "replaces transfers sipp"),
    (3892, "Referred-By", "transfers federation_door"),
    (3911, "Join: not beside Replaces", "replaces"),
    (3966, "telephone numbers", "ways src/sip/uri_parse.rs"),
    (3994, "who is typing is not kept", "inbox"),
    (4028, "session timers", "session_timers"),
    (4320, "no 408 to what is no INVITE", "odd_phones"),
    (4475, "torture messages", "torture torture_server"),
    (4488, "REFER without notifications", "transfers"),
    (4647, "languages", "src/routing/content.rs"),
    (5057, "what ends a dialog", "dialogs odd_phones"),
    (5118, "IPv6 torture messages", "torture torture_server"),
    (5246, "TLS 1.2", "tls"),
    (5280, "revoked certificates", "tls domains"),
    (5393, "loops and breadth of forks", "detours"),
    (5545, "recurring times in trees", "routing/clock"),
    (5589, "transfer", "transfers sipp"),
    (5621, "bodies of calls that are no session", "odd_phones src/sip/multipart.rs"),
    (5626, "outbound: flows, keep-alives, instances, new flows", "outbound keep_alive ways strangers"),
    (5627, "GRUUs: addresses of one client", "gruus src/registrar/gruu.rs"),
    (5630, "`sips:` addresses", "sips tls"),
    (5922, "domains in certificates", "domains"),
    (5923, "connections between clusters, reused", "domains"),
    (5924, "what certificates are for", "domains"),
    (6026, "answers to INVITE that come again", "odd_phones"),
    (6086, "INFO and its packages", "relayed dialogs sipp"),
    (6455, "WebSocket", "web_sockets"),
    (6665, "events: refused, and those of REFER", "relayed messages transfers"),
    (6750, "bearer tokens, at the HTTP API", "cli/http/doors"),
    (7044, "History-Info", "detours"),
    (7118, "SIP over WebSocket", "web_sockets torture_server"),
    (7616, "digest", "register src/sip/digest/hash.rs"),
    (8446, "TLS 1.3", "tls"),
    (8489, "STUN, as a keep-alive", "keep_alive src/transport/stun.rs"),
    (8599, "push: phones that sleep", "push"),
    (8760, "digest with SHA-256", "register src/sip/digest/hash.rs"),
    (8866, "session descriptions", "src/sip/sdp.rs src/sip/veil.rs privacy"),
    (9110, "HTTP, as the client of a hook", "push src/io/hook.rs"),
    (9112, "HTTP/1.1, as the client of a hook", "push src/io/hook.rs"),
    (9457, "problems, at the HTTP API", "cli/http cli/http/doors"),
];

/// The table, and what is wrong with its rows.
fn table() -> (String, Vec<String>) {
    let implemented: BTreeSet<u32> = documents(&sources("src", &[".rs"]));
    let told: BTreeSet<u32> = ROWS.iter().map(|(number, ..)| *number).collect();
    let missing = implemented.difference(&told).map(|rfc| format!("RFC {rfc} has no row"));
    let gone = told.difference(&implemented).map(|rfc| format!("RFC {rfc} is in no `Implements:` line"));
    let mut faults: Vec<String> = missing.chain(gone).collect();
    let mut text = "| RFC | about | tests |\n|---|---|---|\n".to_owned();
    for (number, about, tests) in ROWS {
        let tests: Vec<String> = tests.split(' ').map(path).collect();
        faults.extend(
            tests
                .iter()
                .filter(|test| !has_tests(test))
                .map(|test| format!("RFC {number}: no tests in {test}")),
        );
        let links = tests.iter().map(|test| {
            let name = test.trim_start_matches("tests/it/").trim_end_matches(".rs");
            format!("[{name}]({test})")
        });
        let links: Vec<String> = links.collect();
        let rfc = format!("[{number}](https://www.rfc-editor.org/rfc/rfc{number})");
        writeln!(text, "| {rfc} | {about} | {} |", links.join(", ")).unwrap();
    }
    (text, faults)
}

fn path(test: &str) -> String {
    if test.starts_with("src/") { test.to_owned() } else { format!("tests/it/{test}.rs") }
}

fn has_tests(path: &str) -> bool {
    // The tests of the wire are rows of a macro.
    fs::read_to_string(root().join(path)).is_ok_and(|text| text.contains("#[test]"))
}

#[test]
fn the_readme_tells_every_rfc() {
    let (table, faults) = table();
    none(&faults, "tests/it/tidy/documents.rs has a row for every RFC that is implemented, with its tests");
    let file = root().join("README.md");
    let readme = fs::read_to_string(&file).unwrap();
    let (head, rest) = readme.split_once(BEGIN).expect("the README has a place for the table");
    let (_, tail) = rest.split_once(END).expect("the table ends");
    let written = format!("{head}{BEGIN}{table}{END}{tail}");
    if std::env::var_os("UPDATE_GOLDEN").is_some() {
        fs::write(&file, &written).unwrap();
        return;
    }
    assert!(written == readme, "the README's table of RFCs is out of date: UPDATE_GOLDEN=1 cargo test tidy");
}
