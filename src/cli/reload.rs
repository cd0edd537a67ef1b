//! `ratatosk reload`

use super::failure::Failure;
use super::load::Loaded;
use super::{live, output};
use crate::io::socket::{Answer, Question};

pub(super) fn run(loaded: &Loaded) -> Result<(), Failure> {
    match live::ask(loaded, &Question::Reload)? {
        Some(Answer::Done(done)) => {
            output::line(done);
            Ok(())
        }
        Some(_) => Err(live::foreign()),
        None => Err(Failure::NotRunning { database: loaded.config.store.database.clone() }),
    }
}
