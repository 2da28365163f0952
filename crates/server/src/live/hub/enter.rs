//! How connections come to be told what they want: a snapshot, or what they missed, and then what happens.

use std::sync::Arc;

use bytes::Bytes;
use etlplus_api::{Frame, Gap, GapReason, ServerMessage};
use etlplus_core::ids::Offset;
use etlplus_core::ports::LogPosition;
use tokio::task::JoinHandle;
use uuid::Uuid;

use super::{Hub, close_if_websocket};
use crate::live::bounds::REPLAY_JOIN_FACTS;
use crate::live::catching_up::{CatchingUp, ReplayId};
use crate::live::client::answer;
use crate::live::connection::Connection;
use crate::live::filter::Filter;
use crate::live::framing::Payload;
use crate::live::greeting;
use crate::live::group::{Apart, GroupId};
use crate::live::handle::{Ack, Next, Wish};
use crate::live::outbox::Phase;
use crate::live::snapshot;
use crate::wire;

impl Hub {
    pub(super) fn join(&mut self, connection: Arc<Connection>, wish: Option<Wish>) {
        let ack = greeting::ack(connection.id, &self.monitoring().websocket, self.monitor.view().position());
        self.say(&connection, answer(ack, self.clock.now(), None));
        // It asked while there were WebSockets.
        if !self.monitoring().websocket.enabled {
            close_if_websocket(&connection);
        }
        match wish {
            Some(wish) => self.begin(connection, wish, None),
            None => self.groups.keep_apart(Apart { connection, filter: Filter::default(), replay: None }),
        }
    }

    /// Gives whether there is such a connection.
    pub(super) fn change(&mut self, connection: Uuid, wish: Wish, ack: Option<Ack>) -> bool {
        let is_open = self.groups.member(connection).is_some_and(|member| member.outbox().phase == Phase::Open);
        let Some((connection, before)) = is_open.then(|| self.take_out(connection)).flatten() else { return false };
        if let Some(Ack(id)) = ack {
            self.say(&connection, answer(ServerMessage::Ack {}, self.clock.now(), id));
        }
        self.begin(connection, wish, before);
        true
    }

    /// Takes a connection out of where it is, with its replay.
    fn take_out(&mut self, connection: Uuid) -> Option<(Arc<Connection>, Option<JoinHandle<()>>)> {
        let (connection, replay) = match self.groups.take_apart(connection) {
            Some(Apart { connection, replay, .. }) => (connection, replay),
            None => {
                // What happened before is told by the old filter.
                let group = self.groups.group_of(connection)?;
                self.flush_group(group);
                (self.groups.leave(connection)?, None)
            }
        };
        // What a replay has not told yet is told by what comes in its stead.
        connection.outbox().catching_up = None;
        Some((connection, replay))
    }

    /// Tells a connection what it wants. `before` is its replay before that, which is over and need not know it yet.
    fn begin(&mut self, connection: Arc<Connection>, Wish { filter, since }: Wish, before: Option<JoinHandle<()>>) {
        let Some(since) = since else { return self.enter(connection, filter) };
        let reason = if since.epoch != self.monitor.view().position().epoch {
            Some(GapReason::OtherEpoch)
        } else if since.offset > self.replays.newest() {
            Some(GapReason::InFuture)
        } else {
            None
        };
        match reason {
            Some(reason) => self.enter_over_gap(connection, filter, reason, since),
            None => self.replay(connection, filter, since, before),
        }
    }

    fn replay(
        &mut self,
        connection: Arc<Connection>,
        filter: Filter,
        since: LogPosition,
        before: Option<JoinHandle<()>>,
    ) {
        let id = self.replays.next_id();
        connection.outbox().catching_up = Some(Box::new(CatchingUp::new(id, since.offset)));
        let client = (id, connection.clone(), filter.clone());
        let replay = self.replays.start(client, (since, self.told), before, self.budget.clone());
        self.groups.keep_apart(Apart { connection, filter, replay: Some(replay) });
    }

    /// Says how a replay goes on. Whoever is near enough joins its group: what the group is told from now on waits in the
    /// outbox until the replay has told what comes before.
    pub(super) fn go_on(&mut self, connection: Uuid, replay: ReplayId, seen: Offset) -> Next {
        let Some(apart) = self.groups.apart(connection) else { return Next::Over };
        if apart.connection.outbox().replaying(replay).is_err() {
            return Next::Over;
        }
        let is_near = seen <= self.told && self.told.get() - seen.get() <= REPLAY_JOIN_FACTS;
        let Some(Apart { connection, filter, .. }) = is_near.then(|| self.groups.take_apart(connection)).flatten()
        else {
            return Next::Further(self.told);
        };
        let group = self.groups.of(filter, connection.framing());
        // What the others of the group still have to be told is told by the replay.
        self.flush_group(group);
        if let Ok(catching_up) = connection.outbox().replaying(replay) {
            catching_up.has_joined = true;
        }
        self.groups.join(group, connection);
        Next::Joined(self.told)
    }

    /// The replay of a connection found that the store no longer has what comes after `since`.
    pub(super) fn tell_gap(&mut self, connection: Uuid, replay: ReplayId, reason: GapReason, since: LogPosition) {
        let Some(member) = self.groups.member(connection) else { return };
        if member.outbox().replaying(replay).is_err() {
            return;
        }
        let apart = self.groups.apart(connection).map(|apart| apart.filter.clone());
        let group = self.groups.group_of(connection);
        let Some(filter) = apart.or_else(|| Some(self.groups.get(group?).filter.clone())) else { return };
        if let Some((connection, _)) = self.take_out(connection) {
            self.enter_over_gap(connection, filter, reason, since);
        }
    }

    fn enter_over_gap(&mut self, connection: Arc<Connection>, filter: Filter, reason: GapReason, since: LogPosition) {
        let gap = ServerMessage::Gap(Gap { reason, since: wire::position(since) });
        let mut frame = answer(gap, self.clock.now(), None);
        frame.position = Some(wire::position(self.monitor.view().position()));
        self.say(&connection, frame);
        self.enter(connection, filter);
    }

    /// Sends the snapshot of a filter, and from then on what it lets through.
    fn enter(&mut self, connection: Arc<Connection>, filter: Filter) {
        let group = self.groups.of(filter, connection.framing());
        // What the others of the group still have to be told is in the snapshot already.
        self.flush_group(group);
        let (snapshot, place) = (self.snapshot(group), self.monitor.view().position().offset);
        connection.push_snapshot(&snapshot, place, place);
        drop(snapshot);
        self.groups.join(group, connection);
        self.keep_budget();
    }

    /// The parts of the snapshot of a group's filter.
    pub(super) fn snapshot(&mut self, group: GroupId) -> Arc<[Bytes]> {
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
        let tracking = &self.settings.values.monitoring.job_tracking;
        snapshot::parts(self.monitor.view(), &group.filter, tracking, now, |part| parts.push(framed(part)));
        let parts: Arc<[Bytes]> = parts.into();
        group.snapshot = Some((self.version, parts.clone()));
        parts
    }

    fn say(&self, connection: &Connection, frame: Frame) {
        let mut bytes = Vec::new();
        connection.framing().add(&Payload::of(&frame), &mut bytes);
        connection.push(bytes.into());
    }
}
