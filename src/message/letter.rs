//! A page as it is written to a phone.
//!
//! Implements: RFC 3428 §4; RFC 3261 §8.1.1, §20.17 (Date).

use crate::base::{Key, ServerIndex, Token, Uid};
use crate::dialog::Face;
use crate::effect::Ctx;
use crate::leg::Passage;
use crate::registrar::Binding;
use crate::sip::{Date, Method, Name, Writer};
use crate::transaction::{Draft, Owner, Transactions};

/// What a phone is sent.
#[derive(Debug)]
pub(super) struct Letter<'a> {
    /// The From, without tag.
    pub from: &'a str,
    /// Whose phone it is.
    pub to: &'a Uid,
    /// Whether it goes by `sips:`; only to those who take it so ([`Binding::takes`]).
    pub sips: bool,
    /// How many hops it may still go.
    pub max_forwards: u8,
    /// When it was accepted, milliseconds since 1970, if that is a while ago.
    pub date: Option<i64>,
    /// The body and what passes with it.
    pub passage: &'a Passage,
}

impl Letter<'_> {
    /// Sends it to a client, in a transaction of its own.
    pub(super) fn send(
        &self,
        ctx: &mut Ctx<'_>,
        transactions: &mut Transactions,
        (server, owner): (ServerIndex, Owner),
        binding: &Binding,
    ) -> Key {
        let tag = Token::mint(server, key_of(owner), ctx.rng);
        let call_id = format!("{:016x}{:016x}", ctx.rng.draw(), ctx.rng.draw());
        let to = Face::of(self.to).secured(self.sips);
        let uri = binding.uri(self.sips);
        let tag = String::from_utf8_lossy(tag.as_bytes());
        let waited_ms = self.date.map_or(0, |date| ctx.now.wall_ms.saturating_sub(date));
        let waited_s = u32::try_from(waited_ms / 1000).unwrap_or_default();
        let left_s = self.passage.expires_s().map(|expires_s| expires_s.saturating_sub(waited_s));
        let headers = |writer: &mut Writer| {
            if !binding.stored.path.is_empty() {
                writer.header(Name::Route, binding.stored.path.as_bytes());
            }
            writer.number(Name::MaxForwards, u64::from(self.max_forwards));
            writer.text(Name::From, format_args!("{};tag={tag}", self.from));
            writer.text(Name::To, format_args!("{to}"));
            writer.header(Name::CallId, call_id.as_bytes());
            writer.header(Name::CSeq, b"1 MESSAGE");
            if let Some(moment) = self.date {
                writer.text(Name::Date, format_args!("{}", Date(moment)));
            }
            if let Some(left_s) = left_s {
                writer.number(Name::Expires, u64::from(left_s));
            }
            self.passage.write(writer);
        };
        let draft = Draft {
            method: Method::Message,
            name: b"MESSAGE",
            uri: uri.as_bytes(),
            headers: &headers,
            body: self.passage.body(),
        };
        transactions.request(ctx, owner, binding.flow, &draft)
    }
}

/// The place that the tag names; nobody looks there for a copy.
fn key_of(owner: Owner) -> Key {
    match owner {
        Owner::Page(key) | Owner::Round(key) | Owner::Leg(key) => key,
        Owner::Probe(_) | Owner::Outbox(_) | Owner::Nobody => Key { index: 0x00ff_ffff, tenant: 0x00ff_ffff },
    }
}
