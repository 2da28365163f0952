//! The server: REST, the live channel over WebSocket and server-sent events, and the page that shows both.
//!
//! [`serve`] runs until it is told to stop. Requests read the store and the live view and go to the job manager through
//! its handle; the live channel is one task, which owns the monitor (see `live`). Domain types become wire types in `wire`,
//! and nowhere else.

mod app;
mod body;
mod guard;
mod live;
mod options;
mod peer;
mod places;
mod problem;
mod query;
mod rest;
mod serve;
mod transport;
mod wire;

pub use options::{HEARTBEAT_INTERVAL, MAX_CONNECTIONS, MESSAGE_QUEUE_SIZE, OptionFault, Options};
pub use serve::{Parts, ServeError, serve};
