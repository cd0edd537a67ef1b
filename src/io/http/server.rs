//! Takes HTTP connections in, within the limits, on a thread of its own.

use std::io;
use std::net::{SocketAddr, TcpListener as StdListener};
use std::pin::pin;
use std::sync::{Arc, Mutex, PoisonError};
use std::thread::{self, JoinHandle};
use std::time::Duration;

use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::rt::{TokioIo, TokioTimer};
use tokio::net::{TcpListener, TcpStream};
use tokio::runtime::Builder;
use tokio::sync::{oneshot, watch};
use tokio::task::{JoinSet, LocalSet};
use tokio::time::{sleep, timeout};

use super::exchange::exchange;
use super::stall::Impatient;
use super::turns::Turns;
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
            .max_blocking_threads(workers + AT_THE_GATE)
            .thread_name("http-work")
            .build()
            .map_err(HttpError::Thread)?;
        let (served, turns) = (Arc::clone(&shared), Arc::new(Turns::new(workers)));
        let run = move || {
            let work = accept(self.listener, (office, turns), served, stopped);
            if let Err(error) = LocalSet::new().block_on(&runtime, work) {
                tracing::error!(%error, "the HTTP server takes nobody in any more");
            }
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

/// Threads that are never worked on: who may come in, and whether the server is well, is soon said.
const AT_THE_GATE: usize = 2;

/// Takes everybody in until it is told to stop; then whoever is being answered is answered to the end.
async fn accept<O: Office>(
    listener: StdListener,
    (office, turns): (Arc<O>, Arc<Turns>),
    shared: Arc<Shared>,
    mut stopped: oneshot::Receiver<()>,
) -> io::Result<()> {
    let listener = TcpListener::from_std(listener)?;
    let mut complaint = Complaint::default();
    let (stop, stopping) = watch::channel(false);
    let mut connections = JoinSet::new();
    loop {
        let accepted = tokio::select! {
            // An error, or an end: nobody is left who could say stop.
            _ = &mut stopped => break,
            Some(_) = connections.join_next() => continue,
            accepted = listener.accept() => accepted,
        };
        match accepted {
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
                let asked = (Arc::clone(&office), Arc::clone(&turns));
                connections.spawn_local(attend(stream, permit, asked, limits, stopping.clone()));
            }
            Err(error) => {
                complaint.tell("HTTP", &error);
                sleep(Duration::from_secs(1)).await;
            }
        }
    }
    drop(listener);
    stop.send_replace(true);
    let ended = async { while connections.join_next().await.is_some() {} };
    // Who takes longer is cut off.
    let _ = timeout(FAREWELL, ended).await;
    Ok(())
}

/// Serves one connection to its end.
async fn attend<O: Office>(
    stream: TcpStream,
    permit: Permit,
    asked: (Arc<O>, Arc<Turns>),
    limits: Arc<Limits>,
    mut stopping: watch::Receiver<bool>,
) {
    // An answer is written as a whole: there is nothing to wait for.
    let _ = stream.set_nodelay(true);
    let stream = Impatient::new(stream, Duration::from_secs(limits.stall_s.into()));
    let head_bytes = usize::try_from(limits.http_head_bytes).unwrap_or(usize::MAX).max(HEAD_LEAST);
    let head_time = Duration::from_secs(limits.http_head_s.into());
    let service = service_fn(|request| {
        let answer = exchange(request, asked.clone(), Arc::clone(&limits));
        async move { Ok::<_, std::convert::Infallible>(answer.await) }
    });
    let connection = http1::Builder::new()
        .timer(TokioTimer::new())
        .header_read_timeout(head_time)
        .max_buf_size(head_bytes)
        .serve_connection(TokioIo::new(stream), service);
    let mut connection = pin!(connection);
    let served = tokio::select! {
        served = connection.as_mut() => served,
        _ = stopping.changed() => {
            connection.as_mut().graceful_shutdown();
            connection.await
        }
    };
    if let Err(error) = served {
        tracing::debug!(%error, "an HTTP connection broke off");
    }
    drop(permit);
}

/// The library reads in pieces no smaller than that.
const HEAD_LEAST: usize = 8_192;
