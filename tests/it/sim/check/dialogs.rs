//! Dialogs: numbers rise, answers are acknowledged, and what was answered is ended.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use ratatosk::base::At;

use super::{Found, Said, View, losses, lost_between};
use crate::sim::phone::TWIN;
use crate::sim::world::{Who, World};

/// One dialog between a cluster and somebody: he and the Call-ID, for a B2BUA gives every leg a
/// Call-ID of its own.
#[derive(Default)]
struct Dialog<'a> {
    /// When it began.
    start: At,
    /// Whether he made the call.
    by_other: bool,
    /// The highest number of the server's requests that have a number of its own, by From tag and To tag:
    /// every try of a page that waits for another cluster is new under the Call-ID by which it is known
    /// again, and an INVITE may make several dialogs.
    last: BTreeMap<(&'a str, &'a str), u32>,
    /// The branches of those requests.
    branches: BTreeSet<&'a str>,
    /// INVITEs of the server whose 2xx has arrived, by CSeq: where and when.
    owed: BTreeMap<u32, (usize, At)>,
    /// INVITEs of the server without an offer, by CSeq.
    offerless: BTreeSet<u32>,
    /// ACKs of the server, by CSeq.
    acked: BTreeSet<u32>,
    /// The first 2xx of the server to an INVITE of his: where and when.
    answered: Option<(usize, At)>,
    /// Whether he has acknowledged one.
    heard: bool,
    /// The first BYE.
    bye: Option<Bye>,
    /// To tags of 2xx of the server to INVITEs of his.
    answers: BTreeSet<(u32, &'a str)>,
    /// Branches of INVITEs of the server that have had a provisional response.
    proceeding: BTreeSet<&'a str>,
}

/// Who has said goodbye.
#[derive(Clone, Copy)]
struct Bye {
    ours: bool,
}

/// Follows every dialog, as each cluster saw it in each of its lives.
pub fn check(world: &World, views: &[View<'_>], found: &mut Found) {
    let mut dialogs: BTreeMap<(u8, usize, Who, &str), Dialog<'_>> = BTreeMap::new();
    for view in views {
        let one = view.said;
        let key = (view.cluster, view.life, view.other, one.packet.call_id());
        let dialog = dialogs.entry(key).or_insert_with(|| Dialog { start: view.at, ..Dialog::default() });
        match (view.inbound, one.packet.method()) {
            (true, Some(method)) => from_other(dialog, view, method),
            (true, None) => answer_of_other(dialog, view),
            (false, Some(method)) => from_server(world, dialog, view, method, found),
            (false, None) => answer_of_server(dialog, one, found),
        }
    }
    let now = world.clock().at;
    for ((cluster, _, other, _), dialog) in &dialogs {
        if world.clusters[usize::from(*cluster)].lived(dialog.start, now) {
            at_the_end(world, *other, dialog, found);
        }
    }
}

fn from_other(dialog: &mut Dialog<'_>, view: &View<'_>, method: &str) {
    match method {
        "INVITE" if view.said.packet.to_tag().is_empty() => dialog.by_other = true,
        "ACK" => dialog.heard = true,
        "BYE" if dialog.bye.is_none() => dialog.bye = Some(Bye { ours: false }),
        _ => {}
    }
}

fn answer_of_other<'a>(dialog: &mut Dialog<'a>, view: &View<'a>) {
    let packet = &view.said.packet;
    let (number, method) = packet.cseq();
    // What was asked by a server that is no more is not owed by its successor.
    if !dialog.branches.contains(packet.branch()) {
        return;
    }
    match (method, packet.status()) {
        ("INVITE", Some(100..200)) => drop(dialog.proceeding.insert(packet.branch())),
        ("INVITE", Some(200..300)) => drop(dialog.owed.entry(number).or_insert((view.said.place, view.at))),
        _ => {}
    }
}

fn from_server<'a>(world: &World, dialog: &mut Dialog<'a>, view: &View<'a>, method: &str, found: &mut Found) {
    let one = view.said;
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
            let (from, to) = (one.packet.from_tag(), one.packet.to_tag());
            let first = dialog.last.get(&(from, "")).copied().unwrap_or_default();
            let last = dialog.last.entry((from, to)).or_insert(first);
            if *last >= number && new {
                found.push((one.place, format!("CSeq {number} after {last}")));
            }
            *last = number.max(*last);
            if method == "INVITE" && !one.packet.has_sdp() {
                dialog.offerless.insert(number);
            }
        }
    }
    if method == "BYE" && dialog.bye.is_none() {
        dialog.bye = Some(Bye { ours: true });
        // What had no stream to go by was sent all the same.
        if lost_between(world, view.other, dialog.start, view.at) {
            return;
        }
        let owed =
            dialog.owed.iter().find(|(number, (_, at))| *at < view.at && !dialog.acked.contains(number));
        if let Some((number, _)) = owed {
            found.push((one.place, format!("BYE before the ACK of {number} INVITE")));
        }
        let early = dialog
            .answered
            .is_some_and(|(_, at)| !dialog.heard && view.at.since(at) < Duration::from_secs(32));
        if early {
            found.push((one.place, "BYE before the ACK of our 2xx has come".to_owned()));
        }
    }
}

fn answer_of_server<'a>(dialog: &mut Dialog<'a>, one: &'a Said<'a>, found: &mut Found) {
    let (number, method) = one.packet.cseq();
    if method != "INVITE" || !matches!(one.packet.status(), Some(200..300)) {
        return;
    }
    if dialog.by_other && dialog.answered.is_none() {
        dialog.answered = Some((one.place, one.line.at));
    }
    dialog.answers.insert((number, one.packet.to_tag()));
    if dialog.answers.iter().filter(|(cseq, _)| *cseq == number).count() > 1 {
        found.push((one.place, "two 2xx to one INVITE".to_owned()));
    }
}

fn at_the_end(world: &World, other: Who, dialog: &Dialog<'_>, found: &mut Found) {
    let owed = dialog.owed.iter().find(|(number, (_, at))| {
        !dialog.acked.contains(number) && !is_excused(world, other, dialog, **number, *at)
    });
    if let Some((number, (place, _))) = owed {
        found.push((*place, format!("no ACK for {number} INVITE")));
    }
    let answered = dialog.answered.or(dialog.owed.values().next().copied());
    // A BYE may have had no way to a phone whose stream was closed.
    let cut_off = losses(world, other).iter().any(|loss| *loss >= dialog.start);
    if let (Some((place, _)), None, false) = (answered, dialog.bye, cut_off || is_forgetful(world, other)) {
        found.push((place, "answered, and never ended by a BYE".to_owned()));
    }
}

/// Whether somebody may have forgotten his calls, or is not there any more to hear of their end.
fn is_forgetful(world: &World, other: Who) -> bool {
    match other {
        Who::Phone(phone) => world.is_gone(phone) || world.phones[phone].restarts > 0,
        Who::Server(_) | Who::Nobody => false,
    }
}

/// Whether a 2xx of somebody's may go without an ACK: he answered over another stream than he was
/// called on, which is closed and all that belonged to it forgotten; or he made an offer and the
/// other side never sent the answer, until he himself gave up, restarted or lost his stream.
fn is_excused(world: &World, other: Who, dialog: &Dialog<'_>, number: u32, answered: At) -> bool {
    let lost_by = |end: At| losses(world, other).iter().any(|loss| *loss >= dialog.start && *loss <= end);
    // He hears of it a little later than his next message takes another stream.
    let moved = lost_by(answered + Duration::from_millis(500));
    let hung_up = dialog.bye.is_some_and(|bye| !bye.ours);
    let restarted = matches!(other, Who::Phone(phone) if world.phones[phone].restarts > 0);
    let forgot = restarted || lost_by(answered + Duration::from_secs(32));
    moved || (dialog.offerless.contains(&number) && (hung_up || forgot))
}
