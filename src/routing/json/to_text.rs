//! From JSON to text. What is written goes through the formatter, which reads it as it reads any text:
//! so a fault of the tree is told as everywhere, by its place in the text.

use super::super::fault::Faults;
use super::super::format::format;
use super::super::lex::{Kind, escape, lex};
use super::model::{Condition, Document, Line, Notes, Outcomes, Rule, Target, Tree};

/// So many bytes of JSON are read at most: the form of the longest tree takes less.
const BYTES_MAX: usize = 4 * 1024 * 1024;

/// Why a text is no tree in JSON.
#[derive(Debug, thiserror::Error)]
pub enum JsonFault {
    /// It is too long.
    #[error("this has {0} bytes; the JSON form of a tree has at most {BYTES_MAX}")]
    TooLarge(usize),
    /// It is no JSON, or not of this form.
    #[error("this is not the JSON form of a tree: {0}")]
    Form(#[from] serde_json::Error),
    /// A piece of it is more or less than it may be.
    #[error("{what} cannot be {text:?}")]
    Piece {
        /// What it stands for.
        what: &'static str,
        /// What stands there.
        text: String,
    },
    /// A rule leads nowhere, or to two things.
    #[error("{0}")]
    Shape(&'static str),
    /// It is, but the tree has faults.
    #[error(transparent)]
    Tree(#[from] Faults),
}

/// The text of a tree in JSON form, in canonical form.
pub fn from_json(json: &str) -> Result<String, JsonFault> {
    if json.len() > BYTES_MAX {
        return Err(JsonFault::TooLarge(json.len()));
    }
    let document: Document = serde_json::from_str(json)?;
    let mut writer = Writer { text: String::new() };
    writer.document(&document)?;
    Ok(format(&writer.text)?)
}

struct Writer {
    text: String,
}

type Written = Result<(), JsonFault>;

impl Writer {
    fn document(&mut self, document: &Document) -> Written {
        self.remarks(&document.notes.above)?;
        self.put(&["profile ", &escape(&document.profile)]);
        self.open(&document.notes)?;
        if let Some(zone) = &document.zone {
            self.remarks(&zone.notes.above)?;
            self.put(&["zone ", piece("the name of a zone", &zone.name)?]);
            self.behind(zone.notes.behind.as_deref())?;
        }
        for line in &document.holidays {
            self.remarks(&line.notes.above)?;
            let dates = line.dates.iter().map(|date| piece("a date", date)).collect::<Result<Vec<_>, _>>()?;
            self.put(&["holidays ", &dates.join(" or ")]);
            self.behind(line.notes.behind.as_deref())?;
        }
        for Tree { direction, notes, rules } in &document.trees {
            self.remarks(&notes.above)?;
            self.text.push_str(direction.as_str());
            self.block(notes, rules)?;
        }
        self.close(&document.notes)?;
        self.remarks(&document.below)
    }

    fn block(&mut self, notes: &Notes, rules: &[Rule]) -> Written {
        self.open(notes)?;
        for rule in rules {
            self.rule(rule)?;
        }
        self.close(notes)
    }

    fn rule(&mut self, Rule { when, notes, rules, then }: &Rule) -> Written {
        self.remarks(&notes.above)?;
        match when {
            None => self.text.push_str("otherwise"),
            Some(condition) => self.condition(condition)?,
        }
        match (rules, then) {
            (Some(rules), None) => self.block(notes, rules),
            (None, Some(line)) => self.leads_to(line, notes),
            _ => Err(JsonFault::Shape("a rule has either `rules` or `then`")),
        }
    }

    fn condition(&mut self, condition: &Condition) -> Written {
        match condition {
            Condition::Any(list) => self.joined(list, " or "),
            Condition::All(list) => self.joined(list, " and "),
            Condition::Not(inner) => {
                self.text.push_str("not (");
                self.condition(inner)?;
                self.text.push(')');
                Ok(())
            }
            Condition::Is(words) => {
                let words: Result<Vec<&str>, _> =
                    words.iter().map(|word| lasting("a value of a condition", word)).collect();
                let words = words?;
                let Some((key, values)) = words.split_first() else {
                    return Err(JsonFault::Shape("`is` begins with the word of a condition"));
                };
                self.text.push_str(key);
                if !values.is_empty() {
                    self.put(&[" ", &values.join(" or ")]);
                }
                Ok(())
            }
        }
    }

    fn joined(&mut self, list: &[Condition], joint: &str) -> Written {
        if list.is_empty() {
            return Err(JsonFault::Shape("`any` and `all` hold at least one condition"));
        }
        for (at, condition) in list.iter().enumerate() {
            self.text.push_str(if at == 0 { "(" } else { joint });
            self.condition(condition)?;
        }
        self.text.push(')');
        Ok(())
    }

    fn leads_to(&mut self, line: &Line, notes: &Notes) -> Written {
        self.text.push_str(" -> ");
        self.line(line, notes)
    }

    /// A line, and what stands behind it or in its braces.
    fn line(&mut self, line: &Line, notes: &Notes) -> Written {
        for side in &line.besides {
            self.put(&[piece("what is done besides", side)?, ", "]);
        }
        match (&line.action, &line.targets) {
            (Some(action), None) if line.results.is_none() && line.otherwise.is_none() => {
                self.text.push_str(piece("an action", action)?);
                self.behind(notes.behind.as_deref())
            }
            (None, Some(targets)) => self.tried(targets, line, notes),
            _ => Err(JsonFault::Shape("a line has either `do` or `try`, and only a `try` goes on")),
        }
    }

    fn tried(&mut self, targets: &[Target], line: &Line, notes: &Notes) -> Written {
        for (at, Target { target, after }) in targets.iter().enumerate() {
            self.text.push_str(if at == 0 { "try " } else { ", " });
            self.text.push_str(piece("a target", target)?);
            if let Some(after) = after {
                self.put(&[" after ", piece("a time", after)?]);
            }
        }
        if let Some(ring_for) = &line.ring_for {
            self.put(&[" for ", piece("a time", ring_for)?]);
        }
        match (&line.otherwise, &line.results) {
            (None, None) => self.behind(notes.behind.as_deref()),
            (Some(line), None) => {
                self.text.push_str(" else ");
                self.line(line, notes)
            }
            (None, Some(results)) => {
                self.open(notes)?;
                for Outcomes { on, notes, then } in results {
                    self.remarks(&notes.above)?;
                    let on: Vec<&str> = on.iter().map(|outcome| outcome.as_str()).collect();
                    self.text.push_str(&if on.is_empty() { "otherwise".to_owned() } else { on.join(" or ") });
                    self.leads_to(then, notes)?;
                }
                self.close(notes)
            }
            (Some(_), Some(_)) => Err(JsonFault::Shape("a `try` has either `else` or `results`")),
        }
    }

    fn put(&mut self, pieces: &[&str]) {
        self.text.extend(pieces.iter().copied());
    }

    fn open(&mut self, notes: &Notes) -> Written {
        self.text.push_str(" {");
        self.behind(notes.behind.as_deref())
    }

    fn close(&mut self, notes: &Notes) -> Written {
        self.remarks(&notes.end)?;
        self.text.push('}');
        self.behind(notes.behind_end.as_deref())
    }

    /// Ends a line, with a comment if there is one.
    fn behind(&mut self, comment: Option<&str>) -> Written {
        if let Some(comment) = comment {
            self.put(&[" ", remark(comment)?]);
        }
        self.text.push('\n');
        Ok(())
    }

    fn remarks(&mut self, remarks: &[String]) -> Written {
        for text in remarks {
            if !text.is_empty() {
                self.text.push_str(remark(text)?);
            }
            self.text.push('\n');
        }
        Ok(())
    }
}

/// A comment, and nothing but one.
fn remark(text: &str) -> Result<&str, JsonFault> {
    if text.starts_with('#') && !text.contains(['\n', '\r']) {
        Ok(text)
    } else {
        Err(JsonFault::Piece {
            what: "a comment, which begins with # and is one line,",
            text: text.to_owned(),
        })
    }
}

/// Words and texts in quotes, which cannot end what they stand in.
fn piece<'t>(what: &'static str, text: &'t str) -> Result<&'t str, JsonFault> {
    plain(what, text, &["and", "or", "else", "for", "after", "otherwise"])
}

/// A piece that may say for how long, as a recurring time does.
fn lasting<'t>(what: &'static str, text: &'t str) -> Result<&'t str, JsonFault> {
    plain(what, text, &["and", "or", "else", "after", "otherwise"])
}

fn plain<'t>(what: &'static str, text: &'t str, joints: &[&str]) -> Result<&'t str, JsonFault> {
    let lexed = lex(text);
    let plain = lexed.tokens.iter().all(|token| match token.kind {
        Kind::Word(word) => !joints.contains(&word),
        Kind::Text(_) | Kind::End => true,
        Kind::Arrow | Kind::Comma | Kind::LineEnd => false,
        Kind::OpenBrace | Kind::CloseBrace | Kind::OpenParen | Kind::CloseParen => false,
    });
    if plain && lexed.tokens.len() > 1 && lexed.comments.is_empty() && lexed.faults.is_empty() {
        Ok(text)
    } else {
        Err(JsonFault::Piece { what, text: text.to_owned() })
    }
}
