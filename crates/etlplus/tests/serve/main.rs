//! The server as its users meet it: the real binary, with real jobs, over real sockets.

#[path = "../support/mod.rs"]
mod support;

mod access;
mod alerts;
mod bad_input;
mod browser;
mod commands;
mod documents;
mod foreign;
mod health;
mod http;
mod kills;
mod live;
mod mail;
mod management;
mod operate;
mod pipelines;
mod prometheus;
mod receiver;
mod refusals;
mod seed;
mod server;
mod settings;
