//! One stream, cut into messages in two ways.

#![no_main]

use bytes::Bytes;
use libfuzzer_sys::fuzz_target;
use ratatosk::base::Limits;
use ratatosk::sip::{Frame, Framer, Message};

const LIMIT: usize = 2_000;

/// The messages that come out, and whether the stream broke.
fn cut(stream: &[u8], piece: usize) -> (Vec<Vec<u8>>, bool) {
    let (mut framer, mut buffer, mut messages) = (Framer::new(LIMIT), Vec::new(), Vec::new());
    for chunk in stream.chunks(piece) {
        buffer.extend_from_slice(chunk);
        loop {
            match framer.next(&buffer) {
                Frame::Need => break,
                Frame::KeepAlive { len, .. } => drop(buffer.drain(..len)),
                Frame::Message { len } => messages.push(buffer.drain(..len).collect()),
                Frame::Broken(_) => return (messages, true),
            }
        }
    }
    (messages, false)
}

fuzz_target!(|input: &[u8]| {
    let Some((piece, stream)) = input.split_first() else { return };
    let (messages, _) = cut(stream, usize::from(*piece).max(1));
    assert_eq!(messages, cut(stream, usize::MAX).0);
    for bytes in messages {
        assert!(bytes.len() <= LIMIT);
        let Ok(message) = Message::parse(Bytes::from(bytes.clone()), &Limits::default()) else { continue };
        if message.fault().is_none() {
            // Both readers agree where it ends: nothing hides behind the body.
            let head = bytes.windows(4).position(|end| end == b"\r\n\r\n").expect("a header section has an end");
            assert_eq!(head + 4 + message.body().len(), bytes.len());
        }
    }
});
