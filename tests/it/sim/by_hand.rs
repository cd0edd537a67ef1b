//! Messages that a test writes by hand: what no phone of ours would send, and real ones may.

use bytes::Bytes;
use ratatosk::effect::StreamId;

use super::run::Event;
use super::streams::Stream;
use super::text::{Draft, Packet, uri_of};
use super::world::{Who, World};

impl World {
    /// Sends this from the phone's own address, as a datagram.
    pub fn write(&mut self, phone: &str, message: &Draft) {
        let place = self.place(phone);
        self.post_datagram(place, &message.write(false));
    }

    /// The latest message on the wire to or from a phone that begins so, with a CSeq of this method.
    pub fn latest(&self, phone: &str, first: &str, method: &str) -> Bytes {
        let who = Who::Phone(self.place(phone));
        let is = |bytes: &Bytes| {
            bytes.starts_with(first.as_bytes()) && Packet::parse(bytes).unwrap().cseq().1 == method
        };
        let line =
            self.wire.iter().rev().find(|line| (line.from == who || line.to == who) && is(&line.bytes));
        line.unwrap_or_else(|| panic!("no {first} of {method}")).bytes.clone()
    }

    /// A request of the caller in the dialog that an answer to his INVITE has made, or will make.
    pub fn inside(&self, caller: &str, method: &str, number: u32, answer: &str) -> Draft {
        let (invite, answer) =
            (self.latest(caller, "INVITE", "INVITE"), self.latest(caller, answer, "INVITE"));
        let (invite, answer) = (Packet::parse(&invite).unwrap(), Packet::parse(&answer).unwrap());
        let mut draft = Draft::request(method, uri_of(answer.get("Contact").unwrap()));
        let sent_by = invite.get("Via").unwrap().split(";branch").next().unwrap();
        draft.add("Via", format!("{sent_by};branch=z9hG4bKhand{number}"));
        draft.add("Max-Forwards", "70");
        for (name, from) in [("From", &invite), ("To", &answer), ("Call-ID", &invite)] {
            draft.add(name, from.get(name).unwrap());
        }
        draft.add("CSeq", format!("{number} {method}"));
        draft
    }

    /// What cancels the latest INVITE of a phone.
    pub fn cancel_of(&self, phone: &str) -> Draft {
        let mut cancel = Self::again(&self.latest(phone, "INVITE", "INVITE"));
        cancel.first = cancel.first.replace("INVITE", "CANCEL");
        cancel.body.clear();
        for name in ["Content-Type", "Contact"] {
            cancel.remove(name);
        }
        cancel.set("CSeq", cancel.get("CSeq").replace("INVITE", "CANCEL"));
        cancel
    }

    /// What a phone that says nothing by itself answers to the latest request that it was sent.
    pub fn reply(&mut self, phone: &str, method: &str, status: u16) {
        let draft = self.draft_reply(phone, method, status);
        self.write(phone, &draft);
    }

    /// The same, to be changed before it is sent.
    pub fn draft_reply(&self, phone: &str, method: &str, status: u16) -> Draft {
        let request = self.latest(phone, method, method);
        Draft::response(status, &Packet::parse(&request).unwrap(), "by-hand")
    }

    /// Closes the streams that the servers have opened to a phone.
    pub fn cut_off(&mut self, phone: &str) {
        let place = self.place(phone);
        let to = |one: &Stream| one.open && one.ends[1].who == Who::Phone(place);
        let open = self.streams.iter().filter(|(_, one)| to(one));
        let open: Vec<_> = open.map(|(id, _)| *id).collect();
        for id in open {
            self.close_stream(id);
        }
    }

    /// The stream that a phone keeps dies, and only the phone hears of it.
    pub fn die_quietly(&mut self, phone: &str) -> StreamId {
        let id = self.open_stream_of(self.place(phone)).unwrap();
        self.streams.get_mut(&id).unwrap().open = false;
        self.schedule(self.now, Event::Closed { id, end: 0 });
        id
    }

    /// The servers hear of it too.
    pub fn come_out(&mut self, id: StreamId) {
        self.schedule(self.now, Event::Closed { id, end: 1 });
    }

    /// A message as it was, to be sent again or changed.
    pub fn again(bytes: &Bytes) -> Draft {
        let packet = Packet::parse(bytes).unwrap();
        let mut draft = Draft { first: packet.first.to_owned(), ..Draft::request("X", "x:y") };
        for (name, value) in &packet.headers {
            if *name != "Content-Length" {
                draft.add(name, *value);
            }
        }
        draft.body.push_str(packet.body);
        draft
    }
}
