//! Telling and asking the server that runs on a store.

use super::failure::Failure;
use super::load::Loaded;
use crate::base::Uid;
use crate::io::socket::{Answer, Client, Question, SocketError};

/// Asks the running server; `None` if none runs.
pub(super) fn ask(loaded: &Loaded, question: &Question) -> Result<Option<Answer>, Failure> {
    let Some(mut client) = Client::connect(&loaded.config.store.socket())? else { return Ok(None) };
    match client.ask(question)? {
        Answer::Refused(why) => Err(Failure::Refused(why)),
        answer @ (Answer::Registrations(_)
        | Answer::Calls(_)
        | Answer::Peers(_)
        | Answer::Figures(_)
        | Answer::Done(_)) => Ok(Some(answer)),
    }
}

/// Whether a server runs.
pub(super) fn is_running(loaded: &Loaded) -> Result<bool, Failure> {
    Ok(Client::connect(&loaded.config.store.socket())?.is_some())
}

/// Tells the running server, if there is one, that the store has changed these users. The change
/// itself is made: a server that cannot be told is worth a remark and no more.
pub(super) fn refresh(loaded: &Loaded, users: &[Uid]) {
    if users.is_empty() {
        return;
    }
    let question = Question::Refresh(users.iter().map(ToString::to_string).collect());
    match ask(loaded, &question) {
        Ok(_) => {}
        Err(failure) => loaded.desk.remark(format_args!(
            "warning: this is stored, but the running server does not know it yet: {failure}"
        )),
    }
}

/// The answer to a question was of another kind.
pub(super) fn foreign() -> Failure {
    Failure::Socket(SocketError::Foreign)
}
