//! What every target holds to, whatever it is: one entry in `targets::all` for each kind.

#![allow(clippy::unwrap_used, reason = "a panic is how a test fails")]

#[path = "../support/postgres.rs"]
mod server;
#[path = "../support/mod.rs"]
mod support;

mod suite;
mod targets;
