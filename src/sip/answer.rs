//! Beginning the answer to a request.
//!
//! What an answer owes the request is copied byte for byte (folds undone): the Vias, From, To,
//! Call-ID, CSeq, and Timestamp into a 100. The top Via is told where the request really came
//! from.
//!
//! Implements: RFC 3261 §8.2.6, §18.2.1; RFC 3581 §4.

use std::net::SocketAddr;

use super::chars::{trim_end, trim_start};
use super::list::element_len;
use super::message::Message;
use super::name::Name;
use super::via::Via;
use super::write::Writer;
use crate::base::address::canonical_socket;

impl Writer {
    /// Begins an answer. A tag is added to the To if it has none and the status is above 100;
    /// `source` is where the request came from, if the Via is to be told.
    pub fn answer(request: &Message, status: u16, to_tag: &[u8], source: Option<SocketAddr>) -> Self {
        let mut writer = match request.fault() {
            Some(fault) if fault.status == status => Self::response_with(status, fault.reason),
            Some(_) | None => Self::response(status),
        };
        let mut vias = request.lines(Name::Via);
        if let Some(top) = vias.next() {
            writer.top_via(top, source.map(canonical_socket));
        }
        for via in vias {
            writer.header(Name::Via, via);
        }
        if let Some(from) = request.header(Name::From) {
            writer.header(Name::From, from);
        }
        if let Some(to) = request.header(Name::To) {
            writer.begin(Name::To);
            writer.clean(to);
            if status > 100 && !to_tag.is_empty() && request.to().is_none_or(|to| to.tag().is_empty()) {
                writer.out.extend_from_slice(b";tag=");
                writer.clean(to_tag);
            }
            writer.end_line();
        }
        for name in [Name::CallId, Name::CSeq] {
            if let Some(value) = request.header(name) {
                writer.header(name, value);
            }
        }
        if status == 100 {
            writer.copy(request, Name::Timestamp);
        }
        writer
    }

    /// Writes the line that holds the top Via, with `received` and `rport` as they are.
    fn top_via(&mut self, line: &[u8], source: Option<SocketAddr>) {
        self.begin(Name::Via);
        let (top, others) = line.split_at_checked(element_len(line)).unwrap_or((line, b""));
        match (Via::parse(top), source) {
            (Some(via), Some(source)) => self.told(&via, source),
            _ => self.clean(top),
        }
        if let Some(others) = others.strip_prefix(b",") {
            self.out.extend_from_slice(b", ");
            self.clean(trim_start(others));
        }
        self.end_line();
    }

    /// Writes a Via with what is known of its source. What the sender claims to have been
    /// received from is his own invention and goes.
    fn told(&mut self, via: &Via<'_>, source: SocketAddr) {
        self.clean(trim_end(via.head()));
        for (name, value) in via.params.raw() {
            if name.eq_ignore_ascii_case(b"received") || name.eq_ignore_ascii_case(b"rport") {
                continue;
            }
            self.out.push(b';');
            self.clean(name);
            if let Some(value) = value {
                self.out.push(b'=');
                self.clean(value);
            }
        }
        if via.rport.is_some() || via.ip() != Some(source.ip()) {
            self.out.extend_from_slice(b";received=");
            self.display(format_args!("{}", source.ip()));
        }
        if via.rport.is_some() {
            self.out.extend_from_slice(b";rport=");
            self.digits(u64::from(source.port()));
        }
    }
}
