//! Reading what other threads, the store and the operators have left.

use std::rc::Rc;

use tokio::task::yield_now;

use crate::base::Now;
use crate::effect::Ticket;
use crate::effect::admin::AdminRequest;
use crate::io::net::batch::BATCH;
use crate::server::Input;

use super::inbox::{Mailbox, Word};
use super::thread::Thread;

impl Thread {
    pub(super) async fn read_mail(self: Rc<Self>, mut mailbox: Mailbox) {
        let mut words = Vec::with_capacity(BATCH);
        while mailbox.take(&mut words, BATCH).await {
            let now = self.now();
            for word in words.drain(..) {
                self.on_word(now, word);
            }
            self.settle(now);
            yield_now().await;
        }
    }

    fn on_word(&self, now: Now, word: Word) {
        match word {
            Word::Message(flow, message) => self.tell(now, Input::Message { flow, message }),
            Word::Proved(flow, domains) => self.tell(now, Input::Proved(flow, domains)),
            Word::Closed(stream) => self.tell(now, Input::Closed(stream)),
            Word::Outcomes(outcomes) => {
                for (ticket, outcome) in outcomes {
                    self.tell(now, Input::Outcome(ticket, outcome));
                }
            }
            Word::Peer(envelope) => self.tell(now, Input::Peer(envelope)),
            Word::HearFrom(stream, within) => self.hear_from(stream, within),
            Word::Send(stream, bytes, asker) => self.send_on_stream(stream, bytes, asker),
            Word::Admin(request, reply) => {
                if let AdminRequest::Configure(settings) = &request {
                    self.configure(settings);
                }
                let ticket = Ticket(self.questions.get());
                self.questions.set(ticket.0 + 1);
                self.operators.borrow_mut().insert(ticket, reply);
                self.tell(now, Input::Admin(ticket, request));
            }
            Word::Figures(reply) => {
                // Nobody listens any more: then nobody minds.
                let _ = reply.send(self.snapshot());
            }
            Word::Stop => self.stop.asked.notify_one(),
        }
    }
}
