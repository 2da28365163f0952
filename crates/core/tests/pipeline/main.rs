//! Pipeline files through the public reader: what is read, and what is said about mistakes.
#![allow(clippy::unwrap_used, reason = "a panic is how a test fails")]

mod formats;
mod forms;
mod hostile;
mod mistakes;
mod references;
mod rules;
mod sections;
mod sources;
mod targets;
mod treatment;
mod whole;
mod yaml;
