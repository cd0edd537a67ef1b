//! Nothing by which one phone could be known reaches another.
//!
//! Every phone writes its mark, `zq7q`, into whatever names it: Via, Contact, tags, Call-ID,
//! User-Agent, Server, Warning, unknown headers. Its addresses are its own as well. Bodies are
//! exempt: SDP passes unchanged until there is a media relay.

use super::Said;
use crate::sim::world::World;

/// Looks at the header section of every message that a server sent.
pub fn check(world: &World, said: &[Said<'_>], found: &mut Vec<(usize, String)>) {
    let hosts: Vec<[String; 2]> = world
        .phones
        .iter()
        .map(|phone| [format!("{}", phone.public.ip()), format!("{}", phone.local.ip())])
        .collect();
    for one in said.iter().filter(|one| !one.is_up() && !one.line.again) {
        let phone = one.phone();
        // A user may know all bindings of his own (RFC 3261 §10.3 step 8).
        if phone == usize::MAX || one.packet.cseq().1 == "REGISTER" {
            continue;
        }
        let length = one.line.bytes.len() - one.packet.body.len();
        let Ok(head) = std::str::from_utf8(&one.line.bytes[..length]) else { continue };
        // Where a call went is not for the one who calls (and phones of ours tell it in all answers).
        if one.packet.status().is_some() && one.packet.get("History-Info").is_some() {
            found.push((one.place, "tells the caller where his call went".to_owned()));
        }
        let own = world.phones[phone].mark.as_str();
        for (place, _) in head.match_indices("zq") {
            let mark = head[place + 2..].split_inclusive('q').next().unwrap_or_default();
            let digits = mark.trim_end_matches('q');
            let is_mark =
                mark.ends_with('q') && !digits.is_empty() && digits.bytes().all(|b| b.is_ascii_digit());
            if is_mark && own != format!("zq{mark}") {
                found.push((one.place, format!("carries the mark of another phone, zq{mark}")));
            }
        }
        for start in ["198.51.100.", "192.168.0."] {
            for (place, _) in head.match_indices(start) {
                let host =
                    head[place..].split(|c: char| c != '.' && !c.is_ascii_digit()).next().unwrap_or_default();
                if !hosts[phone].iter().any(|own| own == host) {
                    found.push((one.place, format!("carries the address of another phone, {host}")));
                }
            }
        }
    }
}
