//! What two user servers of one process say to each other.

use super::visitors::Visitor;
use crate::base::{Cid, Key};
use crate::call::Invitation;
use crate::federation::{News, Tip};
use crate::leg::{LinkEnd, LinkMail};
use crate::message::{HalfReply, PageEnd, PageInvitation};

/// A word about a call or page whose halves live in two user servers.
#[derive(Debug)]
pub(crate) enum PeerWord {
    /// Ask this user's routing about a call.
    Invite(Invitation),
    /// The half that a link asked for is there.
    Opened {
        /// The asking leg.
        leg: Key,
        /// The end that it may write to.
        peer: LinkEnd,
    },
    /// A word of a call.
    Mail(LinkMail),
    /// Ask this user's routing about a page.
    Page(PageInvitation),
    /// What became of a page.
    PageReply(PageEnd, HalfReply),
    /// Serve a request of another cluster, which has proved itself.
    Visit(Visitor),
    /// How another cluster stands.
    PeerNews(News),
    /// Something that the one who looks after another cluster should know.
    PeerTip(Cid, Tip),
}
