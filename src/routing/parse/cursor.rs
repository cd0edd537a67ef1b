//! The parser's place among the tokens: looking, stepping, and finding the way after a fault.

use std::sync::Arc;

use super::super::calendar::{Dates, Holidays};
use super::super::fault::{Code, Fault, Span};
use super::super::instead::Expected;
use super::super::lex::{Kind, Token};

/// How deep braces, parentheses, `not` and `else` may nest.
const DEPTH_MAX: usize = 32;
/// How many rules and result lines a file may have.
const RULES_MAX: usize = 1_000;
/// How many recurring times.
const RECURRENCES_MAX: usize = 200;

/// What was to be read is not there; the fault has been noted.
pub(super) struct Lost;

/// What reading yields.
pub(super) type Read<T> = Result<T, Lost>;

pub(super) struct Parser<'s> {
    tokens: Vec<Token<'s>>,
    at: usize,
    pub(super) faults: Vec<Fault>,
    /// The holidays that were read so far.
    pub(super) holidays: Named,
    /// Where the first time zone stands, whether there is one of its name or not.
    pub(super) zone: Option<Span>,
    depth: usize,
    rules: usize,
    recurrences: usize,
    /// A limit was met: the rest of the file is not read, and no more faults are noted.
    given_up: bool,
}

/// The holidays that a profile has named so far.
#[derive(Default)]
pub(super) struct Named {
    dates: Vec<Dates>,
    /// All of them, since somebody has asked.
    together: Option<Arc<Holidays>>,
}

impl Named {
    pub(super) fn is_empty(&self) -> bool {
        self.dates.is_empty()
    }

    pub(super) fn extend(&mut self, dates: &[Dates]) {
        self.dates.extend_from_slice(dates);
        self.together = None;
    }

    /// All of them: the same for all conditions that ask.
    pub(super) fn together(&mut self) -> Arc<Holidays> {
        let Self { dates, together } = self;
        Arc::clone(together.get_or_insert_with(|| Arc::new(Holidays::new(dates))))
    }
}

impl<'s> Parser<'s> {
    pub(super) fn new(tokens: Vec<Token<'s>>, faults: Vec<Fault>) -> Self {
        let holidays = Named::default();
        let (depth, rules, recurrences) = (0, 0, 0);
        Self { tokens, at: 0, faults, holidays, zone: None, depth, rules, recurrences, given_up: false }
    }

    /// The token ahead.
    pub(super) fn peek(&self) -> Token<'s> {
        self.ahead(0)
    }

    /// The token `more` places further on; after the last one, the last one.
    pub(super) fn ahead(&self, more: usize) -> Token<'s> {
        let end = Token { kind: Kind::End, span: Span::default() };
        self.tokens.get(self.at + more).or(self.tokens.last()).copied().unwrap_or(end)
    }

    /// Steps over the token ahead and returns it.
    pub(super) fn bump(&mut self) -> Token<'s> {
        let token = self.peek();
        if token.kind != Kind::End {
            self.at += 1;
        }
        token
    }

    /// Steps over the token ahead if it is this one.
    pub(super) fn eat(&mut self, kind: Kind<'_>) -> bool {
        let found = self.peek().kind == kind;
        if found {
            self.bump();
        }
        found
    }

    /// The last token that was stepped over.
    pub(super) fn last(&self) -> Option<Token<'s>> {
        self.back(0)
    }

    /// The token so many places before the last one that was stepped over.
    pub(super) fn back(&self, more: usize) -> Option<Token<'s>> {
        self.at.checked_sub(more + 1).and_then(|at| self.tokens.get(at)).copied()
    }

    /// Where the last token that was stepped over stands.
    pub(super) fn behind(&self) -> Span {
        self.last().map_or(Span::default(), |token| token.span)
    }

    /// Whether nothing more stands on this line. A semicolon is no end of a line, but who writes one means it so; it
    /// has been told.
    pub(super) fn line_ended(&self) -> bool {
        let semicolon =
            self.last().is_some_and(|token| matches!(token.kind, Kind::Word(w) if w.ends_with(';')));
        semicolon || matches!(self.peek().kind, Kind::LineEnd | Kind::CloseBrace | Kind::End)
    }

    /// Steps over empty lines.
    pub(super) fn skip_blank(&mut self) {
        while self.eat(Kind::LineEnd) {}
    }

    /// Leaves the rest of a line behind, with the blocks that begin on it.
    pub(super) fn skip_line(&mut self) {
        let mut open = 0_usize;
        loop {
            match self.peek().kind {
                Kind::End => return,
                Kind::Word(word) if open == 0 && word.ends_with(';') => {
                    self.bump();
                    return;
                }
                Kind::LineEnd | Kind::CloseBrace if open == 0 => return,
                Kind::OpenBrace => open += 1,
                Kind::CloseBrace => open -= 1,
                _ => {}
            }
            self.bump();
        }
    }

    /// The rule that was read must end here.
    pub(super) fn end_line(&mut self) {
        if !self.line_ended() {
            let found = self.peek();
            self.note(
                Fault::new(
                    Code::Syntax,
                    found.span,
                    format!("{} stands after the end of the rule", told(found)),
                )
                .here("not expected here")
                .help(self.no_end()),
            );
            self.skip_line();
        }
    }

    /// Notes a fault.
    pub(super) fn note(&mut self, fault: Fault) {
        // Far more than is ever shown; a file of nothing but faults stays cheap.
        if !self.given_up && self.faults.len() < 4 * super::super::fault::Faults::MOST {
            self.faults.push(fault);
        }
    }

    /// Notes that something else should stand here.
    pub(super) fn expected(&mut self, what: &str) -> Lost {
        self.expected_as(what, None)
    }

    /// The same, with a way out.
    pub(super) fn expected_as(&mut self, what: &str, help: Option<String>) -> Lost {
        let found = self.peek();
        let message = format!("expected {what}, found {}", told(found));
        let fault = Fault::new(Code::Syntax, found.span, message).here(format!("expected {what}"));
        self.note(Fault { help, ..fault });
        Lost
    }

    /// Notes a word that is not of the language, and the one that was perhaps meant.
    pub(super) fn unknown<'c>(
        &mut self,
        word: Token<'s>,
        expected: Expected,
        candidates: impl Iterator<Item = &'c str> + Clone,
    ) -> Lost {
        let kind = expected.told();
        let help = self.meant(word, expected, candidates);
        let message = format!("{} is no {kind}", told(word));
        self.note(Fault::new(Code::UnknownWord, word.span, message).here(format!("no {kind}")).help(help));
        Lost
    }

    /// Reads something one level further down, unless that is too deep.
    pub(super) fn deeper<T>(&mut self, read: impl FnOnce(&mut Self) -> Read<T>) -> Read<T> {
        if self.depth >= DEPTH_MAX {
            let message = format!("this nests deeper than {DEPTH_MAX} levels");
            let help = "split the tree, or name the cases in one condition with `or`";
            return Err(self.give_up(Fault::new(Code::TooDeep, self.peek().span, message).help(help)));
        }
        self.depth += 1;
        let result = read(self);
        self.depth -= 1;
        result
    }

    /// Counts a rule.
    pub(super) fn count_rule(&mut self) -> Read<()> {
        self.rules += 1;
        if self.rules <= RULES_MAX {
            return Ok(());
        }
        let message = format!("a file has at most {RULES_MAX} rules");
        let help = "callers that are treated alike need one rule: `caller A or B or C`";
        Err(self.give_up(Fault::new(Code::TooManyRules, self.peek().span, message).help(help)))
    }

    /// Counts a recurring time.
    pub(super) fn count_recurrence(&mut self, span: Span) -> Read<()> {
        self.recurrences += 1;
        if self.recurrences <= RECURRENCES_MAX {
            return Ok(());
        }
        let message = format!("a file has at most {RECURRENCES_MAX} times that come `every` so often");
        let help = "times that come in the same weeks can share a rule: `BYDAY=MO,WE,FR`";
        Err(self.give_up(Fault::new(Code::TooComplex, span, message).help(help)))
    }

    fn give_up(&mut self, fault: Fault) -> Lost {
        self.faults.push(fault);
        self.given_up = true;
        self.at = self.tokens.len().saturating_sub(1);
        Lost
    }
}

/// A token as a message names it.
pub(super) fn told(token: Token<'_>) -> String {
    /// Longer words are cut in messages; the source line shows them whole.
    const LONGEST: usize = 40;
    let cut = |text: &str| match text.char_indices().nth(LONGEST) {
        Some((at, _)) => format!("{}…", text.get(..at).unwrap_or_default()),
        None => text.to_owned(),
    };
    match token.kind {
        Kind::Word(word) => format!("`{}`", cut(word)),
        Kind::Text(text) => format!("\"{}\"", cut(text)),
        Kind::Arrow => "`->`".to_owned(),
        Kind::Comma => "`,`".to_owned(),
        Kind::OpenBrace => "`{`".to_owned(),
        Kind::CloseBrace => "`}`".to_owned(),
        Kind::OpenParen => "`(`".to_owned(),
        Kind::CloseParen => "`)`".to_owned(),
        Kind::LineEnd => "the end of the line".to_owned(),
        Kind::End => "the end of the file".to_owned(),
    }
}

/// Words in a row, as a help line names them.
pub(super) fn list<'c>(words: impl Iterator<Item = &'c str>) -> String {
    words.map(|word| format!("`{word}`")).collect::<Vec<_>>().join(", ")
}
