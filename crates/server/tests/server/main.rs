//! The server at its edges: real sockets, a store in memory, and jobs that do what a test says.
#![allow(clippy::unwrap_used, reason = "a panic is how a test fails")]

mod access;
mod alerts;
mod auth_messages;
mod bad_frames;
mod config;
mod connections;
mod docs;
mod drain;
mod facts;
mod filters;
mod guard;
mod hang_ups;
mod health;
mod job_orders;
mod jobs;
mod limits;
mod logs;
mod measured;
mod notices;
mod pipelines;
mod places;
mod problems;
mod protocol;
mod resume;
mod resume_gaps;
mod resume_slow;
mod resume_soak;
mod sessions;
mod snapshots;
mod sse;
mod sse_resume;
mod support;
