//! Dialogs: numbers rise, answers are acknowledged, and what was answered is ended.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use ratatosk::base::At;

use super::Said;
use crate::sim::phone::TWIN;
use crate::sim::world::{Line, Who, World};

/// One dialog between the server and a phone: the phone and the Call-ID, for a B2BUA gives every
/// leg a Call-ID of its own.
#[derive(Default)]
struct Dialog<'a> {
    /// When it began.
    start: At,
    /// Whether the phone made the call.
    by_phone: bool,
    /// The highest number of the server's requests that have a number of its own.
    last: Option<u32>,
    /// The branches of those requests.
    branches: BTreeSet<&'a str>,
    /// INVITEs of the server whose 2xx has arrived, by CSeq: where.
    owed: BTreeMap<u32, usize>,
    /// INVITEs of the server without an offer, by CSeq.
    offerless: BTreeSet<u32>,
    /// ACKs of the server, by CSeq.
    acked: BTreeSet<u32>,
    /// The first 2xx of the server to an INVITE of the phone: where.
    answered: Option<usize>,
    /// 2xx of the server that the phone has acknowledged.
    heard: bool,
    /// Where the first BYE stands.
    bye: Option<usize>,
    /// To tags of 2xx of the server to the first INVITE of the phone.
    answers: BTreeSet<(u32, &'a str)>,
    /// Branches of INVITEs of the server that have had a provisional response.
    proceeding: BTreeSet<&'a str>,
}

/// Follows every dialog.
pub fn check(world: &World, said: &[Said<'_>], found: &mut Vec<(usize, String)>) {
    let mut dialogs: BTreeMap<(usize, &str), Dialog<'_>> = BTreeMap::new();
    // What the server had heard when it sent something: messages of phones count when they arrive.
    let mut order: Vec<&Said<'_>> = said.iter().filter(|one| one.phone() != usize::MAX).collect();
    order.sort_by_key(|one| {
        if one.is_up() { (one.line.arrived, one.place) } else { (Some(one.line.at), one.place) }
    });
    for one in order {
        if one.is_up() && one.line.arrived.is_none() {
            continue;
        }
        let key = (one.phone(), one.packet.call_id());
        let dialog = dialogs.entry(key).or_insert_with(|| Dialog { start: one.line.at, ..Dialog::default() });
        match (one.is_up(), one.packet.method()) {
            (true, Some(method)) => from_phone(dialog, one, method),
            (true, None) => answer_of_phone(dialog, one),
            (false, Some(method)) => from_server(world, dialog, one, method, found),
            (false, None) => answer_of_server(dialog, one, found),
        }
    }
    for ((phone, _), dialog) in &dialogs {
        at_the_end(world, *phone, dialog, found);
    }
}

fn from_phone(dialog: &mut Dialog<'_>, one: &Said<'_>, method: &str) {
    match method {
        "INVITE" if one.packet.to_tag().is_empty() => dialog.by_phone = true,
        "ACK" => dialog.heard = true,
        "BYE" => drop(dialog.bye.get_or_insert(one.place)),
        _ => {}
    }
}

fn answer_of_phone<'a>(dialog: &mut Dialog<'a>, one: &Said<'a>) {
    let (number, method) = one.packet.cseq();
    match (method, one.packet.status()) {
        ("INVITE", Some(100..200)) => drop(dialog.proceeding.insert(one.packet.branch())),
        ("INVITE", Some(200..300)) => drop(dialog.owed.entry(number).or_insert(one.place)),
        _ => {}
    }
}

fn from_server<'a>(
    world: &World,
    dialog: &mut Dialog<'a>,
    one: &Said<'a>,
    method: &str,
    found: &mut Vec<(usize, String)>,
) {
    let (number, branch) = (one.packet.cseq().0, one.packet.branch());
    // The dialog with the second phone behind a proxy has numbers of its own.
    if one.packet.to_tag().ends_with(TWIN) {
        return;
    }
    match method {
        "ACK" => drop(dialog.acked.insert(number)),
        "CANCEL" if !dialog.proceeding.contains(branch) => {
            found.push((one.place, "CANCEL before any provisional response".to_owned()));
        }
        "CANCEL" => {}
        _ => {
            let new = dialog.branches.insert(branch) && !one.line.waited;
            if let Some(before) = dialog.last.filter(|before| *before >= number && new) {
                found.push((one.place, format!("CSeq {number} after {before}")));
            }
            dialog.last = dialog.last.max(Some(number));
            if method == "INVITE" && !one.packet.has_sdp() {
                dialog.offerless.insert(number);
            }
        }
    }
    if method == "BYE" && dialog.bye.is_none() {
        dialog.bye = Some(one.place);
        let owed = dialog.owed.iter().find(|(number, place)| {
            let before = world.wire[**place].arrived.is_some_and(|arrived| arrived < one.line.at);
            before && !dialog.acked.contains(number)
        });
        if let Some((number, _)) = owed {
            found.push((one.place, format!("BYE before the ACK of {number} INVITE")));
        }
        let early = dialog.answered.is_some_and(|place| {
            !dialog.heard && one.line.at.since(world.wire[place].at) < Duration::from_secs(32)
        });
        if early {
            found.push((one.place, "BYE before the ACK of our 2xx has come".to_owned()));
        }
    }
}

fn answer_of_server<'a>(dialog: &mut Dialog<'a>, one: &Said<'a>, found: &mut Vec<(usize, String)>) {
    let (number, method) = one.packet.cseq();
    if method != "INVITE" || !matches!(one.packet.status(), Some(200..300)) {
        return;
    }
    if dialog.by_phone && dialog.answered.is_none() {
        dialog.answered = Some(one.place);
    }
    dialog.answers.insert((number, one.packet.to_tag()));
    if dialog.answers.iter().filter(|(cseq, _)| *cseq == number).count() > 1 {
        found.push((one.place, "two 2xx to one INVITE".to_owned()));
    }
}

fn at_the_end(world: &World, phone: usize, dialog: &Dialog<'_>, found: &mut Vec<(usize, String)>) {
    if world.restarts() > 0 {
        return;
    }
    let owed = dialog.owed.iter().find(|(number, place)| {
        !dialog.acked.contains(number) && !is_excused(world, phone, dialog, **number, &world.wire[**place])
    });
    if let Some((number, place)) = owed {
        found.push((*place, format!("no ACK for {number} INVITE")));
    }
    let answered = dialog.answered.or(dialog.owed.values().next().copied());
    // A BYE may have had no way to a phone whose stream was closed.
    let cut_off = world.phones[phone].losses.iter().any(|loss| *loss >= dialog.start);
    let exempt = world.is_gone(phone) || world.phones[phone].restarts > 0 || cut_off;
    if let (Some(place), None, false) = (answered, dialog.bye, exempt) {
        found.push((place, "answered, and never ended by a BYE".to_owned()));
    }
}

/// Whether a 2xx of a phone may go without an ACK: it answered over another stream than it was
/// called on, which is closed and all that belonged to it forgotten; or it made an offer and the
/// other side never sent the answer, until the phone itself gave up, restarted or lost its stream.
fn is_excused(world: &World, phone: usize, dialog: &Dialog<'_>, number: u32, answer: &Line) -> bool {
    let lost_by =
        |end: At| world.phones[phone].losses.iter().any(|loss| *loss >= dialog.start && *loss <= end);
    // The phone hears of it a little later than its next message takes another stream.
    let moved = lost_by(answer.at + Duration::from_millis(500));
    let hung_up = dialog.bye.is_some_and(|place| matches!(world.wire[place].from, Who::Phone(_)));
    let forgot = world.phones[phone].restarts > 0 || lost_by(answer.at + Duration::from_secs(32));
    moved || (dialog.offerless.contains(&number) && (hung_up || forgot))
}
