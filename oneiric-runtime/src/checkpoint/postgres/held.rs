//! The runs that this process holds: under which epoch, and how long each one's log is.

use std::collections::HashMap;
use std::sync::{Mutex, MutexGuard, PoisonError};

use crate::checkpoint::RunKey;

/// The runs that this process holds, for the writer, which takes them, and the reader, which counts their events.
#[derive(Debug, Default)]
pub(super) struct Held(Mutex<HashMap<RunKey, Hold>>);

/// A hold on a run.
#[derive(Clone, Copy, Debug)]
struct Hold {
    /// The fencing token.
    epoch: i32,
    /// The number that the next event gets.
    next: i64,
}

impl Held {
    /// Takes hold of a run whose log has `events` events as far as is known.
    pub(super) fn add(&self, run: RunKey, epoch: i32, events: usize) {
        let next = 1 + i64::try_from(events).unwrap_or(i64::MAX - 1);
        self.lock().insert(run, Hold { epoch, next });
    }

    /// Notes how long a run's log is.
    pub(super) fn count(&self, run: RunKey, events: usize) {
        if let Some(hold) = self.lock().get_mut(&run) {
            hold.next = 1 + i64::try_from(events).unwrap_or(i64::MAX - 1);
        }
    }

    /// The epoch for `events` more events of a run, and the number of the first; nothing if it is not held.
    pub(super) fn extend(&self, run: RunKey, events: usize) -> Option<(i32, i64)> {
        let mut holds = self.lock();
        let hold = holds.get_mut(&run)?;
        let first = hold.next;
        hold.next += i64::try_from(events).unwrap_or(0);
        Some((hold.epoch, first))
    }

    /// The epoch under which a run is held.
    pub(super) fn epoch(&self, run: RunKey) -> Option<i32> {
        self.lock().get(&run).map(|hold| hold.epoch)
    }

    /// Whether a run is held.
    pub(super) fn has(&self, run: RunKey) -> bool {
        self.lock().contains_key(&run)
    }

    /// Lets go of a run.
    pub(super) fn remove(&self, run: RunKey) {
        self.lock().remove(&run);
    }

    /// Lets go of all of them.
    pub(super) fn clear(&self) {
        self.lock().clear();
    }

    /// Whether none is held.
    pub(super) fn is_empty(&self) -> bool {
        self.lock().is_empty()
    }

    /// Nothing panics half-way through a change, so a poisoned lock guards sound data.
    fn lock(&self) -> MutexGuard<'_, HashMap<RunKey, Hold>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
