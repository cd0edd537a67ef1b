//! Facts: what happened, for those who watch. Metrics, records, the event log and the live lines of
//! `demo` are all read from these.

use std::net::SocketAddr;
use std::sync::Arc;

use crate::base::{Cid, Uid};
use crate::routing::Direction;

use super::push::{PushReason, Pushed};

/// Something that happened.
#[derive(Debug, Clone)]
pub enum Fact {
    /// A binding was made or renewed.
    Registered {
        /// Whose.
        uid: Uid,
        /// Its Contact.
        contact: String,
        /// The transport and far end it is reached by.
        via: String,
        /// Seconds granted.
        expires_s: u32,
        /// Whether it only renewed what was there.
        renewed: bool,
    },
    /// A binding is gone.
    Unregistered {
        /// Whose.
        uid: Uid,
        /// Its Contact.
        contact: String,
        /// `removed`, `expired`, `connection closed`.
        why: &'static str,
    },
    /// The flow of a binding does not work, or works again.
    Flow {
        /// Whose.
        uid: Uid,
        /// The transport and far end.
        via: String,
        /// Whether it works.
        works: bool,
    },
    /// A sleeping phone is being woken, or cannot be.
    Pushed {
        /// Whose.
        uid: Uid,
        /// What came of it.
        pushed: Pushed,
        /// For what.
        reason: PushReason,
    },
    /// The hook does not wake phones that have to renew their bindings: told once an hour.
    NoRenewals {
        /// By which push service.
        provider: String,
    },
    /// Somebody gave a wrong password.
    WrongPassword {
        /// The account he tried, as he wrote it.
        account: String,
        /// Where he is.
        source: SocketAddr,
        /// Whether this pair of source and account now has to pause.
        paused: bool,
        /// Whether he has written its name with other capitals than it has: the password may be right, and what
        /// his phone makes of both is wrong all the same.
        respelled: bool,
    },
    /// A phone was challenged again and again and never answered: its digest algorithms may not be
    /// those that are offered.
    NeverAnswers {
        /// The account in its From.
        account: String,
        /// Where it is.
        source: SocketAddr,
    },
    /// Half of a call has been routed: a rule decided.
    CallRouted {
        /// The call.
        id: String,
        /// Whose tree decided.
        owner: Uid,
        /// Who asks.
        caller: String,
        /// Who is asked for.
        callee: String,
        /// `voice`, `video`, …
        mode: &'static str,
        /// The deciding rule in one line.
        rule: String,
    },
    /// A tree has something to write down (`log`).
    Noted {
        /// The call or page.
        id: String,
        /// Whose tree.
        owner: Uid,
        /// What.
        text: String,
    },
    /// A call was answered.
    CallAnswered {
        /// The call.
        id: String,
        /// Whose half.
        owner: Uid,
    },
    /// Half of a call is over.
    CallEnded(Arc<CallRecord>),
    /// A page was dealt with.
    Page(Arc<PageRecord>),
    /// Another cluster is there.
    PeerUp {
        /// Which.
        peer: Cid,
    },
    /// Another cluster is not there.
    PeerDown {
        /// Which.
        peer: Cid,
        /// How that is known.
        why: &'static str,
    },
    /// Another cluster does not believe that we are who we are. Told once a minute.
    SecretRefused {
        /// Which.
        peer: Cid,
    },
    /// Another cluster does not believe our certificate.
    CertificateRefused {
        /// Which.
        peer: Cid,
    },
    /// A connection between clusters has failed over a certificate, or the far end's names nobody that we
    /// speak with: told once for a far end and reason.
    CertificateFault {
        /// The cluster that it was to be, if we have made the connection.
        peer: Option<Cid>,
        /// Where it is.
        source: SocketAddr,
        /// What is wrong, and what can be done.
        why: String,
    },
    /// A phone was not let in because of its certificate, or does not believe ours: told once for a far end and
    /// reason.
    PhoneCertificate {
        /// Where it is.
        source: SocketAddr,
        /// What is wrong, and what can be done.
        why: String,
    },
    /// Somebody says that he is another cluster, with a wrong secret.
    WrongSecret {
        /// The cluster, as he calls himself.
        account: String,
        /// Where he is.
        source: SocketAddr,
        /// Whether this pair of source and account now has to pause.
        paused: bool,
    },
    /// A page to another cluster, which had to wait, has come to its end.
    PageSettled {
        /// The page.
        id: String,
        /// Who sent it.
        owner: Uid,
        /// What became of it.
        receipt: String,
    },
    /// A client has taken a page that waited in its user's inbox.
    InboxDelivered {
        /// The page.
        id: String,
        /// Whose inbox.
        uid: Uid,
        /// Who sent it.
        sender: String,
    },
    /// No client wants a page that waits in its user's inbox: it stays there until the next
    /// registration, and those behind it go on.
    InboxRefused {
        /// The page.
        id: String,
        /// Whose inbox.
        uid: Uid,
        /// Who sent it.
        sender: String,
        /// What a client said of it.
        status: u16,
    },
    /// A tree has decided.
    Decided {
        /// Which of its owner's two trees.
        tree: Direction,
        /// The action that its line names: `try`, `forward`, …
        action: &'static str,
    },
    /// A limit was reached: its key in `[limits]`.
    Limit(&'static str),
    /// A message was dropped without an answer.
    Dropped(Dropped),
    /// A new request was answered 503 without a transaction: `limits.transactions` was reached.
    TurnedAway,
}

/// Why a message was dropped.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Dropped {
    /// Not a SIP message, or nobody to answer it to.
    Unreadable,
    /// A response that belongs to no transaction of ours.
    StrayResponse,
    /// An ACK that belongs to no dialog of ours.
    StrayAck,
    /// A CANCEL that belongs to no INVITE here.
    StrayCancel,
    /// A limit of this server was reached.
    Overload,
    /// Its source has had too many answers, and has not proved who it is.
    Stranger,
}

/// Half of a call, as it is kept: the caller's (what his outgoing tree did) or the callee's.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CallRecord {
    /// The call: the same for both halves.
    pub id: String,
    /// `outgoing` or `incoming`: whose half.
    pub direction: &'static str,
    /// Whose tree decided.
    pub owner: Uid,
    /// Who asked.
    pub caller: String,
    /// Who was asked for.
    pub callee: String,
    /// `voice`, `video`, …
    pub mode: &'static str,
    /// Milliseconds since 1970.
    pub started_ms: i64,
    /// Milliseconds since 1970; `None` if nobody answered.
    pub answered_ms: Option<i64>,
    /// Milliseconds since 1970.
    pub ended_ms: i64,
    /// The final status the caller was given.
    pub status: u16,
    /// What ended it, in plain words.
    pub end: &'static str,
    /// The deciding rule in one line.
    pub rule: String,
    /// The whole decision path, one step a line.
    pub path: String,
    /// The question and what was done about it; `routing::Recorded` reads it.
    pub question: String,
    /// What was said and heard; `call::rungs` reads it.
    pub ladder: String,
}

/// A page, as it is kept. Its body is not.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PageRecord {
    /// The page.
    pub id: String,
    /// `outgoing` or `incoming`: whose half.
    pub direction: &'static str,
    /// Whose tree decided.
    pub owner: Uid,
    /// Who sent it.
    pub sender: String,
    /// To whom.
    pub recipient: String,
    /// Milliseconds since 1970.
    pub at_ms: i64,
    /// The final status the sender was given.
    pub status: u16,
    /// Who took it: `client`, `inbox`, `user` (another user's routing); `ignored` if the tree says so;
    /// empty if nobody did.
    pub how: &'static str,
    /// The deciding rule in one line.
    pub rule: String,
    /// The whole decision path, one step a line.
    pub path: String,
    /// The question and what was done about it; `routing::Recorded` reads it.
    pub question: String,
}
