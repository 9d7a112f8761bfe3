//! What is written as one transaction: the statements' arrays, and the exchange that carries them.
//!
//! Everything is sent at once and answered at once, so a transaction takes one turn to the server and back. What a batch
//! holds can be sent again: if an earlier attempt was committed and only its answer got lost, nothing is written twice.

use std::borrow::Cow;
use std::collections::{BTreeMap, HashMap};

use futures_util::future::{OptionFuture, join, join3, join5};
use tokio_postgres::types::ToSql;

use super::held::{Extended, Held};
use super::link::Link;
use crate::checkpoint::row::{self, EventRow};
use crate::checkpoint::{NewRun, RunKey, outcome, unsettled};
use crate::clock::Timestamp;
use crate::run::{Entry, Status};

/// What a statement is given.
type Arguments<'a, const N: usize> = [&'a (dyn ToSql + Sync); N];

/// An epoch that no run has.
const NEVER: i32 = -1;

/// Runs to be recorded, as columns.
#[derive(Default)]
pub(super) struct Creates<'a> {
    run_id: Vec<&'a [u8]>,
    workflow: Vec<i64>,
    created_at: Vec<i64>,
    checksum: Vec<i64>,
    input: Vec<&'a str>,
    labels: Vec<&'a str>,
}

impl<'a> Creates<'a> {
    /// Adds a run whose definition has the key `workflow`.
    pub(super) fn add(&mut self, run: &'a NewRun, workflow: i64) {
        self.run_id.push(run.run_id.as_bytes());
        self.workflow.push(workflow);
        self.created_at.push(run.created_at.0);
        self.checksum.push(i64::from(row::new_run_checksum(run)));
        self.input.push(run.input.text());
        self.labels.push(run.labels.text());
    }

    fn arguments<'b>(&'b self, holder: &'b i64) -> Arguments<'b, 7> {
        let Self { run_id, workflow, created_at, checksum, input, labels } = self;
        [holder, run_id, workflow, created_at, checksum, input, labels]
    }
}

/// Additions to logs, as columns.
#[derive(Default)]
pub(super) struct Appends<'a> {
    run: Vec<i64>,
    seq: Vec<i64>,
    epoch: Vec<i32>,
    kind: Vec<i16>,
    node: Vec<Option<i64>>,
    attempt: Vec<Option<i64>>,
    at: Vec<i64>,
    checksum: Vec<i64>,
    data: Vec<Option<Cow<'a, str>>>,
    /// The epoch under which each run is held here.
    epochs: BTreeMap<RunKey, i32>,
    /// What becomes of the runs for which that changes.
    outcomes: BTreeMap<RunKey, (Status, Option<Timestamp>)>,
    /// How much is to be sent then of the runs for which that, or what becomes of them, changes.
    to_send: BTreeMap<RunKey, i64>,
}

impl<'a> Appends<'a> {
    /// Adds entries to the end of a run's log.
    pub(super) fn add(&mut self, held: &Held, run: RunKey, entries: &'a [Entry]) {
        let nothing = Extended { epoch: NEVER, first: 0, to_send: 0 };
        let Extended { epoch, first, to_send } = held.extend(run, entries).unwrap_or(nothing);
        self.epochs.insert(run, epoch);
        let outcome = outcome(entries);
        if let Some(outcome) = outcome {
            self.outcomes.insert(run, outcome);
        }
        // What is to be sent may come back to what it was, and is then to be written all the same.
        if outcome.is_some() || entries.iter().any(|entry| unsettled(std::slice::from_ref(entry)) != 0) {
            self.to_send.insert(run, to_send);
        } else if let Some(known) = self.to_send.get_mut(&run) {
            *known = to_send;
        }
        self.add_rows(run, epoch, first, entries);
    }

    /// A log that takes another's place.
    pub(super) fn rebased(run: RunKey, epoch: Option<i32>, log: &'a [Entry]) -> Self {
        let epoch = epoch.unwrap_or(NEVER);
        let mut appends = Self::default();
        appends.epochs.insert(run, epoch);
        appends.outcomes.insert(run, outcome(log).unwrap_or((Status::Running, None)));
        appends.to_send.insert(run, unsettled(log));
        appends.add_rows(run, epoch, 1, log);
        appends
    }

    fn add_rows(&mut self, run: RunKey, epoch: i32, first: i64, entries: &'a [Entry]) {
        for (entry, seq) in entries.iter().zip(first..) {
            let row = EventRow::of(entry);
            self.run.push(run.0);
            self.seq.push(seq);
            self.epoch.push(epoch);
            self.checksum.push(i64::from(row.checksum(run)));
            self.kind.push(i16::try_from(row.kind).expect("there are a few kinds"));
            self.node.push(row.node.map(i64::from));
            self.attempt.push(row.attempt.map(i64::from));
            self.at.push(row.at);
            self.data.push(row.data);
        }
    }

    fn arguments(&self) -> Arguments<'_, 9> {
        let Self { run, seq, epoch, kind, node, attempt, at, checksum, data, .. } = self;
        [run, seq, epoch, kind, node, attempt, at, checksum, data]
    }

    /// What becomes of the runs for which that changes, as columns.
    fn ends(&self) -> Ends {
        let outcomes = || self.to_send.keys().map(|run| self.outcomes.get(run));
        Ends {
            run: self.to_send.keys().map(|run| run.0).collect(),
            epoch: self.to_send.keys().map(|run| self.epochs[run]).collect(),
            status: outcomes().map(|outcome| Some(row::status_name(outcome?.0))).collect(),
            at: outcomes().map(|outcome| Some(outcome?.1?.0)).collect(),
            to_send: self.to_send.values().copied().collect(),
        }
    }

    /// The runs that nobody drives after this.
    fn over(&self) -> impl Iterator<Item = RunKey> {
        self.outcomes.iter().filter(|(_, (status, _))| *status != Status::Running).map(|(run, _)| *run)
    }

    /// Lets go of what is over, and of what is not ours; says what became of each run.
    pub(super) fn settle(&self, held: &Held, locked: &HashMap<RunKey, i32>) -> BTreeMap<RunKey, Fate> {
        let fate = |run: &RunKey, epoch: &i32| match locked.get(run) {
            None => Fate::Gone,
            Some(now) if now == epoch => Fate::Kept,
            Some(_) => Fate::Held,
        };
        let fates =
            self.epochs.iter().map(|(run, epoch)| (*run, fate(run, epoch))).collect::<BTreeMap<_, _>>();
        let lost = fates.iter().filter(|(_, fate)| **fate != Fate::Kept).map(|(run, _)| *run);
        lost.for_each(|run| held.remove(run));
        self.to_send.keys().for_each(|run| held.remove_if_over(*run));
        fates
    }
}

/// Records that follow from additions, as columns.
struct Ends {
    run: Vec<i64>,
    epoch: Vec<i32>,
    status: Vec<Option<&'static str>>,
    at: Vec<Option<i64>>,
    to_send: Vec<i64>,
}

impl Ends {
    fn arguments(&self) -> Arguments<'_, 5> {
        [&self.run, &self.epoch, &self.status, &self.at, &self.to_send]
    }
}

/// What became of what was added to a run's log.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) enum Fate {
    /// It is on disk.
    Kept,
    /// It was refused: the run is held under another epoch.
    Held,
    /// There is no such run.
    Gone,
}

/// What the server said.
pub(super) struct Done {
    /// The keys of the runs that were recorded, by their ids.
    pub(super) made: HashMap<Vec<u8>, RunKey>,
    /// The epochs of the runs that were added to.
    pub(super) locked: HashMap<RunKey, i32>,
}

/// Writes all of it, or nothing. `rebase` is the run whose definition and log are replaced, and its definition's key.
pub(super) async fn commit(
    link: &Link,
    holder: i64,
    creates: &Creates<'_>,
    appends: &Appends<'_>,
    rebase: Option<(RunKey, i64)>,
    announce: impl Fn(RunKey) -> String,
    channel: &str,
) -> Result<Done, tokio_postgres::Error> {
    let Link { client, statements, .. } = link;
    let locked = appends.epochs.keys().map(|run| run.0).collect::<Vec<_>>();
    let ends = appends.ends();
    let announcements = appends.over().map(announce).collect::<Vec<_>>();
    let rebase = rebase.map(|(run, workflow)| (run.0, appends.epochs[&run], workflow));
    let (create, append, follow) = (creates.arguments(&holder), appends.arguments(), ends.arguments());
    let lock: Arguments<'_, 1> = [&locked];
    let announce: Arguments<'_, 2> = [&channel, &announcements];

    // Each sends its messages when it is polled first, and they are polled in this order.
    let first = join5(
        client.batch_execute("BEGIN"),
        when(!creates.run_id.is_empty(), client.query(&statements.create, &create)),
        when(!locked.is_empty(), client.query(&statements.lock, &lock)),
        OptionFuture::from(rebase.as_ref().map(|(run, epoch, workflow)| async move {
            client.execute(&statements.rebase, &[run, epoch, workflow]).await
        })),
        when(!appends.run.is_empty(), client.execute(&statements.append, &append)),
    );
    let last = join3(
        when(!ends.run.is_empty(), client.execute(&statements.follow, &follow)),
        when(!announcements.is_empty(), client.query(&statements.announce, &announce)),
        client.batch_execute("COMMIT"),
    );
    let ((began, made, locked, rebased, appended), (followed, announced, committed)) =
        join(first, last).await;

    // After an error the server refuses what follows, and the last statement rolls back without a word: the first error
    // is the one.
    began?;
    let made = made.transpose()?;
    let locked = locked.transpose()?;
    rebased.transpose()?;
    appended.transpose()?;
    followed.transpose()?;
    announced.transpose()?;
    committed?;
    let made = made.iter().flatten().map(|row| (row.get(1), RunKey(row.get(0)))).collect();
    let locked = locked.iter().flatten().map(|row| (RunKey(row.get(0)), row.get(1))).collect();
    Ok(Done { made, locked })
}

/// A statement that is sent only if there is something for it to do.
fn when<F: Future>(is_wanted: bool, statement: F) -> OptionFuture<F> {
    OptionFuture::from(is_wanted.then_some(statement))
}
