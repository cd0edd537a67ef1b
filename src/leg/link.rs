//! A leg that is no phone but the other half of the call.
//!
//! The caller's half lives with the caller's user server, the callee's with the callee's. Between
//! them go the words of a call; where both halves live in one server they are handed over at once,
//! else they cross a channel.

use crate::base::{Key, ServerIndex};

use super::words::LegWord;

/// One end of a link.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct LinkEnd {
    /// The user server.
    pub server: ServerIndex,
    /// The leg there.
    pub leg: Key,
}

/// A word on its way to the other end.
#[derive(Debug)]
pub struct LinkMail {
    /// To whom.
    pub to: LinkEnd,
    /// What.
    pub word: LegWord,
}

/// This end.
#[derive(Debug)]
pub(super) struct Link {
    peer: Peer,
}

#[derive(Debug)]
enum Peer {
    /// The other half is being set up and has not told its leg yet: words wait.
    Opening(Vec<LegWord>),
    Open(LinkEnd),
}

impl Link {
    pub(super) fn opening() -> Self {
        Self { peer: Peer::Opening(Vec::new()) }
    }

    pub(super) fn open(peer: LinkEnd) -> Self {
        Self { peer: Peer::Open(peer) }
    }

    /// The other half is there.
    pub(super) fn on_opened(&mut self, peer: LinkEnd, outbox: &mut Vec<LinkMail>) {
        if let Peer::Opening(words) = std::mem::replace(&mut self.peer, Peer::Open(peer)) {
            outbox.extend(words.into_iter().map(|word| LinkMail { to: peer, word }));
        }
    }

    /// Who is at the far end, once it is there.
    pub(super) fn far_end(&self) -> Option<LinkEnd> {
        match self.peer {
            Peer::Open(peer) => Some(peer),
            Peer::Opening(_) => None,
        }
    }

    /// Whether nothing has to wait for the other half any more.
    pub(super) fn is_open(&self) -> bool {
        match self.peer {
            Peer::Open(_) => true,
            Peer::Opening(_) => false,
        }
    }

    pub(super) fn say(&mut self, word: LegWord, outbox: &mut Vec<LinkMail>) {
        match &mut self.peer {
            Peer::Opening(words) => words.push(word),
            Peer::Open(peer) => outbox.push(LinkMail { to: *peer, word }),
        }
    }
}

/// Words after which a link has nothing more to carry.
pub(super) fn ends_link(word: &LegWord) -> bool {
    matches!(word, LegWord::Reject(_) | LegWord::Cancel(_) | LegWord::HangUp(_))
}
