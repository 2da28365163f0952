//! Reading of a client's frames: the codec is tungstenite's, over a socket that never waits.

use std::io::{self, Read, Write};

use bytes::Bytes;
use etlplus_api::CloseCode;
use tokio::net::TcpStream;
use tungstenite::error::{CapacityError, Error};
use tungstenite::protocol::{Message, Role, WebSocketConfig, WebSocketContext};

use super::bounds::{MESSAGE_BYTES_MAX, READ_BUFFER_BYTES, READ_TURN_BYTES, UNFINISHED_BYTES_MAX};

/// The reading half of a WebSocket.
pub(super) struct Reader {
    context: WebSocketContext,
    /// Bytes that were read since the last whole message, headers among them.
    unfinished: usize,
}

/// What was read.
#[derive(Debug)]
pub(super) enum Heard {
    /// A text.
    Text(String),
    /// A ping; `Bytes` answer it.
    Ping(Bytes),
    /// A pong.
    Pong,
    /// The client closes; the bytes are the answer.
    Close(Vec<u8>),
    /// The client broke the protocol.
    Broken(CloseCode),
    /// Nothing more for now.
    Nothing,
    /// The client is gone without a word.
    Gone,
}

impl Reader {
    /// Reads on after `begun`, which the upgrade has read already.
    pub(super) fn new(begun: &[u8]) -> Self {
        let config = WebSocketConfig::default()
            .read_buffer_size(READ_BUFFER_BYTES)
            .write_buffer_size(0)
            .max_message_size(Some(MESSAGE_BYTES_MAX))
            .max_frame_size(Some(MESSAGE_BYTES_MAX));
        let context = WebSocketContext::from_partially_read(begun.to_vec(), Role::Server, Some(config));
        Self { context, unfinished: 0 }
    }

    /// The next message. `turn` is how many bytes may be read before somebody else has to have a turn.
    pub(super) fn read(&mut self, socket: &TcpStream, turn: &mut Turn) -> Heard {
        let mut tap = Tap { socket, turn, answer: Vec::new(), count: 0 };
        let read = self.context.read(&mut tap);
        self.unfinished = if read.is_ok() { 0 } else { self.unfinished + tap.count };
        if self.unfinished > UNFINISHED_BYTES_MAX {
            return Heard::Broken(CloseCode::TooLarge);
        }
        match read {
            Ok(Message::Text(text)) => Heard::Text(text.as_str().to_owned()),
            Ok(Message::Binary(_) | Message::Frame(_)) => Heard::Broken(CloseCode::Unsupported),
            Ok(Message::Pong(_)) => Heard::Pong,
            // The codec has prepared the answers to these two, and gives them with the next write.
            Ok(Message::Ping(_)) => {
                let flushed = self.context.flush(&mut tap);
                debug_assert!(flushed.is_ok(), "writing into memory does not fail");
                Heard::Ping(tap.answer.into())
            }
            Ok(Message::Close(_)) => {
                // It says by an error that nothing comes after the answer.
                let _closed = self.context.flush(&mut tap);
                Heard::Close(tap.answer)
            }
            Err(Error::Io(error)) if error.kind() == io::ErrorKind::WouldBlock => Heard::Nothing,
            Err(Error::Utf8(_)) => Heard::Broken(CloseCode::InvalidText),
            Err(Error::Capacity(CapacityError::MessageTooLong { .. })) => Heard::Broken(CloseCode::TooLarge),
            Err(Error::Protocol(tungstenite::error::ProtocolError::ResetWithoutClosingHandshake)) => Heard::Gone,
            Err(Error::Protocol(_)) => Heard::Broken(CloseCode::ProtocolError),
            Err(_) => Heard::Gone,
        }
    }
}

/// How many bytes are left of one turn.
#[derive(Debug)]
pub(super) struct Turn(usize);

impl Turn {
    pub(super) fn new() -> Self {
        Self(READ_TURN_BYTES)
    }
}

/// Reads from the socket, and writes into memory.
struct Tap<'a> {
    socket: &'a TcpStream,
    turn: &'a mut Turn,
    answer: Vec<u8>,
    /// Bytes that were read.
    count: usize,
}

impl Read for Tap<'_> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        if self.turn.0 == 0 {
            return Err(io::ErrorKind::WouldBlock.into());
        }
        let count = self.socket.try_read(buffer)?;
        self.turn.0 = self.turn.0.saturating_sub(count);
        self.count += count;
        Ok(count)
    }
}

impl Write for Tap<'_> {
    fn write(&mut self, buffer: &[u8]) -> io::Result<usize> {
        self.answer.extend_from_slice(buffer);
        Ok(buffer.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}
