//! `ratatosk config check`

use clap::Subcommand;

use super::failure::Failure;
use super::load::Loaded;
use crate::io::net::certificates;

#[derive(Debug, Subcommand)]
pub(super) enum Config {
    /// Tell everything that is wrong with the configuration and the trees it names.
    Check,
}

impl Config {
    pub(super) fn run(self, loaded: &Loaded) -> Result<(), Failure> {
        match self {
            Self::Check => {
                let offered = loaded.offered()?;
                let listeners = &loaded.config.listeners;
                certificates::check(listeners.iter().filter_map(|own| Some((own.tls.as_ref()?, own.face))))?;
                warn(loaded);
                let (cid, default) = (&loaded.config.cid, offered.default.name());
                loaded.desk.line(format_args!(
                    "the configuration of {cid} is in order; \"{default}\" serves by default"
                ));
                Ok(())
            }
        }
    }
}

/// What is no fault, and may still be a mistake.
pub(super) fn warn(loaded: &Loaded) {
    if let Some(address) = loaded.config.http.filter(|address| !address.ip().is_loopback()) {
        loaded.desk.remark(format_args!(
            "warning: whoever is between a client and the HTTP API on {address} can read its tokens\n  \
             listen on 127.0.0.1, and let a proxy that speaks TLS stand before it"
        ));
    }
    for variable in &loaded.config.strangers {
        loaded.desk.remark(format_args!("warning: the variable {variable} overrides no key"));
    }
}
