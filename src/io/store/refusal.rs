//! What is wrong with a wish about a user's contacts, groups, devices, profiles or inbox, in words
//! that say what to do.

use std::fmt;

use crate::base::Uid;
use crate::routing::nearest;

/// Why a wish about a user's things is refused. Nothing was changed.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Refusal {
    /// A user of this cluster who is not there cannot be a contact.
    #[error("there is no user {contact}\n  {hint}")]
    NoSuchUser {
        /// Who was named.
        contact: String,
        /// Who may be meant.
        hint: Hint,
    },
    /// He is not on the list.
    #[error("{contact} is no contact of {uid}\n  {hint}")]
    NoContact {
        /// Whose list.
        uid: Uid,
        /// Who was named.
        contact: String,
        /// Who may be meant.
        hint: Hint,
    },
    /// He is not in the group, or only by way of another.
    #[error("{contact} is not in \"{group}\" himself\n  {hint}")]
    NotInGroup {
        /// Who was named.
        contact: String,
        /// The group.
        group: String,
        /// Where he is.
        hint: Hint,
    },
    /// He is not blocked.
    #[error("{uid} does not block {caller}\n  {hint}")]
    NotBlocked {
        /// Whose list.
        uid: Uid,
        /// Who was named.
        caller: String,
        /// What covers him all the same.
        hint: Hint,
    },
    /// No such group.
    #[error("{uid} has no group \"{group}\"\n  {hint}")]
    NoGroup {
        /// Whose.
        uid: Uid,
        /// What was named.
        group: String,
        /// Which may be meant.
        hint: Hint,
    },
    /// The group is there.
    #[error("{uid} has a group \"{group}\" already\n  `--in OUTER` puts it into another group")]
    GroupExists {
        /// Whose.
        uid: Uid,
        /// Its name.
        group: String,
    },
    /// The group is one that everybody has.
    #[error(
        "every user has the group \"{0}\": it stays as it is\n  `ratatosk contact unblock` takes somebody out of it"
    )]
    GroupOfAll(&'static str),
    /// It would be inside itself.
    #[error(
        "\"{inner}\" cannot be in \"{outer}\": it would be inside itself, since {way}\n  take one of them out first: `ratatosk group remove UID GROUP --from OUTER`"
    )]
    GroupCircle {
        /// What was to be put in.
        inner: String,
        /// Where to.
        outer: String,
        /// The way round.
        way: String,
    },
    /// The group is not in that one.
    #[error("\"{inner}\" is not in \"{outer}\"\n  `ratatosk group list` shows which group is in which")]
    GroupNotIn {
        /// What was to be taken out.
        inner: String,
        /// From where.
        outer: String,
    },
    /// No name for a group, a device or a profile.
    #[error("\"{}\" is no name for a {what}\n  a name has 1 to 64 bytes, no quotes, backslashes or characters that cannot be seen, and no space at its ends", .name.escape_debug())]
    Name {
        /// For what.
        what: &'static str,
        /// What was typed.
        name: String,
    },
    /// No name that phones could be shown.
    #[error(
        "this is no name to be shown\n  it has up to {most} bytes, and no characters that cannot be seen"
    )]
    ShownName {
        /// How many bytes it may have.
        most: usize,
    },
    /// More numbers than a user may have.
    #[error("these are {found} numbers\n  a user has at most {most}")]
    TooManyNumbers {
        /// How many.
        found: usize,
        /// How many he may have.
        most: usize,
    },
    /// No text for a stock message or a property.
    #[error("this is no text for a {what}\n  it has 1 to {most} bytes")]
    Text {
        /// For what.
        what: &'static str,
        /// How many bytes it may have.
        most: usize,
    },
    /// No such stock message.
    #[error("{uid} has no stock message \"{stock}\" of his own\n  {hint}")]
    NoStock {
        /// Whose.
        uid: Uid,
        /// What was named.
        stock: String,
        /// Which may be meant.
        hint: Hint,
    },
    /// No such device.
    #[error("{uid} has no device \"{device}\"\n  {hint}")]
    NoDevice {
        /// Whose.
        uid: Uid,
        /// What was named.
        device: String,
        /// Which may be meant.
        hint: Hint,
    },
    /// The device is there.
    #[error(
        "{uid} has a device \"{device}\" already\n  `ratatosk device remove {uid} '{device}'` makes room for another"
    )]
    DeviceExists {
        /// Whose.
        uid: Uid,
        /// Its name.
        device: String,
    },
    /// The client has a name.
    #[error("the client {instance} has the name \"{device}\" already\n  a client has one name")]
    InstanceTaken {
        /// Its instance-id.
        instance: String,
        /// Its name.
        device: String,
    },
    /// Another profile stands there than the one that was to be replaced.
    #[error(
        "nothing was stored: \"{name}\" of {uid} {}\n  `ratatosk profile show {uid} '{name}'` prints what is there now; change that, and store it again",
        if *there { "is not what it was when you read it" } else { "is not there" }
    )]
    Changed {
        /// Whose.
        uid: Uid,
        /// Which.
        name: String,
        /// Whether there is one at all.
        there: bool,
    },
    /// The token is there.
    #[error("there is a token \"{0}\" already\n  `ratatosk token remove '{0}'` makes room for another")]
    TokenExists(String),
    /// No such token.
    #[error("there is no token \"{name}\"\n  {hint}")]
    NoToken {
        /// What was named.
        name: String,
        /// Which may be meant.
        hint: Hint,
    },
    /// There is no such page in the inbox.
    #[error(
        "there is no page {serial} in the inbox of {uid}\n  `ratatosk inbox {uid}` shows those there are"
    )]
    NoPage {
        /// Whose inbox.
        uid: Uid,
        /// What was named.
        serial: i64,
    },
    /// A limit is reached.
    #[error(
        "{uid} has as {what} as `{limit} = {most}` in [limits] allows\n  remove one that is of no use, or allow more"
    )]
    TooMany {
        /// Whose.
        uid: Uid,
        /// `many contacts`, …
        what: &'static str,
        /// The key of the limit.
        limit: &'static str,
        /// The limit.
        most: u32,
    },
}

/// A way out.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Hint {
    /// Somebody or something of nearly the same name.
    Meant(String),
    /// Somebody or something that holds it.
    Through(String),
    /// What else can be done.
    Do(String),
}

impl Hint {
    /// The nearest of some names, or else what can be done.
    pub(super) fn of<'n>(
        name: &str,
        there: impl Iterator<Item = &'n str>,
        otherwise: impl FnOnce() -> String,
    ) -> Self {
        // Both as they would be typed in haste: without capitals.
        let there: Vec<(String, &str)> = there.map(|name| (name.to_lowercase(), name)).collect();
        let lower = name.to_lowercase();
        let meant = nearest(&lower, there.iter().map(|(lower, _)| lower.as_str()));
        match meant.and_then(|meant| there.iter().find(|(lower, _)| lower == meant)) {
            Some((_, meant)) => Self::Meant((*meant).to_owned()),
            None => Self::Do(otherwise()),
        }
    }
}

impl fmt::Display for Hint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Meant(name) => write!(f, "did you mean \"{name}\"?"),
            Self::Through(name) => write!(f, "he is there by way of \"{name}\""),
            Self::Do(what) => f.write_str(what),
        }
    }
}
