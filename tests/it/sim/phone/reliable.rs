//! Reliable provisional responses (RFC 3262) as a phone sends and confirms them.

use std::time::Duration;

use bytes::Bytes;
use ratatosk::base::At;

use super::client::Purpose;
use super::compose::Media;
use super::{GIVE_UP, Path, Phone, T1};
use crate::sim::text::{Draft, Packet};

/// What a phone makes of the provisional responses that it is sent.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Pracks {
    /// It confirms them.
    Well,
    /// It confirms them, and changes the session by the way.
    WithOffer,
    /// It confirms some other.
    Wrongly,
    /// It does not.
    Never,
}

/// A reliable response that waits for its PRACK, or what a call knows of them.
#[derive(Debug, Default)]
pub struct Reliable {
    /// The number of the latest that was sent.
    pub rseq: u32,
    /// The one that waits.
    pub open: Option<Open>,
    /// Whether the session was described in one, by which no 200 has to.
    pub described: bool,
    /// Whether offer and answer are exchanged.
    pub settled: bool,
    /// To tags of the early dialogs in which they are.
    pub settled_in: Vec<String>,
    /// Its PRACK was overtaken by the 200.
    pub late: bool,
    /// To tags whose responses have been confirmed, with the latest number.
    pub heard: Vec<(String, u32)>,
    /// A 200 waits for a PRACK.
    pub answer_waits: bool,
}

#[derive(Debug)]
pub struct Open {
    bytes: Bytes,
    path: Path,
    pub next: At,
    interval: Duration,
    end: At,
    /// Whether the PRACK is to bring the answer to our offer.
    offers: bool,
}

impl Phone {
    /// The extensions that it names.
    pub(super) fn extensions(&self) -> String {
        let known = [(self.timer, "timer"), (self.reliable, "100rel"), (true, "replaces")];
        let names: Vec<&str> = known.into_iter().filter(|(known, _)| *known).map(|(_, name)| name).collect();
        names.join(", ")
    }

    /// Whether a provisional response to this INVITE goes out reliably.
    pub(super) fn is_sure(&self, invite: &Packet<'_>) -> bool {
        let takes = ["Supported", "Require"].into_iter().flat_map(|name| invite.all(name));
        self.reliable && takes.into_iter().any(|tags| tags.contains("100rel"))
    }

    /// Makes a provisional response reliable, and repeats it until it is confirmed.
    pub(super) fn send_surely(&mut self, at: At, id: u64, branch: &str, mut draft: Draft, offers: bool) {
        let path = self.path_of(branch);
        let Some(call) = self.call_mut(id) else { return };
        let own = &mut call.reliable;
        own.rseq = if own.rseq == 0 { 4_000 } else { own.rseq + 1 };
        draft.add("Require", "100rel");
        draft.add("RSeq", own.rseq.to_string());
        own.described |= !draft.body.is_empty();
        let bytes = draft.write(false);
        own.open = Some(Open { bytes, path, next: at + T1, interval: T1, end: at + GIVE_UP, offers });
        self.respond(at, branch, "INVITE", &draft);
    }

    /// Repeats what is not confirmed, or gives up.
    pub(super) fn tick_reliable(&mut self, at: At, id: u64) {
        let Some(call) = self.call_mut(id) else { return };
        let Some(open) = call.reliable.open.as_mut().filter(|open| open.next <= at) else { return };
        if open.end <= at {
            call.reliable.open = None;
            if let Some(invite) = call.request.take() {
                self.refuse(at, id, invite, 504);
            }
            return;
        }
        open.interval *= 2;
        open.next = (at + open.interval).min(open.end);
        let (path, bytes) = (open.path, open.bytes.clone());
        self.put(path, bytes);
    }

    /// The other side confirms one.
    pub(super) fn on_prack(&mut self, at: At, id: u64, request: &Packet<'_>) {
        let updates = request.has_sdp();
        let Some(call) = self.call_mut(id) else { return };
        let rack = request.get("RAck").unwrap_or_default();
        let wanted = format!("{} ", call.reliable.rseq);
        let tag = call.local_tag.clone();
        if call.reliable.open.is_none()
            && rack.starts_with(&wanted)
            && std::mem::take(&mut call.reliable.late)
        {
            return self.respond_plain(at, request, 200);
        }
        let Some(open) = call.reliable.open.take_if(|_| rack.starts_with(&wanted)) else {
            self.complain(format!("a PRACK of {rack}"));
            return self.respond_plain(at, request, 481);
        };
        if open.offers && !updates {
            self.complain("PRACK without the answer to our offer");
        }
        let Some(call) = self.call_mut(id) else { return };
        call.reliable.settled |= call.reliable.described;
        let waits = std::mem::take(&mut call.reliable.answer_waits);
        call.version += 1;
        let version = call.version;
        let mut draft = Draft::response(200, request, &tag);
        if updates && !open.offers {
            draft.carry("application/sdp", self.sdp(version, Media::of_offer(request.body)));
        }
        self.respond(at, request.branch(), "PRACK", &draft);
        if waits {
            self.answer_call(at, id);
        }
    }

    /// A provisional response came that wants to be confirmed.
    pub(super) fn confirm(&mut self, at: At, id: u64, response: &Packet<'_>) {
        let number = response.get("RSeq").and_then(|digits| digits.parse::<u32>().ok()).unwrap_or_default();
        if !self.reliable {
            self.complain("a reliable response to a phone that knows of none");
            return;
        }
        let tag = response.to_tag().to_owned();
        let pracks = self.pracks;
        let Some(call) = self.call_mut(id) else { return };
        let invite = call.invite.as_ref().map(|invite| invite.get("CSeq").to_owned()).unwrap_or_default();
        let seen = call.reliable.heard.iter().find(|(own, _)| *own == tag).map(|(_, latest)| *latest);
        // The numbers of one INVITE go on over all its early dialogs here.
        if seen.is_some_and(|latest| number <= latest) || pracks == Pracks::Never {
            return;
        }
        call.reliable.heard.retain(|(own, _)| *own != tag);
        call.reliable.heard.push((tag.clone(), number));
        tag.clone_into(&mut call.remote_tag);
        if let Some(target) = response.contact() {
            target.clone_into(&mut call.target);
        }
        call.routes = response.all("Record-Route").map(str::to_owned).collect();
        call.routes.reverse();
        let had_sdp = response.has_sdp();
        call.reliable.settled = call.reliable.settled_in.contains(&tag);
        let answers = had_sdp && !call.offered && !call.reliable.settled;
        if had_sdp {
            call.reliable.settled = true;
            call.reliable.settled_in.push(tag);
        }
        let offers = pracks == Pracks::WithOffer && had_sdp && !answers;
        call.version += 1;
        let (version, media) = (call.version, call.media);
        let number = if pracks == Pracks::Wrongly { number + 7 } else { number };
        let Some(mut draft) = self.inside(id, "PRACK") else { return };
        draft.add("RAck", format!("{number} {invite}"));
        if answers {
            draft.carry("application/sdp", self.sdp(version, media));
        }
        if offers {
            draft.carry("application/sdp", self.sdp(version, Media::Send));
        }
        let purpose = if offers { Purpose::Prack(id) } else { Purpose::Other };
        self.request(at, Path::Main, draft, purpose);
    }
}
