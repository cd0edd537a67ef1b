//! The way that a call has come: whom it was for, one target after the other.
//!
//! It is what loops are found by, and what phones are told in History-Info when a call reaches them
//! by a detour. It names users by their addresses and nothing else: a number is shown only to the
//! one it belongs to, siblings that were tried before are left out (their places are gaps in the
//! indices), and a caller who asks for privacy has no history at all. It goes down the way of a
//! call and never back up: no caller is told where his call went.
//!
//! Implements: RFC 7044 §5, §7, §10; RFC 5393 §4 (loops).

use std::fmt::Write as _;
use std::sync::Arc;

use bytes::Bytes;
use smallvec::SmallVec;

use crate::base::Uid;
use crate::dialog::Escaped;

/// The targets of a call so far, the first one first.
#[derive(Debug, Clone, Default)]
pub struct History {
    entries: SmallVec<[Entry; 2]>,
    hidden: bool,
}

#[derive(Debug, Clone)]
struct Entry {
    target: Target,
    /// The how manieth that its predecessor sent the call to.
    child: u16,
    /// The status for which the call did not stay there (RFC 7044 §10.2).
    cause: Option<u16>,
}

#[derive(Debug, Clone)]
enum Target {
    User(Uid),
    Number(Arc<str>),
}

impl History {
    /// A call that has not been anywhere. `hidden`: the caller does not want it told.
    pub fn new(hidden: bool) -> Self {
        Self { entries: SmallVec::new(), hidden }
    }

    /// Whether this user's tree has been asked.
    pub fn has(&self, uid: &Uid) -> bool {
        self.entries.iter().any(|entry| matches!(&entry.target, Target::User(own) if own == uid))
    }

    /// How many targets it has had.
    pub fn len(&self) -> usize {
        self.entries.len()
    }

    /// Whether it has had none.
    pub fn is_empty(&self) -> bool {
        self.entries.is_empty()
    }

    /// The history of the half that is asked next: this user, under a number of his if one was
    /// dialled. `child`: the how manieth of this half; `cause`: the status that sent the call on.
    #[must_use]
    pub fn to(&self, uid: &Uid, number: Option<&Arc<str>>, child: u16, cause: Option<u16>) -> Self {
        let mut next = self.clone();
        if let Some(last) = next.entries.last_mut() {
            last.cause = cause;
        }
        let mut child = child;
        if let Some(number) = number {
            next.entries.push(Entry { target: Target::Number(Arc::clone(number)), child, cause: None });
            child = 1;
        }
        next.entries.push(Entry { target: Target::User(uid.clone()), child, cause: None });
        next
    }

    /// The value of the History-Info header for a phone of `owner`; `None` if the call came straight,
    /// or is not to be told of.
    pub fn header(&self, owner: &Uid) -> Option<Bytes> {
        if self.hidden || self.entries.len() < 2 {
            return None;
        }
        let mut text = String::with_capacity(64 * self.entries.len());
        let mut index = String::new();
        for (at, entry) in self.entries.iter().enumerate() {
            let parent = index.clone();
            let separator = if at == 0 { "" } else { "." };
            let _ = write!(index, "{separator}{}", entry.child);
            if at > 0 {
                text.push_str(", ");
            }
            let next = self.entries.get(at + 1).map(|next| &next.target);
            entry.write(owner, next, &mut text);
            let _ = write!(text, ";index={index}");
            match at.checked_sub(1).and_then(|before| self.entries.get(before)) {
                // The same user by another name, or another one (RFC 7044 §5.1).
                Some(Entry { target: Target::Number(_), .. }) => {
                    let _ = write!(text, ";rc={parent}");
                }
                Some(Entry { target: Target::User(_), .. }) => {
                    let _ = write!(text, ";mp={parent}");
                }
                None => {}
            }
        }
        Some(text.into())
    }
}

impl Entry {
    fn write(&self, owner: &Uid, next: Option<&Target>, text: &mut String) {
        let shown = match &self.target {
            Target::User(uid) => write!(text, "<sip:{}@{}", Escaped(uid.user()), uid.cluster()),
            Target::Number(number) if matches!(next, Some(Target::User(own)) if own == owner) => {
                write!(text, "<sip:{}@{};user=phone", Escaped(number), owner.cluster())
            }
            Target::Number(_) => write!(text, "<sip:anonymous@anonymous.invalid"),
        };
        debug_assert!(shown.is_ok(), "writing to memory does not fail");
        if let Some(cause) = self.cause {
            let _ = write!(text, "?Reason=SIP%3Bcause%3D{cause}");
        }
        text.push('>');
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn uid(name: &str) -> Uid {
        Uid::new(name, "north.test").unwrap()
    }

    fn text(history: &History, owner: &str) -> Option<String> {
        history.header(&uid(owner)).map(|value| String::from_utf8(value.to_vec()).unwrap())
    }

    #[test]
    fn a_straight_call_has_none() {
        let straight = History::default().to(&uid("carl"), None, 1, None);
        assert_eq!(text(&straight, "carl"), None);
        assert!(straight.has(&uid("carl")) && !straight.has(&uid("dora")));
    }

    #[test]
    fn a_detour_is_told_with_its_reasons() {
        let carl = History::default().to(&uid("carl"), None, 1, None);
        let dora = carl.to(&uid("dora"), None, 2, Some(486));
        let eric = dora.to(&uid("eric"), None, 1, None);
        assert_eq!(
            text(&eric, "eric").unwrap(),
            "<sip:carl@north.test?Reason=SIP%3Bcause%3D486>;index=1, \
             <sip:dora@north.test>;index=1.2;mp=1, <sip:eric@north.test>;index=1.2.1;mp=1.2"
        );
    }

    #[test]
    fn a_number_is_its_owners() {
        let number: Arc<str> = "+3545551234".into();
        let dora = History::default().to(&uid("dora"), Some(&number), 1, None);
        assert_eq!(
            text(&dora, "dora").unwrap(),
            "<sip:+3545551234@north.test;user=phone>;index=1, <sip:dora@north.test>;index=1.1;rc=1"
        );
        let eric = dora.to(&uid("eric"), None, 1, Some(302));
        assert_eq!(
            text(&eric, "eric").unwrap(),
            "<sip:anonymous@anonymous.invalid>;index=1, \
             <sip:dora@north.test?Reason=SIP%3Bcause%3D302>;index=1.1;rc=1, \
             <sip:eric@north.test>;index=1.1.1;mp=1.1"
        );
    }

    #[test]
    fn privacy_leaves_nothing() {
        let hidden = History::new(true).to(&uid("carl"), None, 1, None).to(&uid("dora"), None, 1, None);
        assert_eq!(text(&hidden, "dora"), None);
        assert!(hidden.has(&uid("carl")), "loops are found all the same");
    }
}
