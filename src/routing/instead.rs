//! What people write who think in English, or in another language of machines: words that are none of ours, and
//! what to write instead of each.
//!
//! A row is read where a word of its kind was expected and another was found. What is only a slip of the finger needs
//! none: the vocabulary's [`nearest`](super::vocabulary::nearest) finds the word that was meant.

/// What was expected where a word stands.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Expected {
    /// The word that a file begins with.
    Head,
    Section,
    Condition,
    Mode,
    Status,
    /// An address, or a word for somebody.
    Party,
    Bound,
    /// How to look for words.
    Search,
    Day,
    /// The arrow behind a condition.
    Arrow,
    Action,
    Target,
    /// A target, by a word for what is done besides.
    Besides,
    Outcome,
    /// The end of a rule.
    End,
}

impl Expected {
    /// What a message calls it.
    pub(super) const fn told(self) -> &'static str {
        match self {
            Self::Head => "word to begin a file with",
            Self::Section => "part of a profile",
            Self::Condition => "condition",
            Self::Mode => "mode",
            Self::Status => "status",
            Self::Party => "address",
            Self::Bound => "bound",
            Self::Search => "way to look for words",
            Self::Day => "day",
            Self::Arrow => "arrow",
            Self::Action => "action",
            Self::Target | Self::Besides => "target",
            Self::Outcome => "outcome",
            Self::End => "end of a rule",
        }
    }
}

pub(super) const ARROW: &str = "the arrow is written `->`";
const REMARK: &str = "a remark begins with `#`";
const ONE_LINE: &str = "each rule has a line of its own, without `;`";
pub(super) const NEXT: &str = "what comes next stands after `else`: `try clients for 20s else voicemail`";
pub(super) const BESIDES: &str = "what is done besides stands first: `log \"x\", decline`";
const TOGETHER: &str =
    "targets that ring together are joined with a comma: `try clients, user bob@north.test`";
const VALUES: &str = "several values are joined with `or`: `mode voice or video`";
const EVERYBODY: &str = "the rule for everybody is `otherwise`";
const TRY: &str = "write `try clients`";
const DATES: &str =
    "days, dates and hours are values of `time`: `time dec-24`, `time sat or sun 10:00-14:00`";
const SPAN: &str =
    "hours have both ends: after 17:00 is `time 17:00-24:00`, before 9:00 is `time 00:00-09:00`";

/// Words in small letters, and what to write instead where one of them was found.
type Row = (Expected, &'static [&'static str], &'static str);

const ROWS: &[Row] = &[
    (
        Expected::Section,
        &["otherwise", "try", "rules", "tree"],
        "rules stand in `incoming { … }` or `outgoing { … }`",
    ),
    (Expected::Section, &["in", "inbound"], "did you mean `incoming`?"),
    (Expected::Section, &["out", "outbound"], "did you mean `outgoing`?"),
    (Expected::Section, &["timezone", "tz"], "did you mean `zone`?"),
    (
        Expected::Condition,
        &["if", "when", "on"],
        "leave it out: a rule begins with its condition, as in `mode voice -> try clients`",
    ),
    (Expected::Condition, &["from", "sender"], "who calls is `caller bob@north.test`"),
    (Expected::Condition, &["callee"], "whom you call is `to bob@north.test`"),
    (Expected::Condition, &["group"], "who is in a group is `caller in \"Friends\"`"),
    (
        Expected::Condition,
        &["number", "in", "contact", "verified", "anonymous"],
        "this is said of the caller: `caller number \"+47*\"`, `caller in \"Friends\"`, `caller contact`",
    ),
    (
        Expected::Condition,
        &["default", "any", "all", "always", "anybody", "anyone", "everybody", "everyone", "*"],
        EVERYBODY,
    ),
    (
        Expected::Condition,
        &["date", "day", "days", "hour", "hours", "at", "after", "before", "between"],
        DATES,
    ),
    (Expected::Condition, &["weekend", "weekends"], "write `time sat or sun`"),
    (Expected::Condition, &["weekday", "weekdays", "workdays"], "write `time mon-fri`"),
    (
        Expected::Condition,
        &["holiday", "holidays"],
        "write `time holiday`; which days those are stands before the trees",
    ),
    (Expected::Condition, &["credit"], "what is left on the account is `account credit under 5`"),
    (Expected::Condition, &["priority", "emergency"], "who says that it is urgent is `urgent`"),
    (Expected::Condition, &["call", "calls"], "a voice call is `mode voice`"),
    (Expected::Condition, &["message", "messages", "sms"], "a short message is `mode page`"),
    (
        Expected::Condition,
        &["online", "presence"],
        "how you can be reached is `status available`, whether a phone is there `registered`",
    ),
    (Expected::Mode, &["call", "audio", "phone"], "did you mean `voice`?"),
    (Expected::Mode, &["message", "sms", "im"], "did you mean `page`?"),
    (Expected::Mode, &["chat"], "did you mean `text`?"),
    (Expected::Status, &["busy", "dnd", "meeting"], "did you mean `occupied`?"),
    (Expected::Status, &["online", "free", "here"], "did you mean `available`?"),
    (Expected::Status, &["out", "absent", "idle"], "did you mean `away`?"),
    (Expected::Status, &["unavailable"], "did you mean `offline`?"),
    (Expected::Party, &["any", "all", "anybody", "anyone", "everybody", "everyone"], EVERYBODY),
    (
        Expected::Party,
        &["unknown", "hidden", "private", "withheld"],
        "who does not say who he is is `anonymous`, whom you do not know `not caller contact`",
    ),
    (Expected::Party, &["contacts", "known"], "did you mean `contact`?"),
    (Expected::Bound, &["<", "below", "less"], "did you mean `under`?"),
    (Expected::Bound, &[">", "above", "more", "greater"], "did you mean `over`?"),
    (
        Expected::Bound,
        &["<=", ">=", "=", "==", "is"],
        "a bound is not among what is meant: at most 5 is `under 6`, at least 5 is `over 4`",
    ),
    (Expected::Search, &["is", "=", "==", "equals", "like"], "did you mean `matches`?"),
    (Expected::Search, &["has", "includes", "with"], "did you mean `contains`?"),
    (Expected::Day, &["weekend", "weekends"], "did you mean `sat or sun`?"),
    (Expected::Day, &["weekday", "weekdays", "workday", "workdays"], "did you mean `mon-fri`?"),
    (Expected::Day, &["holidays"], "did you mean `holiday`?"),
    (Expected::Day, &["after", "before", "from", "since", "until", "between"], SPAN),
    (Expected::Day, &["daily", "always"], "leave it out: hours alone hold on every day"),
    (Expected::Arrow, &["=", ">", "-", "--", "–", "—", "then", "do"], ARROW),
    (Expected::Arrow, &["&", "&&"], "conditions are joined with `and`"),
    (Expected::Arrow, &["|", "||", "/"], VALUES),
    (Expected::Action, &["reject", "hangup", "hang", "end"], "did you mean `decline`?"),
    (Expected::Action, &["ring", "call", "dial"], "did you mean `try`? as in `try clients`"),
    (Expected::Action, &["answer", "accept", "allow", "pass", "phone", "phones", "devices"], TRY),
    (
        Expected::Action,
        &["block", "deny", "forbid"],
        "write `refuse \"why\"`, or `ignore` if he is not to know",
    ),
    (Expected::Action, &["drop"], "did you mean `ignore`?"),
    (
        Expected::Action,
        &["transfer", "divert", "route"],
        "did you mean `forward`? as in `forward bob@north.test`",
    ),
    (Expected::Action, &["say", "message", "text"], "did you mean `reply`? as in `reply \"away\"`"),
    (Expected::Action, &["copy", "cc"], "did you mean `also`? as in `also inbox, try clients`"),
    (Expected::Action, &["mailbox", "mail", "vm"], "did you mean `voicemail`?"),
    (Expected::Action, &["save", "keep", "store"], "did you mean `hold` or `inbox`?"),
    (
        Expected::Target,
        &["then", "decline", "busy", "ignore", "hold", "send", "refuse", "forward", "redirect"],
        NEXT,
    ),
    (Expected::Target, &["phone", "phones", "devices", "me", "all"], "did you mean `clients`?"),
    (Expected::Target, &["mailbox", "vm"], "did you mean `voicemail`?"),
    (Expected::Besides, &["also"], "write `also inbox, try clients`"),
    (Expected::Besides, &["reply"], "write `reply \"away\", try clients`"),
    (Expected::Besides, &["set"], "write `set \"lunch\" \"yes\", try clients`"),
    (Expected::Besides, &["log"], "write `log \"x\", try clients`"),
    (Expected::Outcome, &["else", "default", "other", "any", "always"], "did you mean `otherwise`?"),
    (Expected::Outcome, &["timeout", "unanswered", "missed", "no"], "did you mean `no-answer`?"),
    (Expected::Outcome, &["reject", "rejected", "decline", "refused"], "did you mean `declined`?"),
    (Expected::Outcome, &["offline", "unavailable", "unregistered", "away"], "did you mean `unreachable`?"),
    (Expected::Outcome, &["occupied", "engaged"], "did you mean `busy`?"),
    (Expected::Outcome, &["error", "failure"], "did you mean `failed`?"),
    (Expected::End, &["then"], NEXT),
    (Expected::End, &["and", "&", "+", "plus"], TOGETHER),
    (
        Expected::End,
        &["or", "|", "||"],
        "what rings together is joined with a comma, what rings afterwards with `else`: `try clients for 20s else voicemail`",
    ),
    (
        Expected::End,
        &["if", "when", "unless"],
        "a rule begins with its condition: `mode voice -> try clients`",
    ),
];

/// Words between others, which have to be in small letters.
const JOINTS: [&str; 8] = ["and", "or", "not", "in", "for", "after", "else", "otherwise"];
/// How words of other languages begin, wherever they stand.
const BEGINNINGS: [(&str, &str); 2] = [("//", REMARK), ("/*", REMARK)];
/// And how they end.
const ENDS: [(&[&str], &str); 2] = [(&[";"], ONE_LINE), (&["=>", ":", "=", "→", "⇒", "—>", "–>"], ARROW)];

/// What to write instead of a word where another was expected, if it is one of those that people write.
pub(super) fn instead(expected: Expected, word: &str) -> Option<String> {
    let lower = word.to_lowercase();
    if lower != word && JOINTS.contains(&lower.as_str()) {
        return Some(format!("did you mean `{lower}`? words are written in small letters"));
    }
    let row = ROWS.iter().find(|(at, words, _)| *at == expected && words.contains(&lower.as_str()));
    let begins = || BEGINNINGS.iter().find(|(sign, _)| lower.starts_with(sign)).map(|(_, help)| *help);
    let ends = |signs: &[&str]| signs.iter().any(|sign| lower.ends_with(sign));
    let ends = || ENDS.iter().find(|(signs, _)| ends(signs)).map(|(_, help)| *help);
    row.map(|(.., help)| *help).or_else(begins).or_else(ends).map(str::to_owned)
}

/// What stands between a condition and its value in other languages, and not here.
pub(super) const BETWEEN: [&str; 6] = ["is", "are", "=", "==", ":", "equals"];
