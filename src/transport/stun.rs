//! STUN on the port of SIP: how a phone behind a NAT keeps its flow over datagrams, and sees whether
//! it still has the address that it registered by.
//!
//! A binding request is answered with where it came from, and nothing else is done: no state, no
//! authentication. An answer is hardly longer than its request, so that nobody is worth being
//! impersonated here. SIP begins with a letter and STUN with two zero bits: none is ever mistaken for
//! the other.
//!
//! Implements: RFC 5626 §4.4.2, §5.4, §8 (keep-alive with STUN); RFC 8489 §5, §6.3.1, §7.3.1, §14.1,
//! §14.2, §14.7, §14.9.

use std::net::{IpAddr, SocketAddr};

use smallvec::SmallVec;

/// Bytes of the header of every STUN message.
const HEADER: usize = 20;
/// What the second word of every STUN message is (RFC 8489 §5).
const COOKIE: [u8; 4] = [0x21, 0x12, 0xa4, 0x42];

const BINDING_REQUEST: u16 = 0x0001;
const BINDING_SUCCESS: u16 = 0x0101;
const BINDING_ERROR: u16 = 0x0111;

const ERROR_CODE: u16 = 0x0009;
const UNKNOWN_ATTRIBUTES: u16 = 0x000a;
const XOR_MAPPED_ADDRESS: u16 = 0x0020;
const FINGERPRINT: u16 = 0x8028;

/// Attributes that have to be understood, and are: who asks, and proofs of it, which nobody needs here.
const UNDERSTOOD: [u16; 8] = [0x0006, 0x0008, 0x0014, 0x0015, 0x001c, 0x001d, 0x001e, XOR_MAPPED_ADDRESS];
/// From this number on an attribute that is not known does no harm.
const OPTIONAL: u16 = 0x8000;
/// What makes the checksum of a fingerprint another than that of other protocols (RFC 8489 §14.7).
const FINGERPRINT_XOR: u32 = 0x5354_554e;
/// As many unknown attributes are told of: an answer must not be made long by its request.
const TOLD: usize = 4;

/// An answer: the longest tells of some unknown attributes, and has a fingerprint.
pub type StunAnswer = SmallVec<[u8; 64]>;

/// The answer to a datagram from there; `None` if it is no binding request, or is damaged.
pub fn stun_answer(datagram: &[u8], source: SocketAddr) -> Option<StunAnswer> {
    let (header, body) = datagram.split_at_checked(HEADER)?;
    let (kind, rest) = header.split_first_chunk::<2>()?;
    let (length, rest) = rest.split_first_chunk::<2>()?;
    let (cookie, transaction) = rest.split_first_chunk::<4>()?;
    let is_whole = usize::from(u16::from_be_bytes(*length)) == body.len() && body.len() % 4 == 0;
    if u16::from_be_bytes(*kind) != BINDING_REQUEST || *cookie != COOKIE || !is_whole {
        return None;
    }
    let mut unknown: SmallVec<[u16; TOLD]> = SmallVec::new();
    let mut has_fingerprint = false;
    let mut at = HEADER;
    let mut left = body;
    while !left.is_empty() {
        let attribute = Attribute::first(left)?;
        if has_fingerprint {
            // It is the last one, or it proves nothing.
            return None;
        }
        if attribute.kind == FINGERPRINT {
            has_fingerprint = attribute.value == fingerprint(datagram.get(..at)?);
            if !has_fingerprint {
                return None;
            }
        } else if attribute.kind < OPTIONAL && !UNDERSTOOD.contains(&attribute.kind) && unknown.len() < TOLD {
            unknown.push(attribute.kind);
        }
        at += attribute.len;
        left = left.get(attribute.len..)?;
    }
    let mut answer = if unknown.is_empty() {
        let mut answer = Writing::new(BINDING_SUCCESS, transaction);
        answer.put(XOR_MAPPED_ADDRESS, &mapped(source, transaction));
        answer
    } else {
        let mut answer = Writing::new(BINDING_ERROR, transaction);
        answer.put(ERROR_CODE, b"\0\0\x04\x14Unknown Attribute");
        let list: SmallVec<[u8; 8]> = unknown.iter().flat_map(|kind| kind.to_be_bytes()).collect();
        answer.put(UNKNOWN_ATTRIBUTES, &list);
        answer
    };
    if has_fingerprint {
        answer.sign();
    }
    Some(answer.0)
}

/// One attribute at the front of a body.
struct Attribute<'a> {
    kind: u16,
    value: &'a [u8],
    /// With its head and what fills it up to whole words.
    len: usize,
}

impl<'a> Attribute<'a> {
    fn first(body: &'a [u8]) -> Option<Self> {
        let (kind, rest) = body.split_first_chunk::<2>()?;
        let (length, rest) = rest.split_first_chunk::<2>()?;
        let length = usize::from(u16::from_be_bytes(*length));
        let value = rest.get(..length)?;
        Some(Self { kind: u16::from_be_bytes(*kind), value, len: 4 + length.next_multiple_of(4) })
    }
}

/// A message that is being written.
struct Writing(StunAnswer);

impl Writing {
    fn new(kind: u16, transaction: &[u8]) -> Self {
        let mut bytes = StunAnswer::new();
        bytes.extend_from_slice(&kind.to_be_bytes());
        bytes.extend_from_slice(&[0, 0]);
        bytes.extend_from_slice(&COOKIE);
        bytes.extend_from_slice(transaction);
        Self(bytes)
    }

    fn put(&mut self, kind: u16, value: &[u8]) {
        let length = u16::try_from(value.len()).unwrap_or(0);
        self.0.extend_from_slice(&kind.to_be_bytes());
        self.0.extend_from_slice(&length.to_be_bytes());
        self.0.extend_from_slice(value);
        let filled = self.0.len().next_multiple_of(4);
        self.0.resize(filled, 0);
        self.count(0);
    }

    /// Writes the length, with so many bytes that will follow.
    fn count(&mut self, more: usize) {
        let length = u16::try_from(self.0.len() - HEADER + more).unwrap_or(0).to_be_bytes();
        if let Some(place) = self.0.get_mut(2..4) {
            place.copy_from_slice(&length);
        }
    }

    /// Ends it with a fingerprint.
    fn sign(&mut self) {
        // The length that is summed counts the fingerprint already.
        self.count(8);
        let sum = fingerprint(&self.0);
        self.put(FINGERPRINT, &sum);
    }
}

/// Where a request came from, so that no NAT on the way finds the address in it and changes that.
fn mapped(source: SocketAddr, transaction: &[u8]) -> SmallVec<[u8; 20]> {
    let mask = || COOKIE.iter().chain(transaction);
    let masked = |bytes: &[u8]| -> SmallVec<[u8; 16]> {
        bytes.iter().zip(mask()).map(|(byte, mask)| byte ^ mask).collect()
    };
    let (family, address) = match source.ip() {
        IpAddr::V4(ip) => (1, masked(&ip.octets())),
        IpAddr::V6(ip) => (2, masked(&ip.octets())),
    };
    let mut value: SmallVec<[u8; 20]> = SmallVec::new();
    value.extend_from_slice(&[0, family]);
    value.extend(masked(&source.port().to_be_bytes()));
    value.extend(address);
    value
}

/// The fingerprint of all that stands before it.
fn fingerprint(message: &[u8]) -> [u8; 4] {
    (crc32(message) ^ FINGERPRINT_XOR).to_be_bytes()
}

/// The checksum of ITU V.42. A message has some dozens of bytes: a table would be longer than they are.
fn crc32(bytes: &[u8]) -> u32 {
    let step = |sum: u32| if sum & 1 == 1 { (sum >> 1) ^ 0xedb8_8320 } else { sum >> 1 };
    !bytes.iter().fold(!0, |sum, byte| (0..8).fold(sum ^ u32::from(*byte), |sum, _| step(sum)))
}

#[cfg(test)]
mod tests {
    use super::*;

    const TRANSACTION: [u8; 12] = *b"\xb7\xe7\xa7\x01\xbc\x34\xd6\x86\xfa\x87\xdf\xae";

    fn source() -> SocketAddr {
        "192.0.2.1:32853".parse().unwrap()
    }

    fn request(attributes: &[(u16, &[u8])]) -> Writing {
        let mut request = Writing::new(BINDING_REQUEST, &TRANSACTION);
        for (kind, value) in attributes {
            request.put(*kind, value);
        }
        request
    }

    /// The values of RFC 5769 §2.2 and §2.3: what is masked, and how.
    #[test]
    fn addresses_are_masked_as_in_the_samples() {
        assert_eq!(&mapped(source(), &TRANSACTION)[..], b"\x00\x01\xa1\x47\xe1\x12\xa6\x43");
        let v6 = "[2001:db8:1234:5678:11:2233:4455:6677]:32853".parse().unwrap();
        let expected = b"\x00\x02\xa1\x47\x01\x13\xa9\xfa\xa5\xd3\xf1\x79\xbc\x25\xf4\xb5\xbe\xd2\xb9\xd9";
        assert_eq!(&mapped(v6, &TRANSACTION)[..], expected);
    }

    #[test]
    fn a_checksum_everybody_knows() {
        assert_eq!(crc32(b"123456789"), 0xcbf4_3926);
    }

    #[test]
    fn a_request_is_told_where_it_came_from() {
        let answer = stun_answer(&request(&[]).0, source()).unwrap();
        let (head, body) = answer.split_at(HEADER);
        assert_eq!(head, [b"\x01\x01\x00\x0c\x21\x12\xa4\x42", &TRANSACTION[..]].concat());
        assert_eq!(body, b"\x00\x20\x00\x08\x00\x01\xa1\x47\xe1\x12\xa6\x43");
        // Who asks, and with what software, is nothing to us.
        let named = request(&[(0x0006, b"anne"), (0x8022, b"a phone")]);
        assert_eq!(stun_answer(&named.0, source()).unwrap(), answer);
    }

    #[test]
    fn a_fingerprint_is_answered_with_one() {
        let mut signed = request(&[(0x8022, b"phone")]);
        signed.sign();
        let answer = stun_answer(&signed.0, source()).unwrap();
        let (before, sum) = answer.split_at(answer.len() - 4);
        assert_eq!(sum, fingerprint(&before[..before.len() - 4]));
        assert_eq!(usize::from(answer[3]), answer.len() - HEADER);
        let last = signed.0.len() - 1;
        signed.0[last] ^= 1;
        assert_eq!(stun_answer(&signed.0, source()), None, "it is damaged");
    }

    #[test]
    fn what_has_to_be_understood_and_is_not_is_told() {
        let answer = stun_answer(&request(&[(0x0003, &[0; 4]), (0x7777, b"")]).0, source()).unwrap();
        assert_eq!(&answer[..2], b"\x01\x11");
        assert!(answer.windows(4).any(|bytes| bytes == b"\0\0\x04\x14"), "420");
        assert!(answer.ends_with(b"\x00\x0a\x00\x04\x00\x03\x77\x77"));
        let many: Vec<(u16, &[u8])> = (0x4000..0x4100).map(|kind| (kind, &b""[..])).collect();
        assert!(stun_answer(&request(&many).0, source()).unwrap().len() <= 64);
    }

    #[test]
    fn everything_else_is_silence() {
        let good = request(&[(0x8022, b"phone")]).0;
        for cut in 0..good.len() {
            assert_eq!(stun_answer(&good[..cut], source()), None, "{cut}");
        }
        for (place, byte) in [(0, 0x01), (1, 0x11), (3, 0x0b), (4, 0), (HEADER + 3, 200)] {
            let mut bad = good.clone();
            bad[place] = byte;
            assert_eq!(stun_answer(&bad, source()), None, "{place}");
        }
        assert_eq!(stun_answer(b"\0\0\0\0", source()), None);
        assert_eq!(stun_answer(b"OPTIONS sip:a@b SIP/2.0\r\n\r\n", source()), None);
    }
}
