//! A parser of server-sent events (HTML Standard, section 9.2.6).
//!
//! It is a page of our own because the rest of a client, which libraries bring along, is what has to differ here: when to
//! connect again, from which line, and how long a line may be.

/// The longest line, and the most data of one event. A log line is a few kilobytes at most; this keeps a server that
/// never ends a line from filling the memory.
const EVENT_MAX_BYTES: usize = 1 << 20;

/// One event.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct SseEvent {
    /// The field `event`; `message` where it was left out.
    pub(crate) name: String,
    /// The fields `data`, with a line end between two.
    pub(crate) data: String,
}

/// Why a stream is no stream of events.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub(crate) enum NoEvents {
    /// A line or an event has no end.
    #[error("an event is longer than {} MiB", EVENT_MAX_BYTES >> 20)]
    TooLong,
    /// A line is no UTF-8.
    #[error("it is no text in UTF-8")]
    NotText,
}

/// Cuts bytes into events, wherever the bytes were cut before. An event whose end never came is none.
#[derive(Debug, Default)]
pub(crate) struct SseParser {
    line: Vec<u8>,
    after_carriage_return: bool,
    has_begun: bool,
    name: String,
    data: String,
    has_data: bool,
}

impl SseParser {
    /// Takes the next bytes, and puts the events that they end at the end of `events`.
    pub(crate) fn push(&mut self, bytes: &[u8], events: &mut Vec<SseEvent>) -> Result<(), NoEvents> {
        for &byte in bytes {
            let ends_pair = std::mem::take(&mut self.after_carriage_return) && byte == b'\n';
            match byte {
                _ if ends_pair => {}
                b'\n' | b'\r' => {
                    self.after_carriage_return = byte == b'\r';
                    events.extend(self.end_line()?);
                }
                _ if self.line.len() >= EVENT_MAX_BYTES => return Err(NoEvents::TooLong),
                _ => self.line.push(byte),
            }
        }
        Ok(())
    }

    fn end_line(&mut self) -> Result<Option<SseEvent>, NoEvents> {
        let bytes = std::mem::take(&mut self.line);
        let mut line = str::from_utf8(&bytes).map_err(|_| NoEvents::NotText)?;
        if !std::mem::replace(&mut self.has_begun, true) {
            line = line.strip_prefix('\u{feff}').unwrap_or(line);
        }
        if line.is_empty() {
            return Ok(self.end_event());
        }
        // A line that begins with a colon is a comment; its field has no name.
        let (field, value) = line.split_once(':').unwrap_or((line, ""));
        let value = value.strip_prefix(' ').unwrap_or(value);
        match field {
            "event" => value.clone_into(&mut self.name),
            "data" => {
                if self.data.len() + value.len() > EVENT_MAX_BYTES {
                    return Err(NoEvents::TooLong);
                }
                if std::mem::replace(&mut self.has_data, true) {
                    self.data.push('\n');
                }
                self.data.push_str(value);
            }
            // `id` is not needed, since each line of a log says its own place, and `retry` is the client's own decision.
            _ => {}
        }
        Ok(None)
    }

    fn end_event(&mut self) -> Option<SseEvent> {
        let (name, data) = (std::mem::take(&mut self.name), std::mem::take(&mut self.data));
        let name = if name.is_empty() { "message".to_owned() } else { name };
        std::mem::take(&mut self.has_data).then_some(SseEvent { name, data })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const STREAM: &str = "\u{feff}: keep-alive\n\nevent: job_log_message\r\nid: 7\r\ndata: {\"m\":\"Grüße\"}\r\n\r\n\
        data:first\rdata:  second\rretry: 5\r\r\nevent: nothing\n\nevent: end\ndata: {}\n\nunknown\ndata\n\ndata: unfinished\n";

    fn event(name: &str, data: &str) -> SseEvent {
        SseEvent { name: name.to_owned(), data: data.to_owned() }
    }

    fn expected() -> Vec<SseEvent> {
        vec![
            event("job_log_message", "{\"m\":\"Grüße\"}"),
            event("message", "first\n second"),
            event("end", "{}"),
            event("message", ""),
        ]
    }

    #[test]
    fn events_are_the_same_wherever_the_bytes_are_cut() {
        let bytes = STREAM.as_bytes();
        for first in 0..=bytes.len() {
            for second in first..=bytes.len() {
                let (mut parser, mut events) = (SseParser::default(), Vec::new());
                for part in [&bytes[..first], &bytes[first..second], &bytes[second..]] {
                    parser.push(part, &mut events).expect("the stream is well-formed");
                }
                assert_eq!(events, expected(), "cut at {first} and {second}");
            }
        }
        let (mut parser, mut events) = (SseParser::default(), Vec::new());
        for byte in bytes {
            parser.push(&[*byte], &mut events).expect("the stream is well-formed");
        }
        assert_eq!(events, expected(), "byte by byte");
    }

    #[test]
    fn an_event_comes_with_the_byte_that_ends_it_and_no_later() {
        let (mut parser, mut events) = (SseParser::default(), Vec::new());
        parser.push(b"data: 1\r\n", &mut events).expect("well-formed");
        assert_eq!(events, []);
        parser.push(b"\r", &mut events).expect("well-formed");
        assert_eq!(events, [event("message", "1")]);
        parser.push(b"\ndata: 2\n\n", &mut events).expect("well-formed");
        assert_eq!(events, [event("message", "1"), event("message", "2")]);
    }

    #[test]
    fn a_line_or_an_event_without_end_is_refused() {
        let long = vec![b'x'; EVENT_MAX_BYTES];
        let (mut parser, mut events) = (SseParser::default(), Vec::new());
        assert_eq!(parser.push(&long, &mut events), Ok(()));
        assert_eq!(parser.push(b"x", &mut events), Err(NoEvents::TooLong));

        let mut parser = SseParser::default();
        let line = format!("data: {}\n", "x".repeat(EVENT_MAX_BYTES / 2));
        assert_eq!(parser.push(line.repeat(2).as_bytes(), &mut events), Ok(()));
        assert_eq!(parser.push(line.as_bytes(), &mut events), Err(NoEvents::TooLong));
        assert_eq!(events, []);
    }

    #[test]
    fn other_bytes_than_text_are_refused() {
        let mut events = Vec::new();
        assert_eq!(SseParser::default().push(b"data: \xff\n", &mut events), Err(NoEvents::NotText));
    }
}
