//! A phone that sends the other side of a call elsewhere (RFC 3515, RFC 5589).

use ratatosk::base::At;

use super::client::Purpose;
use super::{Path, Phone};

impl Phone {
    /// Blind: to whom the phone has not called.
    pub(super) fn transfer(&mut self, at: At, to: &str) {
        let uri = self.address(to);
        self.refer(at, &format!("<{uri}>"));
    }

    /// Attended: to the other side of its latest call.
    pub(super) fn join(&mut self, at: At) {
        let Some(last) = self.current() else { return };
        let Some(call) = self.call_mut(last) else { return };
        let (uri, id) = (call.remote.clone(), call.call_id.replace('@', "%40"));
        let replaces = format!("{id}%3Bto-tag%3D{}%3Bfrom-tag%3D{}", call.remote_tag, call.local_tag);
        self.refer(at, &format!("<{uri}?Replaces={replaces}>"));
    }

    fn refer(&mut self, at: At, refer_to: &str) {
        let first = self.calls.iter().find(|call| !call.is_over() && call.is_up()).map(|call| call.id);
        let Some(mut draft) = first.and_then(|id| self.inside(id, "REFER")) else { return };
        draft.add("Refer-To", refer_to);
        draft.add("Contact", format!("<{}>", self.contact()));
        self.request(at, Path::Main, draft, Purpose::Other);
    }
}
