//! A page on its way to another cluster: the same whether it goes at once or has waited.
//!
//! Implements: RFC 3428 §4; RFC 3261 §20.17 (Date: when a page that has waited was accepted).

use crate::base::{Key, Rng, Uid};
use crate::config::Settings;
use crate::dialog::Face;
use crate::effect::Ctx;
use crate::effect::store::OutboxPage;
use crate::sip::{Date, Method, Name, Writer};
use crate::transaction::{Asking, Draft, Owner, TIMEOUT, Transactions};

use super::book::{Peers, Way};
use super::keyed::keyed;
use super::trail::trail;

/// What the Call-ID of a page begins with.
const MARK: &str = "page-";
/// Its hex digits.
const CALL_ID: usize = 24;

/// Sends a page; every try is a request of its own under the page's Call-ID.
pub fn send_page(
    ctx: &mut Ctx<'_>,
    transactions: &mut Transactions,
    peers: &mut Peers,
    (owner, way): (Owner, Way),
    page: &OutboxPage,
) -> Key {
    let uri = Face::of(&page.recipient).secured(page.is_sips()).uri();
    let proof = peers.prove(ctx, way.peer, Method::Message, &uri);
    let tag = ctx.rng.draw();
    let has_waited = ctx.now.wall_ms > page.stored_ms;
    let left_s = page.expires_s(ctx.now.wall_ms);
    let headers = |writer: &mut Writer| {
        writer.number(Name::MaxForwards, u64::from(page.max_forwards));
        writer.text(Name::From, format_args!("{};tag={tag:016x}", page.from));
        writer.text(Name::To, format_args!("<{uri}>"));
        writer.header(Name::CallId, page.call_id.as_bytes());
        writer.header(Name::CSeq, b"1 MESSAGE");
        if has_waited {
            writer.text(Name::Date, format_args!("{}", Date(page.stored_ms)));
        }
        for (name, value) in page.headers.lines().filter_map(|line| line.split_once(':')) {
            match left_s.filter(|_| name.eq_ignore_ascii_case("Expires")) {
                Some(left_s) => writer.number(Name::Expires, u64::from(left_s)),
                None => writer.raw(name.as_bytes(), value.trim().as_bytes()),
            };
        }
        if let Some((name, proof)) = &proof {
            writer.header(*name, proof.as_bytes());
        }
    };
    let draft = Draft {
        method: Method::Message,
        name: b"MESSAGE",
        uri: uri.as_bytes(),
        headers: &headers,
        body: &page.body,
    };
    transactions.request_peer(
        ctx,
        (owner, Asking::first(way.peer, TIMEOUT).with_others(way.others)),
        way.flow,
        &draft,
    )
}

/// The headers of a page that tell of its sender and its way, as lines that end in CRLF.
pub fn letter_head(
    settings: &Settings,
    rng: &mut Rng,
    (asserted, hidden): (&Uid, bool),
    visited: &[Uid],
) -> String {
    let face = Face::of(asserted);
    let mut lines = format!("P-Asserted-Identity: {face}\r\n");
    if hidden {
        lines.push_str("Privacy: id\r\n");
    }
    for entry in trail(settings, rng, visited.iter()) {
        lines.push_str("History-Info: ");
        lines.push_str(&entry);
        lines.push_str("\r\n");
    }
    lines
}

/// The Call-ID of all tries of a page: the same for the same page of the same sender, also when his
/// phone repeats it to a server that was started anew. So the other cluster knows it again.
pub fn page_call_id(
    settings: &Settings,
    (owner, recipient): (&Uid, &Uid),
    (call_id, cseq): (&str, u32),
) -> String {
    let words = ["page", owner.as_str(), recipient.as_str(), call_id, &cseq.to_string()];
    format!("{MARK}{}@{}", keyed::<CALL_ID>(&settings.key, &words), settings.cid)
}
