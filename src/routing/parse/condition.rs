//! Conditions: facts and their values, joined by `and`, `or`, `not` and parentheses.

use super::super::ast::{Atom, Cond, Somebody, Spanned};
use super::super::content::{Header, Piece};
use super::super::fault::{Code, Fault};
use super::super::instead::{Expected, instead};
use super::super::lex::{Kind, Token, unescape};
use super::super::pattern::{Pattern, PatternError};
use super::super::values::{Amount, Named};
use super::super::vocabulary::{CONDITIONS, Key, PARTIES, PartyWord, find};
use super::super::words::Mode;
use super::cursor::{Lost, Parser, Read, told};
use super::meant::scheme;

/// The value of `registered` that asks for a client which can take the mode.
pub(in super::super) const THIS_MODE: &str = "this-mode";

impl Parser<'_> {
    pub(super) fn condition(&mut self) -> Read<Cond> {
        self.joined(
            "or",
            Self::all,
            |cond, list| match cond {
                Cond::Any(inner) => list.extend(inner),
                other => list.push(other),
            },
            Cond::Any,
        )
    }

    fn all(&mut self) -> Read<Cond> {
        self.joined(
            "and",
            Self::negation,
            |cond, list| match cond {
                Cond::All(inner) => list.extend(inner),
                other => list.push(other),
            },
            Cond::All,
        )
    }

    /// Reads conditions with a word between them. One stays itself; several are joined, and inner ones of the
    /// same kind dissolve.
    fn joined(
        &mut self,
        word: &str,
        one: fn(&mut Self) -> Read<Cond>,
        add: fn(Cond, &mut Vec<Cond>),
        join: fn(Vec<Cond>) -> Cond,
    ) -> Read<Cond> {
        let first = one(self)?;
        if self.peek().kind != Kind::Word(word) {
            return Ok(first);
        }
        let mut list = Vec::new();
        add(first, &mut list);
        while self.eat(Kind::Word(word)) {
            add(one(self)?, &mut list);
        }
        Ok(join(list))
    }

    fn negation(&mut self) -> Read<Cond> {
        if self.eat(Kind::Word("not")) {
            return Ok(Cond::Not(Box::new(self.deeper(Self::negation)?)));
        }
        let open = self.peek();
        if !self.eat(Kind::OpenParen) {
            return self.atom();
        }
        let inner = self.deeper(Self::condition)?;
        if !self.eat(Kind::CloseParen) {
            let found = self.peek();
            let message = format!("expected `)`, found {}", told(found));
            let fault = Fault::new(Code::Syntax, found.span, message);
            self.note(fault.here("expected `)`").label(open.span, "opened here"));
            return Err(Lost);
        }
        Ok(inner)
    }

    fn atom(&mut self) -> Read<Cond> {
        let token = self.peek();
        let Kind::Word(word) = token.kind else { return Err(self.expected("a condition")) };
        let Some(key) = find(CONDITIONS, word) else { return Err(self.no_condition(token, word)) };
        self.bump();
        self.nothing_between(key, word)?;
        let atom = match key {
            Key::Mode => Atom::Mode(self.values(Self::mode)?),
            Key::Caller => Atom::Caller(self.values(|p| p.party(Key::Caller))?),
            Key::To => Atom::To(self.values(|p| p.party(Key::To))?),
            Key::Registered if self.eat(Kind::Word(THIS_MODE)) => Atom::RegisteredForMode,
            Key::Registered => Atom::Registered,
            Key::Urgent => Atom::Urgent,
            Key::Time => Atom::Time(self.times()?),
            Key::Status => Atom::Status(self.values(Self::status)?),
            Key::Account => self.account()?,
            Key::Property => self.property()?,
            Key::Device => Atom::Named(Named::Device, self.texts("a device", "device")?),
            Key::Size => Atom::Amount(Amount::Size, self.values(Self::bound)?),
            Key::Subject => self.says(Piece::Header(Header::Subject))?,
            Key::Body => self.says(Piece::Body)?,
            Key::Header => self.header()?,
            Key::Language => Atom::Language(self.values(Self::language)?),
        };
        Ok(Cond::Atom(Spanned { it: atom, span: token.span.to(self.behind()) }))
    }

    /// Reads a list of values. After `or`, a word that begins a condition ends the list.
    pub(super) fn values<T>(&mut self, one: impl Fn(&mut Self) -> Read<T>) -> Read<Vec<T>> {
        let mut values = vec![one(self)?];
        while self.peek().kind == Kind::Word("or") && !self.begins_condition() {
            self.bump();
            values.push(one(self)?);
        }
        Ok(values)
    }

    /// Whether a condition begins after the `or` ahead. `not in "Friends"` is a value.
    fn begins_condition(&self) -> bool {
        match self.ahead(1).kind {
            Kind::OpenParen => true,
            Kind::Word("not") => self.ahead(2).kind != Kind::Word("in"),
            Kind::Word(word) => find(CONDITIONS, word).is_some(),
            _ => false,
        }
    }

    fn mode(&mut self) -> Read<Mode> {
        let token = self.peek();
        let Kind::Word(word) = token.kind else { return Err(self.expected("a mode, such as `voice`")) };
        let Ok(mode) = word.parse() else {
            return Err(self.unknown(token, Expected::Mode, Mode::ALL.iter().map(|mode| mode.as_str())));
        };
        self.bump();
        Ok(mode)
    }

    fn party(&mut self, key: Key) -> Read<Somebody> {
        let token = self.peek();
        let pattern = match token.kind {
            Kind::Text(text) => Pattern::read(&unescape(text)),
            Kind::Word(word) => match find(PARTIES, word) {
                Some(PartyWord::Anonymous) if key == Key::To => {
                    let fault = Fault::new(Code::BadAddress, token.span, "nobody is called `anonymous`");
                    self.note(fault.help("`anonymous` is a caller that does not say who he is"));
                    return Err(Lost);
                }
                Some(PartyWord::Anonymous) => Ok(Pattern::Anonymous),
                Some(PartyWord::Number) => {
                    self.bump();
                    let (Kind::Word(digits) | Kind::Text(digits)) = self.peek().kind else {
                        return Err(self.expected("a number, such as \"+47*\""));
                    };
                    Pattern::number(digits)
                }
                Some(PartyWord::In) => {
                    self.bump();
                    return Ok(Somebody::In(self.quoted_name("a group", "in")?));
                }
                Some(PartyWord::Contact) => {
                    self.bump();
                    return Ok(Somebody::Contact);
                }
                Some(PartyWord::Not) => return self.outside(),
                Some(PartyWord::Verified) if key == Key::To => {
                    let fault = Fault::new(
                        Code::WrongTree,
                        token.span,
                        "nobody has been called yet to prove who he is",
                    );
                    self.note(
                        fault
                            .here("not in this tree")
                            .help("`verified` is a caller whose cluster answers for who he is"),
                    );
                    return Err(Lost);
                }
                Some(PartyWord::Verified) => {
                    self.bump();
                    return Ok(Somebody::Verified);
                }
                None => Pattern::read(word),
            },
            _ => return Err(self.expected("an address, a cluster or a number")),
        };
        let token = self.bump();
        pattern.map(Somebody::Like).map_err(|error| {
            let fault = Fault::new(Code::BadAddress, token.span, format!("{}: {error}", told(token)));
            self.note(fault.here("no address").help(way_out(error, token)));
            Lost
        })
    }

    /// Reads those who are not in a group.
    fn outside(&mut self) -> Read<Somebody> {
        let not = self.bump();
        if !self.eat(Kind::Word("in")) {
            let fault = Fault::new(Code::Syntax, not.span, "`not` stands before the whole condition");
            self.note(fault.here("not here").help(
                "`not caller contact`; only groups have an inverse of their own: `caller not in \"Friends\"`",
            ));
            return Err(Lost);
        }
        Ok(Somebody::Outside(self.quoted_name("a group", "in")?))
    }

    /// Reads the name, in quotes, of a group or device that the owner has made.
    pub(super) fn quoted_name(&mut self, what: &str, before: &str) -> Read<Spanned<String>> {
        let token = self.peek();
        let fault = |message: String| Fault::new(Code::Syntax, token.span, message);
        let name = match token.kind {
            Kind::Text(text) => unescape(text),
            Kind::Word(word) if !self.line_ended() => {
                let help = format!("write `{}`", self.named(before, word));
                self.note(fault(format!("the name of {what} stands in quotes")).help(help));
                return Err(Lost);
            }
            _ => return Err(self.expected(&format!("the name of {what} in quotes"))),
        };
        self.bump();
        if name.trim().is_empty() {
            self.note(fault(format!("{what} has a name")).here("empty"));
        }
        Ok(Spanned { it: name, span: token.span })
    }
}

/// What to write instead of a bad address.
fn way_out(error: PatternError, token: Token<'_>) -> String {
    if let Kind::Word(word) | Kind::Text(word) = token.kind {
        if let Some((scheme, bare)) = scheme(word) {
            return format!("write it without `{scheme}:`: `{bare}`");
        }
        if let Some(help) = instead(Expected::Party, word) {
            return help;
        }
    }
    match (error, token.kind) {
        (PatternError::Star, _) => "for instance `@south.test`, `anne@*` or `number \"+1900*\"`".to_owned(),
        (PatternError::Everybody, _) => "the rule for everybody is `otherwise`".to_owned(),
        (PatternError::NoAddress, Kind::Word(word)) if word.contains('.') => {
            format!("for everybody of a cluster write `@{word}`")
        }
        (PatternError::NoAddress | PatternError::Character, Kind::Text(name)) if !name.contains('@') => {
            format!("for everybody in a group of your contacts write `in \"{name}\"`")
        }
        (PatternError::NoNumber, _) => "for instance `number \"+1900*\"`".to_owned(),
        _ => "an address looks like `anne@north.test`, a cluster like `@north.test`".to_owned(),
    }
}
