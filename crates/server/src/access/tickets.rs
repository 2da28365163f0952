//! Tickets: a browser can send no header with a WebSocket, and a token in an address would end up in logs.

use std::collections::VecDeque;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use etlplus_core::access::Principal;
use etlplus_core::ports::TokenHash;

use super::secret;

/// How long a ticket can be used: it is asked for right before its use.
pub(crate) const TICKET_LASTS: Duration = Duration::from_secs(30);
/// Tickets of one principal that wait to be used: a person who opens many pages at once has one for each.
const TICKETS_OF_ONE_MAX: usize = 20;
/// Tickets that wait to be used. Each is small; a limit keeps those who ask without end from filling memory.
const TICKETS_MAX: usize = 1_000;

/// Tickets that were given out and not used yet, the oldest first. They are few, so that all can be looked through.
#[derive(Debug, Default)]
pub(crate) struct Tickets(Mutex<VecDeque<Issued>>);

#[derive(Debug)]
struct Issued {
    /// Of its text.
    hash: TokenHash,
    principal: Principal,
    /// By the monotonic clock.
    until: Duration,
}

impl Tickets {
    /// A ticket for one use by `principal`, whose oldest gives way where too many of theirs wait; `None` where too many of
    /// others do. `now` is of the monotonic clock.
    pub(crate) fn issue(&self, principal: Principal, now: Duration) -> Option<String> {
        let mut issued = self.lock();
        // All last equally long, so that the oldest is over first.
        while issued.front().is_some_and(|ticket| ticket.until <= now) {
            issued.pop_front();
        }
        let is_theirs = |ticket: &Issued| ticket.principal == principal;
        if issued.iter().filter(|ticket| is_theirs(ticket)).count() >= TICKETS_OF_ONE_MAX
            && let Some(oldest) = issued.iter().position(is_theirs)
        {
            issued.remove(oldest);
        }
        if issued.len() >= TICKETS_MAX {
            return None;
        }
        let text = secret::random();
        issued.push_back(Issued { hash: TokenHash::of(&text), principal, until: now + TICKET_LASTS });
        Some(text)
    }

    /// Whom a ticket was given to, which leaves it as it is; `None` where it was used, is over, or never was.
    pub(super) fn owner(&self, text: &str, now: Duration) -> Option<Principal> {
        let hash = TokenHash::of(text);
        self.lock().iter().find(|ticket| ticket.hash == hash && now < ticket.until).map(|found| found.principal.clone())
    }

    /// Whom a ticket was given to, which is the end of the ticket; `None` where it was used, is over, or never was.
    pub(super) fn take(&self, text: &str, now: Duration) -> Option<Principal> {
        let hash = TokenHash::of(text);
        let mut issued = self.lock();
        let place = issued.iter().position(|ticket| ticket.hash == hash)?;
        let ticket = issued.remove(place)?;
        (now < ticket.until).then_some(ticket.principal)
    }

    fn lock(&self) -> MutexGuard<'_, VecDeque<Issued>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use etlplus_core::access::{Role, TokenId};
    use uuid::Uuid;

    use super::*;

    const NOW: Duration = Duration::from_secs(100);

    fn holder(number: usize) -> Principal {
        let id = TokenId::from_uuid(Uuid::from_u128(number as u128));
        Principal::Token { id, name: format!("holder {number}"), role: Role::Viewer }
    }

    #[test]
    fn a_ticket_is_good_once_and_for_a_while() {
        let tickets = Tickets::default();
        let first = tickets.issue(Principal::Local, NOW).unwrap();
        assert_eq!(tickets.owner(&first, NOW), Some(Principal::Local));
        assert_eq!(tickets.take(&first, NOW), Some(Principal::Local), "to be looked at is no use");
        assert_eq!((tickets.owner(&first, NOW), tickets.take(&first, NOW)), (None, None), "it was used");
        let late = tickets.issue(Principal::Local, NOW).unwrap();
        let later = NOW + TICKET_LASTS;
        assert_eq!((tickets.owner(&late, later), tickets.take(&late, later)), (None, None), "it is over");
        assert_eq!(tickets.take("", NOW), None);
    }

    #[test]
    fn who_asks_without_end_takes_from_themselves_alone() {
        let tickets = Tickets::default();
        let other = tickets.issue(holder(1), NOW).unwrap();
        let of_one: Vec<String> = (0..TICKETS_MAX * 2).map(|_| tickets.issue(holder(0), NOW).unwrap()).collect();
        let (old, new) = of_one.split_at(of_one.len() - TICKETS_OF_ONE_MAX);
        assert!(old.iter().all(|text| tickets.take(text, NOW).is_none()), "the oldest gave way");
        assert!(new.iter().all(|text| tickets.take(text, NOW) == Some(holder(0))));
        assert_eq!(tickets.take(&other, NOW), Some(holder(1)));
    }

    #[test]
    fn so_many_wait_and_no_more_until_some_are_over() {
        let tickets = Tickets::default();
        for number in 0..TICKETS_MAX {
            assert!(tickets.issue(holder(number / TICKETS_OF_ONE_MAX), NOW).is_some());
        }
        assert_eq!(tickets.issue(Principal::Local, NOW), None);
        assert!(tickets.issue(holder(0), NOW).is_some(), "its own oldest made room");
        assert!(tickets.issue(Principal::Local, NOW + TICKET_LASTS).is_some());
    }
}
