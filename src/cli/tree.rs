//! `ratatosk tree …`

use std::path::{Path, PathBuf};

use clap::Subcommand;

use super::desk::{Desk, UNNAMED};
use super::diff::Diff;
use super::draw::Draw;
use super::explain::Explain;
use super::failure::Failure;
use super::import_cpl::ImportCpl;
use super::load::{self, Loaded};
use super::loops::Loops;
use super::replay::Replay;
use crate::routing::{Faults, JsonFault, Profile, followed_until, format, from_json, text_of, to_json};

#[derive(Debug, Subcommand)]
pub(super) enum Tree {
    /// Tell everything that is wrong with trees.
    Check {
        /// The files.
        #[arg(required = true)]
        files: Vec<PathBuf>,
        /// For this user: his groups and devices have to be there, and no way may lead back to him.
        #[arg(long, value_name = "UID")]
        user: Option<String>,
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
    /// Tell for exactly which requests two trees differ; fail if there are any.
    Diff(Diff),
    /// Tell what a tree does with a call or page, and why.
    Explain(Explain),
    /// Draw a tree.
    Draw(Draw),
    /// List the rules of all users that lead in a circle, from user to user and back.
    Loops(Loops),
    /// Write trees as JSON, for programs; or, with `--text`, JSON as trees.
    Json {
        /// The file; `-` reads standard input.
        file: PathBuf,
        /// It is JSON, and is written as text.
        #[arg(long)]
        text: bool,
    },
    /// Write the tree that does what a CPL script (RFC 3880) does.
    ImportCpl(ImportCpl),
    /// Try a tree on what was asked of a user's trees before: tell every call and page that it would route
    /// differently; fail if there are any.
    Replay(Replay),
}

impl Tree {
    /// Runs the command; the configuration is read only where it says something.
    pub(super) fn run(
        self,
        desk: &Desk,
        load: impl FnOnce() -> Result<Loaded, Failure>,
    ) -> Result<(), Failure> {
        match self {
            Self::Check { files, user: None, json } => {
                check(desk, &files, json, |path| load::compile(desk, path))
            }
            Self::Check { files, user: Some(user), json } => {
                let loaded = load()?;
                let uid = loaded.uid(&user)?;
                let names = loaded.names(&uid)?;
                check(desk, &files, json, |path| loaded.compile_for(&uid, &names, path))
            }
            Self::Fmt { files, check } => fmt(desk, &files, check),
            Self::Diff(diff) => diff.run(&load()?),
            Self::Loops(loops) => loops.run(&load()?),
            Self::Json { file, text } => json(desk, &file, text),
            Self::ImportCpl(import) => import.run(&load()?),
            Self::Replay(replay) => replay.run(&load()?),
            Self::Draw(draw) => draw.run(&load()?),
            Self::Explain(explain) => explain.run(&load()?),
        }
    }
}

fn check(
    desk: &Desk,
    files: &[PathBuf],
    json: bool,
    compile: impl Fn(&Path) -> Result<Profile, Failure>,
) -> Result<(), Failure> {
    let mut faults = Vec::new();
    for path in files {
        match compile(path) {
            Ok(_) if json => {}
            Ok(profile) => {
                desk.line(format_args!("{}: \"{}\" is in order", path.display(), profile.name()));
                if let Some(year) = followed_until(&[&profile]) {
                    desk.line(format_args!(
                        "  up to {year}: what comes at an INTERVAL is followed no further"
                    ));
                }
            }
            Err(Failure::Trees(more)) => faults.extend(more),
            Err(other) => return Err(other),
        }
    }
    if json {
        desk.json(&faults);
    }
    if faults.is_empty() { Ok(()) } else { Err(Failure::Trees(faults)) }
}

fn fmt(desk: &Desk, files: &[PathBuf], check: bool) -> Result<(), Failure> {
    let mut faults = Vec::new();
    let mut changed = 0;
    for path in files {
        let name = path.display().to_string();
        let is_unnamed = name == UNNAMED;
        let source = desk.read(path)?;
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
                desk.remark(format_args!("{name} would be written differently"));
            }
        } else if is_unnamed {
            desk.line(formatted.trim_end());
        } else if !is_canonical {
            desk.write(path, &formatted)?;
            desk.line(format_args!("{name} is written anew"));
        }
    }
    match (faults.is_empty(), check && changed > 0) {
        (false, _) => Err(Failure::Trees(faults)),
        (true, true) => Err(Failure::NotCanonical { count: changed }),
        (true, false) => Ok(()),
    }
}

/// From text to JSON, or back.
fn json(desk: &Desk, path: &Path, is_json: bool) -> Result<(), Failure> {
    let source = desk.read(path)?;
    let name = path.display().to_string();
    let faulty = |faults: Faults| Failure::Trees(vec![faults.in_file(&name)]);
    let source = text_of(&source).map_err(faulty)?;
    let written = if is_json {
        from_json(source).map_err(|fault| match fault {
            JsonFault::Tree(faults) => faulty(faults),
            fault @ (JsonFault::TooLarge(_)
            | JsonFault::Form(_)
            | JsonFault::Piece { .. }
            | JsonFault::Shape(_)) => Failure::Json { path: path.into(), fault },
        })?
    } else {
        to_json(source).map_err(faulty)?
    };
    desk.line(written.trim_end());
    Ok(())
}
