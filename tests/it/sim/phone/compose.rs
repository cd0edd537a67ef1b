//! What a phone writes: its headers, its session descriptions.

use ratatosk::effect::Transport;

use super::{Path, Phone};
use crate::sim::text::Draft;

/// Which way media flows, as the phone writes it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Media {
    /// Both ways.
    Both,
    /// It holds the other side.
    Send,
    /// It is held.
    Receive,
}

impl Media {
    /// What answers this.
    pub fn of_offer(body: &str) -> Self {
        if body.contains("a=sendonly") || body.contains("a=inactive") { Self::Receive } else { Self::Both }
    }

    const fn line(self) -> &'static str {
        match self {
            Self::Both => "a=sendrecv",
            Self::Send => "a=sendonly",
            Self::Receive => "a=recvonly",
        }
    }
}

impl Phone {
    /// The phone's own Via.
    pub(super) fn via(&self, path: Path, branch: &str) -> String {
        let transport = match self.transport {
            // A stream that a server has opened to it.
            Transport::Udp if self.is_reliable(path) => Transport::Tcp,
            own => own,
        };
        let transport = transport.as_via();
        format!("SIP/2.0/{transport} {};rport;branch={branch}", self.local)
    }

    /// The phone's own Contact URI.
    pub(super) fn contact(&self) -> String {
        let address = format!("{}c@{}", self.mark, self.local);
        let uri = match self.transport {
            _ if self.sips => format!("sips:{address}"),
            Transport::Udp => format!("sip:{address}"),
            stream => format!("sip:{address};transport={}", stream.as_param()),
        };
        match &self.provider {
            Some(provider) => format!("{uri};pn-provider={provider};pn-prid={};pn-param=p", self.prid()),
            None => uri,
        }
    }

    /// Who it is.
    pub(super) fn identity(&self) -> String {
        format!("sip:{}@{}", self.user, self.realm)
    }

    /// A user of its own cluster by name, one of another by his UID, or a whole URI as it is.
    pub(super) fn address(&self, to: &str) -> String {
        match (to.contains(':'), to.contains('@')) {
            (true, _) => to.to_owned(),
            (false, true) => format!("sip:{to}"),
            (false, false) => format!("sip:{to}@{}", self.realm),
        }
    }

    /// A request outside of any dialog, with a Call-ID and tag of its own.
    pub(super) fn outside(&mut self, method: &str, uri: &str, to: &str) -> Draft {
        let (tag, call_id) = (self.mint(), self.mint());
        let mut draft = Draft::request(method, uri);
        draft.add("Max-Forwards", "70");
        draft.add("From", format!("<{}>;tag={tag}", self.identity()));
        draft.add("To", format!("<{to}>"));
        draft.add("Call-ID", format!("{call_id}@{}", self.local.ip()));
        draft.add("CSeq", format!("{} {method}", 1 + self.serial % 900));
        self.sign(&mut draft);
        draft
    }

    /// The headers by which one would know the phone, which nobody else is to see.
    pub(super) fn sign(&self, draft: &mut Draft) {
        draft.add("User-Agent", format!("phone {}", self.mark));
        draft.add("X-Secret", format!("serial {}", self.mark));
        draft.add("Warning", format!("399 {} \"{}\"", self.local, self.mark));
        draft.add("Organization", format!("home of {}", self.mark));
        draft.add("Reply-To", format!("<sip:{}@{}>", self.mark, self.local.ip()));
        draft.add("Call-Info", format!("<http://{}/{}>;purpose=icon", self.local.ip(), self.mark));
        draft.add("In-Reply-To", format!("{}@{}", self.mark, self.local.ip()));
    }

    /// A session description, with all that it may tell of its author.
    pub(super) fn sdp(&self, version: u32, media: Media) -> String {
        let (ip, mark) = (self.local.ip(), &self.mark);
        let mut text = format!(
            "v=0\r\no={mark} {} {version} IN IP4 {ip}\r\ns=of {mark}\r\ni={mark}\r\ne={mark}@{ip}\r\np={mark}\r\n\
             c=IN IP4 {ip}\r\nt=0 0\r\na=tool:{mark}\r\nm=audio {} RTP/AVP 0 8\r\ni={mark}\r\n{}\r\n",
            self.serial,
            20_000 + u32::from(self.local.port() % 1000),
            media.line()
        );
        if self.padding > 0 {
            text.push_str("a=x-padding:");
            text.extend(std::iter::repeat_n('x', self.padding));
            text.push_str("\r\n");
        }
        text
    }
}
