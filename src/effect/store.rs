//! The words between the core and the store.

use std::net::SocketAddr;
use std::sync::Arc;

use bytes::Bytes;

use crate::base::{Cid, Slot, Uid};
use crate::routing::{Account, Profile, Status};
use crate::sip::{NameAddr, is_sips};

use super::fact::{CallRecord, PageRecord};
use super::net::Transport;

/// What the core asks of the store. Everything asked is answered, in any order.
#[derive(Debug)]
pub enum StoreOp {
    /// The whole routing record of a user: [`StoreOutcome::User`].
    LoadUser(Uid),
    /// Whose number is this? Digits with an optional leading `+`: [`StoreOutcome::Number`].
    FindNumber(String),
    /// The users whose phones are asleep and have to be woken by now to renew a binding:
    /// [`StoreOutcome::Due`].
    LoadDue {
        /// Of the slots from the first to the last of these.
        slots: (Slot, Slot),
        /// Now, seconds since 1970.
        due_s: i64,
        /// Those behind this one only, in the order of their time.
        after: Option<(i64, Uid)>,
        /// So many at most, the first.
        limit: u32,
    },
    /// Write and remove bindings of a user, all or nothing: [`StoreOutcome::Saved`] once they are
    /// durable.
    SaveBindings {
        /// Whose.
        uid: Uid,
        /// Written; one with the same key is replaced.
        put: Vec<StoredBinding>,
        /// Keys of those removed.
        remove: Vec<String>,
    },
    /// Give a property of a user's a value, or remove it with an empty one: [`StoreOutcome::Saved`].
    PutProperty {
        /// Whose.
        uid: Uid,
        /// Which.
        key: Arc<str>,
        /// What.
        value: Arc<str>,
    },
    /// Let a profile of a user's serve, or with `None` the cluster's default: [`StoreOutcome::Saved`], or
    /// [`StoreOutcome::Gone`] if he has no profile of that name; then all is as it was.
    Activate {
        /// Whose.
        uid: Uid,
        /// Which.
        profile: Option<Box<str>>,
    },
    /// Make a CPL script the profile `cpl` of a user, in place of the one before; it serves if he has chosen
    /// none of his own: [`StoreOutcome::Imported`]. Of one user one is worked on at a time, and the newest of those that wait.
    ImportScript {
        /// Whose.
        uid: Uid,
        /// What; without it the profile is taken away.
        script: Option<Bytes>,
    },
    /// Find out whether calls and pages can come back to a user by the trees of others:
    /// [`StoreOutcome::Circles`]. It takes as long as there are trees to be read.
    FindCircles {
        /// Whose.
        uid: Uid,
        /// The tree that serves those who have chosen none.
        default: Arc<Profile>,
    },
    /// Add (or, at its end, complete) the record of one half of a call.
    PutCall(Arc<CallRecord>),
    /// Add the record of a page.
    PutPage(Arc<PageRecord>),
    /// Keep a page in its recipient's inbox, once: [`StoreOutcome::Saved`] when it is durable, or
    /// was there already; [`StoreOutcome::Full`] if too many wait.
    PutInbox(Arc<InboxPage>),
    /// The pages of a user's inbox that none of his clients has had: [`StoreOutcome::Inbox`].
    LoadInbox {
        /// Whose.
        uid: Uid,
        /// So many at most, the oldest.
        limit: u32,
        /// Those too that wait until their reader is available.
        held: bool,
    },
    /// A client has taken a page of the inbox: [`StoreOutcome::Saved`].
    Delivered {
        /// Whose.
        uid: Uid,
        /// Which.
        serial: i64,
    },
    /// Keep a page that waits for another cluster, and its record, both or neither:
    /// [`StoreOutcome::Saved`] when they are durable, [`StoreOutcome::Full`] if too many wait.
    PutOutbox(Arc<OutboxPage>, Arc<PageRecord>),
    /// The pages that wait for a cluster and are due, oldest first: [`StoreOutcome::Outbox`].
    LoadOutbox {
        /// For which.
        peer: Cid,
        /// Those that were stored after this one.
        after: i64,
        /// Those whose next try is due by then, milliseconds since 1970 …
        due_ms: i64,
        /// … and those that were stored by then, due or not.
        stored_ms: i64,
        /// So many at most, the oldest.
        limit: u32,
    },
    /// A page was tried in vain, and is due again then: [`StoreOutcome::Saved`].
    DeferOutbox {
        /// Which.
        serial: i64,
        /// How often it was tried.
        tries: u32,
        /// When it is due, milliseconds since 1970.
        due_ms: i64,
    },
    /// A page need not wait any longer: it goes, and its record gets a receipt, both or neither:
    /// [`StoreOutcome::Saved`].
    SettleOutbox {
        /// Which.
        page: Arc<OutboxPage>,
        /// What became of it.
        receipt: String,
        /// When, milliseconds since 1970.
        at_ms: i64,
    },
}

impl StoreOp {
    /// Whether it is the record of a call or page, for which nobody waits.
    pub const fn is_record(&self) -> bool {
        matches!(self, Self::PutCall(_) | Self::PutPage(_))
    }
}

/// What the store answers.
#[derive(Debug)]
pub enum StoreOutcome {
    /// The user, or `None` if there is none by that name.
    User(Option<Box<StoredUser>>),
    /// The user whose number it is.
    Number(Option<Uid>),
    /// It is durable.
    Saved,
    /// Pages of an inbox, oldest first.
    Inbox(Vec<InboxPage>),
    /// Pages that wait for a cluster, oldest first, and when the next one that was left is due,
    /// milliseconds since 1970.
    Outbox(Vec<OutboxPage>, Option<i64>),
    /// When somebody's phone had to be woken, seconds since 1970, and whose, in this order.
    Due(Vec<(i64, Uid)>),
    /// What has become of a script, or in one sentence why it cannot be taken.
    Imported(Result<Script, Box<str>>),
    /// What the owner of a tree is to hear, in one sentence, if requests can come back to him.
    Circles(Option<Box<str>>),
    /// There is no room for it: nothing was changed.
    Full,
    /// What it is about is not there any more: nothing was changed.
    Gone,
    /// It could not be done now: the disk is full, the database is gone. Nothing was changed.
    Failed,
}

/// What has become of a script.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Script {
    /// All is as it was.
    Same,
    /// What is stored has changed, and something else serves.
    Stored,
    /// What serves has changed.
    Serves,
}

/// The routing record: all of a user that a call or page needs, never his inbox or history.
#[derive(Debug, Clone)]
pub struct StoredUser {
    /// Whose.
    pub uid: Uid,
    /// The name shown to those he calls.
    pub name: Option<String>,
    /// The numbers that reach him, each with its leading `+` if it has one.
    pub numbers: Vec<String>,
    /// HA1 per algorithm (RFC 7616 §3.4.2), for the cluster's realm.
    pub secrets: Secrets,
    /// His bindings, expired ones left out.
    pub bindings: Vec<StoredBinding>,
    /// His active profile, compiled; `None`: the cluster's default serves him.
    pub profile: Option<Arc<Profile>>,
    /// All of his profiles, the active one among them: a request may be sent under any of them.
    pub profiles: Box<[StoredProfile]>,
    /// His contact list and its groups.
    pub contacts: StoredContacts,
    /// His named devices.
    pub devices: Vec<StoredDevice>,
    /// What his trees may look at besides; nothing is a standard account.
    pub account: Option<Arc<Account>>,
    /// How he has said that he can be reached, until he says otherwise.
    pub status: Option<Status>,
    /// His own stock messages, by name.
    pub stock: Box<[(Box<str>, Box<str>)]>,
    /// Whether pages wait in his inbox for one of his clients.
    pub waiting: bool,
}

impl StoredUser {
    /// A user of whom nothing is known but his password.
    pub fn new(uid: Uid, secrets: Secrets) -> Self {
        Self {
            uid,
            name: None,
            numbers: Vec::new(),
            secrets,
            bindings: Vec::new(),
            profile: None,
            profiles: Box::default(),
            contacts: StoredContacts::default(),
            devices: Vec::new(),
            account: None,
            status: None,
            stock: Box::default(),
            waiting: false,
        }
    }
}

/// A profile of a user's, as phones name it.
#[derive(Debug, Clone, PartialEq)]
pub struct StoredProfile {
    /// Its name.
    pub name: Box<str>,
    /// The digit by which it is dialled, 1 to 9.
    pub code: Option<u8>,
    /// The names of the clients that send under it.
    pub clients: Box<[Box<str>]>,
    /// Compiled; `None`: it cannot be read, and the cluster's default stands for it.
    pub profile: Option<Arc<Profile>>,
}

/// A contact list.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct StoredContacts {
    /// Everybody on it, in groups or not: a UID, `@cluster` or a number.
    pub everybody: Vec<String>,
    /// The groups, by name.
    pub groups: Vec<StoredGroup>,
}

/// A group of contacts: its members and those of the groups inside it, followed to the end.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StoredGroup {
    /// As a tree names it: `caller in "Friends"`.
    pub name: String,
    /// A UID, `@cluster` or a number each.
    pub members: Vec<String>,
}

/// A device: anything of a user's that can take calls or messages, by the name his trees use.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StoredDevice {
    /// `desk`, `gsm`, …
    pub name: String,
    /// `client`, `gsm`, `pager`, `mail`, `fax`, …: the seed's Table 5.
    pub kind: String,
    /// The number or address of one that is no client.
    pub address: Option<String>,
    /// The instance-id of a client (RFC 5626 §4.1), as `urn:uuid:…`.
    pub instance: Option<String>,
}

/// A page that waits for its recipient.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct InboxPage {
    /// Its place in the inbox, given by the store; 0 before.
    pub serial: i64,
    /// The page's record.
    pub id: String,
    /// Whose inbox.
    pub uid: Uid,
    /// Who sent it, for listings and for telling it from others.
    pub sender: String,
    /// The sender's Call-ID and CSeq: with the sender they tell a page from all others, so that one
    /// that is sent again is stored once.
    pub call_id: String,
    /// See `call_id`.
    pub cseq: u32,
    /// The From that clients are shown: a name-addr without tag.
    pub from: String,
    /// Headers that pass with it, as lines that end in CRLF.
    pub headers: String,
    /// The body.
    pub body: Bytes,
    /// When it was accepted, milliseconds since 1970.
    pub stored_ms: i64,
    /// A copy that was asked for beside another delivery (`also inbox`): listed, never sent to clients.
    pub copy: bool,
    /// Whether it waits until its reader is available.
    pub held: bool,
}

impl InboxPage {
    /// Whether it was sent by `sips:`, and may be delivered over TLS only: its From tells.
    pub fn is_sips(&self) -> bool {
        is_by_sips(&self.from)
    }
}

impl OutboxPage {
    /// For how many seconds more it means anything at this moment (milliseconds since 1970), if it says so; 0: it
    /// is over.
    pub fn expires_s(&self, wall_ms: i64) -> Option<u32> {
        let mut lines = self.headers.lines().filter_map(|line| line.split_once(':'));
        let (_, expires_s) = lines.find(|(name, _)| name.eq_ignore_ascii_case("Expires"))?;
        let left_s = expires_s.trim().parse::<u32>().ok().map(i64::from)? - (wall_ms - self.stored_ms) / 1000;
        Some(u32::try_from(left_s).unwrap_or(0))
    }

    /// Whether it was sent by `sips:`, and may go to its cluster over TLS only: its From tells.
    pub fn is_sips(&self) -> bool {
        is_by_sips(&self.from)
    }
}

fn is_by_sips(from: &str) -> bool {
    NameAddr::parse(from.as_bytes()).is_some_and(|from| is_sips(from.uri))
}

/// A page that waits for another cluster.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct OutboxPage {
    /// Its place in the outbox, given by the store; 0 before.
    pub serial: i64,
    /// The page's record.
    pub id: String,
    /// Who sent it.
    pub owner: Uid,
    /// For which cluster it waits.
    pub peer: Cid,
    /// To whom.
    pub recipient: Uid,
    /// The Call-ID of every try: the other cluster tells by it what it has stored already.
    pub call_id: String,
    /// The From that is shown: a name-addr without tag.
    pub from: String,
    /// Headers that go with it, as lines that end in CRLF.
    pub headers: String,
    /// The body.
    pub body: Bytes,
    /// How many hops it may still go.
    pub max_forwards: u8,
    /// When it was accepted, milliseconds since 1970.
    pub stored_ms: i64,
    /// When it is to be tried next, milliseconds since 1970.
    pub due_ms: i64,
    /// How often it was tried.
    pub tries: u32,
}

/// What a password leaves behind, as lower-case hex; equivalent to the password inside its realm.
/// Each algorithm twice, since a phone may call its user `anne` or `anne@north.test`.
#[derive(Clone, PartialEq, Eq)]
pub struct Secrets {
    /// MD5(`anne:realm:password`), 32 hex digits.
    pub md5: [u8; 32],
    /// SHA-256(`anne:realm:password`), 64 hex digits.
    pub sha256: [u8; 64],
    /// MD5(`anne@north.test:realm:password`).
    pub md5_uid: [u8; 32],
    /// SHA-256(`anne@north.test:realm:password`).
    pub sha256_uid: [u8; 64],
}

impl std::fmt::Debug for Secrets {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Secrets(…)")
    }
}

/// A binding as it is kept: AOR ↔ Contact with an expiry (RFC 3261 §10).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StoredBinding {
    /// What makes it the same binding: the instance-id and reg-id if it has one, else its Contact.
    pub key: String,
    /// The Contact URI as the phone wrote it.
    pub contact: String,
    /// Where it is called: the far end of its flow.
    pub target: SocketAddr,
    /// How.
    pub transport: Transport,
    /// The listener it registered through, as `udp:127.0.0.1:5060`.
    pub listener: String,
    /// The Path header's values (RFC 3327), comma-separated; empty if there was none.
    pub path: String,
    /// The `q` value in thousandths.
    pub q: u16,
    /// `+sip.instance` (RFC 5626), empty if there was none.
    pub instance: String,
    /// What it says that it can do (RFC 3840), as parameters: `;audio;mobility="fixed"`.
    pub features: String,
    /// The User-Agent, for listings.
    pub user_agent: String,
    /// The Call-ID and CSeq of the REGISTER that made or last renewed it (RFC 3261 §10.3 step 7).
    pub call_id: String,
    /// See `call_id`.
    pub cseq: u32,
    /// When the store may forget it, seconds since 1970: the granted expiry and half of that again,
    /// so that a restart never forgets a binding that was promised.
    pub expires_s: i64,
    /// Seconds that were granted.
    pub granted_s: u32,
    /// When its phone has to be woken to renew it, seconds since 1970; `None`: it need not be.
    pub wake_s: Option<i64>,
}
