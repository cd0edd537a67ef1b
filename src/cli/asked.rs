//! A request as the options of a command put it: what is asked for, by whom, when, and what comes of it.

use std::sync::Arc;

use clap::Args;
use jiff::Timestamp;
use jiff::civil::DateTime;
use jiff::tz::{TimeZone, TimeZoneDatabase};

use super::desk::Desk;
use super::failure::Failure;
use super::user::pair;
use crate::base::Uid;
use crate::io::clock;
use crate::io::store::canonical_number;
use crate::routing::{
    Account, Content, Direction, Ending, Facts, Header, INVISIBLE, Mode, Outcome, Profile, Registered, Route,
    Script, Status, Who, nearest,
};

/// One request.
#[derive(Debug, Args)]
#[allow(clippy::struct_excessive_bools, reason = "each is a flag of the command line")]
pub(super) struct Asked {
    /// What is asked for: voice, video, text, page, …
    #[arg(long, default_value = "voice")]
    mode: String,
    /// Who asks: a UID, a number, or `anonymous`.
    #[arg(long, value_name = "UID", default_value = "anonymous")]
    from: String,
    /// Who is asked for: a UID or a number; matters to an outgoing tree.
    #[arg(long, value_name = "UID", default_value = "owner@localhost")]
    to: String,
    /// A group of the owner's contacts that the other side is in; may be given several times.
    #[arg(long, value_name = "G")]
    group: Vec<String>,
    /// The other side is a contact of the owner's. Whoever is in a group is one, unless it is "Invisible".
    #[arg(long)]
    contact: bool,
    /// It is urgent.
    #[arg(long)]
    urgent: bool,
    /// When it comes: `2026-11-28T10:00:00Z`, or without an offset by the clock of the tree's zone.
    /// Without it, now.
    #[arg(long, value_name = "RFC3339")]
    time: Option<String>,
    /// Ask the outgoing tree.
    #[arg(long)]
    outgoing: bool,
    /// Which clients of the owner are registered: `none`, `other-modes` (none that can take this mode),
    /// `this-mode`.
    #[arg(long, value_name = "WHICH", default_value = "this-mode", conflicts_with = "offline")]
    registered: String,
    /// No client of the owner is registered.
    #[arg(long)]
    offline: bool,
    /// How the owner can be reached: available, occupied, away, offline. Without it, available if a
    /// client is registered.
    #[arg(long, value_name = "STATUS")]
    status: Option<String>,
    /// The kind of account that the owner has.
    #[arg(long, value_name = "TYPE", default_value = Account::STANDARD)]
    account: String,
    /// What is left on it.
    #[arg(long, value_name = "N", default_value_t = 0, allow_hyphen_values = true)]
    credit: i64,
    /// A property of the owner's; may be given several times.
    #[arg(long, value_name = "K=V")]
    property: Vec<String>,
    /// The owner's device that sends what goes out.
    #[arg(long, value_name = "NAME")]
    device: Option<String>,
    /// A header of the message, `Subject: lunch`; may be given several times.
    #[arg(long, value_name = "NAME: VALUE")]
    header: Vec<String>,
    /// The text of a page.
    #[arg(long, value_name = "TEXT")]
    body: Option<String>,
    /// What comes of a target that is tried: `clients=busy`, `"gsm"=no-answer`; or of all that is tried
    /// at once: `busy`. Given again, what comes of the next.
    #[arg(long, value_name = "[TARGET=]OUTCOME", alias = "then")]
    outcome: Vec<String>,
}

impl Asked {
    /// The way of the request through a profile, to where the outcomes lead; and how it ends. Where the
    /// profile has no incoming tree, `fallback` is asked.
    pub(super) fn of(
        &self,
        desk: &Desk,
        profile: &Arc<Profile>,
        fallback: &Arc<Profile>,
    ) -> Result<(Route, Ending), Failure> {
        let mode: Mode = word("mode", &self.mode, Mode::ALL.iter().map(|mode| mode.as_str()))?;
        let mut script = self.script()?;
        let parties = (who(&self.from)?, who(&self.to)?);
        let direction = if self.outgoing { Direction::Outgoing } else { Direction::Incoming };
        remark_strange_groups(desk, profile, &self.group);
        let facts = self.facts(profile, if self.outgoing { &parties.1 } else { &parties.0 })?;
        let mut route = Route::begin((profile, fallback), direction, mode, parties, facts);
        let ending = route.play(&mut script);
        for left in script.left() {
            desk.remark(format_args!("note: `{left}` does not come up"));
        }
        Ok((route, ending))
    }

    fn facts(&self, profile: &Profile, other: &Who) -> Result<Facts, Failure> {
        if *other == Who::Anonymous && (self.contact || self.group.iter().any(|group| group != INVISIBLE)) {
            return Err(Failure::Stranger);
        }
        let is_invisible = self.group.iter().any(|group| group == INVISIBLE);
        let registered = self.registered()?;
        Ok(Facts {
            registered,
            contact: (self.contact || !self.group.is_empty()) && !is_invisible,
            groups: self.group.iter().map(|group| Arc::from(group.as_str())).collect(),
            urgent: self.urgent,
            status: match &self.status {
                Some(status) => word("status", status, Status::ALL.iter().map(|status| status.as_str()))?,
                None if registered == Registered::None => Status::Offline,
                None => Status::Available,
            },
            verified: matches!(other, Who::User(_)),
            account: Some(self.account()?),
            device: self.device.as_deref().map(Arc::from),
            content: Some(self.content()),
            wall_ms: self
                .time
                .as_deref()
                .map_or_else(|| Ok(clock::wall_ms()), |text| moment(profile, text))?,
        })
    }

    fn registered(&self) -> Result<Registered, Failure> {
        if self.offline {
            return Ok(Registered::None);
        }
        word("registration", &self.registered, Registered::ALL.iter().map(|state| state.as_str()))
    }

    fn account(&self) -> Result<Arc<Account>, Failure> {
        let properties = self.property.iter().map(|text| pair(text)).collect::<Result<Vec<_>, _>>()?;
        let boxed = |(key, value): (String, String)| (key.into(), value.into());
        let properties = properties.into_iter().map(boxed).collect();
        Ok(Arc::new(Account { kind: self.account.as_str().into(), credit: self.credit, properties }))
    }

    fn content(&self) -> Arc<Content> {
        let header = |text: &String| {
            let (name, value) = text.split_once(':')?;
            Some((Header::named(name.trim())?, value.trim().to_owned().into()))
        };
        let body = self.body.clone().unwrap_or_default();
        let size = body.len();
        Arc::new(Content::new(self.header.iter().filter_map(header), body.into(), size))
    }

    fn script(&self) -> Result<Script, Failure> {
        let mut script = Script::default();
        for text in &self.outcome {
            let (target, outcome) = text.rsplit_once('=').map_or((None, &**text), |(t, o)| (Some(t), o));
            let there = Outcome::ALL.iter().map(|outcome| outcome.as_str());
            script.push(target, word("outcome", outcome.trim(), there)?);
        }
        Ok(script)
    }
}

/// A group that no condition looks at changes nothing: perhaps another was meant.
fn remark_strange_groups(desk: &Desk, profile: &Profile, groups: &[String]) {
    let looked_at = profile.groups();
    for group in groups.iter().filter(|group| !looked_at.contains(&group.as_str())) {
        let hint = match nearest(group, looked_at.iter().copied()) {
            Some(meant) => format!("did you mean \"{meant}\"?"),
            None => String::from("it makes the other side a contact, and no more"),
        };
        desk.remark(format_args!("note: this tree does not look at the group \"{group}\"\n  {hint}"));
    }
}

/// A moment as it was typed, in milliseconds since 1970.
fn moment(profile: &Profile, text: &str) -> Result<i64, Failure> {
    if let Ok(timestamp) = text.parse::<Timestamp>() {
        return Ok(timestamp.as_millisecond());
    }
    let zones = TimeZoneDatabase::bundled();
    let zone = profile.zone().and_then(|name| zones.get(name).ok()).unwrap_or(TimeZone::UTC);
    let zoned = text.parse::<DateTime>().and_then(|datetime| datetime.to_zoned(zone));
    zoned.map(|zoned| zoned.timestamp().as_millisecond()).map_err(|_| Failure::Moment(text.into()))
}

/// A word of a closed list.
pub(super) fn word<T: std::str::FromStr>(
    what: &'static str,
    word: &str,
    there: impl Iterator<Item = &'static str> + Clone,
) -> Result<T, Failure> {
    word.parse().map_err(|_| {
        let hint = match nearest(word, there.clone()) {
            Some(meant) => format!("did you mean `{meant}`?"),
            None => format!("there are {}", there.collect::<Vec<_>>().join(", ")),
        };
        Failure::Word { what, word: word.into(), hint }
    })
}

fn who(text: &str) -> Result<Who, Failure> {
    if text == "anonymous" {
        return Ok(Who::Anonymous);
    }
    if let (false, Some(number)) = (text.contains('@'), canonical_number(text)) {
        return Ok(Who::Number(number.into()));
    }
    Uid::parse(text).map(Who::User).map_err(|why| Failure::Uid { text: text.into(), why })
}

/// Since when: a moment, or so long ago (`36h`, `7d`); in milliseconds since 1970.
pub(super) fn since(text: &str) -> Result<i64, Failure> {
    if let Ok(timestamp) = text.parse::<Timestamp>() {
        return Ok(timestamp.as_millisecond());
    }
    let units = [("m", 60), ("h", 3_600), ("d", 86_400)];
    let ago_s = units.iter().find_map(|(unit, seconds)| {
        text.strip_suffix(unit)?.parse::<u32>().ok().map(|count| i64::from(count) * seconds)
    });
    ago_s.map(|ago_s| clock::wall_ms() - ago_s * 1_000).ok_or_else(|| Failure::Since(text.into()))
}
