//! What can go wrong with the store, in words that say what to do.

use std::io;
use std::path::PathBuf;

use super::refusal::{Hint, Refusal};
use crate::base::Uid;
use crate::io::seal::SealError;

/// Why the store did not do it.
#[derive(Debug, thiserror::Error)]
pub enum StoreError {
    /// There is no database where the configuration says.
    #[error(
        "there is no database at {path} yet\n  `ratatosk user add UID` makes it; `--config FILE` looks elsewhere"
    )]
    Missing {
        /// Where it should be.
        path: PathBuf,
    },
    /// Its directory cannot be made.
    #[error(
        "the directory {path} of the database cannot be made: {source}\n  make it writable, or change `url` in [store]"
    )]
    Directory {
        /// The directory.
        path: PathBuf,
        /// Why.
        source: io::Error,
    },
    /// The file is there and cannot be opened.
    #[error(
        "the database {path} cannot be opened: {reason}\n  it must be a SQLite file that this user may read and write, as must its directory; in the place of a damaged one put a copy, or what `sqlite3 {path} .recover` saves of it"
    )]
    Open {
        /// The file.
        path: PathBuf,
        /// What SQLite says.
        reason: String,
    },
    /// A later version of the program made it.
    #[error(
        "the database {path} was made by a newer ratatosk: its schema is {found}, this program knows up to {known}\n  run the newer program, or restore the copy made before it ran"
    )]
    Newer {
        /// The file.
        path: PathBuf,
        /// The schema it has.
        found: i64,
        /// The schema we know.
        known: i64,
    },
    /// Its tables cannot be brought up to date.
    #[error("the tables of {path} cannot be brought up to date: {reason}")]
    Migrate {
        /// The file.
        path: PathBuf,
        /// What went wrong.
        reason: String,
    },
    /// Its users belong to another cluster.
    #[error(
        "the users in {path} belong to the cluster {found}, the configuration says {wanted}\n  set `id = \"{found}\"` in [cluster], or give [store] another `url`: passwords are bound to the cluster's name"
    )]
    OtherCluster {
        /// The file.
        path: PathBuf,
        /// Whose it is.
        found: String,
        /// Whose it should be.
        wanted: String,
    },
    /// The key file cannot be used.
    #[error(transparent)]
    Seal(#[from] SealError),
    /// The key is not the one that sealed the secrets.
    #[error(
        "{path} is not the key that sealed the secrets of this database\n  put the file back that lay beside it; if it is lost, move this one away, and `ratatosk user reseal` makes a new one: everything is kept but the passwords"
    )]
    WrongKey {
        /// The key file.
        path: PathBuf,
    },
    /// There is no key, and there are secrets that were sealed with one.
    #[error(
        "the key file {path} is missing, and the passwords in {database} are sealed with it\n  put it back from a copy; if there is none, `ratatosk user reseal` makes a new key: everything is kept but the passwords, which have to be given anew"
    )]
    NoKey {
        /// Where it should be.
        path: PathBuf,
        /// The database.
        database: PathBuf,
    },
    /// There is a key, so that none has to be made.
    #[error("{path} is the key of this database: nothing has to be sealed anew")]
    KeyIsThere {
        /// The key file.
        path: PathBuf,
    },
    /// Another server runs on it.
    #[error(
        "another ratatosk server runs on {path}\n  one store serves one server: stop the other, or give this one another `url` in [store]"
    )]
    InUse {
        /// The database.
        path: PathBuf,
    },
    /// Its tables are older than this program, and a server runs on it.
    #[error(
        "a server of an earlier version runs on {path}, and this program would change its tables\n  use the program that the server was started from, or stop the server first"
    )]
    Older {
        /// The database.
        path: PathBuf,
    },
    /// The lock file cannot be made.
    #[error("the lock file {path} cannot be made: {source}")]
    Lock {
        /// The lock file.
        path: PathBuf,
        /// Why.
        source: io::Error,
    },
    /// The thread of the store cannot be started.
    #[error("the store's thread cannot be started: {0}")]
    Thread(io::Error),
    /// Long work has ended by a fault of its own.
    #[error("what was to be worked on aside has not come to its end; this is a fault of the program")]
    Unfinished,
    /// Another program holds the database.
    #[error("the database is locked by another program for more than five seconds; try again")]
    Busy,
    /// No space.
    #[error("the disk, or the space `max_mb` in [store] allows, is full; nothing was changed")]
    Full,
    /// No such user.
    #[error("there is no user {0}\n  `ratatosk user list` shows who there is")]
    NoUser(Uid),
    /// No such user, and one of nearly that name.
    #[error("there is no user {uid}\n  did you mean {meant}?")]
    NoUserBut {
        /// Who was named.
        uid: Uid,
        /// Who there is.
        meant: String,
    },
    /// A wish about a user's things is refused.
    #[error(transparent)]
    Refused(#[from] Refusal),
    /// He is there.
    #[error("{0} is there already\n  `ratatosk user set` and `ratatosk user passwd` change him")]
    UserExists(Uid),
    /// The number is somebody else's.
    #[error("the number {number} belongs to {owner}")]
    NumberTaken {
        /// The number.
        number: String,
        /// Whose it is.
        owner: String,
    },
    /// No such profile.
    #[error("{uid} has no profile \"{name}\"\n  {hint}")]
    NoProfile {
        /// The user.
        uid: Uid,
        /// The profile.
        name: String,
        /// Which may be meant.
        hint: Hint,
    },
    /// A secret of his does not open.
    #[error(
        "the secret of {0} does not open with the key of this store\n  `ratatosk user passwd {0}` gives him a new one"
    )]
    Unsealable(Uid),
    /// Everything else that SQLite may say.
    #[error("the database refuses: {0}")]
    Sql(sqlx::Error),
}

impl From<sqlx::Error> for StoreError {
    fn from(error: sqlx::Error) -> Self {
        match primary_code(&error) {
            Some(SQLITE_BUSY | SQLITE_LOCKED) => Self::Busy,
            Some(SQLITE_FULL) => Self::Full,
            _ => Self::Sql(error),
        }
    }
}

/// SQLite's primary result code, if the error is one of its own.
fn primary_code(error: &sqlx::Error) -> Option<u32> {
    let code = error.as_database_error()?.code()?;
    Some(code.parse::<u32>().ok()? & 0xff)
}

/// Whether what was written is at fault, and not the disk: then another row may fare better.
pub(super) fn is_constraint(error: &sqlx::Error) -> bool {
    primary_code(error) == Some(SQLITE_CONSTRAINT)
}

/// Whether there is no room for it.
pub(super) fn is_full(error: &sqlx::Error) -> bool {
    primary_code(error) == Some(SQLITE_FULL)
}

const SQLITE_BUSY: u32 = 5;
const SQLITE_LOCKED: u32 = 6;
const SQLITE_FULL: u32 = 13;
const SQLITE_CONSTRAINT: u32 = 19;
