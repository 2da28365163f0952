//! The other end of a connection, as every request on it sees it.

use std::net::{IpAddr, SocketAddr};
use std::sync::{Arc, Mutex, PoisonError};

use crate::live::Slot;
use crate::places::Place;

/// The other end.
#[derive(Debug, Clone)]
pub(crate) struct Peer {
    pub(crate) remote: SocketAddr,
    /// The address at which it reached this server.
    pub(crate) local: IpAddr,
    /// What the connection is counted by; `None` where something else counts it.
    place: Arc<Mutex<Option<Place>>>,
}

impl Peer {
    pub(crate) fn new(remote: SocketAddr, local: IpAddr, place: Place) -> Self {
        Self { remote, local, place: Arc::new(Mutex::new(Some(place))) }
    }

    /// Gives the connection's place among those of HTTP back, because something else counts it from now on.
    pub(crate) fn release(&self) {
        self.count_by(None);
    }

    /// Gives the connection's place among those of HTTP back: a slot of the live channel counts it to its end.
    pub(crate) fn exchange(&self, slot: Slot) {
        self.count_by(Some(Place::Live(slot)));
    }

    fn count_by(&self, place: Option<Place>) {
        *self.place.lock().unwrap_or_else(PoisonError::into_inner) = place;
    }
}
