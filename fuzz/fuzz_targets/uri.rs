//! Two URIs, separated by a line end.

#![no_main]

use libfuzzer_sys::fuzz_target;
use ratatosk::sip::{Scheme, Uri};

fuzz_target!(|bytes: &[u8]| {
    let mut parts = bytes.splitn(2, |byte| *byte == b'\n');
    let [one, other] = [(); 2].map(|()| parts.next().unwrap_or_default());
    let (one, other) = (Uri::parse(one), Uri::parse(other));
    for uri in [one, other].into_iter().flatten() {
        assert!(uri.raw.iter().all(|byte| (33..127).contains(byte) && !b"<>\"".contains(byte)));
        assert!(uri.same_as(&uri));
        assert_eq!(uri.scheme == Scheme::Tel, uri.user.is_some() && uri.host_text().is_empty());
        let _ = (uri.user_text(), uri.ip(), uri.is_loose(), uri.transport(), uri.param("x"));
    }
    if let (Ok(one), Ok(other)) = (one, other) {
        assert_eq!(one.same_as(&other), other.same_as(&one));
    }
});
