//! Randomness from the system, for seeds and keys.

use rand_chacha::rand_core::{OsRng, TryRngCore};

/// The system gave no randomness. Nothing secret can be made without it.
#[derive(Debug, thiserror::Error)]
#[error("the system gives no randomness: {0}")]
pub struct NoEntropy(#[from] rand_chacha::rand_core::OsError);

/// 256 bits that nobody can guess.
pub fn entropy() -> Result<[u8; 32], NoEntropy> {
    let mut bits = [0; 32];
    OsRng.try_fill_bytes(&mut bits)?;
    Ok(bits)
}
