//! The golden trace: one message a line, so that a diff says what changed.
//!
//! Tags, branches and Call-IDs never appear; what was sent again only if a test asks.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::path::PathBuf;

use ratatosk::base::At;

use super::digest::Challenge;
use super::text::{Packet, host_of, param, uri_of, user_of};
use super::world::{Who, World};

/// Writes the first `lines` messages of a world.
pub fn render(world: &World, lines: usize) -> String {
    let phones = (0..world.phones.len()).map(Who::Phone).filter(|phone| !world.is_bystander(*phone));
    let width = phones.map(|phone| name_of(world, phone).len()).max().unwrap_or_default().max("server".len());
    let mut memory = Memory::of(world);
    let mut text = String::new();
    let mut lives = if world.show_repeats { lives(world) } else { Vec::new() };
    let mut pushes = world.pushes.iter().peekable();
    for (place, line) in world.wire[..lines].iter().enumerate() {
        if world.is_bystander(line.from) || world.is_bystander(line.to) {
            continue;
        }
        while let Some((_, at, what)) = pushes.next_if(|(before, ..)| *before <= place) {
            let _ = writeln!(text, "{}  server wakes {what}", clock(world, *at));
        }
        while let Some((_, event)) = lives.pop_if(|(at, _)| *at <= line.at) {
            text.push_str(&event);
        }
        let Ok(packet) = Packet::parse(&line.bytes) else {
            let _ = writeln!(text, "unreadable: {:?}", line.bytes);
            continue;
        };
        let bold = matches!(line.from, Who::Phone(phone) if !world.phones[phone].reuses_nonce);
        let message = memory.message(&packet, name_of(world, line.to));
        let mut notes = memory.notes(&packet, bold);
        if world.show_timers {
            notes.extend(packet.get("Session-Expires").map(|terms| format!("session {terms}")));
        }
        if line.arrived.is_none() {
            notes.push("lost".to_owned());
        }
        if line.again && !world.show_repeats {
            continue;
        }
        if line.again {
            notes.push("again".to_owned());
        }
        let row = format!(
            "{}  {:width$} -> {:width$}  {message:20}  {}",
            clock(world, line.at),
            name_of(world, line.from),
            name_of(world, line.to),
            notes.join(", "),
        );
        text.push_str(row.trim_end());
        text.push('\n');
    }
    text
}

fn clock(world: &World, at: At) -> String {
    let micros = world.since_origin(at).as_micros();
    format!("{:3}.{:03}", micros / 1_000_000, micros / 1000 % 1000)
}

/// When clusters were ended and started, the last first.
fn lives(world: &World) -> Vec<(At, String)> {
    let mut events = Vec::new();
    for (place, cluster) in (0..).zip(&world.clusters) {
        let name = name_of(world, Who::Server(place));
        for (list, word) in [(&cluster.ends, "is killed"), (&cluster.starts, "is started")] {
            events.extend(list.iter().map(|at| (*at, format!("{}  {name} {word}\n", clock(world, *at)))));
        }
    }
    events.sort();
    events.reverse();
    events
}

/// What a ladder calls somebody: clusters go by their names if there are several.
pub fn name_of(world: &World, who: Who) -> &str {
    match who {
        Who::Phone(phone) => &world.phones[phone].name,
        Who::Server(_) if world.clusters.len() == 1 => "server",
        Who::Server(cluster) => world.clusters[usize::from(cluster)].label(),
        Who::Nobody => "nobody",
    }
}

/// What earlier messages say about later ones.
#[derive(Default)]
struct Memory {
    /// The clusters' names.
    clusters: Vec<String>,
    /// INVITEs with an offer, by Call-ID and CSeq.
    offers: BTreeMap<(String, u32), bool>,
    /// To tags of early dialogs, by Call-ID.
    early: BTreeMap<String, Vec<String>>,
}

impl Memory {
    fn of(world: &World) -> Self {
        let clusters = world.clusters.iter().map(|cluster| cluster.name.clone()).collect();
        Self { clusters, ..Self::default() }
    }

    fn message(&mut self, packet: &Packet<'_>, to: &str) -> String {
        let (number, method) = packet.cseq();
        let Some(verb) = packet.method() else {
            let status = packet.status().unwrap_or_default();
            return if method == "INVITE" { status.to_string() } else { format!("{status} {method}") };
        };
        if matches!(verb, "INVITE" | "UPDATE" | "PRACK") {
            self.offers.insert((packet.call_id().to_owned(), number), packet.has_sdp());
        }
        if !packet.to_tag().is_empty() {
            return if verb == "INVITE" { "re-INVITE".to_owned() } else { verb.to_owned() };
        }
        let user = user_of(packet.uri());
        let recipient = to.split(['@', '/']).next().unwrap_or_default();
        let known = user.is_empty()
            || user == recipient
            || user.starts_with("zq")
            || verb == "ACK"
            || verb == "CANCEL";
        if known { verb.to_owned() } else { format!("{verb} {}", self.shown(packet.uri())) }
    }

    fn notes(&mut self, packet: &Packet<'_>, bold: bool) -> Vec<String> {
        let mut notes = Vec::new();
        match (packet.method(), packet.status()) {
            (Some(method), _) => request_notes(packet, method, bold, &mut notes),
            (None, Some(status)) => self.response_notes(packet, status, &mut notes),
            (None, None) => {}
        }
        if packet.has_sdp() {
            notes.push(self.session(packet));
        }
        notes
    }

    /// A URI as a ladder names it: a user of our clusters by name, of another than the first by UID.
    fn shown(&self, uri: &str) -> String {
        let uri = uri_of(uri);
        let (user, host) = (user_of(uri), host_of(uri));
        let place = self.clusters.iter().position(|cluster| host.starts_with(cluster.as_str()));
        match place {
            Some(place @ 1..) => format!("{user}@{}", self.clusters[place]),
            None if !uri.starts_with("tel:") && !host.starts_with("198.51.100.") => uri.to_owned(),
            Some(_) | None => user.to_owned(),
        }
    }

    fn session(&self, packet: &Packet<'_>) -> String {
        let key = (packet.call_id().to_owned(), packet.cseq().0);
        let offered = self.offers.get(&key).copied().unwrap_or_default();
        let answer = match packet.method() {
            Some("ACK") => true,
            Some("PRACK") => self.answers_by_prack(packet),
            Some(_) => false,
            None => offered,
        };
        let word = if answer { "answer" } else { "offer" };
        let way = if packet.body.contains("a=sendonly") || packet.body.contains("a=inactive") {
            " hold"
        } else if packet.body.contains("a=recvonly") {
            " held"
        } else {
            ""
        };
        format!("{word}{way}")
    }

    /// Whether the INVITE of a PRACK made no offer, so that this is the answer to that of its response.
    fn answers_by_prack(&self, packet: &Packet<'_>) -> bool {
        let rack = packet.get("RAck").unwrap_or_default();
        let number = rack.split(' ').nth(1).and_then(|digits| digits.parse().ok()).unwrap_or_default();
        self.offers.get(&(packet.call_id().to_owned(), number)) == Some(&false)
    }

    fn response_notes(&mut self, packet: &Packet<'_>, status: u16, notes: &mut Vec<String>) {
        let method = packet.cseq().1;
        if packet.get("RSeq").is_some() {
            notes.push("reliable".to_owned());
        }
        for name in ["WWW-Authenticate", "Proxy-Authenticate"] {
            let offers: Vec<Challenge> = packet.all(name).filter_map(Challenge::parse).collect();
            if let Some(first) = offers.first() {
                notes.push(if first.stale { "challenge stale" } else { "challenge" }.to_owned());
            }
        }
        if method == "REGISTER" && status == 200 {
            let count = packet.all("Contact").count();
            notes.push(if count == 1 { "1 binding".to_owned() } else { format!("{count} bindings") });
        }
        if let 300..400 = status {
            notes.extend(packet.contact().map(|target| format!("to {}", self.shown(target))));
        }
        for (name, word) in [
            ("Unsupported", "unsupported"),
            ("Min-Expires", "at least"),
            ("Min-SE", "at least"),
            ("Accept", "accept"),
            ("Allow-Events", "events"),
            ("Retry-After", "retry after"),
        ] {
            if status >= 400 {
                notes.extend(packet.get(name).map(|value| format!("{word} {value}")));
            }
        }
        if status == 405 || status == 501 {
            notes.extend(packet.get("Allow").map(|_| "allow".to_owned()));
        }
        if method == "INVITE" && (101..300).contains(&status) {
            let tags = self.early.entry(packet.call_id().to_owned()).or_default();
            let tag = packet.to_tag().to_owned();
            // A final answer belongs to one of the early dialogs, or is in none of them.
            if !tags.contains(&tag) && status < 200 {
                tags.push(tag.clone());
            }
            let place = tags.iter().position(|own| *own == tag).unwrap_or_default();
            if place > 0 {
                notes.push(format!("branch {}", place + 1));
            }
        }
    }
}

fn request_notes(packet: &Packet<'_>, method: &str, bold: bool, notes: &mut Vec<String>) {
    if method == "REGISTER" {
        let seconds = packet.get("Expires").unwrap_or("any");
        notes.push(match packet.get("Contact") {
            None => "query".to_owned(),
            Some("*") => "remove all".to_owned(),
            Some(_) if seconds == "0" => "remove".to_owned(),
            Some(value) => format!("expires {}", param(value, "expires").unwrap_or(seconds)),
        });
    }
    if method == "NOTIFY" {
        notes.push(packet.body.trim().to_owned());
        if packet.get("Subscription-State").is_some_and(|state| state.starts_with("terminated")) {
            notes.push("over".to_owned());
        }
    }
    if method == "MESSAGE" {
        notes.push(format!("{:?}", packet.body));
    }
    let credentials = packet.get("Authorization").or_else(|| packet.get("Proxy-Authorization"));
    if let Some(value) = credentials.filter(|_| bold && method != "ACK") {
        notes.push(if value.contains("algorithm=MD5") { "MD5" } else { "SHA-256" }.to_owned());
    }
    if packet.get("Reason").is_some_and(|reason| reason.contains("cause=200")) {
        notes.push("completed elsewhere".to_owned());
    }
}

/// Compares a ladder with what it should be; how wide its columns are does not matter.
pub fn compare(ladder: &str, expected: &str) {
    let (actual, expected) = (plain(ladder), plain(expected));
    if actual == expected {
        return;
    }
    let differs = actual.iter().zip(&expected).position(|(a, b)| a != b);
    let place = differs.unwrap_or(actual.len().min(expected.len()));
    panic!(
        "the ladder differs in line {}:\n  is     {}\n  not    {}\nwhole:\n{}",
        place + 1,
        actual.get(place).map_or("(its end)", String::as_str),
        expected.get(place).map_or("(its end)", String::as_str),
        ladder,
    );
}

/// Compares a ladder with a file under `tests/golden/`; `UPDATE_GOLDEN=1` writes it.
pub fn golden(actual: &str, name: &str) {
    let path = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("tests/golden").join(format!("{name}.txt"));
    if std::env::var_os("UPDATE_GOLDEN").is_some() {
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        std::fs::write(&path, actual).unwrap();
    }
    let expected = std::fs::read_to_string(&path)
        .unwrap_or_else(|error| panic!("{}: {error}; UPDATE_GOLDEN=1 writes it:\n{actual}", path.display()));
    compare(actual, &expected);
}

fn plain(text: &str) -> Vec<String> {
    let words = |row: &str| row.split_whitespace().collect::<Vec<_>>().join(" ");
    text.lines().map(words).filter(|row| !row.is_empty()).collect()
}
