//! A call of others, on real sockets: whatever somebody else sends meanwhile, it has to go on.

use crate::loopback::{Link, accepted, prove, register, request};

/// Bob has called Anne, and both are on the phone.
pub(crate) struct Talk {
    sides: [Side; 2],
}

/// One end of it.
struct Side {
    link: Link,
    user: &'static str,
    /// Its own From and To, with their tags, and its Call-ID.
    dialog: [String; 3],
    /// Where its requests go.
    target: String,
    cseq: u32,
    /// What it has had already: a datagram may come twice.
    seen: Vec<String>,
}

const ANNE: &str = "sip:anne@north.test";
const SESSION: &str =
    "v=0\r\no=- 1 1 IN IP4 127.0.0.1\r\ns=-\r\nc=IN IP4 127.0.0.1\r\nt=0 0\r\nm=audio 9 RTP/AVP 8\r\n";

impl Talk {
    /// Anne registers, Bob calls her, and she answers.
    pub(crate) fn begin(mut bob: Link, mut anne: Link) -> Self {
        register(&mut anne, 1);
        let invite = |bob: &Link, cseq, proof: &str| {
            request("INVITE", bob, "bob", ANNE, cseq, proof, SESSION).replace("text/plain", "application/sdp")
        };
        let asked = invite(&bob, 1, "");
        let challenged = bob.ask(&asked);
        let proved = invite(&bob, 2, &prove(&challenged, "INVITE", "bob", ANNE));
        bob.send(&proved);
        let mut bob = Side::new(bob, "bob", ["From", "To", "Call-ID"].map(|name| header(&proved, name)));
        let called = anne.next();
        let [from, to, call_id] = ["To", "From", "Call-ID"].map(|name| header(&called, name));
        let mut anne = Side::new(anne, "anne", [format!("{from};tag=bob"), to, call_id]);
        anne.target = target(&called);
        anne.answers(&called);
        let answer = bob.takes("SIP/2.0 200 ", "INVITE");
        bob.dialog[1] = header(&answer, "To");
        bob.target = target(&answer);
        bob.says("ACK", 2, "");
        bob.cseq = 2;
        anne.takes("ACK ", "ACK");
        Self { sides: [bob, anne] }
    }

    /// Either side offers a new session, and the other takes it; either says something.
    pub(crate) fn goes_on(&mut self) {
        for turn in 0..2 {
            let [bob, anne] = &mut self.sides;
            let (one, other) = if turn == 0 { (bob, anne) } else { (anne, bob) };
            let cseq = one.asks("INVITE", SESSION);
            let offered = other.takes("INVITE ", "INVITE");
            other.answers(&offered);
            one.takes("SIP/2.0 200 ", "INVITE");
            one.says("ACK", cseq, "");
            other.takes("ACK ", "ACK");
            one.asks("INFO", "");
            let said = other.takes("INFO ", "INFO");
            other.answers(&said);
            one.takes("SIP/2.0 200 ", "INFO");
        }
    }

    /// It still goes on, until Bob hangs up, and both know.
    pub(crate) fn ends(mut self) {
        self.goes_on();
        let [bob, anne] = &mut self.sides;
        bob.asks("BYE", "");
        let bye = anne.takes("BYE ", "BYE");
        anne.answers(&bye);
        bob.takes("SIP/2.0 200 ", "BYE");
    }

    /// The server hangs up: the BYE of either side, answered.
    pub(crate) fn is_ended(self) -> [String; 2] {
        self.sides.map(|mut side| {
            let bye = side.takes("BYE ", "BYE");
            side.answers(&bye);
            bye
        })
    }
}

impl Side {
    fn new(link: Link, user: &'static str, dialog: [String; 3]) -> Self {
        Self { link, user, dialog, target: String::new(), cseq: 0, seen: Vec::new() }
    }

    /// The next message that begins so and is about this method; others are passed over, repeats too.
    fn takes(&mut self, start: &str, method: &str) -> String {
        loop {
            let message = self.link.next();
            let is_new = !self.seen.contains(&message);
            if is_new {
                self.seen.push(message.clone());
            }
            if is_new && message.starts_with(start) && header(&message, "CSeq").ends_with(method) {
                return message;
            }
        }
    }

    /// Sends its next request; gives its number.
    fn asks(&mut self, method: &str, body: &str) -> u32 {
        self.cseq += 1;
        self.says(method, self.cseq, body);
        self.cseq
    }

    fn says(&mut self, method: &str, cseq: u32, body: &str) {
        let text = request(method, &self.link, self.user, &self.target, cseq, "", body);
        let branch = format!("branch=z9hG4bK{}{method}{cseq}", self.user);
        let lines = text.split("\r\n").map(|line| match line.split_once(": ") {
            Some(("Via", via)) => {
                let (sent_by, _) = via.split_once("branch=").unwrap_or_default();
                format!("Via: {sent_by}{branch}")
            }
            Some(("From", _)) => format!("From: {}", self.dialog[0]),
            Some(("To", _)) => format!("To: {}", self.dialog[1]),
            Some(("Call-ID", _)) => format!("Call-ID: {}", self.dialog[2]),
            Some(("Content-Type", _)) => "Content-Type: application/sdp".to_owned(),
            _ => line.to_owned(),
        });
        self.link.send(&lines.collect::<Vec<_>>().join("\r\n"));
    }

    /// Agrees to a request, by a session if it has one.
    fn answers(&mut self, request: &str) {
        let contact = format!("Contact: <sip:{}@{}>\r\n", self.user, self.link.address());
        let (kind, body) = if request.starts_with("INVITE ") {
            ("Content-Type: application/sdp\r\n", SESSION)
        } else {
            ("", "")
        };
        let content = format!("{contact}{kind}Content-Length: {}", body.len());
        self.link.send(&(accepted(request).replace("Content-Length: 0", &content) + body));
    }
}

fn header(message: &str, name: &str) -> String {
    let line = message.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix(": "));
    line.unwrap_or_else(|| panic!("no {name} in {message}")).to_owned()
}

/// The URI of its Contact.
fn target(message: &str) -> String {
    let contact = header(message, "Contact");
    let (_, uri) = contact.split_once('<').unwrap();
    uri.split_once('>').unwrap().0.to_owned()
}
