//! The table of live transactions: opens them, finds them, lets them go.

use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use hashbrown::{HashMap, HashTable};
use smallvec::SmallVec;

use crate::base::address::canonical;
use crate::base::{Arena, Key, ServerIndex, Token};
use crate::effect::wake::Letter;
use crate::effect::{Ctx, Flow, StreamId, Ticket, Transport};
use crate::sip::{Message, Method, Name, Writer};
use crate::transport::reply_flow;

use super::asked::Asked;
use super::client::{Client, Step};
use super::client_invite::{self, ClientInvite};
use super::matching::{COOKIE, Fingerprint, Fingerprints, has_cookie};
use super::peers::Asking;
use super::server::Server;
use super::server_invite::ServerInvite;
use super::timing::TIMEOUT;
use super::{Owner, TxEvent};

/// Bytes of a request above which a stream is tried first (RFC 3261 §18.1.1).
const LONG_REQUEST: usize = 1300;

/// All transactions of one user server.
pub struct Transactions {
    server: ServerIndex,
    pub(super) clients: Arena<ClientMachine>,
    servers: Arena<Opened>,
    by_transaction: HashTable<(Fingerprint, Key)>,
    by_request: HashTable<(Fingerprint, Key)>,
    /// Long requests that have gone by a stream instead of their datagram flow, by the stream.
    moved: HashMap<StreamId, SmallVec<[Key; 2]>>,
    fingerprints: Fingerprints,
}

pub(super) enum ClientMachine {
    Invite(ClientInvite),
    Other(Client),
}

struct Opened {
    machine: ServerMachine,
    transaction: Fingerprint,
    /// Set outside dialogs, where the same request may come another way.
    request: Option<Fingerprint>,
    /// The leg that an INVITE of ours belongs to.
    leg: Option<Key>,
}

enum ServerMachine {
    Invite(ServerInvite),
    Other(Server),
}

/// What a request is to the table.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Arrival {
    /// Nothing it knows.
    New,
    /// A repeat, or the ACK of a refusal: dealt with.
    Known,
    /// The same request by another way: to be answered 482 (RFC 3261 §8.2.2.2).
    Merged,
}

/// A request that is about to be sent, but for its Via.
pub struct Draft<'a> {
    /// The method.
    pub method: Method,
    /// Its name on the wire.
    pub name: &'a [u8],
    /// The Request-URI.
    pub uri: &'a [u8],
    /// Writes everything between Via and the body.
    pub headers: &'a dyn Fn(&mut Writer),
    /// The body.
    pub body: &'a [u8],
}

impl Transactions {
    /// An empty table; `key` is that of its fingerprints, and secret.
    pub fn new(server: ServerIndex, key: u64) -> Self {
        Self {
            server,
            clients: Arena::default(),
            servers: Arena::default(),
            by_transaction: HashTable::new(),
            by_request: HashTable::new(),
            moved: HashMap::new(),
            fingerprints: Fingerprints::new(key),
        }
    }

    /// Live client and server transactions.
    pub fn census(&self) -> (usize, usize) {
        (self.clients.len(), self.servers.len())
    }

    // ---- client side -----------------------------------------------------------------------

    /// Sends a request and keeps its transaction until it is answered.
    pub fn request(&mut self, ctx: &mut Ctx<'_>, owner: Owner, flow: Flow, draft: &Draft<'_>) -> Key {
        self.request_within(ctx, owner, flow, draft, TIMEOUT)
    }

    /// [`Transactions::request`] for one whose answer somebody waits for: if it is no INVITE, it fails
    /// after so long.
    pub fn request_within(
        &mut self,
        ctx: &mut Ctx<'_>,
        owner: Owner,
        flow: Flow,
        draft: &Draft<'_>,
        patience: Duration,
    ) -> Key {
        let key = self.send(ctx, owner, flow, draft, (None, patience));
        if let (Some(stream), Owner::Page(_) | Owner::Round(_)) = (flow.stream, owner) {
            self.ends_with(stream, key);
        }
        key
    }

    pub(super) fn send(
        &mut self,
        ctx: &mut Ctx<'_>,
        owner: Owner,
        flow: Flow,
        draft: &Draft<'_>,
        (asking, patience): (Option<Asking>, Duration),
    ) -> Key {
        let asking = asking.map(|asking| Asking { flow: Some(flow), ..asking });
        let key = self.clients.next_key();
        let token = Token::mint(self.server, key, ctx.rng);
        let transport = ctx.settings.transport(flow);
        let bytes = write(ctx, flow, transport, &token, draft);
        let ticket = client_ticket(key);
        let stream = (!flow.is_reliable() && bytes.len() > LONG_REQUEST)
            .then(|| ctx.settings.stream_beside(flow.listener))
            .flatten();
        let mut long = None;
        match stream {
            Some(listener) => {
                let stream = write(ctx, Flow { listener, ..flow }, Transport::Tcp, &token, draft);
                long = Some(stream.clone());
                ctx.send_long(flow, stream, bytes.clone(), ticket);
            }
            // A datagram that the system refuses is worth telling where somebody else may be tried;
            // inside a dialog its repeats are the remedy.
            None if flow.is_reliable() || tries_elsewhere(draft.method) => {
                ctx.send_watched(flow, bytes.clone(), ticket);
            }
            None => ctx.send(flow, bytes.clone()),
        }
        let machine = if draft.method == Method::Invite {
            let mut machine = ClientInvite::new(owner, token, flow, bytes, !draft.body.is_empty());
            (machine.asking, machine.long) = (asking, long);
            machine.start(ctx, key);
            ClientMachine::Invite(machine)
        } else {
            let mut machine = Client::new(owner, draft.method, token, flow, bytes);
            machine.asking = asking;
            machine.start(ctx, key, patience);
            ClientMachine::Other(machine)
        };
        self.clients.insert(machine)
    }

    /// Sends the ACK of a 2xx, which has no transaction of its own; that of the INVITE repeats it to
    /// who answered with this To tag.
    pub fn send_ack(&mut self, ctx: &mut Ctx<'_>, invite: Key, tag: &[u8], flow: Flow, draft: &Draft<'_>) {
        let token = Token::mint(self.server, self.clients.next_key(), ctx.rng);
        let transport = ctx.settings.transport(flow);
        let bytes = write(ctx, flow, transport, &token, draft);
        ctx.send(flow, bytes.clone());
        if let Some(ClientMachine::Invite(machine)) = self.clients.get_mut(invite) {
            machine.keep(tag, flow, bytes);
        }
    }

    /// Where an INVITE of ours went, and whether it made an offer.
    pub fn invite_of(&self, invite: Key) -> Option<(Flow, bool)> {
        match self.clients.get(invite)? {
            ClientMachine::Invite(machine) => Some((machine.flow, machine.offered)),
            ClientMachine::Other(_) => None,
        }
    }

    /// Whether this INVITE has had a provisional response, so that it may be cancelled.
    pub fn may_cancel(&self, invite: Key) -> bool {
        matches!(self.clients.get(invite), Some(ClientMachine::Invite(machine)) if machine.is_proceeding())
    }

    /// Sends the CANCEL of an INVITE (RFC 3261 §9.1).
    pub fn cancel(&mut self, ctx: &mut Ctx<'_>, invite: Key, reason: Option<&[u8]>) {
        let Some(ClientMachine::Invite(machine)) = self.clients.get(invite) else { return };
        let Some(request) = machine.request() else { return };
        let (token, flow) = (machine.token, machine.flow);
        let bytes = client_invite::cancel(&request, reason);
        let key = self.clients.next_key();
        ctx.send(flow, bytes.clone());
        let mut cancel = Client::new(Owner::Nobody, Method::Cancel, token, flow, bytes);
        cancel.start(ctx, key, TIMEOUT);
        self.clients.insert(ClientMachine::Other(cancel));
        if let Some(ClientMachine::Invite(machine)) = self.clients.get_mut(invite) {
            machine.cancel = Some(key);
        }
    }

    /// Forgets a client transaction whose answer nobody waits for any longer.
    pub fn abandon(&mut self, ctx: &mut Ctx<'_>, client: Key) {
        match self.clients.remove(client) {
            Some(ClientMachine::Invite(mut machine)) => machine.stop(ctx),
            Some(ClientMachine::Other(mut machine)) => machine.stop(ctx),
            None => {}
        }
    }

    /// A response came by a flow: finds its transaction, and says whom to tell. `Err` is a stray one.
    pub fn on_response(
        &mut self,
        ctx: &mut Ctx<'_>,
        flow: Flow,
        response: &Arc<Message>,
    ) -> Result<Option<TxEvent>, Stray> {
        let branch = response.via().map(|via| via.branch).ok_or(Stray)?;
        let token = branch.strip_prefix(COOKIE).ok_or(Stray)?;
        let (_, mut key) = Token::read(token).ok_or(Stray)?;
        let method = response.method();
        if let (Some(ClientMachine::Invite(invite)), Method::Cancel) = (self.clients.get(key), method) {
            key = invite.cancel.ok_or(Stray)?;
        }
        let (owner, asking, step) = match self.clients.get_mut(key).ok_or(Stray)? {
            ClientMachine::Invite(machine)
                if method == Method::Invite && machine.token.as_bytes() == token =>
            {
                (machine.owner, machine.asking, machine.on_response(ctx, key, flow, response))
            }
            ClientMachine::Other(machine)
                if method == machine.method && machine.token.as_bytes() == token =>
            {
                (machine.owner, machine.asking, machine.on_response(ctx, key, response.status()))
            }
            ClientMachine::Invite(_) | ClientMachine::Other(_) => return Err(Stray),
        };
        let tell = matches!(step, Step::Tell | Step::TellAndEnd);
        let event = tell.then(|| self.event((key, owner), asking, response));
        if step == Step::TellAndEnd || step == Step::End {
            self.clients.remove(key);
        } else if let Some(ClientMachine::Other(machine)) = self.clients.get_mut(key) {
            machine.let_go();
        }
        Ok(event)
    }

    /// A client transaction's timer fired.
    pub fn on_client_timer(&mut self, ctx: &mut Ctx<'_>, key: Key, letter: Letter) -> Option<TxEvent> {
        let step = match self.clients.get_mut(key)? {
            ClientMachine::Invite(machine) => machine.on_timer(ctx, key, letter),
            ClientMachine::Other(machine) => machine.on_timer(ctx, key, letter),
        };
        self.after(key, step)
    }

    /// A request could not be sent.
    pub fn on_unsent(&mut self, ctx: &mut Ctx<'_>, ticket: Ticket) -> Option<TxEvent> {
        self.on_no_way(ctx, ticket_client(ticket)?)
    }

    pub(super) fn on_no_way(&mut self, ctx: &mut Ctx<'_>, key: Key) -> Option<TxEvent> {
        let step = match self.clients.get_mut(key)? {
            ClientMachine::Invite(machine) => machine.on_unsent(ctx),
            ClientMachine::Other(machine) => machine.on_unsent(ctx),
        };
        self.after(key, step)
    }

    /// A long request went out on a stream.
    pub fn on_moved(&mut self, ctx: &mut Ctx<'_>, ticket: Ticket, flow: Flow) {
        let Some(key) = ticket_client(ticket) else { return };
        match self.clients.get_mut(key) {
            Some(ClientMachine::Invite(machine)) => machine.on_moved(ctx, flow),
            Some(ClientMachine::Other(machine)) => machine.on_moved(ctx, flow),
            None => return,
        }
        if let Some(stream) = flow.stream {
            self.ends_with(stream, key);
        }
    }

    /// A request fails when this stream closes.
    fn ends_with(&mut self, stream: StreamId, key: Key) {
        let clients = &self.clients;
        let moved = self.moved.entry(stream).or_default();
        moved.retain(|key| clients.get(*key).is_some());
        moved.push(key);
    }

    /// A stream is gone: requests that had moved to it have failed with it, and pages that went by it. What a
    /// leg has asked there is the leg's to give up.
    pub fn on_closed(&mut self, ctx: &mut Ctx<'_>, stream: StreamId) -> Vec<TxEvent> {
        let moved = self.moved.remove(&stream).unwrap_or_default();
        moved.into_iter().filter_map(|key| self.on_no_way(ctx, key)).collect()
    }

    fn after(&mut self, key: Key, step: Step) -> Option<TxEvent> {
        let (owner, method, asking) = match self.clients.get(key)? {
            ClientMachine::Invite(machine) => (machine.owner, Method::Invite, machine.asking),
            ClientMachine::Other(machine) => (machine.owner, machine.method, machine.asking),
        };
        let peer = asking.map(|asking| asking.peer);
        match step {
            Step::Quiet | Step::Tell => None,
            Step::End | Step::TellAndEnd => {
                self.clients.remove(key);
                None
            }
            Step::Fail(status) => {
                let untaken = asking.and_then(|asking| self.untaken((key, owner), asking, status, None));
                self.clients.remove(key);
                Some(untaken.unwrap_or(TxEvent::Failed { owner, client: key, peer, method, status }))
            }
        }
    }

    // ---- server side -----------------------------------------------------------------------

    /// A request came: is it one we know?
    pub fn on_request(&mut self, ctx: &mut Ctx<'_>, message: &Message) -> Arrival {
        let ack = message.method() == Method::Ack;
        let method = if ack { Method::Invite } else { message.method() };
        if let Some(key) = self.find(message, method) {
            if ack {
                return self.on_ack(ctx, key, message);
            }
            if let Some(opened) = self.servers.get(key) {
                match &opened.machine {
                    ServerMachine::Invite(machine) => machine.on_repeat(ctx),
                    ServerMachine::Other(machine) => machine.on_repeat(ctx),
                }
            }
            return Arrival::Known;
        }
        if !ack && message.to_tag().is_empty() && self.is_merged(message) {
            Arrival::Merged
        } else {
            Arrival::New
        }
    }

    /// The INVITE that a CANCEL is for: its transaction and leg (RFC 3261 §9.2). Since it cannot be asked for a
    /// proof, it has to come from the same host (§22.1).
    pub fn cancelled(&self, flow: Flow, cancel: &Message) -> Option<(Key, Option<Key>)> {
        let key = self.find(cancel, Method::Invite)?;
        let opened = self.servers.get(key)?;
        let ServerMachine::Invite(invite) = &opened.machine else { return None };
        let host = |flow: Flow| canonical(flow.remote.ip());
        (host(invite.flow()) == host(flow)).then_some((key, opened.leg))
    }

    /// Opens the transaction of a request that is to be answered.
    pub fn open(&mut self, flow: Flow, request: &Arc<Message>) -> Asked {
        let method = request.method();
        let back = reply_flow(flow, request);
        let machine = if method == Method::Invite {
            ServerMachine::Invite(ServerInvite::new(back))
        } else {
            ServerMachine::Other(Server::new(back))
        };
        let transaction = self.fingerprints.of_transaction(request, method);
        let outside = request.to_tag().is_empty().then(|| self.fingerprints.of_request(request));
        let key = self.servers.insert(Opened { machine, transaction, request: outside, leg: None });
        self.by_transaction.insert_unique(transaction.place(), (transaction, key), |entry| entry.0.place());
        if let Some(request) = outside {
            self.by_request.insert_unique(request.place(), (request, key), |entry| entry.0.place());
        }
        Asked { key, request: Arc::clone(request), flow }
    }

    /// Says which leg an INVITE is of, so that its CANCEL finds it.
    pub fn belongs_to(&mut self, key: Key, leg: Key) {
        if let Some(opened) = self.servers.get_mut(key) {
            opened.leg = Some(leg);
        }
    }

    /// Sends a response in a transaction; after its final one the transaction ends by itself.
    pub fn respond(&mut self, ctx: &mut Ctx<'_>, key: Key, status: u16, response: Bytes) {
        let Some(opened) = self.servers.get_mut(key) else { return };
        let gone = match &mut opened.machine {
            ServerMachine::Invite(machine) => {
                machine.respond(ctx, key, status, response);
                false
            }
            ServerMachine::Other(machine) => machine.respond(ctx, key, response),
        };
        if gone {
            self.close(key);
        }
    }

    /// The answers to an INVITE go by this flow from now on: its sender has come back by another.
    pub fn answer_by(&mut self, key: Key, flow: Flow) {
        if let Some(Opened { machine: ServerMachine::Invite(machine), .. }) = self.servers.get_mut(key) {
            machine.flow = flow;
        }
    }

    /// Whether an INVITE has had its final response (or is gone).
    pub fn is_final(&self, key: Key) -> bool {
        match self.servers.get(key).map(|opened| &opened.machine) {
            Some(ServerMachine::Invite(machine)) => machine.is_final(),
            Some(ServerMachine::Other(_)) => false,
            None => true,
        }
    }

    /// A server transaction's timer fired.
    pub fn on_server_timer(&mut self, ctx: &mut Ctx<'_>, key: Key, letter: Letter) {
        let Some(opened) = self.servers.get_mut(key) else { return };
        let gone = match &mut opened.machine {
            ServerMachine::Invite(machine) => machine.on_timer(ctx, key, letter),
            ServerMachine::Other(_) => true,
        };
        if gone {
            self.close(key);
        }
    }

    fn on_ack(&mut self, ctx: &mut Ctx<'_>, key: Key, ack: &Message) -> Arrival {
        let Some(Opened { machine: ServerMachine::Invite(machine), .. }) = self.servers.get_mut(key) else {
            return Arrival::Known;
        };
        if !machine.owns(ack) {
            return Arrival::New;
        }
        if machine.on_ack(ctx, key) {
            self.close(key);
        }
        Arrival::Known
    }

    fn find(&self, message: &Message, method: Method) -> Option<Key> {
        let look = |own: Fingerprint| self.by_transaction.find(own.place(), |entry| entry.0 == own);
        let found = look(self.fingerprints.of_transaction(message, method)).or_else(|| {
            let is_for_first = message.method() == Method::Ack && !has_cookie(message);
            is_for_first.then(|| look(self.fingerprints.of_first_invite(message))).flatten()
        });
        found.map(|entry| entry.1)
    }

    fn is_merged(&self, message: &Message) -> bool {
        let fingerprint = self.fingerprints.of_request(message);
        self.by_request.find(fingerprint.place(), |entry| entry.0 == fingerprint).is_some()
    }

    fn close(&mut self, key: Key) {
        let Some(opened) = self.servers.remove(key) else { return };
        forget(&mut self.by_transaction, opened.transaction, key);
        if let Some(request) = opened.request {
            forget(&mut self.by_request, request, key);
        }
    }
}

impl TxEvent {
    /// The status of the response, or the one that a failure stands for.
    pub fn status(&self) -> u16 {
        match self {
            Self::Response { response, .. }
            | Self::Challenged { response, .. }
            | Self::TooBrief { response, .. } => response.status(),
            Self::Untaken(untaken) => untaken.status,
            Self::Failed { status, .. } => *status,
        }
    }
}

/// Whether another target may be tried for a request of this method.
fn tries_elsewhere(method: Method) -> bool {
    matches!(method, Method::Invite | Method::Message)
}

/// A response that belongs to no transaction of ours: dropped and counted.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Stray;

impl std::fmt::Debug for Transactions {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{} client and {} server transactions", self.clients.len(), self.servers.len())
    }
}

fn forget(table: &mut HashTable<(Fingerprint, Key)>, fingerprint: Fingerprint, key: Key) {
    if let Ok(entry) = table.find_entry(fingerprint.place(), |entry| entry.1 == key) {
        entry.remove();
    }
}

fn write(ctx: &Ctx<'_>, flow: Flow, transport: Transport, token: &Token, draft: &Draft<'_>) -> Bytes {
    let mut writer = Writer::request(draft.name, draft.uri);
    let sent_by = ctx.settings.advertised(flow.listener, flow.remote);
    // Who has our certificate may ask us by the connection that we have made (RFC 5923 §5).
    let alias = if ctx.settings.is_certified(flow) { ";alias" } else { "" };
    let token = std::str::from_utf8(token.as_bytes()).unwrap_or_default();
    writer.text(
        Name::Via,
        format_args!("SIP/2.0/{} {sent_by};branch=z9hG4bK{token};rport{alias}", transport.as_via()),
    );
    (draft.headers)(&mut writer);
    writer.finish(draft.body)
}

/// Tickets of client transactions have their top bit set and name their machine.
fn client_ticket(key: Key) -> Ticket {
    Ticket(1 << 63 | u64::from(key.tenant) << 32 | u64::from(key.index))
}

fn ticket_client(ticket: Ticket) -> Option<Key> {
    if ticket.0 >> 63 == 0 {
        return None;
    }
    let index = u32::try_from(ticket.0 & 0xffff_ffff).ok()?;
    let tenant = u32::try_from((ticket.0 >> 32) & 0x00ff_ffff).ok()?;
    Some(Key { index, tenant })
}
