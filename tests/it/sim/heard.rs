//! What one phone was sent, for tests that look into messages and not only at their ladder.

use ratatosk::effect::Ticket;
use ratatosk::effect::admin::{AdminReply, AdminRequest, LiveCall};
use ratatosk::server::{Input, Output};

use super::text::Packet;
use super::world::{Who, World};

impl World {
    /// What an operator is told of the calls that are in progress.
    pub fn live(&mut self) -> Vec<LiveCall> {
        let now = self.clock();
        let mut calls = Vec::new();
        for server in &mut self.servers {
            let mut output = Output::default();
            let question = Input::Admin(Ticket(1), AdminRequest::Call(String::new()));
            server.handle(now, question, &mut output);
            calls.extend(output.replies.into_iter().flat_map(|(_, reply)| match reply {
                AdminReply::Calls(calls) => calls,
                other => panic!("{other:?}"),
            }));
        }
        calls
    }

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
