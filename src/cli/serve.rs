//! `ratatosk serve`

use std::sync::Arc;

use super::failure::Failure;
use super::host::Host;
use super::load::Loaded;
use super::{check, host};
use crate::io::event_log;

pub(super) fn run(loaded: Loaded) -> Result<(), Failure> {
    let _log = host::log_events("info")?;
    check::warn(&loaded);
    let first = first_user(&loaded);
    let host = Host::start(loaded, Arc::new(event_log::log))?;
    for listener in &host.settings().listeners {
        let (transport, address, advertise) = (listener.transport, listener.address, &listener.advertise);
        tracing::info!(%transport, %address, advertise, "listening");
    }
    if let Some(address) = host.http() {
        tracing::info!(%address, "listening for HTTP");
    }
    if !host.has_users() {
        tracing::info!(
            "nobody is a user of this cluster yet: `{first}` adds the first, also while this server runs"
        );
    }
    host.run()
}

/// The command that adds a user to the cluster that is served.
fn first_user(loaded: &Loaded) -> String {
    let cid = &loaded.config.cid;
    match loaded.file() {
        Some(file) => format!("ratatosk --config {} user add anne@{cid}", file.display()),
        None => format!("ratatosk user add anne@{cid}"),
    }
}
