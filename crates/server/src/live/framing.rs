//! How a payload is wrapped for its way: a WebSocket frame (RFC 6455, section 5.2) or a server-sent event.

use etlplus_api::{CloseCode, Frame, ServerMessage};

/// The way of a connection.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(super) enum Framing {
    WebSocket,
    Sse,
}

/// An envelope, encoded once for all who get it.
#[derive(Debug)]
pub(super) struct Payload {
    type_name: &'static str,
    /// `epoch:offset`; empty where nobody could go on from there.
    id: String,
    json: Vec<u8>,
}

const FINAL: u8 = 0x80;
const TEXT: u8 = 0x1;
const CLOSE: u8 = 0x8;
const PING: u8 = 0x9;

impl Payload {
    pub(super) fn of(frame: &Frame) -> Self {
        // Whoever has a part of a snapshot, or knows of a gap, does not have what lies before that place.
        let is_half = match &frame.message {
            ServerMessage::Snapshot(part) => part.more,
            ServerMessage::Gap(_) => true,
            _ => false,
        };
        let place = frame.position.as_ref().filter(|_| !is_half);
        Self {
            type_name: frame.message.type_name(),
            id: place.map(|place| format!("{}:{}", place.epoch, place.offset)).unwrap_or_default(),
            json: serde_json::to_vec(frame).expect("a frame has only text keys and finite numbers"),
        }
    }
}

impl Framing {
    /// Adds the payload to `bytes` as one whole frame.
    pub(super) fn add(self, payload: &Payload, bytes: &mut Vec<u8>) {
        let Payload { type_name, id, json } = payload;
        match self {
            Self::WebSocket => {
                add_header(FINAL | TEXT, json.len(), bytes);
                bytes.extend_from_slice(json);
            }
            Self::Sse => {
                bytes.extend_from_slice(b"event: ");
                bytes.extend_from_slice(type_name.as_bytes());
                if !id.is_empty() {
                    bytes.extend_from_slice(b"\nid: ");
                    bytes.extend_from_slice(id.as_bytes());
                }
                // JSON has no line ends, so one line of data holds it.
                bytes.extend_from_slice(b"\ndata: ");
                bytes.extend_from_slice(json);
                bytes.extend_from_slice(b"\n\n");
            }
        }
    }

    /// What shows that the connection lives, besides the frame `heartbeat`.
    pub(super) fn add_beat(self, heartbeat: &Payload, bytes: &mut Vec<u8>) {
        match self {
            Self::WebSocket => {
                add_header(FINAL | PING, 0, bytes);
                self.add(heartbeat, bytes);
            }
            Self::Sse => bytes.extend_from_slice(b": keep-alive\n\n"),
        }
    }

    /// The last words to a client. `reason` has at most 123 bytes.
    pub(super) fn closing(self, code: CloseCode, reason: &str) -> Vec<u8> {
        match self {
            Self::WebSocket => {
                let mut bytes = Vec::new();
                add_header(FINAL | CLOSE, 2 + reason.len(), &mut bytes);
                bytes.extend_from_slice(&code.get().to_be_bytes());
                bytes.extend_from_slice(reason.as_bytes());
                bytes
            }
            Self::Sse => format!(": closed {} {reason}\n\n", code.get()).into_bytes(),
        }
    }
}

/// Header of an unmasked frame, as servers send them.
fn add_header(first: u8, payload: usize, bytes: &mut Vec<u8>) {
    bytes.push(first);
    match (u8::try_from(payload), u16::try_from(payload)) {
        (Ok(short @ ..=125), _) => bytes.push(short),
        (_, Ok(medium)) => {
            bytes.push(126);
            bytes.extend_from_slice(&medium.to_be_bytes());
        }
        (_, Err(_)) => {
            bytes.push(127);
            bytes.extend_from_slice(&(payload as u64).to_be_bytes());
        }
    }
}

/// Where the first frame begins that lies wholly after the first `sent` bytes of `frames`, which are whole unmasked
/// frames.
pub(super) fn boundary_after(frames: &[u8], sent: usize) -> usize {
    let mut at = 0;
    while at < sent {
        let (header, payload) = match frames[at + 1] {
            126 => (4, u64::from(u16::from_be_bytes([frames[at + 2], frames[at + 3]]))),
            127 => {
                let length = frames[at + 2..at + 10].try_into().expect("the slice has eight bytes");
                (10, u64::from_be_bytes(length))
            }
            short => (2, u64::from(short)),
        };
        at += header + usize::try_from(payload).expect("the frame is in memory");
    }
    at
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_boundary_is_where_the_next_frame_begins() {
        let mut bytes = Vec::new();
        let mut starts = vec![0];
        for payload in [0, 1, 125, 126, 65_535, 65_536] {
            add_header(FINAL | TEXT, payload, &mut bytes);
            bytes.resize(bytes.len() + payload, b'x');
            starts.push(bytes.len());
        }
        for sent in 0..=bytes.len() {
            let expected = starts.iter().copied().find(|start| *start >= sent);
            assert_eq!(Some(boundary_after(&bytes, sent)), expected, "{sent} bytes were sent");
        }
    }
}
