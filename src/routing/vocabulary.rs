//! The tables of the words that begin something, and the search for the word that was meant.
//!
//! A new word gets its meaning here, and the parser reads what follows it.

use super::words::Direction;

/// The words that begin a condition.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Key {
    Mode,
    Caller,
    Registered,
    To,
    Urgent,
    Time,
    Status,
    Subject,
    Body,
    Header,
    Language,
    Size,
    Account,
    Property,
    Device,
}

/// The words that begin an action.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Verb {
    Try,
    Decline,
    Busy,
    Ignore,
    Forward,
    Send,
    Refuse,
    Also,
    Reply,
    Hold,
    Redirect,
    Set,
    Log,
}

/// The words that name a target.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum TargetWord {
    Clients,
    User,
    Client,
    Inbox,
    Voicemail,
    Trunk,
}

/// The words that may stand for a party, besides an address.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum PartyWord {
    Anonymous,
    Number,
    In,
    Not,
    Contact,
    Verified,
}

/// The words that may stand in the braces of a profile.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Section {
    Zone,
    Holidays,
    Tree(Direction),
}

/// Words and what they mean.
pub(super) type Table<T> = [(&'static str, T)];

pub(super) const CONDITIONS: &Table<Key> = &[
    ("mode", Key::Mode),
    ("caller", Key::Caller),
    ("registered", Key::Registered),
    ("to", Key::To),
    ("urgent", Key::Urgent),
    ("time", Key::Time),
    ("status", Key::Status),
    ("subject", Key::Subject),
    ("body", Key::Body),
    ("header", Key::Header),
    ("language", Key::Language),
    ("size", Key::Size),
    ("account", Key::Account),
    ("property", Key::Property),
    ("device", Key::Device),
];

pub(super) const ACTIONS: &Table<Verb> = &[
    ("try", Verb::Try),
    ("decline", Verb::Decline),
    ("busy", Verb::Busy),
    ("ignore", Verb::Ignore),
    ("forward", Verb::Forward),
    ("send", Verb::Send),
    ("refuse", Verb::Refuse),
    ("also", Verb::Also),
    ("reply", Verb::Reply),
    ("hold", Verb::Hold),
    ("redirect", Verb::Redirect),
    ("set", Verb::Set),
    ("log", Verb::Log),
];

pub(super) const TARGETS: &Table<TargetWord> = &[
    ("clients", TargetWord::Clients),
    ("user", TargetWord::User),
    ("client", TargetWord::Client),
    ("inbox", TargetWord::Inbox),
    ("voicemail", TargetWord::Voicemail),
    ("trunk", TargetWord::Trunk),
];

pub(super) const PARTIES: &Table<PartyWord> = &[
    ("anonymous", PartyWord::Anonymous),
    ("number", PartyWord::Number),
    ("in", PartyWord::In),
    ("not", PartyWord::Not),
    ("contact", PartyWord::Contact),
    ("verified", PartyWord::Verified),
];

pub(super) const SECTIONS: &Table<Section> = &[
    ("zone", Section::Zone),
    ("holidays", Section::Holidays),
    ("incoming", Section::Tree(Direction::Incoming)),
    ("outgoing", Section::Tree(Direction::Outgoing)),
];

/// Languages by the names that people give them, for those who write these.
pub(super) const LANGUAGES: &Table<&str> = &[
    ("arabic", "ar"),
    ("chinese", "zh"),
    ("czech", "cs"),
    ("danish", "da"),
    ("dansk", "da"),
    ("deutsch", "de"),
    ("dutch", "nl"),
    ("english", "en"),
    ("espanol", "es"),
    ("estonian", "et"),
    ("finnish", "fi"),
    ("francais", "fr"),
    ("french", "fr"),
    ("german", "de"),
    ("greek", "el"),
    ("hindi", "hi"),
    ("icelandic", "is"),
    ("italian", "it"),
    ("italiano", "it"),
    ("japanese", "ja"),
    ("korean", "ko"),
    ("latvian", "lv"),
    ("lithuanian", "lt"),
    ("norsk", "no"),
    ("norwegian", "no"),
    ("polish", "pl"),
    ("polski", "pl"),
    ("portuguese", "pt"),
    ("russian", "ru"),
    ("spanish", "es"),
    ("suomi", "fi"),
    ("svenska", "sv"),
    ("swedish", "sv"),
    ("turkish", "tr"),
    ("ukrainian", "uk"),
];

/// Looks a word up.
pub(super) fn find<T: Copy>(table: &Table<T>, word: &str) -> Option<T> {
    table.iter().find(|(text, _)| *text == word).map(|(_, meaning)| *meaning)
}

/// The words of a table.
pub(super) fn words_of<T>(table: &'static Table<T>) -> impl Iterator<Item = &'static str> + Clone {
    table.iter().map(|(text, _)| *text)
}

/// The candidate that a person who typed `word` most likely meant, if any is near; capital letters make no difference.
pub(crate) fn nearest<'c>(word: &str, candidates: impl IntoIterator<Item = &'c str>) -> Option<&'c str> {
    /// Longer words are no slips of the finger for any of ours.
    const LONGEST: usize = 24;
    let length = word.chars().count();
    let allowed = if length > LONGEST { 0 } else { (length / 3).clamp(1, 2) };
    let word = word.to_lowercase();
    candidates
        .into_iter()
        .map(|candidate| (candidate.to_lowercase(), candidate))
        .filter(|(lower, _)| lower.len().abs_diff(word.len()) <= 4 * allowed)
        .map(|(lower, candidate)| (slips(&word, &lower), candidate))
        .filter(|(slips, _)| *slips <= allowed)
        .min_by_key(|(slips, _)| *slips)
        .map(|(_, candidate)| candidate)
}

/// How many letters were added, lost, changed or (neighbours) exchanged between two words.
fn slips(from: &str, to: &str) -> usize {
    let to: Vec<char> = to.chars().collect();
    let mut before: Vec<usize> = Vec::new();
    let mut last: Vec<usize> = (0..=to.len()).collect();
    let mut previous = None;
    for (i, a) in from.chars().enumerate() {
        let mut row = vec![i + 1];
        for (j, b) in to.iter().enumerate() {
            let at = |row: &[usize], k: usize| row.get(k).copied().unwrap_or(usize::MAX - 1);
            let mut best =
                (at(&last, j) + usize::from(a != *b)).min(at(&last, j + 1) + 1).min(at(&row, j) + 1);
            let swapped = j > 0 && previous == Some(*b) && to.get(j - 1) == Some(&a);
            if swapped && !before.is_empty() {
                best = best.min(at(&before, j - 1) + 1);
            }
            row.push(best);
        }
        before = std::mem::replace(&mut last, row);
        previous = Some(a);
    }
    last.last().copied().unwrap_or(usize::MAX)
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::super::words::{Mode, Outcome, Status};
    use super::*;

    #[test]
    fn a_slip_finds_its_word_and_a_stranger_none() {
        let modes = || Mode::ALL.iter().map(|m| m.as_str());
        assert_eq!(nearest("viedo", modes()), Some("video"));
        assert_eq!(nearest("pgae", modes()), Some("page"));
        assert_eq!(nearest("vioce", modes()), Some("voice"));
        assert_eq!(nearest("VOICE", modes()), Some("voice"));
        assert_eq!(nearest("telegram", modes()), None);
    }

    /// The words that a grammar for editors gives one name, from its one pattern of them.
    fn words_of(grammar: &serde_json::Value, name: &str) -> BTreeSet<String> {
        let pattern = grammar["repository"][name]["match"].as_str().unwrap();
        let words = pattern.split("(?:").nth(1).unwrap().split(')').next().unwrap();
        words.split('|').map(str::to_owned).collect()
    }

    #[test]
    fn editors_know_the_words() {
        let grammar = include_str!("../../editors/routing-tree.tmLanguage.json");
        let grammar: serde_json::Value = serde_json::from_str(grammar).unwrap();
        let of =
            |words: &mut dyn Iterator<Item = &'static str>| words.map(str::to_owned).collect::<BTreeSet<_>>();
        let all = [
            ("condition", of(&mut CONDITIONS.iter().map(|(word, _)| *word))),
            ("action", of(&mut ACTIONS.iter().map(|(word, _)| *word))),
            ("target", of(&mut TARGETS.iter().map(|(word, _)| *word))),
            ("section", of(&mut SECTIONS.iter().map(|(word, _)| *word).chain(["profile"]))),
        ];
        for (name, words) in &all {
            assert_eq!(words_of(&grammar, name), *words, "{name}");
        }
        // What stands for a value may be a word of another table too; then that one colours it.
        let taken: BTreeSet<String> = all.iter().flat_map(|(_, words)| words.clone()).collect();
        let joints = words_of(&grammar, "joint");
        let parties = PARTIES.iter().map(|(word, _)| *word);
        let modes = Mode::ALL.iter().map(|mode| mode.as_str());
        let outcomes = Outcome::ALL.iter().map(|outcome| outcome.as_str());
        let statuses = Status::ALL.iter().map(|status| status.as_str());
        let values = of(&mut parties.chain(modes).chain(outcomes).chain(statuses).chain(["this-mode"]));
        let left: BTreeSet<String> =
            values.into_iter().filter(|word| !taken.contains(word) && !joints.contains(word)).collect();
        assert_eq!(words_of(&grammar, "value"), left);
    }
}
