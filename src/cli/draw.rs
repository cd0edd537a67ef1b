//! `ratatosk tree draw`

use clap::{Args, ValueEnum};

use super::asked::Asked;
use super::failure::Failure;
use super::load::Loaded;
use crate::routing::{Style, draw};

#[derive(Debug, Args)]
pub(super) struct Draw {
    /// The tree: a file, or a user's profile as `UID:NAME`, or `UID:` for the one that serves him.
    tree: String,
    /// How.
    #[arg(long, value_name = "HOW", default_value = "text")]
    format: Format,
    /// Mark the way of the request that the other options describe, as they do for `tree explain`.
    #[arg(long)]
    way: bool,
    #[command(flatten)]
    asked: Asked,
}

#[derive(Debug, Clone, Copy, ValueEnum)]
enum Format {
    /// Lines for a terminal.
    Text,
    /// A graph for Graphviz.
    Dot,
    /// A picture for a browser.
    Svg,
}

impl Draw {
    pub(super) fn run(self, loaded: &Loaded) -> Result<(), Failure> {
        let profile = loaded.profile(&self.tree)?;
        let style = match self.format {
            Format::Text => Style::Text,
            Format::Dot => Style::Dot,
            Format::Svg => Style::Svg,
        };
        let way = if self.way {
            Some(self.asked.of(&loaded.desk, &profile, &loaded.offered()?.default)?.0)
        } else {
            None
        };
        loaded.desk.line(draw(&profile, way.as_ref(), style).trim_end());
        Ok(())
    }
}
