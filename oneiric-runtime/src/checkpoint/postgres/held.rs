//! The runs that this process holds: under which epoch, how long each one's log is, and what is left to do for it.

use std::collections::HashMap;
use std::sync::{Mutex, MutexGuard, PoisonError};

use crate::checkpoint::{Record, RunKey, outcome, unsettled};
use crate::run::{Entry, Status};

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
    /// How many notifications are not settled.
    to_send: i64,
    /// Whether the run has ended or is parked.
    is_over: bool,
}

/// What more entries make of a run that is held.
#[derive(Clone, Copy, Debug)]
pub(super) struct Extended {
    /// The epoch under which it is held.
    pub(super) epoch: i32,
    /// The number of the first entry.
    pub(super) first: i64,
    /// How many notifications are not settled after them.
    pub(super) to_send: i64,
}

impl Held {
    /// Takes hold of a run that is new, or that is about to be read.
    pub(super) fn add(&self, run: RunKey, epoch: i32) {
        self.lock().insert(run, Hold { epoch, next: 1, to_send: 0, is_over: false });
    }

    /// Notes where a run stands that was read.
    pub(super) fn count(&self, run: RunKey, record: &Record) {
        self.note(run, &record.log, record.run.status != Status::Running);
    }

    /// Notes that a run has another log.
    pub(super) fn rebase(&self, run: RunKey, log: &[Entry]) {
        self.note(run, log, outcome(log).is_some_and(|(status, _)| status != Status::Running));
    }

    fn note(&self, run: RunKey, log: &[Entry], is_over: bool) {
        if let Some(hold) = self.lock().get_mut(&run) {
            hold.next = 1 + i64::try_from(log.len()).unwrap_or(i64::MAX - 1);
            hold.to_send = unsettled(log);
            hold.is_over = is_over;
        }
    }

    /// Takes more entries of a run into account; nothing if it is not held.
    pub(super) fn extend(&self, run: RunKey, entries: &[Entry]) -> Option<Extended> {
        let mut holds = self.lock();
        let hold = holds.get_mut(&run)?;
        let first = hold.next;
        hold.next += i64::try_from(entries.len()).unwrap_or(0);
        hold.to_send += unsettled(entries);
        if let Some((status, _)) = outcome(entries) {
            hold.is_over = status != Status::Running;
        }
        Some(Extended { epoch: hold.epoch, first, to_send: hold.to_send })
    }

    /// Lets go of a run if nothing is left to do for it.
    pub(super) fn remove_if_over(&self, run: RunKey) {
        let mut holds = self.lock();
        if holds.get(&run).is_some_and(|hold| hold.is_over && hold.to_send <= 0) {
            holds.remove(&run);
        }
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
