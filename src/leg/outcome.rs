//! From statuses to the outcomes that trees know, and back.

use crate::routing::Outcome;

/// What a final status of a branch means to a tree.
pub fn outcome_of(status: u16) -> Outcome {
    match status {
        200..=299 => Outcome::Answered,
        603 | 607 | 608 => Outcome::Declined,
        486 | 600 => Outcome::Busy,
        415 | 488 | 606 => Outcome::Unsupported,
        404 | 408 | 410 | 430 | 480 | 482 | 503 | 504 | 604 => Outcome::Unreachable,
        _ => Outcome::Failed,
    }
}

/// The status that stands for an outcome when no phone has said one.
pub fn own_status(outcome: Outcome) -> u16 {
    match outcome {
        Outcome::Answered => 200,
        Outcome::Declined => 603,
        Outcome::Busy => 486,
        Outcome::Unsupported => 488,
        Outcome::NoAnswer | Outcome::Unreachable => 480,
        Outcome::Failed => 500,
    }
}

/// The status that the one who asks may see: what concerns only us and the phone stays here.
/// A challenge is not for him, a redirection would tell where the phone is, 408 and 503 speak of
/// one phone and not of the user (RFC 3261 §16.7 step 6).
pub fn shown_status(status: u16) -> u16 {
    match status {
        300..=399 | 401 | 407 | 408 | 430 | 503 | 504 => 480,
        // What a phone lacks or wants of us is not for the other side.
        420..=423 | 481 | 501 | 505 => 500,
        status => status,
    }
}

/// The order in which outcomes of several branches hold.
pub fn precedence(outcome: Outcome) -> u8 {
    match outcome {
        Outcome::Answered => 0,
        Outcome::Declined => 1,
        Outcome::Busy => 2,
        Outcome::Unsupported => 3,
        Outcome::NoAnswer => 4,
        Outcome::Unreachable => 5,
        Outcome::Failed => 6,
    }
}

/// How good a refusal is to pass on: lower is better (RFC 3261 §16.7 step 6).
pub fn rank(status: u16) -> u16 {
    match status {
        600.. => 0,
        401 | 407 | 415 | 420 | 484 => 400,
        408 | 430 | 503 => 900,
        status => status + 1,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_best_refusal() {
        let best = |statuses: &[u16]| *statuses.iter().min_by_key(|s| rank(**s)).unwrap();
        assert_eq!(best(&[486, 603, 404]), 603);
        assert_eq!(best(&[408, 486]), 486);
        assert_eq!(best(&[503, 500]), 500);
        assert_eq!(best(&[404, 415]), 415);
    }
}
