//! What the outbox of a connection knows while the connection is told what it missed.

use std::task::{Context, Poll, Waker};

use bytes::Bytes;
use etlplus_core::ids::Offset;

use super::bounds::REPLAY_WAITING_BYTES;
use super::outbox::{Outbox, Phase, Stretch};

/// Names one replay among all.
pub(super) type ReplayId = u64;

/// A connection that is told what it missed, by a task of its own.
#[derive(Debug)]
pub(super) struct CatchingUp {
    /// Whose frames are taken. Those of an earlier replay are no longer.
    pub(super) replay: ReplayId,
    /// All up to here that the filter lets through is in the outbox or out.
    pub(super) seen: Offset,
    /// What the connection's group was told meanwhile, once it has one.
    held: Vec<Held>,
    pub(super) held_bytes: usize,
    /// Whether the connection is in its group.
    pub(super) has_joined: bool,
    /// The replay, where it waits for room.
    waker: Option<Waker>,
}

/// What goes out after all that was missed.
#[derive(Debug)]
pub(super) enum Held {
    Facts(Bytes, Stretch),
    Snapshot(Vec<Bytes>, Stretch),
}

/// The replay is over before its end: another one has begun, or the connection is about to close.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Over;

impl CatchingUp {
    pub(super) fn new(replay: ReplayId, seen: Offset) -> Self {
        Self { replay, seen, held: Vec::new(), held_bytes: 0, has_joined: false, waker: None }
    }

    pub(super) fn hold(&mut self, held: Held) {
        self.held_bytes += match &held {
            Held::Facts(bytes, _) => bytes.len(),
            Held::Snapshot(parts, _) => parts.iter().map(Bytes::len).sum(),
        };
        self.held.push(held);
    }

    /// Wakes the replay where bytes that went out have made room.
    pub(super) fn note_room(&mut self, before: usize, after: usize) {
        if before > REPLAY_WAITING_BYTES && after <= REPLAY_WAITING_BYTES {
            self.wake();
        }
    }

    fn wake(&mut self) {
        if let Some(waker) = self.waker.take() {
            waker.wake();
        }
    }
}

/// Whoever waits for room has to hear that there will be none.
impl Drop for CatchingUp {
    fn drop(&mut self) {
        self.wake();
    }
}

impl Outbox {
    /// The state of this replay, as long as it goes on.
    pub(super) fn replaying(&mut self, replay: ReplayId) -> Result<&mut CatchingUp, Over> {
        let is_open = self.phase == Phase::Open;
        self.catching_up.as_deref_mut().filter(|one| is_open && one.replay == replay).ok_or(Over)
    }

    /// Whether the client has taken so much of what it was told that there is room for more.
    pub(super) fn poll_room(&mut self, replay: ReplayId, context: &mut Context<'_>) -> Poll<Result<(), Over>> {
        let has_room = self.bytes <= REPLAY_WAITING_BYTES;
        match self.replaying(replay) {
            Ok(_) if has_room => Poll::Ready(Ok(())),
            Ok(catching_up) => {
                catching_up.waker = Some(context.waker().clone());
                Poll::Pending
            }
            Err(over) => Poll::Ready(Err(over)),
        }
    }

    /// Adds facts that were missed. They may be none that the filter lets through, and only lead to their place.
    pub(super) fn push_replayed(&mut self, replay: ReplayId, bytes: Bytes, stretch: Stretch) -> Result<(), Over> {
        self.replaying(replay)?.seen = stretch.upto;
        if !bytes.is_empty() {
            self.push_stretch(bytes, 0, stretch);
        }
        Ok(())
    }

    /// Adds the bookmark of the place up to which all is told now, and then what was held.
    pub(super) fn catch_up(&mut self, replay: ReplayId, bookmark: Bytes) -> Result<(), Over> {
        let seen = self.replaying(replay)?.seen;
        let Some(mut catching_up) = self.catching_up.take() else { return Err(Over) };
        self.push_stretch(bookmark, 0, Stretch { facts: 0, since: seen, upto: seen });
        for held in std::mem::take(&mut catching_up.held) {
            match held {
                Held::Facts(bytes, stretch) => self.push_stretch(bytes, 0, stretch),
                Held::Snapshot(parts, stretch) => self.push_snapshot(&parts, stretch),
            }
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::super::slots::ConnectionCount;
    use super::*;

    fn stretch(facts: usize, since: u64, upto: u64) -> Stretch {
        Stretch { facts, since: Offset::from_number(since), upto: Offset::from_number(upto) }
    }

    fn text_of(outbox: &mut Outbox) -> String {
        std::iter::from_fn(|| outbox.pop()).map(|bytes| String::from_utf8(bytes.to_vec()).unwrap()).collect()
    }

    #[test]
    fn what_the_group_is_told_waits_for_what_was_missed() {
        let (mut outbox, at) = (Outbox::new(ConnectionCount::default().take(1).unwrap()), Offset::from_number);
        outbox.catching_up = Some(Box::new(CatchingUp::new(1, at(10))));
        outbox.push_replayed(1, "11,12,".into(), stretch(2, 10, 12)).unwrap();
        outbox.catching_up.as_mut().unwrap().hold(Held::Facts("15,".into(), stretch(1, 14, 15)));
        outbox.push_snapshot(&["16;".into()], stretch(0, 15, 16));
        assert_eq!((outbox.position(at(16)), outbox.waiting(), outbox.bytes), (at(10), 12, 6));
        outbox.push_replayed(1, "14,".into(), stretch(1, 12, 14)).unwrap();
        assert_eq!(outbox.push_replayed(0, "1,".into(), stretch(1, 0, 1)), Err(Over), "an earlier replay");
        outbox.catch_up(1, "mark 14,".into()).unwrap();
        assert_eq!(text_of(&mut outbox), "11,12,14,mark 14,15,16;");
        assert_eq!((outbox.position(at(20)), outbox.marked, outbox.waiting()), (at(20), Some(at(16)), 0));
    }

    #[test]
    fn a_place_is_known_even_where_nothing_leads_to_it() {
        let (mut outbox, at) = (Outbox::new(ConnectionCount::default().take(1).unwrap()), Offset::from_number);
        outbox.catching_up = Some(Box::new(CatchingUp::new(1, at(10))));
        outbox.push_replayed(1, "11,".into(), stretch(1, 10, 11)).unwrap();
        outbox.push_replayed(1, Bytes::new(), stretch(0, 11, 500)).unwrap();
        assert_eq!(outbox.position(at(600)), at(10));
        assert_eq!(text_of(&mut outbox), "11,");
        assert_eq!(outbox.position(at(600)), at(500));
    }
}
