//! All legs of one user server: makes them, hands them their events, lets them go.

use std::sync::Arc;

use crate::base::{Arena, Key, PeerId, ServerIndex, Token};
use crate::dialog::{Dialog, Misfit};
use crate::effect::{Ctx, Flow, LegTimer};
use crate::sip::{Message, Method, Name, Writer};
use crate::transaction::{Asked, Asking, Draft, Owner, TIMEOUT, Transactions};

use super::acks::send_away;
use super::confirmed::Confirmed;
use super::invite_out::{Dial, Guise};
use super::link::{Link, LinkEnd, LinkMail, ends_link};
use super::places::{Place, Places};
use super::uac::Uac;
use super::uas::Uas;
use super::words::{LegWord, Passage, Veil};

/// Writes the headers that only another cluster is to see.
type More<'a> = dyn Fn(&mut Writer) + 'a;

/// What a leg acts through: the out-tray and the transactions below it.
#[derive(Debug)]
pub struct Wire<'a, 'c> {
    /// The out-tray.
    pub ctx: &'a mut Ctx<'c>,
    /// The transactions.
    pub transactions: &'a mut Transactions,
}

/// What a leg has to tell: to which call, from which leg, what.
#[derive(Debug)]
pub struct Report {
    /// The call.
    pub call: Key,
    /// The leg. It may be gone by now.
    pub leg: Key,
    /// What.
    pub word: LegWord,
}

/// All legs of one user server.
#[derive(Debug)]
pub struct Legs {
    server: ServerIndex,
    pub(super) arena: Arena<Leg>,
    /// Which legs a flow carries.
    pub(super) places: Places,
    /// Words for the other halves of calls; the switchboard delivers them.
    pub outbox: Vec<LinkMail>,
}

#[derive(Debug)]
pub(super) struct Leg {
    /// `None` when the call does not care any more what becomes of it.
    pub(super) call: Option<Key>,
    /// How its phone is hidden from the other side, if that wishes so.
    veil: Option<Veil>,
    /// The flow that it is listed under.
    place: Option<Place>,
    pub(super) machine: Machine,
}

#[derive(Debug)]
pub(super) enum Machine {
    Uas(Box<Uas>),
    Uac(Box<Uac>),
    Confirmed(Box<Confirmed>),
    Link(Link),
}

/// What a machine wants after an event.
#[derive(Debug)]
pub(super) enum Turn {
    /// Nothing.
    Stay,
    /// Its call is to hear this.
    Tell(LegWord),
    /// Its call is to hear this; the leg is gone.
    TellAndEnd(LegWord),
    /// The leg is gone.
    End,
    /// The leg still has to tidy up, but its call will not hear of it.
    Orphan,
    /// Its call is to hear this; the leg still has to tidy up.
    TellAndOrphan(LegWord),
    /// The call is answered on this leg; its call is to hear this, if anything.
    Confirm(Box<Confirmed>, Option<LegWord>),
}

impl Legs {
    /// No legs yet.
    pub fn new(server: ServerIndex) -> Self {
        Self { server, arena: Arena::default(), places: Places::default(), outbox: Vec::new() }
    }

    /// Live legs.
    pub fn len(&self) -> usize {
        self.arena.len()
    }

    /// Whether there is none.
    pub fn is_empty(&self) -> bool {
        self.arena.is_empty()
    }

    /// A leg for an INVITE of a phone: whom it believes to talk to, its Contact if it calls by a GRUU.
    pub fn answer(
        &mut self,
        wire: &mut Wire<'_, '_>,
        call: Key,
        asked: Asked,
        (user, registered): (String, Option<String>),
    ) -> Key {
        let tag = Token::mint(self.server, self.arena.next_key(), wire.ctx.rng);
        let server = asked.key;
        let veil = Veil::of(&asked.request, || wire.ctx.rng.draw());
        let guise = Guise::towards(wire.ctx.settings, &asked, user);
        let mut machine = Uas::new(asked, tag, guise, registered);
        machine.start(wire, self.arena.next_key());
        let key = self.insert(Some(call), Machine::Uas(Box::new(machine)));
        if let Some(leg) = self.arena.get_mut(key) {
            leg.veil = veil;
        }
        wire.transactions.belongs_to(server, key);
        key
    }

    /// Leaves out of what the INVITE of a leg said what would let its sender be known again, if he does not want that.
    pub fn hide(&self, key: Key, passage: &mut Passage) {
        if let Some(veil) = self.arena.get(key).and_then(|leg| leg.veil) {
            passage.hide(&veil);
        }
    }

    /// A leg for an INVITE that another cluster has sent us; our requests go to it by `flow`.
    pub fn answer_peer(
        &mut self,
        wire: &mut Wire<'_, '_>,
        call: Key,
        asked: Asked,
        user: String,
        (peer, flow): (PeerId, Flow),
    ) -> Key {
        let key = self.answer(wire, call, asked, (user, None));
        if let Some(Leg { machine: Machine::Uas(machine), .. }) = self.arena.get_mut(key) {
            machine.comes_from(peer, flow);
        }
        key
    }

    /// Calls a phone.
    pub fn dial(&mut self, wire: &mut Wire<'_, '_>, dial: &Dial<'_>) -> Key {
        self.dial_with(wire, dial, None)
    }

    /// Calls a user of another cluster: what `more` writes goes into the INVITE too.
    pub fn dial_peer(
        &mut self,
        wire: &mut Wire<'_, '_>,
        dial: &Dial<'_>,
        (peer, others): (PeerId, u8),
        more: &dyn Fn(&mut Writer),
    ) -> Key {
        self.dial_with(wire, dial, Some((peer, others, more)))
    }

    fn dial_with(
        &mut self,
        wire: &mut Wire<'_, '_>,
        dial: &Dial<'_>,
        peer: Option<(PeerId, u8, &More<'_>)>,
    ) -> Key {
        let key = self.arena.next_key();
        let tag = Token::mint(self.server, key, wire.ctx.rng);
        let call_id = format!("{:016x}{:016x}", wire.ctx.rng.draw(), wire.ctx.rng.draw());
        let dialog = Dialog::as_uac(
            call_id.into(),
            dial.from.header(Some(&tag)),
            tag.as_bytes().to_vec().into(),
            dial.to.header(None),
            dial.contact.as_bytes().to_vec().into(),
            dial.flow,
        );
        let dialog = match peer {
            Some((peer, ..)) => dialog.with_peer(peer, dial.flow),
            None => dialog,
        };
        let (settings, guise) = (wire.ctx.settings, dial.guise(peer.is_some()));
        let headers = |writer: &mut Writer| {
            if !dial.path.is_empty() {
                writer.header(Name::Route, dial.path.as_bytes());
            }
            dialog.write_first(writer, dialog.local_cseq(), "INVITE", dial.max_forwards);
            dial.write(settings, &guise, writer);
            if let Some((.., more)) = peer {
                more(writer);
            }
        };
        let draft = Draft {
            method: Method::Invite,
            name: b"INVITE",
            uri: dial.contact.as_bytes(),
            headers: &headers,
            body: dial.passage.body(),
        };
        let owner = Owner::Leg(key);
        let client = match peer {
            Some((peer, others, _)) => {
                let asking = Asking::first(peer, TIMEOUT).with_others(others);
                wire.transactions.request_peer(wire.ctx, (owner, asking), dial.flow, &draft)
            }
            None => wire.transactions.request(wire.ctx, owner, dial.flow, &draft),
        };
        let uac = Uac::new(client, dialog, guise, dial.passage.has_body());
        self.insert(Some(dial.call), Machine::Uac(Box::new(uac)))
    }

    /// A link to a half that is about to be set up.
    pub fn link_out(&mut self, call: Key) -> LinkEnd {
        let leg = self.insert(Some(call), Machine::Link(Link::opening()));
        LinkEnd { server: self.server, leg }
    }

    /// A link from a half that is there.
    pub fn link_in(&mut self, call: Key, peer: LinkEnd) -> Key {
        self.insert(Some(call), Machine::Link(Link::open(peer)))
    }

    /// This end of a link, for the other half to write to.
    pub fn link_end(&self, leg: Key) -> LinkEnd {
        LinkEnd { server: self.server, leg }
    }

    /// Links two calls of this server. Gives the ends that are theirs.
    pub fn link_pair(&mut self, call: Key, other: Key) -> (Key, Key) {
        let here = self.link_out(call);
        let there = self.link_in(other, here);
        let end = self.link_end(there);
        self.on_opened(here.leg, end);
        (here.leg, there)
    }

    /// Lets a link go without a word: whoever is at its far end is to hear from another user server.
    pub fn hand_on(&mut self, leg: Key) -> Option<LinkEnd> {
        let Machine::Link(link) = &self.arena.get(leg)?.machine else { return None };
        let far = link.far_end()?;
        self.remove(leg);
        Some(far)
    }

    /// Takes back a link of this server that nobody has used.
    pub fn unlink(&mut self, here: Key, there: Key) {
        self.remove(here);
        self.remove(there);
    }

    /// The half that a link asked for is there.
    pub fn on_opened(&mut self, leg: Key, peer: LinkEnd) {
        let Some(Leg { call, machine: Machine::Link(link), .. }) = self.arena.get_mut(leg) else {
            // It has ended while the other half moved from one user server to another.
            let word = LegWord::Cancel(Passage::default());
            return self.outbox.push(LinkMail { to: peer, word });
        };
        link.on_opened(peer, &mut self.outbox);
        if call.is_none() {
            self.remove(leg);
        }
    }

    /// The other half says something.
    pub fn on_mail(&mut self, mail: LinkMail) -> Option<Report> {
        let call = self.arena.get(mail.to.leg)?.call;
        if ends_link(&mail.word) {
            self.remove(mail.to.leg);
        }
        Some(Report { call: call?, leg: mail.to.leg, word: mail.word })
    }

    /// A call says something to one of its legs.
    pub fn say(&mut self, wire: &mut Wire<'_, '_>, key: Key, word: LegWord) -> Option<Report> {
        let leg = self.arena.get_mut(key)?;
        let turn = match &mut leg.machine {
            Machine::Uas(machine) => machine.say(wire, key, word),
            Machine::Uac(machine) => machine.say(wire, key, word),
            Machine::Confirmed(machine) => machine.say(wire, key, word),
            Machine::Link(link) => {
                let ends = ends_link(&word);
                link.say(word, &mut self.outbox);
                match (ends, link.is_open()) {
                    (false, _) => Turn::Stay,
                    (true, true) => Turn::End,
                    (true, false) => Turn::Orphan,
                }
            }
        };
        self.apply(key, turn)
    }

    /// The phone gives up an INVITE (the CANCEL itself has been answered).
    pub fn on_cancel(
        &mut self,
        wire: &mut Wire<'_, '_>,
        key: Key,
        invite: Key,
        cancel: &Message,
    ) -> Option<Report> {
        let turn = match &mut self.arena.get_mut(key)?.machine {
            Machine::Uas(machine) => machine.on_cancel(wire, cancel),
            Machine::Confirmed(machine) => machine.on_cancel(invite, cancel),
            Machine::Uac(_) | Machine::Link(_) => Turn::Stay,
        };
        self.apply(key, turn)
    }

    /// Our tag towards the phone.
    pub fn tag(&self, key: Key) -> Option<&[u8]> {
        match &self.arena.get(key)?.machine {
            Machine::Uas(machine) => Some(machine.tag()),
            Machine::Confirmed(machine) => Some(machine.dialog.local_tag()),
            Machine::Uac(_) | Machine::Link(_) => None,
        }
    }

    /// The flows of the dialog that a request names, if it is of this leg: where its phone is called, and
    /// where it asks from.
    pub fn flows_of(&self, key: Key, request: &Message) -> Option<[Flow; 2]> {
        match &self.arena.get(key)?.machine {
            Machine::Confirmed(machine) => machine.dialog.is_of(request).then(|| machine.dialog.flows()),
            Machine::Uas(machine) => machine.is_of(request).then(|| [machine.flow(); 2]),
            Machine::Uac(machine) => machine.dialog_of(request).map(Dialog::flows),
            Machine::Link(_) => None,
        }
    }

    /// Whether a request fits into the dialog of a leg; remembers its CSeq if it does.
    pub fn accept(&mut self, key: Key, request: &Message) -> Result<(), Misfit> {
        match self.arena.get_mut(key).map(|leg| &mut leg.machine) {
            Some(Machine::Confirmed(machine)) => machine.dialog.accept(request),
            Some(Machine::Uas(machine)) => machine.accept(request),
            Some(Machine::Uac(machine)) => machine.accept(request),
            Some(Machine::Link(_)) | None => Err(Misfit::Unknown),
        }
    }

    /// Whether a leg is with a phone that is to be spoken to over TLS only.
    pub fn is_sips(&self, key: Key) -> bool {
        match self.arena.get(key).map(|leg| &leg.machine) {
            Some(Machine::Confirmed(machine)) => machine.guise.sips,
            Some(Machine::Uas(machine)) => machine.guise.sips,
            Some(Machine::Uac(machine)) => machine.guise.sips,
            Some(Machine::Link(_)) | None => false,
        }
    }

    /// The call that a leg is of.
    pub fn call_of(&self, key: Key) -> Option<Key> {
        self.arena.get(key)?.call
    }

    /// A request inside the dialog of a leg, accepted.
    pub fn on_request(&mut self, wire: &mut Wire<'_, '_>, key: Key, asked: Asked) -> Option<Report> {
        let turn = match &mut self.arena.get_mut(key)?.machine {
            Machine::Confirmed(machine) => machine.on_request(wire, key, asked),
            Machine::Uas(machine) => machine.on_request(wire, key, asked),
            Machine::Uac(machine) => machine.on_request(wire, asked),
            Machine::Link(_) => return None,
        };
        self.apply(key, turn)
    }

    /// The ACK of a 2xx. `Err` if it belongs to no dialog of ours.
    pub fn on_ack(
        &mut self,
        wire: &mut Wire<'_, '_>,
        key: Key,
        ack: &Message,
    ) -> Result<Option<Report>, Misfit> {
        self.accept(key, ack)?;
        let Some(Machine::Confirmed(machine)) = self.arena.get_mut(key).map(|leg| &mut leg.machine) else {
            return Err(Misfit::Unknown);
        };
        let turn = machine.on_ack(wire, key, ack);
        Ok(self.apply(key, turn))
    }

    /// Whether a leg rings a phone that has not said anything, not even 100.
    pub fn is_silent(&self, wire: &Wire<'_, '_>, key: Key) -> bool {
        match self.arena.get(key).map(|leg| &leg.machine) {
            Some(Machine::Uac(machine)) => machine.is_silent(wire),
            Some(Machine::Uas(_) | Machine::Confirmed(_) | Machine::Link(_)) | None => false,
        }
    }

    /// A response to a request of a leg. An answer to a leg that is gone is acknowledged and ended:
    /// its phone believes to be in a call.
    pub fn on_response(
        &mut self,
        wire: &mut Wire<'_, '_>,
        key: Key,
        client: Key,
        response: &Arc<Message>,
    ) -> Option<Report> {
        let Some(leg) = self.arena.get_mut(key) else {
            send_away(wire, client, response, &Passage::default());
            return None;
        };
        let turn = match &mut leg.machine {
            Machine::Uac(machine) => machine.on_response(wire, key, client, response),
            Machine::Confirmed(machine) => machine.on_response(wire, key, client, response),
            Machine::Uas(machine) => machine.on_response(client, response),
            Machine::Link(_) => Turn::Stay,
        };
        self.apply(key, turn)
    }

    /// A request of a leg was not answered, or could not be sent.
    pub fn on_failed(
        &mut self,
        wire: &mut Wire<'_, '_>,
        key: Key,
        client: Key,
        status: u16,
    ) -> Option<Report> {
        let turn = match &mut self.arena.get_mut(key)?.machine {
            Machine::Uac(machine) => machine.on_failed(wire, client, status),
            Machine::Confirmed(machine) => machine.on_failed(wire, key, client, status),
            Machine::Uas(machine) => machine.on_failed(client, status),
            Machine::Link(_) => Turn::Stay,
        };
        self.apply(key, turn)
    }

    /// Whether a challenged request of a leg is still worth being sent again.
    pub fn wants_again(&self, key: Key, client: Key) -> bool {
        match self.arena.get(key).map(|leg| &leg.machine) {
            Some(Machine::Uac(machine)) => machine.wants_again(client),
            Some(Machine::Confirmed(_) | Machine::Uas(_)) => true,
            Some(Machine::Link(_)) | None => false,
        }
    }

    /// A challenged request of a leg was sent again.
    pub fn on_resent(&mut self, key: Key, old: Key, new: Key, cseq: u32) {
        match self.arena.get_mut(key).map(|leg| &mut leg.machine) {
            Some(Machine::Uac(machine)) => machine.on_resent(old, new, cseq),
            Some(Machine::Confirmed(machine)) => machine.on_resent(old, new, cseq),
            Some(Machine::Uas(machine)) => machine.on_resent(old, new, cseq),
            Some(Machine::Link(_)) | None => {}
        }
    }

    /// The INVITE of a leg goes to another server of its cluster.
    pub fn on_redirected(&mut self, key: Key, flow: Flow) {
        if let Some(Machine::Uac(machine)) = self.arena.get_mut(key).map(|leg| &mut leg.machine) {
            machine.on_redirected(flow);
        }
    }

    /// Where the requests of a leg go.
    pub fn flow_of(&self, key: Key) -> Option<Flow> {
        match &self.arena.get(key)?.machine {
            Machine::Uac(machine) => Some(machine.flow()),
            Machine::Confirmed(machine) => Some(machine.flow()),
            Machine::Uas(machine) => Some(machine.flow()),
            Machine::Link(_) => None,
        }
    }

    /// The other cluster that a leg is with, if it is with one.
    pub fn peer_of(&self, key: Key) -> Option<PeerId> {
        match &self.arena.get(key)?.machine {
            Machine::Confirmed(machine) => machine.dialog.peer(),
            Machine::Uac(machine) => machine.dialog.peer(),
            Machine::Uas(machine) => machine.peer.map(|(peer, _)| peer),
            Machine::Link(_) => None,
        }
    }

    /// A leg's timer fired.
    pub fn on_timer(&mut self, wire: &mut Wire<'_, '_>, key: Key, timer: LegTimer) -> Option<Report> {
        let turn = match (&mut self.arena.get_mut(key)?.machine, timer) {
            (Machine::Uas(machine), LegTimer::Minute) => machine.on_minute(wire, key),
            (Machine::Uas(machine), LegTimer::Expired) => machine.on_expired(wire),
            (Machine::Uas(machine), LegTimer::RepeatReliable) => machine.repeat_reliable(wire, key),
            (Machine::Uas(machine), LegTimer::NoPrack) => machine.on_no_prack(wire),
            (Machine::Uac(machine), LegTimer::Cancelled) => machine.on_out_of_patience(wire),
            (Machine::Confirmed(machine), timer) => machine.on_timer(wire, key, timer),
            (Machine::Uas(_) | Machine::Uac(_) | Machine::Link(_), _) => Turn::Stay,
        };
        self.apply(key, turn)
    }

    pub(super) fn apply(&mut self, key: Key, turn: Turn) -> Option<Report> {
        let leg = self.arena.get_mut(key)?;
        let (call, veil) = (leg.call, leg.veil);
        let (mut word, ends) = match turn {
            Turn::Stay => (None, false),
            Turn::Tell(word) => (Some(word), false),
            Turn::TellAndEnd(word) => (Some(word), true),
            Turn::End => (None, true),
            Turn::Orphan => {
                leg.call = None;
                (None, false)
            }
            Turn::TellAndOrphan(word) => {
                leg.call = None;
                (Some(word), false)
            }
            Turn::Confirm(confirmed, word) => {
                leg.machine = Machine::Confirmed(confirmed);
                (word, false)
            }
        };
        if ends {
            self.remove(key);
        } else {
            self.list(key);
        }
        if let (Some(word), Some(veil)) = (&mut word, veil) {
            word.hide(&veil);
        }
        Some(Report { call: call?, leg: key, word: word? })
    }

    fn insert(&mut self, call: Option<Key>, machine: Machine) -> Key {
        let key = self.arena.insert(Leg { call, veil: None, place: None, machine });
        self.list(key);
        key
    }

    fn remove(&mut self, key: Key) {
        if let Some(leg) = self.arena.remove(key) {
            self.places.moved(key, leg.place, None);
        }
        debug_assert!(!self.arena.is_empty() || self.places.is_empty(), "a list of legs that are gone");
    }

    /// Lists a leg under the flow that it is on now: a phone may come back by another one.
    pub(super) fn list(&mut self, key: Key) {
        let place = self.flow_of(key).map(Place::of);
        if let Some(leg) = self.arena.get_mut(key) {
            let before = std::mem::replace(&mut leg.place, place);
            self.places.moved(key, before, place);
        }
    }
}
