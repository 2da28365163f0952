//! The task that owns the monitor and tells the connections.

mod tell;

use std::collections::{BTreeSet, HashMap};
use std::sync::Arc;

use bytes::Bytes;
use etlplus_api::{CloseCode, Frame, ServerMessage};
use etlplus_core::ids::JobId;
use etlplus_core::job::JobStatus;
use etlplus_core::ports::Clock;
use etlplus_monitor::{Monitor, Stopped};
use tokio::sync::mpsc;
use tokio::time::{Instant, Interval, MissedTickBehavior, interval, interval_at, sleep_until};
use tokio_util::sync::CancellationToken;
use uuid::Uuid;

use crate::live::bounds::{COMMANDS_MAX, RETRY_AFTER, SWEEP_INTERVAL};
use crate::live::budget::Budget;
use crate::live::client::answer;
use crate::live::connection::Connection;
use crate::live::filter::Filter;
use crate::live::framing::{Framing, Payload};
use crate::live::greeting;
use crate::live::group::{GroupId, Groups};
use crate::live::handle::{Command, Live};
use crate::live::outbox::Phase;
use crate::live::slots::Slots;
use crate::live::snapshot;
use crate::options::Options;

/// The hub. Everything in it happens in one task, which never waits for a client.
pub(crate) struct Hub {
    monitor: Monitor,
    commands: mpsc::Receiver<Command>,
    options: Options,
    clock: Arc<dyn Clock>,
    groups: Groups,
    budget: Budget,
    /// Each active job's status after the last fact that was told. The view may be ahead of it within one batch.
    statuses: HashMap<JobId, JobStatus>,
    /// Jobs with a reading that the next flush tells.
    readings: BTreeSet<JobId>,
    /// Bytes of facts that wait for the flush.
    pending: usize,
    flush_at: Option<Instant>,
    flushed_at: Instant,
    beat_at: Instant,
    /// Counts changes of the view, so that a snapshot is made once for all who come between two of them.
    version: u64,
    /// When to ask the store again, where it could not tell the facts that were missed.
    retry_at: Option<Instant>,
}

impl Hub {
    /// A hub that is not running yet, and its handle.
    pub(crate) fn new(monitor: Monitor, options: Options, clock: Arc<dyn Clock>) -> (Self, Live) {
        let (sender, commands) = mpsc::channel(COMMANDS_MAX);
        let live = Live { commands: sender, slots: Slots::new(options.max_connections), clock: clock.clone() };
        let now = Instant::now();
        let mut hub = Self {
            monitor,
            commands,
            options,
            clock,
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
        let mut beat = beats(&self.options);
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
                Some(command) = self.commands.recv() => {
                    let interval_before = self.options.heartbeat_interval;
                    self.follow(command);
                    if self.options.heartbeat_interval != interval_before {
                        beat = beats(&self.options);
                    }
                }
                () = sleep_until(flush_at.unwrap_or(self.flushed_at)), if flush_at.is_some() => self.flush(),
                () = sleep_until(retry_at.unwrap_or(self.flushed_at)), if retry_at.is_some() => self.retry_at = None,
                _ = beat.tick() => self.beat(),
                _ = sweep.tick() => self.sweep(),
            }
            // A burst keeps the monitor ready for long; on a runtime with one thread nobody else would have a turn.
            tokio::task::coop::consume_budget().await;
        }
        self.end();
    }

    fn follow(&mut self, command: Command) {
        match command {
            Command::Join { connection, filter, done } => {
                self.join(connection, filter);
                let _gone = done.send(());
            }
            Command::SetFilter { connection, filter, id, done } => {
                self.set_filter(connection, filter, id);
                let _gone = done.send(());
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
                let members = self.groups.members().filter(|(member, _)| member.outbox().phase == Phase::Open);
                let mut all: Vec<_> = members.map(|(member, filter)| member.info(filter.to_wire())).collect();
                all.sort_by(|a, b| (a.connected_at, &a.connection_id).cmp(&(b.connected_at, &b.connection_id)));
                let _gone = answer.send(all);
            }
            Command::Configure { options, done } => {
                // What waits was made by the old options.
                self.flush();
                self.options = options;
                self.version += 1;
                let _gone = done.send(());
            }
        }
    }

    fn join(&mut self, connection: Arc<Connection>, filter: Filter) {
        let framing = connection.framing();
        let mut frames = Vec::new();
        let ack = greeting::ack(connection.id, &self.options, self.monitor.view().position());
        framing.add(&Payload::of(&answer(ack, self.clock.now(), None)), &mut frames);
        connection.push(frames.into());
        self.enter(connection, filter);
    }

    fn set_filter(&mut self, connection: Uuid, filter: Filter, id: Option<String>) {
        let Some(old) = self.groups.group_of(connection) else { return };
        // What happened before is told by the old filter.
        self.flush_group(old);
        let Some(connection) = self.groups.leave(connection) else { return };
        let mut ack = Vec::new();
        connection.framing().add(&Payload::of(&answer(ServerMessage::Ack {}, self.clock.now(), id)), &mut ack);
        connection.push(ack.into());
        self.enter(connection, filter);
    }

    /// Sends the snapshot of a filter, and from then on what it lets through.
    fn enter(&mut self, connection: Arc<Connection>, filter: Filter) {
        let group = self.groups.of(filter, connection.framing());
        // What the others of the group still have to be told is in the snapshot already.
        self.flush_group(group);
        let snapshot = self.snapshot(group);
        connection.push_snapshot(&snapshot);
        drop(snapshot);
        self.groups.join(group, connection);
        self.keep_budget();
    }

    /// The parts of the snapshot of a group's filter.
    fn snapshot(&mut self, group: GroupId) -> Arc<[Bytes]> {
        let now = self.clock.now();
        let group = self.groups.get(group);
        if let Some((made, parts)) = &group.snapshot
            && *made == self.version
        {
            return parts.clone();
        }
        let (framing, budget) = (group.framing, &self.budget);
        let framed = |part: Frame| {
            let mut bytes = Vec::new();
            framing.add(&Payload::of(&part), &mut bytes);
            budget.count(bytes)
        };
        let mut parts = Vec::new();
        snapshot::parts(self.monitor.view(), &group.filter, &self.options, now, |part| parts.push(framed(part)));
        let parts: Arc<[Bytes]> = parts.into();
        group.snapshot = Some((self.version, parts.clone()));
        parts
    }

    fn beat(&mut self) {
        let heartbeat = Payload::of(&answer(ServerMessage::Heartbeat {}, self.clock.now(), None));
        let beat = |framing: Framing| {
            let mut bytes = Vec::new();
            framing.add_beat(&heartbeat, &mut bytes);
            Bytes::from(bytes)
        };
        let (websocket, sse) = (beat(Framing::WebSocket), beat(Framing::Sse));
        for (member, _) in self.groups.members() {
            let beat = if member.framing() == Framing::WebSocket { &websocket } else { &sse };
            member.beat(beat, self.beat_at);
        }
        self.beat_at = Instant::now();
    }

    /// Closes who is slow, and forgets who is gone.
    fn sweep(&mut self) {
        let mut gone = Vec::new();
        for (member, _) in self.groups.members() {
            member.close_if_slow(self.options.message_queue_size);
            if member.outbox().phase != Phase::Open {
                gone.push(member.id);
            }
        }
        for connection in gone {
            self.groups.leave(connection);
        }
        // A snapshot that nobody may ask for again would keep its memory.
        let version = self.version;
        for group in self.groups.iter_mut() {
            group.snapshot.take_if(|(made, _)| *made != version);
        }
    }

    fn end(mut self) {
        self.flush();
        for (member, _) in self.groups.members() {
            member.close(CloseCode::GoingAway);
        }
    }
}

/// Beats from now on, the first after one interval.
fn beats(options: &Options) -> Interval {
    let mut beats = interval_at(Instant::now() + options.heartbeat_interval, options.heartbeat_interval);
    beats.set_missed_tick_behavior(MissedTickBehavior::Delay);
    beats
}
