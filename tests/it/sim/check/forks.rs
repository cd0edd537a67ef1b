//! What becomes of the branches of a call: one winner, which the caller is connected with; every
//! other branch is cancelled the moment that it is not wanted, and ended if it answers all the same.
//!
//! A call is known again by its Subject, which random phones make up and servers pass on.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use ratatosk::base::At;

use super::{Found, View, lost_between};
use crate::sim::phone::TWIN;
use crate::sim::world::{Who, World};

/// A call as one cluster saw it: its number, and the Subject.
type Name<'a> = (u8, &'a str);

/// How long a BYE may wait for a connection that has to be made for it, or be on its way from one who is challenged.
const CONNECTED: Duration = Duration::from_secs(2);

/// An INVITE that the cluster was sent, other than one that it challenged.
struct Upstream {
    place: usize,
    other: Who,
    status: u16,
    /// When its final response left.
    at: At,
}

/// An INVITE that the cluster sent.
struct Branch {
    place: usize,
    other: Who,
    sent: At,
    /// When it was first known that it rings.
    provisional: Option<At>,
    /// The first final response.
    last: Option<(u16, At)>,
    /// When it first answered.
    answered: Option<At>,
    /// When it was cancelled, and whether because another answered.
    cancelled: Option<(At, bool)>,
    bye: Option<At>,
}

#[derive(Default)]
struct Call {
    upstream: Vec<Upstream>,
    branches: Vec<Branch>,
}

/// The book of all calls, and where in it a message belongs.
#[derive(Default)]
struct Book<'a> {
    calls: BTreeMap<Name<'a>, Call>,
    /// By asker and branch: which call an INVITE of theirs is of, and when it came.
    asked: BTreeMap<(u8, Who, &'a str), (Name<'a>, At)>,
    /// Those of them that have had their final response.
    told: BTreeSet<(u8, Who, &'a str)>,
    /// By asked and branch, and by asked and Call-ID: which branch an INVITE of ours is.
    ours: BTreeMap<(u8, Who, &'a str), (Name<'a>, usize)>,
    /// When somebody confirmed a provisional response: an answer may have waited for that.
    confirmed: BTreeSet<(u8, Who, At)>,
}

/// Follows every call that has a Subject, in clusters that were never ended.
pub fn check(world: &World, views: &[View<'_>], found: &mut Found) {
    let mut book = Book::default();
    for view in views {
        let method = view.said.packet.cseq().1;
        match (view.inbound, view.said.packet.method()) {
            (true, Some("INVITE")) if is_first(view) => book.on_asked(view),
            (false, Some("INVITE")) if is_first(view) => book.on_rung(view),
            (false, Some("CANCEL" | "BYE")) | (true, Some("BYE")) => book.on_ended(view),
            (true, Some("PRACK")) => drop(book.confirmed.insert((view.cluster, view.other, view.at))),
            (false, None) if method == "INVITE" => book.on_answered(view),
            (true, None) if method == "INVITE" => book.on_response(view),
            _ => {}
        }
    }
    // One whose asker was lost with his connection has no final response: when it was over is not
    // to be seen, though an earlier INVITE of the same call was answered.
    let open = book.asked.iter().filter(|(key, _)| !book.told.contains(*key));
    let open: BTreeSet<Name<'_>> = open.map(|(_, (name, _))| *name).collect();
    for (name, call) in &book.calls {
        if world.clusters[usize::from(name.0)].ends.is_empty() {
            let waited = |asker: &Upstream| book.confirmed.contains(&(name.0, asker.other, asker.at));
            judge(world, call, open.contains(name), &waited, found);
        }
    }
}

fn is_first(view: &View<'_>) -> bool {
    view.said.packet.to_tag().is_empty()
}

fn name_of<'a>(view: &View<'a>) -> Option<Name<'a>> {
    Some((view.cluster, view.said.packet.get("Subject")?))
}

impl<'a> Book<'a> {
    fn on_asked(&mut self, view: &View<'a>) {
        if let Some(name) = name_of(view) {
            self.asked.insert((view.cluster, view.other, view.said.packet.branch()), (name, view.at));
        }
    }

    fn on_answered(&mut self, view: &View<'a>) {
        let packet = &view.said.packet;
        let status = packet.status().unwrap_or_default();
        // A challenge is no answer, and a merged request, which is known at once, is none of its own.
        if status < 200 {
            return;
        }
        let key = (view.cluster, view.other, packet.branch());
        let is_repeat = !self.told.insert(key);
        if is_repeat || matches!(status, 401 | 407) {
            return;
        }
        if let Some((name, _)) =
            self.asked.get(&key).copied().filter(|(_, at)| status != 482 || *at < view.at)
        {
            let upstream = Upstream { place: view.said.place, other: view.other, status, at: view.at };
            self.calls.entry(name).or_default().upstream.push(upstream);
        }
    }

    fn on_rung(&mut self, view: &View<'a>) {
        let packet = &view.said.packet;
        let key = (view.cluster, view.other, packet.branch());
        let Some(name) = name_of(view).filter(|_| !self.ours.contains_key(&key)) else { return };
        let branches = &mut self.calls.entry(name).or_default().branches;
        self.ours.insert(key, (name, branches.len()));
        self.ours.insert((view.cluster, view.other, packet.call_id()), (name, branches.len()));
        branches.push(Branch {
            place: view.said.place,
            other: view.other,
            sent: view.at,
            provisional: None,
            last: None,
            answered: None,
            cancelled: None,
            bye: None,
        });
    }

    fn on_response(&mut self, view: &View<'a>) {
        let packet = &view.said.packet;
        let status = packet.status().unwrap_or_default();
        let Some(branch) = self.branch(view, packet.branch()) else { return };
        if status < 200 {
            branch.provisional.get_or_insert(view.at);
        } else {
            branch.last.get_or_insert((status, view.at));
        }
        if (200..300).contains(&status) {
            branch.answered.get_or_insert(view.at);
        }
    }

    fn on_ended(&mut self, view: &View<'a>) {
        let packet = &view.said.packet;
        let elsewhere = packet.get("Reason").is_some_and(|reason| reason.contains("cause=200"));
        if packet.method() == Some("CANCEL") {
            if let Some(branch) = self.branch(view, packet.branch()) {
                branch.cancelled.get_or_insert((view.at, elsewhere));
            }
        } else if packet.to_tag().ends_with(TWIN) {
            // Another phone behind the same proxy: it is no branch of its own.
        } else if let Some(branch) = self.branch(view, packet.call_id()) {
            branch.bye.get_or_insert(view.at);
        }
    }

    fn branch(&mut self, view: &View<'a>, key: &'a str) -> Option<&mut Branch> {
        let (name, place) = self.ours.get(&(view.cluster, view.other, key))?;
        self.calls.get_mut(name)?.branches.get_mut(*place)
    }
}

fn judge(world: &World, call: &Call, is_open: bool, waited: &dyn Fn(&Upstream) -> bool, found: &mut Found) {
    // The caller's own connection was lost, or he was refused before any call began.
    let Some(end) = call.upstream.iter().map(|upstream| upstream.at).max() else { return };
    let connected: Vec<&Upstream> =
        call.upstream.iter().filter(|upstream| (200..300).contains(&upstream.status)).collect();
    let (mut winners, mut uncertain): (Vec<_>, Vec<_>) = (Vec::new(), Vec::new());
    for branch in &call.branches {
        if let Some(fault) = unwanted(world, branch, end).filter(|_| !is_open) {
            found.push((branch.place, fault));
        }
        if let Some(answered) = branch.answered {
            // His answer may have waited for a PRACK that did not come before an asker gave up, or was given up.
            let is_refused = |bye: At| {
                // Where somebody is connected, a BYE a little later may be his; unless it had to wait for a stream.
                let waits = connected.is_empty() || lost_between(world, branch.other, branch.sent, bye);
                let patience = if waits { CONNECTED } else { Duration::from_nanos(1) };
                let by_then = |asker: &Upstream| bye.since(asker.at).max(asker.at.since(bye)) < patience;
                call.upstream.iter().any(|asker| asker.status >= 300 && by_then(asker))
            };
            // Whoever was connected at once with it is not the one who was refused, whenever they hang up.
            let is_his = connected.iter().any(|asker| asker.at == answered);
            let ended = branch.bye.is_some_and(|bye| bye < answered || (!is_his && is_refused(bye)));
            // It lost to another, or he who was connected with it hung up in the same instant.
            let at_once = branch.bye == Some(answered);
            // Over a stream that was closed, there was no way for a BYE: not when he answered, nor when his asker
            // was refused later.
            let until = if branch.bye.is_none() { end } else { answered };
            let lost = lost_between(world, branch.other, branch.sent, until);
            match (ended, lost || at_once) {
                (true, _) => {}
                (false, false) => winners.push((branch.place, answered)),
                (false, true) => uncertain.push((branch.place, answered)),
            }
        }
        let reason = connected.iter().any(|upstream| upstream.at == end)
            && branch.cancelled.is_some_and(|(at, elsewhere)| at == end && !elsewhere);
        if reason {
            found.push((branch.place, "cancelled without being told that it was answered elsewhere".into()));
        }
    }
    if let [one] = &connected[..] {
        uncertain.retain(|(_, answered)| *answered == one.at || (*answered < one.at && waited(one)));
        if winners.is_empty() {
            winners.extend(uncertain.first());
        }
    }
    match (&connected[..], &winners[..]) {
        ([], []) => {}
        // The last asker's connection was lost: whether he was connected is not to be seen.
        ([], [_, ..]) if is_open => {}
        ([], [(place, _), ..]) => found.push((*place, "connected with nobody".to_owned())),
        ([one], [(place, answered)])
            if *answered != one.at && !waited(one) && !was_cut_off(world, call, one) =>
        {
            found.push((*place, "answered, and the caller did not hear of it at once".to_owned()));
        }
        // Or he was to hear of it by a stream that was closed.
        ([_], [_]) => {}
        ([one], [(place, _), (other, _), ..]) => {
            let text = format!("a second winner beside line {place}; the caller has line {}", one.place);
            found.push((*other, text));
        }
        ([one], []) => found.push((one.place, "a 2xx to a caller whom nobody answered".to_owned())),
        // It came by twice, by way of another cluster.
        ([one, _, ..], _) if winners.len() > connected.len() => {
            found.push((one.place, format!("{} winners for {} callers", winners.len(), connected.len())));
        }
        _ => {}
    }
}

/// Whether an asker's stream was closed while his call rang.
fn was_cut_off(world: &World, call: &Call, asker: &Upstream) -> bool {
    call.branches.first().is_some_and(|first| lost_between(world, asker.other, first.sent, asker.at))
}

/// A branch that rang when its call was over, and was not told so.
fn unwanted(world: &World, branch: &Branch, end: At) -> Option<String> {
    // Before it is known to ring, it must not be cancelled (RFC 3261 §9.1).
    let due = end.max(branch.provisional?);
    let is_over = branch.last.is_some_and(|(_, at)| at <= due);
    let is_told = branch.cancelled.is_some_and(|(at, _)| at <= due);
    let is_lost = lost_between(world, branch.other, branch.sent, due);
    (!is_over && !is_told && !is_lost).then(|| "rings on after its call is over".to_owned())
}
