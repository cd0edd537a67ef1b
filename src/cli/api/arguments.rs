//! From a request to a command line that is performed.

use std::sync::Arc;

use hyper::StatusCode;

use super::asking::Asking;
use super::fields::Declared;
use super::routes::{Does, Route};
use super::trouble::Trouble;
use crate::cli::desk::{Desk, Request, Said};
use crate::cli::load::Loaded;
use crate::cli::program;
use crate::io::http::words::Progress;

/// Performs the command of a route; what it said.
pub(super) fn perform(
    loaded: &Loaded,
    route: &Route,
    asking: Asking,
    progress: Progress,
) -> Result<Said, Trouble> {
    let (Does::Command(words), Some(declared)) = (route.does, Declared::of(route)) else {
        return Err(Trouble::plain(StatusCode::NOT_FOUND, "there is nothing here"));
    };
    let mut line: Vec<String> = ["ratatosk"].into_iter().chain(words.split(' ')).map(str::to_owned).collect();
    line.extend(declared.has_json.then(|| "--json".to_owned()));
    line.extend(asking.arguments(&declared.fields)?);
    let request = Arc::new(Request::bringing(asking.texts).heard_by(progress));
    let at_desk = loaded.at(Desk::Request(Arc::clone(&request)));
    let done = program::perform_for(&at_desk, line);
    let said = request.said();
    match done {
        Ok(()) => Ok(said),
        // What was looked for was found: only a shell needs to be told by a status.
        Err(failure) if declared.has_json && said.value.is_some() && failure.is_finding() => Ok(said),
        Err(failure) => Err(Trouble::of(&failure, said)),
    }
}
