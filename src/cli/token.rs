//! `ratatosk token …`

use clap::Subcommand;

use super::failure::Failure;
use super::load::{Loaded, block_on, with};
use super::output;
use crate::io::entropy::entropy;
use crate::io::store::{Opening, Scope, TokenRow};

#[derive(Debug, Subcommand)]
pub(super) enum Token {
    /// Make a token that lets its bearer use the HTTP API as an operator. It is shown once.
    Add {
        /// What it is called: for whom, or for which program.
        name: String,
        /// It reads the metrics, and is good for nothing else.
        #[arg(long)]
        metrics: bool,
    },
    /// List the tokens by name; what they are nobody can show.
    List {
        /// For programs.
        #[arg(long)]
        json: bool,
    },
    /// Remove a token: whoever has it is not let in any more, at once.
    Remove {
        /// What it is called.
        name: String,
    },
}

impl Token {
    pub(super) fn run(self, loaded: &Loaded) -> Result<(), Failure> {
        match self {
            Self::Add { name, metrics } => {
                let scope = if metrics { Scope::Metrics } else { Scope::All };
                loaded.desk.line(add(loaded, &name, scope)?);
                if loaded.config.http.is_none() {
                    loaded.desk.remark(
                        "note: the server does not listen for HTTP yet\n  a section [http] in the configuration lets it",
                    );
                }
                Ok(())
            }
            Self::List { json } => list(loaded, json),
            Self::Remove { name } => {
                let name = with(loaded, async |database| database.remove_token(&name).await)?;
                loaded.desk.line(format_args!("\"{name}\" lets nobody in any more"));
                Ok(())
            }
        }
    }
}

/// Makes a token.
pub(super) fn add(loaded: &Loaded, name: &str, scope: Scope) -> Result<String, Failure> {
    let chance = entropy().map_err(|error| Failure::Start(error.into()))?;
    block_on(async {
        let mut database = loaded.database(Opening::Create).await?;
        let token = database.add_token(name, scope, chance).await?;
        database.close().await?;
        Ok(token)
    })
}

fn list(loaded: &Loaded, json: bool) -> Result<(), Failure> {
    let tokens = with(loaded, async |database| database.tokens().await)?;
    if json {
        loaded.desk.json(&tokens);
        return Ok(());
    }
    let row =
        |token: TokenRow| vec![token.name, output::moment(token.made_ms), token.scope.as_str().to_owned()];
    let rows = tokens.into_iter().map(row);
    let empty = "there are no tokens yet: `ratatosk token add NAME` makes one";
    loaded.desk.table(&["token", "made (UTC)", "good for"], rows.collect(), empty);
    Ok(())
}
