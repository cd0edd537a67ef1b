//! Identifiers that we mint and others hand back: tags and branches; and the names of records.
//!
//! They carry the user server and the place of their machine, so that a response or an in-dialog
//! request finds it without a table; and 64 random bits, so that nobody can guess one (RFC 3261
//! §19.3). What was decoded is only a hint: the machine compares the whole text.

use std::sync::Arc;

use super::arena::Key;
use super::id::ServerIndex;
use super::rng::Rng;
use super::time::Now;

/// Bytes of a token.
pub const TOKEN_LEN: usize = 30;

/// A token's text: two hex digits of server, six of place, six of tenant, sixteen random.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Token([u8; TOKEN_LEN]);

impl Token {
    /// Mints one.
    pub fn mint(server: ServerIndex, key: Key, rng: &mut Rng) -> Self {
        let mut text = [0; TOKEN_LEN];
        let (head, random) = text.split_at_mut(14);
        let (server_text, key_text) = head.split_at_mut(2);
        let (place, tenant) = key_text.split_at_mut(6);
        hex(u64::from(server.0), server_text);
        hex(u64::from(key.index), place);
        hex(u64::from(key.tenant), tenant);
        hex(rng.draw(), random);
        Self(text)
    }

    /// The server and place that a text names, if it has a token's form.
    pub fn read(text: &[u8]) -> Option<(ServerIndex, Key)> {
        let text = text.get(..TOKEN_LEN)?;
        let server = u8::try_from(unhex(text.get(..2)?)?).ok()?;
        let index = u32::try_from(unhex(text.get(2..8)?)?).ok()?;
        let tenant = u32::try_from(unhex(text.get(8..14)?)?).ok()?;
        unhex(text.get(14..)?)?;
        Some((ServerIndex(server), Key { index, tenant }))
    }

    /// Its bytes.
    pub fn as_bytes(&self) -> &[u8] {
        &self.0
    }
}

/// Letters of a record's name: five bits each, in the order of their codes. None looks like another.
const LETTERS: &[u8; 32] = b"0123456789abcdefghjkmnpqrstvwxyz";
/// How many of them.
const NAME_LEN: u32 = 16;
/// Bits of a name that are random; those before them are milliseconds since 1970.
const RANDOM: u32 = 36;

/// Mints the name of a call or page, by which its record is found. Names grow with time, so that the store puts
/// new ones at the end of its index; and two of one millisecond are the same once in 69 thousand million.
pub fn name_record(now: Now, rng: &mut Rng) -> Arc<str> {
    let moment = u128::from(u64::try_from(now.wall_ms).unwrap_or(0)) << RANDOM;
    let number = moment | u128::from(rng.draw() >> (u64::BITS - RANDOM));
    let letter = |place: u32| {
        let five = usize::try_from(number >> (5 * (NAME_LEN - 1 - place)) & 31).unwrap_or(0);
        char::from(LETTERS.get(five).copied().unwrap_or(b'0'))
    };
    (0..NAME_LEN).map(letter).collect::<String>().into()
}

/// What the name of a record that is asked for begins with, and what it ends with: a table may have cut out the
/// middle (`01kb…9d2h`), which is enough to tell it from others.
pub fn ends_of_name(asked: &str) -> (&str, &str) {
    asked.split_once('…').or_else(|| asked.split_once("...")).unwrap_or((asked, ""))
}

/// Writes a number as lower-case hex, as wide as `into`; higher digits are cut off.
pub fn hex(mut number: u64, into: &mut [u8]) {
    for digit in into.iter_mut().rev() {
        let nibble = u8::try_from(number & 15).unwrap_or(0);
        *digit = if nibble < 10 { b'0' + nibble } else { b'a' + nibble - 10 };
        number >>= 4;
    }
}

/// Reads up to sixteen lower-case hex digits.
pub fn unhex(text: &[u8]) -> Option<u64> {
    text.iter().try_fold(0_u64, |number, digit| {
        let nibble = match digit {
            b'0'..=b'9' => digit - b'0',
            b'a'..=b'f' => digit - b'a' + 10,
            _ => return None,
        };
        Some((number << 4) | u64::from(nibble))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_of_records_are_in_the_order_of_time() {
        let mut rng = Rng::from_seed(1);
        let mut name = |wall_ms| name_record(Now { wall_ms, ..Now::default() }, &mut rng);
        let names = [0, 1, 31, 32, 1_800_000_000_000, 1_800_000_000_001, (1 << 44) - 1].map(&mut name);
        assert!(names.is_sorted() && names.iter().all(|name| name.len() == 16), "{names:?}");
        assert_ne!(name(1), name(1));
    }

    #[test]
    fn a_token_names_its_machine() {
        let key = Key { index: 70_000, tenant: 0x00ff_fffe };
        let token = Token::mint(ServerIndex(3), key, &mut Rng::from_seed(1));
        assert_eq!(Token::read(token.as_bytes()), Some((ServerIndex(3), key)));
        assert_eq!(Token::read(b"as83kd"), None);
        assert_eq!(Token::read(&[b'x'; TOKEN_LEN]), None);
    }
}
