//! `ratatosk registrations`: what the running server holds, and what the store holds besides.

use std::collections::BTreeMap;

use clap::Args;
use serde::Serialize;

use super::failure::Failure;
use super::load::{Loaded, with};
use super::{live, output};
use crate::base::Cid;
use crate::effect::Transport;
use crate::effect::admin::LiveBinding;
use crate::io::socket::{Answer, Question};
use crate::io::store::BindingRow;
use crate::registrar::{q_text, veiled};

#[derive(Debug, Args)]
pub(super) struct Registrations {
    /// Only those of this user.
    #[arg(long, value_name = "UID")]
    user: Option<String>,
    /// For programs.
    #[arg(long)]
    json: bool,
}

/// How the flow of a binding stands.
#[derive(Debug, Clone, Copy, Serialize)]
#[serde(rename_all = "lowercase")]
enum State {
    /// It works, as far as is known.
    Up,
    /// Its connection is gone: its phone sleeps, and is woken when it is wanted.
    Asleep,
    /// What was sent there last was not answered.
    Silent,
    /// Its connection is gone: the phone has to come back by itself.
    Gone,
    /// It is written down, and nobody has asked for its user since the server started; or none runs.
    Stored,
}

/// A binding, wherever it is known from.
#[derive(Debug, Serialize)]
struct Row {
    uid: String,
    contact: String,
    via: String,
    flow: State,
    /// Seconds since 1970, `None` if nobody knows.
    since_s: Option<i64>,
    expires_s: i64,
    q: String,
    instance: String,
    user_agent: String,
}

impl Registrations {
    pub(super) fn run(self, loaded: &Loaded) -> Result<(), Failure> {
        let user = self.user.as_deref().map(|user| loaded.uid(user)).transpose()?;
        // What lives is asked for first: what is stored in between is then told as that, not missed.
        let live = match live::ask(loaded, &Question::Registrations)? {
            Some(Answer::Registrations(bindings)) => Some(bindings),
            Some(_) => return Err(live::foreign()),
            None => None,
        };
        let stored = with(loaded, async |database| database.bindings().await)?;
        let mut rows = joined(live, stored);
        rows.retain(|row| user.as_ref().is_none_or(|user| row.uid == user.as_str()));
        if self.json {
            loaded.desk.json(&rows);
            return Ok(());
        }
        let rows = rows.into_iter().map(|row| row.cells(&loaded.config.cid)).collect();
        let headings = ["user", "reached at", "flow", "since (UTC)", "expires in", "phone"];
        loaded.desk.table(&headings, rows, "nobody is registered");
        Ok(())
    }
}

/// What the server holds, each with what the store knows of it; and what the store alone holds.
fn joined(live: Option<Vec<LiveBinding>>, stored: Vec<BindingRow>) -> Vec<Row> {
    let is_running = live.is_some();
    let key = |row: BindingRow| ((row.uid.clone(), row.key.clone()), row);
    let mut stored: BTreeMap<(String, String), BindingRow> = stored.into_iter().map(key).collect();
    let mut rows = Vec::new();
    for binding in live.into_iter().flatten() {
        let row = stored.remove(&(binding.uid.clone(), binding.key.clone()));
        rows.push(Row::live(binding, row.map_or(0, |row| row.since_s)));
    }
    rows.extend(stored.into_values().map(|row| Row::stored(row, is_running)));
    rows.sort_by(|a, b| (&a.uid, &a.via).cmp(&(&b.uid, &b.via)));
    rows
}

impl Row {
    fn live(binding: LiveBinding, since_s: i64) -> Self {
        Self {
            uid: binding.uid,
            contact: binding.contact,
            via: binding.via,
            flow: match (binding.is_asleep, binding.works) {
                (true, _) => State::Asleep,
                (false, true) => State::Up,
                (false, false) => State::Silent,
            },
            since_s: (since_s > 0).then_some(since_s),
            expires_s: binding.expires_s,
            q: binding.q,
            instance: binding.instance,
            user_agent: binding.user_agent,
        }
    }

    /// The store keeps a binding half as long again as was granted. After a restart nobody is called by
    /// the connection that he had.
    fn stored(row: BindingRow, is_running: bool) -> Self {
        let is_gone = is_running && row.transport != Transport::Udp.as_str();
        Self {
            uid: row.uid,
            contact: veiled(&row.contact).into_owned(),
            via: format!("{} {}", row.transport, row.target),
            flow: if is_gone { State::Gone } else { State::Stored },
            since_s: (row.since_s > 0).then_some(row.since_s),
            expires_s: row.expires_s,
            q: q_text(row.q),
            instance: row.instance,
            user_agent: row.user_agent,
        }
    }

    fn cells(self, cid: &Cid) -> Vec<String> {
        let flow = match self.flow {
            State::Up => "up",
            State::Asleep => "asleep",
            State::Silent => "silent",
            State::Gone => "gone",
            State::Stored => "stored",
        };
        let since = self.since_s.map_or(String::new(), |since_s| output::when(since_s * 1000));
        let expires = output::length(self.expires_s * 1000);
        vec![output::name(&self.uid, cid), self.via, flow.to_owned(), since, expires, self.user_agent]
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// What a push service knows a phone by stands in no list, whoever is asked for it.
    #[test]
    fn a_stored_binding_tells_nobody_how_its_phone_is_woken() {
        let row = BindingRow {
            uid: "anne@north.test".into(),
            key: "push:acme;secret;p".into(),
            contact: "sip:anne@192.0.2.7;pn-provider=acme;pn-prid=secret;pn-param=p".into(),
            transport: "tcp".into(),
            target: "192.0.2.7:5060".into(),
            q: 500,
            instance: String::new(),
            user_agent: "x".into(),
            expires_s: 60,
            since_s: 0,
        };
        let told = serde_json::to_string(&Row::stored(row, true)).unwrap();
        assert!(!told.contains("secret"), "{told}");
        assert!(told.contains("\"q\":\"0.5\""), "{told}");
    }
}
