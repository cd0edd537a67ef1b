//! Randomness from the system, for seeds and keys.

use std::io;

use rand_chacha::rand_core::{OsRng, TryRngCore};

/// The system gave no randomness. Nothing secret can be made without it.
#[derive(Debug, thiserror::Error)]
#[error("the system gives no randomness: {0}")]
pub struct NoEntropy(io::Error);

/// 256 bits that nobody can guess.
pub fn entropy() -> Result<[u8; 32], NoEntropy> {
    let mut bits = [0; 32];
    OsRng.try_fill_bytes(&mut bits).map_err(|error| {
        let known = error.raw_os_error().map(io::Error::from_raw_os_error);
        NoEntropy(known.unwrap_or_else(|| io::ErrorKind::Unsupported.into()))
    })?;
    Ok(bits)
}
