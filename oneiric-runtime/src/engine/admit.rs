//! Starting runs, each exactly once however often and however close together it is asked for.

use std::fmt;
use std::sync::Arc;

use tokio::sync::{mpsc, watch};

use super::{Active, Engine, Progress};
use crate::checkpoint::{self, Created, NewRun, Record, Run};
use crate::clock::Timestamp;
use crate::http::submission;
use crate::json::Json;
use crate::registry::Entry;
use crate::run::execute::{Command, Execution};
use crate::run::{Outline, Report, State, Status};
use crate::task::{RUN, RunNames};

/// A run to be started.
#[derive(Clone, Debug)]
pub struct Start {
    /// The workflow's name.
    pub workflow: String,
    /// The run's id; a new one is made where there is none.
    pub run_id: Option<String>,
    /// The run's input.
    pub input: Json,
    /// What the caller wants to be told again with the result.
    pub labels: Json,
}

/// Why a run was not started, or its end not heard of.
#[derive(Clone, Debug)]
pub enum StartError {
    /// The program has no such workflow.
    UnknownWorkflow {
        /// What was asked for.
        name: String,
        /// What there is.
        known: Vec<&'static str>,
    },
    /// There is a run of this id with another workflow or another input.
    Conflict {
        /// The id.
        run_id: String,
        /// The workflow of the run that has it.
        workflow: String,
    },
    /// The input cannot be JSON.
    Input(String),
    /// The process is about to stop.
    Draining,
    /// The store failed.
    Store(checkpoint::Error),
}

impl fmt::Display for StartError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::UnknownWorkflow { name, known } => {
                write!(f, "there is no workflow `{name}`; there is {}", known.join(", "))
            }
            Self::Conflict { run_id, workflow } => write!(
                f,
                "run `{run_id}` exists already, of workflow `{workflow}` and with its own input; \
                 use another id for another run"
            ),
            Self::Input(why) => write!(f, "the input cannot be JSON: {why}"),
            Self::Draining => f.write_str("the process is stopping; the run goes on when it is up again"),
            Self::Store(error) => error.fmt(f),
        }
    }
}

impl std::error::Error for StartError {}

/// A run that was asked for, whoever started it.
#[derive(Debug)]
pub struct Handle {
    run_id: String,
    is_new: bool,
    progress: watch::Receiver<Progress>,
}

impl Handle {
    /// The run's id.
    pub fn run_id(&self) -> &str {
        &self.run_id
    }

    /// Whether this call started it.
    pub fn is_new(&self) -> bool {
        self.is_new
    }

    /// Waits until the run has ended, or will not go on in this process.
    ///
    /// # Errors
    /// [`StartError::Draining`] when it goes on at the next start.
    pub async fn finished(mut self) -> Result<Arc<Report>, StartError> {
        loop {
            match self.progress.borrow_and_update().clone() {
                Progress::Ended(report) => return Ok(report),
                Progress::Stopped => return Err(StartError::Draining),
                Progress::Failed(error) => return Err(StartError::Store(error)),
                Progress::Creating | Progress::Running => {}
            }
            if self.progress.changed().await.is_err() {
                return Err(StartError::Draining);
            }
        }
    }

    /// A handle on a run that this call did not start.
    pub(super) fn of(run_id: &str, progress: watch::Receiver<Progress>) -> Self {
        Self { run_id: run_id.to_owned(), is_new: false, progress }
    }
}

impl Engine {
    /// Starts a run, or joins the one that has its id already. Returns when the run is on disk.
    pub async fn start(&self, start: Start) -> Result<Handle, StartError> {
        if self.is_draining() {
            return Err(StartError::Draining);
        }
        let Some(entry) = self.registry().get(&start.workflow) else {
            let known = self.registry().names().collect();
            return Err(StartError::UnknownWorkflow { name: start.workflow, known });
        };
        let run_id = start.run_id.clone().unwrap_or_else(new_run_id);
        let admission = self.reserve(&run_id, &start)?;
        let (progress, commands) = match admission {
            Admission::Joined(progress) => return joined(run_id, progress).await,
            Admission::Reserved(progress, commands) => (progress, commands),
        };
        let definition = entry.definition();
        let created_at = Timestamp::now();
        let new = NewRun {
            run_id: run_id.clone(),
            workflow: start.workflow.clone(),
            digest: definition.digest.clone(),
            definition: definition.text.clone(),
            input: start.input.clone(),
            labels: start.labels.clone(),
            created_at,
        };
        match self.0.store.create(new).await {
            Ok(Created::New(key)) => {
                let run = Run {
                    key,
                    run_id: run_id.clone(),
                    workflow: start.workflow,
                    digest: definition.digest.clone(),
                    input: start.input,
                    labels: start.labels,
                    status: Status::Running,
                    created_at,
                    ended_at: None,
                    cancel_requested: false,
                };
                let state = State::new(entry.workflow().nodes.len(), created_at);
                let handle = Handle { run_id, is_new: true, progress: progress.subscribe() };
                let execution = self.execution(&run, entry, state, commands);
                RUN.sync_scope(Arc::clone(&execution.names), || tracing::info!("run-started"));
                // A receiver is in the table of active runs, so somebody hears it.
                let _ = progress.send(Progress::Running);
                self.launch(run, execution, progress);
                Ok(handle)
            }
            Ok(Created::Existing(run)) => {
                let found = self.join_stored(&start, run, &progress, commands).await;
                if let Err(error) = &found {
                    self.release(&run_id, &progress, error);
                }
                found
            }
            Err(error) => {
                self.break_down(&error);
                let error = StartError::Store(error);
                self.release(&run_id, &progress, &error);
                Err(error)
            }
        }
    }

    /// Enters the run in the table of active ones, or finds it there. Of any number of calls one reserves.
    fn reserve(&self, run_id: &str, start: &Start) -> Result<Admission, StartError> {
        let mut active = self.active();
        if let Some(run) = active.get(run_id) {
            if run.workflow != start.workflow || !same_value(&run.input, &start.input) {
                return Err(conflict(run_id, &run.workflow));
            }
            return Ok(Admission::Joined(run.progress.clone()));
        }
        let (progress, commands) = self.enter(&mut active, run_id, &start.workflow, &start.input);
        Ok(Admission::Reserved(progress, commands))
    }

    pub(super) fn enter(
        &self,
        active: &mut std::collections::HashMap<String, Active>,
        run_id: &str,
        workflow: &str,
        input: &Json,
    ) -> (watch::Sender<Progress>, mpsc::Receiver<Command>) {
        let (sender, receiver) = watch::channel(Progress::Creating);
        // One of each command is all that a run can need.
        let (command, commands) = mpsc::channel(4);
        active.insert(
            run_id.to_owned(),
            Active {
                workflow: workflow.to_owned(),
                input: input.clone(),
                commands: command,
                progress: receiver,
                driven: None,
            },
        );
        if self.is_draining() {
            // Entered between the last look and the drain: it must hear of it as well.
            if let Some(entered) = active.get(run_id) {
                let _ = entered.commands.try_send(Command::Drain);
            }
        }
        (sender, commands)
    }

    /// Takes a reservation back, telling those who joined it.
    pub(super) fn release(&self, run_id: &str, progress: &watch::Sender<Progress>, error: &StartError) {
        self.active().remove(run_id);
        let told = match error {
            StartError::Store(error) => Progress::Failed(error.clone()),
            _ => Progress::Stopped,
        };
        let _ = progress.send(told);
    }

    /// Joins a run of an earlier process, or of another one: tells its result, waits for it, or takes the run up where it
    /// stopped.
    async fn join_stored(
        &self,
        start: &Start,
        run: Run,
        progress: &watch::Sender<Progress>,
        commands: mpsc::Receiver<Command>,
    ) -> Result<Handle, StartError> {
        if run.workflow != start.workflow || !same_value(&run.input, &start.input) {
            return Err(conflict(&run.run_id, &run.workflow));
        }
        self.deal_with(&run.run_id);
        let handle = Handle::of(&run.run_id, progress.subscribe());
        let found = match run.status {
            Status::Running => self.0.store.claim(&run.run_id).await,
            _ => self.0.store.find(&run.run_id).await,
        };
        let record = match found {
            Err(error) if error.kind() == checkpoint::Kind::Held => {
                self.follow(run, progress.clone(), commands);
                return Ok(handle);
            }
            found => found.map_err(StartError::Store)?,
        };
        let Some(record) = record else {
            // Pruned between the two calls, so it had ended; nobody can tell how any more.
            return Err(conflict(&run.run_id, &run.workflow));
        };
        self.0.deliveries.take_over(&record.run, &record.log);
        if record.run.status != Status::Running {
            self.let_go(record.run.key);
            let report = self.report_of(&record).await.map_err(StartError::Store)?;
            self.active().remove(&run.run_id);
            let _ = progress.send(Progress::Ended(Arc::new(report)));
            return Ok(handle);
        }
        self.take_up(record, progress.clone(), commands).await.map_err(StartError::Store)?;
        Ok(handle)
    }

    /// All that driving a run takes.
    pub(super) fn execution(
        &self,
        run: &Run,
        entry: &Entry,
        state: State,
        commands: mpsc::Receiver<Command>,
    ) -> Execution {
        let workflow = entry.workflow();
        Execution {
            key: run.key,
            names: Arc::new(RunNames {
                run_id: run.run_id.clone(),
                workflow: workflow.name,
                trace: submission::trace(&run.labels),
                adapters: Arc::clone(self.0.registry.adapters()),
            }),
            input: run.input.clone(),
            workflow,
            state,
            store: Arc::clone(&self.0.store),
            slots: Arc::clone(&self.0.slots),
            commands,
            notifications: entry.notifications(),
            deliveries: Arc::clone(&self.0.deliveries),
        }
    }

    /// The report of a stored run, in the terms of the definition that it goes by.
    pub(super) async fn report_of(&self, record: &Record) -> Result<Report, checkpoint::Error> {
        let definition = self.0.store.definition(&record.run.workflow, &record.run.digest).await?;
        let outline = definition.as_ref().and_then(|definition| Outline::read(definition).ok());
        let outline = outline.ok_or_else(|| corrupt(&record.run, "its workflow's definition is missing"))?;
        Report::of_record(record, &outline).map_err(|error| corrupt(&record.run, &error.to_string()))
    }
}

enum Admission {
    Reserved(watch::Sender<Progress>, mpsc::Receiver<Command>),
    Joined(watch::Receiver<Progress>),
}

/// Waits until a run that another caller is creating is on disk.
async fn joined(run_id: String, mut progress: watch::Receiver<Progress>) -> Result<Handle, StartError> {
    let now = progress.wait_for(|progress| !matches!(progress, Progress::Creating)).await;
    match now.map(|now| now.clone()) {
        Ok(Progress::Failed(error)) => Err(StartError::Store(error)),
        Ok(_) => Ok(Handle::of(&run_id, progress)),
        Err(_) => Err(StartError::Draining),
    }
}

pub(super) fn corrupt(run: &Run, why: &str) -> checkpoint::Error {
    checkpoint::Error::new(
        checkpoint::Kind::Corrupt,
        format!("the log of run `{}` is damaged: {why}", run.run_id),
    )
}

fn conflict(run_id: &str, workflow: &str) -> StartError {
    StartError::Conflict { run_id: run_id.to_owned(), workflow: workflow.to_owned() }
}

/// Whether two documents say the same, however they are spaced and ordered.
fn same_value(a: &Json, b: &Json) -> bool {
    let value = |text: &Json| text.parse::<serde_json::Value>().ok();
    a == b || value(a).is_some_and(|a| value(b) == Some(a))
}

/// 32 hexadecimal digits: 48 bits of time in milliseconds, so that ids sort by age, and 80 of chance.
pub(crate) fn new_run_id() -> String {
    let millis = u128::try_from(Timestamp::now().0 / 1000).unwrap_or(0);
    let chance = fastrand::u128(..) >> 48;
    format!("{:032x}", millis << 80 | chance)
}
