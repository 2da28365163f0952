//! What a client missed, from the ring of the bus or, where it has left the ring, in pages of the store. Each replay is a task
//! that goes on as its client takes what it is told.

use std::collections::HashMap;
use std::future::poll_fn;
use std::num::NonZeroUsize;
use std::sync::Arc;

use bytes::Bytes;
use etlplus_api::{Bookmark, GapReason, ServerMessage};
use etlplus_bus::Bus;
use etlplus_core::ids::{JobId, Offset};
use etlplus_core::job::JobStatus;
use etlplus_core::ports::{Fact, History, HistoryError, LogPosition, Recorded, StoreUnavailable};
use tokio::sync::Semaphore;
use tokio::task::JoinHandle;
use tokio_util::task::TaskTracker;

use super::bounds::{
    FLUSH_TICK, REPLAY_MOVES_MAX, REPLAY_PAGE_FACTS, REPLAY_PIECE_BYTES, REPLAY_READS_MAX, RETRY_AFTER,
};
use super::budget::Budget;
use super::catching_up::{Over, ReplayId};
use super::client::answer;
use super::connection::Connection;
use super::filter::{Filter, Subject};
use super::framing::Payload;
use super::handle::{Live, Next};
use super::outbox::Stretch;
use crate::wire;

/// Where what was missed is found, and who keeps an eye on those who look for it.
pub(crate) struct Log {
    pub(crate) bus: Bus,
    pub(crate) history: Arc<dyn History>,
    pub(crate) tasks: TaskTracker,
}

/// Makes replays.
pub(super) struct Replays {
    log: Log,
    live: Live,
    reads: Arc<Semaphore>,
    last: ReplayId,
}

/// One client's way to the present.
struct Replay {
    id: ReplayId,
    connection: Arc<Connection>,
    filter: Filter,
    /// All up to here was told.
    seen: LogPosition,
    /// How many facts the next page of the store has.
    page_facts: usize,
    /// The status of each active job, as far as it is known, after the last fact that was told.
    statuses: HashMap<JobId, JobStatus>,
    bus: Bus,
    history: Arc<dyn History>,
    live: Live,
    reads: Arc<Semaphore>,
    budget: Budget,
}

/// Whole frames that go out together.
struct Piece {
    bytes: Vec<u8>,
    stretch: Stretch,
}

impl Replays {
    pub(super) fn new(log: Log, live: Live) -> Self {
        Self { log, live, reads: Arc::new(Semaphore::new(REPLAY_READS_MAX)), last: 0 }
    }

    /// The last fact that was recorded. The hub may not have heard of it yet.
    pub(super) fn newest(&self) -> Offset {
        self.log.bus.position().offset
    }

    /// A name that no other replay has.
    pub(super) fn next_id(&mut self) -> ReplayId {
        self.last += 1;
        self.last
    }

    /// Tells `connection`, whose outbox expects the replay `id`, what it missed after `seen` and up to `upto`, and then what
    /// the hub says. It begins once `before`, the connection's replay before it, has seen that it is over.
    pub(super) fn start(
        &self,
        (id, connection, filter): (ReplayId, Arc<Connection>, Filter),
        (seen, upto): (LogPosition, Offset),
        before: Option<JoinHandle<()>>,
        budget: Budget,
    ) -> JoinHandle<()> {
        let replay = Replay {
            id,
            connection,
            filter,
            seen,
            page_facts: *REPLAY_PAGE_FACTS.start() * 16,
            statuses: HashMap::new(),
            bus: self.log.bus.clone(),
            history: self.log.history.clone(),
            live: self.live.clone(),
            reads: self.reads.clone(),
            budget,
        };
        self.log.tasks.spawn(async move {
            if let Some(before) = before {
                let _over = before.await;
            }
            let _over = replay.run(upto).await;
        })
    }
}

impl Replay {
    async fn run(mut self, mut upto: Offset) -> Result<(), Over> {
        loop {
            self.tell(upto).await?;
            match self.live.go_on(self.connection.id, self.id, self.seen.offset).await.unwrap_or(Next::Over) {
                Next::Further(further) if further > upto => upto = further,
                // The hub hears of facts a moment after others do.
                Next::Further(_) => tokio::time::sleep(FLUSH_TICK).await,
                Next::Joined(last) => {
                    self.tell(last).await?;
                    return self.connection.outbox().catch_up(self.id, self.bookmark());
                }
                Next::Over => return Err(Over),
            }
        }
    }

    /// Tells all up to `upto`, as fast as the client takes it.
    async fn tell(&mut self, upto: Offset) -> Result<(), Over> {
        while self.seen.offset < upto {
            poll_fn(|context| self.connection.outbox().poll_room(self.id, context)).await?;
            match self.piece(upto).await {
                Ok(piece) if piece.stretch.upto == self.seen.offset => {
                    tracing::error!(place = ?self.seen, "facts that were recorded are not in the store");
                    tokio::time::sleep(RETRY_AFTER).await;
                }
                Ok(piece) => self.push(piece)?,
                Err(HistoryError::Unavailable(error)) => {
                    tracing::warn!(connection = %self.connection.id, %error, "a client cannot be told what it missed");
                    self.connection.outbox().replaying(self.id)?;
                    tokio::time::sleep(RETRY_AFTER).await;
                }
                Err(HistoryError::Gap { .. }) => {
                    let _down = self.live.tell_gap(self.connection.id, self.id, GapReason::Expired, self.seen).await;
                    return Err(Over);
                }
            }
        }
        Ok(())
    }

    fn push(&mut self, piece: Piece) -> Result<(), Over> {
        let Piece { bytes, stretch } = piece;
        metrics::counter!(super::FRAMES_SENT).increment(stretch.facts as u64);
        self.connection.outbox().push_replayed(self.id, self.budget.count(bytes), stretch)?;
        self.seen.offset = stretch.upto;
        Ok(())
    }

    /// The next facts, as far as they have room in one piece.
    async fn piece(&mut self, upto: Offset) -> Result<Piece, HistoryError> {
        if let Ok(facts) = self.bus.after(self.seen.offset) {
            return self.framed(facts.iter().map(AsRef::as_ref), upto).await;
        }
        let reads = self.reads.clone();
        let _turn = reads.acquire().await.expect("nobody closes it");
        let limit = NonZeroUsize::new(self.page_facts).expect("the least page has facts");
        let facts = self.history.facts_after(self.seen, limit).await?;
        let piece = self.framed(facts.iter(), upto).await?;
        // What had no room is read again, which is cheaper than to keep it for all who catch up.
        let used = usize::try_from(piece.stretch.upto.get() - self.seen.offset.get()).unwrap_or(usize::MAX);
        let (least, most) = REPLAY_PAGE_FACTS.into_inner();
        self.page_facts = if used < self.page_facts { used } else { self.page_facts * 2 }.clamp(least, most);
        Ok(piece)
    }

    async fn framed(&mut self, facts: impl Iterator<Item = &Recorded>, upto: Offset) -> Result<Piece, HistoryError> {
        let (framing, epoch) = (self.connection.framing(), self.seen.epoch.to_string());
        let shows_lines = self.live.settings.current().values.monitoring.job_tracking.log_streaming_enabled;
        let since = self.seen.offset;
        let mut piece = Piece { bytes: Vec::new(), stretch: Stretch { facts: 0, since, upto: since } };
        for recorded in facts.take_while(|recorded| recorded.offset <= upto) {
            let status = self.status_at(recorded).await.map_err(HistoryError::Unavailable)?;
            let is_shown = shows_lines || !matches!(recorded.fact, Fact::Log { .. });
            if is_shown && self.filter.lets_through(Subject::of_fact(&recorded.fact, status)) {
                framing.add(&Payload::of(&wire::fact(&epoch, recorded)), &mut piece.bytes);
                piece.stretch.facts += 1;
            }
            piece.stretch.upto = recorded.offset;
            if piece.bytes.len() >= REPLAY_PIECE_BYTES {
                break;
            }
        }
        Ok(piece)
    }

    /// The status that the job of a log line had then, where the filter asks for it. Every other fact says it by itself.
    async fn status_at(&mut self, recorded: &Recorded) -> Result<Option<JobStatus>, StoreUnavailable> {
        const LIMIT: NonZeroUsize = NonZeroUsize::new(REPLAY_MOVES_MAX).expect("the number is not zero");
        if !self.filter.asks_for_statuses() {
            return Ok(None);
        }
        let job = match &recorded.fact {
            Fact::Log { job, .. } => job.id,
            Fact::Job { job, fact } => {
                self.keep_status(job.id, Some(fact.state.status()));
                return Ok(None);
            }
            Fact::Alert(_) | Fact::Settings(_) => return Ok(None),
        };
        if !self.statuses.contains_key(&job) {
            let moves = self.history.moves(job, LIMIT).await?;
            let before = moves.iter().rev().find(|(offset, _)| *offset < recorded.offset);
            self.keep_status(job, before.map(|(_, fact)| fact.state.status()));
        }
        Ok(self.statuses.get(&job).copied())
    }

    /// A job that has ended has none, as in the live view.
    fn keep_status(&mut self, job: JobId, status: Option<JobStatus>) {
        match status.filter(|status| !status.is_terminal()) {
            Some(status) => self.statuses.insert(job, status),
            None => self.statuses.remove(&job),
        };
    }

    fn bookmark(&self) -> Bytes {
        bookmark(self.seen, self.live.now(), self.connection.framing())
    }
}

/// The frame that says that all up to `place` was told.
pub(super) fn bookmark(
    place: LogPosition,
    now: chrono::DateTime<chrono::Utc>,
    framing: super::framing::Framing,
) -> Bytes {
    let mut frame = answer(ServerMessage::Bookmark(Bookmark { caught_up: true }), now, None);
    frame.position = Some(wire::position(place));
    let mut bytes = Vec::new();
    framing.add(&Payload::of(&frame), &mut bytes);
    bytes.into()
}
