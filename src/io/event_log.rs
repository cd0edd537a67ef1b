//! The event log: facts as lines of `tracing`, on standard error.
//!
//! What an operator must act upon is a warning, what he counts is info, what he looks up is debug. No
//! subscriber's address stands above debug unless it is redacted.

use crate::base::ServerIndex;
use crate::effect::{Fact, PushReason, Pushed};

/// What helps a phone that never answers its challenge.
const HINT: &str = "it may not know SHA-256; try `digest = [\"MD5\"]` in [auth]";

/// Writes a fact down, if it is one for the log.
#[allow(clippy::too_many_lines, reason = "a table, a row for each fact")]
pub fn log(server: ServerIndex, fact: &Fact) {
    let server = server.0;
    match fact {
        Fact::Registered { uid, contact, via, expires_s, renewed } => {
            tracing::debug!(server, %uid, contact, via, expires_s, renewed, "registered");
        }
        Fact::Unregistered { uid, contact, why } => {
            tracing::debug!(server, %uid, contact, why, "unregistered");
        }
        Fact::Flow { uid, via, works } => tracing::debug!(server, %uid, via, works, "a flow"),
        Fact::Pushed {
            uid,
            pushed: Pushed::Failed,
            reason: reason @ (PushReason::Call | PushReason::Page),
        } => {
            let uid = redacted(uid.as_str());
            let reason = reason.as_str();
            tracing::warn!(
                server,
                uid,
                reason,
                "a phone could not be woken: the hook of [push] does not take it"
            );
        }
        Fact::Pushed { uid, pushed, reason } => {
            tracing::debug!(server, %uid, ?pushed, reason = reason.as_str(), "a phone is woken");
        }
        // One line for however many phones.
        Fact::NoRenewals { provider } => {
            tracing::warn!(
                server,
                provider,
                "phones are not woken to renew their registrations: the hook of [push] does not take it; each is tried again until its registration ends"
            );
        }
        Fact::WrongPassword { account, source, paused: true, .. } => {
            tracing::warn!(server, account = redacted(account), %source, "too many wrong passwords: this source has to pause with this account");
        }
        Fact::WrongPassword { account, source, respelled: true, .. } => {
            tracing::info!(server, account = redacted(account), %source, "no password is right for a user name in other capitals: \
                write it in the phone as `user list` shows it");
        }
        Fact::WrongPassword { account, source, paused: false, .. } => {
            tracing::info!(server, account = redacted(account), %source, "wrong password");
        }
        Fact::NeverAnswers { account, source } => {
            tracing::warn!(server, account = redacted(account), %source, "a phone never answers its challenge: {HINT}");
        }
        Fact::CallRouted { id, owner, caller, callee, mode, rule } => {
            tracing::debug!(server, id, %owner, caller, callee, mode, rule, "call routed");
        }
        Fact::Noted { id, owner, text } => {
            tracing::info!(server, id, text, owner = redacted(owner.as_str()), "a tree says");
        }
        Fact::CallAnswered { id, owner } => tracing::debug!(server, id, %owner, "call answered"),
        // The other half has the same end: one line for each call.
        Fact::CallEnded(record) if record.direction == "incoming" => {
            let (id, status, end) = (record.id.as_str(), record.status, record.end);
            tracing::debug!(server, id, status, end, "the callee's half ended");
        }
        Fact::CallEnded(record) => {
            let (id, mode) = (record.id.as_str(), record.mode);
            tracing::info!(server, id, mode, status = record.status, end = record.end, "call ended");
        }
        Fact::Page(record) => {
            let (id, direction, how) = (record.id.as_str(), record.direction, record.how);
            tracing::debug!(server, id, direction, status = record.status, how, rule = record.rule, "page");
        }
        Fact::InboxDelivered { id, .. } => tracing::debug!(server, id, "page delivered from the inbox"),
        Fact::InboxRefused { id, status, .. } => {
            tracing::info!(server, id, status, "a phone refuses a page: it stays in the inbox");
        }
        Fact::PeerUp { peer } => tracing::info!(server, %peer, "another cluster is there"),
        Fact::PeerDown { peer, why } => tracing::warn!(server, %peer, why, "another cluster is not there"),
        Fact::SecretRefused { peer } => tracing::error!(
            server,
            %peer,
            "another cluster does not believe us: the secret does not match; see `secret` in [[federation]], there and here"
        ),
        Fact::CertificateRefused { peer } => tracing::error!(
            server,
            %peer,
            "another cluster does not believe our certificate: it has to name our domain, and be signed by one of its `authorities`"
        ),
        Fact::CertificateFault { peer: Some(peer), source, why } => {
            tracing::error!(server, %peer, %source, why, "TLS with another cluster fails over a certificate");
        }
        Fact::CertificateFault { peer: None, source, why } => {
            tracing::warn!(server, %source, why, "somebody who comes as another cluster is not believed");
        }
        Fact::PhoneCertificate { source, why } => {
            tracing::warn!(server, %source, why, "TLS with a phone fails over a certificate");
        }
        Fact::WrongSecret { account, source, paused: true } => {
            let account = cut(account);
            tracing::warn!(server, account, %source, "too many wrong secrets of another cluster: this source has to pause with it");
        }
        Fact::WrongSecret { account, source, paused: false } => {
            let account = cut(account);
            tracing::info!(server, account, %source, "a wrong secret of another cluster");
        }
        Fact::PageSettled { id, receipt, .. } => tracing::debug!(server, id, receipt, "page abroad settled"),
        Fact::TurnedAway => tracing::debug!(server, "too many transactions: a new request was answered 503"),
        Fact::Decided { tree, action } => {
            tracing::trace!(server, tree = tree.as_str(), action, "a tree decides");
        }
        Fact::Limit(limit) => tracing::debug!(server, limit, "a limit is reached"),
        Fact::Dropped(why) => tracing::trace!(server, ?why, "dropped a message"),
    }
}

/// As much of a name as tells strangers apart: how long it is, is theirs to choose.
fn cut(name: &str) -> &str {
    const LONGEST: usize = 80;
    name.char_indices().nth(LONGEST).and_then(|(end, _)| name.get(..end)).unwrap_or(name)
}

/// An address of which only its owner can tell whose it is: `a…@north.test`.
pub(crate) fn redacted(account: &str) -> String {
    let (user, cluster) = account.rsplit_once('@').unwrap_or((account, ""));
    let first: String = user.chars().take(1).collect();
    if cluster.is_empty() { format!("{first}…") } else { format!("{first}…@{cluster}") }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_address_in_the_log_is_nobodys() {
        assert_eq!(redacted("anne@north.test"), "a…@north.test");
        assert_eq!(redacted("anne"), "a…");
        assert_eq!(redacted(""), "…");
    }
}
