//! What a request says: in its path, its query and its body, each thing once.

use std::collections::BTreeMap;
use std::fmt;

use bytes::Bytes;
use serde::de::{self, Deserialize, Deserializer, MapAccess, Visitor};
use serde_json::{Map, Value};

use super::fields::{Field, Shape};
use super::routes::Route;
use crate::cli::desk::UNNAMED;
use crate::routing::nearest;

/// The member of a JSON body that holds the texts which others name.
pub(super) const TEXTS: &str = "texts";

/// What a request says.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct Asking {
    /// The values of each thing that is said.
    pub(super) said: BTreeMap<String, Vec<String>>,
    /// The texts that came along, by name.
    pub(super) texts: BTreeMap<String, String>,
}

/// Why it cannot be understood, in words for people.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub(super) enum Unclear {
    /// Something is no text.
    #[error("{0} is no text: it has to be UTF-8, and in a URL `%` and two hexadecimal digits")]
    NoText(&'static str),
    /// The body is no JSON.
    #[error("the body is no JSON object: {0}")]
    NoJson(String),
    /// A value is of a wrong kind.
    #[error("`{name}` is {wanted}")]
    Kind {
        /// Of what.
        name: String,
        /// What it should be.
        wanted: &'static str,
    },
    /// There is no such thing.
    #[error("there is no `{name}` here\n  {hint}")]
    Unknown {
        /// What was said.
        name: String,
        /// What may be meant.
        hint: String,
    },
    /// It is said in two places.
    #[error("`{0}` is said twice")]
    Twice(String),
}

/// The members of a JSON object; each may stand there once.
struct Members(Map<String, Value>);

impl<'de> Deserialize<'de> for Members {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct OfObject;
        impl<'de> Visitor<'de> for OfObject {
            type Value = Members;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("an object")
            }

            fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Members, A::Error> {
                let mut members = Map::new();
                while let Some((name, value)) = map.next_entry::<String, Value>()? {
                    if members.contains_key(&name) {
                        return Err(de::Error::custom(format_args!("`{name}` is said twice")));
                    }
                    members.insert(name, value);
                }
                Ok(Members(members))
            }
        }
        deserializer.deserialize_map(OfObject)
    }
}

impl Asking {
    /// Notes what stands in a path.
    pub(super) fn path(&mut self, arguments: &[(&'static str, &str)]) -> Result<(), Unclear> {
        for (name, value) in arguments {
            let value = decoded(value, false).ok_or(Unclear::NoText("the path"))?;
            self.said.insert((*name).to_owned(), vec![value]);
        }
        Ok(())
    }

    /// Notes what stands in a query.
    pub(super) fn query(&mut self, query: &str) -> Result<(), Unclear> {
        let mut said: BTreeMap<String, Vec<String>> = BTreeMap::new();
        for pair in query.split('&').filter(|pair| !pair.is_empty()) {
            let (name, value) = pair.split_once('=').unwrap_or((pair, "true"));
            let text = |part| decoded(part, true).ok_or(Unclear::NoText("the query"));
            said.entry(text(name)?).or_default().push(text(value)?);
        }
        self.add(said)
    }

    /// Notes what is expected to be there.
    pub(super) fn expect(&mut self, expected: Vec<String>) -> Result<(), Unclear> {
        self.add(BTreeMap::from([("expect".to_owned(), expected)]))
    }

    /// Notes what stands in a JSON body.
    pub(super) fn json(&mut self, body: &[u8]) -> Result<(), Unclear> {
        let parsed: Result<Members, _> = serde_json::from_slice(body);
        let Members(mut object) = parsed.map_err(|error| Unclear::NoJson(error.to_string()))?;
        if let Some(texts) = object.remove(TEXTS) {
            let wanted = "an object of texts";
            let fault = |_| Unclear::Kind { name: TEXTS.into(), wanted };
            self.texts = serde_json::from_value(texts).map_err(fault)?;
        }
        let mut said = BTreeMap::new();
        for (name, value) in object {
            let values = values(&name, value)?;
            if !values.is_empty() {
                said.insert(name, values);
            }
        }
        self.add(said)
    }

    /// Notes a body that is one text.
    pub(super) fn text(&mut self, body: &Bytes) -> Result<(), Unclear> {
        let text = std::str::from_utf8(body).map_err(|_| Unclear::NoText("the body"))?;
        self.texts.insert(UNNAMED.into(), text.to_owned());
        Ok(())
    }

    fn add(&mut self, said: BTreeMap<String, Vec<String>>) -> Result<(), Unclear> {
        for (name, values) in said {
            if self.said.contains_key(&name) {
                return Err(Unclear::Twice(name));
            }
            self.said.insert(name, values);
        }
        Ok(())
    }

    /// Lets a text without a name be what the route's text is, where nothing else is said.
    pub(super) fn name_text(&mut self, route: &Route) {
        if let Some((argument, _)) = route.text
            && self.texts.contains_key(UNNAMED)
        {
            self.said.entry(argument.to_owned()).or_insert_with(|| vec![UNNAMED.to_owned()]);
        }
    }

    /// Whether everything that is said is one of the fields.
    pub(super) fn check(&self, fields: &[Field]) -> Result<(), Unclear> {
        let names = || fields.iter().map(|field| field.name.as_str());
        match self.said.keys().find(|name| !names().any(|known| known == name.as_str())) {
            None => Ok(()),
            Some(name) => {
                let hint = match (nearest(name, names()), fields.is_empty()) {
                    (Some(meant), _) => format!("did you mean `{meant}`?"),
                    (None, true) => "it takes nothing".to_owned(),
                    (None, false) => format!("there are {}", names().collect::<Vec<_>>().join(", ")),
                };
                Err(Unclear::Unknown { name: name.clone(), hint })
            }
        }
    }

    /// What is said, as the words of a command line after the command's own.
    pub(super) fn arguments(&self, fields: &[Field]) -> Result<Vec<String>, Unclear> {
        self.check(fields)?;
        let (mut options, mut placed) = (Vec::new(), Vec::new());
        for field in fields {
            let Some(values) = self.said.get(&field.name) else { continue };
            if field.shape != Shape::Many && values.len() > 1 {
                return Err(Unclear::Twice(field.name.clone()));
            }
            for value in values {
                match (&field.option, field.shape) {
                    (Some(option), Shape::Flag) => match value.as_str() {
                        "true" => options.push(format!("--{option}")),
                        "false" => {}
                        _ => {
                            let (name, wanted) = (field.name.clone(), "true or false");
                            return Err(Unclear::Kind { name, wanted });
                        }
                    },
                    (Some(option), Shape::One | Shape::Many) => options.push(format!("--{option}={value}")),
                    (None, _) => placed.push(value.clone()),
                }
            }
        }
        options.push("--".to_owned());
        options.append(&mut placed);
        Ok(options)
    }
}

/// The values of a member.
fn values(name: &str, value: Value) -> Result<Vec<String>, Unclear> {
    let one = |value| match value {
        Value::String(text) => Ok(text),
        Value::Number(number) => Ok(number.to_string()),
        Value::Bool(is) => Ok(is.to_string()),
        Value::Null | Value::Array(_) | Value::Object(_) => Err(Unclear::Kind {
            name: name.to_owned(),
            wanted: "a text, a number, true, false, or a list of them",
        }),
    };
    match value {
        Value::Null => Ok(Vec::new()),
        Value::Array(list) => list.into_iter().map(one).collect(),
        value @ (Value::Bool(_) | Value::Number(_) | Value::String(_) | Value::Object(_)) => {
            Ok(vec![one(value)?])
        }
    }
}

/// A text without its percent signs (RFC 3986 §2.1); in a query `+` is a space.
fn decoded(text: &str, is_query: bool) -> Option<String> {
    let mut bytes = Vec::with_capacity(text.len());
    let mut rest = text.bytes();
    while let Some(byte) = rest.next() {
        match byte {
            b'%' => {
                let mut digit = || char::from(rest.next()?).to_digit(16);
                let (high, low) = (digit()?, digit()?);
                bytes.push(u8::try_from(high * 16 + low).ok()?);
            }
            b'+' if is_query => bytes.push(b' '),
            other => bytes.push(other),
        }
    }
    String::from_utf8(bytes).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn asked(
        work: impl FnOnce(&mut Asking) -> Result<(), Unclear>,
    ) -> Result<Vec<(String, Vec<String>)>, String> {
        let mut asking = Asking::default();
        work(&mut asking).map_err(|unclear| unclear.to_string())?;
        Ok(asking.said.into_iter().collect())
    }

    #[test]
    fn a_query_and_a_body_say_the_same() {
        let query = asked(|asking| asking.query("group=a%20b&group=c+d&contact&limit=5")).unwrap();
        let body =
            asked(|asking| asking.json(br#"{"group":["a b","c d"],"contact":true,"limit":5,"x":null}"#));
        assert_eq!(Ok(&query), body.as_ref());
        assert_eq!(query.first().unwrap(), &("contact".to_owned(), vec!["true".to_owned()]));
    }

    #[test]
    fn what_cannot_be_understood_is_told() {
        for (body, wanted) in [
            ("[]", "no JSON object"),
            ("{\"a\":{}}", "`a` is a text"),
            ("{\"a\":[[1]]}", "`a` is a text"),
            ("{\"texts\":[]}", "`texts` is an object"),
            ("{", "no JSON object"),
        ] {
            let told = asked(|asking| asking.json(body.as_bytes())).unwrap_err();
            assert!(told.contains(wanted), "{body}: {told}");
        }
        for query in ["a=%", "a=%4", "a=%zz", "a=%ff"] {
            assert!(asked(|asking| asking.query(query)).is_err(), "{query}");
        }
        let twice = asked(|asking| {
            asking.path(&[("uid", "anne")])?;
            asking.query("uid=carl")
        });
        assert_eq!(twice, Err("`uid` is said twice".into()));
    }
}
