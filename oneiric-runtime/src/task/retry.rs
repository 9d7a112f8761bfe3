//! How a failed attempt is tried again.

use std::time::Duration;

/// Attempts and the waits between them.
///
/// The wait before attempt n + 1 is `base_delay * 2^(n-1)`, at most `max_delay`, less a random part of it: `jitter` is
/// the largest part that may be taken off, from 0 (none) to 1 (all of it). This is exponential backoff with jitter as
/// in Brooker, "Exponential Backoff And Jitter" (2015), with jitter 1 being its "full jitter".
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Retry {
    attempts: u32,
    base_delay: Duration,
    max_delay: Duration,
    jitter: f64,
}

impl Retry {
    /// One attempt, as for a node that says nothing about it.
    pub(crate) const ONCE: Self = Self::attempts(1);

    /// So many attempts in all, a second apart at first and at most a minute, with a jitter of a quarter.
    pub const fn attempts(attempts: u32) -> Self {
        Self { attempts, base_delay: Duration::from_secs(1), max_delay: Duration::from_mins(1), jitter: 0.25 }
    }

    /// The wait after the first failure.
    #[must_use]
    pub const fn base_delay(mut self, delay: Duration) -> Self {
        self.base_delay = delay;
        self
    }

    /// The longest wait. A `base_delay` that is longer counts instead.
    #[must_use]
    pub const fn max_delay(mut self, delay: Duration) -> Self {
        self.max_delay = delay;
        self
    }

    /// The largest part of a wait that chance may take off, from 0 to 1.
    #[must_use]
    pub const fn jitter(mut self, jitter: f64) -> Self {
        self.jitter = jitter;
        self
    }

    /// The wait after attempt `failed`, or `None` if it was the last. `chance` is drawn evenly from 0 to 1.
    pub(crate) fn delay(&self, failed: u32, chance: f64) -> Option<Duration> {
        if failed >= self.attempts {
            return None;
        }
        let doublings = failed.saturating_sub(1).min(31);
        let longest = self.max_delay.max(self.base_delay);
        let delay = self.base_delay.saturating_mul(1 << doublings).min(longest);
        Some(delay.mul_f64(1.0 - (self.jitter * chance).clamp(0.0, 1.0)))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::millis;

    #[test]
    fn waits_double_up_to_the_longest() {
        let retry = Retry::attempts(4).base_delay(millis(100)).max_delay(millis(150)).jitter(0.0);
        let waits = (1..=4).map(|failed| retry.delay(failed, 0.9)).collect::<Vec<_>>();
        assert_eq!(waits, [Some(millis(100)), Some(millis(150)), Some(millis(150)), None]);
    }

    #[test]
    fn jitter_takes_off_a_part_of_the_wait() {
        let retry = Retry::attempts(2).base_delay(millis(100)).jitter(0.5);
        assert_eq!(retry.delay(1, 0.0), Some(millis(100)));
        assert_eq!(retry.delay(1, 1.0), Some(millis(50)));
        let full = retry.jitter(1.0);
        assert_eq!(full.delay(1, 1.0), Some(Duration::ZERO));
    }
}
