//! The client of a server of ETL Plus: its REST, its live channel, and the logs of its jobs as they grow.
//!
//! What breaks is mended here where waiting can mend it: the live channel and the logs connect again, after a pause that
//! grows, and go on where they were. What waiting cannot mend is an [`Error`], which says what to do instead.

mod backoff;
mod client;
mod error;
mod feed;
mod follow;
mod query;
mod routes;
mod sse;
mod watch;

pub use client::Client;
pub use error::Error;
pub use follow::{LogEvent, LogFollow};
pub use query::{AlertQuery, JobQuery, LogQuery};
pub use watch::{Event, Watch};
