//! A method for each route of REST.
//!
//! All of them fail with [`Error::Problem`](crate::Error::Problem) where the server says no, which includes a token that does
//! not hold (status 401) or may not do it (403); with [`Error::Unreachable`](crate::Error::Unreachable) where it does not
//! answer in time; and with [`Error::NotUnderstood`](crate::Error::NotUnderstood) where something else answers.

mod access;
mod alerts;
mod connections;
mod jobs;
mod operations;
mod submit;
