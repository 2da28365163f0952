//! The server: REST, the live channel over WebSocket and server-sent events, and the page that shows both.
//!
//! [`serve`] runs until it is told to stop. Requests read the store and the live view and go to the job manager through
//! its handle; the live channel is one task, which owns the monitor (see `live`). Domain types become wire types in `wire`,
//! and nowhere else.

mod access;
mod app;
mod body;
mod documents;
mod guard;
mod live;
mod peer;
mod places;
mod problem;
mod query;
mod rest;
mod serve;
mod transport;
mod wire;

pub use access::NewToken;
pub use documents::{asyncapi_document, openapi_document};
pub use live::ConnectionCount;
pub use rest::route_table;
pub use serve::{Lifecycle, Listeners, MetricsText, Parts, ServeError, serve};
