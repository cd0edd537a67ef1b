//! The client transactions of a phone (RFC 3261 §17.1, RFC 6026).

use std::time::Duration;

use bytes::Bytes;
use ratatosk::base::At;

use super::{GIVE_UP, Path, Phone, Sent, T1, T2};
use crate::sim::digest::Challenge;
use crate::sim::text::{Draft, Packet};

/// What a request was sent for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Purpose {
    /// A REGISTER.
    Register,
    /// A REGISTER that changes nothing.
    Query,
    /// The first INVITE of a call.
    Invite(u64),
    /// A later one.
    Reinvite(u64),
    /// An UPDATE in a call, and whether it made an offer.
    Update(u64, bool),
    /// A PRACK with an offer.
    Prack(u64),
    /// The end of a call.
    Bye(u64),
    /// The end of an INVITE.
    Cancel,
    /// Nothing hangs on the answer.
    Other,
}

/// A request under way.
#[derive(Debug)]
pub struct ClientTx {
    branch: String,
    draft: Draft,
    bytes: Bytes,
    path: Path,
    purpose: Purpose,
    state: State,
    interval: Duration,
    resend: Option<At>,
    end: Option<At>,
    tries: u8,
    stale: u8,
    ack: Option<Bytes>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum State {
    Calling,
    Proceeding,
    Done,
}

impl ClientTx {
    /// When it wants to be woken.
    pub fn deadline(&self) -> Option<At> {
        match (self.resend, self.end) {
            (Some(resend), Some(end)) => Some(resend.min(end)),
            (one, other) => one.or(other),
        }
    }

    /// The request as it was sent.
    pub fn draft(&self) -> Draft {
        self.draft.clone()
    }

    fn is_invite(&self) -> bool {
        self.draft.method() == "INVITE"
    }
}

impl Phone {
    /// Sends a request in a new transaction; gives its branch.
    pub(super) fn request(&mut self, at: At, path: Path, mut draft: Draft, purpose: Purpose) -> String {
        for (name, value) in std::mem::take(&mut self.extra) {
            if value.is_empty() { draft.remove(&name) } else { draft.set(&name, value) }
        }
        let outside = !draft.get("To").contains(";tag=");
        if self.reuses_nonce && outside && draft.method() != "CANCEL" {
            self.give_credentials(&mut draft);
        }
        self.start(at, path, draft, purpose, (0, 0))
    }

    fn start(&mut self, at: At, path: Path, mut draft: Draft, purpose: Purpose, tries: (u8, u8)) -> String {
        let cookie = if self.old { "" } else { "z9hG4bK" };
        let branch = format!("{cookie}{}", self.mint());
        let via = self.via(path, &branch);
        if draft.get("Via").is_empty() {
            draft.headers.insert(0, ("Via".to_owned(), via));
        } else {
            draft.set("Via", via);
        }
        self.enter(at, path, draft, purpose, tries, branch.clone());
        branch
    }

    /// Sends a request that already has its Via.
    pub(super) fn enter(
        &mut self,
        at: At,
        path: Path,
        draft: Draft,
        purpose: Purpose,
        tries: (u8, u8),
        branch: String,
    ) {
        let bytes = draft.write(self.short);
        let resend = (!self.is_reliable(path)).then(|| at + T1);
        self.last = Some(Sent { path, bytes: bytes.clone() });
        self.put(path, bytes.clone());
        self.clients.push(ClientTx {
            branch,
            draft,
            bytes,
            path,
            purpose,
            state: State::Calling,
            interval: T1,
            resend,
            end: Some(at + GIVE_UP),
            tries: tries.0,
            stale: tries.1,
            ack: None,
        });
    }

    fn give_credentials(&mut self, draft: &mut Draft) {
        if let Some(challenge) = self.auth.as_mut() {
            let name = if draft.method() == "REGISTER" { "Authorization" } else { "Proxy-Authorization" };
            if !draft.get(name).is_empty() {
                return;
            }
            let (method, uri) = (draft.method().to_owned(), draft.uri().to_owned());
            let value = challenge.answer(&self.user, &self.password, &method, &uri);
            draft.set(name, value);
        }
    }

    /// A response came.
    pub(super) fn on_response(&mut self, at: At, response: &Packet<'_>) {
        let (branch, method) = (response.branch(), response.cseq().1);
        let status = response.status().unwrap_or_default();
        let found = self.clients.iter().position(|tx| tx.branch == branch && tx.draft.method() == method);
        let Some(index) = found else { return };
        let reliable = self.is_reliable(self.clients[index].path);
        let tx = &mut self.clients[index];
        let purpose = tx.purpose;
        match (tx.state, status) {
            (State::Done, 100..200) => {}
            (State::Done, _) if tx.is_invite() && status < 300 => self.on_answer(at, purpose, response),
            (State::Done, _) => {
                if let (Some(ack), path) = (tx.ack.clone(), tx.path) {
                    self.put(path, ack);
                }
            }
            (_, 100..200) => {
                tx.state = State::Proceeding;
                if tx.is_invite() {
                    tx.resend = None;
                    tx.end = None;
                } else {
                    tx.interval = T2;
                }
                self.on_provisional(at, purpose, response);
            }
            (State::Calling | State::Proceeding, _) => {
                tx.state = State::Done;
                tx.resend = None;
                // D, K and the Accepted state of RFC 6026, or nothing to wait for.
                let linger =
                    if reliable && !(tx.is_invite() && status < 300) { Duration::ZERO } else { GIVE_UP };
                tx.end = Some(at + linger);
                self.acknowledge_refusal(index, response);
                self.on_final(at, index, response);
            }
        }
    }

    /// The ACK of a non-2xx belongs to the transaction (RFC 3261 §17.1.1.3).
    fn acknowledge_refusal(&mut self, index: usize, response: &Packet<'_>) {
        let tx = &self.clients[index];
        if !tx.is_invite() || response.status().unwrap_or_default() < 300 {
            return;
        }
        let mut ack = Draft::request("ACK", tx.draft.uri());
        ack.add("Via", tx.draft.get("Via"));
        ack.add("From", tx.draft.get("From"));
        ack.add("To", response.get("To").unwrap_or_default());
        ack.add("Call-ID", tx.draft.get("Call-ID"));
        ack.add("CSeq", format!("{} ACK", response.cseq().0));
        ack.add("Max-Forwards", "70");
        let (bytes, path) = (ack.write(self.short), tx.path);
        self.clients[index].ack = Some(bytes.clone());
        self.put(path, bytes);
    }

    fn on_final(&mut self, at: At, index: usize, response: &Packet<'_>) {
        let status = response.status().unwrap_or_default();
        let purpose = self.clients[index].purpose;
        if matches!(status, 401 | 407) && self.try_again(at, index, response) {
            return;
        }
        match purpose {
            Purpose::Register => self.on_registered(at, response),
            Purpose::Query => self.after_register(at),
            Purpose::Invite(_) | Purpose::Reinvite(_) if status < 300 => {
                self.on_answer(at, purpose, response);
            }
            Purpose::Update(call, offered) if status < 300 => self.on_updated(at, call, offered, response),
            Purpose::Invite(call) => self.on_refusal(call),
            Purpose::Reinvite(call) | Purpose::Update(call, _) => self.on_reinvite_refused(at, call, status),
            Purpose::Bye(call) => self.end_call(call),
            Purpose::Cancel => self.give_up_soon(at, response.branch()),
            Purpose::Prack(_) if status < 300 && !response.has_sdp() => {
                self.complain("2xx to an offer in PRACK without an answer");
            }
            Purpose::Other | Purpose::Prack(_) => {}
        }
    }

    /// A CANCEL is over: if no answer to its INVITE comes now, none will (RFC 3261 §9.1).
    fn give_up_soon(&mut self, at: At, branch: &str) {
        let waits =
            |tx: &&mut ClientTx| tx.branch == branch && tx.is_invite() && tx.state == State::Proceeding;
        if let Some(tx) = self.clients.iter_mut().find(waits) {
            tx.end = Some(at + GIVE_UP);
        }
    }

    /// Answers a challenge; says whether there was something to try.
    fn try_again(&mut self, at: At, index: usize, response: &Packet<'_>) -> bool {
        let proxy = response.status() == Some(407);
        let name = if proxy { "Proxy-Authenticate" } else { "WWW-Authenticate" };
        let offered: Vec<Challenge> = response.all(name).filter_map(Challenge::parse).collect();
        let known = offered.into_iter().find(|challenge| self.knows.contains(&challenge.algorithm));
        let Some(challenge) = known else {
            return false;
        };
        let tx = &self.clients[index];
        let answered =
            !tx.draft.get("Authorization").is_empty() || !tx.draft.get("Proxy-Authorization").is_empty();
        let (mut tries, mut stale) = (tx.tries, tx.stale);
        if answered && challenge.stale {
            stale += 1;
        } else {
            tries += 1;
        }
        // Credentials for a nonce kept from an earlier request may be refused for any reason; those
        // for the nonce of the last answer are refused because they are wrong.
        if tries > 1 || stale > 3 {
            return false;
        }
        let (mut draft, path, purpose) = (tx.draft.clone(), tx.path, tx.purpose);
        let (number, method) = (response.cseq().0 + 1, draft.method().to_owned());
        draft.set("CSeq", format!("{number} {method}"));
        draft.remove("Authorization");
        draft.remove("Proxy-Authorization");
        self.auth = Some(challenge);
        let fresh = self
            .auth
            .as_mut()
            .map(|challenge| challenge.answer(&self.user, &self.password, &method, draft.uri()));
        let header = if proxy { "Proxy-Authorization" } else { "Authorization" };
        draft.add(header, fresh.unwrap_or_default());
        self.note_number(purpose, number);
        let branch = self.start(at, path, draft, purpose, (tries, stale));
        self.note_branch(purpose, branch);
        true
    }

    /// Repeats what is due and gives up what is too old.
    pub(super) fn tick_clients(&mut self, at: At) {
        let mut late = Vec::new();
        let mut again = Vec::new();
        for tx in &mut self.clients {
            if tx.end.is_some_and(|end| end <= at) {
                if tx.state != State::Done {
                    late.push((tx.purpose, tx.branch.clone(), tx.draft.first.clone()));
                }
                tx.resend = None;
            } else if tx.resend.is_some_and(|resend| resend <= at) {
                again.push((tx.path, tx.bytes.clone()));
                tx.interval *= 2;
                if !tx.is_invite() {
                    tx.interval = tx.interval.min(T2);
                }
                tx.resend = Some(at + tx.interval);
            }
        }
        self.clients.retain(|tx| tx.end.is_none_or(|end| end > at));
        for (path, bytes) in again {
            self.put(path, bytes);
        }
        for (purpose, branch, what) in late {
            self.unanswered.push(what);
            if purpose == Purpose::Cancel {
                self.give_up_soon(at, &branch);
            }
            self.on_lost(at, purpose);
        }
    }

    /// Gives up what went over a stream that is no more.
    pub(super) fn lose_clients(&mut self, at: At) {
        let lost = self.clients.extract_if(.., |tx| tx.path == Path::Main && tx.state != State::Done);
        let purposes: Vec<Purpose> = lost.map(|tx| tx.purpose).collect();
        for purpose in purposes {
            self.on_lost(at, purpose);
        }
    }

    fn on_lost(&mut self, at: At, purpose: Purpose) {
        match purpose {
            Purpose::Register => self.on_register_lost(at),
            Purpose::Query => self.after_register(at),
            Purpose::Invite(call) => self.on_refusal(call),
            Purpose::Reinvite(call) | Purpose::Update(call, _) => self.on_reinvite_refused(at, call, 408),
            Purpose::Bye(call) => self.end_call(call),
            Purpose::Cancel | Purpose::Other | Purpose::Prack(_) => {}
        }
    }

    /// Sends the last request once more.
    pub(super) fn repeat(&mut self) {
        if let Some(Sent { path, bytes }) = &self.last {
            let (path, bytes) = (*path, bytes.clone());
            self.put(path, bytes);
        }
    }
}
