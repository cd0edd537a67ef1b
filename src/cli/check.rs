//! `ratatosk config check`

use std::io;

use clap::Subcommand;

use super::failure::Failure;
use super::load::Loaded;
use crate::base::Cid;
use crate::config::{Face, Trust};
use crate::io::net::certificates;
use crate::io::store::StoreError;

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
                let proofs = listeners.iter().filter_map(|own| Some((own.tls.as_ref()?, own.face)));
                certificates::check(proofs, loaded.config.push.as_deref())?;
                look_at_files(loaded)?;
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

/// Whether the files that a server will use can be what they have to be.
fn look_at_files(loaded: &Loaded) -> Result<(), Failure> {
    let place = &loaded.config.store;
    if place.database.is_dir() {
        let (path, reason) = (place.database.clone(), "it is a directory".to_owned());
        return Err(StoreError::Open { path, reason }.into());
    }
    if !place.directory().exists() {
        let directory = place.directory().display();
        loaded
            .desk
            .remark(format_args!("note: the directory {directory} of the database is made at the start"));
    }
    let gateways = &loaded.config.gateways;
    if gateways.exists() && !gateways.is_dir() {
        return Err(Failure::Read { path: gateways.clone(), source: io::ErrorKind::NotADirectory.into() });
    }
    Ok(())
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
    warn_of_domains(loaded);
}

/// Other clusters believe a certificate for our domain, and no other.
fn warn_of_domains(loaded: &Loaded) {
    let cid = &loaded.config.cid;
    if !loaded.config.federation.iter().any(|peering| peering.trust == Trust::Certificate) {
        return;
    }
    let abroad = loaded.config.listeners.iter().filter(|own| own.face == Face::Federation);
    for files in abroad.filter_map(|own| own.tls.as_ref()) {
        // What cannot be read is told as a fault.
        let Ok(domains) = certificates::domains(files) else { continue };
        if !domains.contains(cid) {
            let names: Vec<&str> = domains.iter().map(Cid::as_str).collect();
            let (path, names) = (files.certificate.display(), names.join(", "));
            loaded.desk.remark(format_args!(
                "warning: the certificate in {path} is for {names} and not for {cid}: no cluster with \
                 `tls = true` will believe it; it has to name the URI sip:{cid}"
            ));
        }
    }
}
