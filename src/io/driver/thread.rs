//! One thread: a connection server and a user server in one loop.
//!
//! Everything runs to completion. A task that has received something gives it to the user server
//! ([`Thread::tell`]), perhaps a batch of it, and then has everything done that was asked for
//! ([`Thread::settle`]), before it waits again. All tasks of a thread share one [`Thread`]; none
//! holds a part of it while it waits.

use std::cell::{Cell, Ref, RefCell};
use std::collections::HashMap;
use std::rc::Rc;
use std::sync::Arc;

use tokio::sync::{Notify, oneshot};
use tokio::task::{spawn_local, yield_now};

use crate::base::{Now, Rng, ServerIndex};
use crate::config::Settings;
use crate::effect::admin::AdminReply;
use crate::effect::fact::Dropped;
use crate::effect::{Fact, Flow, Ticket};
use crate::io::dns::Dns;
use crate::io::driver::World;
use crate::io::hook::Hook;
use crate::io::metrics::{Snapshot, Tally};
use crate::io::net::certificates::Certificates;
use crate::io::net::outgoing::Asker;
use crate::io::net::quota::Quota;
use crate::io::net::reading::Shared;
use crate::io::net::stream::Stream;
use crate::io::net::table::Streams;
use crate::io::net::turns::Turns;
use crate::io::net::udp::Port;
use crate::server::{Home, Input, Output, UserServer, home};
use crate::sip::{Message, Name};

use super::alarm::Alarm;
use super::dial::Dials;
use super::inbox::Inbox;
use super::proof::Doubted;
use super::seat::Seat;

/// What the tasks of a thread share.
pub(super) struct Thread {
    pub(super) index: ServerIndex,
    settings: RefCell<Arc<Settings>>,
    pub(super) world: World,
    pub(super) inboxes: Arc<[Inbox]>,
    pub(super) quota: Arc<Quota>,
    pub(super) certificates: Arc<Certificates>,
    /// By listener; a TCP listener has none.
    pub(super) ports: Vec<Option<Rc<Port>>>,
    pub(super) streams: RefCell<Streams>,
    pub(super) shared: Shared,
    pub(super) turns: Turns,
    pub(super) dials: RefCell<Dials>,
    pub(super) doubted: RefCell<Doubted>,
    pub(super) dns: RefCell<Dns>,
    pub(super) hook: Hook,
    /// Streams that have something to write since the last flush.
    pub(super) written: RefCell<Vec<Rc<Stream>>>,
    /// Inputs that came of effects, for the next round.
    pub(super) returned: RefCell<Vec<Input>>,
    pub(super) unsent: RefCell<Vec<Asker>>,
    pub(super) operators: RefCell<HashMap<Ticket, oneshot::Sender<AdminReply>>>,
    pub(super) questions: Cell<u64>,
    pub(super) alarm: Alarm,
    pub(super) tally: Tally,
    core: RefCell<UserServer>,
    output: RefCell<Output>,
    again: Notify,
    pub(super) stop: Rc<Stop>,
}

/// How the tasks end the thread.
#[derive(Debug, Default)]
pub(super) struct Stop {
    pub(super) asked: Notify,
    pub(super) is_failure: Cell<bool>,
}

impl Thread {
    pub(super) fn new(seat: Seat, ports: Vec<Option<Rc<Port>>>) -> Self {
        let Seat { index, settings, certificates, world, inboxes, quota, seed } = seat;
        Self {
            index,
            core: RefCell::new(UserServer::new(Arc::clone(&settings), index, Rng::from_entropy(seed))),
            dns: RefCell::new(Dns::new(&settings.dns)),
            hook: Hook::default(),
            settings: RefCell::new(settings),
            world,
            inboxes,
            quota,
            certificates,
            ports,
            streams: RefCell::new(Streams::new(index)),
            shared: Shared::new(),
            turns: Turns::new(),
            dials: RefCell::default(),
            doubted: RefCell::default(),
            written: RefCell::default(),
            returned: RefCell::default(),
            unsent: RefCell::default(),
            operators: RefCell::default(),
            questions: Cell::new(0),
            alarm: Alarm::default(),
            tally: Tally::default(),
            output: RefCell::default(),
            again: Notify::new(),
            stop: Rc::default(),
        }
    }

    /// Starts a task of this thread. If it panics, the thread ends: the user server may have been
    /// left half-way, and nobody would ever know.
    pub(super) fn spawn(&self, task: impl Future<Output = ()> + 'static) {
        let watch = Watch(Rc::clone(&self.stop));
        spawn_local(async move {
            let _watch = watch;
            task.await;
        });
    }

    pub(super) fn settings(&self) -> Ref<'_, Settings> {
        Ref::map(self.settings.borrow(), |settings| &**settings)
    }

    /// Serves by these settings from now on.
    pub(super) fn configure(&self, settings: &Arc<Settings>) {
        self.quota.configure(&settings.limits);
        self.dials.borrow_mut().renew();
        if self.settings().dns != settings.dns {
            *self.dns.borrow_mut() = Dns::new(&settings.dns);
        }
        *self.settings.borrow_mut() = Arc::clone(settings);
    }

    pub(super) fn now(&self) -> Now {
        self.world.clock.now()
    }

    /// Gives the user server an input. What it asks for is done at the next [`Thread::settle`].
    pub(super) fn tell(&self, now: Now, input: Input) {
        self.core.borrow_mut().handle(now, input, &mut self.output.borrow_mut());
    }

    /// Takes a message to the user server that it belongs to, or offers it to each.
    pub(super) fn deliver(&self, now: Now, flow: Flow, message: Message) {
        match home(&self.settings(), flow, &message) {
            Home::Server(server) if server != self.index => {
                if let Some(inbox) = self.inboxes.get(usize::from(server.0)) {
                    self.hand_over(inbox, flow, message);
                }
            }
            Home::Every => {
                self.others().for_each(|inbox| self.hand_over(inbox, flow, message.clone()));
                self.tell(now, Input::Message { flow, message });
            }
            Home::Server(_) | Home::Any => self.tell(now, Input::Message { flow, message }),
        }
    }

    fn hand_over(&self, inbox: &Inbox, flow: Flow, message: Message) {
        // Strangers' streams wait instead: see `wait_as_stranger`.
        let is_too_much = flow.stream.is_none() && inbox.is_busy() && is_strangers(&message);
        if is_too_much || !inbox.hand_over(flow, message) {
            self.observe(&Fact::Dropped(Dropped::Overload));
        }
    }

    pub(super) fn observe(&self, fact: &Fact) {
        self.tally.note(fact);
        self.world.observer.observe(self.index, fact);
    }

    /// What this thread has counted and holds.
    pub(super) fn snapshot(&self) -> Snapshot {
        let queue = self.inboxes.get(usize::from(self.index.0)).map_or(0, Inbox::waiting);
        self.tally.snapshot(self.index, self.core.borrow().load(), queue)
    }

    /// Does everything that was asked for, and what is asked for because of it.
    pub(super) fn settle(self: &Rc<Self>, now: Now) {
        let mut output = Output::default();
        for _ in 0..ROUNDS {
            std::mem::swap(&mut output, &mut self.output.borrow_mut());
            self.perform(now, &mut output);
            let returned = self.returned.take();
            if returned.is_empty() {
                break;
            }
            for input in returned {
                self.tell(now, input);
            }
        }
        // The emptied vectors keep their room for the next time.
        let mut next = self.output.borrow_mut();
        if next.effects.is_empty() && next.peers.is_empty() && next.replies.is_empty() {
            *next = output;
        } else {
            self.again.notify_one();
        }
        drop(next);
        self.alarm.set(self.core.borrow().deadline());
        self.tally.turn(self.world.clock.at().since(now.at));
    }

    /// Goes on with what [`Thread::settle`] did not finish.
    pub(super) async fn go_on(self: Rc<Self>) {
        loop {
            self.again.notified().await;
            self.settle(self.now());
            yield_now().await;
        }
    }
}

/// Whether a message is a request of somebody who says nothing that could be checked.
fn is_strangers(message: &Message) -> bool {
    let proves = message.has(Name::Authorization) || message.has(Name::ProxyAuthorization);
    message.is_request() && message.to_tag().is_empty() && !proves
}

/// Ends the thread when the task that holds it panics.
struct Watch(Rc<Stop>);

impl Drop for Watch {
    fn drop(&mut self) {
        if std::thread::panicking() {
            self.0.is_failure.set(true);
            self.0.asked.notify_one();
        }
    }
}

/// Rounds of effects and their immediate outcomes that one input may set off before other tasks
/// get their turn. Two are usual; a loop would show here and starve nobody.
const ROUNDS: usize = 8;
