//! `ratatosk tree explain`

use clap::{Args, ValueEnum};
use serde::Serialize;

use super::answer::Answer;
use super::asked::Asked;
use super::failure::Failure;
use super::load::Loaded;

#[derive(Debug, Args)]
pub(super) struct Explain {
    /// The tree: a file, or a user's profile as `UID:NAME`, or `UID:` for the one that serves him.
    tree: String,
    #[command(flatten)]
    asked: Asked,
    /// Whose view: the tree's owner sees the way through it, the caller what he is told and no more.
    #[arg(long, value_name = "WHO", default_value = "owner")]
    side: Side,
    /// For programs.
    #[arg(long)]
    json: bool,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum Side {
    /// Whose tree it is.
    Owner,
    /// Whose call or page it is.
    Caller,
}

/// A decision as programs read it.
#[derive(Debug, Serialize)]
struct Explained<'a> {
    #[serde(flatten)]
    way: Option<Way>,
    answer: &'a str,
    status: Option<u16>,
}

/// What only the owner sees.
#[derive(Debug, Serialize)]
struct Way {
    rule: String,
    action: String,
    path: Vec<String>,
}

impl Explain {
    pub(super) fn run(self, loaded: &Loaded) -> Result<(), Failure> {
        let profile = loaded.profile(&self.tree)?;
        let fallback = loaded.offered()?.default;
        let (route, ending) = self.asked.of(&loaded.desk, &profile, &fallback)?;
        let answer = Answer::of(&route, ending);
        let (way, told) = match self.side {
            Side::Owner => {
                let path = route.path().lines().map(str::to_owned).collect();
                (Some(Way { rule: route.rule(), action: route.action().to_string(), path }), &answer.told)
            }
            Side::Caller => (None, &answer.heard),
        };
        if self.json {
            loaded.desk.json(&Explained { way, answer: told, status: answer.status });
            return Ok(());
        }
        for line in way.iter().flat_map(|way| &way.path) {
            loaded.desk.line(line);
        }
        loaded.desk.line(told);
        Ok(())
    }
}
