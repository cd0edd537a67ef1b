//! The server transactions of a phone (RFC 3261 §17.2).

use std::time::Duration;

use bytes::Bytes;
use ratatosk::base::At;

use super::{GIVE_UP, Path, Phone, T1, T2};
use crate::sim::text::{Draft, Packet};

/// A request that was received.
#[derive(Debug)]
pub struct ServerTx {
    branch: String,
    method: String,
    path: Path,
    response: Option<Bytes>,
    refused: bool,
    interval: Duration,
    resend: Option<At>,
    end: Option<At>,
}

impl ServerTx {
    /// When it wants to be woken.
    pub fn deadline(&self) -> Option<At> {
        match (self.resend, self.end) {
            (Some(resend), Some(end)) => Some(resend.min(end)),
            (one, other) => one.or(other),
        }
    }
}

impl Phone {
    /// Whether the transaction layer deals with this request alone; else it is new to the user.
    pub(super) fn is_repeat(&mut self, at: At, path: Path, request: &Packet<'_>) -> bool {
        let (branch, method) = (request.branch(), request.method().unwrap_or_default());
        if method == "ACK" {
            let refused = |tx: &&mut ServerTx| tx.branch == branch && tx.method == "INVITE" && tx.refused;
            if let Some(tx) = self.servers.iter_mut().find(refused) {
                tx.resend = None;
                tx.end = Some(at + T2);
                return true;
            }
            return false;
        }
        if let Some(tx) = self.servers.iter().find(|tx| tx.branch == branch && tx.method == method) {
            if let Some(bytes) = tx.response.clone() {
                self.put(path, bytes);
            }
            return true;
        }
        self.servers.push(ServerTx {
            branch: branch.to_owned(),
            method: method.to_owned(),
            path,
            response: None,
            refused: false,
            interval: T1,
            resend: None,
            end: None,
        });
        false
    }

    /// It is back in the net: it has not heard what came meanwhile, and takes pages again.
    pub fn wake(&mut self) {
        self.servers.retain(|tx| tx.response.is_some());
        self.on_page = 200;
    }

    /// Answers a request in its transaction.
    pub(super) fn respond(&mut self, at: At, branch: &str, method: &str, draft: &Draft) {
        let status: u16 = draft.first.get(8..11).and_then(|digits| digits.parse().ok()).unwrap_or_default();
        let bytes = draft.write(self.short);
        let found = self.servers.iter().position(|tx| tx.branch == branch && tx.method == method);
        let Some(index) = found else { return };
        let path = self.servers[index].path;
        let reliable = self.is_reliable(path);
        let tx = &mut self.servers[index];
        tx.response = Some(bytes.clone());
        if status >= 200 {
            tx.end = Some(at + GIVE_UP);
            if method == "INVITE" && status >= 300 {
                tx.refused = true;
                tx.resend = (!reliable).then(|| at + T1);
            }
        }
        self.put(path, bytes);
    }

    /// Answers at once, with nothing but the status.
    pub(super) fn respond_plain(&mut self, at: At, request: &Packet<'_>, status: u16) {
        let tag = self.mint();
        let mut draft = Draft::response(status, request, &tag);
        draft.add("Server", format!("phone {}", self.mark));
        if status == 405 {
            draft.add("Allow", "INVITE, ACK, CANCEL, BYE, OPTIONS");
        }
        self.respond(at, request.branch(), request.method().unwrap_or_default(), &draft);
    }

    /// The way back of a request.
    pub(super) fn path_of(&self, branch: &str) -> Path {
        self.servers.iter().find(|tx| tx.branch == branch).map_or(Path::Main, |tx| tx.path)
    }

    /// Repeats refusals that are not acknowledged; forgets what is old.
    pub(super) fn tick_servers(&mut self, at: At) {
        let mut again = Vec::new();
        for tx in &mut self.servers {
            if tx.resend.is_some_and(|resend| resend <= at) {
                if let Some(bytes) = &tx.response {
                    again.push((tx.path, bytes.clone()));
                }
                tx.interval = (tx.interval * 2).min(T2);
                tx.resend = Some(at + tx.interval);
            }
        }
        self.servers.retain(|tx| tx.end.is_none_or(|end| end > at));
        for (path, bytes) in again {
            self.put(path, bytes);
        }
    }
}
