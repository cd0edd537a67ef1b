//! Who may come in: whoever has a token.
//!
//! Implements: RFC 6750 §2.1, §3.

use std::sync::{Mutex, PoisonError};

use hyper::StatusCode;
use hyper::header::{AUTHORIZATION, WWW_AUTHENTICATE};
use hyper::http::request::Parts;

use crate::cli::failure::Failure;
use crate::cli::load::{Loaded, block_on};
use crate::io::http::problem::Problem;
use crate::io::http::words::Reply;
use crate::io::store::{Database, Known, Opening, Scope};

/// Longest token that is looked at, bytes.
const TOKEN_MAX: usize = 256;

/// The gate. It keeps a connection to the store, so that a wrong token costs little.
#[derive(Debug, Default)]
pub(super) struct Gate {
    database: Mutex<Option<Database>>,
}

impl Gate {
    /// The name of the token that a request shows, or the answer to whoever has none.
    pub(super) fn admit(&self, loaded: &Loaded, head: &Parts, is_metrics: bool) -> Result<String, Reply> {
        let given = head.headers.get(AUTHORIZATION).and_then(|value| value.to_str().ok());
        let bearer = given.and_then(|given| given.split_once(' '));
        let token = match bearer {
            Some((scheme, token)) if scheme.eq_ignore_ascii_case("bearer") => Some(token.trim()),
            Some(_) | None => None,
        };
        let known = self.who_has(loaded, token.filter(|token| token.len() <= TOKEN_MAX));
        match known {
            Ok(Known::By(_, Scope::Metrics)) if !is_metrics => {
                let words = "this token reads /metrics, and nothing else\n`ratatosk token add NAME` makes one for the rest";
                Err(Problem::new(StatusCode::FORBIDDEN, words).reply())
            }
            Ok(Known::By(name, Scope::All | Scope::Metrics)) => Ok(name),
            Ok(Known::NoTokens) => Err(refusal(
                loaded,
                "nobody may use this API yet\n`ratatosk token add NAME`, where the server runs, makes a token",
                false,
            )),
            Ok(Known::Nobody) if token.is_some() => Err(refusal(
                loaded,
                "this token lets nobody in\n`ratatosk token list` shows which there are",
                true,
            )),
            Ok(Known::Nobody) => {
                Err(refusal(loaded, "this needs a token\nsend it as `Authorization: Bearer TOKEN`", false))
            }
            Err(failure) => {
                tracing::error!(%failure, "the HTTP API cannot look at its tokens");
                let words = "nobody can be let in now: the event log says why";
                Err(Problem::new(StatusCode::SERVICE_UNAVAILABLE, words).reply())
            }
        }
    }

    fn who_has(&self, loaded: &Loaded, token: Option<&str>) -> Result<Known, Failure> {
        let mut kept = self.database.lock().unwrap_or_else(PoisonError::into_inner);
        block_on(async {
            // After an error it is opened anew.
            let mut database = match kept.take() {
                Some(database) => database,
                None => loaded.database(Opening::Existing).await?,
            };
            let known = database.who_has(token.unwrap_or_default()).await?;
            *kept = Some(database);
            Ok(known)
        })
    }
}

fn refusal(loaded: &Loaded, words: &str, is_wrong: bool) -> Reply {
    let realm = &loaded.config.cid;
    let error = if is_wrong { ", error=\"invalid_token\"" } else { "" };
    let challenge = format!("Bearer realm=\"{realm}\"{error}");
    Problem::new(StatusCode::UNAUTHORIZED, words).reply().with(WWW_AUTHENTICATE, &challenge)
}
