//! PostgreSQL as a source and as a target, by a real server.
#![allow(clippy::unwrap_used, reason = "a panic is how a test fails")]

mod faults;
mod incremental;
mod modes;
mod proxy;
mod reading;
#[path = "../support/postgres.rs"]
mod server;
mod support;
mod tables;
mod types;
