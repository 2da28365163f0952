//! Alerts reach their receivers, whatever happens on the way: real sockets, the real store, and a clock that is walked.

mod channels;
mod email;
mod outages;
mod restarts;
mod support;
mod webhooks;
