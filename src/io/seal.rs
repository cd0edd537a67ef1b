//! The seal on stored secrets: XChaCha20-Poly1305 under a key that is kept outside the database.
//!
//! A secret is bound to its owner and purpose (the associated data), so that a sealed text moved to
//! another row does not open. The nonce is 24 random bytes, which are safe to draw for every row.

use std::fs::{self, File, OpenOptions};
use std::io::{self, Read, Seek, Write};
use std::os::unix::fs::{MetadataExt, OpenOptionsExt, PermissionsExt};
use std::path::{Path, PathBuf};

use chacha20poly1305::aead::{Aead, KeyInit, Payload};
use chacha20poly1305::{XChaCha20Poly1305, XNonce};
use hmac::{Hmac, Mac};
use rand_chacha::ChaCha20Rng;
use rand_chacha::rand_core::{RngCore, SeedableRng};
use sha2::Sha256;

use crate::base::text::hex;

/// Bytes of a nonce.
const NONCE: usize = 24;

/// Why there is no key.
#[derive(Debug, thiserror::Error)]
pub enum SealError {
    /// The file cannot be read or made.
    #[error("the key file {path} cannot be read or made: {source}")]
    File {
        /// The file.
        path: PathBuf,
        /// Why.
        source: io::Error,
    },
    /// The file holds something else.
    #[error("the key file {path} does not hold a key (64 hexadecimal digits)")]
    Malformed {
        /// The file.
        path: PathBuf,
    },
}

/// A key, ready for use.
pub struct Seal {
    key: [u8; 32],
    cipher: XChaCha20Poly1305,
    rng: ChaCha20Rng,
}

impl Seal {
    /// The seal with this key.
    pub fn new(key: [u8; 32]) -> Self {
        Self { key, cipher: XChaCha20Poly1305::new(&key.into()), rng: ChaCha20Rng::from_os_rng() }
    }

    /// A second seal with the same key.
    #[must_use]
    pub fn again(&self) -> Self {
        Self::new(self.key)
    }

    /// Seals `plain` for `about`: a nonce, then the sealed text.
    pub(crate) fn seal(&mut self, about: &str, plain: &[u8]) -> Vec<u8> {
        let mut nonce = [0; NONCE];
        self.rng.fill_bytes(&mut nonce);
        let payload = Payload { msg: plain, aad: about.as_bytes() };
        let sealed = self
            .cipher
            .encrypt(&XNonce::from(nonce), payload)
            .expect("the cipher refuses only texts of many gigabytes");
        [nonce.as_slice(), &sealed].concat()
    }

    /// Opens what [`Seal::seal`] sealed for the same `about`; `None` if the key is another or the
    /// text was changed or moved.
    pub fn open(&self, about: &str, sealed: &[u8]) -> Option<Vec<u8>> {
        let (nonce, text) = sealed.split_first_chunk::<NONCE>()?;
        self.cipher.decrypt(&XNonce::from(*nonce), Payload { msg: text, aad: about.as_bytes() }).ok()
    }

    /// A key for another purpose, of which nobody can tell this one.
    pub(crate) fn derive(&self, purpose: &str) -> [u8; 32] {
        let mut mac = <Hmac<Sha256> as hmac::KeyInit>::new_from_slice(&self.key)
            .expect("HMAC takes keys of any length");
        mac.update(purpose.as_bytes());
        mac.finalize().into_bytes().into()
    }
}

impl std::fmt::Debug for Seal {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Seal(…)")
    }
}

/// The key file, locked against other programs that would make one at the same time.
#[derive(Debug)]
pub struct KeyFile {
    path: PathBuf,
    file: File,
}

impl KeyFile {
    /// Opens the file, making an empty one (mode 0600) where there is none, and waits for its lock.
    pub fn lock(path: &Path) -> Result<Self, SealError> {
        let fail = |source| SealError::File { path: path.into(), source };
        let mut options = OpenOptions::new();
        options.read(true).write(true).create(true).truncate(false).mode(0o600);
        loop {
            let file = options.open(path).map_err(fail)?;
            file.lock().map_err(fail)?;
            // Whoever had it before may have taken it away.
            if is_at(&file, path) {
                return Ok(Self { path: path.into(), file });
            }
        }
    }

    /// The key in it, or `None` if it is empty.
    pub fn read(&mut self) -> Result<Option<Seal>, SealError> {
        let mut text = String::new();
        self.file
            .rewind()
            .and_then(|()| self.file.read_to_string(&mut text))
            .map_err(|source| SealError::File { path: self.path.clone(), source })?;
        if text.trim().is_empty() {
            return Ok(None);
        }
        self.warn_if_open();
        let key = from_hex(text.trim()).ok_or_else(|| SealError::Malformed { path: self.path.clone() })?;
        Ok(Some(Seal::new(key)))
    }

    /// Draws a key and writes it down, for good.
    pub fn make(&mut self) -> Result<Seal, SealError> {
        let mut key = [0; 32];
        ChaCha20Rng::from_os_rng().fill_bytes(&mut key);
        let text = format!("{}\n", hex(&key));
        self.file
            .rewind()
            .and_then(|()| self.file.write_all(text.as_bytes()))
            .and_then(|()| self.file.sync_all())
            .map_err(|source| SealError::File { path: self.path.clone(), source })?;
        Ok(Seal::new(key))
    }

    fn warn_if_open(&self) {
        let mode = fs::metadata(&self.path).map_or(0, |meta| meta.permissions().mode());
        if mode & 0o077 != 0 {
            let path = self.path.display();
            tracing::warn!("others may read the key file: chmod 600 {path}");
        }
    }
}

impl Drop for KeyFile {
    fn drop(&mut self) {
        remove_if_empty(&self.path);
    }
}

/// Whether the file that is open is still the one of this name.
pub(crate) fn is_at(file: &File, path: &Path) -> bool {
    let own = file.metadata().ok().as_ref().map(inode);
    own.is_some() && own == inode_at(path)
}

/// Which file stands at a path, by whatever name; `None` if there is none.
pub(crate) fn inode_at(path: &Path) -> Option<(u64, u64)> {
    fs::metadata(path).ok().as_ref().map(inode)
}

fn inode(meta: &fs::Metadata) -> (u64, u64) {
    (meta.dev(), meta.ino())
}

/// Removes a file that was made for something which then did not come about.
pub(crate) fn remove_if_empty(path: &Path) {
    if fs::metadata(path).is_ok_and(|meta| meta.len() == 0) {
        // Where it cannot be removed, it does no harm.
        let _ = fs::remove_file(path);
    }
}

fn from_hex(text: &str) -> Option<[u8; 32]> {
    let mut key = [0; 32];
    if text.len() != 64 || !text.is_ascii() {
        return None;
    }
    for (byte, digits) in key.iter_mut().zip(text.as_bytes().chunks(2)) {
        *byte = u8::from_str_radix(std::str::from_utf8(digits).ok()?, 16).ok()?;
    }
    Some(key)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_sealed_text_opens_only_where_it_belongs() {
        let mut seal = Seal::new([7; 32]);
        let sealed = seal.seal("anne MD5", b"secret");
        assert_eq!(seal.open("anne MD5", &sealed).as_deref(), Some(b"secret".as_slice()));
        assert_eq!(seal.open("carl MD5", &sealed), None);
        assert_eq!(Seal::new([8; 32]).open("anne MD5", &sealed), None);
        assert_eq!(seal.open("anne MD5", b"short"), None);
        assert_ne!(seal.seal("anne MD5", b"secret"), sealed, "a nonce is never used twice");
    }

    #[test]
    fn hexadecimal() {
        let key = [0xab; 32];
        assert_eq!(from_hex(&hex(&key)), Some(key));
        assert_eq!(from_hex("zz"), None);
    }
}
