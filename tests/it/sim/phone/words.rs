//! What a test can tell a phone to do.

use std::time::Duration;

use ratatosk::base::Rng;

/// What a phone does on its own account.
#[derive(Debug, Clone)]
pub enum Do {
    /// Registers (or renews).
    Register,
    /// Asks for a binding of so many seconds.
    RegisterFor(u32),
    /// Removes its binding.
    Unregister,
    /// Removes every binding of its user: `Contact: *`.
    UnregisterAll,
    /// Asks which bindings there are.
    Query,
    /// Calls a user of the cluster, or a whole URI.
    Call(String),
    /// Calls without a session description.
    CallWithoutOffer(String),
    /// Calls as if a proxy on the way had forked and both branches came to the server.
    CallTwice(String),
    /// Ends what it is in: CANCEL, 603 or BYE.
    Hangup,
    /// Puts the far end on hold.
    Hold,
    /// Takes it back.
    Resume,
    /// Asks for a new session description without offering one.
    ReinviteWithoutOffer,
    /// Puts the far end on hold by UPDATE.
    HoldByUpdate,
    /// Says by UPDATE that it is there.
    Update,
    /// Sends an INFO in the call.
    Info,
    /// Sends some other request in the call: method.
    Inside(String),
    /// Sends a REFER in the call, to nobody in particular.
    Refer,
    /// Sends the other side of its first call to this user, or whole URI.
    ReferTo(String),
    /// Sends the other side of its first call to that of its last.
    Join,
    /// Sends an OPTIONS in the call.
    Ping,
    /// Sends an OPTIONS to a URI, outside of any call.
    Options(String),
    /// Sends any other request outside of a call: method, URI.
    Request(String, String),
    /// Sends a request in a dialog that nobody knows: method.
    Stray(String),
    /// Pages a user.
    Page(String, String),
    /// Does that with these headers in the request instead of its own; `*` is its body.
    With(Vec<(String, String)>, Box<Self>),
    /// Repeats the last request it sent as if its answer were lost.
    Repeat,
    /// Falls silent for good.
    Vanish,
    /// Is switched off and on.
    Restart,
    /// Closes its stream.
    Disconnect,
    /// Its NAT forgets it, and will give it another port.
    Forget,
    /// Its NAT gives it another port, and it knows: it registers from there, with that in its Contact.
    Move,
    /// Keeps its mapping at the NAT alive.
    KeepAlive,
    /// Goes on with the calls of this other phone of its user's: both are one client.
    GoOnWith(String),
    /// Falls asleep: its stream closes, and it does nothing until it is woken.
    Sleep,
    /// The same, but its stream stays open: nobody hears that it sleeps.
    Freeze,
}

/// How a phone answers a call.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Reply {
    /// Any status but 2xx.
    Status(u16),
    /// 183 with a session description.
    Early,
    /// 200.
    Answer,
    /// 302 to a user of the cluster, or a whole URI.
    MovedTo(String),
}

/// What a phone of a random world is like.
#[derive(Debug, Clone)]
pub struct Moods {
    /// Seconds that it rings at most before it decides.
    pub patience_s: u64,
    /// Whom it may send its callers to.
    pub friends: Vec<String>,
}

impl Do {
    /// This, with a header of the caller's choice.
    pub fn with(self, name: &str, value: &str) -> Self {
        match self {
            Self::With(mut headers, inner) => {
                headers.push((name.to_owned(), value.to_owned()));
                Self::With(headers, inner)
            }
            other => Self::With(vec![(name.to_owned(), value.to_owned())], Box::new(other)),
        }
    }
}

impl Moods {
    /// What it does about one call.
    pub fn decide(&self, rng: &mut Rng) -> Vec<(f64, Reply)> {
        let after = |rng: &mut Rng, ms: u64| Duration::from_millis(rng.below(ms)).as_secs_f64();
        let mut steps = Vec::new();
        let start = after(rng, 400);
        match rng.below(10) {
            0 => {}
            1 => steps.push((start, Reply::Early)),
            _ => steps.push((start, Reply::Status(180))),
        }
        let end = start + after(rng, self.patience_s * 1000);
        match rng.below(16) {
            0 => steps.push((end, Reply::Status(486))),
            1 => steps.push((end, Reply::Status(603))),
            2 => steps.push((end, Reply::Status(480))),
            3 => {}
            4 if !self.friends.is_empty() => {
                let friend = usize::try_from(rng.below(self.friends.len() as u64)).unwrap_or(0);
                steps.push((end, Reply::MovedTo(self.friends[friend].clone())));
            }
            _ => steps.push((end, Reply::Answer)),
        }
        steps
    }
}
