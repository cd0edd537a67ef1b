//! `ratatosk tree import-cpl`

use std::path::PathBuf;

use clap::Args;

use super::failure::Failure;
use super::load::Loaded;
use crate::routing::{import_cpl, text_of};

#[derive(Debug, Args)]
pub(super) struct ImportCpl {
    /// The script; `-` reads standard input.
    file: PathBuf,
    /// What the profile is called.
    #[arg(long, default_value = "cpl")]
    name: String,
    /// For this user: no way may lead back to him.
    #[arg(long, value_name = "UID")]
    user: Option<String>,
}

impl ImportCpl {
    pub(super) fn run(self, loaded: &Loaded) -> Result<(), Failure> {
        let name = self.file.display().to_string();
        let owner = self.user.map(|user| loaded.uid(&user)).transpose()?;
        let script = loaded.desk.read(&self.file)?;
        let imported = text_of(&script)
            .and_then(|script| import_cpl(script, &self.name, &loaded.config.limits, owner.as_ref()))
            .map_err(|faults| Failure::Trees(vec![faults.in_file(&name)]))?;
        for remark in &imported.remarks {
            loaded.desk.remark(format_args!("{name}:{}: {}", remark.line, remark.text));
        }
        loaded.desk.line(imported.text.trim_end());
        Ok(())
    }
}
