//! Text of any encoding as UTF-8, by stream.

use std::io::{self, Read};

use encoding_rs::{Decoder, DecoderResult, Encoding};

/// How much text is transcoded at a time, in bytes of either side.
const STEP_BYTES: usize = 64 << 10;

/// Stands for what the declared encoding does not have. It is in no UTF-8, so that the row is rejected by the rule `utf8`
/// and not loaded with a character that nobody wrote.
pub(super) const MALFORMED: u8 = 0xFF;

/// The state between two steps.
pub(super) struct Transcoder {
    decoder: Decoder,
    /// Bytes that were read and not decoded.
    encoded: Vec<u8>,
    encoded_at: usize,
    at_end: bool,
    /// UTF-8 that was decoded and not taken.
    decoded: Vec<u8>,
    decoded_at: usize,
    is_finished: bool,
}

impl Transcoder {
    /// `head` are the first bytes of the text, without a byte order mark.
    pub(super) fn new(encoding: &'static Encoding, head: Vec<u8>) -> Self {
        Self {
            decoder: encoding.new_decoder_without_bom_handling(),
            encoded: head,
            encoded_at: 0,
            at_end: false,
            decoded: Vec::new(),
            decoded_at: 0,
            is_finished: false,
        }
    }

    /// Reads UTF-8 of what `input` still has.
    pub(super) fn read(&mut self, input: &mut impl Read, buffer: &mut [u8]) -> io::Result<usize> {
        while self.decoded_at == self.decoded.len() && !self.is_finished {
            self.step(input)?;
        }
        let taken = buffer.len().min(self.decoded.len() - self.decoded_at);
        buffer[..taken].copy_from_slice(&self.decoded[self.decoded_at..self.decoded_at + taken]);
        self.decoded_at += taken;
        Ok(taken)
    }

    fn step(&mut self, input: &mut impl Read) -> io::Result<()> {
        if self.encoded_at == self.encoded.len() && !self.at_end {
            self.encoded.clear();
            self.encoded_at = 0;
            self.at_end = input.take(STEP_BYTES as u64).read_to_end(&mut self.encoded)? == 0;
        }
        self.decoded.resize(STEP_BYTES, 0);
        self.decoded_at = 0;
        let rest = &self.encoded[self.encoded_at..];
        let room = STEP_BYTES - 1;
        let (result, read, mut written) =
            self.decoder.decode_to_utf8_without_replacement(rest, &mut self.decoded[..room], self.at_end);
        self.encoded_at += read;
        match result {
            DecoderResult::InputEmpty => self.is_finished = self.at_end,
            DecoderResult::OutputFull => {}
            DecoderResult::Malformed(..) => {
                self.decoded[written] = MALFORMED;
                written += 1;
            }
        }
        self.decoded.truncate(written);
        Ok(())
    }
}
