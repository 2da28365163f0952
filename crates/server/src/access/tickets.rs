//! Tickets: a browser can send no header with a WebSocket, and a token in an address would end up in logs.

use std::collections::HashMap;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use etlplus_core::access::Principal;
use etlplus_core::ports::TokenHash;

use super::secret;

/// How long a ticket can be used: it is asked for right before its use.
pub(crate) const TICKET_LASTS: Duration = Duration::from_secs(30);
/// Tickets that wait to be used. Each is small; a limit keeps whoever asks without end from filling memory.
const TICKETS_MAX: usize = 1_000;

/// Tickets that were given out and not used yet.
#[derive(Debug, Default)]
pub(crate) struct Tickets(Mutex<HashMap<TokenHash, Issued>>);

#[derive(Debug)]
struct Issued {
    principal: Principal,
    /// By the monotonic clock.
    until: Duration,
}

impl Tickets {
    /// A ticket for one use by `principal`; `None` where too many wait. `now` is of the monotonic clock.
    pub(crate) fn issue(&self, principal: Principal, now: Duration) -> Option<String> {
        let mut issued = self.lock();
        if issued.len() >= TICKETS_MAX {
            issued.retain(|_, ticket| now < ticket.until);
        }
        if issued.len() >= TICKETS_MAX {
            return None;
        }
        let text = secret::random();
        issued.insert(TokenHash::of(&text), Issued { principal, until: now + TICKET_LASTS });
        Some(text)
    }

    /// Whom a ticket was given to, which is the end of the ticket; `None` where it was used, is over, or never was.
    pub(super) fn take(&self, text: &str, now: Duration) -> Option<Principal> {
        let ticket = self.lock().remove(&TokenHash::of(text))?;
        (now < ticket.until).then_some(ticket.principal)
    }

    fn lock(&self) -> MutexGuard<'_, HashMap<TokenHash, Issued>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const NOW: Duration = Duration::from_secs(100);

    #[test]
    fn a_ticket_is_good_once_and_for_a_while() {
        let tickets = Tickets::default();
        let first = tickets.issue(Principal::Local, NOW).unwrap();
        assert_eq!(tickets.take(&first, NOW), Some(Principal::Local));
        assert_eq!(tickets.take(&first, NOW), None, "it was used");
        let late = tickets.issue(Principal::Local, NOW).unwrap();
        assert_eq!(tickets.take(&late, NOW + TICKET_LASTS), None, "it is over");
        assert_eq!(tickets.take("", NOW), None);
    }

    #[test]
    fn so_many_wait_and_no_more_until_some_are_over() {
        let tickets = Tickets::default();
        for _ in 0..TICKETS_MAX {
            assert!(tickets.issue(Principal::Local, NOW).is_some());
        }
        assert_eq!(tickets.issue(Principal::Local, NOW), None);
        assert!(tickets.issue(Principal::Local, NOW + TICKET_LASTS).is_some());
    }
}
