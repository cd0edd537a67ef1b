//! The values of conditions that look at a user's own affairs and at what a message says.

use super::super::ast::{Atom, Spanned};
use super::super::content::{Header, How, Language, Piece};
use super::super::fault::{Code, Fault};
use super::super::instead::{BETWEEN, Expected, instead};
use super::super::lex::{Kind, unescape};
use super::super::values::{Amount, Bound, Named};
use super::super::vocabulary::{LANGUAGES, find, nearest, words_of};
use super::super::words::Status;
use super::cursor::{Lost, Parser, Read, told};

/// Longest text that a condition looks for, in characters.
const WORDS_MAX: usize = 100;
/// Longest key and longest value of a property, in bytes.
const PROPERTY_MAX: usize = 200;

impl Parser<'_> {
    pub(super) fn status(&mut self) -> Read<Status> {
        let token = self.peek();
        let Kind::Word(word) = token.kind else {
            return Err(self.expected("a status, such as `away`"));
        };
        let Ok(status) = word.parse() else {
            return Err(self.unknown(
                token,
                Expected::Status,
                Status::ALL.iter().map(|status| status.as_str()),
            ));
        };
        self.bump();
        Ok(status)
    }

    /// Reads the kind of an account, or what is left on it; `account` itself has been read.
    pub(super) fn account(&mut self) -> Read<Atom> {
        if self.eat(Kind::Word("credit")) {
            return Ok(Atom::Amount(Amount::Credit, self.values(Self::bound)?));
        }
        Ok(Atom::Named(Named::Account, self.texts("a kind of account", "account")?))
    }

    /// Reads `"key"`, or `"key" is "value"`; `property` itself has been read.
    pub(super) fn property(&mut self) -> Read<Atom> {
        let key = self.quoted_name("a property", "property")?;
        self.bounded(&key, "the name of a property");
        let of = Named::Property(key.it.into());
        if self.eat(Kind::Word("is")) {
            return Ok(Atom::Named(of, self.texts("a value", "is")?));
        }
        if matches!(self.peek().kind, Kind::Text(_))
            || matches!(self.peek().kind, Kind::Word(word) if BETWEEN.contains(&word))
        {
            let help = "write `property \"lunch\" is \"yes\"`".to_owned();
            return Err(self.expected_as("`is` and a value", Some(help)));
        }
        Ok(Atom::Named(of, Vec::new()))
    }

    /// Reads a list of texts in quotes.
    pub(super) fn texts(&mut self, what: &str, before: &str) -> Read<Vec<Spanned<String>>> {
        self.values(|parser| {
            let text = parser.quoted_name(what, before)?;
            parser.bounded(&text, what);
            Ok(text)
        })
    }

    /// Notes a text that is longer than any property.
    pub(super) fn bounded(&mut self, text: &Spanned<String>, what: &str) {
        if text.it.len() > PROPERTY_MAX {
            let message = format!("{what} has at most {PROPERTY_MAX} bytes");
            self.note(Fault::new(Code::Syntax, text.span, message).here("too long"));
        }
    }

    /// Reads `under 5` or `over 1000`.
    pub(super) fn bound(&mut self) -> Read<Bound> {
        let token = self.peek();
        let make = match token.kind {
            Kind::Word("under") => Bound::Under,
            Kind::Word("over") => Bound::Over,
            Kind::Word(word)
                if instead(Expected::Bound, word).is_some() || nearest(word, ["under", "over"]).is_some() =>
            {
                return Err(self.unknown(token, Expected::Bound, ["under", "over"].into_iter()));
            }
            _ => {
                let help = "for instance `over 1000`".to_owned();
                return Err(self.expected_as("`under` or `over` and a number", Some(help)));
            }
        };
        self.bump();
        let number = self.peek();
        let Kind::Word(word) = number.kind else { return Err(self.expected("a number, such as `100`")) };
        let digits = word.strip_prefix('-').unwrap_or(word);
        let good = (1..=15).contains(&digits.len()) && digits.bytes().all(|byte| byte.is_ascii_digit());
        match word.parse().ok().filter(|_| good) {
            Some(bound) => {
                self.bump();
                Ok(make(bound))
            }
            None => {
                let fault =
                    Fault::new(Code::BadNumber, number.span, format!("{} is no number", told(number)));
                self.note(fault.here("no number").help("a whole number, without dots and units: `1000`"));
                Err(Lost)
            }
        }
    }

    /// Reads the name of a header and what it says; `header` itself has been read.
    pub(super) fn header(&mut self) -> Read<Atom> {
        let name = self.quoted_name("a header", "header")?;
        if let Some(header) = Header::named(&name.it) {
            return self.says(Piece::Header(header));
        }
        let names = Header::ALL.iter().map(|header| header.as_str());
        let listed = names.clone().collect::<Vec<_>>().join(", ");
        let help = match nearest(&name.it, names) {
            Some(near) => format!("did you mean \"{near}\"?"),
            None => format!("those that reach it: {listed}"),
        };
        let message = format!("the header {} does not reach a tree", self.behind_text());
        self.note(Fault::new(Code::UnknownWord, name.span, message).here("no such header").help(help));
        Err(Lost)
    }

    /// Reads `contains` or `matches` and texts.
    pub(super) fn says(&mut self, piece: Piece) -> Read<Atom> {
        let token = self.peek();
        let how = match token.kind {
            Kind::Word("contains") => How::Contains,
            Kind::Word("matches") => How::Matches,
            Kind::Word(word)
                if instead(Expected::Search, word).is_some()
                    || nearest(word, ["contains", "matches"]).is_some() =>
            {
                return Err(self.unknown(token, Expected::Search, ["contains", "matches"].into_iter()));
            }
            _ => return Err(self.expected("`contains` or `matches` and a text")),
        };
        self.bump();
        let words = self.values(|parser| {
            let text = parser.quoted_name("a text", "contains")?;
            if text.it.chars().count() > WORDS_MAX {
                let message = format!("a text to look for has at most {WORDS_MAX} letters");
                parser.note(Fault::new(Code::Syntax, text.span, message).here("too long"));
            }
            Ok(text.it.to_lowercase())
        })?;
        Ok(Atom::Says(piece, how, words))
    }

    pub(super) fn language(&mut self) -> Read<Language> {
        let token = self.peek();
        let (Kind::Word(word) | Kind::Text(word)) = token.kind else {
            return Err(self.expected("a language, such as `is` or `en-gb`"));
        };
        let language = Language::read(&unescape(word)).ok_or_else(|| {
            let fault = Fault::new(Code::UnknownWord, token.span, format!("{} is no language", told(token)));
            let name = word.to_lowercase();
            let meant = nearest(&name, words_of(LANGUAGES)).and_then(|name| find(LANGUAGES, name));
            let help = match meant {
                Some(tag) => format!("did you mean `{tag}`? A language is written in two or three letters"),
                None => "a language is two or three letters: `en`, `de`, or `en-gb` for that of Britain"
                    .to_owned(),
            };
            self.note(fault.here("no language").help(help));
            Lost
        })?;
        self.bump();
        Ok(language)
    }

    /// The last token, as a message names it.
    fn behind_text(&self) -> String {
        self.last().map_or_else(String::new, told)
    }
}
