//! A credential that lasts for a time, kept and renewed before it ends.
//!
//! Whoever needs it while it is being fetched waits for that answer and asks nobody. Where it comes from is left to who
//! has it renewed.

use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use tokio::time::Instant;

use crate::adapters::Error;
use crate::clock::secs;

/// How long before its end a credential is renewed. Google's and AWS's metadata servers give the same one until five
/// minutes before; asking them earlier would bring nothing.
const EARLY: Duration = secs(225);

/// How long before its end it is no longer used: a request must still get there.
const LATEST: Duration = secs(10);

/// After a renewal that failed while the old one still lasts, how long until the next.
const PAUSE: Duration = secs(30);

/// A credential and how long it lasts from now on; `None` is for ever.
pub(crate) struct Lasting<T> {
    pub(crate) value: T,
    pub(crate) lasts: Option<Duration>,
}

/// A credential that is fetched when it is first needed.
pub(crate) struct Renewed<T> {
    /// Held by whoever fetches.
    fetching: tokio::sync::Mutex<()>,
    state: Mutex<State<T>>,
}

struct State<T> {
    held: Option<Held<T>>,
    /// How many fetches have ended, and the failure of the last one.
    fetches: u64,
    failure: Option<Error>,
}

struct Held<T> {
    value: T,
    renew_at: Option<Instant>,
    ends_at: Option<Instant>,
}

impl<T> Default for Renewed<T> {
    fn default() -> Self {
        Self {
            fetching: tokio::sync::Mutex::default(),
            state: Mutex::new(State { held: None, fetches: 0, failure: None }),
        }
    }
}

impl<T: Clone> Renewed<T> {
    /// The credential: the one that is held, or what `fetch` brings.
    ///
    /// # Errors
    ///
    /// That of the fetch, if there is none that still lasts.
    pub(crate) async fn get<F>(&self, fetch: impl FnOnce() -> F) -> Result<T, Error>
    where
        F: Future<Output = Result<Lasting<T>, Error>>,
    {
        let seen = {
            let state = self.state();
            if let Some(value) = state.fresh() {
                return Ok(value);
            }
            state.fetches
        };
        let _fetching = if let Ok(fetching) = self.fetching.try_lock() {
            fetching
        } else if let Some(value) = self.state().lasting() {
            return Ok(value);
        } else {
            self.fetching.lock().await
        };
        {
            let state = self.state();
            if let Some(value) = state.fresh() {
                return Ok(value);
            }
            if let (true, Some(failure)) = (state.fetches != seen, &state.failure) {
                return Err(failure.clone());
            }
        }
        let fetched = fetch().await;
        self.state().note(fetched)
    }

    /// Forgets it, because the other side does not take it any more.
    pub(crate) fn forget(&self) {
        self.state().held = None;
    }

    fn state(&self) -> MutexGuard<'_, State<T>> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl<T: Clone> State<T> {
    /// What is held, if it need not be renewed yet.
    fn fresh(&self) -> Option<T> {
        let held = self.held.as_ref()?;
        held.renew_at.is_none_or(|at| Instant::now() < at).then(|| held.value.clone())
    }

    /// What is held, if it can still be used.
    fn lasting(&self) -> Option<T> {
        let held = self.held.as_ref()?;
        held.ends_at.is_none_or(|at| Instant::now() + LATEST < at).then(|| held.value.clone())
    }

    fn note(&mut self, fetched: Result<Lasting<T>, Error>) -> Result<T, Error> {
        self.fetches += 1;
        let now = Instant::now();
        match fetched {
            Ok(Lasting { value, lasts }) => {
                // One that ends soon is used for half of its time, not fetched for every call.
                let renew_in = lasts.map(|lasts| lasts.saturating_sub(EARLY).max(lasts / 2));
                self.failure = None;
                self.held = Some(Held {
                    value: value.clone(),
                    renew_at: renew_in.map(|wait| now + wait),
                    ends_at: lasts.map(|lasts| now + lasts),
                });
                Ok(value)
            }
            Err(error) => {
                let Some(value) = self.lasting() else {
                    self.failure = Some(error.clone());
                    return Err(error);
                };
                tracing::warn!(error = %error, "credential-not-renewed");
                if let Some(held) = &mut self.held {
                    held.renew_at = Some(now + PAUSE);
                }
                Ok(value)
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicU64, Ordering};

    use futures_util::future::join_all;
    use tokio::time::{advance, sleep};

    use super::*;
    use crate::adapters::Kind;

    /// Counts fetches, each of which takes a second.
    #[derive(Default)]
    struct Source {
        fetches: AtomicU64,
        renewed: Renewed<u64>,
    }

    impl Source {
        async fn get(&self, lasts: Option<Duration>) -> Result<u64, Error> {
            let fetch = || async {
                sleep(secs(1)).await;
                let value = self.fetches.fetch_add(1, Ordering::Relaxed) + 1;
                Ok(Lasting { value, lasts })
            };
            self.renewed.get(fetch).await
        }

        async fn fail(&self) -> Result<u64, Error> {
            let fetch = || async {
                sleep(secs(1)).await;
                self.fetches.fetch_add(1, Ordering::Relaxed);
                Err(Error::new(Kind::Unavailable, "away"))
            };
            self.renewed.get(fetch).await
        }
    }

    #[tokio::test(start_paused = true)]
    async fn it_is_renewed_before_it_ends() {
        let source = Source::default();
        let hour = Some(secs(3600));
        assert_eq!(source.get(hour).await, Ok(1));
        advance(secs(3374)).await;
        assert_eq!(source.get(hour).await, Ok(1));
        advance(secs(1)).await;
        assert_eq!(source.get(hour).await, Ok(2));
    }

    #[tokio::test(start_paused = true)]
    async fn one_that_ends_soon_is_used_for_half_of_its_time() {
        let source = Source::default();
        assert_eq!(source.get(Some(secs(100))).await, Ok(1));
        advance(secs(49)).await;
        assert_eq!(source.get(Some(secs(100))).await, Ok(1));
        advance(secs(1)).await;
        assert_eq!(source.get(None).await, Ok(2));
        advance(secs(1_000_000)).await;
        assert_eq!(source.get(None).await, Ok(2), "this one lasts for ever");
        source.renewed.forget();
        assert_eq!(source.get(None).await, Ok(3));
    }

    #[tokio::test(start_paused = true)]
    async fn who_comes_together_shares_one_fetch_and_its_failure() {
        let source = Source::default();
        let values = join_all((0..9).map(|_| source.get(None))).await;
        assert!(values.into_iter().all(|value| value == Ok(1)));
        let source = Source::default();
        let failures = join_all((0..9).map(|_| source.fail())).await;
        assert!(failures.into_iter().all(|failure| failure.is_err()));
        assert_eq!(source.fetches.load(Ordering::Relaxed), 1);
        assert_eq!(source.get(None).await, Ok(2), "who comes later tries again");
    }

    #[tokio::test(start_paused = true)]
    async fn one_that_still_lasts_is_used_while_the_next_cannot_be_had() {
        let source = Source::default();
        assert_eq!(source.get(Some(secs(3600))).await, Ok(1));
        advance(secs(3400)).await;
        let begun = Instant::now();
        let (slow, quick) = tokio::join!(source.fail(), async {
            let value = source.get(None).await;
            (value, begun.elapsed())
        });
        assert_eq!(slow, Ok(1));
        assert_eq!(quick, (Ok(1), Duration::ZERO), "nobody else waits for a renewal");
        assert_eq!(source.fail().await, Ok(1));
        assert_eq!(source.fetches.load(Ordering::Relaxed), 2, "not tried again at once");
        advance(secs(200)).await;
        assert!(source.fail().await.is_err(), "it has ended");
    }

    #[tokio::test(start_paused = true)]
    async fn a_fetch_that_is_given_up_is_made_by_the_next() {
        let source = Source::default();
        let given_up = tokio::time::timeout(Duration::from_millis(1), source.get(None)).await;
        assert!(given_up.is_err());
        assert_eq!(source.get(None).await, Ok(1));
    }
}
