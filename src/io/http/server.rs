//! Takes HTTP connections in, within the limits, on a thread of its own.

use std::io;
use std::net::{SocketAddr, TcpListener as StdListener};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread::{self, JoinHandle};
use std::time::Duration;

use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::rt::{TokioIo, TokioTimer};
use tokio::net::{TcpListener, TcpStream};
use tokio::runtime::Builder;
use tokio::sync::oneshot;
use tokio::task::LocalSet;
use tokio::time::sleep;

use super::exchange::exchange;
use super::stall::Impatient;
use super::words::Office;
use crate::base::Limits;
use crate::io::descriptors::Complaint;
use crate::io::net::quota::{Permit, Quota};

/// An open listener of which nobody has been taken in yet.
#[derive(Debug)]
pub struct Opened {
    listener: StdListener,
    address: SocketAddr,
}

/// A server that runs. Dropping it ends it.
#[derive(Debug)]
pub struct HttpServer {
    shared: Arc<Shared>,
    stop: Option<oneshot::Sender<()>>,
    thread: Option<JoinHandle<()>>,
}

#[derive(Debug)]
struct Shared {
    limits: Mutex<Arc<Limits>>,
    quota: Arc<Quota>,
}

/// Why there is no HTTP server.
#[derive(Debug, thiserror::Error)]
pub enum HttpError {
    /// Its address cannot be had.
    #[error("http {address} cannot be opened: {source}")]
    Open {
        /// The address.
        address: SocketAddr,
        /// Why.
        source: io::Error,
    },
    /// There is no thread for it.
    #[error("the HTTP server cannot be started: {0}")]
    Thread(io::Error),
}

/// Opens a listener.
pub fn open(address: SocketAddr) -> Result<Opened, HttpError> {
    let fail = |source| HttpError::Open { address, source };
    let listener = StdListener::bind(address).map_err(fail)?;
    listener.set_nonblocking(true).map_err(fail)?;
    let address = listener.local_addr().map_err(fail)?;
    Ok(Opened { listener, address })
}

impl Opened {
    /// Where it listens: a port that was given as 0 is the one it got.
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// Takes everybody in from now on.
    pub fn serve(self, limits: &Limits, office: Arc<impl Office>) -> Result<HttpServer, HttpError> {
        let quota = Arc::new(Quota::of(limits.http_connections, limits.http_connections_per_source));
        let shared = Arc::new(Shared { limits: Mutex::new(Arc::new(limits.clone())), quota });
        let (stop, stopped) = oneshot::channel();
        let workers = usize::from(limits.http_workers.max(1));
        let runtime = Builder::new_current_thread()
            .enable_all()
            .max_blocking_threads(workers)
            .thread_name("http-work")
            .build()
            .map_err(HttpError::Thread)?;
        let served = Arc::clone(&shared);
        let run = move || {
            let work = accept(self.listener, office, served);
            LocalSet::new().block_on(&runtime, async {
                tokio::select! {
                    // An error, or an end: nobody is left who could say stop.
                    _ = stopped => {}
                    ended = work => if let Err(error) = ended {
                        tracing::error!(%error, "the HTTP server takes nobody in any more");
                    }
                }
            });
            runtime.shutdown_timeout(FAREWELL);
        };
        let thread = thread::Builder::new().name("http".into()).spawn(run).map_err(HttpError::Thread)?;
        Ok(HttpServer { shared, stop: Some(stop), thread: Some(thread) })
    }
}

impl HttpServer {
    /// The system lets it have so many connections at once, whatever the limits say.
    pub fn bound(&self, room: u32) {
        self.shared.quota.bound(room);
    }

    /// Serves by these limits from now on. How many work at once stays as it is.
    pub fn configure(&self, limits: &Limits) {
        *self.shared.limits.lock().unwrap_or_else(PoisonError::into_inner) = Arc::new(limits.clone());
        self.shared.quota.set(limits.http_connections, limits.http_connections_per_source);
    }
}

impl Drop for HttpServer {
    fn drop(&mut self) {
        drop(self.stop.take());
        if let Some(thread) = self.thread.take() {
            // Its panic, if there was one, has been told.
            let _ = thread.join();
        }
    }
}

/// What is being done at the end has so long to come to its own.
const FAREWELL: Duration = Duration::from_secs(2);

async fn accept(listener: StdListener, office: Arc<impl Office>, shared: Arc<Shared>) -> io::Result<()> {
    let listener = TcpListener::from_std(listener)?;
    let mut complaint = Complaint::default();
    loop {
        match listener.accept().await {
            Ok((stream, far)) => {
                complaint.settle();
                let permit = match shared.quota.admit(far.ip()) {
                    Ok(permit) => permit,
                    Err(full) => {
                        tracing::debug!(?full, "too many HTTP connections: one was closed");
                        continue;
                    }
                };
                let limits = Arc::clone(&shared.limits.lock().unwrap_or_else(PoisonError::into_inner));
                tokio::task::spawn_local(attend(stream, permit, Arc::clone(&office), limits));
            }
            Err(error) => {
                complaint.tell("HTTP", &error);
                sleep(Duration::from_secs(1)).await;
            }
        }
    }
}

/// Serves one connection to its end.
async fn attend(stream: TcpStream, permit: Permit, office: Arc<impl Office>, limits: Arc<Limits>) {
    // An answer is written as a whole: there is nothing to wait for.
    let _ = stream.set_nodelay(true);
    let stream = Impatient::new(stream, Duration::from_secs(limits.stall_s.into()));
    let head_bytes = usize::try_from(limits.http_head_bytes).unwrap_or(usize::MAX).max(HEAD_LEAST);
    let head_time = Duration::from_secs(limits.http_head_s.into());
    let service = service_fn(|request| {
        let answer = exchange(request, Arc::clone(&office), Arc::clone(&limits));
        async move { Ok::<_, std::convert::Infallible>(answer.await) }
    });
    let served = http1::Builder::new()
        .timer(TokioTimer::new())
        .header_read_timeout(head_time)
        .max_buf_size(head_bytes)
        .serve_connection(TokioIo::new(stream), service)
        .await;
    if let Err(error) = served {
        tracing::debug!(%error, "an HTTP connection broke off");
    }
    drop(permit);
}

/// The library reads in pieces no smaller than that.
const HEAD_LEAST: usize = 8_192;
