//! The server at its edges: real sockets, a store in memory, and jobs that do what a test says.
#![allow(clippy::unwrap_used, reason = "a panic is how a test fails")]

mod access;
mod config;
mod docs;
mod facts;
mod filters;
mod jobs;
mod limits;
mod logs;
mod pipelines;
mod places;
mod problems;
mod protocol;
mod snapshots;
mod sse;
mod sessions;
mod support;
