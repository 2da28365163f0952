//! What a connection still has to send.

use std::collections::VecDeque;
use std::io::{self, IoSlice};
use std::task::Waker;

use bytes::Bytes;
use etlplus_core::ids::Offset;
use tokio::net::TcpStream;
use tokio::time::Instant;

use super::bounds::{WRITE_BYTES_MAX, WRITE_SLICES_MAX};
use super::catching_up::{CatchingUp, Held};
use super::framing::boundary_after;
use super::slots::Slot;

/// Whole frames, in the order in which they go out.
#[derive(Debug)]
pub(super) struct Outbox {
    segments: VecDeque<Segment>,
    pub(super) phase: Phase,
    /// Bytes that wait.
    pub(super) bytes: usize,
    /// Bytes of the newest snapshot that wait.
    snapshot: usize,
    /// Bytes that wait before that snapshot.
    before_snapshot: usize,
    /// Facts of the segments that wait.
    pub(super) facts: usize,
    /// The segments that wait and end at a place in the log.
    places: usize,
    /// While there are such: the last fact up to which the client was told all that its filter lets through.
    told: Offset,
    /// The last place that the client itself can know of, once all that waits is sent; `None` before it was told anything.
    pub(super) marked: Option<Offset>,
    /// While it is told what it missed. In a box, since few connections are.
    pub(super) catching_up: Option<Box<CatchingUp>>,
    /// Bytes that went out.
    pub(super) sent: u64,
    /// Readings that were left out because others waited.
    pub(super) conflated: u64,
    /// What of the two above is in the metrics already.
    measured: (u64, u64),
    /// When a byte last went out, or waiting began.
    pub(super) moved_at: Instant,
    /// Pings since the last sign of life.
    pub(super) missed_pongs: u32,
    /// Who sends what waits.
    pub(super) waker: Option<Waker>,
    /// The place among the connections; given back when it is gone.
    pub(super) slot: Option<Slot>,
}

/// What a connection is about to do.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Phase {
    /// It is told what happens.
    Open,
    /// It sends its last words, and nothing comes after them.
    Closing,
    /// Nothing is sent any more.
    Gone,
}

#[derive(Debug)]
struct Segment {
    /// Whole frames.
    bytes: Bytes,
    /// How much of them went out.
    sent: usize,
    facts: usize,
    /// Whoever was told all of it was told all up to this fact.
    upto: Option<Offset>,
}

/// Facts in whole frames, or the last part of a snapshot: how many, and from where to where they lead in the log.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Stretch {
    pub(super) facts: usize,
    /// All up to here was told before.
    pub(super) since: Offset,
    pub(super) upto: Offset,
}

impl Outbox {
    pub(super) fn new(slot: Slot) -> Self {
        Self {
            segments: VecDeque::new(),
            phase: Phase::Open,
            bytes: 0,
            snapshot: 0,
            before_snapshot: 0,
            facts: 0,
            places: 0,
            told: Offset::START,
            marked: None,
            catching_up: None,
            sent: 0,
            conflated: 0,
            measured: (0, 0),
            moved_at: Instant::now(),
            missed_pongs: 0,
            waker: None,
            slot: Some(slot),
        }
    }

    pub(super) fn is_empty(&self) -> bool {
        self.segments.is_empty()
    }

    /// Adds whole frames, of which `sent` bytes went out already.
    pub(super) fn push(&mut self, bytes: Bytes, sent: usize) {
        if self.segments.is_empty() {
            self.moved_at = Instant::now();
        }
        self.bytes += bytes.len() - sent;
        self.segments.push_back(Segment { bytes, sent, facts: 0, upto: None });
        self.wake();
    }

    /// Adds whole frames that lead to a place in the log.
    pub(super) fn push_stretch(&mut self, bytes: Bytes, sent: usize, Stretch { facts, since, upto }: Stretch) {
        self.marked = Some(upto);
        if self.places == 0 {
            self.told = since;
        }
        self.places += 1;
        self.facts += facts;
        self.push(bytes, sent);
        if let Some(segment) = self.segments.back_mut() {
            (segment.facts, segment.upto) = (facts, Some(upto));
        }
    }

    /// Adds the parts of a snapshot, each a whole frame, of which the last one leads to the snapshot's place.
    pub(super) fn push_snapshot(&mut self, parts: &[Bytes], stretch: Stretch) {
        if let Some(catching_up) = &mut self.catching_up {
            return catching_up.hold(Held::Snapshot(parts.to_vec(), stretch));
        }
        self.before_snapshot = self.bytes;
        self.snapshot = parts.iter().map(Bytes::len).sum();
        let Some((last, others)) = parts.split_last() else { return };
        others.iter().for_each(|part| self.push(part.clone(), 0));
        self.push_stretch(last.clone(), 0, stretch);
    }

    /// The last fact up to which the client was told all that its filter lets through. `newest` is the last of those that
    /// were flushed.
    pub(super) fn position(&self, newest: Offset) -> Offset {
        match &self.catching_up {
            _ if self.places > 0 => self.told,
            Some(catching_up) => catching_up.seen,
            None => newest,
        }
    }

    /// Bytes that wait, those among them that wait for what was missed before them.
    pub(super) fn waiting(&self) -> usize {
        self.bytes + self.catching_up.as_ref().map_or(0, |catching_up| catching_up.held_bytes)
    }

    /// Bytes that were sent and readings that were left out since this was asked last.
    pub(super) fn unmeasured(&mut self) -> (u64, u64) {
        let (sent, conflated) = std::mem::replace(&mut self.measured, (self.sent, self.conflated));
        (self.sent - sent, self.conflated - conflated)
    }

    /// Bytes that wait, but for those of the newest snapshot.
    pub(super) fn behind(&self) -> usize {
        self.waiting() - self.snapshot
    }

    /// Takes the next whole segment out, for a body of HTTP.
    pub(super) fn pop(&mut self) -> Option<Bytes> {
        let segment = self.segments.pop_front()?;
        self.went_out(segment.bytes.len() - segment.sent);
        self.is_told(&segment);
        Some(segment.bytes.slice(segment.sent..))
    }

    /// Writes once, as much as the socket takes. Gives whether anything still waits.
    pub(super) fn write_to(&mut self, socket: &TcpStream) -> io::Result<bool> {
        let mut slices = [IoSlice::new(&[]); WRITE_SLICES_MAX];
        let (mut count, mut room) = (0, WRITE_BYTES_MAX);
        for segment in self.segments.iter().take(WRITE_SLICES_MAX) {
            let rest = &segment.bytes[segment.sent..];
            let rest = &rest[..rest.len().min(room)];
            slices[count] = IoSlice::new(rest);
            (count, room) = (count + 1, room - rest.len());
            if room == 0 {
                break;
            }
        }
        if count > 0 {
            let written = socket.try_write_vectored(&slices[..count])?;
            self.advance(written);
        }
        Ok(!self.segments.is_empty())
    }

    fn advance(&mut self, mut written: usize) {
        self.went_out(written);
        while let Some(front) = self.segments.front_mut() {
            let rest = front.bytes.len() - front.sent;
            if written < rest {
                front.sent += written;
                break;
            }
            written -= rest;
            if let Some(segment) = self.segments.pop_front() {
                self.is_told(&segment);
            }
        }
    }

    fn is_told(&mut self, segment: &Segment) {
        self.facts -= segment.facts;
        if let Some(upto) = segment.upto {
            self.places -= 1;
            self.told = upto;
        }
    }

    fn went_out(&mut self, bytes: usize) {
        let was = self.bytes;
        self.bytes -= bytes;
        let before = bytes.min(self.before_snapshot);
        self.before_snapshot -= before;
        self.snapshot -= (bytes - before).min(self.snapshot);
        self.count_sent(bytes);
        if let Some(catching_up) = &mut self.catching_up {
            catching_up.note_room(was, self.bytes);
        }
    }

    /// Notes bytes that went out without waiting.
    pub(super) fn count_sent(&mut self, bytes: usize) {
        self.sent += bytes as u64;
        self.moved_at = Instant::now();
    }

    /// Replaces all that waits by `last_words`, after the rest of a frame that has begun to go out.
    pub(super) fn close(&mut self, last_words: Vec<u8>) {
        if self.phase != Phase::Open {
            return;
        }
        self.phase = Phase::Closing;
        let begun = self.segments.pop_front().filter(|segment| segment.sent > 0);
        // A copy, so that the rest of one frame does not keep a group's buffer alive.
        let mut rest = begun.map_or_else(Vec::new, |segment| {
            let end = boundary_after(&segment.bytes, segment.sent);
            segment.bytes[segment.sent..end].to_vec()
        });
        self.clear();
        rest.extend_from_slice(&last_words);
        self.push(rest.into(), 0);
    }

    /// Gives everything back.
    pub(super) fn end(&mut self) {
        self.phase = Phase::Gone;
        self.clear();
        self.slot = None;
        self.wake();
    }

    fn clear(&mut self) {
        self.segments = VecDeque::new();
        self.catching_up = None;
        (self.bytes, self.facts, self.places) = (0, 0, 0);
        (self.snapshot, self.before_snapshot) = (0, 0);
    }

    pub(super) fn wake(&mut self) {
        if let Some(waker) = self.waker.take() {
            waker.wake();
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::slots::ConnectionCount;
    use super::*;

    fn outbox() -> Outbox {
        Outbox::new(ConnectionCount::default().take(1).unwrap())
    }

    fn bytes(count: usize) -> Bytes {
        Bytes::from(vec![0; count])
    }

    fn stretch(facts: usize, since: u64, upto: u64) -> Stretch {
        Stretch { facts, since: Offset::from_number(since), upto: Offset::from_number(upto) }
    }

    #[test]
    fn a_position_is_the_last_fact_up_to_which_all_was_told() {
        let (mut outbox, at) = (outbox(), Offset::from_number);
        assert_eq!(outbox.position(at(7)), at(7), "nothing waits");
        outbox.push_stretch(bytes(10), 0, stretch(2, 7, 9));
        outbox.push(bytes(5), 0);
        outbox.push_stretch(bytes(10), 0, stretch(1, 11, 12));
        assert_eq!((outbox.position(at(20)), outbox.facts), (at(7), 3));
        outbox.advance(9);
        assert_eq!(outbox.position(at(20)), at(7), "one byte of the second fact waits");
        outbox.advance(1 + 5);
        assert_eq!((outbox.position(at(20)), outbox.facts), (at(9), 1));
        outbox.advance(10);
        assert_eq!((outbox.position(at(20)), outbox.facts), (at(20), 0));
    }

    #[test]
    fn only_the_newest_snapshot_is_not_counted_as_behind() {
        let mut outbox = outbox();
        outbox.push(bytes(10), 0);
        outbox.push_snapshot(&[bytes(500), bytes(400)], stretch(0, 1, 1));
        outbox.push(bytes(20), 0);
        assert_eq!((outbox.bytes, outbox.behind()), (930, 30));
        // Within a part, then beyond the first one.
        outbox.advance(10 + 100);
        assert_eq!((outbox.bytes, outbox.behind()), (820, 20));
        outbox.advance(450);
        assert_eq!((outbox.bytes, outbox.behind()), (370, 20));
        outbox.push_snapshot(&[bytes(300)], stretch(0, 2, 2));
        assert_eq!((outbox.bytes, outbox.behind()), (670, 370), "what is left of the one before counts");
        while outbox.pop().is_some() {}
        assert_eq!((outbox.bytes, outbox.behind(), outbox.sent), (0, 0, 1230));
    }
}
