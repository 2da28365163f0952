//! The life of a job: its moves, the laws that no sequence of them breaks, and its way through a log of facts.

mod diagram;
mod examples;
mod ledger;
mod memory_log;
mod moves;
mod properties;
