//! Requests inside an answered call that only pass through: INFO, MESSAGE, and methods that nobody here knows.
//!
//! What passes is a [`Passage`], and the answer is the other phone's. An INFO that belongs to a package goes
//! only to a phone that has said that it takes it; to another it is answered for it, as it would answer.
//!
//! Implements: RFC 6086 §4.2.2, §5.2.2, §5.2.3 (packages); RFC 3428 §7 (in a dialog); RFC 4320 §4.2.

use bytes::Bytes;
use smallvec::SmallVec;

use crate::base::Key;
use crate::sip::{Item, Message, Method, Name, elements};
use crate::transaction::{Asked, Owner};

use super::confirmed::Confirmed;
use super::legs::{Turn, Wire};
use super::outcome::shown_status;
use super::words::{LegWord, Passage, write_required};

/// What passes through a leg.
#[derive(Debug, Default)]
pub(super) struct Relay {
    /// Requests that wait for a reply from the call's other side.
    pub(super) heard: SmallVec<[Asked; 1]>,
    /// Client transactions whose reply the call's other side waits for.
    pub(super) said: SmallVec<[(Key, Key); 1]>,
    /// The packages that its phone takes, as it has listed them.
    packages: Bytes,
}

impl Relay {
    /// Remembers what a message of the phone's says of the packages that it takes: it holds until the phone
    /// says otherwise.
    pub(super) fn note_packages(&mut self, message: &Message) {
        if message.has(Name::RecvInfo) {
            let lists: Vec<&[u8]> = message.lines(Name::RecvInfo).filter(|list| !list.is_empty()).collect();
            self.packages = lists.join(&b", "[..]).into();
        }
    }

    fn takes(&self, package: &[u8]) -> bool {
        let wanted = Item::parse(package).value;
        elements(&self.packages).any(|own| Item::parse(own).value.eq_ignore_ascii_case(wanted))
    }

    /// A request of ours was sent again, with a proof that another cluster asked for.
    pub(super) fn on_resent(&mut self, old: Key, new: Key) {
        for (client, _) in self.said.iter_mut().filter(|(client, _)| *client == old) {
            *client = new;
        }
    }

    /// Which request of the other side a request of ours passes on; it has been answered.
    pub(super) fn take(&mut self, client: Key) -> Option<Key> {
        let at = self.said.iter().position(|(own, _)| *own == client)?;
        Some(self.said.swap_remove(at).1)
    }
}

impl Confirmed {
    /// The phone sends what is for the other side.
    pub(super) fn on_relayed(&mut self, asked: Asked) -> Turn {
        let (method, passage) = (asked.request.method(), Passage::of(&asked.request));
        let name = asked.request.raw().slice_ref(asked.request.method_bytes());
        let word = LegWord::Request { id: asked.key, method, name, passage };
        self.relay.heard.push(asked);
        Turn::Tell(word)
    }

    /// The other side sends what is for the phone.
    pub(super) fn relay(
        &mut self,
        wire: &mut Wire<'_, '_>,
        key: Key,
        id: Key,
        (method, name): (Method, &Bytes),
        passage: &Passage,
    ) -> Turn {
        let package = passage.header(Name::InfoPackage).filter(|_| method == Method::Info);
        if package.is_some_and(|package| !self.relay.takes(package)) {
            let passage = Passage::with_packages(self.relay.packages.clone());
            return Turn::Tell(LegWord::Reply { id, status: 469, passage });
        }
        let name = std::str::from_utf8(name).unwrap_or_default();
        let client = self.request_named(wire, Owner::Leg(key), (method, name), passage);
        self.relay.said.push((client, id));
        Turn::Stay
    }

    /// The other side has answered what the phone has sent.
    pub(super) fn reply(&mut self, wire: &mut Wire<'_, '_>, id: Key, status: u16, passage: &Passage) {
        let Some(at) = self.relay.heard.iter().position(|asked| asked.key == id) else { return };
        let asked = self.relay.heard.swap_remove(at);
        let mut writer = asked.answer(status, self.dialog.local_tag());
        write_required(status, &mut writer);
        passage.write(&mut writer);
        wire.transactions.respond(wire.ctx, asked.key, status, writer.finish(passage.body()));
    }
}

/// What the other side hears of the phone's answer to something that was passed on.
pub(super) fn reply_of(id: Key, response: &Message) -> LegWord {
    let status = match response.status() {
        // A method that the phone does not know is no fault of ours.
        501 => 501,
        status => shown_status(status),
    };
    LegWord::Reply { id, status, passage: Passage::of(response) }
}
