//! What goes wrong with a request, as an answer.

use clap::error::Error as LineError;
use hyper::StatusCode;
use serde_json::json;

use super::asking::Unclear;
use crate::cli::desk::Said;
use crate::cli::failure::Failure;
use crate::cli::program::Unperformed;
use crate::io::http::problem::Problem;
use crate::io::store::{Refusal, StoreError};

/// What goes wrong.
#[derive(Debug)]
pub(super) struct Trouble(pub(super) Problem);

impl Trouble {
    /// In these words.
    pub(super) fn plain(status: StatusCode, words: &str) -> Self {
        Self(Problem::new(status, words))
    }

    /// A command was not performed; what it said before.
    pub(super) fn of(failure: &Unperformed, said: Said) -> Self {
        let mut problem = match failure {
            Unperformed::Line(error) => Problem::new(StatusCode::BAD_REQUEST, &line_fault(error)),
            Unperformed::Failed(failure) => Problem::new(status(failure), &failure.to_string()),
        };
        if let Unperformed::Failed(Failure::Trees(files)) = failure {
            problem = problem.with("diagnostics", json!(files));
        }
        if let Some(value) = said.value {
            problem = problem.with("found", value);
        }
        if !said.remarks.is_empty() {
            problem = problem.with("remarks", json!(said.remarks));
        }
        Self(problem)
    }
}

impl From<Unclear> for Trouble {
    fn from(unclear: Unclear) -> Self {
        Self::plain(StatusCode::BAD_REQUEST, &unclear.to_string())
    }
}

/// What is wrong with a command line, without how one is typed.
fn line_fault(error: &LineError) -> String {
    let told = error.render().to_string();
    let told = told.split("\n\nUsage").next().unwrap_or_default();
    let told = told.split("\n\nFor more").next().unwrap_or_default();
    let lines = told.trim_start_matches("error: ").lines().filter(|line| !line.trim().is_empty());
    lines.collect::<Vec<_>>().join("\n")
}

/// Whose fault it is, and of which kind.
fn status(failure: &Failure) -> StatusCode {
    match failure {
        Failure::Store(error) => of_store(error),
        Failure::NoCall(_) => StatusCode::NOT_FOUND,
        Failure::Replay { .. } | Failure::ManyCalls { .. } => StatusCode::CONFLICT,
        Failure::Trees(_)
        | Failure::Json { .. }
        | Failure::Import { .. }
        | Failure::Incomparable { .. }
        | Failure::Refused(_) => StatusCode::UNPROCESSABLE_ENTITY,
        Failure::NotRunning { .. } => StatusCode::SERVICE_UNAVAILABLE,
        Failure::Config(_)
        | Failure::Read { .. }
        | Failure::Emptied { .. }
        | Failure::Write { .. }
        | Failure::Unsaid(_)
        | Failure::NoDefault { .. }
        | Failure::TwoProfiles { .. }
        | Failure::Open(_)
        | Failure::Http(_)
        | Failure::Certificate(_)
        | Failure::DemoOpen(_)
        | Failure::DemoHttp(_)
        | Failure::Start(_)
        | Failure::Ended(_)
        | Failure::Socket(_)
        | Failure::System { .. } => StatusCode::INTERNAL_SERVER_ERROR,
        Failure::OnlyHere
        | Failure::NotBrought(_)
        | Failure::Uid { .. }
        | Failure::OtherCluster { .. }
        | Failure::Contact { .. }
        | Failure::Device(_)
        | Failure::Number(_)
        | Failure::NoPassword
        | Failure::PasswordsDiffer
        | Failure::NothingToChange
        | Failure::Property(_)
        | Failure::Moment(_)
        | Failure::Stranger
        | Failure::Since(_)
        | Failure::Gone
        | Failure::Differ { .. }
        | Failure::NotCanonical { .. }
        | Failure::Word { .. } => StatusCode::BAD_REQUEST,
    }
}

fn of_store(error: &StoreError) -> StatusCode {
    match error {
        StoreError::NoUser(_) | StoreError::NoUserBut { .. } | StoreError::NoProfile { .. } => {
            StatusCode::NOT_FOUND
        }
        StoreError::UserExists(_) | StoreError::NumberTaken { .. } => StatusCode::CONFLICT,
        StoreError::Busy => StatusCode::SERVICE_UNAVAILABLE,
        StoreError::Full => StatusCode::INSUFFICIENT_STORAGE,
        StoreError::Refused(refusal) => of_refusal(refusal),
        StoreError::Missing { .. }
        | StoreError::Directory { .. }
        | StoreError::Open { .. }
        | StoreError::Newer { .. }
        | StoreError::Migrate { .. }
        | StoreError::OtherCluster { .. }
        | StoreError::Seal(_)
        | StoreError::WrongKey { .. }
        | StoreError::NoKey { .. }
        | StoreError::KeyIsThere { .. }
        | StoreError::InUse { .. }
        | StoreError::Older { .. }
        | StoreError::Lock { .. }
        | StoreError::Thread(_)
        | StoreError::Unfinished
        | StoreError::Unsealable(_)
        | StoreError::Sql(_) => StatusCode::INTERNAL_SERVER_ERROR,
    }
}

fn of_refusal(refusal: &Refusal) -> StatusCode {
    match refusal {
        Refusal::NoSuchUser { .. }
        | Refusal::NoContact { .. }
        | Refusal::NotInGroup { .. }
        | Refusal::NotBlocked { .. }
        | Refusal::NoGroup { .. }
        | Refusal::GroupNotIn { .. }
        | Refusal::NoStock { .. }
        | Refusal::NoDevice { .. }
        | Refusal::NoToken { .. }
        | Refusal::NoPage { .. } => StatusCode::NOT_FOUND,
        Refusal::GroupExists { .. }
        | Refusal::GroupOfAll(_)
        | Refusal::GroupCircle { .. }
        | Refusal::DeviceExists { .. }
        | Refusal::InstanceTaken { .. }
        | Refusal::TokenExists(_)
        | Refusal::TooMany { .. } => StatusCode::CONFLICT,
        Refusal::Changed { .. } => StatusCode::PRECONDITION_FAILED,
        Refusal::Name { .. }
        | Refusal::Text { .. }
        | Refusal::ShownName { .. }
        | Refusal::TooManyNumbers { .. } => StatusCode::BAD_REQUEST,
    }
}
