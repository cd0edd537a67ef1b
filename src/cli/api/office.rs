//! Answers the requests to the HTTP API.

use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use bytes::Bytes;
use hyper::header::{ACCEPT, ACCEPT_ENCODING, ALLOW, CONTENT_ENCODING, CONTENT_TYPE, ETAG, HOST, HeaderMap};
use hyper::http::request::Parts;
use hyper::{StatusCode, Version};
use serde_json::{Value, json};
use tokio::time::timeout;

use super::arguments::perform;
use super::asking::Asking;
use super::condition::Conditions;
use super::gate::Gate;
use super::routes::{Does, Gives, Placed, ROUTES, Route, Verb};
use super::trouble::Trouble;
use crate::cli::desk::Said;
use crate::cli::load::{Loaded, block_on};
use crate::effect::admin::AdminRequest;
use crate::io::driver::Handle;
use crate::io::http::exchange::LINES;
use crate::io::http::problem::Problem;
use crate::io::http::words::{Admitted, Office, Progress, Reply};
use crate::io::metrics::{MEDIA, Watch, exposition};

/// How long user servers may take to say that they are there.
const HEARTBEAT: Duration = Duration::from_secs(2);

/// Whoever answers.
#[derive(Debug)]
pub(in crate::cli) struct ApiOffice {
    loaded: Mutex<Loaded>,
    handle: Handle,
    watch: Arc<Watch>,
    servers: usize,
    gate: Gate,
}

/// What a request wants.
#[derive(Debug)]
pub(in crate::cli) struct Errand {
    route: &'static Route,
    asking: Asking,
    body: Kind,
    /// The texts that the asker has seen: nothing need be sent that is one of them.
    conditions: Conditions,
    /// By which token.
    by: String,
}

/// What the body of a request is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Kind {
    Json,
    Text,
}

impl ApiOffice {
    /// One for a server that runs by this configuration.
    pub(in crate::cli) fn new(loaded: Loaded, handle: Handle, watch: Arc<Watch>, servers: usize) -> Self {
        Self { loaded: Mutex::new(loaded), handle, watch, servers, gate: Gate::default() }
    }

    /// Answers by another configuration from now on.
    pub(in crate::cli) fn configure(&self, loaded: Loaded) {
        *self.loaded.lock().unwrap_or_else(PoisonError::into_inner) = loaded;
    }

    fn loaded(&self) -> Loaded {
        self.loaded.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    fn health(&self) -> Reply {
        let asked = block_on(async {
            Ok(timeout(HEARTBEAT, self.handle.admin(AdminRequest::Left))
                .await
                .map_or(0, |replies| replies.len()))
        });
        let there = asked.unwrap_or(0);
        if there == self.servers {
            return Reply::json(StatusCode::OK, &json!({ "status": "ok", "user_servers": there }));
        }
        let words = format!("{there} of {} user servers answer", self.servers);
        Problem::new(StatusCode::SERVICE_UNAVAILABLE, &words).reply()
    }
}

impl ApiOffice {
    fn metrics(&self) -> Reply {
        match block_on(async { Ok(timeout(HEARTBEAT, self.watch.families()).await.ok()) }) {
            Ok(Some(families)) => Reply::of(StatusCode::OK, MEDIA, exposition(&families)),
            Ok(None) | Err(_) => {
                let words = "not every user server answers\n/healthz tells how many do";
                Problem::new(StatusCode::SERVICE_UNAVAILABLE, words).reply()
            }
        }
    }
}

impl Office for ApiOffice {
    type Errand = Errand;

    fn admit(&self, head: &Parts) -> Result<Admitted<Errand>, Reply> {
        // RFC 9112 §3.2.
        if head.version == Version::HTTP_11 && head.headers.get_all(HOST).iter().count() != 1 {
            let words = "the request does not say for which host it is, or says it several times";
            return Err(Problem::new(StatusCode::BAD_REQUEST, words).reply());
        }
        let found = find(head);
        let loaded = self.loaded();
        let is_metrics = matches!(&found, Ok((route, _)) if route.does == Does::Metrics);
        let by = match &found {
            Ok((route, _)) if route.is_public() => String::new(),
            Ok(_) if is_metrics && loaded.config.open_metrics => String::new(),
            Ok(_) | Err(_) => self.gate.admit(&loaded, head, is_metrics)?,
        };
        let (route, arguments) = found?;
        let body = kind_of(route, &head.headers)?;
        let conditions = Conditions::read(&head.headers)?;
        let mut asking = said_in_head(&arguments, head).map_err(|trouble| trouble.0.reply())?;
        if route.does == Does::Command("profile set") {
            if let Some(expected) = conditions.expected()? {
                asking.expect(expected).map_err(|unclear| Trouble::from(unclear).0.reply())?;
            }
        } else if route.verb != Verb::Get {
            conditions.none_on_change()?;
        }
        let accepts = head.headers.get(ACCEPT).and_then(|value| value.to_str().ok()).unwrap_or_default();
        let streams = route.streams && accepts.contains(LINES);
        let is_light = route.does == Does::Health;
        Ok(Admitted { errand: Errand { route, asking, body, conditions, by }, streams, is_light })
    }

    fn perform(&self, errand: Errand, body: Bytes, progress: Progress) -> Reply {
        let Errand { route, mut asking, body: kind, conditions, by } = errand;
        match route.does {
            Does::Health => return self.health(),
            Does::Metrics => return self.metrics(),
            Does::Document => return Reply::json(StatusCode::OK, &super::document()),
            Does::Command(_) => {}
        }
        let read = match kind {
            _ if body.is_empty() => Ok(()),
            Kind::Json => asking.json(&body),
            Kind::Text => asking.text(&body),
        };
        asking.name_text(route);
        let done =
            read.map_err(Trouble::from).and_then(|()| perform(&self.loaded(), route, asking, progress));
        let reply = done.map_or_else(|trouble| trouble.0.reply(), |said| answer(route, said, &conditions));
        log(route, &by, reply.status);
        reply
    }
}

/// The route of a request, or the answer to one that has none.
fn find(head: &Parts) -> Result<(&'static Route, Placed<'_>), Reply> {
    let path = head.uri.path();
    let on_path = || ROUTES.iter().filter_map(|route| Some((route, route.arguments(path)?)));
    let method = if head.method == hyper::Method::HEAD { Verb::Get.as_str() } else { head.method.as_str() };
    if let Some(found) = on_path().find(|(route, _)| route.verb.as_str() == method) {
        return Ok(found);
    }
    let mut allowed: Vec<&str> = on_path().map(|(route, _)| route.verb.as_str()).collect();
    if allowed.is_empty() {
        let words = "there is nothing at this path\n/openapi.json describes what there is";
        return Err(Problem::new(StatusCode::NOT_FOUND, words).reply());
    }
    if allowed.contains(&Verb::Get.as_str()) {
        allowed.push("HEAD");
    }
    let allowed = allowed.join(", ");
    let words = format!("{} does nothing here\nwhat does something is {allowed}", head.method);
    Err(Problem::new(StatusCode::METHOD_NOT_ALLOWED, &words).reply().with(ALLOW, &allowed))
}

/// What the body of a request is; one that the route does not take is refused.
fn kind_of(route: &Route, headers: &HeaderMap) -> Result<Kind, Reply> {
    if let Some(coding) = headers.get(CONTENT_ENCODING).filter(|coding| *coding != "identity") {
        let words = format!("a body in the coding {coding:?} cannot be read here\nsend it as it is");
        return Err(Problem::new(StatusCode::UNSUPPORTED_MEDIA_TYPE, &words)
            .reply()
            .with(ACCEPT_ENCODING, "identity"));
    }
    let given = headers.get(CONTENT_TYPE).map(|value| value.to_str().unwrap_or("?").to_owned());
    let Some(given) = given.filter(|_| route.verb.has_body()) else { return Ok(Kind::Json) };
    let media = given.split(';').next().unwrap_or_default().trim().to_ascii_lowercase();
    match route.text {
        _ if media == "application/json" => Ok(Kind::Json),
        Some((_, text)) if media == text => Ok(Kind::Text),
        other => {
            let text = other.map_or(String::new(), |(_, text)| format!(" or {text}"));
            let words =
                format!("a body of the type {media:?} says nothing here\nsend application/json{text}");
            let problem = Problem::new(StatusCode::UNSUPPORTED_MEDIA_TYPE, &words);
            let accepted =
                other.map_or("application/json".to_owned(), |(_, text)| format!("application/json, {text}"));
            Err(problem.reply().with(ACCEPT, &accepted))
        }
    }
}

fn said_in_head(arguments: &Placed<'_>, head: &Parts) -> Result<Asking, Trouble> {
    let mut asking = Asking::default();
    asking.path(arguments)?;
    asking.query(head.uri.query().unwrap_or_default())?;
    Ok(asking)
}

/// The answer of what a command said.
fn answer(route: &Route, said: Said, conditions: &Conditions) -> Reply {
    let Said { lines, remarks, value, tag } = said;
    let etag = tag.as_ref().map(|tag| format!("\"{tag}\""));
    let is_seen = |tag: &String| conditions.is_seen(tag);
    let reply = match (route.gives, value) {
        _ if route.verb == Verb::Get && tag.as_ref().is_some_and(is_seen) => {
            Reply::empty(StatusCode::NOT_MODIFIED)
        }
        (Gives::Text("application/json"), _) => {
            Reply::of(StatusCode::OK, "application/json", lines.join("\n") + "\n")
        }
        (Gives::Text(_), _) => {
            Reply::of(StatusCode::OK, "text/plain; charset=utf-8", lines.join("\n") + "\n")
        }
        (Gives::Picture, _) => {
            let text = lines.join("\n") + "\n";
            Reply::of(StatusCode::OK, picture(&text), text)
        }
        (Gives::Value, Some(Value::Object(mut object))) => {
            if !remarks.is_empty() {
                object.insert("remarks".to_owned(), json!(remarks));
            }
            Reply::json(StatusCode::OK, &Value::Object(object))
        }
        (Gives::Value, Some(value)) => Reply::json(StatusCode::OK, &value),
        (Gives::Value, None) => Reply::json(StatusCode::OK, &json!({ "said": lines, "remarks": remarks })),
    };
    match etag {
        Some(etag) => reply.with(ETAG, &etag),
        None => reply,
    }
}

/// The media type of a picture, by its first letters.
fn picture(text: &str) -> &'static str {
    if text.starts_with("<svg") || text.starts_with("<?xml") {
        "image/svg+xml"
    } else if text.starts_with("digraph") {
        "text/vnd.graphviz; charset=utf-8"
    } else {
        "text/plain; charset=utf-8"
    }
}

/// Notes what was changed, and by whom; whose it was stands in no log.
fn log(route: &Route, by: &str, status: StatusCode) {
    let Does::Command(command) = route.does else { return };
    let status = status.as_u16();
    if route.verb == Verb::Get {
        tracing::debug!(command, by, status, "asked by HTTP");
    } else {
        tracing::info!(command, by, status, "done by HTTP");
    }
}
