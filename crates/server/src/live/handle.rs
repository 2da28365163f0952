//! The hub's handle.

use std::collections::HashMap;
use std::sync::Arc;

use chrono::{DateTime, Utc};
use etlplus_api as api;
use etlplus_api::{GapReason, ServerMessage};
use etlplus_core::ids::{JobId, Offset};
use etlplus_core::ports::{Clock, LiveSettings, LogPosition, Reading};
use etlplus_monitor::LiveJob;
use tokio::sync::{mpsc, oneshot};
use uuid::Uuid;

use super::bounds::ANSWER_WAIT;
use super::catching_up::ReplayId;
use super::connection::Connection;
use super::filter::Filter;
use super::slots::{ConnectionCount, Slot};
use crate::problem::Refusal;

/// The live view and the live channel. Clones are the same.
#[derive(Clone)]
pub(crate) struct Live {
    pub(super) commands: mpsc::Sender<Command>,
    pub(super) count: ConnectionCount,
    pub(super) settings: Arc<dyn LiveSettings>,
    pub(super) clock: Arc<dyn Clock>,
}

/// What the hub is asked to do.
pub(super) enum Command {
    /// Greet a new connection, and tell it what it wants; where that is not known yet, nothing.
    Join { connection: Arc<Connection>, wish: Option<Wish>, done: oneshot::Sender<()> },
    /// Tell a connection something else from now on. The answer is whether there is such a connection.
    Change { connection: Uuid, wish: Wish, ack: Option<Ack>, done: oneshot::Sender<bool> },
    /// Say how a replay goes on that has told all up to `seen`.
    GoOn { connection: Uuid, replay: ReplayId, seen: Offset, next: oneshot::Sender<Next> },
    /// Tell a connection that its replay cannot go on after `since`.
    TellGap { connection: Uuid, replay: ReplayId, reason: GapReason, since: LogPosition, done: oneshot::Sender<()> },
    /// Tell one connection something. The answer is whether there is such a connection.
    Tell { connection: Uuid, message: Box<ServerMessage>, done: oneshot::Sender<bool> },
    /// Close a connection that is not to come back. The answer is whether there was such a connection.
    Kick { connection: Uuid, done: oneshot::Sender<bool> },
    /// An active job.
    Job { job: JobId, answer: oneshot::Sender<Option<LiveJob>> },
    /// The newest readings of those of the jobs that run.
    Readings { jobs: Vec<JobId>, answer: oneshot::Sender<HashMap<JobId, Reading>> },
    /// All connections.
    Connections { answer: oneshot::Sender<Vec<api::Connection>> },
}

/// What a connection wants to be told.
#[derive(Debug)]
pub(super) struct Wish {
    pub(super) filter: Filter,
    /// The last fact that the client knows of; `None` where it wants a snapshot.
    pub(super) since: Option<LogPosition>,
}

/// The answer to a client's message: with its `id`, where it had one.
#[derive(Debug)]
pub(super) struct Ack(pub(super) Option<String>);

/// How a replay goes on.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Next {
    /// As before, up to this fact.
    Further(Offset),
    /// To its end, which is this fact: what comes after it is told by the connection's group.
    Joined(Offset),
    /// Not at all: something else has begun meanwhile.
    Over,
}

/// The live view cannot answer now: the store knows what was recorded.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Down;

impl Live {
    /// An active job as it is at this moment; `None` where no such job is active.
    pub(crate) async fn job(&self, job: JobId) -> Result<Option<LiveJob>, Down> {
        self.ask(|answer| Command::Job { job, answer }).await
    }

    /// The newest readings of those of `jobs` that run.
    pub(crate) async fn readings(&self, jobs: Vec<JobId>) -> Result<HashMap<JobId, Reading>, Down> {
        self.ask(|answer| Command::Readings { jobs, answer }).await
    }

    /// All connections, the oldest first.
    pub(crate) async fn connections(&self) -> Result<Vec<api::Connection>, Down> {
        self.ask(|answer| Command::Connections { answer }).await
    }

    /// Gives a connection another filter, which it learns by a new snapshot. Gives whether there is such a connection.
    pub(crate) async fn give_filter(&self, connection: Uuid, filter: Filter) -> Result<bool, Down> {
        let wish = Wish { filter, since: None };
        self.ask(|done| Command::Change { connection, wish, ack: None, done }).await
    }

    /// Tells one connection something. Gives whether there is such a connection.
    pub(crate) async fn tell(&self, connection: Uuid, message: ServerMessage) -> Result<bool, Down> {
        let message = Box::new(message);
        self.ask(|done| Command::Tell { connection, message, done }).await
    }

    /// Closes a connection that is not to come back. Gives whether there was such a connection.
    pub(crate) async fn kick(&self, connection: Uuid) -> Result<bool, Down> {
        self.ask(|done| Command::Kick { connection, done }).await
    }

    /// Whether nothing will be told any more.
    pub(crate) fn is_down(&self) -> bool {
        self.commands.is_closed()
    }

    /// A slot among the connections.
    ///
    /// # Errors
    /// 503 where all are taken.
    pub(crate) fn slot(&self) -> Result<Slot, Refusal> {
        let max = self.max_connections();
        self.count.take(max).ok_or_else(|| Refusal::too_many_connections(max))
    }

    /// How many connections there may be.
    pub(crate) fn max_connections(&self) -> usize {
        self.settings.current().values.monitoring.websocket.max_connections
    }

    /// How many connections there are: WebSockets, event streams, and logs that are followed or downloaded.
    pub(crate) fn connection_count(&self) -> usize {
        self.count.get()
    }

    pub(crate) fn now(&self) -> DateTime<Utc> {
        self.clock.now()
    }

    /// Comes back once the connection has its first frames.
    pub(super) async fn join(&self, connection: Arc<Connection>, wish: Option<Wish>) -> Result<(), Down> {
        self.have_done(|done| Command::Join { connection, wish, done }).await
    }

    pub(super) async fn change(&self, connection: Uuid, wish: Wish, ack: Ack) -> Result<(), Down> {
        self.have_done(|done| Command::Change { connection, wish, ack: Some(ack), done }).await.map(drop)
    }

    pub(super) async fn go_on(&self, connection: Uuid, replay: ReplayId, seen: Offset) -> Result<Next, Down> {
        self.have_done(|next| Command::GoOn { connection, replay, seen, next }).await
    }

    pub(super) async fn tell_gap(
        &self,
        connection: Uuid,
        replay: ReplayId,
        reason: GapReason,
        since: LogPosition,
    ) -> Result<(), Down> {
        self.have_done(|done| Command::TellGap { connection, replay, reason, since, done }).await
    }

    /// Comes back once nothing will be told any more.
    pub(super) async fn ended(&self) {
        self.commands.closed().await;
    }

    /// A connection is in no hurry: it waits for as long as there is a hub.
    async fn have_done<T>(&self, command: impl FnOnce(oneshot::Sender<T>) -> Command) -> Result<T, Down> {
        let (done, is_done) = oneshot::channel();
        self.commands.send(command(done)).await.map_err(|_| Down)?;
        is_done.await.map_err(|_| Down)
    }

    async fn ask<T>(&self, command: impl FnOnce(oneshot::Sender<T>) -> Command) -> Result<T, Down> {
        let (sender, answer) = oneshot::channel();
        let asked = async {
            self.commands.send(command(sender)).await.map_err(|_| Down)?;
            answer.await.map_err(|_| Down)
        };
        tokio::time::timeout(ANSWER_WAIT, asked).await.unwrap_or(Err(Down))
    }
}
