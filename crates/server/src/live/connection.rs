//! A connection as the hub and its own task share it.

use std::io::{self, IoSlice};
use std::net::SocketAddr;
use std::sync::{Mutex, MutexGuard, PoisonError, RwLock};
use std::task::{Context, Poll};

use bytes::Bytes;
use chrono::{DateTime, Utc};
use etlplus_api as api;
use etlplus_api::CloseCode;
use etlplus_core::access::Principal;
use etlplus_core::ids::Offset;
use etlplus_core::ports::LogPosition;
use tokio::net::TcpStream;
use tokio::time::Instant;
use uuid::Uuid;

use super::bounds::{BEHIND_BYTES_MAX, BEHIND_BYTES_SOFT, MISSED_PONGS_MAX, SLOW_AFTER};
use super::catching_up::Held;
use super::framing::Framing;
use super::outbox::{Outbox, Phase, Stretch};
use super::slots::Slot;
use crate::wire;

/// A client of the live channel.
#[derive(Debug)]
pub(super) struct Connection {
    pub(super) id: Uuid,
    /// Who it is. It may come to be another while it is open: see `auth`.
    principal: RwLock<Principal>,
    pub(super) remote: SocketAddr,
    pub(super) connected_at: DateTime<Utc>,
    /// The raw socket, which the hub writes to; `None` where a body of HTTP takes what the outbox holds.
    socket: Option<TcpStream>,
    outbox: Mutex<Outbox>,
}

/// What one flush brings: whole frames of facts, then of samples.
#[derive(Debug)]
pub(super) struct Batch {
    pub(super) facts: Bytes,
    pub(super) stretch: Stretch,
    pub(super) samples: Bytes,
    pub(super) sample_count: usize,
}

impl Connection {
    pub(super) fn new(
        principal: Principal,
        remote: SocketAddr,
        connected_at: DateTime<Utc>,
        socket: Option<TcpStream>,
        slot: Slot,
    ) -> Self {
        let (principal, outbox) = (RwLock::new(principal), Mutex::new(Outbox::new(slot)));
        Self { id: Uuid::now_v7(), principal, remote, connected_at, socket, outbox }
    }

    pub(super) fn principal(&self) -> Principal {
        self.principal.read().unwrap_or_else(PoisonError::into_inner).clone()
    }

    pub(super) fn set_principal(&self, principal: Principal) {
        *self.principal.write().unwrap_or_else(PoisonError::into_inner) = principal;
    }

    pub(super) fn framing(&self) -> Framing {
        if self.socket.is_some() { Framing::WebSocket } else { Framing::Sse }
    }

    pub(super) fn outbox(&self) -> MutexGuard<'_, Outbox> {
        self.outbox.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Sends a batch: at once as far as the socket takes it, the rest through the outbox. Samples wait for nobody: where
    /// something else waits they are left out, and the next reading takes their place. Never waits. Gives how many frames
    /// were sent or wait.
    pub(super) fn send(&self, batch: &Batch) -> usize {
        let Batch { facts, stretch, samples, sample_count } = batch;
        let mut outbox = self.outbox();
        if outbox.phase != Phase::Open {
            return 0;
        }
        if stretch.facts > 0 {
            outbox.marked = Some(stretch.upto);
        }
        if let Some(catching_up) = outbox.catching_up.as_deref_mut() {
            if stretch.facts > 0 {
                catching_up.hold(Held::Facts(facts.clone(), *stretch));
            }
            outbox.conflated += *sample_count as u64;
            self.close_if_far_behind(&mut outbox);
            return stretch.facts;
        }
        let was_empty = outbox.is_empty();
        let mut sent = 0;
        if let Some(socket) = self.socket.as_ref().filter(|_| was_empty) {
            let all = [IoSlice::new(facts), IoSlice::new(samples)];
            match socket.try_write_vectored(if facts.is_empty() { &all[1..] } else { &all }) {
                Ok(written) => {
                    sent = written;
                    outbox.count_sent(sent);
                }
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => {}
                Err(_) => {
                    outbox.end();
                    return 0;
                }
            }
        }
        if sent < facts.len() {
            outbox.push_stretch(facts.clone(), sent, *stretch);
        }
        let mut frames = stretch.facts + sample_count;
        let sent_samples = sent.saturating_sub(facts.len());
        let is_begun = sent_samples > 0 || (self.socket.is_none() && was_empty);
        if sent_samples < samples.len() {
            if is_begun {
                outbox.push(samples.clone(), sent_samples);
            } else {
                outbox.conflated += *sample_count as u64;
                frames = stretch.facts;
            }
        }
        self.close_if_far_behind(&mut outbox);
        frames
    }

    fn close_if_far_behind(&self, outbox: &mut Outbox) {
        if outbox.behind() > BEHIND_BYTES_MAX {
            self.close_locked(outbox, CloseCode::Slow);
        }
    }

    /// Sends whole frames that are for this connection alone, after what waits.
    pub(super) fn push(&self, frames: Bytes) {
        let mut outbox = self.outbox();
        if outbox.phase == Phase::Open {
            outbox.push(frames, 0);
        }
    }

    /// Sends the parts of a snapshot of the log's place `upto`, after what waits. All up to `since` was told before.
    pub(super) fn push_snapshot(&self, parts: &[Bytes], since: Offset, upto: Offset) {
        let mut outbox = self.outbox();
        if outbox.phase == Phase::Open {
            outbox.push_snapshot(parts, Stretch { facts: 0, since, upto });
        }
    }

    /// Sends `code` as the last words.
    pub(super) fn close(&self, code: CloseCode) {
        self.close_locked(&mut self.outbox(), code);
    }

    /// Sends `code` as the last words, with a reason of its own.
    pub(super) fn close_because(&self, code: CloseCode, reason: &str) {
        self.close_with(&mut self.outbox(), code, reason);
    }

    fn close_locked(&self, outbox: &mut Outbox, code: CloseCode) {
        self.close_with(outbox, code, code.reason());
    }

    fn close_with(&self, outbox: &mut Outbox, code: CloseCode, reason: &str) {
        if outbox.phase == Phase::Open {
            metrics::counter!("etlplus_connections_closed_total", "code" => code.get().to_string()).increment(1);
            outbox.close(self.framing().closing(code, reason));
        }
    }

    /// Sends a beat, or closes the connection where the client gave no sign of life for two of them. While frames wait,
    /// a beat would only pile up: there, a socket that takes bytes is the sign. Where the client cannot know of the last
    /// fact, since its filter let it not through, the bookmark of it follows.
    pub(super) fn beat(&self, beat: &Bytes, last_beat: Instant, newest: Offset, bookmark: &Bytes) {
        let mut outbox = self.outbox();
        if outbox.phase != Phase::Open {
            return;
        }
        // A stream of events has no way to answer; that its bytes are taken has to do.
        let can_answer = self.socket.is_some();
        let is_moving = outbox.moved_at >= last_beat;
        match outbox.is_empty() {
            true if can_answer => outbox.missed_pongs += 1,
            true => outbox.missed_pongs = 0,
            false if is_moving => outbox.missed_pongs = 0,
            false => outbox.missed_pongs += 1,
        }
        if outbox.missed_pongs > MISSED_PONGS_MAX {
            self.close_locked(&mut outbox, CloseCode::NoPong);
        } else if outbox.is_empty() {
            outbox.push(beat.clone(), 0);
            // Whoever has not said yet where to begin is at no place.
            if outbox.catching_up.is_none() && outbox.marked.is_some_and(|marked| marked < newest) {
                outbox.push_stretch(bookmark.clone(), 0, Stretch { facts: 0, since: newest, upto: newest });
            }
        }
    }

    /// Notes an answer to a ping.
    pub(super) fn answered(&self) {
        self.outbox().missed_pongs = 0;
    }

    /// Closes a client that is far behind and reads nothing. One that catches up and is in no group yet gets no more than it
    /// takes; whether it is there is seen by the beat.
    pub(super) fn close_if_slow(&self, message_queue_size: usize) {
        let mut outbox = self.outbox();
        if outbox.catching_up.as_ref().is_some_and(|catching_up| !catching_up.has_joined) {
            return;
        }
        let is_far_behind = outbox.facts > message_queue_size || outbox.waiting() > BEHIND_BYTES_SOFT;
        if is_far_behind && outbox.moved_at.elapsed() >= SLOW_AFTER {
            self.close_locked(&mut outbox, CloseCode::Slow);
        }
    }

    /// Sends what waits, as much as the socket takes at once. Gives whether anything still waits.
    pub(super) fn drain(&self, socket: &TcpStream) -> io::Result<bool> {
        loop {
            // The lock is let go after each write: the hub waits for it.
            match self.outbox().write_to(socket) {
                Ok(true) => {}
                Ok(false) => return Ok(false),
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => return Ok(true),
                Err(error) => return Err(error),
            }
        }
    }

    /// Waits until there is something to send, or the phase changed. `known` is what the caller has seen.
    pub(super) fn poll_work(&self, known: Seen, context: &mut Context<'_>) -> Poll<()> {
        let mut outbox = self.outbox();
        if Seen::of(&outbox) != known {
            return Poll::Ready(());
        }
        outbox.waker = Some(context.waker().clone());
        Poll::Pending
    }

    /// The next bytes for a body of HTTP; `None` once nothing more will come.
    pub(super) fn poll_bytes(&self, context: &mut Context<'_>) -> Poll<Option<Bytes>> {
        let mut outbox = self.outbox();
        if let Some(bytes) = outbox.pop() {
            return Poll::Ready(Some(bytes));
        }
        if outbox.phase != Phase::Open {
            return Poll::Ready(None);
        }
        outbox.waker = Some(context.waker().clone());
        Poll::Pending
    }

    pub(super) fn socket(&self) -> Option<&TcpStream> {
        self.socket.as_ref()
    }

    /// As it is listed. `newest` is the last fact that was flushed.
    pub(super) fn info(&self, filters: api::Filter, newest: LogPosition) -> api::Connection {
        let outbox = self.outbox();
        let offset = outbox.position(newest.offset);
        api::Connection {
            connection_id: self.id.to_string(),
            kind: match self.framing() {
                Framing::WebSocket => api::ConnectionKind::WebSocket,
                Framing::Sse => api::ConnectionKind::Sse,
            },
            principal: self.principal().to_string(),
            remote_address: self.remote.to_string(),
            connected_at: self.connected_at,
            filters,
            position: wire::position(LogPosition { offset, ..newest }),
            lag: newest.offset.get().saturating_sub(offset.get()),
            queued_bytes: outbox.waiting() as u64,
            sent_bytes: outbox.sent,
            conflated: outbox.conflated,
        }
    }
}

/// What a connection's own task has to know to choose what it waits for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Seen {
    /// Whether something waits to be sent.
    pub(super) waits: bool,
    /// Whether so much waits that the client is not listened to.
    pub(super) is_deaf: bool,
    pub(super) phase: Phase,
}

impl Seen {
    pub(super) fn of(outbox: &Outbox) -> Self {
        let is_deaf = outbox.bytes > super::bounds::READ_PAUSE_BYTES;
        Self { waits: !outbox.is_empty(), is_deaf, phase: outbox.phase }
    }
}
