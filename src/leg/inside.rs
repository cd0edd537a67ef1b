//! How a leg sends a request inside its dialog, and answers one that nothing follows from.
//!
//! Implements: RFC 6665 §4.1.3 (NOTIFY without a subscription), §4.2.1.1 (489).

use crate::base::Key;
use crate::dialog::Dialog;
use crate::sip::{Method, Name, Writer};
use crate::transaction::{Asked, Asking, Draft, Owner, RELAYED, TIMEOUT};

use super::legs::Wire;
use super::words::{ALLOW, Passage};

/// Sends a request inside a dialog, with what `more` writes before what passes. Gives its transaction.
pub(super) fn request_inside(
    wire: &mut Wire<'_, '_>,
    owner: Owner,
    dialog: &mut Dialog,
    (method, name): (Method, &str),
    more: &dyn Fn(&mut Writer),
    passage: &Passage,
) -> Key {
    let cseq = dialog.next_cseq();
    let dialog = &*dialog;
    let headers = |writer: &mut Writer| {
        dialog.write(writer, cseq, name);
        more(writer);
        passage.write(writer);
    };
    let draft = Draft {
        method,
        name: name.as_bytes(),
        uri: dialog.request_uri(),
        headers: &headers,
        body: passage.body(),
    };
    let patience =
        if matches!(method, Method::Info | Method::Message | Method::Other) { RELAYED } else { TIMEOUT };
    match dialog.peer() {
        Some(peer) => {
            let asking = Asking::first(peer, patience);
            wire.transactions.request_peer(wire.ctx, (owner, asking), dialog.flow(), &draft)
        }
        None => wire.transactions.request_within(wire.ctx, owner, dialog.flow(), &draft, patience),
    }
}

/// Answers a request that neither changes the dialog nor goes on to the other side: OPTIONS by what we
/// take (RFC 3261 §11.2), events by there being none (RFC 6665 §4.1.3, §4.2.1.1), anything else by 405.
pub(super) fn answer_alone(wire: &mut Wire<'_, '_>, asked: &Asked, tag: &[u8]) {
    let status = match asked.request.method() {
        Method::Options => 200,
        Method::Notify => 481,
        Method::Subscribe => 489,
        Method::Invite
        | Method::Ack
        | Method::Bye
        | Method::Cancel
        | Method::Register
        | Method::Message
        | Method::Info
        | Method::Prack
        | Method::Update
        | Method::Publish
        | Method::Refer
        | Method::Other => 405,
    };
    let mut writer = asked.answer(status, tag);
    match status {
        481 => &mut writer,
        // The only event that a dialog has is what becomes of a REFER.
        489 => writer.header(Name::AllowEvents, b"refer"),
        _ => writer.header(Name::Allow, ALLOW),
    };
    wire.transactions.respond(wire.ctx, asked.key, status, writer.finish(b""));
}
