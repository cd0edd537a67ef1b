//! A question as it is kept in the record of a call or page: every fact that was looked at but the
//! message itself, and what was done about it. It can be asked again, of the same tree or another.

use std::borrow::Cow;
use std::sync::Arc;

use bytes::Bytes;
use serde::{Deserialize, Serialize};

use super::content::{Content, Header};
use super::profile::Profile;
use super::question::Party;
use super::route::{Facts, Route, Who};
use super::trace::TraceStep;
use super::values::Account;
use super::words::{Direction, Mode, Outcome, Registered, Status};
use crate::base::Uid;

/// One request that was decided.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Recorded {
    /// Which tree was asked.
    pub direction: Direction,
    /// What was asked for.
    pub mode: Mode,
    /// Who asked.
    pub caller: Who,
    /// Who was asked for.
    pub to: Who,
    /// What else was known, but for the text of the message.
    pub facts: Facts,
    /// The message had a text.
    pub had_text: bool,
    /// What was done, first to last.
    pub done: Vec<Done>,
}

/// One thing that was done.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct Done {
    /// The action as a tree writes it.
    #[serde(rename = "do")]
    pub action: String,
    /// What was done besides, as a tree writes it.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub besides: Vec<String>,
    /// How it came back, if it did.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub came_back: Option<Outcome>,
}

/// What another tree would have done with a recorded question.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Replayed {
    /// The same.
    Same,
    /// Something else: all of it, as far as the outcomes are known.
    Differs(Vec<Done>),
    /// It turns on something that is not on record.
    Unknown,
}

/// A text that is no recorded question.
#[derive(Clone, Copy, PartialEq, Eq, Debug, thiserror::Error)]
#[error("this is no recorded question")]
pub struct Unreadable;

/// A question as it is written. Its names are stable: records outlive versions.
#[derive(Serialize, Deserialize)]
struct Kept<'a> {
    tree: Direction,
    mode: Mode,
    #[serde(borrow)]
    from: Cow<'a, str>,
    #[serde(borrow)]
    to: Cow<'a, str>,
    registered: Registered,
    #[serde(borrow, default, skip_serializing_if = "Vec::is_empty")]
    groups: Vec<Cow<'a, str>>,
    #[serde(default, skip_serializing_if = "is_false")]
    contact: bool,
    #[serde(default, skip_serializing_if = "is_false")]
    urgent: bool,
    at_ms: i64,
    status: Status,
    #[serde(default, skip_serializing_if = "is_false")]
    verified: bool,
    #[serde(borrow, default, skip_serializing_if = "Option::is_none")]
    account: Option<Owner<'a>>,
    #[serde(borrow, default, skip_serializing_if = "Option::is_none")]
    device: Option<Cow<'a, str>>,
    #[serde(borrow, default, skip_serializing_if = "Option::is_none")]
    message: Option<Message<'a>>,
    done: Cow<'a, [Done]>,
}

/// Room for a question of which there is not much to be said.
const USUAL: usize = 400;

impl<'a> Kept<'a> {
    fn of(
        (tree, mode): (Direction, Mode),
        (caller, to): (&'a Who, &'a Who),
        facts: &'a Facts,
        (had_text, done): (bool, &'a [Done]),
    ) -> Self {
        // Every fact has its place here: one that is added has to find its own.
        let Facts { registered, groups, contact, urgent, wall_ms, status, .. } = facts;
        let Facts { verified, account, device, content, .. } = facts;
        Self {
            tree,
            mode,
            from: named(caller),
            to: named(to),
            registered: *registered,
            groups: groups.iter().map(|group| Cow::Borrowed(&**group)).collect(),
            contact: *contact,
            urgent: *urgent,
            at_ms: *wall_ms,
            status: *status,
            verified: *verified,
            account: account.as_deref().map(Owner::of),
            device: device.as_deref().map(Cow::Borrowed),
            message: content.as_deref().map(|content| Message::of(content, had_text)),
            done: Cow::Borrowed(done),
        }
    }

    fn text(&self) -> String {
        let mut text = Vec::with_capacity(USUAL);
        // Texts and numbers are always written.
        let written = serde_json::to_writer(&mut text, self).is_ok();
        String::from_utf8(text).ok().filter(|_| written).unwrap_or_default()
    }
}

/// Somebody as [`Who`] is written.
fn named(who: &Who) -> Cow<'_, str> {
    match who {
        Who::User(uid) => Cow::Borrowed(uid.as_str()),
        Who::Number(number) => Cow::Borrowed(number),
        Who::Anonymous => Cow::Owned(who.to_string()),
    }
}

/// What is kept of the tree's owner.
#[derive(Serialize, Deserialize)]
struct Owner<'a> {
    #[serde(borrow)]
    kind: Cow<'a, str>,
    credit: i64,
    #[serde(borrow, default, skip_serializing_if = "Vec::is_empty")]
    properties: Vec<(Cow<'a, str>, Cow<'a, str>)>,
}

/// What is kept of the message.
#[derive(Serialize, Deserialize)]
struct Message<'a> {
    #[serde(borrow, default, skip_serializing_if = "Vec::is_empty")]
    headers: Vec<(Cow<'a, str>, Cow<'a, str>)>,
    size: i64,
    /// It had a text, which is not kept.
    #[serde(default, skip_serializing_if = "is_false")]
    text: bool,
}

impl Recorded {
    /// As it is kept.
    pub fn text(&self) -> String {
        let parties = (&self.caller, &self.to);
        Kept::of((self.direction, self.mode), parties, &self.facts, (self.had_text, &self.done)).text()
    }

    /// Reads what [`Recorded::text`] has written.
    pub fn read(text: &str) -> Result<Self, Unreadable> {
        let kept: Kept<'_> = serde_json::from_str(text).map_err(|_| Unreadable)?;
        Ok(Self {
            direction: kept.tree,
            mode: kept.mode,
            caller: who(&kept.from)?,
            to: who(&kept.to)?,
            had_text: kept.message.as_ref().is_some_and(|message| message.text),
            facts: Facts {
                registered: kept.registered,
                groups: kept.groups.iter().map(|group| Arc::from(&**group)).collect(),
                contact: kept.contact,
                urgent: kept.urgent,
                wall_ms: kept.at_ms,
                status: kept.status,
                verified: kept.verified,
                account: kept.account.map(|owner| Arc::new(owner.account())),
                device: kept.device.map(|device| Arc::from(&*device)),
                content: kept.message.map(|message| Arc::new(message.content())),
            },
            done: kept.done.into_owned(),
        })
    }

    /// Asks it again. As long as the tree does what was done, what came of it comes of it again; where
    /// it does something else, nobody knows what would have come of that. Where the profile has no
    /// incoming tree, `fallback` is asked.
    pub fn replay(&self, profile: &Arc<Profile>, fallback: &Arc<Profile>) -> Replayed {
        let parties = (self.caller.clone(), self.to.clone());
        let mut route =
            Route::begin((profile, fallback), self.direction, self.mode, parties, self.facts.clone());
        for done in &self.done {
            let Some(outcome) = done.came_back.filter(|_| route.action().to_string() == done.action) else {
                break;
            };
            if !route.follow(outcome) {
                break;
            }
        }
        let done = route.done();
        if self.had_text && route.trace().is_unrecorded() {
            Replayed::Unknown
        } else if done == self.done {
            Replayed::Same
        } else {
            Replayed::Differs(done)
        }
    }
}

impl Route {
    /// What there is to be kept of it, as [`Recorded::text`] writes it.
    pub fn recorded_text(&self) -> String {
        let (facts, done) = (self.facts(), self.done());
        let had_text = facts.content.as_ref().is_some_and(|content| !content.text().is_empty());
        let parties = (self.caller(), self.to());
        Kept::of((self.direction(), self.mode()), parties, facts, (had_text, &done)).text()
    }

    /// What there is to be kept of it.
    pub fn recorded(&self) -> Recorded {
        let content = self.facts().content.as_ref().map(|content| content.without_text());
        Recorded {
            direction: self.direction(),
            mode: self.mode(),
            caller: self.caller().clone(),
            to: self.to().clone(),
            facts: Facts { content: content.map(Arc::new), ..self.facts().clone() },
            had_text: self.facts().content.as_ref().is_some_and(|content| !content.text().is_empty()),
            done: self.done(),
        }
    }

    /// What was done so far: the last steps of a way are its lines, and those a trace always holds.
    fn done(&self) -> Vec<Done> {
        let mut list: Vec<Done> = Vec::new();
        let graph = self.profile().graph(self.trace().direction());
        let lines = graph.map_or(&[][..], |graph| &graph.lines);
        for step in self.trace().steps() {
            match step {
                TraceStep::Tested { .. } => {}
                TraceStep::Reached { line } => {
                    let line = lines.get(usize::from(line));
                    list.extend(line.map(|line| Done {
                        action: line.action.to_string(),
                        besides: line.sides.iter().map(ToString::to_string).collect(),
                        came_back: None,
                    }));
                }
                TraceStep::CameBack { outcome } => {
                    if let Some(last) = list.last_mut() {
                        last.came_back = Some(outcome);
                    }
                }
            }
        }
        if list.is_empty() {
            // There is no tree, and what is done is what is done then.
            list.push(Done { action: self.action().to_string(), besides: Vec::new(), came_back: None });
        }
        list
    }
}

impl<'a> Owner<'a> {
    fn of(account: &'a Account) -> Self {
        let Account { kind, credit, properties } = account;
        let borrowed =
            |(key, value): &'a (Box<str>, Box<str>)| (Cow::Borrowed(&**key), Cow::Borrowed(&**value));
        let properties = properties.iter().map(borrowed).collect();
        Self { kind: Cow::Borrowed(kind), credit: *credit, properties }
    }

    fn account(self) -> Account {
        let boxed = |(key, value): (Cow<'a, str>, Cow<'a, str>)| (Box::from(key), Box::from(value));
        let properties = self.properties.into_iter().map(boxed).collect();
        Account { kind: Box::from(self.kind), credit: self.credit, properties }
    }
}

impl<'a> Message<'a> {
    fn of(content: &'a Content, text: bool) -> Self {
        let headers = content.headers().map(|(header, value)| (header.as_str().into(), value));
        Self { headers: headers.collect(), size: content.size(), text }
    }

    fn content(self) -> Content {
        let header = |(name, value): (Cow<'a, str>, Cow<'a, str>)| {
            Some((Header::named(&name)?, Bytes::from(value.into_owned())))
        };
        let size = usize::try_from(self.size).unwrap_or(0);
        Content::new(self.headers.into_iter().filter_map(header), Bytes::new(), size)
    }
}

impl Done {
    /// All of a list in one line: `try clients for 20s: no-answer; voicemail`.
    pub fn told(list: &[Self]) -> String {
        let one = |Self { action, besides, came_back }: &Self| {
            let outcome = came_back.map(|outcome| format!(": {outcome}")).unwrap_or_default();
            let all: Vec<String> = besides.iter().cloned().chain([format!("{action}{outcome}")]).collect();
            all.join(", ")
        };
        list.iter().map(one).collect::<Vec<_>>().join("; ")
    }
}

/// Somebody as a record writes him.
fn who(text: &str) -> Result<Who, Unreadable> {
    if text == Party::Anonymous.to_string() {
        Ok(Who::Anonymous)
    } else if text.contains('@') {
        Uid::parse(text).map(Who::User).map_err(|_| Unreadable)
    } else {
        Ok(Who::Number(text.into()))
    }
}

#[allow(clippy::trivially_copy_pass_by_ref, reason = "serde asks so")]
const fn is_false(it: &bool) -> bool {
    !*it
}

#[cfg(test)]
mod tests {
    use super::*;

    const TREE: &str = r#"profile "p" { incoming {
        caller in "Friends" -> try clients for 20s { busy -> busy
          otherwise -> also inbox, try "gsm" else voicemail
        }
        otherwise -> refuse "no"
    } }"#;

    fn recorded(outcomes: &[Outcome]) -> Recorded {
        let profile = Arc::new(Profile::compile(TREE).unwrap());
        let groups: Vec<Arc<str>> = vec!["Friends".into(), "The \"Board\" é".into()];
        let facts = Facts { groups: groups.into(), contact: true, wall_ms: -5, ..Facts::default() };
        let parties = (Who::Number("+4712".into()), Who::User(Uid::parse("anne@north.test").unwrap()));
        let mut route = Route::begin((&profile, &profile), Direction::Incoming, Mode::Voice, parties, facts);
        for outcome in outcomes {
            route.follow(*outcome);
        }
        route.recorded()
    }

    #[test]
    fn what_is_kept_reads_as_it_was() {
        let kept = recorded(&[Outcome::NoAnswer, Outcome::Failed]);
        assert_eq!(
            Done::told(&kept.done),
            "try clients for 20s: no-answer; also inbox, try \"gsm\": failed; try voicemail"
        );
        assert_eq!(Recorded::read(&kept.text()), Ok(kept.clone()));
        assert!(kept.text().starts_with(r#"{"tree":"incoming","mode":"voice","from":"+4712","to":"anne@north.test","registered":"none","groups":["#), "{}", kept.text());
        for text in ["", "{}", "null", &kept.text().replace("+4712", "a@b@c")] {
            assert_eq!(Recorded::read(text), Err(Unreadable), "{text}");
        }
    }

    #[test]
    fn it_is_asked_again() {
        let replay = |kept: &Recorded, tree: &str| {
            let profile = Arc::new(Profile::compile(tree).unwrap());
            kept.replay(&profile, &profile)
        };
        for outcomes in [&[][..], &[Outcome::Busy], &[Outcome::Failed], &[Outcome::NoAnswer, Outcome::Busy]] {
            assert_eq!(replay(&recorded(outcomes), TREE), Replayed::Same);
        }
        let busy = recorded(&[Outcome::Busy]);
        assert_eq!(replay(&busy, &TREE.replace("else voicemail", "else decline")), Replayed::Same);
        let Replayed::Differs(done) = replay(&busy, &TREE.replace("busy -> busy", "busy -> decline")) else {
            panic!("it does not differ")
        };
        assert_eq!(Done::told(&done), "try clients for 20s: busy; decline");
        let Replayed::Differs(done) = replay(&busy, &TREE.replace("for 20s", "for 30s")) else {
            panic!("it does not differ")
        };
        assert_eq!(Done::told(&done), "try clients for 30s");
    }

    /// A text that was looked at is not on record, however much was looked at since.
    #[test]
    fn a_text_that_was_looked_at_long_ago_is_unknown() {
        let rules: Vec<String> = (0..70).map(|at| format!("caller u{at}@south.test -> busy\n")).collect();
        let tree = |first: &str| {
            let source = format!(
                "profile \"p\" {{ incoming {{\n{first}\n{}otherwise -> decline\n}} }}",
                rules.concat()
            );
            Arc::new(Profile::compile(&source).unwrap())
        };
        let (old, new) = (tree(""), tree("body contains \"hello\" -> busy"));
        let content = Content::new(std::iter::empty(), Bytes::from_static(b"hello"), 5);
        let facts = Facts { content: Some(Arc::new(content)), ..Facts::default() };
        let parties = (Who::Number("+4712".into()), Who::User(Uid::parse("anne@north.test").unwrap()));
        let route = Route::begin((&old, &old), Direction::Incoming, Mode::Page, parties, facts);
        let kept = Recorded::read(&route.recorded().text()).unwrap();
        assert_eq!(kept.replay(&old, &old), Replayed::Same);
        assert_eq!(kept.replay(&new, &new), Replayed::Unknown);
    }
}
