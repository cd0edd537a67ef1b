//! Conditions on which a request is done: the texts that its sender has seen, by their tags.
//!
//! Implements: RFC 9110 §8.8.3, §13.1.1, §13.1.2 (a request whose condition cannot be looked at is not done).

use hyper::StatusCode;
use hyper::header::{HeaderMap, HeaderName, IF_MATCH, IF_NONE_MATCH};

use crate::io::http::problem::Problem;
use crate::io::http::words::Reply;

/// What a header field names.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Tags {
    /// `*`: whatever there is.
    Any,
    /// These, without their quotes; weak ones are never the same as one of ours.
    These(Vec<String>),
}

/// The conditions of one request.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct Conditions {
    pub(super) if_match: Option<Tags>,
    pub(super) if_none_match: Option<Tags>,
}

impl Conditions {
    /// Reads them; a field that cannot be read is refused, for it must not be passed over.
    pub(super) fn read(headers: &HeaderMap) -> Result<Self, Reply> {
        let read = |name: HeaderName| match Tags::read(headers, &name) {
            Ok(tags) => Ok(tags),
            Err(()) => {
                let words =
                    format!("`{name}` cannot be read\nit is `*`, or tags in quotes with commas between them");
                Err(Problem::new(StatusCode::BAD_REQUEST, &words).reply())
            }
        };
        Ok(Self { if_match: read(IF_MATCH)?, if_none_match: read(IF_NONE_MATCH)? })
    }

    /// Whether a text with this tag need not be sent.
    pub(super) fn is_seen(&self, tag: &str) -> bool {
        match &self.if_none_match {
            Some(Tags::Any) => true,
            Some(Tags::These(tags)) => tags.iter().any(|own| own == tag),
            None => false,
        }
    }

    /// What a write of a text is to find there, in the words of `expect`; `None`: whatever it is. Refused if
    /// that cannot be said, or nothing could ever fit.
    pub(super) fn expected(&self) -> Result<Option<Vec<String>>, Reply> {
        match (&self.if_match, &self.if_none_match) {
            (None, None) => Ok(None),
            (Some(Tags::Any), None) => Ok(Some(vec!["any".to_owned()])),
            (None, Some(Tags::Any)) => Ok(Some(vec!["none".to_owned()])),
            (Some(Tags::These(tags)), None) => {
                let ours: Vec<String> = tags.iter().filter(|tag| is_ours(tag)).cloned().collect();
                if ours.is_empty() { Err(failed("no text of ours has such a tag")) } else { Ok(Some(ours)) }
            }
            (_, Some(_)) => {
                Err(failed("`If-None-Match` with tags, or beside `If-Match`, is not looked at here"))
            }
        }
    }

    /// Refuses a request that is to change something on a condition which is not looked at.
    pub(super) fn none_on_change(&self) -> Result<(), Reply> {
        if *self == Self::default() {
            Ok(())
        } else {
            Err(failed("what this changes has no tag to be compared"))
        }
    }
}

impl Tags {
    /// The tags of a header field, if it is there.
    fn read(headers: &HeaderMap, name: &HeaderName) -> Result<Option<Self>, ()> {
        let mut tags = Vec::new();
        let mut is_any = false;
        for value in headers.get_all(name) {
            let mut rest = value.to_str().map_err(|_| ())?.trim();
            is_any |= rest == "*";
            while !rest.is_empty() && rest != "*" {
                let (is_weak, tag) = match rest.strip_prefix("W/") {
                    Some(tag) => (true, tag),
                    None => (false, rest),
                };
                let (tag, after) = tag.strip_prefix('"').and_then(|tag| tag.split_once('"')).ok_or(())?;
                if !is_weak {
                    tags.push(tag.to_owned());
                }
                let after = after.trim_start();
                rest = match after.strip_prefix(',') {
                    Some(more) => more.trim_start(),
                    None if after.is_empty() => after,
                    None => return Err(()),
                };
            }
        }
        match (headers.contains_key(name), is_any) {
            (false, _) => Ok(None),
            (true, true) if tags.is_empty() => Ok(Some(Self::Any)),
            (true, true) => Err(()),
            (true, false) => Ok(Some(Self::These(tags))),
        }
    }
}

/// Whether a tag looks like those of texts: no other word is one.
fn is_ours(tag: &str) -> bool {
    tag.len() == 32 && tag.bytes().all(|byte| byte.is_ascii_hexdigit())
}

fn failed(why: &str) -> Reply {
    let words = format!("the condition of this request is not fulfilled: {why}\nnothing was changed");
    Problem::new(StatusCode::PRECONDITION_FAILED, &words).reply()
}

#[cfg(test)]
mod tests {
    use hyper::header::HeaderValue;

    use super::*;

    fn read(fields: &[(HeaderName, &str)]) -> Result<Conditions, Reply> {
        let mut headers = HeaderMap::new();
        for (name, value) in fields {
            headers.append(name, HeaderValue::from_bytes(value.as_bytes()).unwrap());
        }
        Conditions::read(&headers)
    }

    #[test]
    fn conditions_are_read_or_refused() {
        let these = |tags: &[&str]| Some(Tags::These(tags.iter().map(|tag| (*tag).to_owned()).collect()));
        let of = |value: &str| read(&[(IF_MATCH, value)]).map(|conditions| conditions.if_match);
        assert_eq!(of("*"), Ok(Some(Tags::Any)));
        assert_eq!(of("\"a\", W/\"b\",\"c,d\""), Ok(these(&["a", "c,d"])));
        assert_eq!(of("\"\""), Ok(these(&[""])));
        for bad in ["a", "\"a", "\"a\" \"b\"", "*, \"a\"", "\u{e9}", "any"] {
            assert_eq!(of(bad).unwrap_err().status, StatusCode::BAD_REQUEST, "{bad}");
        }
        assert_eq!(read(&[(IF_MATCH, "\"a\""), (IF_MATCH, "\"b\"")]).unwrap().if_match, these(&["a", "b"]));
    }

    #[test]
    fn no_word_in_quotes_means_more_than_a_tag() {
        let expected = |fields: &[(HeaderName, &str)]| read(fields).unwrap().expected();
        let tag = "0123456789abcdef0123456789abcdef";
        let quoted = format!("\"{tag}\", \"other\"");
        assert_eq!(expected(&[]), Ok(None));
        assert_eq!(expected(&[(IF_MATCH, &quoted)]), Ok(Some(vec![tag.to_owned()])));
        assert_eq!(expected(&[(IF_NONE_MATCH, "*")]), Ok(Some(vec!["none".to_owned()])));
        for field in [(IF_MATCH, "\"none\""), (IF_MATCH, "\"\""), (IF_NONE_MATCH, "\"x\"")] {
            assert_eq!(expected(&[field]).unwrap_err().status, StatusCode::PRECONDITION_FAILED);
        }
    }
}
