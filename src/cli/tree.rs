//! `ratatosk tree …`

use std::io::Read;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::{fs, io};

use clap::{Args, Subcommand};

use super::failure::Failure;
use super::{load, output};
use crate::base::Uid;
use crate::io::store::canonical_number;
use crate::routing::{Direction, Facts, Mode, Outcome, Registered, Route, Who, format, nearest, text_of};

#[derive(Debug, Subcommand)]
pub(super) enum Tree {
    /// Tell everything that is wrong with trees.
    Check {
        /// The files.
        #[arg(required = true)]
        files: Vec<PathBuf>,
        /// For programs.
        #[arg(long)]
        json: bool,
    },
    /// Write trees in their one canonical form.
    Fmt {
        /// The files, which are changed; `-` reads standard input and writes standard output.
        #[arg(required = true)]
        files: Vec<PathBuf>,
        /// Change nothing; fail if something would change.
        #[arg(long)]
        check: bool,
    },
    /// Tell what a tree does with a call or page, and why.
    Explain(Explain),
}

#[derive(Debug, Args)]
pub(super) struct Explain {
    /// The tree.
    file: PathBuf,
    /// What is asked for: voice, video, text, page, …
    #[arg(long, default_value = "voice")]
    mode: String,
    /// Who asks: a UID, a number, or `anonymous`.
    #[arg(long, value_name = "UID", default_value = "anonymous")]
    from: String,
    /// Who is asked for: a UID or a number; matters to an outgoing tree.
    #[arg(long, value_name = "UID", default_value = "owner@localhost")]
    to: String,
    /// Ask the outgoing tree.
    #[arg(long)]
    outgoing: bool,
    /// No client of the owner is registered.
    #[arg(long)]
    offline: bool,
    /// What comes of a `try`: busy, no-answer, …; given again, what comes of the next.
    #[arg(long, value_name = "OUTCOME")]
    then: Vec<String>,
}

impl Tree {
    pub(super) fn run(self) -> Result<(), Failure> {
        match self {
            Self::Check { files, json } => check(&files, json),
            Self::Fmt { files, check } => fmt(&files, check),
            Self::Explain(explain) => explain.run(),
        }
    }
}

fn check(files: &[PathBuf], json: bool) -> Result<(), Failure> {
    let mut faults = Vec::new();
    for path in files {
        match load::compile(path) {
            Ok(_) if json => {}
            Ok(profile) => {
                output::line(format_args!("{}: \"{}\" is in order", path.display(), profile.name()));
            }
            Err(Failure::Trees(more)) => faults.extend(more),
            Err(other) => return Err(other),
        }
    }
    if json {
        output::json(&faults);
    }
    if faults.is_empty() { Ok(()) } else { Err(Failure::Trees(faults)) }
}

fn fmt(files: &[PathBuf], check: bool) -> Result<(), Failure> {
    let mut faults = Vec::new();
    let mut changed = 0;
    for path in files {
        let name = path.display().to_string();
        let is_stdin = name == "-";
        let source = read(path)?;
        let formatted = match text_of(&source).and_then(format) {
            Ok(formatted) => formatted,
            Err(found) => {
                faults.push(found.in_file(&name));
                continue;
            }
        };
        let is_canonical = formatted.as_bytes() == source;
        changed += usize::from(!is_canonical);
        if check {
            if !is_canonical {
                output::remark(format_args!("{name} would be written differently"));
            }
        } else if is_stdin {
            output::line(formatted.trim_end());
        } else if !is_canonical {
            fs::write(path, formatted).map_err(|source| Failure::Write { path: path.clone(), source })?;
            output::line(format_args!("{name} is written anew"));
        }
    }
    match (faults.is_empty(), check && changed > 0) {
        (false, _) => Err(Failure::Trees(faults)),
        (true, true) => Err(Failure::NotCanonical { count: changed }),
        (true, false) => Ok(()),
    }
}

fn read(path: &Path) -> Result<Vec<u8>, Failure> {
    let fail = |source| Failure::Read { path: path.into(), source };
    if path.as_os_str() != "-" {
        return fs::read(path).map_err(fail);
    }
    let mut text = Vec::new();
    io::stdin().lock().read_to_end(&mut text).map_err(fail)?;
    Ok(text)
}

impl Explain {
    fn run(self) -> Result<(), Failure> {
        let profile = Arc::new(load::compile(&self.file)?);
        let mode: Mode = word("mode", &self.mode, Mode::ALL.iter().map(|mode| mode.as_str()))?;
        let outcomes = self
            .then
            .iter()
            .map(|then| word("outcome", then, Outcome::ALL.iter().map(|outcome| outcome.as_str())))
            .collect::<Result<Vec<Outcome>, Failure>>()?;
        let parties = (who(&self.from)?, who(&self.to)?);
        let direction = if self.outgoing { Direction::Outgoing } else { Direction::Incoming };
        let registered = if self.offline { Registered::None } else { Registered::ThisMode };
        let facts = Facts { registered, ..Facts::default() };
        let mut route = Route::begin((&profile, &profile), direction, mode, parties, facts);
        for outcome in outcomes {
            if !route.follow(outcome) {
                break;
            }
        }
        output::line(route.path().trim_end());
        Ok(())
    }
}

/// A word of a closed list.
fn word<T: std::str::FromStr>(
    what: &'static str,
    word: &str,
    there: impl Iterator<Item = &'static str> + Clone,
) -> Result<T, Failure> {
    word.parse().map_err(|_| {
        let hint = match nearest(word, there.clone()) {
            Some(meant) => format!("did you mean `{meant}`?"),
            None => format!("there are {}", there.collect::<Vec<_>>().join(", ")),
        };
        Failure::Word { what, word: word.into(), hint }
    })
}

fn who(text: &str) -> Result<Who, Failure> {
    if text == "anonymous" {
        return Ok(Who::Anonymous);
    }
    if let (false, Some(number)) = (text.contains('@'), canonical_number(text)) {
        return Ok(Who::Number(number.into()));
    }
    Uid::parse(text).map(Who::User).map_err(|why| Failure::Uid { text: text.into(), why })
}
