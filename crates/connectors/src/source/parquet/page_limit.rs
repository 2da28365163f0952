//! A bound on what a page may claim to hold. A page of a few kilobytes can claim gigabytes, and decompress to them.

use std::fs::File;
use std::io::{self, BufRead, BufReader, Read};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use bytes::Bytes;
use parquet::errors::ParquetError;
use parquet::file::reader::{ChunkReader, Length};

/// The most bytes of a page before compression. Writers end a page at about one MiB; some write a column of a row group as
/// one page.
pub(super) const PAGE_MAX_BYTES: u64 = 256 << 20;

/// A file whose pages are refused, before they are decompressed, where they claim more than [`PAGE_MAX_BYTES`].
pub(super) struct LimitedFile {
    file: File,
    claimed: Arc<AtomicU64>,
}

impl LimitedFile {
    pub(super) fn new(file: File) -> Self {
        Self { file, claimed: Arc::default() }
    }

    /// Where the claim of a refused page will be found; 0 until there is one.
    pub(super) fn claimed(&self) -> Arc<AtomicU64> {
        self.claimed.clone()
    }
}

impl Length for LimitedFile {
    fn len(&self) -> u64 {
        self.file.len()
    }
}

impl ChunkReader for LimitedFile {
    type T = LimitedRead;

    /// The library reads the headers of pages, and nothing else, from what this returns; and where it knows a header
    /// already, it does not read at all.
    fn get_read(&self, start: u64) -> Result<LimitedRead, ParquetError> {
        Ok(LimitedRead { inner: self.file.get_read(start)?, is_checked: false, claimed: self.claimed.clone() })
    }

    fn get_bytes(&self, start: u64, length: usize) -> Result<Bytes, ParquetError> {
        self.file.get_bytes(start, length)
    }
}

/// Reads one page's header.
pub(super) struct LimitedRead {
    inner: BufReader<File>,
    is_checked: bool,
    claimed: Arc<AtomicU64>,
}

impl Read for LimitedRead {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        if !self.is_checked {
            self.is_checked = true;
            let claimed = claimed_bytes(self.inner.fill_buf()?).unwrap_or(0);
            if claimed > PAGE_MAX_BYTES {
                self.claimed.store(claimed, Ordering::Relaxed);
                return Err(io::Error::other("a page is too large"));
            }
        }
        self.inner.read(buffer)
    }
}

/// The size before compression that a page's header tells: its second field, behind the page's type. Both are numbers in
/// Thrift's compact protocol, and every writer writes fields in order. `None` of anything else.
fn claimed_bytes(header: &[u8]) -> Option<u64> {
    /// One more than the field before, and of type i32.
    const NEXT_I32: u8 = 0x15;
    let rest = header.strip_prefix(&[NEXT_I32])?;
    let (_, rest) = varint(rest)?;
    let (zigzag, _) = varint(rest.strip_prefix(&[NEXT_I32])?)?;
    // Negative sizes are odd in this notation; the library refuses them.
    (zigzag % 2 == 0).then_some(zigzag / 2)
}

/// A number of seven bits a byte, the lowest first, and what follows it.
fn varint(bytes: &[u8]) -> Option<(u64, &[u8])> {
    let end = bytes.iter().take(10).position(|byte| byte & 0x80 == 0)? + 1;
    let value = bytes[..end].iter().rev().fold(0u64, |value, byte| value << 7 | u64::from(byte & 0x7f));
    Some((value, &bytes[end..]))
}
