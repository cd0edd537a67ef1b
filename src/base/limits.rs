//! Every limit of the server in one place, each with its reason. All are keys of `[limits]`.

use serde::Deserialize;

/// The limits, with their defaults.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Limits {
    /// Bytes of one SIP message; above it 513. A UDP datagram cannot be larger.
    pub message_bytes: u32,
    /// Header lines of one message; beyond it the message is refused with 400.
    pub header_lines: u16,
    /// Bindings of one user (attack 5: a thousand contacts); above it 403.
    pub bindings_per_user: u16,
    /// Shortest binding a phone may ask for, seconds; below it 423 (RFC 3261 §10.3).
    pub binding_min_s: u32,
    /// Longest binding granted, seconds; more is shortened to it.
    pub binding_max_s: u32,
    /// Binding granted to a phone that asks for none, seconds (RFC 3261 §10.2).
    pub binding_default_s: u32,
    /// Seconds that a digest nonce is good for; then `stale=true`.
    pub nonce_s: u32,
    /// Wrong passwords a minute from one source on one account before the pause begins.
    pub wrong_passwords_per_minute: u16,
    /// Answers to datagrams of one source that it may owe us a proof for, in each user server: an office
    /// of 500 phones behind one address registers at once, and as many callers are challenged.
    pub strangers_burst: u32,
    /// Answers a second that such a debt is forgiven: 1,500 phones that ask after us every 15 seconds and
    /// never say who they are; and what somebody who forges a source makes us send to it is 50 kB.
    pub strangers_per_second: u32,
    /// Streams that one source may hold.
    pub streams_per_source: u32,
    /// Streams in all.
    pub streams: u32,
    /// Seconds that the far end of a stream may stay silent as long as we have done nothing for it
    /// but refuse; afterwards it may as long as the longest binding lasts.
    pub stranger_s: u32,
    /// Seconds that the handshakes of TLS and WebSocket may take: a phone on a bad line needs four
    /// round trips.
    pub handshake_s: u32,
    /// Seconds that the rest of a message may take to come on a stream, and that the far end may
    /// take nothing of what we write.
    pub stall_s: u32,
    /// Bytes that may wait for a far end that does not read: two of the longest messages.
    pub stream_queue_bytes: u32,
    /// Connections to the HTTP API at once: a program or a browser holds a few.
    pub http_connections: u32,
    /// Of those, from one source.
    pub http_connections_per_source: u32,
    /// Bytes of the head of an HTTP request; above it 431. Those of browsers have a few thousand.
    pub http_head_bytes: u32,
    /// Seconds that the head of an HTTP request may take to come, and that a connection may wait for one.
    pub http_head_s: u32,
    /// Bytes of the body of an HTTP request; above it 413. A list of fifty thousand users has two million.
    pub http_body_bytes: u32,
    /// Seconds that such a body may take to come; then 408.
    pub http_body_s: u32,
    /// HTTP requests that are worked on at once, each on a thread; others wait their turn. They compile
    /// and replay trees: calls need the processors more.
    pub http_workers: u8,
    /// Calls at once in one user server; above it 503.
    pub calls: u32,
    /// Calls at once of one user; above it 486 to the caller.
    pub calls_per_user: u16,
    /// Seconds that a call may ring in all, whatever a tree says (RFC 3261 timer C is 180).
    pub ring_s: u32,
    /// Branches of one call that may ring at once; beyond it 440 (RFC 5393 §5: a fork of forks).
    pub breadth: u16,
    /// Halves of one call that may be asked one after the other, and of one page in all: trees that
    /// try one another's users would go on for ever in no time at all.
    pub halves_per_call: u16,
    /// Seconds that a phone which has not even said 100 holds up a refusal: it may be switched off,
    /// and nobody waits the 32 s of its transaction for that.
    pub silent_s: u32,
    /// Seconds between in-dialog OPTIONS of an answered call.
    pub dialog_probe_s: u32,
    /// Seconds that a session lasts without being refreshed, as we ask our phones (RFC 4028); 0: we ask
    /// for none. Half an hour is what most ask: it costs a message each quarter, and a phone finds out
    /// by it that its call is gone.
    pub session_s: u32,
    /// Shortest such time that a phone may ask for, seconds; below it 422. RFC 4028 allows no less than 90.
    pub session_min_s: u32,
    /// Seconds that an answered call waits for a phone whose stream was lost: a network is changed,
    /// or a NAT restarted, in less, and the other side need not listen to silence for longer.
    pub lost_flow_s: u32,
    /// Seconds that a phone which keeps flows (RFC 5626) may leave a stream silent, as it is told; after
    /// a quarter more it is closed. What RFC 5626 §4.4.1 gives as the usual time for streams.
    pub flow_timer_s: u32,
    /// Seconds that a call waits for a phone which has to be woken by its push service: on a bad line
    /// that takes a phone ten.
    pub wake_s: u32,
    /// Seconds after its last registration that a phone with a push address is taken to be awake, if it
    /// speaks UDP: whoever has connections shows it by them. A phone that is woken stays so for half a
    /// minute.
    pub awake_s: u32,
    /// Server transactions at once in one user server; above it new requests are answered 503
    /// without one. Those that only wait for repeats of what was answered count, half a minute of them: the
    /// default is beyond what one processor can answer in that time.
    pub transactions: u32,
    /// Bytes of a page's body; above it 413. Longer things are files, and a phone on UDP would get
    /// them in many fragments (RFC 3428 §8).
    pub page_bytes: u32,
    /// Pages of one inbox that are held in memory while they are brought to a client.
    pub inbox_held: u16,
    /// Pages of one user that may be kept within an hour for whom they do not reach, so that nobody fills the disk
    /// by writing to many who are never there; further ones reach those who are.
    pub kept_pages_per_hour: u32,
    /// Pages that a client may refuse at one registration before the rest has to wait for the next.
    pub inbox_refused: u16,
    /// Times a call or page may be forwarded inside the cluster (as Max-Forwards outside it).
    pub forwards: u8,
    /// Seconds that another cluster may be silent before it is asked whether it is still there.
    pub peer_probe_s: u32,
    /// Seconds that a connection which we made to another cluster may lie idle. Longer than the
    /// minute after which a ringing call makes itself heard, so that none is cut under a call.
    pub peer_idle_s: u32,
    /// Pages of one user that may wait for other clusters; above it 503.
    pub outbox_per_user: u32,
    /// Pages that may wait for one other cluster: some days of it, and no more of the disk.
    pub outbox_per_peer: u32,
    /// Seconds that a page is tried before its sender is told that it did not arrive: two days, so
    /// that a cluster may be repaired over a weekend's night.
    pub outbox_s: u32,
    /// Longest time between two tries of a page, seconds.
    pub outbox_retry_max_s: u32,
    /// Users kept in memory by one user server; beyond it the longest idle one is let go.
    pub users_in_memory: u32,
    /// Bytes of one routing tree file.
    pub tree_bytes: u32,
    /// Steps that the proof of one tree may take: that every case has a rule, and every rule a case.
    /// The trees of people take some thousands; the default lasts a few hundredths of a second. Times and addresses
    /// are told apart before, within bounds of their own.
    pub tree_check_steps: u32,
    /// Steps that the search for requests that go round may take among users whose trees lead to each other;
    /// beyond it they are told by modes alone. Circles of people take some thousands.
    pub loop_check_steps: u32,
    /// Contacts of one user, those he blocks among them; a list that a person keeps is shorter.
    pub contacts_per_user: u16,
    /// Groups of contacts of one user; a membership is a bit of one machine word, so 63 at most.
    pub groups_per_user: u16,
    /// Bytes of the addresses and names of one user's contact list: half of the 64 kB that his
    /// routing record may have.
    pub contact_list_bytes: u32,
    /// Named devices of one user: every one is in his routing record.
    pub devices_per_user: u16,
    /// Properties of one user: they are in his record, which is read as a whole.
    pub properties_per_user: u16,
    /// Stock messages of one user: they are in his record too.
    pub stock_per_user: u16,
    /// Stored profiles of one user.
    pub profiles_per_user: u16,
    /// Bytes of all of them: a phone may name any of them, so they are compiled in his routing record, which
    /// takes some times as much.
    pub profile_bytes_per_user: u32,
    /// Pages that may wait in one inbox, so that nobody fills the disk by writing to somebody who is
    /// never there; a further one is refused. As many delivered ones are kept, the oldest go first.
    pub inbox_pages: u32,
    /// Bytes of the pages that may wait in one inbox: sixty of the longest.
    pub inbox_bytes: u32,
    /// Days that a delivered page is kept in the inbox; 0: for ever. One that waits stays.
    pub inbox_keep_days: u32,
    /// Days that records of calls and pages are kept; 0: for ever, or until the disk is full.
    pub records_keep_days: u32,
    /// Seconds that `SIGTERM` waits for calls to end; those that are left then are hung up.
    pub drain_s: u32,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            message_bytes: 65_535,
            header_lines: 256,
            bindings_per_user: 10,
            binding_min_s: 60,
            binding_max_s: 7_200,
            binding_default_s: 3_600,
            nonce_s: 300,
            wrong_passwords_per_minute: 20,
            strangers_burst: 1_000,
            strangers_per_second: 100,
            streams_per_source: 1_000,
            streams: 100_000,
            stranger_s: 120,
            handshake_s: 10,
            stall_s: 30,
            stream_queue_bytes: 131_072,
            http_connections: 256,
            http_connections_per_source: 32,
            http_head_bytes: 16_384,
            http_head_s: 20,
            http_body_bytes: 4_194_304,
            http_body_s: 60,
            http_workers: 4,
            calls: 50_000,
            calls_per_user: 100,
            ring_s: 180,
            breadth: 60,
            halves_per_call: 100,
            silent_s: 5,
            dialog_probe_s: 300,
            session_s: 1_800,
            session_min_s: 90,
            lost_flow_s: 30,
            flow_timer_s: 120,
            wake_s: 20,
            awake_s: 30,
            transactions: 500_000,
            page_bytes: 16_384,
            inbox_held: 16,
            kept_pages_per_hour: 1_000,
            inbox_refused: 100,
            forwards: 10,
            peer_probe_s: 30,
            peer_idle_s: 300,
            outbox_per_user: 1_000,
            outbox_per_peer: 100_000,
            outbox_s: 172_800,
            outbox_retry_max_s: 3_600,
            users_in_memory: 1_000_000,
            tree_bytes: 65_536,
            tree_check_steps: 2_000_000,
            loop_check_steps: 4_000_000,
            contacts_per_user: 1_000,
            groups_per_user: 50,
            contact_list_bytes: 32_768,
            devices_per_user: 20,
            properties_per_user: 50,
            stock_per_user: 30,
            profiles_per_user: 20,
            profile_bytes_per_user: 65_536,
            inbox_pages: 1_000,
            inbox_bytes: 4_194_304,
            inbox_keep_days: 30,
            records_keep_days: 90,
            drain_s: 30,
        }
    }
}
