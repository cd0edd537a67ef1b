//! One thread: a connection server and a user server in one loop.
//!
//! Everything runs to completion. A task that has received something gives it to the user server
//! ([`Thread::tell`]), perhaps a batch of it, and then has everything done that was asked for
//! ([`Thread::settle`]), before it waits again. All tasks of a thread share one [`Thread`]; none
//! holds a part of it while it waits.

use std::cell::{Cell, RefCell};
use std::collections::HashMap;
use std::rc::Rc;
use std::sync::Arc;
use std::time::Duration;

use tokio::sync::{Notify, oneshot};
use tokio::task::{LocalSet, spawn_local, yield_now};

use crate::base::{At, Now, Rng, ServerIndex};
use crate::config::Settings;
use crate::effect::admin::AdminReply;
use crate::effect::fact::Dropped;
use crate::effect::{Fact, Flow, Ticket};
use crate::io::driver::World;
use crate::io::net::batch::BATCH;
use crate::io::net::listen::{Listening, Sockets};
use crate::io::net::outgoing::Asker;
use crate::io::net::quota::Quota;
use crate::io::net::stream::{Shared, Stream};
use crate::io::net::table::Streams;
use crate::io::net::udp::Port;
use crate::server::{Home, Input, Output, UserServer, home};
use crate::sip::Message;

use super::dial::Dials;
use super::inbox::{Inbox, Mailbox, Word};

/// What a thread is given to start with.
pub(super) struct Seat {
    pub(super) index: ServerIndex,
    pub(super) settings: Arc<Settings>,
    pub(super) world: World,
    pub(super) sockets: Sockets,
    pub(super) inboxes: Arc<[Inbox]>,
    pub(super) mailbox: Mailbox,
    pub(super) quota: Arc<Quota>,
    pub(super) seed: [u8; 32],
}

/// What the tasks of a thread share.
pub(super) struct Thread {
    pub(super) index: ServerIndex,
    pub(super) settings: Arc<Settings>,
    pub(super) world: World,
    pub(super) inboxes: Arc<[Inbox]>,
    pub(super) quota: Arc<Quota>,
    /// By listener; a TCP listener has none.
    pub(super) ports: Vec<Option<Rc<Port>>>,
    pub(super) streams: RefCell<Streams>,
    pub(super) shared: Shared,
    pub(super) dials: RefCell<Dials>,
    /// Streams that have something to write since the last flush.
    pub(super) written: RefCell<Vec<Rc<Stream>>>,
    /// Inputs that came of effects, for the next round.
    pub(super) returned: RefCell<Vec<Input>>,
    pub(super) unsent: RefCell<Vec<Asker>>,
    pub(super) operators: RefCell<HashMap<Ticket, oneshot::Sender<AdminReply>>>,
    core: RefCell<UserServer>,
    output: RefCell<Output>,
    questions: Cell<u64>,
    /// When the alarm rings.
    alarm: Cell<Option<At>>,
    earlier: Notify,
    again: Notify,
    stop: Rc<Stop>,
}

/// How the tasks end the thread.
#[derive(Debug, Default)]
struct Stop {
    asked: Notify,
    is_failure: Cell<bool>,
}

impl Seat {
    /// Runs the thread to its end; tells whether it ended well.
    pub(super) fn run(self) -> std::io::Result<bool> {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
        LocalSet::new().block_on(&runtime, async {
            let mut tcp = Vec::new();
            let mut ports = Vec::new();
            for (listener, socket) in (0..).zip(self.sockets) {
                match socket {
                    Listening::Udp(socket) => ports.push(Some(Rc::new(Port::new(socket)?))),
                    Listening::Tcp(socket) => {
                        ports.push(None);
                        tcp.push((listener, tokio::net::TcpListener::from_std(socket)?));
                    }
                }
            }
            let stop = Rc::<Stop>::default();
            let core = UserServer::new(Arc::clone(&self.settings), self.index, Rng::from_entropy(self.seed));
            let thread = Rc::new(Thread {
                index: self.index,
                settings: self.settings,
                world: self.world,
                inboxes: self.inboxes,
                quota: self.quota,
                ports,
                streams: RefCell::new(Streams::new(self.index)),
                shared: Shared::new(),
                dials: RefCell::default(),
                written: RefCell::default(),
                returned: RefCell::default(),
                unsent: RefCell::default(),
                operators: RefCell::default(),
                core: RefCell::new(core),
                output: RefCell::default(),
                questions: Cell::new(0),
                alarm: Cell::new(None),
                earlier: Notify::new(),
                again: Notify::new(),
                stop: Rc::clone(&stop),
            });
            thread.start(self.mailbox, tcp);
            stop.asked.notified().await;
            Ok(!stop.is_failure.get())
        })
    }
}

impl Thread {
    fn start(self: &Rc<Self>, mailbox: Mailbox, tcp: Vec<(u8, tokio::net::TcpListener)>) {
        self.settle(self.now());
        for (listener, port) in (0..).zip(&self.ports) {
            let Some(port) = port else { continue };
            self.spawn(Rc::clone(self).receive_datagrams(listener, Rc::clone(port)));
            self.spawn(Rc::clone(self).send_backlog(Rc::clone(port)));
        }
        for (listener, socket) in tcp {
            self.spawn(Rc::clone(self).accept(listener, socket));
        }
        self.spawn(Rc::clone(self).read_mail(mailbox));
        self.spawn(Rc::clone(self).keep_time());
        self.spawn(Rc::clone(self).go_on());
        self.spawn(Rc::clone(self).check_streams());
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

    pub(super) fn now(&self) -> Now {
        self.world.clock.now()
    }

    /// Gives the user server an input. What it asks for is done at the next [`Thread::settle`].
    pub(super) fn tell(&self, now: Now, input: Input) {
        self.core.borrow_mut().handle(now, input, &mut self.output.borrow_mut());
    }

    /// Takes a message to the user server that it belongs to.
    pub(super) fn deliver(&self, now: Now, flow: Flow, message: Message) {
        if let Home::Server(server) = home(&self.settings, &message)
            && server != self.index
            && let Some(inbox) = self.inboxes.get(usize::from(server.0))
        {
            if !inbox.hand_over(flow, message) {
                self.observe(&Fact::Dropped(Dropped::Overload));
            }
        } else {
            self.tell(now, Input::Message { flow, message });
        }
    }

    pub(super) fn observe(&self, fact: &Fact) {
        self.world.observer.observe(self.index, fact);
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
        self.set_alarm();
    }

    /// Has the alarm ring when the user server next wants to be told the time. An alarm that is
    /// too early is left alone: it costs one idle tick, and nearly every timer is disarmed before
    /// it fires.
    fn set_alarm(&self) {
        let Some(deadline) = self.core.borrow().deadline() else { return };
        if self.alarm.get().is_none_or(|alarm| deadline < alarm) {
            self.alarm.set(Some(deadline));
            self.earlier.notify_one();
        }
    }

    async fn keep_time(self: Rc<Self>) {
        loop {
            let Some(alarm) = self.alarm.get() else {
                self.earlier.notified().await;
                continue;
            };
            let alarm = tokio::time::Instant::from_std(self.world.clock.instant(alarm));
            tokio::select! {
                () = tokio::time::sleep_until(alarm) => {
                    self.alarm.set(None);
                    let now = self.now();
                    self.tell(now, Input::Tick);
                    self.settle(now);
                    // Whatever the next deadline is, the others have their turn first.
                    yield_now().await;
                }
                () = self.earlier.notified() => {}
            }
        }
    }

    /// Goes on with what [`Thread::settle`] did not finish.
    async fn go_on(self: Rc<Self>) {
        loop {
            self.again.notified().await;
            self.settle(self.now());
            yield_now().await;
        }
    }

    async fn check_streams(self: Rc<Self>) {
        loop {
            tokio::time::sleep(CHECK_EVERY).await;
            let now = self.now();
            for stream in self.streams.borrow().iter() {
                stream.check(now.at, &self.settings.limits);
            }
        }
    }

    async fn read_mail(self: Rc<Self>, mut mailbox: Mailbox) {
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
            Word::Closed(stream) => self.tell(now, Input::Closed(stream)),
            Word::Outcomes(outcomes) => {
                for (ticket, outcome) in outcomes {
                    self.tell(now, Input::Outcome(ticket, outcome));
                }
            }
            Word::Peer(envelope) => self.tell(now, Input::Peer(envelope)),
            Word::Send(stream, bytes, asker) => self.send_on_stream(stream, bytes, asker),
            Word::Admin(request, reply) => {
                let ticket = Ticket(self.questions.get());
                self.questions.set(ticket.0 + 1);
                self.operators.borrow_mut().insert(ticket, reply);
                self.tell(now, Input::Admin(ticket, request));
            }
            Word::Stop => self.stop.asked.notify_one(),
        }
    }
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
/// How often the streams are looked over for those that keep us waiting.
const CHECK_EVERY: Duration = Duration::from_secs(5);
