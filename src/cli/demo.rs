//! `ratatosk demo`: a whole cluster on this machine, and what happens on it, line by line.

use std::collections::{BTreeMap, VecDeque};
use std::fs::{self, DirBuilder};
use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::os::unix::fs::DirBuilderExt;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex};

use clap::Args;

use super::failure::Failure;
use super::host::Host;
use super::load::{Loaded, block_on};
use super::{host, output, token};
use crate::base::{Rng, ServerIndex, Uid};
use crate::config::{Algorithm, Config, HTTP_PORT, Listen, Listener, Place, Sources};
use crate::effect::fact::PageRecord;
use crate::effect::{Fact, Transport};
use crate::io::clock;
use crate::io::entropy::entropy;
use crate::io::event_log;
use crate::io::store::{NewUser, Opening, Scope};

/// The store, in the demo's own directory.
const DATABASE: &str = "demo.db";
/// Who lives there.
const USERS: [(&str, &str); 3] = [("anne", "Anne"), ("carl", "Carl"), ("william", "William")];

#[derive(Debug, Args)]
pub(super) struct Demo {
    /// The address to listen on, for phones on other machines.
    #[arg(long, value_name = "IP", default_value_t = IpAddr::V4(Ipv4Addr::LOCALHOST))]
    address: IpAddr,
    /// The port, for UDP and TCP.
    #[arg(long, default_value_t = 5060)]
    port: u16,
    /// The port of the HTTP API, on this machine only; 0 takes any.
    #[arg(long, value_name = "PORT", default_value_t = HTTP_PORT)]
    http_port: u16,
    /// The password of all users. Without it each gets one of his own.
    #[arg(long, value_name = "P")]
    password: Option<String>,
}

impl Demo {
    pub(super) fn run(self) -> Result<(), Failure> {
        let _log = host::log_events("warn")?;
        let home = Home::make()?;
        let loaded = self.loaded(&home.path)?;
        let passwords = self.make_users(&loaded)?;
        let token = token::add(&loaded, "demo", Scope::All)?;
        let narrator = Narrator::default();
        let observer = move |server: ServerIndex, fact: &Fact| {
            event_log::log(server, fact);
            if let Some(line) = narrator.tell(fact) {
                output::line(format_args!("{}  {line}", time()));
            }
        };
        let host = Host::start(loaded, Arc::new(observer)).map_err(for_demo)?;
        welcome(&host.settings().listeners, &passwords);
        // A path without anything that a shell would take for its own.
        output::line(format_args!(
            "From another shell, `ratatosk calls`, `ratatosk tree …` and the others ask this cluster after\n\n  \
             export RATATOSK_STORE_URL=sqlite://{}\n",
            home.path.join(DATABASE).display()
        ));
        if let Some(address) = host.http() {
            output::line(format_args!(
                "Programs ask it by HTTP; `/openapi.json` describes what:\n\n  \
                 curl -H 'Authorization: Bearer {token}' http://{address}/v1/users\n"
            ));
        }
        host.run()
    }

    fn loaded(&self, home: &Path) -> Result<Loaded, Failure> {
        let nothing = BTreeMap::new();
        let built_in = Sources {
            name: "the built-in defaults",
            text: "",
            directory: home,
            environment: &nothing,
            read: &|path| fs::read_to_string(path),
            resolve: None,
        };
        let address = SocketAddr::new(self.address, self.port);
        let listen = |transport| Listen::plain(transport, address);
        let config = Config {
            store: Place::new(home.join(DATABASE)),
            listeners: vec![listen(Transport::Udp), listen(Transport::Tcp)],
            http: Some(SocketAddr::new(IpAddr::V4(Ipv4Addr::LOCALHOST), self.http_port)),
            open_metrics: false,
            // Some phones refuse a challenge that holds SHA-256.
            digest: vec![Algorithm::Md5],
            ..Config::read(&built_in)?
        };
        Ok(Loaded::built_in(config))
    }

    fn make_users(&self, loaded: &Loaded) -> Result<Vec<(Uid, String)>, Failure> {
        let seed = entropy().map_err(|error| Failure::Start(error.into()))?;
        let mut rng = Rng::from_entropy(seed);
        block_on(async {
            let mut database = loaded.database(Opening::Create).await?;
            let mut made = Vec::new();
            for (user, name) in USERS {
                let uid = loaded.uid(user)?;
                let password = self.password.clone().unwrap_or_else(|| draw_password(&mut rng));
                let user = NewUser {
                    uid: uid.clone(),
                    password: Some(password.clone()),
                    name: Some(name.into()),
                    numbers: Vec::new(),
                    account: None,
                };
                database.add_user(&user).await?;
                made.push((uid, password));
            }
            database.close().await?;
            Ok(made)
        })
    }
}

/// The way out of a taken port is another than that of a server with a file.
fn for_demo(failure: Failure) -> Failure {
    if let Failure::Open(error) = failure {
        Failure::DemoOpen(error)
    } else if let Failure::Http(error) = failure {
        Failure::DemoHttp(error)
    } else {
        failure
    }
}

/// Eight letters and digits that are not taken for one another: 40 bits.
fn draw_password(rng: &mut Rng) -> String {
    const LETTERS: &[u8; 32] = b"abcdefghjkmnpqrstuvwxyz23456789x";
    let letter = |rng: &mut Rng| {
        let at = usize::try_from(rng.below(32)).unwrap_or(0);
        LETTERS.get(at).map_or('x', |letter| char::from(*letter))
    };
    (0..8).map(|_| letter(rng)).collect()
}

fn welcome(listeners: &[Listener], passwords: &[(Uid, String)]) {
    let server = listeners.first().map_or("", |listener| listener.advertise.as_str());
    output::line("A cluster of one machine, `localhost`, with three users:\n");
    for (uid, password) in passwords {
        output::line(format_args!("  sip:{:<20} user {:<8} password {password}", uid.as_str(), uid.user()));
    }
    output::line(format_args!(
        "\nIn a softphone, make an account with one of these users: domain `localhost`,\n\
         outbound proxy {server}, by UDP or TCP. With baresip, a line of\n\
         ~/.baresip/accounts:\n"
    ));
    if let Some((uid, password)) = passwords.first() {
        let user = uid.user();
        output::line(format_args!(
            "  <sip:{uid}>;auth_user={user};auth_pass={password};outbound=\"sip:{server}\""
        ));
    }
    output::line(format_args!(
        "\nA phone that knows no outbound proxy takes {server} as its domain.\n\n\
         Register two of them and let one call the other: `sip:carl@localhost`, or\n\
         `sip:carl@{server}` where the proxy is not set. Each line below is a\n\
         registration, a page or a call, with the rule of the routing tree that decided\n\
         it. Ctrl-C ends it.\n"
    ));
}

fn time() -> String {
    let now = output::moment(clock::wall_ms());
    now.rsplit_once(' ').map_or(String::new(), |(_, time)| time.to_owned())
}

/// Tells facts as lines for people.
#[derive(Default)]
struct Narrator {
    /// Pages whose incoming half was told: their outgoing half says nothing new.
    told: Mutex<VecDeque<String>>,
}

impl Narrator {
    fn tell(&self, fact: &Fact) -> Option<String> {
        Some(match fact {
            Fact::Registered { renewed: true, .. } | Fact::Dropped(_) | Fact::TurnedAway => return None,
            Fact::Decided { .. } | Fact::Limit(_) => return None,
            Fact::Registered { uid, via, expires_s, .. } => {
                format!("registered    {uid} at {via} for {expires_s} s")
            }
            Fact::Unregistered { uid, contact, why } => format!("unregistered  {uid} {contact} ({why})"),
            Fact::Flow { uid, via, works: false } => format!("lost          {uid} at {via} does not answer"),
            Fact::Flow { uid, via, works: true } => format!("found         {uid} at {via} answers again"),
            Fact::Pushed { uid, pushed, .. } => format!("waking        {uid}: {pushed:?}"),
            Fact::WrongPassword { account, source, .. } => {
                format!("wrong password for {account} from {source}")
            }
            Fact::NeverAnswers { account, source } => {
                format!("{account} at {source} never answers its challenge: is the password set?")
            }
            Fact::CallRouted { owner, caller, callee, mode, rule, .. } => {
                format!("call          {caller} to {callee}, {mode}: the tree of {owner} says {rule}")
            }
            Fact::CallAnswered { owner, .. } => format!("answered      {owner}"),
            Fact::CallEnded(record) if record.direction == "incoming" => return None,
            // A demo is a cluster alone.
            Fact::PeerUp { .. }
            | Fact::PeerDown { .. }
            | Fact::SecretRefused { .. }
            | Fact::CertificateRefused { .. }
            | Fact::NoRenewals { .. }
            | Fact::PhoneCertificate { .. }
            | Fact::CertificateFault { .. }
            | Fact::WrongSecret { .. }
            | Fact::PageSettled { .. } => return None,
            Fact::Noted { owner, text, .. } => format!("log           {owner}: {text}"),
            Fact::CallEnded(record) => {
                let (caller, callee) = (&record.caller, &record.callee);
                format!("call ended    {caller} to {callee}: {} {}", record.status, record.end)
            }
            Fact::Page(page) => return self.tell_page(page),
            Fact::InboxDelivered { uid, sender, .. } => {
                format!("page          {sender} to {uid}: delivered from the inbox")
            }
            Fact::InboxRefused { uid, sender, status, .. } => {
                format!("page          {sender} to {uid}: stays in the inbox, the phone says {status}")
            }
        })
    }

    fn tell_page(&self, page: &PageRecord) -> Option<String> {
        let mut told = self.told.lock().ok()?;
        if page.direction == "outgoing" && told.contains(&page.id) {
            return None;
        }
        told.push_back(page.id.clone());
        if told.len() > 64 {
            told.pop_front();
        }
        let PageRecord { sender, recipient, status, owner, rule, how, .. } = page;
        let stored = if *how == "inbox" { ", stored in the inbox" } else { "" };
        Some(format!(
            "page          {sender} to {recipient}: {status}{stored}; the tree of {owner} says {rule}"
        ))
    }
}

/// The demo's directory, which goes with it.
struct Home {
    path: PathBuf,
}

impl Home {
    fn make() -> Result<Self, Failure> {
        let path = std::env::temp_dir().join(format!("ratatosk-demo-{}", std::process::id()));
        // One that is left from a killed demo of the same number holds nothing of use.
        let _ = fs::remove_dir_all(&path);
        match DirBuilder::new().mode(0o700).create(&path) {
            Ok(()) => Ok(Self { path }),
            Err(source) => Err(Failure::Write { path, source }),
        }
    }
}

impl Drop for Home {
    fn drop(&mut self) {
        // A temporary directory that stays is not worth a word.
        let _ = fs::remove_dir_all(&self.path);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_page_that_is_stored_says_so() {
        let half = |direction, how, owner: &str| {
            Fact::Page(Arc::new(PageRecord {
                id: "p1".into(),
                direction,
                owner: Uid::parse(owner).unwrap(),
                sender: "anne@localhost".into(),
                recipient: "carl@localhost".into(),
                at_ms: 0,
                status: 202,
                how,
                rule: "default:4 else -> inbox".into(),
                path: String::new(),
                question: String::new(),
            }))
        };
        let narrator = Narrator::default();
        assert_eq!(
            narrator.tell(&half("incoming", "inbox", "carl@localhost")).unwrap(),
            "page          anne@localhost to carl@localhost: 202, stored in the inbox; the tree of carl@localhost \
             says default:4 else -> inbox"
        );
        assert_eq!(narrator.tell(&half("outgoing", "user", "anne@localhost")), None);
    }
}
