//! Hosts that are down are left alone for a while.
//!
//! A circuit breaker for each origin, as in Nygard, "Release It!": it opens when calls fail one after the other, and then
//! fails calls without sending them. After a rest it lets one call through as a probe, which closes it or starts another
//! rest. What counts as a failure is left to who reports it.

use std::collections::HashMap;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use tokio::time::Instant;

use crate::clock::secs;

/// A breaker for each origin.
pub(super) struct Breakers {
    /// Failures in a row that open a breaker.
    threshold: u32,
    /// How long one stays open before a probe.
    rest: Duration,
    /// Only the origins that failed last, so that it stays as small as the trouble.
    failing: Mutex<HashMap<String, Failing>>,
}

/// An origin whose last call failed.
struct Failing {
    /// How often in a row.
    failures: u32,
    /// When a probe may be sent, if the breaker is open.
    probe_at: Instant,
    /// Whether one is under way.
    probing: bool,
}

/// Leave to make one call. Dropped without a report, it says nothing about the origin.
pub(super) struct Pass<'a> {
    breakers: &'a Breakers,
    origin: &'a str,
    probe: bool,
}

impl Default for Breakers {
    /// Five failures, then a rest of half a minute: what a service takes to be started again somewhere else.
    fn default() -> Self {
        Self::new(5, secs(30))
    }
}

impl Breakers {
    pub(super) fn new(threshold: u32, rest: Duration) -> Self {
        Self { threshold, rest, failing: Mutex::default() }
    }

    /// Leave to call an origin, or how long until that is worth asking for again.
    pub(super) fn admit<'a>(&'a self, origin: &'a str) -> Result<Pass<'a>, Duration> {
        let mut failing = self.failing();
        let probe = match failing.get_mut(origin) {
            Some(host) if host.failures >= self.threshold => {
                let wait = host.probe_at.saturating_duration_since(Instant::now());
                if !wait.is_zero() {
                    return Err(wait);
                }
                if host.probing {
                    return Err(PROBE_TIME);
                }
                host.probing = true;
                true
            }
            _ => false,
        };
        Ok(Pass { breakers: self, origin, probe })
    }

    fn failing(&self) -> MutexGuard<'_, HashMap<String, Failing>> {
        // Whoever panicked with the lock in hand left whole entries behind.
        self.failing.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// How long a probe is thought to take.
const PROBE_TIME: Duration = secs(1);

impl Pass<'_> {
    /// Notes how the call went.
    pub(super) fn report(self, well: bool) {
        let mut failing = self.breakers.failing();
        if well {
            failing.remove(self.origin);
            return;
        }
        let probe_at = Instant::now() + self.breakers.rest;
        let host = failing.entry(self.origin.to_owned()).or_insert(Failing {
            failures: 0,
            probe_at,
            probing: false,
        });
        host.failures = host.failures.saturating_add(1);
        host.probe_at = probe_at;
    }
}

impl Drop for Pass<'_> {
    fn drop(&mut self) {
        if self.probe
            && let Some(host) = self.breakers.failing().get_mut(self.origin)
        {
            host.probing = false;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const HOST: &str = "https://here.example";

    fn fail(breakers: &Breakers) {
        breakers.admit(HOST).expect("a pass").report(false);
    }

    #[tokio::test(start_paused = true)]
    async fn it_opens_after_failures_in_a_row_and_rests() {
        let breakers = Breakers::new(2, secs(30));
        fail(&breakers);
        breakers.admit(HOST).expect("a pass").report(true);
        fail(&breakers);
        fail(&breakers);
        assert_eq!(breakers.admit(HOST).err(), Some(secs(30)));
        assert!(breakers.admit("https://there.example").is_ok(), "others are not affected");
    }

    #[tokio::test(start_paused = true)]
    async fn one_probe_decides_after_the_rest() {
        let breakers = Breakers::new(1, secs(30));
        fail(&breakers);
        tokio::time::advance(secs(30)).await;
        let probe = breakers.admit(HOST).expect("a probe");
        assert_eq!(breakers.admit(HOST).err(), Some(PROBE_TIME), "one at a time");
        probe.report(false);
        assert_eq!(breakers.admit(HOST).err(), Some(secs(30)), "another rest");
        tokio::time::advance(secs(30)).await;
        breakers.admit(HOST).expect("a probe").report(true);
        assert!(breakers.admit(HOST).is_ok());
        assert!(breakers.failing().is_empty());
    }

    #[tokio::test(start_paused = true)]
    async fn a_probe_that_is_given_up_lets_another_take_its_place() {
        let breakers = Breakers::new(1, secs(30));
        fail(&breakers);
        tokio::time::advance(secs(30)).await;
        drop(breakers.admit(HOST));
        assert!(breakers.admit(HOST).is_ok());
    }
}
