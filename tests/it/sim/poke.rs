//! What else may happen to a world: an operator at work, and messages that no phone would send.

use std::sync::Arc;

use bytes::Bytes;
use ratatosk::config::Settings;
use ratatosk::effect::Ticket;
use ratatosk::effect::admin::AdminRequest;
use ratatosk::server::Input;

use super::world::{Who, World};

impl World {
    /// An operator of north asks every user server.
    pub fn operator(&mut self, request: &AdminRequest) {
        for server in 0..self.settings.servers {
            let seat = self.seat(0, server);
            self.input(seat, Input::Admin(Ticket(1), request.clone()));
        }
    }

    /// An operator has changed the configuration of a cluster and has it read again.
    pub fn reconfigure(&mut self, cluster: &str, change: impl FnOnce(&mut Settings)) {
        let place = self.cluster_named(cluster);
        let mut settings = Settings::clone(&self.clusters[usize::from(place)].settings);
        change(&mut settings);
        let settings = Arc::new(settings);
        self.clusters[usize::from(place)].settings = Arc::clone(&settings);
        for server in 0..settings.servers {
            let seat = self.seat(place, server);
            self.input(seat, Input::Admin(Ticket(1), AdminRequest::Configure(Arc::clone(&settings))));
        }
    }

    /// An operator has changed, or removed, a user.
    pub fn refresh(&mut self, user: &str) {
        self.operator(&AdminRequest::Refresh([super::world::uid(user)].into()));
    }

    /// What the servers serve by.
    pub fn settings(&self) -> Arc<Settings> {
        Arc::clone(&self.settings)
    }

    /// A datagram comes from where a phone is.
    pub fn inject(&mut self, phone: &str, text: &str) {
        let place = self.phones.iter().position(|own| own.name == phone).unwrap();
        self.post_datagram(place, &Bytes::from(text.to_owned()));
    }

    /// The last message to a phone that begins so.
    pub fn last_to(&self, phone: &str, start: &str) -> String {
        let place = self.phones.iter().position(|own| own.name == phone).unwrap();
        let line = self
            .wire
            .iter()
            .rfind(|line| line.to == Who::Phone(place) && line.bytes.starts_with(start.as_bytes()));
        line.map(|line| String::from_utf8_lossy(&line.bytes).into_owned()).unwrap_or_default()
    }
}
