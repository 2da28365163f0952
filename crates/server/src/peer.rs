//! The other end of a connection, as every request on it sees it.

use std::net::{IpAddr, SocketAddr};
use std::sync::{Arc, Mutex, PoisonError};

use tokio::sync::OwnedSemaphorePermit;

/// The other end.
#[derive(Debug, Clone)]
pub(crate) struct Peer {
    pub(crate) remote: SocketAddr,
    /// The address at which it reached this server.
    pub(crate) local: IpAddr,
    permit: Arc<Mutex<Option<OwnedSemaphorePermit>>>,
}

impl Peer {
    pub(crate) fn new(remote: SocketAddr, local: IpAddr, permit: OwnedSemaphorePermit) -> Self {
        Self { remote, local, permit: Arc::new(Mutex::new(Some(permit))) }
    }

    /// Gives the connection's place among those of HTTP back, because something else counts it from now on.
    pub(crate) fn release(&self) {
        self.permit.lock().unwrap_or_else(PoisonError::into_inner).take();
    }
}
