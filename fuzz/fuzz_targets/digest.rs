//! The value of an Authorization or of a challenge.

#![no_main]

use libfuzzer_sys::fuzz_target;
use ratatosk::sip::digest::{Challenge, Credentials, ha1};

fuzz_target!(|bytes: &[u8]| {
    if let Ok(credentials) = Credentials::parse(bytes) {
        let _ = (credentials.count(), credentials.username_text());
        let secret = ha1(credentials.algorithm, credentials.username, credentials.realm, b"not to be guessed");
        assert!(!credentials.prove(&secret, b"REGISTER"));
    }
    if let Some(challenge) = Challenge::parse(bytes) {
        let secret = ha1(challenge.algorithm, b"anne", challenge.realm.as_bytes(), b"secret");
        let answer = challenge.answer(("anne", &secret), ("REGISTER", "sip:a"), ("c", 1)).to_string();
        let credentials = Credentials::parse(answer.as_bytes()).expect("an answer is credentials");
        assert!(credentials.prove(&secret, b"REGISTER"));
    }
});
