//! A page on its way to another cluster: the same whether it goes at once or has waited.
//!
//! Implements: RFC 3428 §4.

use crate::base::Key;
use crate::effect::Ctx;
use crate::effect::store::OutboxPage;
use crate::sip::{Method, Name, Writer};
use crate::transaction::{Draft, Owner, Transactions};

use super::book::{Peers, Way};

/// What the Call-ID of a page begins with.
const MARK: &str = "page-";

/// Sends a page; every try is a request of its own under the page's Call-ID.
pub fn send_page(
    ctx: &mut Ctx<'_>,
    transactions: &mut Transactions,
    peers: &mut Peers,
    (owner, way): (Owner, Way),
    page: &OutboxPage,
) -> Key {
    let to = crate::dialog::Escaped(page.recipient.user()).to_string();
    let uri = format!("sip:{to}@{}", page.recipient.cluster());
    let proof = peers.prove(ctx, way.peer, Method::Message, &uri);
    let tag = ctx.rng.draw();
    let headers = |writer: &mut Writer| {
        writer.number(Name::MaxForwards, u64::from(page.max_forwards));
        writer.text(Name::From, format_args!("{};tag={tag:016x}", page.from));
        writer.text(Name::To, format_args!("<{uri}>"));
        writer.header(Name::CallId, page.call_id.as_bytes());
        writer.header(Name::CSeq, b"1 MESSAGE");
        for (name, value) in page.headers.lines().filter_map(|line| line.split_once(':')) {
            writer.raw(name.as_bytes(), value.trim().as_bytes());
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
    transactions.request_peer(ctx, (owner, way.peer), way.flow, &draft)
}

impl Peers {
    /// The Call-ID of all tries of a page.
    pub fn page_call_id(&self, id: &str) -> String {
        format!("{MARK}{id}@{}", self.own)
    }
}

/// Whether all requests with this Call-ID of that cluster are tries of one page.
pub fn is_one_page(call_id: &[u8], cluster: &str) -> bool {
    let name = call_id.strip_prefix(MARK.as_bytes());
    name.and_then(|name| name.strip_suffix(cluster.as_bytes())).is_some_and(|name| name.ends_with(b"@"))
}
