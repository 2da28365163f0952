//! A job's log as it grows.

use std::ops::ControlFlow;
use std::time::Duration;

use etlplus_api::{LogLevel, LogRow};
use reqwest::header::{ACCEPT, CONTENT_TYPE};
use reqwest::{Method, Response};
use tokio::time::timeout;

use crate::backoff::Backoff;
use crate::client::{Client, REQUEST_TIMEOUT};
use crate::error::Error;
use crate::feed::{Feed, NobodyListens, Outlet, Stop};
use crate::query::LogQuery;
use crate::sse::{SseEvent, SseParser};

/// A server that says nothing for this long, not even that it is there, is gone: it does so every 15 seconds or sooner.
const SILENCE_MAX: Duration = Duration::from_secs(45);
/// The media type of server-sent events.
const EVENT_STREAM: &str = "text/event-stream";
/// Where the stream is to go on.
const LAST_EVENT_ID: &str = "Last-Event-ID";

/// What happens to a log that is followed.
#[derive(Debug, Clone, PartialEq)]
pub enum LogEvent {
    /// The next line.
    Line(Box<LogRow>),
    /// The connection is gone. It is tried again after a while, and goes on with the line after the last one.
    Disconnected {
        /// Why.
        reason: String,
        /// When it is tried again.
        retry_in: Duration,
    },
}

/// The lines of a job's log, each once and in order, until the job has ended. It connects again where it has to.
#[derive(Debug)]
pub struct LogFollow(Feed<LogEvent>);

impl Client {
    /// Follows the log of the job `id` from the line after the offset `after` (0 is the beginning), at `level` or above.
    /// Has to be called within a tokio runtime.
    pub fn follow_log(&self, id: &str, after: u64, level: Option<LogLevel>) -> LogFollow {
        LogFollow::start(self.clone(), id, after, level, SILENCE_MAX)
    }
}

impl LogFollow {
    /// The next event. `None` is the end: the job has ended and all lines were given. An error is the last event; it means
    /// that waiting does not help, such as [`Error::Problem`] for a job that is not there. Cancel safe.
    pub async fn next(&mut self) -> Option<Result<LogEvent, Error>> {
        self.0.next().await
    }

    fn start(client: Client, id: &str, after: u64, level: Option<LogLevel>, silence_max: Duration) -> Self {
        let id = id.to_owned();
        Self(Feed::start(|outlet| {
            let follower = Follower { client, id, level, silence_max, last: after, outlet };
            follower.run()
        }))
    }
}

struct Follower {
    client: Client,
    id: String,
    level: Option<LogLevel>,
    silence_max: Duration,
    /// The offset of the last line that was given, or of the one before the first.
    last: u64,
    outlet: Outlet<LogEvent>,
}

impl Follower {
    async fn run(mut self) -> Result<(), Stop> {
        let mut backoff = Backoff::default();
        loop {
            let error = match self.connect().await {
                Ok(response) => {
                    backoff.connected();
                    match self.read(response).await? {
                        ControlFlow::Break(()) => return Ok(()),
                        ControlFlow::Continue(error) => error,
                    }
                }
                Err(error) => error,
            };
            if !error.is_transient() {
                return Err(error.into());
            }
            let retry_in = backoff.next_wait();
            self.outlet.put(LogEvent::Disconnected { reason: error.to_string(), retry_in }).await?;
            tokio::time::sleep(retry_in).await;
        }
    }

    async fn connect(&self) -> Result<Response, Error> {
        let query = LogQuery { after: Some(self.last), level: self.level, ..LogQuery::default() };
        let request = self.client.request(Method::GET, &["api", "jobs", &self.id, "logs"], &query.pairs());
        let request = request.header(ACCEPT, EVENT_STREAM).header(LAST_EVENT_ID, self.last.to_string());
        // The whole answer lasts as long as the job, so that only its beginning has a time limit.
        let response = timeout(REQUEST_TIMEOUT, request.send()).await.map_err(|_| self.broken("no answer in time"))?;
        let response = response.map_err(|error| self.client.failed(&error))?;
        let (status, address) = (response.status(), response.url().to_string());
        if !status.is_success() {
            let body = timeout(REQUEST_TIMEOUT, self.client.body(response)).await;
            return Err(Error::of_answer(&address, status, &body.map_err(|_| self.broken("no answer in time"))??));
        }
        let kind = response.headers().get(CONTENT_TYPE).and_then(|kind| kind.to_str().ok()).unwrap_or_default();
        if !kind.starts_with(EVENT_STREAM) {
            let reason = format!("it is {kind:?} and no {EVENT_STREAM}");
            return Err(Error::NotUnderstood { address, status: None, reason });
        }
        Ok(response)
    }

    /// Reads until the end of the log, or of the connection.
    async fn read(&mut self, mut response: Response) -> Result<ControlFlow<(), Error>, NobodyListens> {
        let address = response.url().to_string();
        let not_understood = |reason: String| {
            Ok(ControlFlow::Continue(Error::NotUnderstood { address: address.clone(), status: None, reason }))
        };
        let (mut parser, mut events) = (SseParser::default(), Vec::new());
        loop {
            let chunk = match timeout(self.silence_max, response.chunk()).await {
                Ok(Ok(Some(chunk))) => chunk,
                Ok(Ok(None)) => return Ok(ControlFlow::Continue(self.broken("it ended the log too early"))),
                Ok(Err(error)) => return Ok(ControlFlow::Continue(self.client.failed(&error))),
                Err(_) => return Ok(ControlFlow::Continue(self.broken("it has gone silent"))),
            };
            let parsed = parser.push(&chunk, &mut events);
            for event in events.drain(..) {
                match self.line_of(&event) {
                    Ok(ControlFlow::Break(())) => return Ok(ControlFlow::Break(())),
                    Ok(ControlFlow::Continue(Some(row))) => self.outlet.put(LogEvent::Line(row)).await?,
                    Ok(ControlFlow::Continue(None)) => {}
                    Err(error) => return not_understood(format!("{}: {error}", event.name)),
                }
            }
            if let Err(error) = parsed {
                return not_understood(error.to_string());
            }
        }
    }

    /// The line that `event` brings, if it is a new one; a break where the log has ended.
    fn line_of(&mut self, event: &SseEvent) -> Result<ControlFlow<(), Option<Box<LogRow>>>, serde_json::Error> {
        match event.name.as_str() {
            "end" => Ok(ControlFlow::Break(())),
            "job_log_message" => {
                let row: Box<LogRow> = serde_json::from_str(&event.data)?;
                // A server that ignores where to go on begins anew.
                let is_new = row.offset > self.last;
                self.last = self.last.max(row.offset);
                Ok(ControlFlow::Continue(is_new.then_some(row)))
            }
            // A later version may say more.
            _ => Ok(ControlFlow::Continue(None)),
        }
    }

    fn broken(&self, reason: &str) -> Error {
        Error::Unreachable { address: self.client.address().to_owned(), reason: reason.to_owned() }
    }
}

#[cfg(test)]
mod tests {
    use std::time::Instant;

    use tokio::io::{AsyncReadExt, AsyncWriteExt};
    use tokio::net::TcpListener;

    use super::*;

    /// A server that keeps the connection open and says nothing counts as gone, and one that only says that it is there
    /// does not.
    #[tokio::test]
    async fn a_silent_server_is_gone() {
        const SILENCE: Duration = Duration::from_millis(300);
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port is free");
        let client =
            Client::new(&format!("http://{}", listener.local_addr().expect("it is bound"))).expect("an address");
        let server = tokio::spawn(async move {
            let (mut socket, _) = listener.accept().await.expect("the client comes");
            let mut head = [0; 1024];
            assert!(socket.read(&mut head).await.expect("the request comes") > 0);
            let answer = "HTTP/1.1 200 OK\r\ncontent-type: text/event-stream\r\n\r\n";
            socket.write_all(answer.as_bytes()).await.expect("the client reads");
            for _ in 0..4 {
                tokio::time::sleep(SILENCE / 2).await;
                socket.write_all(b": keep-alive\n\n").await.expect("the client is still there");
            }
            // The client hangs up while the server still holds the connection.
            let silent_since = Instant::now();
            assert_eq!(socket.read(&mut head).await.expect("the client hangs up"), 0);
            silent_since.elapsed()
        });
        let mut follow = LogFollow::start(client, "job", 0, None, SILENCE);
        let event = follow.next().await.expect("an event").expect("no error");
        assert!(matches!(&event, LogEvent::Disconnected { reason, .. } if reason.contains("silent")), "{event:?}");
        assert!(server.await.expect("the server saw it") >= SILENCE / 2);
    }
}
