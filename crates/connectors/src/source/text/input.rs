//! The text of a file: decompressed, without its byte order mark, in UTF-8.

use std::io::{self, Read};

use encoding_rs::{Encoding, UTF_8};
use etlplus_core::Failure;
use etlplus_core::pipeline::FileCompression;

use super::compression::Decompressed;
use super::transcode::Transcoder;
use crate::source::SourceFile;

/// How much of a text is looked at before it is read: the header of a tar archive.
const HEAD_BYTES: u64 = 512;

/// Bytes of text that know where they stand in their file.
pub(crate) trait Input: Read {
    /// Where the byte number `text` of the text stands in the file; `None` where the text is not the file's own bytes,
    /// because it was compressed or in another encoding.
    fn file_offset(&self, text: u64) -> Option<u64>;

    /// How many bytes of the file lie behind whoever has taken the first `text` bytes of the text. Where they are not the
    /// file's own bytes: those that the text read so far came from. All of the file once the text is at its end.
    fn file_bytes(&self, text: u64) -> u64;

    /// Appends up to `most` bytes to `text`; fewer only at the end.
    fn read_some(&mut self, text: &mut Vec<u8>, most: u64) -> io::Result<usize> {
        self.take(most).read_to_end(text)
    }
}

/// The text of one file, from its start. In UTF-8, but for bytes that were not UTF-8 in a file that claims to be, and for the
/// byte FF in the place of what the encoding of the file does not have: rows that hold such bytes are rejected.
pub(crate) struct TextInput {
    bytes: Decompressed,
    text: Text,
    /// Of the byte order mark, which is no part of the text.
    mark_bytes: u64,
    name: String,
}

enum Text {
    /// UTF-8: the bytes as they are, after those that were looked at.
    AsItIs {
        head: Vec<u8>,
        at: usize,
    },
    Transcoded(Box<Transcoder>),
}

impl TextInput {
    /// Opens `file`. A byte order mark overrules `encoding`.
    ///
    /// # Errors
    /// Where it cannot be read, is not compressed as declared, or is no text: an archive, say.
    pub(crate) fn open(
        file: &SourceFile,
        compression: FileCompression,
        encoding: &'static Encoding,
    ) -> Result<Self, Failure> {
        let mut bytes = Decompressed::open(file, compression)?;
        let mut head = Vec::new();
        let read = (&mut bytes).take(HEAD_BYTES).read_to_end(&mut head);
        read.map_err(|error| {
            let failure = bytes.failure(&file.name(), bytes.file_bytes(), &error);
            failure.unwrap_or_else(|| file.read_failure(&error))
        })?;
        if compression != FileCompression::None {
            refuse_tar(&head, file)?;
        }
        refuse_utf32(&head, file)?;
        let (encoding, mark_bytes) = Encoding::for_bom(&head).unwrap_or((encoding, 0));
        head.drain(..mark_bytes);
        let text = if encoding == UTF_8 {
            Text::AsItIs { head, at: 0 }
        } else {
            Text::Transcoded(Box::new(Transcoder::new(encoding, head)))
        };
        Ok(Self { bytes, text, mark_bytes: mark_bytes as u64, name: file.name() })
    }

    fn is_as_it_is(&self) -> bool {
        self.bytes.is_plain() && matches!(self.text, Text::AsItIs { .. })
    }
}

impl Input for TextInput {
    fn file_offset(&self, text: u64) -> Option<u64> {
        self.is_as_it_is().then(|| self.mark_bytes + text)
    }

    fn file_bytes(&self, text: u64) -> u64 {
        self.file_offset(text).unwrap_or_else(|| self.bytes.file_bytes())
    }

    fn read_some(&mut self, text: &mut Vec<u8>, most: u64) -> io::Result<usize> {
        match (&self.text, &mut self.bytes) {
            (Text::AsItIs { head, at }, Decompressed::Plain(file)) if *at == head.len() => file.read_some(text, most),
            _ => self.take(most).read_to_end(text),
        }
    }
}

impl Read for TextInput {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let read = match &mut self.text {
            Text::AsItIs { head, at } if *at < head.len() => {
                let taken = buffer.len().min(head.len() - *at);
                buffer[..taken].copy_from_slice(&head[*at..*at + taken]);
                *at += taken;
                Ok(taken)
            }
            Text::AsItIs { .. } => self.bytes.read(buffer),
            Text::Transcoded(transcoder) => transcoder.read(&mut self.bytes, buffer),
        };
        read.map_err(|error| match self.bytes.failure(&self.name, self.bytes.file_bytes(), &error) {
            Some(failure) => io::Error::new(io::ErrorKind::InvalidData, failure),
            None => error,
        })
    }
}

/// A tar archive has the word `ustar` in the header of its first file, behind a name that ends in zeros.
fn refuse_tar(head: &[u8], file: &SourceFile) -> Result<(), Failure> {
    if head.get(257..262) != Some(b"ustar") || !head[..257].contains(&0) {
        return Ok(());
    }
    Err(Failure::user(
        "not_text",
        format!("{} is no text but a tar archive", file.name()),
        "unpack it, and name the files in it",
    ))
}

/// UTF-32 begins with a mark that is the one of UTF-16 and a character of zeros, which no text begins with.
fn refuse_utf32(head: &[u8], file: &SourceFile) -> Result<(), Failure> {
    if !head.starts_with(b"\xFF\xFE\0\0") && !head.starts_with(b"\0\0\xFE\xFF") {
        return Ok(());
    }
    Err(Failure::user(
        "unknown_encoding",
        format!("{} is written in UTF-32", file.name()),
        "convert it to UTF-8, for example with iconv -f UTF-32 -t UTF-8",
    ))
}
