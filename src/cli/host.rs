//! A server of this process, put together from its store, its sockets and its threads.

use std::io::{self, IsTerminal};
use std::net::SocketAddr;
use std::rc::Rc;
use std::sync::Arc;

use tokio::signal::unix::{SignalKind, signal};
use tokio::task::LocalSet;
use tracing_subscriber::EnvFilter;

use super::api::ApiOffice;
use super::failure::Failure;
use super::load::Loaded;
use super::output;
use crate::config::{Known, Settings};
use crate::effect::admin::{AdminReply, AdminRequest};
use crate::io::clock::Clock;
use crate::io::descriptors;
use crate::io::driver::{self, Handle, Observer, Running, World};
use crate::io::http::{
    self,
    server::{HttpError, HttpServer},
};
use crate::io::log_writer::{self, Flusher};
use crate::io::machine;
use crate::io::metrics::{Family, Watch};
use crate::io::socket::{AdminSocket, Operator};
use crate::io::store::{Store, StoreHandle};

/// What the nonces' key is derived for.
const NONCES: &str = "digest nonces";

/// A server that runs.
pub(super) struct Host {
    loaded: Loaded,
    settings: Arc<Settings>,
    running: Running,
    store: StoreHandle,
    socket: AdminSocket,
    watch: Arc<Watch>,
    http: Option<Http>,
    has_users: bool,
}

/// The HTTP server, and who answers there.
struct Http {
    address: SocketAddr,
    server: HttpServer,
    office: Arc<ApiOffice>,
}

impl Host {
    /// Starts everything or nothing: files are read first, then the store is opened, then the
    /// listeners; only then are threads started.
    pub(super) fn start(loaded: Loaded, observer: Arc<dyn Observer>) -> Result<Self, Failure> {
        descriptors::raise();
        let offered = loaded.offered()?;
        let store = Store::open(&loaded.config.store, &loaded.config.cid)?;
        let has_users = store.has_users();
        let settings = loaded.config.settings(Known {
            key: store.derive_key(NONCES),
            epoch: store.epoch(),
            default_profile: offered.default,
            addresses: &machine::addresses(),
            processors: machine::processors(),
        });
        let opened = driver::open(settings)?;
        let http = loaded.config.http.map(http::server::open).transpose()?;
        let socket = AdminSocket::bind(&loaded.config.store.socket())?;
        let settings = Arc::clone(opened.settings());
        let answers = opened.answers();
        let store =
            store.start(&settings.limits, Arc::new(move |server, owed| answers.give(server, owed)))?;
        let world = World { clock: Clock::start(), store: Arc::new(store.clone()), observer };
        let started = driver::run(opened, &world).map_err(Failure::from).and_then(|running| {
            let (place, cid) = (loaded.config.store.clone(), loaded.config.cid.clone());
            let watch = Arc::new(Watch::new(running.handle().clone(), store.clone(), place, cid));
            let http = http.map(|opened| Http::start(opened, &loaded, &settings, &running, &watch));
            Ok((running, watch, http.transpose()?))
        });
        match started {
            Ok((running, watch, http)) => {
                bound(running.handle(), http.as_ref());
                Ok(Self { loaded, settings, running, store, socket, watch, http, has_users })
            }
            Err(failure) => {
                store.close();
                Err(failure)
            }
        }
    }

    /// What it serves by.
    pub(super) fn settings(&self) -> &Settings {
        &self.settings
    }

    /// Whether anybody can be called here.
    pub(super) fn has_users(&self) -> bool {
        self.has_users
    }

    /// Where it listens for HTTP, if it does.
    pub(super) fn http(&self) -> Option<SocketAddr> {
        self.http.as_ref().map(|http| http.address)
    }

    /// Says `ready` and serves until a signal ends it.
    pub(super) fn run(self) -> Result<(), Failure> {
        let Self { loaded, settings, running, store, socket, watch, http, .. } = self;
        let runtime = tokio::runtime::Builder::new_current_thread()
            .enable_all()
            .build()
            .map_err(|source| Failure::System { what: "the server cannot wait for signals", source })?;
        let (handle, store_handle) = (running.handle().clone(), store.clone());
        let operating = Rc::new(Operating { loaded, settings, handle, store: store_handle, watch, http });
        let ended = LocalSet::new().block_on(&runtime, async {
            // In this order: whoever reads `ready` may send a signal at once, and it is heard.
            tokio::select! {
                biased;
                ended = running.until_signal() => ended.map_err(Failure::from),
                served = socket.serve(Rc::clone(&operating)) => served.map_err(Failure::from),
                reloaded = operating.reload_on_signal() => reloaded,
                never = say_ready() => match never {},
            }
        });
        // Whoever is being answered by HTTP is answered to the end, as far as that is soon.
        drop(operating);
        // What the threads have asked until their end is written before the store closes.
        store.close();
        ended
    }
}

impl Http {
    fn start(
        opened: http::server::Opened,
        loaded: &Loaded,
        settings: &Settings,
        running: &Running,
        watch: &Arc<Watch>,
    ) -> Result<Self, HttpError> {
        let address = opened.address();
        let servers = usize::from(settings.servers);
        let office =
            Arc::new(ApiOffice::new(loaded.clone(), running.handle().clone(), Arc::clone(watch), servers));
        let server = opened.serve(&settings.limits, Arc::clone(&office))?;
        Ok(Self { address, server, office })
    }
}

/// Leaves the system some descriptors for what is no connection.
fn bound(handle: &Handle, http: Option<&Http>) {
    let room = descriptors::room();
    handle.bound_streams(room.streams);
    if let Some(http) = http {
        http.server.bound(room.http);
    }
}

/// Tells that every listener is open, and leaves it at that.
async fn say_ready() -> std::convert::Infallible {
    output::line("ready");
    std::future::pending().await
}

/// Lets the event log run, to standard error, for as long as what is given back is held.
/// `RATATOSK_LOG` says what is told, as `tracing` filters it: `warn`, `debug`, `ratatosk=trace`.
pub(super) fn log_events(usual: &str) -> Result<Flusher, Failure> {
    let fail = |source| Failure::System { what: "the event log cannot be written", source };
    let (writer, flusher) = log_writer::start().map_err(fail)?;
    let filter = EnvFilter::try_from_env("RATATOSK_LOG").unwrap_or_else(|_| EnvFilter::new(usual));
    let colours = io::stderr().is_terminal();
    let log = tracing_subscriber::fmt().with_env_filter(filter).with_writer(writer).with_ansi(colours);
    // Another log is there only if the program runs inside a test.
    let _ = log.with_target(false).try_init();
    Ok(flusher)
}

/// What the socket and the signals ask of the server.
struct Operating {
    loaded: Loaded,
    settings: Arc<Settings>,
    handle: Handle,
    store: StoreHandle,
    watch: Arc<Watch>,
    http: Option<Http>,
}

impl Operating {
    async fn reload_on_signal(&self) -> Result<(), Failure> {
        let fail = |source| Failure::System { what: "signals cannot be listened for", source };
        let mut hangup = signal(SignalKind::hangup()).map_err(fail)?;
        while hangup.recv().await.is_some() {
            match self.reload().await {
                Ok(done) => tracing::info!("{done}"),
                Err(why) => tracing::error!("the configuration was not read again: {why}"),
            }
        }
        Ok(())
    }

    /// The settings of the new file, with what cannot change as it is; and whether the file wants
    /// that changed.
    fn read_again(&self) -> Result<(Loaded, Settings, bool), Failure> {
        let loaded = self.loaded.again()?;
        let offered = loaded.offered()?;
        let (old, new) = (&self.loaded.config, &loaded.config);
        let needs_restart = old.cid != new.cid
            || old.store != new.store
            || old.listeners != new.listeners
            || old.http != new.http
            || old.threads != new.threads;
        let known = Known {
            key: self.settings.key,
            epoch: self.settings.epoch,
            default_profile: offered.default,
            addresses: &machine::addresses(),
            processors: machine::processors(),
        };
        let read = new.settings(known);
        let settings = Settings {
            cid: self.settings.cid.clone(),
            listeners: self.settings.listeners.clone(),
            servers: self.settings.servers,
            ..read
        };
        Ok((loaded, settings, needs_restart))
    }
}

impl Operator for Operating {
    async fn ask(&self, request: AdminRequest) -> Vec<AdminReply> {
        self.handle.admin(request).await
    }

    async fn figures(&self) -> Vec<Family> {
        self.watch.families().await
    }

    async fn reload(&self) -> Result<String, String> {
        let (loaded, settings, needs_restart) =
            self.read_again().map_err(|failure| output::plain(&failure))?;
        // Before anything is taken from the file: a certificate that is of no use changes nothing.
        self.handle.reload_certificates(&settings).map_err(|error| error.to_string())?;
        self.store.limit(&settings.limits);
        if let Some(http) = &self.http {
            http.server.configure(&settings.limits);
            http.office.configure(loaded.in_place_of(&self.loaded));
        }
        self.handle.admin(AdminRequest::Configure(Arc::new(settings))).await;
        let mut done = "the configuration and the trees were read again".to_owned();
        if needs_restart {
            done += "; the cluster, the store, the listeners and the threads change at the next start";
        }
        Ok(done)
    }
}
