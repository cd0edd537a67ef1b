//! One request: who may come in is asked first, then its body is read, then it is done.

use std::convert::Infallible;
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::task::{Context, Poll, ready};
use std::time::Duration;

use bytes::Bytes;
use http_body_util::{BodyExt, Full, LengthLimitError, Limited};
use hyper::body::{Body, Frame, Incoming, SizeHint};
use hyper::header::{CACHE_CONTROL, CONNECTION, CONTENT_TYPE, EXPECT, HeaderValue};
use hyper::http::request::Parts;
use hyper::{Request, Response, StatusCode};
use serde_json::Value;
use tokio::sync::mpsc::error::TrySendError;
use tokio::sync::{OwnedSemaphorePermit, mpsc};
use tokio::task::{JoinError, spawn_blocking, spawn_local};
use tokio::time::timeout;

use super::problem::Problem;
use super::turns::Turns;
use super::words::{Office, Reply};
use crate::base::Limits;

/// The media type of lines of JSON.
pub const LINES: &str = "application/x-ndjson";
/// Lines that may wait for whoever reads them.
const LINES_HELD: usize = 16;
/// Bytes of a body that nobody wants which are read all the same, so that the answer is: what is closed
/// with something unread takes its answer along.
const DRAIN_MAX: usize = 16 << 20;

/// What is said in an answer: all at once, or line by line.
#[derive(Debug)]
pub enum Said {
    /// All at once.
    Whole(Full<Bytes>),
    /// Line by line, as they come.
    Lines(mpsc::Receiver<Bytes>),
}

impl Body for Said {
    type Data = Bytes;
    type Error = Infallible;

    fn poll_frame(
        self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, Infallible>>> {
        match self.get_mut() {
            Self::Whole(whole) => Pin::new(whole).poll_frame(context),
            Self::Lines(lines) => {
                let line = ready!(lines.poll_recv(context));
                Poll::Ready(line.map(|line| Ok(Frame::data(line))))
            }
        }
    }

    fn is_end_stream(&self) -> bool {
        match self {
            Self::Whole(whole) => whole.is_end_stream(),
            Self::Lines(_) => false,
        }
    }

    fn size_hint(&self) -> SizeHint {
        match self {
            Self::Whole(whole) => whole.size_hint(),
            Self::Lines(_) => SizeHint::default(),
        }
    }
}

/// Leads a request to its answer.
pub(super) async fn exchange<O: Office>(
    request: Request<Incoming>,
    (office, turns): (Arc<O>, Arc<Turns>),
    limits: Arc<Limits>,
) -> Response<Said> {
    let (head, body) = request.into_parts();
    let patience = Duration::from_secs(limits.http_body_s.into());
    let asked = (Arc::clone(&office), head);
    let admitted = spawn_blocking(move || {
        let (office, head) = asked;
        (office.admit(&head), head)
    });
    let (admitted, head) = match admitted.await {
        Ok((Ok(admitted), head)) => (admitted, head),
        Ok((Err(refusal), head)) => return refuse(&head, body, patience, refusal).await,
        Err(error) => return whole(broken(&error)),
    };
    let body = match read(body, &limits, patience).await {
        Ok(body) => body,
        Err((refusal, body)) => return refuse(&head, body, patience, refusal).await,
    };
    let errand = admitted.errand;
    let turn = if admitted.is_light { Ok(None) } else { turns.take().await.map(Some) };
    let turn = match turn {
        Ok(turn) => turn,
        Err(refusal) => return whole(refusal),
    };
    if admitted.streams {
        return lines(office, (errand, body), turn);
    }
    // Whoever goes away lets this future be dropped.
    let asker = Asker::default();
    let is_there = Arc::clone(&asker.is_gone);
    let done = spawn_blocking(move || {
        let _turn = turn;
        office.perform(errand, body, Box::new(move |_| !is_there.load(Ordering::Relaxed)))
    });
    let reply = done.await.unwrap_or_else(|error| broken(&error));
    drop(asker);
    whole(reply)
}

/// Whoever waits for an answer; dropped with his connection.
#[derive(Default)]
struct Asker {
    is_gone: Arc<AtomicBool>,
}

impl Drop for Asker {
    fn drop(&mut self) {
        self.is_gone.store(true, Ordering::Relaxed);
    }
}

/// Answers with a line for each step, and the answer itself as the last one.
fn lines<O: Office>(
    office: Arc<O>,
    (errand, body): (O::Errand, Bytes),
    turn: Option<OwnedSemaphorePermit>,
) -> Response<Said> {
    let (sender, receiver) = mpsc::channel(LINES_HELD);
    let steps = sender.clone();
    let work = spawn_blocking(move || {
        let _turn = turn;
        // A step that whoever reads has no room for is left out: the next one says more.
        let line = move |value: Value| {
            !matches!(steps.try_send(format!("{value}\n").into()), Err(TrySendError::Closed(_)))
        };
        office.perform(errand, body, Box::new(line))
    });
    spawn_local(async move {
        let reply = work.await.unwrap_or_else(|error| broken(&error));
        // Whoever has gone away misses nothing.
        let _ = sender.send(reply.body).await;
    });
    let mut response = Response::new(Said::Lines(receiver));
    response.headers_mut().insert(CONTENT_TYPE, HeaderValue::from_static(LINES));
    response.headers_mut().insert(CACHE_CONTROL, HeaderValue::from_static("no-store"));
    response
}

/// Reads a body, within its limits of length and time.
async fn read(mut body: Incoming, limits: &Limits, patience: Duration) -> Result<Bytes, (Reply, Incoming)> {
    let most = usize::try_from(limits.http_body_bytes).unwrap_or(usize::MAX);
    let refused = match timeout(patience, collect(Limited::new(&mut body, most))).await {
        Ok(Ok(bytes)) => return Ok(bytes),
        Ok(Err(error)) if error.is::<LengthLimitError>() => Problem::new(
            StatusCode::PAYLOAD_TOO_LARGE,
            &format!("the body is too long\n  it may have {most} bytes: `http_body_bytes` in [limits]"),
        ),
        Ok(Err(error)) => Problem::new(StatusCode::BAD_REQUEST, &format!("the body broke off: {error}")),
        Err(_) => Problem::new(StatusCode::REQUEST_TIMEOUT, "the body did not come in time"),
    };
    Err((refused.reply(), body))
}

async fn collect(body: Limited<&mut Incoming>) -> Result<Bytes, Box<dyn std::error::Error + Send + Sync>> {
    Ok(body.collect().await?.to_bytes())
}

/// Answers a request whose body nobody wants.
async fn refuse(head: &Parts, body: Incoming, patience: Duration, refusal: Reply) -> Response<Said> {
    // Whoever asks first does not send it.
    let is_sent = !head.headers.contains_key(EXPECT) && !body.is_end_stream();
    let mut response = whole(refusal);
    if is_sent {
        let mut left = Limited::new(body, DRAIN_MAX);
        let drained = async { while let Some(Ok(_)) = left.frame().await {} };
        // What does not come to its end in time is cut off.
        let _ = timeout(patience, drained).await;
        response.headers_mut().insert(CONNECTION, HeaderValue::from_static("close"));
    }
    response
}

fn whole(reply: Reply) -> Response<Said> {
    let mut response = Response::new(Said::Whole(Full::new(reply.body)));
    *response.status_mut() = reply.status;
    for (name, value) in reply.headers {
        response.headers_mut().insert(name, value);
    }
    response.headers_mut().insert(CACHE_CONTROL, HeaderValue::from_static("no-store"));
    response
}

/// A bug of ours: told where it happened, and no more than that here.
fn broken(error: &JoinError) -> Reply {
    tracing::error!(%error, "a request to the HTTP API broke off");
    Problem::new(StatusCode::INTERNAL_SERVER_ERROR, "this request broke off: the event log says why").reply()
}
