//! What a server tells of itself in figures, as Prometheus reads it.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write as _;
use std::fs;
use std::io::{Read, Write as _};
use std::net::TcpStream;
use std::path::PathBuf;
use std::time::Duration;

use prometheus_parse::{Scrape, Value};
use ratatosk::io::metrics::{ALL, Kind};
use serde_json::Value as Json;
use tempfile::TempDir;

use crate::handset::Handset;
use crate::process::{Process, free_port, until};
use crate::server_process::{PASSWORD, run};
use crate::sim::{Do, page};

/// How long anything may take.
const PATIENCE: Duration = Duration::from_secs(10);
const BUSY: &str = "profile \"busy\" {\n  incoming {\n    mode page -> try clients else inbox\n    otherwise -> busy\n  }\n}\n";

/// A server with an HTTP listener and the users anne and carl.
struct Measured {
    config: PathBuf,
    sip: u16,
    http: u16,
    token: String,
    _process: Process,
    _dir: TempDir,
}

impl Measured {
    fn start(http: &str) -> Self {
        let (dir, sip, port) = (TempDir::new().unwrap(), free_port(), free_port());
        let config = dir.path().join("ratatosk.toml");
        let text = format!(
            "threads = 2\n[cluster]\nid = \"north.test\"\n[store]\nurl = \"sqlite://north.db\"\n\
             [[listen]]\ntransport = \"udp\"\naddress = \"127.0.0.1:{sip}\"\n\
             [[listen]]\ntransport = \"tcp\"\naddress = \"127.0.0.1:{sip}\"\n\
             [[listen]]\ntransport = \"udp\"\naddress = \"127.0.0.1:{}\"\nface = \"federation\"\n\
             [[federation]]\nid = \"south.test\"\naddress = \"sip:127.0.0.1:9\"\nsecret = \"nobody is there\"\n\
             [http]\naddress = \"127.0.0.1:{port}\"\n{http}",
            sip + 1
        );
        fs::write(&config, text).unwrap();
        for user in ["anne", "carl"] {
            run(&config, &["user", "add", user, "--password", PASSWORD]);
        }
        let token = run(&config, &["token", "add", "scraper", "--metrics"]).trim().to_owned();
        let mut command = std::process::Command::new(env!("CARGO_BIN_EXE_ratatosk"));
        let mut process =
            Process::start("server", dir.path(), command.arg("--config").arg(&config).arg("serve"));
        process.wait_for_line(&dir.path().join("server.out"), "ready", PATIENCE);
        Self { config, sip, http: port, token, _process: process, _dir: dir }
    }

    /// The status and the body of an answer.
    fn get(&self, path: &str, token: Option<&str>) -> (u16, String) {
        let mut stream = TcpStream::connect(("127.0.0.1", self.http)).unwrap();
        let shown = token.map_or(String::new(), |token| format!("Authorization: Bearer {token}\r\n"));
        write!(stream, "GET {path} HTTP/1.1\r\nHost: x\r\nConnection: close\r\n{shown}\r\n").unwrap();
        let mut answer = String::new();
        stream.read_to_string(&mut answer).unwrap();
        let (head, body) = answer.split_once("\r\n\r\n").unwrap();
        (head.split(' ').nth(1).unwrap().parse().unwrap(), body.to_owned())
    }

    fn scrape(&self) -> (Scrape, String) {
        let (status, text) = self.get("/metrics", Some(&self.token));
        assert_eq!(status, 200, "{text}");
        (Scrape::parse(text.lines().map(|line| Ok(line.to_owned()))).unwrap(), text)
    }
}

/// The sum of the figures of this metric that have these labels.
fn sum(scrape: &Scrape, name: &str, labels: &[(&str, &str)]) -> f64 {
    let name = format!("ratatosk_{name}");
    let fits = |sample: &&prometheus_parse::Sample| {
        sample.metric == name && labels.iter().all(|(label, value)| sample.labels.get(label) == Some(*value))
    };
    let figures = scrape.samples.iter().filter(fits).map(|sample| match &sample.value {
        Value::Counter(figure) | Value::Gauge(figure) | Value::Untyped(figure) => *figure,
        Value::Histogram(steps) => steps.iter().map(|step| step.count).fold(0.0, f64::max),
        Value::Summary(_) => panic!("{name}"),
    });
    figures.sum()
}

fn near(figure: f64, expected: f64) -> bool {
    (figure - expected).abs() < 0.5
}

/// What happens is counted, where it belongs, and names nobody.
#[test]
fn what_happens_is_told_in_figures() {
    let server = Measured::start("");
    let address = format!("127.0.0.1:{}", server.sip);
    let tree = server.config.with_file_name("busy.tree");
    fs::write(&tree, BUSY).unwrap();
    run(&server.config, &["profile", "set", "carl", "busy", "--file", tree.to_str().unwrap()]);
    run(&server.config, &["profile", "activate", "carl", "busy"]);
    let mut anne = Handset::new("anne", 1, &address);
    anne.act(&Do::Register, |anne| anne.phone.is_registered());
    let mut carl = Handset::new("carl", 2, &address);
    anne.act(&Do::Call("carl".into()), |anne| anne.heard.iter().any(|text| text.contains(" 486 ")));
    anne.act(&page("carl", "lunch?"), |anne| anne.heard.iter().any(|text| text.contains(" 202 ")));
    carl.act(&Do::Register, |carl| !carl.phone.pages.is_empty());
    let noise = std::net::UdpSocket::bind("127.0.0.1:0").unwrap();
    noise.send_to(b"this is no message\r\n\r\n", &address).unwrap();
    until("all of it to be counted", PATIENCE, || {
        let (scrape, _) = server.scrape();
        (near(sum(&scrape, "inbox_pages_total", &[]), 1.0) && near(sum(&scrape, "dropped_total", &[]), 1.0))
            .then_some(())
    });
    let (scrape, text) = server.scrape();
    for (name, labels, expected) in [
        ("call_halves_ended_total", &[("tree", "outgoing"), ("status", "4xx")][..], 1.0),
        ("call_halves_ended_total", &[("tree", "incoming"), ("status", "4xx")], 1.0),
        ("call_halves", &[("state", "ringing")], 0.0),
        ("page_halves_total", &[("tree", "incoming"), ("how", "inbox"), ("status", "202")], 1.0),
        ("inbox_pages_total", &[("outcome", "delivered")], 1.0),
        ("registrations_total", &[("kind", "new")], 2.0),
        ("bindings", &[("transport", "udp")], 2.0),
        ("registered_users", &[], 2.0),
        ("users", &[], 2.0),
        ("dropped_total", &[("why", "unreadable")], 1.0),
        ("tree_decisions_total", &[("tree", "incoming"), ("action", "busy")], 1.0),
        ("sip_requests_total", &[("method", "INVITE")], 1.0),
        ("sip_responses_total", &[("status", "486")], 1.0),
        ("trunk_up", &[("trunk", "south.test")], 0.0),
        ("store_readable", &[], 1.0),
        ("store_failures_total", &[], 0.0),
        ("info", &[("version", env!("CARGO_PKG_VERSION"))], 1.0),
    ] {
        assert!(near(sum(&scrape, name, labels), expected), "{name} {labels:?} is not {expected}\n{text}");
    }
    for name in ["turn_seconds", "store_batch_seconds", "sip_responses_total", "start_time_seconds"] {
        assert!(sum(&scrape, name, &[]) > 0.5, "{name}\n{text}");
    }
    for nobody in ["anne", "carl", "lunch", "127.0.0.1"] {
        assert!(!text.contains(nobody), "{nobody} in\n{text}");
    }
    // Every metric is one of the table, and has a help and a type.
    let names: BTreeSet<&str> = ALL.iter().map(|metric| metric.name).collect();
    for sample in &scrape.samples {
        let name = ["_sum", "_count", "_bucket"]
            .iter()
            .find_map(|end| sample.metric.strip_suffix(end).filter(|name| names.contains(name)))
            .unwrap_or(&sample.metric);
        assert!(names.contains(name) && text.contains(&format!("# TYPE {name} ")), "{}", sample.metric);
    }
    // People are told the same.
    let told = run(&server.config, &["status"]);
    assert!(told.contains("tree incoming, action busy") && told.contains("99 of 100 within"), "{told}");
    assert!(told.lines().all(|line| line.chars().count() <= 80), "{told}");
    let families: Json = serde_json::from_str(&run(&server.config, &["status", "--json"])).unwrap();
    let users =
        families.as_array().unwrap().iter().find(|family| family["name"] == "ratatosk_users").unwrap();
    assert_eq!(users["samples"][0]["value"]["number"], 2.0);
}

/// A token for the metrics opens nothing else, and an operator may open them to everybody.
#[test]
fn who_may_read_the_figures() {
    let server = Measured::start("");
    assert_eq!(server.get("/metrics", None).0, 401);
    assert_eq!(server.get("/metrics", Some(&server.token)).0, 200);
    let (status, told) = server.get("/v1/users", Some(&server.token));
    assert!(status == 403 && told.contains("reads /metrics, and nothing else"), "{status} {told}");
    let whole = run(&server.config, &["token", "add", "operator"]).trim().to_owned();
    assert_eq!(server.get("/metrics", Some(&whole)).0, 200);
    assert_eq!(server.get("/v1/users", Some(&whole)).0, 200);
    let listed = run(&server.config, &["token", "list"]);
    assert!(listed.contains("metrics") && listed.contains("all"), "{listed}");

    let open = Measured::start("metrics = \"open\"\n");
    assert_eq!(open.get("/metrics", None).0, 200);
    assert_eq!(open.get("/v1/users", None).0, 401);
}

const BEGIN: &str = "<!-- The table of metrics is made by a test: UPDATE_GOLDEN=1 cargo test metrics -->\n";
const END: &str = "<!-- end of the table -->\n";

/// The page has all metrics, and speaks of no others.
#[test]
fn the_page_tells_every_metric() {
    let file = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("docs/metrics.md");
    let text = fs::read_to_string(&file).unwrap();
    let mut table = "| metric | kind | labels | meaning |\n|---|---|---|---|\n".to_owned();
    for metric in ALL {
        let labels: Vec<String> = metric.labels.iter().map(|label| format!("`{label}`")).collect();
        let (name, kind, help) = (metric.name, metric.kind.as_str(), metric.help);
        writeln!(table, "| `{name}` | {kind} | {} | {help} |", labels.join(", ")).unwrap();
    }
    let (head, rest) = text.split_once(BEGIN).expect("the page has a place for the table");
    let (_, tail) = rest.split_once(END).expect("the table ends");
    let written = format!("{head}{BEGIN}{table}{END}{tail}");
    if std::env::var_os("UPDATE_GOLDEN").is_some() {
        fs::write(&file, &written).unwrap();
    } else {
        assert!(written == text, "docs/metrics.md is out of date: UPDATE_GOLDEN=1 cargo test metrics");
    }
    let kinds: BTreeMap<&str, Kind> = ALL.iter().map(|metric| (metric.name, metric.kind)).collect();
    let is_letter = |c: char| c.is_ascii_lowercase() || c == '_';
    for rest in written.split("ratatosk_").skip(1) {
        let name: String = "ratatosk_".chars().chain(rest.chars().take_while(|c| is_letter(*c))).collect();
        let of_times = ["_bucket", "_count", "_sum"].iter().find_map(|end| name.strip_suffix(end));
        let is_times = of_times.is_some_and(|name| kinds.get(name) == Some(&Kind::Histogram));
        assert!(is_times || kinds.contains_key(name.as_str()), "there is no metric {name}");
    }
}
