//! A folder of files as a target, on a real file system.

#![allow(clippy::unwrap_used, reason = "a panic is how a test fails")]

mod appends;
mod crash;
mod incremental;
mod partitions;
mod reading;
mod replaces;
mod support;
mod wide;
