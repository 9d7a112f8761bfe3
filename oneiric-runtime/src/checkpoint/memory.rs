//! Runs in memory: for `checkpoint: none`, and for tests. They are gone with the process.
//!
//! Everything is done within the call, so nothing waits and `Urgency` makes no difference.

use std::collections::{BTreeMap, HashMap};
use std::sync::{Mutex, MutexGuard, PoisonError};

use tokio::sync::mpsc;

use super::{
    Created, Error, Filter, Kind, NewRun, Record, Reply, Run, RunKey, Store, Urgency, gone, outcome,
    unsettled,
};
use crate::clock::Timestamp;
use crate::json::Json;
use crate::run::{Entry, Status};

/// A store that forgets when the process ends.
#[derive(Debug, Default)]
pub struct Memory(Mutex<Kept>);

#[derive(Debug, Default)]
struct Kept {
    /// By key, which is to say in the order in which they were created.
    records: BTreeMap<RunKey, Record>,
    keys: HashMap<String, RunKey>,
    /// By workflow and digest.
    definitions: HashMap<(String, String), Json>,
    last_key: i64,
    is_closed: bool,
}

impl Memory {
    /// A store without runs.
    pub fn new() -> Self {
        Self::default()
    }

    fn with<T>(&self, work: impl FnOnce(&mut Kept) -> Result<T, Error>) -> Reply<T> {
        let mut kept = self.lock();
        Reply::ready(if kept.is_closed { Err(closed()) } else { work(&mut kept) })
    }

    /// Nothing here panics half-way through a change, so a poisoned lock guards sound data.
    fn lock(&self) -> MutexGuard<'_, Kept> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Store for Memory {
    fn create(&self, run: NewRun) -> Reply<Created> {
        self.with(|kept| {
            if let Some(key) = kept.keys.get(&run.run_id) {
                return Ok(Created::Existing(kept.records[key].run.clone()));
            }
            kept.last_key += 1;
            let key = RunKey(kept.last_key);
            kept.keys.insert(run.run_id.clone(), key);
            kept.definitions.entry((run.workflow.clone(), run.digest.clone())).or_insert(run.definition);
            let run = Run {
                key,
                run_id: run.run_id,
                workflow: run.workflow,
                digest: run.digest,
                input: run.input,
                labels: run.labels,
                status: Status::Running,
                created_at: run.created_at,
                ended_at: None,
                cancel_requested: false,
            };
            kept.records.insert(key, Record { run, log: Vec::new() });
            Ok(Created::New(key))
        })
    }

    fn append(&self, run: RunKey, entries: Vec<Entry>, _: Urgency) -> Reply<()> {
        self.with(|kept| {
            let record = kept.records.get_mut(&run).ok_or_else(|| gone(run))?;
            if let Some((status, ended_at)) = outcome(&entries) {
                record.run.status = status;
                record.run.ended_at = ended_at;
            }
            record.log.extend(entries);
            Ok(())
        })
    }

    fn find(&self, run_id: &str) -> Reply<Option<Record>> {
        self.with(|kept| Ok(kept.keys.get(run_id).map(|key| kept.records[key].clone())))
    }

    fn open_runs(&self) -> mpsc::Receiver<Result<Record, Error>> {
        let open: Vec<_> = {
            let kept = self.lock();
            if kept.is_closed {
                vec![Err(closed())]
            } else {
                let is_open = |record: &&Record| !record.run.status.is_end() || unsettled(&record.log) > 0;
                kept.records.values().filter(is_open).cloned().map(Ok).collect()
            }
        };
        let (sender, records) = mpsc::channel(open.len().max(1));
        for record in open {
            // There is room for all of them, and the receiver is in our hands.
            let _ = sender.try_send(record);
        }
        records
    }

    fn list(&self, filter: Filter) -> Reply<Vec<Run>> {
        self.with(|kept| {
            let limit = if filter.limit == 0 { usize::MAX } else { filter.limit as usize };
            let wanted = |run: &&Run| {
                filter.workflow.as_ref().is_none_or(|workflow| *workflow == run.workflow)
                    && filter.status.is_none_or(|status| status == run.status)
            };
            let newest_first = kept.records.values().rev().map(|record| &record.run);
            Ok(newest_first.filter(wanted).take(limit).cloned().collect())
        })
    }

    fn definition(&self, workflow: &str, digest: &str) -> Reply<Option<Json>> {
        self.with(|kept| Ok(kept.definitions.get(&(workflow.to_owned(), digest.to_owned())).cloned()))
    }

    fn rebase(&self, run: RunKey, digest: String, definition: Json, log: Vec<Entry>) -> Reply<()> {
        self.with(|kept| {
            let record = kept.records.get_mut(&run).ok_or_else(|| gone(run))?;
            kept.definitions.entry((record.run.workflow.clone(), digest.clone())).or_insert(definition);
            record.run.digest = digest;
            (record.run.status, record.run.ended_at) = outcome(&log).unwrap_or((Status::Running, None));
            record.log = log;
            Ok(())
        })
    }

    fn prune(&self, before: Timestamp) -> Reply<u64> {
        self.with(|kept| {
            let old = |run: &Run| run.ended_at.is_some_and(|ended_at| ended_at < before);
            let count = kept.records.len();
            kept.records.retain(|_, record| !old(&record.run) || unsettled(&record.log) > 0);
            let Kept { records, keys, .. } = kept;
            keys.retain(|_, key| records.contains_key(key));
            Ok((count - records.len()) as u64)
        })
    }

    fn close(&self) -> Reply<()> {
        self.lock().is_closed = true;
        Reply::ready(Ok(()))
    }
}

fn closed() -> Error {
    Error::new(Kind::Closed, "the store was closed")
}

#[cfg(test)]
mod tests {
    use super::super::conformance;
    use super::Memory;

    conformance::suite!(|| (Memory::new(), ()));
}
