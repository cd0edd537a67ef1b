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
    _file: File,
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
                Ok(()) => return Ok(Self { path, _file: file }),
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
        // If it cannot be removed, the next server takes it.
        let _ = fs::remove_file(&self.path);
    }
}
