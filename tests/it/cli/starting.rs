//! Servers that start for the first time, or cannot.

use std::io::Read;

use super::*;

#[test]
fn what_cannot_be_opened_is_told_and_leaves_nothing() {
    let shell = Shell::new();
    let taken = std::net::UdpSocket::bind("127.0.0.1:0").unwrap();
    let port = taken.local_addr().unwrap().port();
    let told = shell.fails(1, &["demo", "--port", &port.to_string(), "--http-port", "0"]);
    assert!(told.contains("is in use") && told.contains("--port"), "{told}");

    shell.write("ratatosk.toml", &CONFIG.replacen("127.0.0.1:0", &format!("127.0.0.1:{port}"), 1));
    assert!(shell.fails(1, &["serve"]).contains("is in use"));
    assert!(!shell.directory.path().join("north.sock").exists());

    shell.write("north.db", "this is no database, however long one looks at it");
    let told = shell.fails(1, &["serve"]);
    assert!(told.contains("cannot be opened"), "{told}");

    shell.write("ratatosk.toml", &format!("{CONFIG}\n[trees]\ndirectory = \"trees\"\n"));
    std::fs::create_dir(shell.directory.path().join("trees")).unwrap();
    shell.write("trees/bad.tree", "profile \"bad\" {\n  incoming {\n    otherwise -> bussy\n  }\n}\n");
    assert!(shell.fails(1, &["serve"]).contains("bussy"));
}

/// What lies in the directory.
fn files(shell: &Shell) -> Vec<String> {
    let entries = std::fs::read_dir(shell.directory.path()).unwrap();
    let mut names: Vec<String> =
        entries.map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect();
    names.sort();
    names
}

/// Whatever hinders a start: no socket, no lock and nothing half made stays behind.
#[test]
fn a_failed_start_leaves_nothing_half_made() {
    let shell = Shell::new();
    let taken = std::net::UdpSocket::bind("127.0.0.1:0").unwrap();
    let port = taken.local_addr().unwrap().port();
    shell.write("ratatosk.toml", &CONFIG.replacen("127.0.0.1:0", &format!("127.0.0.1:{port}"), 1));
    assert!(shell.fails(1, &["serve"]).contains("is in use"));
    assert_eq!(files(&shell), ["north.db", "north.key", "ratatosk.toml"], "a store that is whole may stay");
    // An HTTP port that is taken is found when the SIP listeners are open.
    let http = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let address = http.local_addr().unwrap();
    shell.write("ratatosk.toml", &format!("{CONFIG}[http]\naddress = \"{address}\"\n"));
    assert!(shell.fails(1, &["serve"]).contains("cannot be opened"));
    assert_eq!(files(&shell), ["north.db", "north.key", "ratatosk.toml"]);

    let other = Shell::new();
    other.write("ratatosk.toml", CONFIG);
    other.write("north.db", "this is no database, however long one looks at it");
    assert!(other.fails(1, &["serve"]).contains("cannot be opened"));
    assert_eq!(files(&other), ["north.db", "ratatosk.toml"]);

    // The socket's place is taken by something that is no socket.
    let third = Shell::new();
    third.write("ratatosk.toml", CONFIG);
    std::fs::create_dir(third.directory.path().join("north.sock")).unwrap();
    third.write("north.sock/keep", "");
    assert!(third.fails(1, &["serve"]).contains("cannot be made"));
    assert_eq!(files(&third), ["north.db", "north.key", "north.sock", "ratatosk.toml"]);

    // One that ends as it should takes its lock and its socket with it.
    shell.write("ratatosk.toml", CONFIG);
    assert_eq!(shell.serve(&["serve"]).end_by("-TERM"), Some(0));
    assert_eq!(files(&shell), ["north.db", "north.key", "ratatosk.toml"]);
}

/// What a server has said until it ended.
fn said(mut server: Server) -> String {
    server.signal("-TERM");
    let mut told = String::new();
    server.child.stderr.take().unwrap().read_to_string(&mut told).unwrap();
    assert_eq!(server.end(), Some(0));
    told
}

#[test]
fn an_empty_cluster_is_told_how_to_have_its_first_user() {
    let shell = Shell::new();
    shell.write("north.toml", CONFIG);
    let told = said(shell.serve(&["--config", "north.toml", "serve"]));
    let way_out = "ratatosk --config north.toml user add anne@north.test";
    assert!(told.contains(way_out), "{told}");
    shell.ok(&["--config", "north.toml", "user", "add", "anne@north.test", "--password", "x"]);
    let told = said(shell.serve(&["--config", "north.toml", "serve"]));
    assert!(!told.contains("user add"), "{told}");
}

/// The key is gone, and the passwords with it; nothing else is.
#[test]
fn a_lost_key_is_told_and_made_anew() {
    let shell = Shell::new();
    shell.write("ratatosk.toml", CONFIG);
    shell.ok(&["user", "add", "anne", "--password", "x", "--number", "100"]);
    let key = shell.directory.path().join("north.key");
    assert!(shell.fails(1, &["user", "reseal"]).contains("nothing has to be sealed anew"));
    let kept = std::fs::read(&key).unwrap();
    std::fs::remove_file(&key).unwrap();
    for line in [&["serve"][..], &["user", "list"], &["user", "add", "carl", "--password", "x"]] {
        let told = shell.fails(1, line);
        for part in ["north.key is missing", "put it back from a copy", "`ratatosk user reseal`"] {
            assert!(told.contains(part), "{part}: {told}");
        }
        assert!(!key.exists(), "no empty file in its place");
    }
    std::fs::write(&key, &kept).unwrap();
    shell.ok(&["user", "list"]);
    // A key of somebody else's is no reason to forget anything.
    std::fs::write(&key, "0".repeat(64)).unwrap();
    assert!(shell.fails(1, &["user", "reseal"]).contains("is not the key"));
    std::fs::remove_file(&key).unwrap();
    let told = shell.ok(&["user", "reseal"]);
    assert!(told.contains("its user needs a new password"), "{told}");
    assert_eq!(mode(&key), 0o600);
    assert_eq!(shell.json(&["user", "show", "anne", "--json"])["numbers"], serde_json::json!(["100"]));
    shell.ok(&["user", "passwd", "anne", "--password", "y"]);
    assert_eq!(shell.serve(&["serve"]).end_by("-TERM"), Some(0));
}

#[test]
fn nothing_is_sealed_anew_beneath_a_running_server() {
    let shell = Shell::new();
    shell.write("ratatosk.toml", CONFIG);
    let server = shell.serve(&["serve"]);
    std::fs::remove_file(shell.directory.path().join("north.key")).unwrap();
    assert!(shell.fails(1, &["user", "reseal"]).contains("another ratatosk server runs"));
    assert_eq!(server.end_by("-TERM"), Some(0));
}

/// Whatever name its file is reached by, a store has one server.
#[test]
fn a_second_server_by_another_name_is_refused() {
    let shell = Shell::new();
    shell.write("ratatosk.toml", CONFIG);
    let server = shell.serve(&["serve"]);
    let path = |name: &str| shell.directory.path().join(name);
    std::os::unix::fs::symlink(path("north.db"), path("link.db")).unwrap();
    std::fs::copy(path("north.key"), path("link.key")).unwrap();
    shell.write("link.toml", &CONFIG.replace("north.db", "link.db"));
    let told = shell.fails(1, &["--config", "link.toml", "serve"]);
    assert!(told.contains("another ratatosk server runs on"), "{told}");
    assert_eq!(server.end_by("-TERM"), Some(0));
}

#[test]
fn what_is_left_of_a_lost_database_is_told() {
    let shell = Shell::new();
    shell.write("ratatosk.toml", CONFIG);
    shell.ok(&["user", "add", "anne", "--password", "x"]);
    std::fs::remove_file(shell.directory.path().join("north.db")).unwrap();
    let told = said(shell.serve(&["serve"]));
    assert!(told.contains("is new, though its key was there before"), "{told}");
}

/// What cannot be a database is told before a server starts.
#[test]
fn the_check_looks_at_the_files_too() {
    let shell = Shell::new();
    let store = |path: &str| shell.write("ratatosk.toml", &CONFIG.replace("north.db", path));
    store("/tmp");
    assert!(shell.fails(1, &["config", "check"]).contains("it is a directory"));
    store("none/of/it/north.db");
    assert!(shell.remarks(&["config", "check"]).contains("none/of/it of the database is made at the start"));
    shell.write("ratatosk.toml", &format!("gateways = \"ratatosk.toml\"\n{CONFIG}"));
    assert!(shell.fails(1, &["config", "check"]).contains("cannot be read: not a directory"));
}

/// What is said and reaches nobody is no success, unless whoever read it has gone.
#[test]
fn a_full_disk_is_no_success() {
    let shell = Shell::new();
    shell.ok(&["user", "add", "anne", "--password", "x"]);
    for line in
        [&["user", "list"][..], &["user", "show", "anne", "--json"], &["openapi"], &["token", "add", "t"]]
    {
        let full = std::fs::OpenOptions::new().write(true).open("/dev/full").unwrap();
        let output =
            shell.command(line).stdout(full).stderr(Stdio::piped()).spawn().unwrap().wait_with_output();
        let output = output.unwrap();
        assert_eq!(output.status.code(), Some(1), "{line:?}");
        assert!(text(&output.stderr).contains("what was said could not be written"), "{line:?}");
    }
    let mut gone = shell.command(&["openapi"]).stdout(Stdio::piped()).spawn().unwrap();
    drop(gone.stdout.take());
    assert!(gone.wait().unwrap().success(), "a reader who has read enough");
}
