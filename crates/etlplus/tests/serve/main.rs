//! The server as its users meet it: the real binary, with real jobs, over real sockets.

#[path = "../support/mod.rs"]
mod support;

mod bad_input;
mod browser;
mod commands;
mod foreign;
mod kills;
mod live;
mod pipelines;
mod refusals;
mod server;
