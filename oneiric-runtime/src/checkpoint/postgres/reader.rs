//! Reading: a connection of its own, so that nobody who looks keeps the writer waiting.
//!
//! A run and its log are of one moment. Nothing here writes.

use std::collections::VecDeque;
use std::sync::Arc;
use std::time::Duration;

use futures_util::future::join4;
use tokio::sync::{mpsc, oneshot};
use tokio::time::Instant;
use tokio_postgres::Row;

use super::fault::{self, Fault};
use super::held::Held;
use super::job::{Job, Promise};
use super::link::{Link, PATIENCE, Purpose};
use super::settings::Settings;
use super::statement::{Kept, read_event, read_run};
use crate::checkpoint::row::{checked_definition, status_name};
use crate::checkpoint::{Error, Filter, Kind, Record, Run, RunKey};
use crate::json::Json;

/// So many open runs, or runs of a list, are read at a time.
const PAGE: i64 = 64;

/// A question.
pub(super) enum Query {
    Find {
        run_id: String,
        promise: Promise<Option<Record>>,
    },
    /// A run that was just claimed.
    Claimed {
        run: RunKey,
        promise: Promise<Option<Record>>,
    },
    /// Runs that were just taken, or are parked.
    Taken {
        runs: Vec<RunKey>,
        promise: Promise<Vec<Result<Record, Error>>>,
    },
    List {
        filter: Filter,
        promise: Promise<Vec<Run>>,
    },
    Definition {
        workflow: String,
        digest: String,
        promise: Promise<Option<Json>>,
    },
    /// No more questions; nothing is read after it.
    Close,
}

/// The reader's state, which its task owns.
pub(super) struct Reader {
    pub(super) settings: Settings,
    pub(super) link: Option<Link>,
    pub(super) held: Arc<Held>,
    pub(super) queries: mpsc::UnboundedReceiver<Query>,
}

impl Reader {
    /// Answers questions until there are no more.
    pub(super) async fn run(mut self) {
        while let Some(query) = self.queries.recv().await {
            match query {
                Query::Find { run_id, promise } => {
                    let run_id = run_id.as_bytes();
                    let found = self.ask(async |link| find(link, run_id).await).await;
                    let _ = promise.send(found.and_then(Option::transpose));
                }
                Query::Claimed { run, promise } => {
                    let found = self.ask(async |link| load(link, &[run]).await).await;
                    let record = found
                        .and_then(|mut records| records.pop().map(|found| self.count(found)).transpose());
                    let _ = promise.send(record);
                }
                Query::Taken { runs, promise } => {
                    let found = self.ask(async |link| load(link, &runs).await).await;
                    let count =
                        |records: Vec<_>| records.into_iter().map(|found| self.count(found)).collect();
                    let _ = promise.send(found.map(count));
                }
                Query::List { filter, promise } => {
                    let found = self.ask(async |link| list(link, &filter).await).await;
                    let _ = promise.send(found.and_then(|runs| runs.into_iter().collect()));
                }
                Query::Definition { workflow, digest, promise } => {
                    let found = self.ask(async |link| definition(link, &workflow, &digest).await).await;
                    let checked = found.and_then(|found| {
                        let check = |(text, sum): (String, i64)| {
                            let sum = u32::try_from(sum).unwrap_or(0);
                            checked_definition(&workflow, &digest, &text, sum)
                        };
                        found.map(check).transpose()
                    });
                    let _ = promise.send(checked);
                }
                Query::Close => break,
            }
        }
    }

    /// Notes how long the log of a run is that this process holds now. One that is damaged nobody goes on with here.
    fn count(&self, (run, record): (RunKey, Result<Record, Error>)) -> Result<Record, Error> {
        match &record {
            Ok(record) => self.held.count(run, record),
            Err(_) => self.held.remove(run),
        }
        record
    }

    /// Asks the server, again on another connection if this one is lost.
    async fn ask<T>(
        &mut self,
        question: impl AsyncFn(&Link) -> Result<T, tokio_postgres::Error>,
    ) -> Result<T, Error> {
        let until = Instant::now() + PATIENCE;
        loop {
            let fault = match self.try_ask(&question).await {
                Ok(answer) => return Ok(answer),
                Err(fault) => fault,
            };
            match fault {
                Fault::Final(error) => return Err(error),
                fault if Instant::now() > until => return Err(fault.into_error()),
                Fault::Again(_) => {}
                Fault::Lost(_) => self.link = None,
            }
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
    }

    async fn try_ask<T>(
        &mut self,
        question: &impl AsyncFn(&Link) -> Result<T, tokio_postgres::Error>,
    ) -> Result<T, Fault> {
        let place = self.settings.place();
        let link = match self.link.take() {
            Some(link) if !link.client.is_closed() => link,
            _ => Link::open(&self.settings, Purpose::Read).await?,
        };
        let link = self.link.insert(link);
        match tokio::time::timeout(PATIENCE, question(link)).await {
            Ok(answer) => answer.map_err(|error| fault::judge(&error, "read", &place)),
            Err(_) => Err(Fault::Lost(fault::silent("read", &place, PATIENCE))),
        }
    }
}

/// Takes the free runs, oldest first, and hands them out until nobody wants more.
pub(super) async fn hand_out(
    jobs: mpsc::UnboundedSender<Job>,
    queries: mpsc::UnboundedSender<Query>,
    records: mpsc::Sender<Result<Record, Error>>,
) {
    let closed = || Error::new(Kind::Closed, "the store stopped before it answered");
    let mut after = RunKey(0);
    // The first page is one run, so that it can go on while the others are read.
    let mut most = 1;
    loop {
        let (promise, taken) = oneshot::channel();
        let _ = jobs.send(Job::Take { after, most, promise });
        let runs = match taken.await.unwrap_or_else(|_| Err(closed())) {
            Ok(runs) => runs,
            Err(error) => return drop(records.send(Err(error)).await),
        };
        let Some(last) = runs.last() else { return };
        after = *last;
        let (promise, read) = oneshot::channel();
        let _ = queries.send(Query::Taken { runs: runs.clone(), promise });
        let page = match read.await.unwrap_or_else(|_| Err(closed())) {
            Ok(page) => page,
            Err(error) => return drop(records.send(Err(error)).await),
        };
        let mut left = runs.into_iter().collect::<VecDeque<_>>();
        for record in page {
            if records.send(record).await.is_err() {
                // Somebody else may want what nobody here does.
                for run in left {
                    let (promise, _) = oneshot::channel();
                    let _ = jobs.send(Job::Release { run, promise });
                }
                return;
            }
            left.pop_front();
        }
        most = PAGE;
    }
}

/// A statement's rows, and other rows of the same moment.
async fn together(
    link: &Link,
    run: (&tokio_postgres::Statement, &(dyn tokio_postgres::types::ToSql + Sync)),
    log: &tokio_postgres::Statement,
) -> Result<(Vec<Row>, Vec<Row>), tokio_postgres::Error> {
    let (statement, argument) = run;
    let arguments = [argument];
    let (began, runs, logs, ended) = join4(
        link.client.batch_execute("BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY"),
        link.client.query(statement, &arguments),
        link.client.query(log, &arguments),
        link.client.batch_execute("COMMIT"),
    )
    .await;
    began?;
    let read = (runs?, logs?);
    ended?;
    Ok(read)
}

async fn find(link: &Link, run_id: &[u8]) -> Result<Option<Result<Record, Error>>, tokio_postgres::Error> {
    let statements = &link.statements;
    let (runs, log) = together(link, (&statements.find, &run_id), &statements.find_log).await?;
    Ok(runs.first().map(|row| record(read_run(row), &log).1))
}

async fn load(
    link: &Link,
    runs: &[RunKey],
) -> Result<Vec<(RunKey, Result<Record, Error>)>, tokio_postgres::Error> {
    let keys = runs.iter().map(|run| run.0).collect::<Vec<_>>();
    let statements = &link.statements;
    let (runs, logs) = together(link, (&statements.load, &keys), &statements.load_logs).await?;
    let mut logs = &logs[..];
    let mut records = Vec::with_capacity(runs.len());
    for row in &runs {
        let kept = read_run(row);
        let own = logs.iter().take_while(|row| row.get::<_, i64>(0) == kept.key.0).count();
        let (log, others) = logs.split_at(own);
        logs = others;
        records.push(record(kept, log));
    }
    Ok(records)
}

/// A run with its log; the run's error, or the first of its events', if there is one.
fn record(kept: Kept, log: &[Row]) -> (RunKey, Result<Record, Error>) {
    let record = kept.run.and_then(|run| {
        let log = (1..).zip(log).map(|(seq, row)| read_event(&run, seq, row)).collect::<Result<_, _>>()?;
        Ok(Record { run, log })
    });
    (kept.key, record)
}

async fn list(link: &Link, filter: &Filter) -> Result<Vec<Result<Run, Error>>, tokio_postgres::Error> {
    let wanted = if filter.limit == 0 { usize::MAX } else { filter.limit as usize };
    let workflow = filter.workflow.as_ref().map(String::as_bytes);
    let status = filter.status.map(status_name);
    let mut runs = Vec::new();
    let mut before = i64::MAX;
    loop {
        let rows = link.client.query(&link.statements.list, &[&before, &workflow, &status, &PAGE]).await?;
        for row in &rows {
            let kept = read_run(row);
            before = kept.key.0;
            runs.push(kept.run);
        }
        if rows.len() < usize::try_from(PAGE).unwrap_or(usize::MAX) || runs.len() >= wanted {
            runs.truncate(wanted);
            return Ok(runs);
        }
    }
}

async fn definition(
    link: &Link,
    workflow: &str,
    digest: &str,
) -> Result<Option<(String, i64)>, tokio_postgres::Error> {
    let row = link.client.query_opt(&link.statements.definition, &[&workflow.as_bytes(), &digest]).await?;
    Ok(row.map(|row| (row.get(0), row.get(1))))
}
