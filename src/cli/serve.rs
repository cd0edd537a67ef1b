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
    let host = Host::start(loaded, Arc::new(event_log::log))?;
    for listener in &host.settings().listeners {
        let (transport, address, advertise) = (listener.transport, listener.address, &listener.advertise);
        tracing::info!(%transport, %address, advertise, "listening");
    }
    if let Some(address) = host.http() {
        tracing::info!(%address, "listening for HTTP");
    }
    host.run()
}
