//! Names that only their maker can make.

use hmac::{Hmac, KeyInit, Mac};
use sha2::Sha256;

use crate::base::token::hex;

/// The first `DIGITS` hex digits of the HMAC over some words.
pub(super) fn keyed<const DIGITS: usize>(key: &[u8], words: &[&str]) -> String {
    #[expect(clippy::expect_used, reason = "HMAC accepts keys of every length")]
    let mut mac = Hmac::<Sha256>::new_from_slice(key).expect("any key length");
    for word in words {
        mac.update(word.as_bytes());
        mac.update(b"\0");
    }
    let mut text = [0; DIGITS];
    for (digits, byte) in text.chunks_exact_mut(2).zip(mac.finalize().into_bytes()) {
        hex(u64::from(byte), digits);
    }
    String::from_utf8_lossy(&text).into_owned()
}
