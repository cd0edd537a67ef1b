//! One dialog, from either side.
//!
//! Implements: RFC 3261 §12; RFC 5627 §6.1 (the registered Contact in place of a GRUU).

use bytes::Bytes;
use smallvec::SmallVec;

use crate::base::PeerId;
use crate::config::Settings;
use crate::effect::Flow;
use crate::sip::{Message, Method, Name, NameAddr, Uri, Writer};
use crate::transport::target;

/// A dialog (RFC 3261 §12): the state that every request inside it needs.
#[derive(Debug, Clone)]
pub struct Dialog {
    call_id: Bytes,
    /// The From of our requests, tag included.
    local: Bytes,
    /// Our tag, also inside `local`.
    local_tag: Bytes,
    /// The To of our requests, tag included once there is one.
    remote: Bytes,
    remote_tag: Bytes,
    remote_target: Bytes,
    routes: SmallVec<[Bytes; 2]>,
    local_cseq: u32,
    remote_cseq: Option<u32>,
    flow: Flow,
    /// The other cluster that it is with, if it is with one.
    peer: Option<PeerId>,
    /// Where its phone asks from, which may be another port than the one where it is called.
    source: Flow,
}

/// Why a request does not fit into its dialog.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Misfit {
    /// It names another dialog: 481.
    Unknown,
    /// It is older than one already seen: 500 (RFC 3261 §12.2.2).
    Old,
}

impl Dialog {
    /// The dialog of an INVITE that we answer (RFC 3261 §12.1.1).
    pub fn as_uas(settings: &Settings, invite: &Message, local_tag: &[u8], flow: Flow) -> Self {
        let local = tagged(invite.header(Name::To).unwrap_or_default(), local_tag);
        let mut dialog = Self {
            call_id: Bytes::copy_from_slice(invite.call_id()),
            local,
            local_tag: Bytes::copy_from_slice(local_tag),
            remote: Bytes::copy_from_slice(invite.header(Name::From).unwrap_or_default()),
            remote_tag: Bytes::copy_from_slice(invite.from_tag()),
            remote_target: Bytes::new(),
            routes: invite.values(Name::RecordRoute).map(Bytes::copy_from_slice).collect(),
            local_cseq: 0,
            remote_cseq: Some(invite.cseq()),
            flow,
            peer: None,
            source: flow,
        };
        dialog.refresh_target(settings, invite, flow);
        dialog
    }

    /// The beginning of a dialog that we ask for: `to` has no tag yet.
    pub fn as_uac(
        call_id: Bytes,
        from: Bytes,
        local_tag: Bytes,
        to: Bytes,
        target: Bytes,
        flow: Flow,
    ) -> Self {
        Self {
            call_id,
            local: from,
            local_tag,
            remote: to,
            remote_tag: Bytes::new(),
            remote_target: target,
            routes: SmallVec::new(),
            local_cseq: 1,
            remote_cseq: None,
            flow,
            peer: None,
            source: flow,
        }
    }

    /// The dialog that a response to our INVITE makes (RFC 3261 §12.1.2).
    #[must_use]
    pub fn confirmed_by(&self, settings: &Settings, response: &Message) -> Self {
        let mut dialog = self.clone();
        dialog.remote = Bytes::copy_from_slice(response.header(Name::To).unwrap_or_default());
        dialog.remote_tag = Bytes::copy_from_slice(response.to_tag());
        dialog.routes = response.values(Name::RecordRoute).map(Bytes::copy_from_slice).collect();
        dialog.routes.reverse();
        dialog.refresh_target(settings, response, self.flow);
        dialog
    }

    /// Makes it a dialog with another cluster, which is reached by a flow of its own, whichever
    /// connection it has used.
    #[must_use]
    pub fn with_peer(mut self, peer: PeerId, flow: Flow) -> Self {
        (self.peer, self.flow) = (Some(peer), flow);
        self
    }

    /// The other cluster that it is with, if it is with one.
    pub fn peer(&self) -> Option<PeerId> {
        self.peer
    }

    /// A dialog that an answer alone makes, when its leg is gone: what our INVITE said of us stands in
    /// it again.
    pub fn of_answer(settings: &Settings, answer: &Message, flow: Flow) -> Self {
        let bytes = Bytes::copy_from_slice;
        let from = bytes(answer.header(Name::From).unwrap_or_default());
        let (call_id, tag) = (bytes(answer.call_id()), bytes(answer.from_tag()));
        let mut dialog = Self::as_uac(call_id, from, tag, Bytes::new(), Bytes::new(), flow);
        dialog.local_cseq = answer.cseq();
        dialog.confirmed_by(settings, answer)
    }

    /// Our tag.
    pub fn local_tag(&self) -> &[u8] {
        &self.local_tag
    }

    /// The other side's tag; empty before the first response with one.
    pub fn remote_tag(&self) -> &[u8] {
        &self.remote_tag
    }

    /// Where its requests go.
    pub fn flow(&self) -> Flow {
        self.flow
    }

    /// The Contact at which the other side is asked.
    pub fn target(&self) -> &[u8] {
        &self.remote_target
    }

    /// Where its requests go, and where the other side's come from.
    pub fn flows(&self) -> [Flow; 2] {
        [self.flow, self.source]
    }

    /// The other side asks from elsewhere now.
    pub fn take_over(&mut self, settings: &Settings, flow: Flow) {
        self.source = flow;
        self.aim(settings, flow);
    }

    /// The other side has registered by this flow, and left the one that it had: it is asked by that, whatever its
    /// Contact says, which is older. What goes by a proxy goes by it all the same.
    pub fn moved_to(&mut self, settings: &Settings, flow: Flow) {
        self.take_over(settings, flow);
        if self.peer.is_none() && self.routes.is_empty() {
            self.flow = flow;
        }
    }

    /// The phone is called at this Contact, which it has registered.
    pub fn called_at(&mut self, contact: &Bytes) {
        self.remote_target = contact.clone();
    }

    /// What was to begin it goes elsewhere.
    pub fn redirected(&mut self, flow: Flow) {
        (self.flow, self.source) = (flow, flow);
    }

    /// The sequence number of our latest request.
    pub fn local_cseq(&self) -> u32 {
        self.local_cseq
    }

    /// Takes the sequence number of a new request of ours.
    pub fn next_cseq(&mut self) -> u32 {
        self.local_cseq += 1;
        self.local_cseq
    }

    /// A request of ours was sent again, with this sequence number.
    pub fn resent(&mut self, cseq: u32) {
        self.local_cseq = self.local_cseq.max(cseq);
    }

    /// Whether a message from the other side names this dialog (RFC 3261 §12).
    pub fn is_of(&self, request: &Message) -> bool {
        request.call_id() == self.call_id.as_ref()
            && request.to_tag() == self.local_tag.as_ref()
            && request.from_tag() == self.remote_tag.as_ref()
    }

    /// Whether it has this Call-ID and these tags.
    pub fn is_named(&self, call_id: &[u8], local_tag: &[u8], remote_tag: &[u8]) -> bool {
        self.call_id == call_id && self.local_tag == local_tag && self.remote_tag == remote_tag
    }

    /// Whether a request from the other side belongs here, and whether it is in order. A CSeq that
    /// was accepted is remembered.
    pub fn accept(&mut self, request: &Message) -> Result<(), Misfit> {
        if !self.is_of(request) {
            return Err(Misfit::Unknown);
        }
        if request.method() == Method::Ack {
            return Ok(());
        }
        if self.remote_cseq.is_some_and(|seen| request.cseq() <= seen) {
            return Err(Misfit::Old);
        }
        self.remote_cseq = Some(request.cseq());
        Ok(())
    }

    /// The other side has used this number already, in the early dialog.
    pub fn has_seen(&mut self, cseq: u32) {
        self.remote_cseq = self.remote_cseq.max(Some(cseq));
    }

    /// Takes the remote target from a target refresh request or its response (RFC 3261 §12.2).
    pub fn refresh_target(&mut self, settings: &Settings, message: &Message, flow: Flow) {
        let Some(contact) = message.contact_uri() else { return };
        let Ok(uri) = Uri::parse(contact) else { return };
        // A GRUU of ours is the phone's that we speak with, and we are the ones who know what it stands for.
        let is_gruu = self.peer.is_none() && uri.params.has("gr") && settings.is_own_host(uri.host_text());
        if !is_gruu || self.remote_target.is_empty() {
            self.remote_target = Bytes::copy_from_slice(contact);
        }
        self.aim(settings, flow);
    }

    /// Finds out where requests go to a phone that is on this flow: to the first route, else the remote
    /// target. Either is believed only as far as the flow itself goes: a phone behind a proxy has the
    /// proxy at the end of its flow, and nobody has us send to a third party.
    fn aim(&mut self, settings: &Settings, flow: Flow) {
        if self.peer.is_some() {
            // A cluster is where its operator and ours say that it is.
            return;
        }
        let hop = self.routes.first().and_then(|route| NameAddr::parse(route)).map(|route| route.uri);
        let uri = Uri::parse(hop.unwrap_or(&self.remote_target));
        if let Ok(flow) = uri.map_err(drop).and_then(|uri| target(settings, flow, &uri).map_err(drop)) {
            self.flow = flow;
        }
    }

    /// The Request-URI of our requests: the remote target, or the first route if that is a strict
    /// router, which sends on what it finds there (RFC 3261 §12.2.1.1).
    pub fn request_uri(&self) -> &[u8] {
        self.strict_router().unwrap_or(&self.remote_target)
    }

    /// Writes what every request inside the dialog has: Route, Max-Forwards, From, To, Call-ID and
    /// CSeq (RFC 3261 §12.2.1.1).
    pub fn write(&self, writer: &mut Writer, cseq: u32, method: &str) {
        let strict = self.strict_router().is_some();
        for route in self.routes.iter().skip(usize::from(strict)) {
            writer.header(Name::Route, route);
        }
        if strict {
            let target = String::from_utf8_lossy(&self.remote_target);
            writer.text(Name::Route, format_args!("<{target}>"));
        }
        self.write_first(writer, cseq, method, 70);
    }

    /// The URI of the first route if it is no loose router.
    fn strict_router(&self) -> Option<&[u8]> {
        let uri = NameAddr::parse(self.routes.first()?)?.uri;
        Some(uri).filter(|uri| Uri::parse(uri).is_ok_and(|router| !router.is_loose()))
    }

    /// [`Dialog::write`] for the request that asks for the dialog: its Route, if it has one, is
    /// the caller's to write.
    pub fn write_first(&self, writer: &mut Writer, cseq: u32, method: &str, max_forwards: u8) {
        writer.number(Name::MaxForwards, u64::from(max_forwards));
        writer.header(Name::From, &self.local);
        writer.header(Name::To, &self.remote);
        writer.header(Name::CallId, &self.call_id);
        writer.text(Name::CSeq, format_args!("{cseq} {method}"));
    }
}

/// A From or To with our tag added, if it has none.
fn tagged(header: &[u8], tag: &[u8]) -> Bytes {
    let has_tag = NameAddr::parse(header).is_some_and(|address| !address.tag().is_empty());
    if has_tag {
        return Bytes::copy_from_slice(header);
    }
    // A bare addr-spec would swallow the parameter as its own only with <> missing, where RFC 3261
    // §20.10 says that parameters after it are the header's: so appending is right in both forms.
    let mut text = Vec::with_capacity(header.len() + tag.len() + 5);
    text.extend_from_slice(header);
    text.extend_from_slice(b";tag=");
    text.extend_from_slice(tag);
    text.into()
}
