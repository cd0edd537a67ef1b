//! The machine: one input in, its effects out.

use std::sync::Arc;

use crate::base::{At, Now, Rng, ServerIndex, Timers};
use crate::config::Settings;
use crate::effect::admin::AdminRequest;
use crate::effect::wake::PeerTimer;
use crate::effect::{Ctx, Wake};

use super::switchboard::{Census, Switchboard};
use super::words::{Input, Output};

/// The server of a slice of the users. Sans-I/O and deterministic: the same inputs, the same seed,
/// the same effects.
#[derive(Debug)]
pub struct UserServer {
    settings: Arc<Settings>,
    rng: Rng,
    timers: Timers<Wake>,
    tickets: u64,
    switchboard: Switchboard,
}

impl UserServer {
    /// An empty server, `index` of `settings.servers`.
    pub fn new(settings: Arc<Settings>, index: ServerIndex, mut rng: Rng) -> Self {
        let switchboard = Switchboard::new(&settings, index, rng.draw());
        let mut timers = Timers::default();
        for peer in switchboard.peers.owned() {
            // As soon as there is a clock, each is asked whether it is there.
            timers.arm(At::START, Wake::Peer(peer, PeerTimer::Probe));
        }
        if settings.push.is_some() {
            timers.arm(At::START, Wake::Renewals);
        }
        Self { settings, rng, timers, tickets: 0, switchboard }
    }

    /// Handles one input, and everything that time has brought since the last; what is to be done is
    /// added to `output`.
    pub fn handle(&mut self, now: Now, input: Input, output: &mut Output) {
        if let Input::Admin(_, AdminRequest::Configure(settings)) = &input {
            self.settings = Arc::clone(settings);
            self.switchboard.configure(settings);
        }
        self.timers.expire(now.at);
        let Output { effects, peers, replies } = output;
        let mut ctx =
            Ctx::new(now, &self.settings, &mut self.rng, &mut self.timers, effects, &mut self.tickets);
        while let Some(wake) = ctx.pop_due() {
            self.switchboard.on_wake(&mut ctx, wake);
            self.switchboard.run(&mut ctx, peers);
        }
        self.switchboard.on_input(&mut ctx, input, replies);
        self.switchboard.run(&mut ctx, peers);
    }

    /// When [`Input::Tick`] is wanted next, if at all.
    pub fn deadline(&self) -> Option<At> {
        self.timers.next_deadline()
    }

    /// What lives in this server now.
    pub fn census(&self) -> Census {
        let bindings = self.switchboard.users.present().iter().map(|user| user.bindings.len()).sum();
        Census { bindings, ..self.load() }
    }

    /// The same without the bindings, which have to be counted user by user.
    pub fn load(&self) -> Census {
        Census { timers: self.timers.len(), ..self.switchboard.census() }
    }
}
