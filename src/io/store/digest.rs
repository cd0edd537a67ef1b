//! What a password leaves behind.
//!
//! Implements: RFC 7616 §3.4.2; RFC 8760 §2.4.

use md5::{Digest, Md5};
use sha2::Sha256;

use crate::base::Uid;
use crate::effect::store::Secrets;

/// HA1 of a user for each algorithm: the digest of `user:realm:password`, where the user is the part
/// before the `@` or the whole UID, as a phone may have it, and the realm the cluster.
pub fn ha1(uid: &Uid, password: &str) -> Secrets {
    let text = |user: &str| format!("{user}:{}:{password}", uid.cluster());
    let (short, long) = (text(uid.user()), text(uid.as_str()));
    let mut secrets = Secrets { md5: [0; 32], sha256: [0; 64], md5_uid: [0; 32], sha256_uid: [0; 64] };
    hex_into(&mut secrets.md5, &Md5::digest(&short));
    hex_into(&mut secrets.sha256, &Sha256::digest(&short));
    hex_into(&mut secrets.md5_uid, &Md5::digest(&long));
    hex_into(&mut secrets.sha256_uid, &Sha256::digest(&long));
    secrets
}

/// The two HA1 of an algorithm as they are sealed together: for `anne`, then for `anne@north.test`.
pub(super) fn join<const N: usize>(short: &[u8; N], long: &[u8; N]) -> Vec<u8> {
    [short.as_slice(), long].concat()
}

/// Takes apart what [`join`] joined.
pub(super) fn part<const N: usize>(joined: &[u8]) -> Option<([u8; N], [u8; N])> {
    let (short, long) = joined.split_at_checked(N)?;
    Some((short.try_into().ok()?, long.try_into().ok()?))
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
        // printf 'anne:localhost:secret' | md5sum; … | sha256sum; the same for anne@localhost:…
        let secrets = ha1(&Uid::parse("anne@localhost").unwrap(), "secret");
        assert_eq!(&secrets.md5, b"a199c584931d6b843474502c1dd93d00");
        assert_eq!(&secrets.sha256, b"18bac5d0ca5940466a5a4e4367cea2aff629990695792f72d0843a8cf9d31d8b");
        assert_eq!(&secrets.md5_uid, b"19853d38b0c3daa90a7467acd33b6e34");
        assert_eq!(&secrets.sha256_uid, b"dc32b20c505110e17cbcaa0bb915d3090e8d733eeae6b189296f56b163a1bc19");
        let joined = join(&secrets.md5, &secrets.md5_uid);
        assert_eq!(part(&joined), Some((secrets.md5, secrets.md5_uid)));
        assert_eq!(part::<64>(&joined), None);
    }
}
