//! What statuses mean for pages: to trees, to senders, to those that wait in an inbox.
//!
//! A sender may see what he can do something about: that the page is too long (413) or of the wrong
//! kind (415), and what its reader wants him to know (busy, declined, forbidden). Everything else that
//! a phone says, that it knows no pages (405, 501) or that it is broken, is between it and us: to the
//! sender his reader cannot be reached for now (480).
//!
//! Implements: RFC 3261 §16.7 step 6, §20.15, §21.4.10; RFC 3428 §7.

use crate::leg::{Passage, outcome_of};
use crate::routing::Outcome;
use crate::sip::{Item, Message, Name, Writer};

/// What a phone's refusal is about.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum About {
    /// The moment: later it may take it.
    Now,
    /// The phone: it takes no pages.
    Phone,
    /// This page: another one it may take.
    Page,
}

/// The status with which a page is refused before anybody's tree is asked.
pub fn refusal_of(request: &Message, page_bytes: u32) -> Option<u16> {
    let length = request.body().len();
    if u32::try_from(length).is_ok_and(|length| length <= page_bytes) {
        // A body of which nobody says what it is cannot be read by anybody.
        return (length > 0 && request.content_type().is_none()).then_some(400);
    }
    Some(413)
}

/// What a phone's final refusal means to the tree, and the status that the sender may see for it.
pub(super) fn verdict(status: u16, page: &Passage) -> (Outcome, u16) {
    let outcome = match status {
        405 | 501 => Outcome::Unsupported,
        status => outcome_of(status),
    };
    let shown = match status {
        403 | 413 | 486 | 600 | 603 | 607 | 608 => status,
        // Every phone can read plain text: whoever sent that can do nothing better.
        415 if !is_plain(page) => 415,
        513 => 413,
        _ => 480,
    };
    (outcome, shown)
}

/// What a phone's final refusal is about.
pub(super) fn about(status: u16) -> About {
    match status {
        // Nobody there, not now, no connection.
        408 | 480 | 486 | 503 | 504 | 600 => About::Now,
        // It wants something of us, does not know whom it is for, knows no pages.
        401 | 404 | 405 | 407 | 410 | 501 | 505 | 604 => About::Phone,
        _ => About::Page,
    }
}

/// Writes the header that a status has to come with.
pub(super) fn write_required(status: u16, writer: &mut Writer) {
    if status == 415 {
        writer.header(Name::Accept, b"text/plain");
    }
}

fn is_plain(page: &Passage) -> bool {
    let encoded = page.header(Name::ContentEncoding).is_some();
    let kind = page.header(Name::ContentType).map(Item::parse);
    !encoded && kind.is_none_or(|kind| kind.is("text/plain"))
}

#[cfg(test)]
mod tests {
    use super::*;
    use bytes::Bytes;

    #[test]
    fn what_the_sender_sees() {
        let html = Passage::kept("Content-Type: text/html\r\n", Bytes::from_static(b"<p>"));
        let plain = Passage::kept("Content-Type: text/plain;charset=utf-8\r\n", Bytes::from_static(b"p"));
        let table = [
            (300, Outcome::Failed, 480),
            (400, Outcome::Failed, 480),
            (401, Outcome::Failed, 480),
            (403, Outcome::Failed, 403),
            (404, Outcome::Unreachable, 480),
            (405, Outcome::Unsupported, 480),
            (408, Outcome::Unreachable, 480),
            (413, Outcome::Failed, 413),
            (415, Outcome::Unsupported, 415),
            (480, Outcome::Unreachable, 480),
            (482, Outcome::Unreachable, 480),
            (486, Outcome::Busy, 486),
            (488, Outcome::Unsupported, 480),
            (500, Outcome::Failed, 480),
            (501, Outcome::Unsupported, 480),
            (503, Outcome::Unreachable, 480),
            (513, Outcome::Failed, 413),
            (600, Outcome::Busy, 600),
            (603, Outcome::Declined, 603),
            (604, Outcome::Unreachable, 480),
            (607, Outcome::Declined, 607),
        ];
        for (status, outcome, shown) in table {
            assert_eq!(verdict(status, &html), (outcome, shown), "{status}");
        }
        assert_eq!(verdict(415, &plain), (Outcome::Unsupported, 480));
    }
}
