//! Text formats: where a record ends, blocks of whole records with their places, and reading many at a time.

mod blocks;
mod encoding;
mod framing;
mod stream;
#[cfg(test)]
mod tests;

pub(crate) use blocks::{Block, BlockReader};
pub(crate) use encoding::skip_encoding_mark;
pub(crate) use framing::{Framing, Malformed, split_fields};
pub(crate) use stream::{TextFormat, TextReader};
