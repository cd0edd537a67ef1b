//! What a password leaves behind.
//!
//! Implements: RFC 7616 §3.4.2; RFC 8760 §2.4.

use md5::{Digest, Md5};
use sha2::Sha256;

use crate::base::Uid;
use crate::effect::store::Secrets;

/// HA1 of a user for each algorithm: the digest of `user:realm:password`, where the user is the part
/// before the `@` and the realm the cluster.
pub fn ha1(uid: &Uid, password: &str) -> Secrets {
    let text = format!("{}:{}:{password}", uid.user(), uid.cluster());
    let mut secrets = Secrets { md5: [0; 32], sha256: [0; 64] };
    hex_into(&mut secrets.md5, &Md5::digest(text.as_bytes()));
    hex_into(&mut secrets.sha256, &Sha256::digest(text.as_bytes()));
    secrets
}

fn hex_into(digits: &mut [u8], bytes: &[u8]) {
    const DIGITS: &[u8; 16] = b"0123456789abcdef";
    let digit = |nibble: u8| DIGITS.get(usize::from(nibble)).copied().unwrap_or(b'0');
    for (pair, byte) in digits.chunks_exact_mut(2).zip(bytes) {
        if let [high, low] = pair {
            *high = digit(byte >> 4);
            *low = digit(byte & 15);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_digests_that_every_phone_computes() {
        // printf 'anne:localhost:secret' | md5sum; … | sha256sum
        let secrets = ha1(&Uid::parse("anne@localhost").unwrap(), "secret");
        assert_eq!(&secrets.md5, b"a199c584931d6b843474502c1dd93d00");
        assert_eq!(&secrets.sha256, b"18bac5d0ca5940466a5a4e4367cea2aff629990695792f72d0843a8cf9d31d8b");
    }
}
