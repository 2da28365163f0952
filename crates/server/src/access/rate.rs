//! How often one may ask.

use std::net::{IpAddr, Ipv6Addr};
use std::num::NonZeroU32;
use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::{Arc, PoisonError, RwLock};
use std::time::Duration;

use etlplus_core::access::{Principal, TokenId};
use governor::clock::{Clock as _, DefaultClock};
use governor::{DefaultKeyedRateLimiter, Quota, RateLimiter};

/// So many times the rate may come at once: a page asks for several things when it is opened.
const BURST_TIMES: u32 = 2;
/// After so many requests clients that have not asked for a while are forgotten.
const FORGET_EVERY: u32 = 4096;

/// By what requests are counted together.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(crate) enum Client {
    /// Whoever holds the token.
    Token(TokenId),
    /// Whoever has the address and no token.
    Address(IpAddr),
}

impl Client {
    /// Of a principal who asks from `address`. Whoever has an IPv6 address has the 2^64 around it.
    pub(crate) fn of(principal: Option<&Principal>, address: IpAddr) -> Self {
        if let Some(token) = principal.and_then(Principal::token) {
            return Self::Token(token);
        }
        Self::Address(match address.to_canonical() {
            IpAddr::V6(address) => Ipv6Addr::from_bits(address.to_bits() & !u128::from(u64::MAX)).into(),
            address => address,
        })
    }
}

/// The rate that holds, and how much of it each client has left.
#[derive(Debug)]
pub(crate) struct Rate {
    limiter: RwLock<Arc<Limiter>>,
    asked: AtomicU32,
}

#[derive(Debug)]
struct Limiter {
    per_second: u32,
    limiter: DefaultKeyedRateLimiter<Client>,
}

impl Rate {
    pub(crate) fn new(per_second: u32) -> Self {
        Self { limiter: RwLock::new(Limiter::new(per_second)), asked: AtomicU32::new(0) }
    }

    /// Counts a request. `per_second` is the rate that holds now; where it was changed, everybody begins anew.
    ///
    /// # Errors
    /// How long the client has to wait.
    pub(crate) fn check(&self, client: Client, per_second: u32) -> Result<(), Duration> {
        let mut limiter = self.limiter.read().unwrap_or_else(PoisonError::into_inner).clone();
        if limiter.per_second != per_second {
            limiter = Limiter::new(per_second);
            *self.limiter.write().unwrap_or_else(PoisonError::into_inner) = limiter.clone();
        }
        if self.asked.fetch_add(1, Ordering::Relaxed) % FORGET_EVERY == FORGET_EVERY - 1 {
            limiter.limiter.retain_recent();
        }
        let checked = limiter.limiter.check_key(&client);
        checked.map_err(|until| until.wait_time_from(DefaultClock::default().now()))
    }
}

impl Limiter {
    fn new(per_second: u32) -> Arc<Self> {
        let rate = NonZeroU32::new(per_second).unwrap_or(NonZeroU32::MIN);
        let burst = NonZeroU32::new(BURST_TIMES).map_or(rate, |times| rate.saturating_mul(times));
        let limiter = RateLimiter::keyed(Quota::per_second(rate).allow_burst(burst));
        Arc::new(Self { per_second, limiter })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_client_has_its_own_rate_with_a_burst_of_twice_as_much() {
        let rate = Rate::new(5);
        let client = |last| Client::of(None, IpAddr::from([192, 0, 2, last]));
        for _ in 0..10 {
            assert_eq!(rate.check(client(1), 5), Ok(()));
        }
        let wait = rate.check(client(1), 5).expect_err("the burst is over");
        assert!(wait <= Duration::from_millis(200), "{wait:?}");
        assert_eq!(rate.check(client(2), 5), Ok(()));
        assert_eq!(rate.check(client(1), 6), Ok(()), "another rate holds at once");
    }

    #[test]
    fn addresses_of_one_network_are_one_client() {
        let client = |text: &str| Client::of(None, text.parse().unwrap());
        assert_eq!(client("2001:db8::1"), client("2001:db8::ffff:1"));
        assert_ne!(client("2001:db8::1"), client("2001:db8:0:1::1"));
        assert_eq!(client("::ffff:192.0.2.1"), client("192.0.2.1"));
    }
}
