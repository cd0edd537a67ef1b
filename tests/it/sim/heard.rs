//! What one phone was sent, for tests that look into messages and not only at their ladder.

use super::text::Packet;
use super::world::{Who, World};

impl World {
    /// Every message that servers sent to this phone, in order, repeats left out.
    pub fn sent_to(&self, phone: &str) -> impl Iterator<Item = Packet<'_>> {
        let place = self.phones.iter().position(|one| one.name == phone).unwrap();
        let lines = self.wire.iter().filter(move |line| line.to == Who::Phone(place) && !line.again);
        lines.map(|line| Packet::parse(&line.bytes).unwrap())
    }

    /// The responses to INVITEs among them, but for 100.
    pub fn answers_to(&self, phone: &str) -> impl Iterator<Item = Packet<'_>> {
        self.sent_to(phone).filter(|one| one.cseq().1 == "INVITE" && one.status() > Some(100))
    }

    /// The first INVITEs of calls among them.
    pub fn calls_to(&self, phone: &str) -> impl Iterator<Item = Packet<'_>> {
        self.sent_to(phone).filter(|one| one.method() == Some("INVITE") && one.to_tag().is_empty())
    }
}
