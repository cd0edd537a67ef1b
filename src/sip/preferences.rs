//! What a phone says that it can do, and what a caller would have the phone that he reaches be able to.
//!
//! A phone lists features beside its Contact when it registers (`;video;mobility="fixed"`); a caller names
//! features that he wants or does not want (Accept-Contact, Reject-Contact). Each feature has values, of
//! which several may be meant (`"a,b"`), all but some (`"!a"`), numbers (`"#>=4"`, `"#1:5"`) and strings
//! (`"<x>"`). Two wishes fit when something satisfies both.
//!
//! Implements: RFC 3840 §9 (features beside a Contact); RFC 3841 §7.2, §8, §9; RFC 2533 §4 (as far as those need it).

use super::item::Item;
use super::list::elements;
use super::params::Params;

/// The features that have no `+` before their name (RFC 3840 §9).
const BASE: &[&str] = &[
    "audio",
    "automata",
    "class",
    "duplex",
    "data",
    "control",
    "mobility",
    "description",
    "events",
    "priority",
    "methods",
    "extensions",
    "schemes",
    "application",
    "video",
    "language",
    "type",
    "isfocus",
    "actor",
    "text",
];
/// Those with a `+` that say which phone it is, and not what it can do.
const NAMES: &[&str] = &["+sip.instance"];
/// Bytes in which a caller may say what he would have; with more he is as one who says nothing.
const SAID: usize = 1024;
/// Values of a feature that count: there are fewer methods, and everything else has a handful.
const VALUES: usize = 64;
/// A match is counted in thousandths.
const WHOLE: u32 = 1000;

/// What a caller would have.
#[derive(Debug, Clone, Default)]
#[expect(clippy::struct_excessive_bools, reason = "each is a wish of its own")]
pub struct Preferences {
    accept: Vec<Wish>,
    reject: Vec<Wish>,
    /// He has not said so himself: if nobody fits, everybody does (RFC 3841 §7.2.4).
    is_implicit: bool,
    /// One phone, not several (Request-Disposition).
    pub no_fork: bool,
    /// One phone after the other.
    pub sequential: bool,
    /// Nobody that a phone sends him to.
    pub no_recurse: bool,
}

/// One element of Accept-Contact or Reject-Contact.
#[derive(Debug, Clone)]
struct Wish {
    features: Vec<(String, String)>,
    require: bool,
    explicit: bool,
}

/// The features in the parameters of a Contact, as they are kept: `;audio;class="personal"`.
pub fn features_of(params: Params<'_>) -> String {
    let mut out = String::new();
    for (name, value) in params.iter() {
        let name = String::from_utf8_lossy(name).to_ascii_lowercase();
        if !is_feature(&name) {
            continue;
        }
        out.push(';');
        out.push_str(&name);
        if let Some(value) = value {
            let value = String::from_utf8_lossy(value).replace(['"', '\\', '\r', '\n'], "");
            out.push_str("=\"");
            out.push_str(&value);
            out.push('"');
        }
    }
    out
}

fn is_feature(name: &str) -> bool {
    BASE.contains(&name) || (name.starts_with('+') && !NAMES.contains(&name))
}

impl Preferences {
    /// What the values of the three headers say, for a request of this method.
    pub fn new<'a>(
        accept: impl Iterator<Item = &'a [u8]>,
        reject: impl Iterator<Item = &'a [u8]>,
        disposition: impl Iterator<Item = &'a [u8]>,
        method: &str,
    ) -> Self {
        let mut left = SAID;
        let mut wishes = |lists: &mut dyn Iterator<Item = &'a [u8]>| -> Option<Vec<Wish>> {
            let mut wishes = Vec::new();
            for list in lists {
                left = left.checked_sub(list.len())?;
                wishes.extend(elements(list).map(Wish::parse).filter(|wish| !wish.features.is_empty()));
            }
            Some(wishes)
        };
        let (mut accept, mut reject) = (accept, reject);
        let said = wishes(&mut accept).and_then(|accept| Some((accept, wishes(&mut reject)?)));
        let (accept, reject) = said.unwrap_or_default();
        let mut own = Self { accept, reject, ..Self::default() };
        for word in disposition.flat_map(elements) {
            own.no_fork |= word.eq_ignore_ascii_case(b"no-fork");
            own.sequential |= word.eq_ignore_ascii_case(b"sequential");
            own.no_recurse |= word.eq_ignore_ascii_case(b"no-recurse");
        }
        if own.accept.is_empty() && own.reject.is_empty() {
            // Who says nothing wants a phone that takes his request (§7.2.2.1).
            own.is_implicit = true;
            let features = vec![("methods".to_owned(), method.to_owned())];
            own.accept.push(Wish { features, require: true, explicit: false });
        }
        own
    }

    /// How well a phone with these features fits, in thousandths; `None` if it is not to be asked.
    pub fn score(&self, features: &str) -> Option<u32> {
        let own: Vec<(String, String)> = pairs(Params::of(features.as_bytes()));
        if own.is_empty() {
            // What has said nothing of itself is left alone (§7.2.3).
            return Some(WHOLE);
        }
        let is_all = |wish: &Wish| wish.features.iter().all(|(name, _)| value_of(&own, name).is_some());
        if self.reject.iter().any(|wish| is_all(wish) && wish.matched(&own).is_some()) {
            return None;
        }
        let mut sum = 0;
        for wish in &self.accept {
            sum += match wish.matched(&own) {
                None if wish.require => return None,
                Some(WHOLE) => WHOLE,
                _ if wish.require && wish.explicit => return None,
                _ if wish.explicit => 0,
                score => score.unwrap_or_default(),
            };
        }
        if self.is_implicit {
            // What he has not asked for makes none better than another.
            return Some(WHOLE);
        }
        let wishes = u32::try_from(self.accept.len()).unwrap_or(u32::MAX);
        Some(sum.checked_div(wishes).unwrap_or(WHOLE))
    }

    /// Whether everybody is to be asked where nobody fits.
    pub fn is_implicit(&self) -> bool {
        self.is_implicit
    }
}

impl Wish {
    fn parse(element: &[u8]) -> Self {
        let item = Item::parse(element);
        let features = pairs(item.params).into_iter().filter(|(name, _)| is_feature(name)).collect();
        Self { features, require: item.params.has("require"), explicit: item.params.has("explicit") }
    }

    /// How much of the wish a phone says that it can, in thousandths; `None` if it says that it cannot.
    fn matched(&self, own: &[(String, String)]) -> Option<u32> {
        let mut known = 0;
        for (name, wanted) in &self.features {
            if let Some(has) = value_of(own, name) {
                if !meet(has, wanted) {
                    return None;
                }
                known += 1;
            }
        }
        let all = u32::try_from(self.features.len()).unwrap_or(u32::MAX);
        (known * WHOLE).checked_div(all)
    }
}

fn pairs(params: Params<'_>) -> Vec<(String, String)> {
    let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
    let pair = |(name, value): (&[u8], Option<&[u8]>)| {
        // A feature without a value is one that is there.
        (text(name).to_ascii_lowercase(), value.map_or_else(|| "TRUE".to_owned(), text))
    };
    params.iter().map(pair).collect()
}

fn value_of<'a>(own: &'a [(String, String)], name: &str) -> Option<&'a str> {
    own.iter().find(|(other, _)| other == name).map(|(_, value)| value.as_str())
}

/// Whether something satisfies both lists of values: one value of each list.
fn meet(one: &str, other: &str) -> bool {
    let values = |list| str::split(list, ',').take(VALUES).map(Value::parse);
    values(one).any(|one| values(other).any(|other| one.meets(other)))
}

/// One of the values that a feature may have.
#[derive(Debug, Clone, Copy)]
struct Value<'a> {
    /// Whatever is not this.
    is_not: bool,
    is: Is<'a>,
}

#[derive(Debug, Clone, Copy)]
enum Is<'a> {
    Word(&'a str),
    /// From one number to another.
    Numbers(f64, f64),
}

impl<'a> Value<'a> {
    fn parse(text: &'a str) -> Self {
        let text = text.trim();
        let (is_not, text) = text.strip_prefix('!').map_or((false, text), |rest| (true, rest));
        let is = range(text).map_or(Is::Word(text), |(low, high)| Is::Numbers(low, high));
        Self { is_not, is }
    }

    /// Whether something is both.
    fn meets(self, other: Self) -> bool {
        match (self.is_not, other.is_not) {
            // There is always something else.
            (true, true) => true,
            (false, false) => self.is.meets(other.is),
            (true, false) => !other.is.lies_in(self.is),
            (false, true) => !self.is.lies_in(other.is),
        }
    }
}

impl Is<'_> {
    fn meets(self, other: Self) -> bool {
        match (self, other) {
            (Self::Numbers(low, high), Self::Numbers(least, most)) => low.max(least) <= high.min(most),
            (Self::Word(_), Self::Word(_)) => self.lies_in(other),
            (Self::Word(_), Self::Numbers(..)) | (Self::Numbers(..), Self::Word(_)) => false,
        }
    }

    /// Whether nothing is this that is not the other.
    fn lies_in(self, other: Self) -> bool {
        match (self, other) {
            (Self::Numbers(low, high), Self::Numbers(least, most)) => least <= low && high <= most,
            (Self::Word(one), Self::Word(two)) if one.starts_with('<') => one == two,
            (Self::Word(one), Self::Word(two)) => one.eq_ignore_ascii_case(two),
            (Self::Word(_), Self::Numbers(..)) | (Self::Numbers(..), Self::Word(_)) => false,
        }
    }
}

/// `#4`, `#=4`, `#>=4`, `#<=4`, `#1:4`.
fn range(value: &str) -> Option<(f64, f64)> {
    let text = value.strip_prefix('#')?;
    let number = |text: &str| text.trim().parse::<f64>().ok();
    if let Some(text) = text.strip_prefix(">=") {
        return Some((number(text)?, f64::INFINITY));
    }
    if let Some(text) = text.strip_prefix("<=") {
        return Some((f64::NEG_INFINITY, number(text)?));
    }
    if let Some((low, high)) = text.split_once(':') {
        return Some((number(low)?, number(high)?));
    }
    let own = number(text.strip_prefix('=').unwrap_or(text))?;
    Some((own, own))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn preferences(accept: &[&str], reject: &[&str]) -> Preferences {
        let [accept, reject] = [accept, reject].map(|list| list.iter().map(|text| text.as_bytes()));
        Preferences::new(accept, reject, std::iter::empty(), "INVITE")
    }

    #[test]
    fn what_of_a_contact_is_a_feature() {
        let kept = |text: &str| features_of(Params::of(text.as_bytes()));
        assert_eq!(
            kept(
                ";expires=60;Audio;q=0.5;class=\"personal\";+sip.instance=\"<urn:x>\";reg-id=1;+U.x=\"<a b>\";ob"
            ),
            ";audio;class=\"personal\";+u.x=\"<a b>\""
        );
        assert_eq!(kept(""), "");
    }

    /// Two lists of values, and whether something satisfies both.
    #[test]
    fn values_meet() {
        for (one, other, meets) in [
            ("TRUE", "TRUE", true),
            ("TRUE", "FALSE", false),
            ("a,b", "B , c", true),
            ("a,b", "c", false),
            ("!a", "a", false),
            ("!a", "b", true),
            ("!a", "!b", true),
            ("a,!a", "z", true),
            ("#5", "#=5", true),
            ("#>=5", "#<=4", false),
            ("#>=5", "#1:7", true),
            ("#1:3", "#4:5", false),
            ("!#5", "#5", false),
            ("<Ab>", "<Ab>", true),
            ("<Ab>", "<ab>", false),
            ("#x", "#x", true),
            ("!#1:3", "#2:3", false),
            ("!#1:3", "#2:4", true),
            ("!#1:3", "a", true),
            ("!a", "#4", true),
        ] {
            assert_eq!(meet(one, other), meets, "{one} {other}");
            assert_eq!(meet(other, one), meets, "{other} {one}");
        }
    }

    #[test]
    fn scores() {
        let video = ";audio;video;mobility=\"fixed\";methods=\"INVITE,BYE\"";
        let cell = ";audio;mobility=\"mobile\"";
        let pager = ";methods=\"MESSAGE\"";
        let of = |accept: &[&str], reject: &[&str]| {
            let own = preferences(accept, reject);
            [video, cell, pager, ""].map(|features| own.score(features))
        };
        let (whole, half, none, out) = (Some(1000), Some(500), Some(0), None);
        // Nothing said: who does not take the method is not asked, if there is another.
        assert_eq!(of(&[], &[]), [whole, whole, out, whole]);
        assert_eq!(of(&["*;video"], &[]), [whole, none, none, whole]);
        assert_eq!(of(&["*;video;audio"], &[]), [whole, half, none, whole]);
        assert_eq!(of(&["*;video;explicit"], &[]), [whole, none, none, whole]);
        assert_eq!(of(&["*;video;audio;explicit"], &[]), [whole, none, none, whole]);
        assert_eq!(of(&["*;video;require"], &[]), [whole, none, none, whole]);
        assert_eq!(of(&["*;video;require;explicit"], &[]), [whole, out, out, whole]);
        assert_eq!(of(&["*;mobility=\"mobile\""], &[]), [none, whole, none, whole]);
        assert_eq!(of(&["*;mobility=\"mobile\";require"], &[]), [out, whole, none, whole]);
        assert_eq!(of(&["*;video, *;mobility=\"mobile\""], &[]), [half, half, none, whole]);
        assert_eq!(of(&[], &["*;mobility=\"!fixed\""]), [whole, out, whole, whole]);
        assert_eq!(of(&[], &["*;video;mobility=\"mobile\""]), [whole, whole, whole, whole]);
        assert_eq!(of(&["*;require", "nonsense"], &[]), of(&[], &[]), "no feature is no wish");
        assert_eq!(of(&["*;audio"], &["*;video"]), [out, whole, none, whole]);
    }

    /// What takes long to read, or to hold against what phones say, is not read.
    #[test]
    fn who_says_too_much_has_said_nothing() {
        let long = format!("*;methods=\"{}INVITE\";require;explicit", "z,".repeat(600));
        let phone = ";methods=\"MESSAGE\"";
        assert_eq!(preferences(&[&long], &[]).score(phone), preferences(&[], &[]).score(phone));
        assert!(preferences(&[&long], &[]).is_implicit());
        let half = format!("*;class=\"{}\"", "z".repeat(600));
        assert!(!preferences(&[&half], &[]).is_implicit());
        assert!(preferences(&[&half], &[&half]).is_implicit());
        let beyond = format!("{}INVITE", "z,".repeat(VALUES));
        assert!(!meet("INVITE", &beyond));
    }

    #[test]
    fn directives() {
        let of = |text: &'static str| {
            let own = Preferences::new(
                std::iter::empty(),
                std::iter::empty(),
                [text.as_bytes()].into_iter(),
                "INVITE",
            );
            (own.no_fork, own.sequential, own.no_recurse)
        };
        assert_eq!(of("proxy, No-Fork, sequential"), (true, true, false));
        assert_eq!(of("fork, parallel, no-recurse, queue"), (false, false, true));
    }
}
