//! The Date header.
//!
//! Implements: RFC 3261 §20.17.

use std::fmt;

/// A moment, milliseconds since 1970, as a Date header writes it: always in GMT.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Date(pub i64);

impl fmt::Display for Date {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        // What lies outside of the calendar's years was never a moment of ours.
        let moment = jiff::Timestamp::from_millisecond(self.0).unwrap_or_default();
        write!(f, "{}", moment.strftime("%a, %d %b %Y %H:%M:%S GMT"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_example_of_the_rfc() {
        assert_eq!(Date(1_289_690_940_999).to_string(), "Sat, 13 Nov 2010 23:29:00 GMT");
        assert_eq!(Date(i64::MAX).to_string(), "Thu, 01 Jan 1970 00:00:00 GMT");
    }
}
