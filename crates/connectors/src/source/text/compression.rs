//! How a file is compressed as a whole, by its first bytes, and its bytes as they were before.

use std::fs::File;
use std::io::{self, BufReader, Read, Seek};

use etlplus_core::Failure;
use etlplus_core::pipeline::FileCompression;
use flate2::bufread::MultiGzDecoder;
use zstd::stream::read::Decoder as ZstdDecoder;

use crate::source::SourceFile;

/// How much of a compressed file is read at a time.
const COMPRESSED_BYTES: usize = 128 << 10;

/// The first bytes that tell what a file is; the longest of the known ones.
const MAGIC_BYTES: usize = 8;

const GZIP: &[u8] = b"\x1F\x8B";
const ZSTD: &[u8] = b"\x28\xB5\x2F\xFD";

/// What text is never begun with, and what to do about it: compressions that are not read, and archives, which hold
/// several files.
const FOREIGN: [(&[u8], &str, &str); 8] = [
    (b"PK\x03\x04", "a zip archive", "unpack it, and name the files in it"),
    (b"PK\x05\x06", "a zip archive without a file", "check whether the right file was sent"),
    (b"7z\xBC\xAF\x27\x1C", "a 7z archive", "unpack it, and name the files in it"),
    (b"Rar!\x1A\x07", "a rar archive", "unpack it, and name the files in it"),
    (b"BZh", "compressed by bzip2", "decompress it (bunzip2), or compress it by gzip or zstd"),
    (b"\xFD7zXZ\0", "compressed by xz", "decompress it (unxz), or compress it by gzip or zstd"),
    (b"\x04\x22\x4D\x18", "compressed by lz4", "decompress it (unlz4), or compress it by gzip or zstd"),
    (b"\x1F\x9D", "compressed by compress", "decompress it (uncompress), or compress it by gzip or zstd"),
];

/// The bytes of a file, decompressed as they are read. Memory stays the same however much comes out: 64 KiB of gzip's
/// window, 128 MiB at most of zstd's, which refuses larger ones.
///
/// What may come out of a file has no limit of its own: it is a stream whose records are bounded by `limits.record`, so that a
/// small file that becomes terabytes takes time alone, of which a job has as much as its timeout says, and can be
/// cancelled at any block.
pub(super) enum Decompressed {
    Plain(Counted),
    Gzip(Box<MultiGzDecoder<BufReader<Counted>>>),
    Zstd(Box<ZstdDecoder<'static, BufReader<Counted>>>),
}

/// A file that knows how much of it was read.
pub(super) struct Counted {
    file: File,
    bytes: u64,
}

impl Decompressed {
    /// Opens `file`. With [`FileCompression::Auto`] its first bytes decide.
    ///
    /// # Errors
    /// Where it cannot be read, is not compressed as declared, or is an archive or compressed in a way that is not read.
    pub(super) fn open(file: &SourceFile, compression: FileCompression) -> Result<Self, Failure> {
        let failed = |error: io::Error| file.read_failure(&error);
        let mut opened = file.open()?;
        let mut magic = Vec::with_capacity(MAGIC_BYTES);
        (&mut opened).take(MAGIC_BYTES as u64).read_to_end(&mut magic).map_err(failed)?;
        opened.rewind().map_err(failed)?;
        let counted = Counted { file: opened, bytes: 0 };
        let buffered = |counted| BufReader::with_capacity(COMPRESSED_BYTES, counted);
        match compression {
            FileCompression::None => Ok(Self::Plain(counted)),
            FileCompression::Auto if magic.starts_with(GZIP) => Ok(gzip(buffered(counted))),
            FileCompression::Auto if magic.starts_with(ZSTD) => zstd(buffered(counted)).map_err(failed),
            FileCompression::Auto => {
                refuse_foreign(&magic, file)?;
                Ok(Self::Plain(counted))
            }
            // An empty file is compressed by nothing, and the decoder says that it is cut short.
            FileCompression::Gzip if magic.starts_with(GZIP) || magic.is_empty() => Ok(gzip(buffered(counted))),
            FileCompression::Gzip => Err(wrong_compression(file, "gzip")),
            // zstd has frames of other magic numbers, to be skipped, and the decoder knows them.
            FileCompression::Zstd if is_zstd(&magic) || magic.is_empty() => zstd(buffered(counted)).map_err(failed),
            FileCompression::Zstd => Err(wrong_compression(file, "zstd")),
        }
    }

    /// Whether the bytes of the file are those that come out.
    pub(super) fn is_plain(&self) -> bool {
        matches!(self, Self::Plain(_))
    }

    /// How many bytes of the file what came out has taken.
    pub(super) fn file_bytes(&self) -> u64 {
        let consumed = |buffered: &BufReader<Counted>| buffered.get_ref().bytes - buffered.buffer().len() as u64;
        match self {
            Self::Plain(file) => file.bytes,
            Self::Gzip(decoder) => consumed(decoder.get_ref()),
            Self::Zstd(decoder) => consumed(decoder.get_ref()),
        }
    }

    /// What to tell of an error of `read`.
    pub(super) fn failure(&self, file: &str, at: u64, error: &io::Error) -> Option<Failure> {
        // Errors of the system have a number; those of the decoders have none.
        let name = match self {
            _ if error.raw_os_error().is_some() => return None,
            Self::Plain(_) => return None,
            Self::Gzip(_) => "gzip",
            Self::Zstd(_) => "zstd",
        };
        if error.kind() == io::ErrorKind::UnexpectedEof {
            return Some(Failure::data(
                "file_cut_short",
                format!("{file} ends in the middle of its {name} stream, after {at} bytes"),
                "fetch the file again: its end is missing, and with it rows",
            ));
        }
        Some(Failure::data(
            "file_damaged",
            format!("the {name} stream of {file} is damaged, at byte {at} or before: {error}"),
            "fetch the file again, or have it written again",
        ))
    }
}

fn gzip(file: BufReader<Counted>) -> Decompressed {
    Decompressed::Gzip(Box::new(MultiGzDecoder::new(file)))
}

fn zstd(file: BufReader<Counted>) -> io::Result<Decompressed> {
    Ok(Decompressed::Zstd(Box::new(ZstdDecoder::with_buffer(file)?)))
}

/// A frame, or one to be skipped (RFC 8878, 3.1.2).
fn is_zstd(magic: &[u8]) -> bool {
    magic.starts_with(ZSTD) || matches!(magic, [0x50..=0x5F, 0x2A, 0x4D, 0x18, ..])
}

/// Refuses what is no text by its first bytes.
fn refuse_foreign(magic: &[u8], file: &SourceFile) -> Result<(), Failure> {
    match FOREIGN.iter().find(|(first, ..)| magic.starts_with(first) && is_certain(magic)) {
        Some((_, what, remedy)) => {
            Err(Failure::user("not_text", format!("{} is no text but {what}", file.name()), *remedy))
        }
        None => Ok(()),
    }
}

/// `BZh` begins bzip2 only with the size of its blocks and the digits of pi behind it: a text may begin so too.
fn is_certain(magic: &[u8]) -> bool {
    !magic.starts_with(b"BZh") || magic.get(4..8) == Some(b"1AY&")
}

fn wrong_compression(file: &SourceFile, declared: &str) -> Failure {
    Failure::user(
        "wrong_compression",
        format!("{} is not compressed by {declared}", file.name()),
        "leave compression out: then each file's first bytes say how it is compressed",
    )
}

impl Read for Decompressed {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        match self {
            Self::Plain(file) => file.read(buffer),
            Self::Gzip(decoder) => decoder.read(buffer),
            Self::Zstd(decoder) => decoder.read(buffer),
        }
    }
}

impl Counted {
    /// Appends up to `most` bytes to `bytes`, which need not be cleared for it: the standard library knows files.
    pub(super) fn read_some(&mut self, bytes: &mut Vec<u8>, most: u64) -> io::Result<usize> {
        let read = (&self.file).take(most).read_to_end(bytes)?;
        self.bytes += read as u64;
        Ok(read)
    }
}

impl Read for Counted {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let read = self.file.read(buffer)?;
        self.bytes += read as u64;
        Ok(read)
    }
}
