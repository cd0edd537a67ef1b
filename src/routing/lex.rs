//! From text to tokens.
//!
//! A word is anything between spaces, braces, commas, quotes and arrows, so that addresses,
//! numbers and times need no quotes. A line's end is a token: it ends a rule. Characters that
//! cannot be seen are faults here and spaces to everybody after.

use nom::branch::alt;
use nom::bytes::complete::{is_not, tag, take_till, take_while1};
use nom::character::complete::char;
use nom::combinator::{opt, recognize, value};
use nom::multi::many0_count;
use nom::sequence::{pair, preceded};
use nom::{IResult, Parser as _};

use super::ast::Comment;
use super::fault::{Code, Fault, Span};
use crate::base::text::is_unseen;

/// A token and where it stands.
#[derive(Clone, Copy, Debug)]
pub(super) struct Token<'s> {
    pub(super) kind: Kind<'s>,
    pub(super) span: Span,
}

/// What a token is.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Kind<'s> {
    Word(&'s str),
    /// What stands between quotes, escapes and all.
    Text(&'s str),
    Arrow,
    Comma,
    OpenBrace,
    CloseBrace,
    OpenParen,
    CloseParen,
    LineEnd,
    End,
}

/// Everything the lexer finds in a file.
pub(super) struct Lexed<'s> {
    /// Ends with [`Kind::End`].
    pub(super) tokens: Vec<Token<'s>>,
    pub(super) comments: Vec<Comment>,
    pub(super) faults: Vec<Fault>,
}

enum Piece<'s> {
    Token(Kind<'s>),
    OpenText(&'s str),
    Comment(&'s str),
    Gap,
}

/// Cuts a source into tokens and comments.
pub(super) fn lex(source: &str) -> Lexed<'_> {
    /// How many bytes a token usually takes, with the space before it.
    const USUAL: usize = 5;
    let tokens = Vec::with_capacity(source.len() / USUAL + 1);
    let mut lexed = Lexed { tokens, comments: Vec::new(), faults: invisible(source) };
    let mut rest = source;
    while let Ok((after, piece)) = piece(rest) {
        let span = Span::new(source.len() - rest.len(), source.len() - after.len());
        match piece {
            Piece::Token(kind) => {
                if let Kind::Word(text) | Kind::Text(text) = kind {
                    lexed.faults.extend(mixed(text, span));
                }
                if let Kind::Word(text) = kind {
                    lexed.faults.extend(typographic(text, span));
                }
                lexed.tokens.push(Token { kind, span });
            }
            Piece::OpenText(text) => {
                lexed.tokens.push(Token { kind: Kind::Text(text), span });
                let fault = Fault::new(Code::OpenText, span, "this text has no closing quote");
                lexed.faults.push(fault.here("begins here").help("close it with `\"` on the same line"));
            }
            Piece::Comment(text) => {
                let text = text.chars().map(|c| if is_invisible(c) { ' ' } else { c }).collect::<String>();
                lexed.comments.push(Comment { text: text.trim_end().to_owned(), span });
            }
            Piece::Gap => {}
        }
        rest = after;
    }
    lexed.tokens.push(Token { kind: Kind::End, span: Span::new(source.len(), source.len()) });
    lexed
}

/// What comes next, as its first character tells.
fn piece(rest: &str) -> IResult<&str, Piece<'_>> {
    match rest.chars().next() {
        Some('"') => text(rest),
        Some('#') => recognize(pair(char('#'), take_till(is_line_end))).map(Piece::Comment).parse(rest),
        Some('-' | ',' | '{' | '}' | '(' | ')' | '\n' | '\r') => alt((sign, word)).parse(rest),
        Some(c) if is_gap(c) => take_while1(is_gap).map(|_| Piece::Gap).parse(rest),
        Some(_) | None => word(rest),
    }
}

fn sign(rest: &str) -> IResult<&str, Piece<'_>> {
    let sign = alt((
        value(Kind::LineEnd, alt((tag("\r\n"), tag("\n"), tag("\r")))),
        value(Kind::Arrow, tag("->")),
        value(Kind::Comma, char(',')),
        value(Kind::OpenBrace, char('{')),
        value(Kind::CloseBrace, char('}')),
        value(Kind::OpenParen, char('(')),
        value(Kind::CloseParen, char(')')),
    ));
    sign.map(Piece::Token).parse(rest)
}

/// A word ends before an arrow, too; with an arrow none begins.
fn word(rest: &str) -> IResult<&str, Piece<'_>> {
    let (behind, whole) = take_while1(is_word).parse(rest)?;
    let arrow = whole.as_bytes().windows(2).position(|pair| pair == b"->");
    let cut = arrow.filter(|at| *at > 0).and_then(|at| rest.split_at_checked(at));
    let (word, after) = cut.unwrap_or((whole, behind));
    Ok((after, Piece::Token(Kind::Word(word))))
}

fn text(rest: &str) -> IResult<&str, Piece<'_>> {
    let escaped = recognize(pair(char('\\'), opt(alt((char('"'), char('\\'))))));
    let inner = recognize(many0_count(alt((is_not("\"\\\r\n"), escaped))));
    let (rest, (inner, close)) = preceded(char('"'), pair(inner, opt(char('"')))).parse(rest)?;
    Ok((rest, if close.is_some() { Piece::Token(Kind::Text(inner)) } else { Piece::OpenText(inner) }))
}

/// What a text in quotes says.
pub(super) fn unescape(inner: &str) -> String {
    let mut text = String::with_capacity(inner.len());
    let mut chars = inner.chars().peekable();
    while let Some(c) = chars.next() {
        let escaped = chars.peek().copied().filter(|next| c == '\\' && matches!(next, '"' | '\\'));
        text.push(escaped.unwrap_or(c));
        if escaped.is_some() {
            chars.next();
        }
    }
    text
}

/// A text as it is written in quotes.
pub(super) fn escape(text: &str) -> String {
    format!("\"{}\"", text.replace('\\', "\\\\").replace('"', "\\\""))
}

fn is_line_end(c: char) -> bool {
    matches!(c, '\n' | '\r')
}

fn is_gap(c: char) -> bool {
    (c.is_whitespace() || is_invisible(c)) && !is_line_end(c)
}

fn is_word(c: char) -> bool {
    match c {
        '{' | '}' | '(' | ')' | ',' | '"' | '#' => false,
        c if c.is_ascii() => c.is_ascii_graphic(),
        c => !is_gap(c) && !is_line_end(c),
    }
}

/// Characters that could make a tree read otherwise than it looks: those that cannot be seen, but for
/// tabs and the ends of lines.
pub(super) fn is_invisible(c: char) -> bool {
    is_unseen(c) && !matches!(c, '\t' | '\n' | '\r')
}

/// Letters of other alphabets that look like these of ours.
const ALIKE: [(&str, &str); 2] = [
    ("аеорсухіјѕһԁԛԝѵАВЕКМНОРСТХІЈЅ", "aeopcyxijshdqwvABEKMHOPCTXIJS"),
    ("ονακιρτυχΑΒΕΖΗΙΚΜΝΟΡΤΥΧ", "ovakiptuxABEZHIKMNOPTYX"),
];

/// A fault for a word in which letters of ours stand beside such as only look like them: it would be
/// another word than the one that people read.
fn mixed(text: &str, span: Span) -> Option<Fault> {
    if text.is_ascii() {
        return None;
    }
    let looks = |letter: char| {
        ALIKE.iter().find_map(|(theirs, ours)| {
            theirs.chars().zip(ours.chars()).find(|(own, _)| *own == letter).map(|(_, ours)| ours)
        })
    };
    let words = text.split(|c: char| !c.is_alphabetic());
    let mut mixed = words.filter(|word| word.contains(|c: char| c.is_ascii_alphabetic()));
    let (letter, ours) = mixed.find_map(|word| word.chars().find_map(|c| Some((c, looks(c)?))))?;
    let message = format!("`{letter}` (U+{:04X}) only looks like `{ours}`", u32::from(letter));
    Some(Fault::new(Code::Character, span, message).help("write the word with letters of one alphabet"))
}

/// A fault for a word with quotes in it that word processors make.
fn typographic(text: &str, span: Span) -> Option<Fault> {
    if text.is_ascii() {
        return None;
    }
    let quote = text.chars().find(|letter| "“”„‟".contains(*letter))?;
    let fault =
        Fault::new(Code::Character, span, format!("`{quote}` is not the quote that a tree is written with"));
    Some(fault.help("write `\"` before a text and behind it; some programs change it while you type"))
}

/// A fault for every run of invisible characters.
fn invisible(source: &str) -> Vec<Fault> {
    if source.bytes().all(|byte| matches!(byte, b'\t' | b'\n' | b'\r' | b' '..=b'~')) {
        return Vec::new();
    }
    let mut faults: Vec<(Span, char)> = Vec::new();
    // The mark that some programs put before a text says how it is written, and nothing else.
    let is_mark = |at: usize, c: char| at == 0 && c == '\u{feff}';
    for (at, c) in source.char_indices().filter(|(at, c)| is_invisible(*c) && !is_mark(*at, *c)) {
        let end = at + c.len_utf8();
        match faults.last_mut() {
            Some((span, _)) if span.end == at => span.end = end,
            _ => faults.push((Span::new(at, end), c)),
        }
    }
    let fault = |(span, c): (Span, char)| {
        let message = format!("a character that cannot be seen, U+{:04X}", u32::from(c));
        Fault::new(Code::Character, span, message).help("take it out; a tree holds text that people can read")
    };
    faults.into_iter().map(fault).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn kinds(source: &str) -> Vec<Kind<'_>> {
        lex(source).tokens.iter().map(|t| t.kind).collect()
    }

    #[test]
    fn an_arrow_ends_a_word_and_a_dash_does_not() {
        let expected = [Kind::Word("no-answer"), Kind::Arrow, Kind::Word("busy"), Kind::End];
        assert_eq!(kinds("no-answer->busy"), expected);
    }

    #[test]
    fn line_ends_of_every_kind_are_one_token() {
        let expected = [Kind::LineEnd, Kind::Word("a"), Kind::LineEnd, Kind::LineEnd, Kind::End];
        assert_eq!(kinds("\r\na\n\r"), expected);
    }

    #[test]
    fn quotes_of_word_processors_are_told() {
        let faults = lex("profile “smart” {").faults;
        assert_eq!(faults.len(), 1);
        assert!(faults[0].message.starts_with("`“` is not the quote"), "{}", faults[0].message);
        assert!(lex("profile \"a “smart” name\" {").faults.is_empty(), "in a text they are letters");
    }

    #[test]
    fn letters_that_only_look_like_ours_are_told() {
        let faults = |source: &str| lex(source).faults.len();
        for alike in ["\u{430}nne@north.test", "\"Fr\u{456}ends\"", "n\u{3bf}rth", "busy\u{430}"] {
            assert_eq!(faults(alike), 1, "{alike}");
        }
        for unseen in
            ["an\u{200b}ne@north.test", "\"Fri\u{ad}ends\"", "bu\u{2060}sy", "a\u{e0061}b", "a\u{feff}b"]
        {
            assert_eq!(faults(unseen), 1, "{unseen:?}");
        }
        assert_eq!(faults("\u{feff}busy"), 0, "a mark of the order of bytes");
        // One alphabet, or one a word; and a remark may say what it likes.
        for plain in ["анна@север.test", "\"σπίτι home\"", "é@østre.test", "# \u{430}nne", "\"5€\"", "日本"]
        {
            assert_eq!(faults(plain), 0, "{plain}");
        }
    }

    #[test]
    fn quotes_escape_both_ways() {
        assert_eq!(kinds(r#""a \" b""#), [Kind::Text(r#"a \" b"#), Kind::End]);
        assert_eq!(unescape(r#"a \" \\ \n"#), r#"a " \ \n"#);
        for text in ["", "\\", "\"", "\\\"", "plain"] {
            let quoted = escape(text);
            let inner = quoted.strip_prefix('"').and_then(|q| q.strip_suffix('"')).unwrap();
            assert_eq!(unescape(inner), text);
        }
    }
}
