//! The outer parts of a file: the profile, its sections, blocks and rules.

use super::super::ast::{Block, Cond, File, Line, LineKind, Rule, Spanned, Then, Tree, When};
use super::super::fault::{Code, Fault, Span};
use super::super::instead::Expected;
use super::super::lex::{Kind, lex, unescape};
use super::super::vocabulary::{CONDITIONS, SECTIONS, Section, find, nearest, words_of};
use super::super::week::Zone;
use super::super::words::Direction;
use super::cursor::{Lost, Parser, Read, told};

/// Reads a file: what could be read of it, and every fault of its form.
pub(in super::super) fn parse(source: &str) -> (File, Vec<Fault>) {
    let lexed = lex(source);
    let mut parser = Parser::new(lexed.tokens, lexed.faults);
    let mut file = File { comments: lexed.comments, ..File::default() };
    // A file that is lost halfway keeps what was read of it.
    let _ = parser.profile(&mut file);
    (file, parser.faults)
}

impl Parser<'_> {
    fn profile(&mut self, file: &mut File) -> Read<()> {
        self.skip_blank();
        let head = self.peek();
        file.head = head.span;
        match head.kind {
            Kind::Word("profile") => {}
            Kind::Word(word) if nearest(word, ["profile"]).is_some() => {
                self.unknown(head, Expected::Head, ["profile"].into_iter());
            }
            _ => {
                let help = "a file begins with `profile \"home\" {`; in these braces stand `incoming { … }` and `outgoing { … }`";
                return Err(self.expected_as("`profile \"name\" {`", Some(help.to_owned())));
            }
        }
        self.bump();
        file.name = self.name();
        self.skip_blank();
        file.open = self.peek().span;
        if !self.eat(Kind::OpenBrace) {
            return Err(self.expected("`{`"));
        }
        loop {
            self.skip_blank();
            file.close = self.peek().span;
            match self.peek().kind {
                Kind::CloseBrace => break,
                Kind::End => {
                    self.unclosed("profile", file.open);
                    return Ok(());
                }
                _ => {
                    self.section(file).unwrap_or_else(|_| self.skip_line());
                    self.end_line();
                }
            }
        }
        self.bump();
        self.skip_blank();
        if self.peek().kind != Kind::End {
            self.expected("the end of the file");
        }
        Ok(())
    }

    fn name(&mut self) -> Option<Spanned<String>> {
        let token = self.peek();
        let name = match token.kind {
            Kind::Text(text) => unescape(text),
            Kind::Word(word) => {
                let fault = Fault::new(Code::Syntax, token.span, "the name of a profile stands in quotes");
                self.note(fault.help(format!("write `profile \"{word}\"`")));
                word.to_owned()
            }
            _ => {
                self.expected("the name of the profile in quotes");
                return None;
            }
        };
        self.bump();
        if name.trim().is_empty() {
            self.note(Fault::new(Code::Syntax, token.span, "a profile has a name").here("empty"));
        }
        Some(Spanned { it: name, span: token.span })
    }

    fn section(&mut self, file: &mut File) -> Read<()> {
        let token = self.peek();
        let Kind::Word(word) = token.kind else {
            return Err(self.expected("`zone`, `holidays`, `incoming` or `outgoing`"));
        };
        match find(SECTIONS, word) {
            Some(Section::Zone) => {
                self.bump();
                self.zone(file, token.span)
            }
            Some(Section::Holidays) => {
                self.bump();
                self.holiday_line(file, token.span)
            }
            Some(Section::Tree(direction)) => {
                self.bump();
                self.tree(file, direction, token.span)
            }
            None if find(CONDITIONS, word).is_some() => {
                let fault =
                    Fault::new(Code::UnknownWord, token.span, format!("{} begins a rule", told(token)));
                self.note(
                    fault
                        .here("no part of a profile")
                        .help("rules stand in `incoming { … }` or `outgoing { … }`"),
                );
                Err(Lost)
            }
            None => Err(self.unknown(token, Expected::Section, words_of(SECTIONS))),
        }
    }

    fn zone(&mut self, file: &mut File, head: Span) -> Read<()> {
        let token = self.peek();
        let (Kind::Word(name) | Kind::Text(name)) = token.kind else {
            return Err(self.expected("a time zone, such as `Europe/Oslo`"));
        };
        self.bump();
        if let Some(first) = self.zone {
            let fault = Fault::new(Code::Repeated, token.span, "a profile has one time zone");
            self.note(fault.here("the second").label(first, "the first"));
            return Ok(());
        }
        self.zone = Some(token.span);
        if !file.trees.is_empty() {
            let fault = Fault::new(Code::Syntax, head, "the time zone stands before the trees");
            self.note(fault.help("move this line up, right after `profile … {`"));
        }
        if let Some(it) = Zone::named(name) {
            file.zone = Some(Spanned { it, span: token.span });
            return Ok(());
        }
        let known = Zone::names();
        let near = nearest(name, known.iter().map(String::as_str)).or_else(|| {
            // Or its city alone.
            let city = |zone: &'_ String| zone.rsplit_once('/').map(|(_, city)| city.to_owned());
            let cities: Vec<String> = known.iter().filter_map(city).collect();
            let city = nearest(name, cities.iter().map(String::as_str))?;
            known
                .iter()
                .map(String::as_str)
                .find(|zone| zone.rsplit_once('/').is_some_and(|(_, own)| own == city))
        });
        let help = near.map_or_else(
            || "zones are named by continent and city: `Europe/Oslo`, `America/Toronto`".to_owned(),
            |near| format!("did you mean `{near}`?"),
        );
        let message = format!("{} is no time zone", told(token));
        self.note(Fault::new(Code::UnknownZone, token.span, message).here("no such zone").help(help));
        Ok(())
    }

    fn holiday_line(&mut self, file: &mut File, head: Span) -> Read<()> {
        if !file.trees.is_empty() {
            let fault = Fault::new(Code::Syntax, head, "the holidays stand before the trees");
            self.note(fault.help("move this line up, right after `profile … {`"));
        }
        let it = self.values(Self::dates)?;
        self.holidays.extend(&it);
        file.holidays.push(Spanned { it, span: head.to(self.behind()) });
        Ok(())
    }

    fn tree(&mut self, file: &mut File, direction: Direction, head: Span) -> Read<()> {
        self.skip_blank();
        if self.peek().kind != Kind::OpenBrace {
            return Err(self.expected("`{`"));
        }
        let block = self.deeper(Self::block)?;
        match file.trees.iter().find(|tree| tree.direction == direction) {
            Some(first) => {
                let fault = Fault::new(Code::Repeated, head, format!("a profile has one {direction} tree"));
                self.note(fault.here("the second").label(first.head, "the first"));
            }
            None => file.trees.push(Tree { direction, head, block }),
        }
        Ok(())
    }

    /// Reads a block, from brace to brace.
    fn block(&mut self) -> Read<Block> {
        let mut block = Block { open: self.bump().span, ..Block::default() };
        loop {
            self.skip_blank();
            block.close = self.peek().span;
            match self.peek().kind {
                Kind::CloseBrace => {
                    self.bump();
                    return Ok(block);
                }
                Kind::End => {
                    self.unclosed("block", block.open);
                    return Ok(block);
                }
                _ => block.rules.push(self.rule()?),
            }
        }
    }

    fn rule(&mut self) -> Read<Rule> {
        self.count_rule()?;
        let (start, before) = (self.peek().span, self.faults.len());
        let when = if self.eat(Kind::Word("otherwise")) {
            When::Otherwise
        } else {
            When::Cond(self.condition().unwrap_or_else(|_| {
                while !self.line_ended() && !matches!(self.peek().kind, Kind::Arrow | Kind::OpenBrace) {
                    self.bump();
                }
                Cond::Faulty
            }))
        };
        let span = start.to(self.behind());
        let faulty = self.faults.len() > before;
        let then = self.then(faulty)?;
        self.end_line();
        Ok(Rule { when, span, then })
    }

    /// Reads what follows a condition, which may have been `faulty`.
    fn then(&mut self, faulty: bool) -> Read<Then> {
        let arrow = self.peek();
        let after_arrow = self.eat(Kind::Arrow);
        if self.peek().kind == Kind::OpenBrace {
            if after_arrow {
                let fault = Fault::new(Code::Syntax, arrow.span, "a block follows its condition directly");
                self.note(fault.here("leave this out").help("`->` stands before an action only"));
            }
            return Ok(Then::Block(self.deeper(Self::block)?));
        }
        let line = if after_arrow {
            self.deeper(Self::line).ok()
        } else {
            if !faulty {
                let help = self.no_arrow();
                self.expected_as("`->` and an action, or `{` and rules", help);
            }
            None
        };
        Ok(Then::Line(line.unwrap_or_else(|| {
            self.skip_line();
            Line { span: self.behind(), sides: Vec::new(), kind: LineKind::Faulty }
        })))
    }

    /// Notes a brace that is never closed.
    pub(super) fn unclosed(&mut self, what: &str, open: Span) {
        let end = self.peek().span;
        let fault = Fault::new(Code::Syntax, open, format!("this {what} has no closing `}}`"));
        self.note(fault.here("opened here").label(end, "the file ends here").help("add `}` where it ends"));
    }
}
