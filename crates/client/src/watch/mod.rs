//! The live channel: all active jobs, then what happens to them.

mod connection;
mod gathering;

use std::time::Duration;

use etlplus_api::{ClientFrame, ClientMessage, ConnectionAck, Filter, Frame, ServerMessage, SetFilters};

use crate::backoff::Backoff;
use crate::client::Client;
use crate::error::Error;
use crate::feed::{Feed, Outlet, Stop};
use connection::{Broken, Connection};
use gathering::Gathering;

/// The `id` of the message that asks for the filter, by which its answer is known.
const FILTER_ID: &str = "filter";
/// The most that is waited because a server that is full says so.
const RETRY_AFTER_MAX: Duration = Duration::from_secs(60);

/// What happens on the live channel.
#[derive(Debug, Clone, PartialEq)]
pub enum Event {
    /// The connection stands. A snapshot is next.
    Connected(ConnectionAck),
    /// All active jobs that the filter lets through, as one [`ServerMessage::Snapshot`], in however many parts it came. It
    /// replaces whatever was known before: a job that is no longer in it has ended meanwhile.
    Snapshot(Frame),
    /// Something happened after the snapshot. A [`ServerMessage::SystemNotification`] is no part of a snapshot, and may come
    /// before it.
    Update(Frame),
    /// The connection is gone. It is tried again after a while, and then begins with a new snapshot.
    Disconnected {
        /// Why.
        reason: String,
        /// When it is tried again.
        retry_in: Duration,
    },
}

/// The events of the live channel. It connects again where it has to.
#[derive(Debug)]
pub struct Watch(Feed<Event>);

impl Client {
    /// Watches what `filter` lets through; everything where it has no clause. Has to be called within a tokio runtime.
    pub fn watch(&self, filter: Filter) -> Watch {
        let client = self.clone();
        Watch(Feed::start(|outlet| Watcher { client, filter, outlet }.run()))
    }
}

impl Watch {
    /// The next event. An error is the last one, and means that waiting does not help: the server refuses this client, or
    /// is none. Cancel safe.
    pub async fn next(&mut self) -> Option<Result<Event, Error>> {
        self.0.next().await
    }
}

struct Watcher {
    client: Client,
    filter: Filter,
    outlet: Outlet<Event>,
}

impl Watcher {
    async fn run(self) -> Result<(), Stop> {
        let mut backoff = Backoff::default();
        loop {
            let broken = match Connection::open(&self.client).await {
                Ok((connection, ack)) => {
                    backoff.connected();
                    self.outlet.put(Event::Connected(ack)).await?;
                    self.read(connection).await?
                }
                Err(broken) => broken,
            };
            let (reason, retry_after) = match broken {
                Broken::ForGood(error) => return Err(error.into()),
                Broken::ForNow { reason, retry_after } => (reason, retry_after),
            };
            let retry_in = backoff.next_wait().max(retry_after.min(RETRY_AFTER_MAX));
            self.outlet.put(Event::Disconnected { reason, retry_in }).await?;
            tokio::time::sleep(retry_in).await;
        }
    }

    /// Reads until the connection breaks.
    async fn read(&self, mut connection: Connection) -> Result<Broken, Stop> {
        // The snapshot that a new connection begins with knows no filter, and neither does what follows it until the filter
        // is acknowledged.
        let mut is_filtered = self.filter.is_empty();
        if !is_filtered {
            let message = ClientMessage::SetFilters(SetFilters { filters: self.filter.clone() });
            let frame = ClientFrame { message, id: Some(FILTER_ID.to_owned()) };
            if let Err(broken) = connection.send(&frame).await {
                return Ok(broken);
            }
        }
        let mut gathering = Gathering::default();
        let mut has_snapshot = false;
        loop {
            let mut frame = match connection.next().await {
                Ok(frame) => frame,
                Err(broken) => return Ok(broken),
            };
            let is_answer = frame.id.as_deref() == Some(FILTER_ID);
            match &mut frame.message {
                ServerMessage::ErrorMessage(refusal) if is_answer => {
                    return Ok(Broken::ForGood(connection::refused(refusal)));
                }
                ServerMessage::Ack {} if is_answer => is_filtered = true,
                ServerMessage::Snapshot(part) if is_filtered => {
                    has_snapshot = match gathering.take(part) {
                        Ok(is_whole) => is_whole,
                        Err(error) => return Ok(connection.not_understood(&error)),
                    };
                    if has_snapshot {
                        self.outlet.put(Event::Snapshot(frame)).await?;
                    }
                }
                ServerMessage::JobStatusUpdate(_)
                | ServerMessage::JobProgressUpdate(_)
                | ServerMessage::JobMetricsUpdate(_)
                | ServerMessage::JobLogMessage(_)
                    if has_snapshot =>
                {
                    self.outlet.put(Event::Update(frame)).await?;
                }
                ServerMessage::SystemNotification(_) => self.outlet.put(Event::Update(frame)).await?,
                // What is sent to keep the connection alive, and what came before the snapshot and is in it.
                _ => {}
            }
        }
    }
}
