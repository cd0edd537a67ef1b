//! The lock that says that a server runs on a store. Whoever changes its tables holds it.

use std::fs::{self, File, OpenOptions, TryLockError};
use std::os::unix::fs::OpenOptionsExt;
use std::path::PathBuf;

use super::error::StoreError;
use crate::config::Place;
use crate::io::seal::is_at;

/// Says that a server runs here. The system forgets it with the process, however that ends.
#[derive(Debug)]
pub(super) struct Lock {
    path: PathBuf,
    file: File,
}

/// A server's hold on its database: besides the lock the file itself, by whatever name it is known to others.
///
/// It is open for as long as the server has connections to it: SQLite's own locks go with the first file of it that
/// a process closes.
#[derive(Debug)]
pub(super) struct Hold {
    path: PathBuf,
    database: File,
    _lock: Lock,
}

impl Hold {
    /// Takes it; the database is there.
    pub(super) fn take(place: &Place) -> Result<Self, StoreError> {
        let lock = Lock::take(place)?;
        let path = place.database.clone();
        let fail =
            |source: std::io::Error| StoreError::Open { path: path.clone(), reason: source.to_string() };
        let database = File::open(&path).map_err(fail)?;
        match database.try_lock() {
            Ok(()) => Ok(Self { path, database, _lock: lock }),
            Err(TryLockError::WouldBlock) => Err(StoreError::InUse { path }),
            Err(TryLockError::Error(source)) => Err(fail(source)),
        }
    }

    /// Whether the database is still where it was: what is written into one that was removed is lost.
    pub(super) fn is_there(&self) -> bool {
        is_at(&self.database, &self.path)
    }
}

impl Lock {
    /// Takes that of the file that the database really is, by whatever name it was reached; or says that a
    /// server runs.
    pub(super) fn take(place: &Place) -> Result<Self, StoreError> {
        let real = fs::canonicalize(&place.database).unwrap_or_else(|_| place.database.clone());
        let path = Place::new(real).lock();
        let fail = |source| StoreError::Lock { path: path.clone(), source };
        let mut options = OpenOptions::new();
        options.write(true).create(true).truncate(false).mode(0o600);
        loop {
            let file = options.open(&path).map_err(fail)?;
            match file.try_lock() {
                // A server that ends takes its file away: this may be the one that it had.
                Ok(()) if !is_at(&file, &path) => {}
                Ok(()) => return Ok(Self { path, file }),
                Err(TryLockError::WouldBlock) => {
                    return Err(StoreError::InUse { path: place.database.clone() });
                }
                Err(TryLockError::Error(source)) => return Err(fail(source)),
            }
        }
    }
}

impl Drop for Lock {
    fn drop(&mut self) {
        if is_at(&self.file, &self.path) {
            // If it cannot be removed, the next server takes it.
            let _ = fs::remove_file(&self.path);
        }
    }
}
