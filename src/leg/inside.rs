//! How a leg sends a request inside its dialog, and answers one that nothing follows from.

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
    method: Method,
    more: &dyn Fn(&mut Writer),
    passage: &Passage,
) -> Key {
    let cseq = dialog.next_cseq();
    let dialog = &*dialog;
    let headers = |writer: &mut Writer| {
        dialog.write(writer, cseq, method.as_str());
        more(writer);
        passage.write(writer);
    };
    let draft = Draft {
        method,
        name: method.as_str().as_bytes(),
        uri: dialog.request_uri(),
        headers: &headers,
        body: passage.body(),
    };
    let patience = if matches!(method, Method::Info | Method::Message) { RELAYED } else { TIMEOUT };
    match dialog.peer() {
        Some(peer) => {
            let asking = Asking::first(peer, patience);
            wire.transactions.request_peer(wire.ctx, (owner, asking), dialog.flow(), &draft)
        }
        None => wire.transactions.request_within(wire.ctx, owner, dialog.flow(), &draft, patience),
    }
}

/// Answers a request that neither changes the dialog nor goes on to the other side: OPTIONS by what we
/// take (RFC 3261 §11.2), anything else by 405.
pub(super) fn answer_alone(wire: &mut Wire<'_, '_>, asked: &Asked, tag: &[u8]) {
    let status = if asked.request.method() == Method::Options { 200 } else { 405 };
    let mut writer = asked.answer(status, tag);
    writer.header(Name::Allow, ALLOW);
    wire.transactions.respond(wire.ctx, asked.key, status, writer.finish(b""));
}
