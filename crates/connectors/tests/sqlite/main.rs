//! SQLite, both ways.

#[path = "../support/mod.rs"]
mod support;

mod children;
mod constraints;
mod crash;
mod database;
mod dynamic;
mod incremental;
mod locks;
mod modes;
mod source;
mod types;
