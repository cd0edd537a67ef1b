//! Where a command is given, and where its answer goes: a terminal, or a request to the HTTP API.
//!
//! A command reads the files that its arguments name by its desk and says everything to it, so that it
//! knows nothing of who asked. What a request names are the texts that came with it, never files of
//! this machine.

use std::collections::BTreeMap;
use std::fmt::Display;
use std::io::{self, Read};
use std::path::Path;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::{fs, mem};

use serde::Serialize;
use serde_json::Value;

use super::failure::Failure;
use super::output;

/// Bytes of a text that a command reads at most: a list of a million users has sixty million.
const READ_MAX: u64 = 256 * 1024 * 1024;

/// The name of a text that came without one: at a terminal, standard input.
pub(super) const UNNAMED: &str = "-";

/// Where a command is given.
#[derive(Debug, Clone)]
pub(super) enum Desk {
    /// By a person or a script.
    Terminal,
    /// By a request.
    Request(Arc<Request>),
}

/// What came with a request, and what has been said to it.
#[derive(Debug, Default)]
pub(super) struct Request {
    texts: BTreeMap<String, String>,
    said: Mutex<Said>,
    listener: Option<Listener>,
}

/// What a command said.
#[derive(Debug, Default)]
pub(super) struct Said {
    /// What it read or did, for people.
    pub(super) lines: Vec<String>,
    /// What has to be known besides.
    pub(super) remarks: Vec<String>,
    /// What it found, for programs.
    pub(super) value: Option<Value>,
    /// What tells the version of the text that it speaks of from every other.
    pub(super) tag: Option<String>,
}

/// Hears how far a long command is, and says whether anybody still wants it.
struct Listener(Box<dyn Fn(Value) -> bool + Send + Sync>);

impl std::fmt::Debug for Listener {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Listener")
    }
}

impl Request {
    /// One that brings these texts.
    pub(super) fn bringing(texts: BTreeMap<String, String>) -> Self {
        Self { texts, ..Self::default() }
    }

    /// Who hears how far it is.
    pub(super) fn heard_by(self, listener: impl Fn(Value) -> bool + Send + Sync + 'static) -> Self {
        Self { listener: Some(Listener(Box::new(listener))), ..self }
    }

    /// Takes what has been said.
    pub(super) fn said(&self) -> Said {
        mem::take(&mut self.saying())
    }

    fn saying(&self) -> MutexGuard<'_, Said> {
        self.said.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Desk {
    /// A line for people, or for programs that read lines.
    pub(super) fn line(&self, text: impl Display) {
        match self {
            Self::Terminal => output::line(text),
            Self::Request(request) => request.saying().lines.push(text.to_string()),
        }
    }

    /// A remark beside the result.
    pub(super) fn remark(&self, text: impl Display) {
        match self {
            Self::Terminal => output::remark(text),
            Self::Request(request) => request.saying().remarks.push(text.to_string()),
        }
    }

    /// What programs read: one JSON value.
    pub(super) fn json<T: Serialize + ?Sized>(&self, value: &T) {
        match self {
            Self::Terminal => output::json(value),
            Self::Request(request) => request.saying().value = serde_json::to_value(value).ok(),
        }
    }

    /// What a command has found that does not do what it was asked for.
    pub(super) fn evidence<T: Serialize>(&self, value: &T) {
        if !self.is_terminal() {
            self.json(value);
        }
    }

    /// What people read: a table, or a sentence if it would be empty.
    pub(super) fn table(&self, headings: &[&str], rows: Vec<Vec<String>>, empty: &str) {
        match self {
            Self::Terminal => output::table(headings, rows, empty),
            // Programs are told by `json`.
            Self::Request(_) => self.line(empty),
        }
    }

    /// The tag of the text that is shown or stored.
    pub(super) fn tag(&self, tag: String) {
        if let Self::Request(request) = self {
            request.saying().tag = Some(tag);
        }
    }

    /// How far a long command is. False once nobody waits for its end.
    pub(super) fn progress<T: Serialize + ?Sized>(&self, value: &T) -> bool {
        let Self::Request(request) = self else { return true };
        match (&request.listener, serde_json::to_value(value)) {
            (Some(Listener(listener)), Ok(value)) => listener(value),
            _ => true,
        }
    }

    /// Whether there is a text of this name.
    pub(super) fn holds(&self, path: &Path) -> bool {
        match self {
            Self::Terminal => path.exists(),
            Self::Request(request) => request.text(path).is_some(),
        }
    }

    /// Reads a text that an argument names.
    pub(super) fn read(&self, path: &Path) -> Result<Vec<u8>, Failure> {
        let fail = |source| Failure::Read { path: path.into(), source };
        match self {
            Self::Terminal if path.as_os_str() == UNNAMED => whole(io::stdin().lock()).map_err(fail),
            Self::Terminal => fs::File::open(path).and_then(whole).map_err(fail),
            Self::Request(request) => match request.text(path) {
                Some(text) => Ok(text.as_bytes().to_vec()),
                None => Err(Failure::NotBrought(path.into())),
            },
        }
    }

    /// Writes a text in place of the one that an argument names.
    pub(super) fn write(&self, path: &Path, text: &str) -> Result<(), Failure> {
        match self {
            Self::Terminal => {
                fs::write(path, text).map_err(|source| Failure::Write { path: path.into(), source })
            }
            Self::Request(_) => Err(Failure::NotBrought(path.into())),
        }
    }

    /// Whether somebody can be asked for more.
    pub(super) fn is_terminal(&self) -> bool {
        matches!(self, Self::Terminal)
    }
}

impl Request {
    fn text(&self, path: &Path) -> Option<&String> {
        self.texts.get(path.to_str()?)
    }
}

/// Reads to the end, which has to come.
fn whole(text: impl Read) -> io::Result<Vec<u8>> {
    let mut bytes = Vec::new();
    text.take(READ_MAX).read_to_end(&mut bytes)?;
    if u64::try_from(bytes.len()).is_ok_and(|length| length < READ_MAX) {
        return Ok(bytes);
    }
    Err(io::Error::other(format!("it has {READ_MAX} bytes or more")))
}
