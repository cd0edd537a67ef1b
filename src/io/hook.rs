//! The HTTP hook that has push services wake phones: one POST, one status.
//!
//! A whole client for that is some dozens of lines, and the hook is a program of the operator's, usually on
//! the same machine: one connection for each phone that is woken, which closes behind the answer. However slow
//! it is, there are so many at once and no more; and so many for each push service, since one that hangs is no
//! reason for the phones of the others to sleep on. By https it has to be who its address says, as the authorities
//! of `[push]` have it; nothing is ever said in the clear in the place of that.
//!
//! Implements: RFC 9110 §4.2.2, §9.3.3, §15; RFC 9112 §2 to §4 (as a client).

use std::cell::RefCell;
use std::collections::HashMap;
use std::io;
use std::rc::Rc;
use std::sync::Arc;
use std::time::Duration;

use bytes::BytesMut;
use rustls::ClientConfig;
use rustls::pki_types::ServerName;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::sync::Semaphore;
use tokio::time::timeout;

use crate::config::PushHook;
use crate::effect::{Push, Pushed};

use super::net::cipher::Cipher;

/// How long the hook may take, with the wait for one of its connections: a caller waits.
const PATIENCE: Duration = Duration::from_secs(5);
/// Connections to it at once, of one thread and for one push service.
const CONNECTIONS: usize = 64;
/// Bytes of an answer that are looked at: its status line, behind those of answers on the way.
const ANSWER_BYTES: usize = 8_192;

/// The way to the hook, of one thread.
#[derive(Debug, Default)]
pub(crate) struct Hook {
    /// What is free for each push service that the configuration names, or has named.
    free: RefCell<HashMap<String, Rc<Semaphore>>>,
}

impl Hook {
    /// Has a phone woken. 2xx: it is at it. 410: the push service knows the phone no longer. 404 is no such
    /// word: a path that is written wrong must not cost anybody his registration.
    pub(crate) async fn push(&self, hook: &PushHook, tls: Option<Arc<ClientConfig>>, push: &Push) -> Pushed {
        match timeout(PATIENCE, self.ask(hook, tls, push)).await {
            Ok(Ok(200..=299)) => Pushed::Taken,
            Ok(Ok(410)) => Pushed::Gone,
            Ok(Ok(status)) => {
                tracing::debug!(status, "the push hook refuses");
                Pushed::Failed
            }
            Ok(Err(error)) => {
                tracing::debug!(%error, "the push hook cannot be asked");
                Pushed::Failed
            }
            Err(_) => {
                tracing::debug!("the push hook does not answer");
                Pushed::Failed
            }
        }
    }

    async fn ask(&self, hook: &PushHook, tls: Option<Arc<ClientConfig>>, push: &Push) -> io::Result<u16> {
        let free = self.free_for(&push.to.provider);
        let _own = free.acquire().await.map_err(io::Error::other)?;
        let request = request(hook, push);
        match (&hook.authorities, tls) {
            (Some(_), Some(tls)) => ask_secretly(hook, tls, &request).await,
            (None, _) => ask(hook, &request).await,
            (Some(_), None) => Err(io::Error::other("nobody has read its authorities")),
        }
    }

    fn free_for(&self, provider: &str) -> Rc<Semaphore> {
        let mut free = self.free.borrow_mut();
        Rc::clone(free.entry(provider.to_owned()).or_insert_with(|| Rc::new(Semaphore::new(CONNECTIONS))))
    }
}

async fn ask(hook: &PushHook, request: &str) -> io::Result<u16> {
    let mut stream = TcpStream::connect((hook.host.as_str(), hook.port)).await?;
    stream.write_all(request.as_bytes()).await?;
    let mut answer = Vec::new();
    loop {
        if let Some(status) = status(&answer) {
            return Ok(status);
        }
        if answer.len() >= ANSWER_BYTES || stream.read_buf(&mut answer).await? == 0 {
            return Err(no_http());
        }
    }
}

/// [`ask`] over TLS.
async fn ask_secretly(hook: &PushHook, tls: Arc<ClientConfig>, request: &str) -> io::Result<u16> {
    let name = ServerName::try_from(hook.host.clone()).map_err(io::Error::other)?;
    let mut cipher = Cipher::connecting(tls, name, None).map_err(io::Error::other)?;
    let mut stream = TcpStream::connect((hook.host.as_str(), hook.port)).await?;
    // It is said when both have agreed on a key.
    cipher.seal(request.as_bytes())?;
    let (mut heard, mut answer) = (BytesMut::new(), BytesMut::new());
    loop {
        stream.write_all(&cipher.said()).await?;
        if let Some(status) = status(&answer) {
            return Ok(status);
        }
        heard.clear();
        if answer.len() >= ANSWER_BYTES || stream.read_buf(&mut heard).await? == 0 {
            return Err(no_http());
        }
        cipher.keep(&heard);
        if let Err(error) = cipher.open(&mut answer) {
            // An alert says why.
            stream.write_all(&cipher.said()).await?;
            return Err(io::Error::other(error));
        }
    }
}

fn no_http() -> io::Error {
    io::Error::new(io::ErrorKind::InvalidData, "it speaks no HTTP")
}

/// The request. Nothing in it tells who calls or writes.
fn request(hook: &PushHook, push: &Push) -> String {
    let body = serde_json::json!({
        "user": push.uid.as_str(),
        "provider": push.to.provider,
        "prid": push.to.prid,
        "param": push.to.param,
        "reason": push.reason.as_str(),
    })
    .to_string();
    let PushHook { host, port, path, token, .. } = hook;
    let host = if host.contains(':') { format!("[{host}]") } else { host.clone() };
    let token = token.as_ref().map(|token| format!("Authorization: Bearer {}\r\n", token.expose()));
    format!(
        "POST {path} HTTP/1.1\r\nHost: {host}:{port}\r\n{}Content-Type: application/json\r\n\
         Content-Length: {}\r\nConnection: close\r\n\r\n{body}",
        token.unwrap_or_default(),
        body.len()
    )
}

/// The final status of an answer, once its first line has come; answers on the way (1xx) are passed over.
fn status(answer: &[u8]) -> Option<u16> {
    let mut rest = answer;
    loop {
        let end = rest.windows(2).position(|bytes| bytes == b"\r\n")?;
        let line = std::str::from_utf8(rest.get(..end)?).ok()?;
        let status = line.strip_prefix("HTTP/1.")?.split(' ').nth(1)?.parse().ok()?;
        if status >= 200 {
            return Some(status);
        }
        let blank = rest.windows(4).position(|bytes| bytes == b"\r\n\r\n")?;
        rest = rest.get(blank + 4..)?;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_service_that_hangs_holds_up_no_other() {
        let hook = Hook::default();
        let hangs = hook.free_for("fcm");
        let taken: Vec<_> = (0..CONNECTIONS).map(|_| hangs.try_acquire().unwrap()).collect();
        assert_eq!(taken.len(), CONNECTIONS);
        assert!(hook.free_for("fcm").try_acquire().is_err());
        assert!(hook.free_for("apns").try_acquire().is_ok());
    }

    #[test]
    fn statuses_as_they_come() {
        let whole = b"HTTP/1.1 202 Accepted\r\nContent-Length: 0\r\n\r\n";
        assert_eq!(status(whole), Some(202));
        assert_eq!(status(&whole[..20]), None);
        let early = [&b"HTTP/1.1 103 Early Hints\r\nLink: x\r\n\r\n"[..], whole].concat();
        assert_eq!(status(&early), Some(202));
        assert_eq!(status(&early[..30]), None);
        assert_eq!(status(b"SSH-2.0-x\r\n"), None);
        assert_eq!(status(b"HTTP/1.1 abc\r\n"), None);
    }
}
