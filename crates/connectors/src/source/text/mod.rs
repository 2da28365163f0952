//! Text formats: where a record ends, blocks of whole records with their places, and reading many at a time.

mod block;
mod blocks;
mod compression;
mod framing;
mod input;
pub(super) mod simd;
mod stream;
mod survey;
#[cfg(test)]
mod tests;
mod transcode;

pub(crate) use block::{Block, Span};
pub(crate) use blocks::BlockReader;
pub(crate) use framing::{Dialect, Framing, Malformed, Scan, split_fields};
#[cfg(any(test, feature = "fuzzing"))]
pub(crate) use input::Input;
pub(crate) use input::TextInput;
pub(crate) use stream::{OneRecord, TextFormat, TextReader};
