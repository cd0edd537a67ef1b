//! Nothing by which one phone could be known reaches another, nor another cluster; no phone learns
//! of another cluster's address, and nobody a password.
//!
//! Every phone writes its mark, `zq7q`, into whatever names it: Via, Contact, tags, Call-ID,
//! User-Agent, Server, Warning, unknown headers, and all of its session descriptions that speaks of their author. Its
//! addresses are its own as well. Where its media are to go has to be told until there is a media relay.

use super::{Found, Said};
use crate::sim::phone::Phone;
use crate::sim::world::{Who, World};

/// Looks at the header section of every message that a server sent.
pub fn check(world: &World, said: &[Said<'_>], found: &mut Found) {
    for one in said.iter().filter(|one| !one.line.again) {
        let Who::Server(cluster) = one.line.from else { continue };
        let length = one.line.bytes.len() - one.packet.body.len();
        let Ok(head) = std::str::from_utf8(&one.line.bytes[..length]) else { continue };
        let reader = match one.line.to {
            Who::Phone(phone) => Some(&world.phones[phone]),
            Who::Server(_) | Who::Nobody => None,
        };
        let mut tell = |fault: String| found.push((one.place, fault));
        // Where a call went is not for the one who calls (and phones of ours tell it in all answers).
        if one.packet.status().is_some() && one.packet.get("History-Info").is_some() {
            tell("tells the caller where his call went".to_owned());
        }
        if let Some(password) = world.phones.iter().find(|phone| head.contains(&phone.password)) {
            tell(format!("carries the password of {}", password.user));
        }
        if reader.is_some() {
            addresses(world, cluster, head, &mut tell);
        }
        // A user may know all bindings of his own (RFC 3261 §10.3 step 8).
        if one.packet.cseq().1 != "REGISTER" {
            marks(head, reader, &mut tell);
            hosts(head, reader, &mut tell);
        }
        if one.packet.has_sdp() {
            // Where its media go has to be told as long as they do not pass through us.
            let told = one.packet.body.lines().filter(|line| !line.starts_with("c="));
            let told: Vec<&str> = told.collect();
            let told = told.join("\n");
            marks(&told, reader, &mut tell);
            hosts(&told, reader, &mut tell);
        }
    }
}

fn marks(head: &str, reader: Option<&Phone>, tell: &mut impl FnMut(String)) {
    for (place, _) in head.match_indices("zq") {
        let mark = head[place + 2..].split_inclusive('q').next().unwrap_or_default();
        let digits = mark.trim_end_matches('q');
        let is_mark = mark.ends_with('q') && !digits.is_empty() && digits.bytes().all(|b| b.is_ascii_digit());
        if is_mark && reader.is_none_or(|own| own.mark != format!("zq{mark}")) {
            tell(format!("carries the mark of another phone, zq{mark}"));
        }
    }
}

fn hosts(head: &str, reader: Option<&Phone>, tell: &mut impl FnMut(String)) {
    for start in ["198.51.100.", "192.168.0."] {
        for (place, _) in head.match_indices(start) {
            let host =
                head[place..].split(|c: char| c != '.' && !c.is_ascii_digit()).next().unwrap_or_default();
            let own = |phone: &Phone| {
                let own = [phone.public, phone.local];
                own.iter().chain(&phone.earlier).any(|address| address.ip().to_string() == host)
            };
            if !reader.is_some_and(own) {
                tell(format!("carries the address of another phone, {host}"));
            }
        }
    }
}

/// What a phone is sent names no server but its own.
fn addresses(world: &World, cluster: u8, head: &str, tell: &mut impl FnMut(String)) {
    for (place, other) in (0..).zip(&world.clusters) {
        let ip = other.settings.listeners[0].address.ip().to_string();
        if place != cluster && head.contains(&ip) {
            tell(format!("carries the address of {}", other.name));
        }
    }
}
