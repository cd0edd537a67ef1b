//! Doing what the user server asks for.

use std::rc::Rc;
use std::time::Duration;

use bytes::Bytes;

use crate::base::{Now, ServerIndex};
use crate::effect::dns::Question;
use crate::effect::fact::Dropped;
use crate::effect::{Effect, Fact, Flow, Outcome, Push, Pushed, StreamId, Ticket};
use crate::io::net::outgoing::{Asker, Outgoing};
use crate::io::net::table::thread_of;
use crate::server::{Input, Output};

use super::inbox::Word;
use super::thread::Thread;

impl Thread {
    /// Performs everything in `output` and leaves it empty. What comes of it at once is left in
    /// `returned`.
    pub(super) fn perform(self: &Rc<Self>, now: Now, output: &mut Output) {
        for effect in output.effects.drain(..) {
            self.perform_one(now, effect);
        }
        for envelope in output.peers.drain(..) {
            if envelope.to == self.index {
                self.returned.borrow_mut().push(Input::Peer(envelope));
            } else if let Some(inbox) = self.inboxes.get(usize::from(envelope.to.0)) {
                inbox.put(Word::Peer(envelope));
            }
        }
        for (ticket, reply) in output.replies.drain(..) {
            if let Some(operator) = self.operators.borrow_mut().remove(&ticket) {
                // Nobody listens any more: then nobody minds.
                let _ = operator.send(reply);
            }
        }
        self.flush(now);
    }

    fn perform_one(self: &Rc<Self>, now: Now, effect: Effect) {
        match effect {
            Effect::Send { flow, bytes, ticket } => {
                let asker = ticket.map(|ticket| Asker { server: self.index, ticket });
                if flow.stream.is_some_and(StreamId::is_any) {
                    self.send_anyhow(flow, bytes, asker);
                } else {
                    self.send(flow, bytes, asker);
                }
            }
            Effect::SendLong { flow, stream, datagram, ticket } => {
                let asker = Asker { server: self.index, ticket };
                let long = super::dial::Waiting::Long { flow, stream, datagram, asker };
                self.send_long(now.at, flow, long);
            }
            Effect::HearFrom { stream, within } => self.hear_from(stream, within),
            Effect::Store { ticket, op } => self.world.store.submit(self.index, ticket, op),
            Effect::Push { ticket, push } => self.push(ticket, *push),
            Effect::Resolve { ticket, question } => self.resolve(ticket, question),
            Effect::Fact(fact) => self.observe(&fact),
        }
    }

    /// Asks the DNS.
    fn resolve(self: &Rc<Self>, ticket: Ticket, question: Question) {
        let answer = self.dns.borrow().ask(question);
        let thread = Rc::clone(self);
        self.spawn(async move {
            let answer = answer.await;
            let now = thread.now();
            thread.tell(now, Input::Outcome(ticket, Outcome::Resolved(answer)));
            thread.settle(now);
        });
    }

    /// Has a phone woken.
    fn push(self: &Rc<Self>, ticket: Ticket, push: Push) {
        let hook = self.settings().push.clone();
        let thread = Rc::clone(self);
        self.spawn(async move {
            let pushed = match &hook {
                Some(hook) => thread.hook.push(hook, thread.certificates.of_hook(), &push).await,
                None => Pushed::Failed,
            };
            let now = thread.now();
            thread.tell(now, Input::Outcome(ticket, Outcome::Pushed(pushed)));
            thread.settle(now);
        });
    }

    /// Queues a message on its flow, for the next flush.
    pub(super) fn send(&self, flow: Flow, bytes: Bytes, asker: Option<Asker>) {
        self.tally.sent(&bytes);
        match flow.stream {
            None => self.send_datagram(flow, bytes, asker),
            Some(stream) if thread_of(stream) == self.index => self.send_on_stream(stream, bytes, asker),
            Some(stream) => match self.inboxes.get(usize::from(thread_of(stream).0)) {
                Some(inbox) => inbox.put(Word::Send(stream, bytes, asker)),
                None => self.unsent(asker),
            },
        }
    }

    fn send_datagram(&self, flow: Flow, bytes: Bytes, asker: Option<Asker>) {
        let Some(Some(port)) = self.ports.get(usize::from(flow.listener)) else {
            return self.unsent(asker);
        };
        let datagram = Outgoing { bytes, asker };
        if !port.push(flow.remote, datagram, &mut self.unsent.borrow_mut()) {
            self.observe(&Fact::Dropped(Dropped::Overload));
        }
    }

    pub(super) fn send_on_stream(&self, stream: StreamId, bytes: Bytes, asker: Option<Asker>) {
        let streams = self.streams.borrow();
        match streams.get(stream).filter(|stream| stream.ended().is_none()) {
            Some(stream) => {
                if stream.push(Outgoing { bytes, asker }) {
                    self.written.borrow_mut().push(stream.clone());
                }
            }
            None => self.unsent(asker),
        }
    }

    /// A far end that has promised to keep its stream alive is believed to be gone when it does not.
    pub(super) fn hear_from(&self, id: StreamId, within: Duration) {
        if thread_of(id) != self.index {
            if let Some(inbox) = self.inboxes.get(usize::from(thread_of(id).0)) {
                inbox.put(Word::HearFrom(id, within));
            }
        } else if let Some(stream) = self.streams.borrow().get(id) {
            stream.speaks_within(within);
        }
    }

    fn unsent(&self, asker: Option<Asker>) {
        self.unsent.borrow_mut().extend(asker);
    }

    /// Hands everything that is queued to the system.
    pub(super) fn flush(&self, now: Now) {
        for stream in self.written.borrow_mut().drain(..) {
            stream.flush(now.at);
        }
        let mut unsent = self.unsent.borrow_mut();
        for port in self.ports.iter().flatten() {
            port.flush(&mut unsent);
        }
        for asker in unsent.drain(..) {
            self.answer(asker, Outcome::Unsent);
        }
    }

    /// Tells a user server what came of its effect.
    pub(super) fn answer(&self, asker: Asker, outcome: Outcome) {
        let Asker { server, ticket } = asker;
        if server == self.index {
            self.returned.borrow_mut().push(Input::Outcome(ticket, outcome));
        } else if let Some(inbox) = self.inboxes.get(usize::from(server.0)) {
            inbox.put(Word::Outcomes(vec![(ticket, outcome)]));
        }
    }

    /// The inboxes of the other threads.
    pub(super) fn others(&self) -> impl Iterator<Item = &super::inbox::Inbox> {
        (0..)
            .zip(self.inboxes.iter())
            .filter_map(|(index, inbox)| (ServerIndex(index) != self.index).then_some(inbox))
    }
}
