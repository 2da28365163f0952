//! The life of a job: its moves, and the laws that no sequence of them breaks.

mod diagram;
mod examples;
mod moves;
mod properties;
