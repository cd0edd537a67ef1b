//! Where the store lies, and what lies beside it.

use std::path::{Path, PathBuf};

/// A store and the files beside it, which have its name and endings of their own: `north.db`,
/// `north.key`, `north.sock`, `north.lock`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Place {
    /// The SQLite file.
    pub database: PathBuf,
    /// The database is never allowed to grow over so many megabytes; `None`: as far as the disk goes.
    pub max_mb: Option<u32>,
}

impl Place {
    /// A store in this file.
    pub fn new(database: impl Into<PathBuf>) -> Self {
        Self { database: database.into(), max_mb: None }
    }

    /// The key that seals stored secrets. It is kept outside the database, so that a copy of the
    /// database alone gives no secret away.
    pub fn key(&self) -> PathBuf {
        self.database.with_extension("key")
    }

    /// The UNIX socket of the server that runs on this store.
    pub fn socket(&self) -> PathBuf {
        self.database.with_extension("sock")
    }

    /// The file that a running server keeps locked, so that no second one starts.
    pub fn lock(&self) -> PathBuf {
        self.database.with_extension("lock")
    }

    /// The directory of all these.
    pub fn directory(&self) -> &Path {
        match self.database.parent() {
            Some(parent) if !parent.as_os_str().is_empty() => parent,
            _ => Path::new("."),
        }
    }
}
