//! Every metric: its name, what tells its figures apart, and what it means.

/// What kind of figure it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// It only grows, until the process ends.
    Counter,
    /// It goes up and down.
    Gauge,
    /// Times, counted by steps.
    Histogram,
}

/// A metric.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Metric {
    /// Its name.
    pub name: &'static str,
    /// What kind it is.
    pub kind: Kind,
    /// What tells its figures apart.
    pub labels: &'static [&'static str],
    /// What it means.
    pub help: &'static str,
}

impl Kind {
    /// As documents call it.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Counter => "counter",
            Self::Gauge => "gauge",
            Self::Histogram => "histogram",
        }
    }
}

macro_rules! metrics {
    ($($id:ident = $kind:ident $name:literal [$($label:literal),*] $help:literal;)*) => {
        $(pub(crate) const $id: Metric = Metric {
            name: concat!("ratatosk_", $name),
            kind: Kind::$kind,
            labels: &[$($label),*],
            help: $help,
        };)*
        /// All of them, in the order in which they are told.
        pub const ALL: &[Metric] = &[$($id),*];
    };
}

metrics! {
    INFO = Gauge "info" ["version"] "Always 1; which program it is.";
    STARTED = Gauge "start_time_seconds" [] "When the server started, seconds since 1970.";
    CALL_HALVES = Gauge "call_halves" ["state"]
        "Halves of calls in progress that are ringing or answered. A call between two users has two halves, one to or from another cluster one.";
    CALLS_ANSWERED = Counter "call_halves_answered_total" [] "Halves of calls that were answered.";
    CALLS_ENDED = Counter "call_halves_ended_total" ["tree", "status"]
        "Halves of calls that are over, by whose tree decided (outgoing, incoming) and the class of the final status: 2xx was answered, the others refused or given up.";
    PAGES = Counter "page_halves_total" ["tree", "how", "status"]
        "Halves of pages, by whose tree decided, who took it (client, inbox, user, cluster, outbox, replied, ignored, nobody) and the final status.";
    INBOX_DELIVERED = Counter "inbox_pages_total" ["outcome"]
        "Pages from inboxes that were brought to a client: delivered, or refused by it.";
    OUTBOX_SETTLED = Counter "outbox_pages_total" [] "Pages that had to wait for another cluster and have come to their end.";
    USERS = Gauge "users" [] "Users of the cluster.";
    REGISTERED = Gauge "registered_users" [] "Users with a binding in the store.";
    BINDINGS = Gauge "bindings" ["transport"] "Bindings in the store.";
    REGISTRATIONS = Counter "registrations_total" ["kind"]
        "Bindings that were written (new), or prolonged without that (renewed).";
    UNREGISTRATIONS = Counter "unregistrations_total" ["why"]
        "Bindings that are gone: removed, expired, connection closed.";
    FLOWS = Counter "flow_changes_total" ["to"] "Flows of bindings that were found dead (silent), or alive again (up).";
    PUSHES = Counter "pushes_total" ["outcome"]
        "Sleeping phones that were to be woken by the hook: taken by it, gone (the service knows the phone no longer), failed.";
    WRONG_PASSWORDS = Counter "wrong_passwords_total" [] "Proofs by a wrong password or secret.";
    EVALUATIONS = Counter "tree_decisions_total" ["tree", "action"]
        "Lines of trees that decided, by whose tree it was (outgoing, incoming) and the action that they name.";
    REQUESTS = Counter "sip_requests_total" ["method"] "Requests that came, repeated ones among them.";
    RESPONSES = Counter "sip_responses_total" ["status"]
        "Responses that were sent, repeated ones among them. 401 and 407 are challenges.";
    DROPPED = Counter "dropped_total" ["why"]
        "Messages that were dropped without an answer: unreadable (parse errors), stray-response, stray-ack, stray-cancel, overload, stranger.";
    LIMITS = Counter "limits_reached_total" ["limit"]
        "How often a limit was reached, by its key in [limits]; `descriptors` is the system's.";
    TRANSACTIONS = Gauge "transactions" ["side"] "SIP transactions: client, server.";
    LEGS = Gauge "legs" [] "Legs of calls.";
    TIMERS = Gauge "timers" [] "Timers that are armed.";
    CACHED = Gauge "users_in_memory" [] "Users whose records are in memory.";
    CONNECTIONS = Gauge "connections" [] "Connections by which SIP is spoken.";
    QUEUE = Gauge "queue_messages" ["server"] "Messages that wait for a user server.";
    TURN = Histogram "turn_seconds" ["server"]
        "How long a user server was busy with what had come at once.";
    STORE_WAITING = Gauge "store_waiting" ["work"] "What the store was asked and has not answered: write, read, script, circles.";
    STORE_BATCH = Histogram "store_batch_seconds" ["work"] "How long the store took for what it does at once: write, read, script, circles.";
    STORE_FAILED = Counter "store_failures_total" [] "Operations that the store could not perform: they were refused.";
    STORE_READABLE = Gauge "store_readable" [] "Whether the figures of the store could be read for this answer.";
    TRUNK_UP = Gauge "trunk_up" ["trunk"] "Whether another cluster is there.";
    TRUNK_WAITING = Gauge "trunk_waiting_pages" ["trunk"] "Pages that wait for another cluster.";
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_as_prometheus_has_them() {
        let mut names: Vec<&str> = ALL.iter().map(|metric| metric.name).collect();
        for metric in ALL {
            let is_good = |text: &str| text.bytes().all(|b| b.is_ascii_lowercase() || b == b'_');
            assert!(is_good(metric.name) && metric.labels.iter().all(|label| is_good(label)), "{metric:?}");
            assert_eq!(metric.name.ends_with("_total"), metric.kind == Kind::Counter, "{metric:?}");
            assert!(metric.help.ends_with('.'), "{metric:?}");
            // Whoever reads figures is not to learn of people.
            for label in ["user", "uid", "caller", "callee", "owner", "address", "source", "contact"] {
                assert!(!metric.labels.contains(&label), "{metric:?}");
            }
        }
        names.sort_unstable();
        names.dedup();
        assert_eq!(names.len(), ALL.len());
    }
}
