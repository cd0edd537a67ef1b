//! The machine.

use std::sync::Arc;

use crate::base::{At, Now, Rng, ServerIndex};
use crate::config::Settings;

use super::words::{Input, Output};

/// The server of a slice of the users. Sans-I/O and deterministic.
#[derive(Debug)]
pub struct UserServer {
    settings: Arc<Settings>,
    index: ServerIndex,
    rng: Rng,
}

impl UserServer {
    /// An empty server, `index` of `settings.servers`.
    pub fn new(settings: Arc<Settings>, index: ServerIndex, rng: Rng) -> Self {
        Self { settings, index, rng }
    }

    /// Handles one input; what is to be done is added to `output`.
    pub fn handle(&mut self, now: Now, input: Input, output: &mut Output) {
        let _ = (now, input, output, &mut self.rng, &self.settings, self.index);
    }

    /// When [`Input::Tick`] is wanted next, if at all.
    pub fn deadline(&self) -> Option<At> {
        None
    }
}
