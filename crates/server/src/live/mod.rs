//! The live channel. One task, the [`Hub`], owns the monitor: snapshots and deltas come from the same hands, so nothing
//! falls between. It encodes each update once, copies it into one buffer for each group of connections that ask for the
//! same, and writes that buffer to every socket of the group; what a socket does not take waits in the connection's outbox.

mod bounds;
mod budget;
mod catching_up;
mod client;
mod codec;
mod connection;
mod filter;
mod framing;
mod greeting;
mod group;
mod handle;
mod hub;
mod outbox;
mod replay;
mod samples;
mod session;
mod slots;
mod snapshot;
mod sse;
mod upgrade;
mod websocket;

pub(crate) use filter::Filter;
pub(crate) use handle::{Down, Live};
pub(crate) use hub::Hub;
pub(crate) use replay::Log;
pub use slots::ConnectionCount;
pub(crate) use slots::Slot;
pub(crate) use sse::events;
pub(crate) use upgrade::upgrade;

/// Counts frames that went to connections.
const FRAMES_SENT: &str = "etlplus_frames_sent_total";
