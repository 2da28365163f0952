//! The task that owns the monitor and tells the connections.

mod enter;
mod tell;
mod watch_over;

use std::collections::{BTreeSet, HashMap};
use std::sync::Arc;

use bytes::Bytes;
use etlplus_api::{CloseCode, ServerMessage};
use etlplus_core::ids::{JobId, Offset};
use etlplus_core::job::JobStatus;
use etlplus_core::ports::{Clock, LiveSettings, LogPosition, Versioned};
use etlplus_core::settings::MonitoringSettings;
use etlplus_monitor::{Monitor, Stopped};
use tokio::sync::{mpsc, watch};
use tokio::time::{Instant, Interval, MissedTickBehavior, interval, interval_at, sleep_until};
use tokio_util::sync::CancellationToken;
use uuid::Uuid;

use crate::access::TokenBook;
use crate::live::bounds::{COMMANDS_MAX, RETRY_AFTER, SWEEP_INTERVAL};
use crate::live::budget::Budget;
use crate::live::client::answer;
use crate::live::connection::Connection;
use crate::live::framing::{Framing, Payload};
use crate::live::group::Groups;
use crate::live::handle::{Command, Live};
use crate::live::outbox::Phase;
use crate::live::replay::{Log, Replays, bookmark};
use crate::live::slots::ConnectionCount;

/// The hub. Everything in it happens in one task, which never waits for a client.
pub(crate) struct Hub {
    monitor: Monitor,
    commands: mpsc::Receiver<Command>,
    settings: Arc<Versioned>,
    changes: watch::Receiver<Arc<Versioned>>,
    book: Arc<TokenBook>,
    clock: Arc<dyn Clock>,
    groups: Groups,
    replays: Replays,
    budget: Budget,
    /// Each active job's status after the last fact that was told. The view may be ahead of it within one batch.
    statuses: HashMap<JobId, JobStatus>,
    /// Jobs with a reading that the next flush tells.
    readings: BTreeSet<JobId>,
    /// The last fact that was told to those who want it, or waits for the flush.
    told: Offset,
    /// Bytes of facts that wait for the flush.
    pending: usize,
    flush_at: Option<Instant>,
    flushed_at: Instant,
    beat_at: Instant,
    beats: Interval,
    /// Counts changes of the view, so that a snapshot is made once for all who come between two of them.
    version: u64,
    /// When to ask the store again, where it could not tell the facts that were missed.
    retry_at: Option<Instant>,
}

impl Hub {
    /// A hub that is not running yet, and its handle.
    pub(crate) fn new(
        monitor: Monitor,
        mut changes: watch::Receiver<Arc<Versioned>>,
        settings: Arc<dyn LiveSettings>,
        count: ConnectionCount,
        book: Arc<TokenBook>,
        clock: Arc<dyn Clock>,
        log: Log,
    ) -> (Self, Live) {
        let (sender, commands) = mpsc::channel(COMMANDS_MAX);
        let live = Live { commands: sender, count, settings, clock: clock.clone() };
        let now = Instant::now();
        let settings = changes.borrow_and_update().clone();
        let told = monitor.view().position().offset;
        let replays = Replays::new(log, live.clone());
        let mut hub = Self {
            monitor,
            replays,
            commands,
            beats: beats(&settings.values.monitoring),
            settings,
            changes,
            book,
            clock,
            told,
            groups: Groups::default(),
            budget: Budget::default(),
            statuses: HashMap::new(),
            readings: BTreeSet::new(),
            pending: 0,
            flush_at: None,
            flushed_at: now,
            beat_at: now,
            version: 0,
            retry_at: None,
        };
        hub.recall_statuses();
        (hub, live)
    }

    /// Runs until `shutdown`, or until no fact can come any more. Every connection is told to go then.
    pub(crate) async fn run(mut self, shutdown: CancellationToken) {
        tell::show_counters();
        let mut sweep = interval(SWEEP_INTERVAL);
        loop {
            let (flush_at, retry_at) = (self.flush_at, self.retry_at);
            tokio::select! {
                () = shutdown.cancelled() => break,
                updates = self.monitor.next(), if retry_at.is_none() => match updates {
                    Ok(updates) => self.tell(updates),
                    Err(Stopped::Closed) => {
                        tracing::warn!("the store's writer is gone: the live channel ends");
                        break;
                    }
                    Err(Stopped::Unavailable(error)) => {
                        tracing::warn!(%error, "the live view is behind");
                        self.retry_at = Some(Instant::now() + RETRY_AFTER);
                    }
                },
                Some(command) = self.commands.recv() => self.follow(command),
                Ok(()) = self.changes.changed() => self.configure(),
                () = sleep_until(flush_at.unwrap_or(self.flushed_at)), if flush_at.is_some() => self.flush(),
                () = sleep_until(retry_at.unwrap_or(self.flushed_at)), if retry_at.is_some() => self.retry_at = None,
                _ = self.beats.tick() => self.beat(),
                _ = sweep.tick() => self.sweep(),
            }
            // A burst keeps the monitor ready for long; on a runtime with one thread nobody else would have a turn.
            tokio::task::coop::consume_budget().await;
        }
        self.end();
    }

    fn follow(&mut self, command: Command) {
        self.configure_if_changed();
        match command {
            Command::Join { connection, wish, done } => {
                self.join(connection, wish);
                let _gone = done.send(());
            }
            Command::Change { connection, wish, ack, done } => {
                let _gone = done.send(self.change(connection, wish, ack));
            }
            Command::GoOn { connection, replay, seen, next } => {
                let _gone = next.send(self.go_on(connection, replay, seen));
            }
            Command::TellGap { connection, replay, reason, since, done } => {
                self.tell_gap(connection, replay, reason, since);
                let _gone = done.send(());
            }
            Command::Tell { connection, message, done } => {
                let _gone = done.send(self.tell_one(connection, *message));
            }
            Command::Kick { connection, done } => {
                let member = self.groups.member(connection).filter(|member| member.outbox().phase == Phase::Open);
                member.inspect(|member| member.close(CloseCode::Kicked));
                let _gone = done.send(member.is_some());
            }
            // A view that is behind does not answer: who asks takes the store's word.
            Command::Job { .. } | Command::Readings { .. } if self.retry_at.is_some() => {}
            Command::Job { job, answer } => {
                let _gone = answer.send(self.monitor.view().job(job).cloned());
            }
            Command::Readings { jobs, answer } => {
                let view = self.monitor.view();
                let reading = |job| Some((job, view.job(job)?.reading.clone()?));
                let _gone = answer.send(jobs.into_iter().filter_map(reading).collect());
            }
            Command::Connections { answer } => {
                self.flush();
                let newest = LogPosition { offset: self.told, ..self.monitor.view().position() };
                let members = self.groups.members().filter(|(member, _)| member.outbox().phase == Phase::Open);
                let mut all: Vec<_> = members.map(|(member, filter)| member.info(filter.to_wire(), newest)).collect();
                all.sort_by(|a, b| (a.connected_at, &a.connection_id).cmp(&(b.connected_at, &b.connection_id)));
                let _gone = answer.send(all);
            }
        }
    }

    /// Works by the newest settings from now on.
    fn configure(&mut self) {
        // What waits was made by the old ones.
        self.flush();
        let settings = self.changes.borrow_and_update().clone();
        let before = std::mem::replace(&mut self.settings, settings);
        self.version += 1;
        if self.monitoring().websocket.heartbeat_interval != before.values.monitoring.websocket.heartbeat_interval {
            self.beats = beats(self.monitoring());
        }
        if !self.monitoring().websocket.enabled {
            for (member, _) in self.groups.members() {
                close_if_websocket(member);
            }
        }
    }

    /// What is told or asked after a change of the settings is told and answered by them.
    fn configure_if_changed(&mut self) {
        if self.changes.has_changed().unwrap_or(false) {
            self.configure();
        }
    }

    fn monitoring(&self) -> &MonitoringSettings {
        &self.settings.values.monitoring
    }

    fn beat(&mut self) {
        let heartbeat = Payload::of(&answer(ServerMessage::Heartbeat {}, self.clock.now(), None));
        let beat = |framing: Framing| {
            let mut bytes = Vec::new();
            framing.add_beat(&heartbeat, &mut bytes);
            Bytes::from(bytes)
        };
        // What is bookmarked has to be sent before.
        self.flush();
        let newest = LogPosition { offset: self.told, ..self.monitor.view().position() };
        let both = |framing| (beat(framing), bookmark(newest, self.clock.now(), framing));
        let (websocket, sse) = (both(Framing::WebSocket), both(Framing::Sse));
        for (member, _) in self.groups.members() {
            let (beat, bookmark) = if member.framing() == Framing::WebSocket { &websocket } else { &sse };
            member.beat(beat, self.beat_at, newest.offset, bookmark);
        }
        self.beat_at = Instant::now();
    }

    fn tell_one(&mut self, connection: Uuid, message: ServerMessage) -> bool {
        // What happened before comes before.
        if let Some(group) = self.groups.group_of(connection) {
            self.flush_group(group);
        }
        let Some(member) = self.groups.member(connection) else { return false };
        let mut frame = Vec::new();
        member.framing().add(&Payload::of(&answer(message, self.clock.now(), None)), &mut frame);
        member.push(frame.into());
        member.outbox().phase == Phase::Open
    }

    fn end(mut self) {
        self.flush();
        for (member, _) in self.groups.members() {
            member.close(CloseCode::GoingAway);
        }
    }
}

/// Says to a WebSocket that there are none any more. Event streams go on: they are for those who can have no WebSocket.
fn close_if_websocket(connection: &Connection) {
    if connection.framing() == Framing::WebSocket {
        connection.close_because(CloseCode::GoingAway, "WebSockets are switched off");
    }
}

/// Beats from now on, the first after one interval.
fn beats(settings: &MonitoringSettings) -> Interval {
    let every = settings.websocket.heartbeat_interval;
    let mut beats = interval_at(Instant::now() + every, every);
    beats.set_missed_tick_behavior(MissedTickBehavior::Delay);
    beats
}
