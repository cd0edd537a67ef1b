//! The ladder of one half: what was said and heard, when, and by whom, as far as its owner may see.
//!
//! A few words for each message and no more, so that keeping it costs nothing: the beginning and
//! the end of a long call are kept, the middle is counted. Clients go by the name of their device or
//! what they call themselves, everybody else by address or number; no host is ever in it.
//!
//! ```text
//! anne@north.test⇥desk                  who takes part, number 0 is the side that asks
//! 0⇥0>⇥INVITE⇥offer                     milliseconds, party and direction, what, remark
//! 2⇥1<⇥INVITE⇥offer
//! ```

use std::fmt::{self, Write as _};
use std::hash::{DefaultHasher, Hasher};

use serde::Serialize;
use smallvec::SmallVec;

use crate::base::Uid;
use crate::effect::CallTimer;
use crate::leg::LegWord;
use crate::registrar::{Binding, User};
use crate::sip::Method;

/// Steps kept of the beginning of a call.
const FIRST: usize = 20;
/// Steps of the calls that are answered at once, which cost no allocation.
const USUAL: usize = 12;
/// Steps kept of its end.
const LAST: usize = 12;
/// Parties of one half that are told apart.
const PARTIES: usize = 60;
/// Longest name of a client in a ladder.
const NAME: usize = 28;

/// What one half has said and heard.
#[derive(Debug, Default)]
pub(super) struct Ladder {
    parties: SmallVec<[Party; 2]>,
    first: SmallVec<[Step; USUAL]>,
    /// A ring: once it is full, the next one takes the place of the oldest.
    last: Vec<Step>,
    beyond: usize,
    offered: bool,
}

/// Who is at the other end of a leg.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Party {
    /// A client: its name, and what tells it from another of that name.
    Client(SmallVec<[u8; NAME]>, u64),
    /// Another user.
    User(Uid),
    /// Who is behind a number.
    Number(std::sync::Arc<str>),
    /// The side that asks, as the record names it.
    Asker,
}

#[derive(Debug, Clone, Copy)]
struct Step {
    after_ms: u32,
    party: u8,
    way: Way,
    remark: Remark,
    what: What,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Way {
    Heard,
    Said,
    Timer,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Remark {
    None,
    Offer,
    Answer,
    Elsewhere,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum What {
    Invite,
    Status(u16),
    Ack,
    Cancel,
    Bye,
    Reinvite,
    Reinvited(u16),
    Request(Method),
    Replied(u16),
    Notified(u16),
    Time(CallTimer),
}

impl Party {
    /// A client of a user's: as he has named it, else as it names itself.
    pub(super) fn client(owner: &User, binding: &Binding) -> Self {
        let device = owner
            .devices
            .iter()
            .find(|device| device.instance.as_deref().is_some_and(|instance| binding.has_instance(instance)));
        let name = match device {
            Some(device) => device.name.as_str(),
            None if binding.stored.user_agent.is_empty() => "phone",
            None => binding.stored.user_agent.as_str(),
        };
        let mut short: SmallVec<[u8; NAME]> = SmallVec::new();
        for c in name.chars().map(|c| if c.is_control() { ' ' } else { c }) {
            let mut bytes = [0; 4];
            let bytes = c.encode_utf8(&mut bytes).as_bytes();
            if short.len() + bytes.len() > NAME {
                break;
            }
            short.extend_from_slice(bytes);
        }
        let mut hasher = DefaultHasher::new();
        hasher.write(binding.stored.key.as_bytes());
        Self::Client(short, hasher.finish())
    }
}

impl Ladder {
    /// The number of a party; a new one gets the next. Beyond the last one all share it.
    pub(super) fn party(&mut self, party: Party) -> u8 {
        let known = self.parties.iter().position(|own| *own == party);
        let at = known.unwrap_or_else(|| {
            if self.parties.len() < PARTIES {
                self.parties.push(party);
            }
            self.parties.len() - 1
        });
        u8::try_from(at).unwrap_or(0)
    }

    /// The call began: an INVITE came, or goes out.
    pub(super) fn invite(&mut self, after_ms: u32, party: u8, offer: bool) {
        let way = if self.first.is_empty() { Way::Heard } else { Way::Said };
        self.offered = offer;
        let remark = if offer { Remark::Offer } else { Remark::None };
        self.push(Step { after_ms, party, way, remark, what: What::Invite });
    }

    /// A phone asks in by an INVITE of its own.
    pub(super) fn asked(&mut self, after_ms: u32, party: u8, offer: bool) {
        self.offered = offer;
        let remark = if offer { Remark::Offer } else { Remark::None };
        self.push(Step { after_ms, party, way: Way::Heard, remark, what: What::Invite });
    }

    /// A leg has told something.
    pub(super) fn heard(&mut self, after_ms: u32, party: u8, word: &LegWord) {
        self.word(after_ms, party, Way::Heard, word);
    }

    /// A leg was told something.
    pub(super) fn said(&mut self, after_ms: u32, party: u8, word: &LegWord) {
        self.word(after_ms, party, Way::Said, word);
    }

    /// Time has done something.
    pub(super) fn time(&mut self, after_ms: u32, timer: CallTimer) {
        self.push(Step {
            after_ms,
            party: 0,
            way: Way::Timer,
            remark: Remark::None,
            what: What::Time(timer),
        });
    }

    fn word(&mut self, after_ms: u32, party: u8, way: Way, word: &LegWord) {
        let response = if self.offered { Remark::Answer } else { Remark::Offer };
        let body = |has: bool, remark: Remark| if has { remark } else { Remark::None };
        let (what, remark) = match word {
            LegWord::Progress { status, passage, .. } => {
                (What::Status(*status), body(passage.has_body(), response))
            }
            LegWord::Answer { passage, .. } => (What::Status(200), body(passage.has_body(), response)),
            LegWord::Settle { passage, .. } => {
                (What::Request(Method::Prack), body(passage.has_body(), Remark::Answer))
            }
            LegWord::Acknowledge(passage) => (What::Ack, body(passage.has_body(), Remark::Answer)),
            LegWord::Reject(refusal) => (What::Status(refusal.status), Remark::None),
            LegWord::Withdraw(_) => (What::Cancel, Remark::None),
            LegWord::Cancel(passage) => (What::Cancel, body(passage.is_elsewhere(), Remark::Elsewhere)),
            LegWord::HangUp(passage) => (What::Bye, body(passage.is_elsewhere(), Remark::Elsewhere)),
            LegWord::Renegotiate { update, passage, .. } => {
                self.offered = passage.has_body();
                let what = if *update { What::Request(Method::Update) } else { What::Reinvite };
                (what, body(self.offered, Remark::Offer))
            }
            LegWord::Renegotiated { status, passage, .. } => {
                (What::Reinvited(*status), body(passage.has_body(), response))
            }
            LegWord::Request { method, .. } => (What::Request(*method), Remark::None),
            LegWord::Refer(_) => (What::Request(Method::Refer), Remark::None),
            LegWord::Referred { status, .. } => (What::Notified(*status), Remark::None),
            LegWord::Reply { status, .. } => (What::Replied(*status), Remark::None),
        };
        self.push(Step { after_ms, party, way, remark, what });
    }

    fn push(&mut self, step: Step) {
        if self.first.len() < FIRST {
            self.first.push(step);
            return;
        }
        match self.last.get_mut(self.beyond % LAST) {
            Some(oldest) => *oldest = step,
            None => self.last.push(step),
        }
        self.beyond += 1;
    }

    /// As it is kept. `asker`: what the record calls the side that asks.
    pub(super) fn text(&self, asker: &str) -> String {
        let mut text = String::with_capacity(24 * (self.first.len() + self.last.len() + 1));
        let names: SmallVec<[String; 4]> = self.parties.iter().map(|party| party.name(asker)).collect();
        for (at, name) in names.iter().enumerate() {
            if at > 0 {
                text.push('\t');
            }
            text.push_str(name);
            // Two clients of one name are told apart by a number.
            let before = names.iter().take(at).filter(|other| *other == name).count();
            if before > 0 {
                let _ = write!(text, " ({})", before + 1);
            }
        }
        text.push('\n');
        // Once the ring is full, its oldest step is the next to be replaced.
        let oldest = if self.beyond > LAST { self.beyond % LAST } else { 0 };
        let (newer, older) = self.last.split_at_checked(oldest).unwrap_or((&[], &self.last));
        for step in &self.first {
            step.write(&mut text);
        }
        let lost = self.beyond - self.last.len();
        if lost > 0 {
            let _ = writeln!(text, "{lost}\t-");
        }
        for step in older.iter().chain(newer) {
            step.write(&mut text);
        }
        text
    }
}

impl Party {
    fn name(&self, asker: &str) -> String {
        match self {
            Self::Client(name, _) => String::from_utf8_lossy(name).into_owned(),
            Self::User(uid) => uid.to_string(),
            Self::Number(number) => number.to_string(),
            Self::Asker => asker.replace(char::is_control, " "),
        }
    }
}

impl Step {
    fn write(&self, text: &mut String) {
        let way = match self.way {
            Way::Heard => ">",
            Way::Said => "<",
            Way::Timer => "!",
        };
        let _ = write!(text, "{}\t{}{way}\t{}", self.after_ms, self.party, self.what);
        let remark = match self.remark {
            Remark::None => "",
            Remark::Offer => "\toffer",
            Remark::Answer => "\tanswer",
            Remark::Elsewhere => "\tcompleted elsewhere",
        };
        text.push_str(remark);
        text.push('\n');
    }
}

impl fmt::Display for What {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Invite => f.write_str("INVITE"),
            Self::Status(status) => write!(f, "{status}"),
            Self::Ack => f.write_str("ACK"),
            Self::Cancel => f.write_str("CANCEL"),
            Self::Bye => f.write_str("BYE"),
            Self::Reinvite => f.write_str("re-INVITE"),
            Self::Reinvited(status) => write!(f, "{status} re-INVITE"),
            Self::Request(Method::Other) => f.write_str("request"),
            Self::Request(method) => f.write_str(method.as_str()),
            Self::Notified(status) => write!(f, "NOTIFY {status}"),
            Self::Replied(status) => write!(f, "{status} reply"),
            Self::Time(CallTimer::Stage) => f.write_str("no answer"),
            Self::Time(CallTimer::Next) => f.write_str("the next one"),
            Self::Time(CallTimer::Silent) => f.write_str("no sign of life"),
            Self::Time(CallTimer::Flows) => f.write_str("by another flow"),
            Self::Time(CallTimer::Waking) => f.write_str("nobody woke up"),
            Self::Time(CallTimer::Limit) => f.write_str("rung long enough"),
        }
    }
}

/// One line of a ladder that was kept.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Rung {
    /// Milliseconds since the half began; of a gap, how many lines are missing.
    pub ms: u64,
    /// Who said it; `timer` for time, `…` for a gap.
    pub from: String,
    /// To whom; empty for time and gaps.
    pub to: String,
    /// `INVITE`, `180`, …
    pub what: String,
    /// `offer`, `answer`, `completed elsewhere`, or nothing.
    pub remark: String,
}

/// Reads a ladder that was kept; what it does not understand is left out.
pub fn rungs(kept: &str) -> Vec<Rung> {
    let mut lines = kept.lines();
    let parties: Vec<&str> = lines.next().unwrap_or_default().split('\t').collect();
    lines.filter_map(|line| rung(line, &parties)).collect()
}

fn rung(line: &str, parties: &[&str]) -> Option<Rung> {
    let mut fields = line.split('\t');
    let ms = fields.next()?.parse().ok()?;
    let side = fields.next()?;
    let what = fields.next().unwrap_or_default().to_owned();
    let remark = fields.next().unwrap_or_default().to_owned();
    let party = |digits: &str| Some((*parties.get(digits.parse::<usize>().ok()?)?).to_owned());
    let (from, to) = match (side.strip_suffix('>'), side.strip_suffix('<')) {
        (Some(digits), _) => (party(digits)?, "server".to_owned()),
        (_, Some(digits)) => ("server".to_owned(), party(digits)?),
        (None, None) if side == "-" => ("…".to_owned(), String::new()),
        (None, None) => ("timer".to_owned(), String::new()),
    };
    Some(Rung { ms, from, to, what, remark })
}

/// A ladder as people read it, a message a line.
pub fn draw(rungs: &[Rung]) -> Vec<String> {
    let width = |name: &dyn Fn(&Rung) -> &str| {
        rungs.iter().map(|rung| name(rung).chars().count()).max().unwrap_or_default()
    };
    let (from, to) = (width(&|rung| &rung.from), width(&|rung| &rung.to));
    let row = |rung: &Rung| {
        if rung.from == "…" {
            return format!("   …     and {} more", rung.ms);
        }
        let time = format!("{:3}.{:03}", rung.ms / 1000, rung.ms % 1000);
        let arrow = if rung.to.is_empty() { "  " } else { "->" };
        let row =
            format!("{time}  {:from$} {arrow} {:to$}  {:14}  {}", rung.from, rung.to, rung.what, rung.remark);
        row.trim_end().to_owned()
    };
    rungs.iter().map(row).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::leg::{Passage, Refusal};

    fn ladder() -> Ladder {
        let mut ladder = Ladder::default();
        let asker = ladder.party(Party::Asker);
        ladder.invite(0, asker, true);
        ladder
    }

    #[test]
    fn what_is_kept_can_be_read() {
        let mut ladder = ladder();
        let phones = [1, 2].map(|key| ladder.party(Party::Client(SmallVec::from_slice(b"desk"), key)));
        assert_eq!(ladder.party(Party::Client(SmallVec::from_slice(b"desk"), 2)), phones[1]);
        for phone in phones {
            ladder.invite(1, phone, true);
        }
        ladder.heard(50, phones[0], &LegWord::Reject(Refusal::status(486)));
        ladder.time(20_001, CallTimer::Stage);
        let gone = Passage::reason("SIP;cause=200;text=\"Call completed elsewhere\"");
        ladder.said(20_001, phones[1], &LegWord::Cancel(gone));
        let drawn = draw(&rungs(&ladder.text("anne@north.test"))).join("\n");
        assert_eq!(
            drawn,
            "  0.000  anne@north.test -> server    INVITE          offer
  0.001  server          -> desk      INVITE          offer
  0.001  server          -> desk (2)  INVITE          offer
  0.050  desk            -> server    486
 20.001  timer                        no answer
 20.001  server          -> desk (2)  CANCEL          completed elsewhere"
        );
    }

    #[test]
    fn the_middle_of_a_long_call_is_counted() {
        let mut ladder = ladder();
        for second in 1..100 {
            ladder.heard(
                second * 1000,
                0,
                &LegWord::Renegotiate { early: 0, update: false, passage: Passage::default() },
            );
        }
        let rungs = rungs(&ladder.text("anne@north.test"));
        assert_eq!(rungs.len(), FIRST + 1 + LAST);
        let gap = &rungs[FIRST];
        assert_eq!((gap.from.as_str(), gap.ms), ("…", 100 - 20 - 12));
        let times: Vec<u64> = rungs[FIRST + 1..].iter().map(|rung| rung.ms / 1000).collect();
        assert_eq!(times, (88..100).collect::<Vec<u64>>());
    }

    #[test]
    fn what_cannot_be_read_is_left_out() {
        for odd in ["", "a\tb", "a\n1\t7>\tINVITE", "a\nx\t0>\tINVITE", "a\n1"] {
            assert_eq!(rungs(odd), [], "{odd:?}");
        }
    }
}
