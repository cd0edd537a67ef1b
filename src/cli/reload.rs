//! `ratatosk reload`

use super::failure::Failure;
use super::live;
use super::load::Loaded;
use crate::io::socket::{Answer, Question};

pub(super) fn run(loaded: &Loaded) -> Result<(), Failure> {
    match live::ask(loaded, &Question::Reload)? {
        Some(Answer::Done(done)) => {
            loaded.desk.line(done);
            Ok(())
        }
        Some(_) => Err(live::foreign()),
        None => Err(Failure::NotRunning { database: loaded.config.store.database.clone() }),
    }
}
