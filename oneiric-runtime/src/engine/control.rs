//! What operators ask: look at runs, cancel, resume and forget them.

use std::fmt;

use super::{Engine, Handle, StartError};
use crate::checkpoint::{self, Filter, Record, Run, Urgency};
use crate::clock::Timestamp;
use crate::notifications::{Facts, Moment};
use crate::registry::Definition;
use crate::run::execute::Command;
use crate::run::report;
use crate::run::{
    Entry, Event, NodeId, NodeStatus, NotificationStep, Outbox, Outgoing, Outline, Report, State, Status,
};

/// Why something asked of a run was not done.
#[derive(Clone, Debug)]
pub enum ControlError {
    /// There is no run of this id.
    UnknownRun(String),
    /// The run is not in a state for it; the text says why and what can be done.
    NotNow(String),
    /// The store failed.
    Store(checkpoint::Error),
}

impl fmt::Display for ControlError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::UnknownRun(run_id) => {
                write!(f, "there is no run `{run_id}`; `runs list` shows those there are")
            }
            Self::NotNow(why) => f.write_str(why),
            Self::Store(error) => error.fmt(f),
        }
    }
}

impl std::error::Error for ControlError {}

impl From<checkpoint::Error> for ControlError {
    fn from(error: checkpoint::Error) -> Self {
        Self::Store(error)
    }
}

impl Engine {
    /// Where a run stands on disk.
    pub async fn report(&self, run_id: &str) -> Result<Option<Report>, checkpoint::Error> {
        match self.0.store.find(run_id).await? {
            Some(record) => self.report_of(&record).await.map(Some),
            None => Ok(None),
        }
    }

    /// Runs without their nodes, newest first.
    pub async fn list(&self, filter: Filter) -> Result<Vec<Run>, checkpoint::Error> {
        self.0.store.list(filter).await
    }

    /// Forgets runs that ended before `before` and says how many there were.
    pub async fn prune(&self, before: Timestamp) -> Result<u64, checkpoint::Error> {
        self.0.store.prune(before).await
    }

    /// Cancels a run and waits until that is on disk.
    pub async fn cancel(&self, run_id: &str) -> Result<Report, ControlError> {
        let active = self.active().get(run_id).map(|run| (run.commands.clone(), run.progress.clone()));
        if let Some((commands, progress)) = active {
            // A closed queue means that the run has just ended by itself.
            let _ = commands.send(Command::Cancel).await;
            let handle = Handle::of(run_id, progress);
            return ended(handle).await;
        }
        let record = self.find(run_id).await?;
        if record.run.status.is_end() {
            return Err(over(&record.run));
        }
        let run = record.run.clone();
        let held = self.0.deliveries.hold().await;
        let Some(record) = self.claim(record.run).await? else {
            drop(held);
            // Another process drives it, and hears of it through the store.
            self.0.store.ask_to_cancel(run.key).await?;
            return ended(self.follow_stored(run)).await;
        };
        let cancelled = if record.run.status.is_end() {
            Err(over(&record.run))
        } else {
            self.cancel_stored(record).await
        };
        // One that was cancelled nobody holds any more; one that could not be goes back.
        self.let_go(run.key);
        cancelled
    }

    /// Lets a run that failed, was cancelled or is parked go on: what completed stays, the rest is done again.
    pub async fn resume(&self, run_id: &str, accept_changes: bool) -> Result<Handle, ControlError> {
        if self.is_draining() {
            return Err(ControlError::NotNow("the process is stopping".to_owned()));
        }
        if let Some(run) = self.active().get(run_id) {
            return Ok(Handle::of(run_id, run.progress.clone()));
        }
        // What is claimed and rebased must not grow meanwhile.
        let _held = self.0.deliveries.hold().await;
        let record = self.find(run_id).await?;
        let Some(entry) = self.registry().get(&record.run.workflow) else {
            let workflow = &record.run.workflow;
            return Err(ControlError::NotNow(format!("this program has no workflow `{workflow}`")));
        };
        if record.run.status == Status::Completed {
            return Err(ControlError::NotNow(format!("run `{run_id}` is completed: nothing is left to do")));
        }
        let definition = entry.definition();
        if definition.digest != record.run.digest && !accept_changes {
            let difference = self.difference(&record.run).await?;
            return Err(ControlError::NotNow(format!(
                "the workflow changed since run `{run_id}` began: {difference}; say `--accept-changes` to go on with \
                 what is finished"
            )));
        }
        let run = record.run.clone();
        let Some(record) = self.claim(record.run).await? else { return Ok(self.follow_stored(run)) };
        let revived = self.revive(record, definition).await;
        if revived.is_err() {
            self.let_go(run.key);
        }
        let record = revived?;
        let entered = {
            let mut active = self.active();
            if let Some(run) = active.get(run_id) {
                return Ok(Handle::of(run_id, run.progress.clone()));
            }
            self.enter(&mut active, run_id, &record.run.workflow, &record.run.input)
        };
        let (progress, commands) = entered;
        let handle = Handle::of(run_id, progress.subscribe());
        self.take_up(record, progress, commands).await?;
        Ok(handle)
    }

    /// Lets the record of a run say that it goes on, under the definition that this program has of its workflow.
    async fn revive(&self, mut record: Record, definition: &Definition) -> Result<Record, ControlError> {
        if record.run.status == Status::Completed {
            return Err(over(&record.run));
        }
        if definition.digest != record.run.digest {
            return self.rebase(record, &definition.digest, &definition.text).await;
        }
        if record.run.status != Status::Running {
            let resumed = Entry { at: Timestamp::now(), event: Event::RunResumed };
            self.0.store.append(record.run.key, vec![resumed.clone()], Urgency::Now).await?;
            record.log.push(resumed);
            record.run.status = Status::Running;
        }
        Ok(record)
    }

    /// Takes hold of a run, as it is then; nothing if another process has it.
    async fn claim(&self, run: Run) -> Result<Option<Record>, ControlError> {
        match self.0.store.claim(&run.run_id).await {
            Err(error) if error.kind() == checkpoint::Kind::Held => Ok(None),
            Ok(Some(record)) => {
                self.0.deliveries.take_over(&record.run, &record.log);
                Ok(Some(record))
            }
            Ok(None) => Err(ControlError::UnknownRun(run.run_id)),
            Err(error) => Err(error.into()),
        }
    }

    async fn find(&self, run_id: &str) -> Result<Record, ControlError> {
        self.deal_with(run_id);
        let record = self.0.store.find(run_id).await?;
        record.ok_or_else(|| ControlError::UnknownRun(run_id.to_owned()))
    }

    /// What is to be sent about a run that nobody drives, with the number that it gets.
    pub(super) fn due(
        &self,
        record: &Record,
        moment: Moment,
        reason: Option<&str>,
    ) -> Option<(u32, NotificationStep)> {
        let Run { run_id, workflow, input, .. } = &record.run;
        let notifications = self.registry().get(workflow)?.notifications()?;
        let due = notifications.due(moment, &Facts { workflow, run_id, input, reason })?;
        Some((Outbox::replay(&record.log)?.next_number(), NotificationStep::Due(Box::new(due))))
    }

    /// Adds to the log of a run that nobody drives, and sends what becomes due with it.
    pub(super) async fn append(&self, run: &Run, entries: &[Entry]) -> Result<(), checkpoint::Error> {
        let due = entries.iter().filter_map(|Entry { at, event }| match event {
            Event::Notification { number, step: NotificationStep::Due(due) } => {
                Some((*number, Outgoing::new(due, *at)))
            }
            _ => None,
        });
        let due = due.collect::<Vec<_>>();
        let deliveries = &self.0.deliveries;
        for (number, _) in &due {
            deliveries.expect(run.key, &run.run_id, &run.workflow, *number);
        }
        let appended = self.0.store.append(run.key, entries.to_vec(), Urgency::Now).await;
        if appended.is_err() {
            deliveries.forget(run.key);
        }
        appended?;
        for (number, outgoing) in due {
            deliveries.add(run.key, &run.run_id, &run.workflow, number, outgoing);
        }
        Ok(())
    }

    /// Cancels a run that nobody drives, in the terms of the definition that it goes by.
    async fn cancel_stored(&self, mut record: Record) -> Result<Report, ControlError> {
        let definition = self.0.store.definition(&record.run.workflow, &record.run.digest).await?;
        let outline = definition.as_ref().and_then(|text| Outline::read(text).ok());
        let Some(outline) = outline else {
            return Err(ControlError::NotNow("its workflow's definition is missing".to_owned()));
        };
        let damaged =
            |error: crate::run::Illegal| ControlError::NotNow(format!("its log is damaged: {error}"));
        let shape = &outline.shape;
        let mut state = State::replay(shape, record.run.created_at, &record.log).map_err(damaged)?;
        let at = Timestamp::now();
        let mut fresh = Vec::new();
        let mut add = |state: &mut State, event| {
            let entry = Entry { at, event };
            state.apply(shape, &entry)?;
            fresh.push(entry);
            Ok(())
        };
        if state.status() == Status::Parked {
            add(&mut state, Event::RunResumed).map_err(damaged)?;
        }
        let reason = crate::run::Reason::Requested;
        add(&mut state, Event::CancelRequested { reason }).map_err(damaged)?;
        for node in
            shape.nodes().filter(|node| !state.nodes()[node.index()].status.is_end()).collect::<Vec<_>>()
        {
            add(&mut state, Event::NodeCancelled { node }).map_err(damaged)?;
        }
        if let Some(status) = state.conclusion(shape) {
            add(&mut state, Event::RunEnded { status }).map_err(damaged)?;
            let reason = report::reason(&state, |node| outline.names[node.index()].as_str());
            let moment = Moment::of(status);
            let due = moment.and_then(|moment| self.due(&record, moment, reason.as_deref()));
            if let Some((number, step)) = due {
                add(&mut state, Event::Notification { number, step }).map_err(damaged)?;
            }
        }
        self.append(&record.run, &fresh).await?;
        record.log.extend(fresh);
        Report::of_record(&record, &outline).map_err(damaged)
    }

    /// Puts a run under this program's definition of its workflow. What completed stays if everything that it needs
    /// now has completed too; the rest is done again.
    async fn rebase(
        &self,
        record: Record,
        digest: &str,
        text: &crate::json::Json,
    ) -> Result<Record, ControlError> {
        let old = self.0.store.definition(&record.run.workflow, &record.run.digest).await?;
        let old = old.as_ref().and_then(|text| Outline::read(text).ok());
        let new = Outline::read(text).ok();
        let (Some(old), Some(new)) = (old, new) else {
            return Err(ControlError::NotNow("its workflow's definition is missing".to_owned()));
        };
        let state = State::replay(&old.shape, record.run.created_at, &record.log)
            .map_err(|error| ControlError::NotNow(format!("its log is damaged: {error}")))?;
        let mut kept = State::new(new.names.len(), record.run.created_at);
        let mut log = Vec::new();
        for (index, name) in new.names.iter().enumerate() {
            let Some(before) = old.names.iter().position(|other| other == name) else { continue };
            let before = &state.nodes()[before];
            let node = NodeId(u32::try_from(index).unwrap_or(u32::MAX));
            if before.status != NodeStatus::Completed || !kept.has_its_needs(&new.shape, node) {
                continue;
            }
            let (Some(started), Some(ended), Some(output)) =
                (before.started_at, before.ended_at, &before.output)
            else {
                continue;
            };
            let begin = match before.attempt {
                0 => Event::NodeWaiting { node, until: ended },
                _ => Event::NodeStarted { node, attempt: 1 },
            };
            let attempt = before.attempt.min(1);
            let end = Event::NodeCompleted { node, attempt, output: output.clone() };
            for entry in [Entry { at: started, event: begin }, Entry { at: ended, event: end }] {
                kept.apply(&new.shape, &entry)
                    .map_err(|error| ControlError::NotNow(format!("it cannot be carried over: {error}")))?;
                log.push(entry);
            }
        }
        // Who is told what does not depend on the definition.
        let told = record.log.iter().filter(|entry| matches!(entry.event, Event::Notification { .. }));
        log.extend(told.cloned());
        let mut run = record.run;
        self.0.store.rebase(run.key, digest.to_owned(), text.clone(), log.clone()).await?;
        run.digest = digest.to_owned();
        run.status = Status::Running;
        Ok(Record { run, log })
    }
}

/// The end of a run that is being cancelled.
async fn ended(handle: Handle) -> Result<Report, ControlError> {
    match handle.finished().await {
        Ok(report) => Ok(report.as_ref().clone()),
        Err(StartError::Store(error)) => Err(ControlError::Store(error)),
        Err(_) => Err(ControlError::NotNow("the process is stopping; try again when it is up".to_owned())),
    }
}

fn over(run: &Run) -> ControlError {
    let (run_id, status) = (&run.run_id, run.status.name());
    ControlError::NotNow(format!("run `{run_id}` has ended already: it is {status}"))
}
