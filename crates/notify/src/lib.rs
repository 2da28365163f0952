//! Alerts on their way to people: rules that turn facts into alerts, and the channels by which these leave.
//!
//! The log of facts is the outbox. The [`Notifier`] follows it with a cursor that the store moves in the transaction that
//! records what follows, so that a crash neither leaves out a fact nor raises an alert twice. A delivery is tried until
//! its channel takes it: at least once, with one key for all its tries.

pub mod backoff;
pub mod breaker;
pub mod channel;
pub mod guard;
pub mod message;
mod metrics;
mod notifier;
pub mod rules;
mod secret;

pub use notifier::{Handle, KEPT_MAX, Notifier, Parts, REFUSALS_MAX, WAITING_MAX};
