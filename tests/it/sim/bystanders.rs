//! Two who have nothing to do with it: whatever the phones of a test do, their call goes on.

use std::time::Duration;

use super::phone::Do;
use super::text::Packet;
use super::world::{Who, World};
use super::{answers, call};

impl World {
    /// Two others talk with each other from the beginning to the end; ladders leave them out.
    pub fn with_bystanders(mut self) -> Self {
        self.has_bystanders = true;
        self
    }

    /// They come after all others, and call at once.
    pub(super) fn bystanders_come(&mut self) {
        if self.has_bystanders {
            self.phone("xena");
            self.phone("yves").on_call(&answers(0.0));
            self.at(0.0, "xena", call("yves"));
        }
    }

    /// Whether this is one of them.
    pub(super) fn is_bystander(&self, who: Who) -> bool {
        matches!(who, Who::Phone(phone) if self.has_bystanders && phone + 2 >= self.phones.len())
    }

    /// They put each other on hold, tell each other something, and hang up: all of it has to be taken.
    pub(super) fn bystanders_go_on(&mut self) {
        if !self.has_bystanders {
            return;
        }
        let (one, other) = (self.place("xena"), self.place("yves"));
        let before = self.wire.len();
        for (phone, what) in
            [(one, Do::Hold), (other, Do::Hold), (one, Do::Info), (other, Do::Info), (one, Do::Hangup)]
        {
            self.act(phone, &what);
            self.run_until(self.now + Duration::from_secs(2));
        }
        let heard = self.wire[before..].iter().filter(|line| self.is_bystander(line.to) && !line.again);
        let packets = heard.filter_map(|line| Packet::parse(&line.bytes).ok());
        let taken: Vec<_> =
            packets.filter(|one| one.status() == Some(200)).map(|one| one.cseq().1.to_owned()).collect();
        if taken != ["INVITE", "INVITE", "INFO", "INFO", "BYE"] {
            self.faults.push(format!("of the call of the bystanders goes on only {taken:?}"));
        }
    }
}
