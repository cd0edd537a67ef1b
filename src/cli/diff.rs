//! `ratatosk tree diff`

use clap::Args;
use serde::Serialize;

use super::desk::Desk;
use super::failure::Failure;
use super::load::Loaded;
use super::request;
use crate::routing::{Decision, Difference, differences, followed_until};

#[derive(Debug, Args)]
pub(super) struct Diff {
    /// One: a file, or a user's profile as `UID:NAME`, or `UID:` for the one that serves him.
    first: String,
    /// The other.
    second: String,
    /// For programs.
    #[arg(long)]
    json: bool,
}

/// A difference as programs read it.
#[derive(Debug, Serialize)]
struct Row<'a> {
    tree: &'static str,
    requests: Vec<&'a str>,
    others: bool,
    example: Option<request::Row<'a>>,
    first: &'a Decision,
    second: &'a Decision,
}

impl Diff {
    pub(super) fn run(self, loaded: &Loaded) -> Result<(), Failure> {
        let fallback = loaded.offered()?.default;
        let (first, second) = (loaded.profile(&self.first)?, loaded.profile(&self.second)?);
        let found = differences((&first, &second), &fallback, &loaded.config.limits).map_err(|why| {
            Failure::Incomparable { first: self.first.clone(), second: self.second.clone(), why }
        })?;
        if self.json {
            loaded.desk.json(&found.iter().map(row).collect::<Vec<_>>());
        } else {
            for (number, difference) in found.iter().enumerate() {
                let names = [(first.name(), &self.first), (second.name(), &self.second)];
                print(&loaded.desk, number + 1, difference, names);
            }
        }
        match found.len() {
            0 if self.json => Ok(()),
            0 => {
                let until = followed_until(&[&first, &second])
                    .map(|year| format!(" up to {year}; what comes at an INTERVAL is followed no further"));
                let until = until.unwrap_or_default();
                loaded.desk.line(format_args!("the two do the same with every request{until}"));
                Ok(())
            }
            count => Err(Failure::Differ { count }),
        }
    }
}

fn row(difference: &Difference) -> Row<'_> {
    let example = difference.requests.iter().find_map(|example| example.request.as_ref());
    Row {
        tree: difference.direction.as_str(),
        requests: difference.requests.iter().map(|request| request.told.as_str()).collect(),
        others: difference.others,
        example: example.map(|request| request::Row::of(difference.direction, request)),
        first: &difference.first,
        second: &difference.second,
    }
}

fn print(desk: &Desk, number: usize, difference: &Difference, names: [(&str, &String); 2]) {
    for (at, request) in difference.requests.iter().enumerate() {
        let number = if at == 0 { format!("{number}.") } else { String::new() };
        let and = if at == 0 { "" } else { "and " };
        desk.line(format_args!("{number:<4}{and}{}", request.told));
    }
    if difference.others {
        desk.line("    and more that are like these");
    }
    for ((name, written), decision) in names.into_iter().zip([&difference.first, &difference.second]) {
        let place = if decision.profile == name {
            // What serves a user now is told by its name.
            let serving = if written.ends_with(':') { name } else { "" };
            format!("{written}{serving}:{}", decision.line)
        } else {
            format!("{written} ({})", decision.profile)
        };
        desk.line(format_args!("      {place}  {}", decision.does));
    }
}
