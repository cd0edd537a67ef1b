//! Somebody as a contact list names him: the patterns that conditions have, for those who keep
//! lists and for those who look parties up in them.

use std::fmt;

use super::pattern::{Pattern, PatternError, Shape};
use super::question::Party;

/// A UID, a cluster (`@south.test`), a number, the beginning or end of one (`+1900*`, `*.test`), or
/// `anonymous`. Its text is canonical: equal texts are equal patterns.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub struct Listed(Pattern);

impl Listed {
    /// Reads it as a person writes it, in any case and with spaces in a number.
    pub fn read(text: &str) -> Result<Self, PatternError> {
        if text == Self::ANONYMOUS { Ok(Self(Pattern::Anonymous)) } else { Pattern::read(text).map(Self) }
    }

    /// Whether a party is meant by this.
    pub fn matches(&self, party: Party<'_>) -> bool {
        self.0.matches(party)
    }

    /// The UID or number, if it is one and no pattern of many.
    pub fn exactly(&self) -> Option<&str> {
        match &self.0 {
            Pattern::User(Shape::Exactly(whole)) | Pattern::Number(Shape::Exactly(whole)) => Some(whole),
            Pattern::Anonymous | Pattern::User(_) | Pattern::Number(_) => None,
        }
    }

    /// Whether everybody who is meant by another is meant by this.
    pub fn covers(&self, other: &Self) -> bool {
        match (&self.0, &other.0) {
            (Pattern::User(own), Pattern::User(other)) | (Pattern::Number(own), Pattern::Number(other)) => {
                match (own, other) {
                    (shape, Shape::Exactly(whole)) => shape.matches(whole),
                    (Shape::Begins(own), Shape::Begins(other)) => other.starts_with(&**own),
                    (Shape::Ends(own), Shape::Ends(other)) => other.ends_with(&**own),
                    (Shape::Exactly(_) | Shape::Begins(_) | Shape::Ends(_), _) => false,
                }
            }
            (own, other) => own == other,
        }
    }

    /// Those who do not say who they are.
    pub const ANONYMOUS: &str = "anonymous";
}

impl fmt::Display for Listed {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.0 {
            Pattern::Anonymous => f.write_str(Self::ANONYMOUS),
            Pattern::User(Shape::Ends(end)) if end.starts_with('@') => f.write_str(end),
            Pattern::User(shape) | Pattern::Number(shape) => shape.fmt(f),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::base::Uid;

    #[test]
    fn what_is_written_has_one_form_and_reads_as_itself() {
        for (written, form) in [
            ("Carl@South.TEST", "carl@south.test"),
            ("@South.test", "@south.test"),
            ("*@south.test", "@south.test"),
            ("*.test", "*.test"),
            ("sales-*", "sales-*"),
            ("+354 555-1234", "+3545551234"),
            ("+1 900*", "+1900*"),
            ("anonymous", "anonymous"),
        ] {
            let listed = Listed::read(written).unwrap();
            assert_eq!(listed.to_string(), form);
            assert_eq!(Listed::read(form).unwrap(), listed, "{form}");
        }
        for bad in ["carl", "*", "a b@c", "", "+", "a@b@c", "an*ne@south.test"] {
            assert!(Listed::read(bad).is_err(), "{bad}");
        }
    }

    #[test]
    fn it_means_whom_it_names() {
        let carl = Uid::parse("carl@south.test").unwrap();
        let means = |text: &str, party| Listed::read(text).unwrap().matches(party);
        assert!(means("carl@south.test", Party::User(&carl)) && means("@south.test", Party::User(&carl)));
        assert!(!means("@outh.test", Party::User(&carl)) && !means("anonymous", Party::User(&carl)));
        assert!(means("+354*", Party::Number("+3545551234")) && !means("354*", Party::Number("+354")));
        assert!(means("anonymous", Party::Anonymous));
        let covers =
            |one: &str, other: &str| Listed::read(one).unwrap().covers(&Listed::read(other).unwrap());
        assert!(covers("@south.test", "carl@south.test") && covers("*.test", "@south.test"));
        assert!(covers("+354*", "+3545*") && covers("anonymous", "anonymous"));
        assert!(!covers("carl@south.test", "@south.test") && !covers("+3545*", "+354*"));
        assert_eq!(Listed::read("+354*").unwrap().exactly(), None);
        assert_eq!(Listed::read("+354").unwrap().exactly(), Some("+354"));
    }
}
