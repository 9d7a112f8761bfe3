//! Taking up runs that an earlier process left under way.

use std::collections::HashSet;
use std::sync::Arc;
use std::sync::atomic::Ordering;

use tokio::sync::{mpsc, watch};

use super::{Engine, Progress};
use crate::checkpoint::{self, Record, Run};
use crate::clock::Timestamp;
use crate::notifications::Moment;
use crate::run::execute::Command;
use crate::run::{Entry, Event, Outline, State, Status};
use crate::task::RUN;

impl Engine {
    /// Takes up every run that was under way, each as soon as it is read, and says how many there were. Runs that
    /// cannot go on by themselves are parked, with the reason.
    ///
    /// # Errors
    /// When the store cannot be read or written.
    pub async fn recover(&self) -> Result<usize, checkpoint::Error> {
        let _one_at_a_time = self.0.recovering.lock().await;
        self.0.recovers.store(true, Ordering::Release);
        *self.dealt_with() = Some(HashSet::new());
        let count = self.recover_open().await;
        *self.dealt_with() = None;
        count.inspect_err(|error| self.break_down(error))
    }

    async fn recover_open(&self) -> Result<usize, checkpoint::Error> {
        let mut count = 0;
        let mut open = self.0.store.open_runs();
        while let Some(record) = open.recv().await {
            let record = match record {
                Ok(record) => record,
                // One damaged run must not keep the others from going on. It stays as it is.
                Err(error) if error.kind() == checkpoint::Kind::Corrupt => {
                    tracing::error!(%error, "run-damaged");
                    continue;
                }
                Err(error) => return Err(error),
            };
            if self.is_draining() {
                break;
            }
            self.0.deliveries.take_over(&record.run, &record.log);
            if record.run.status != Status::Running {
                continue;
            }
            // Somebody here may wait for it already.
            let Some(record) = self.hand_over(record) else {
                count += 1;
                continue;
            };
            let entered = {
                let mut active = self.active();
                let run = &record.run;
                // A caller may have asked for it again and been quicker.
                let is_stale = self.dealt_with().as_ref().is_some_and(|runs| runs.contains(&run.run_id));
                (!is_stale && !active.contains_key(&run.run_id))
                    .then(|| self.enter(&mut active, &run.run_id, &run.workflow, &run.input))
            };
            if let Some((progress, commands)) = entered {
                self.take_up(record, progress, commands).await?;
                count += 1;
            }
        }
        Ok(count)
    }

    /// Goes on with a run where its log ends, or parks it.
    pub(super) async fn take_up(
        &self,
        record: Record,
        progress: watch::Sender<Progress>,
        commands: mpsc::Receiver<Command>,
    ) -> Result<(), checkpoint::Error> {
        let run = &record.run;
        match self.state_of(&record).await? {
            Ok(state) => {
                // `state_of` found it.
                let Some(entry) = self.registry().get(&run.workflow) else { return Ok(()) };
                let execution = self.execution(run, entry, state, commands);
                RUN.sync_scope(Arc::clone(&execution.names), || tracing::info!("run-resumed"));
                let _ = progress.send(Progress::Running);
                self.launch(record.run, execution, progress);
            }
            Err(reason) => {
                tracing::error!(workflow = run.workflow, run_id = run.run_id, reason, "run-parked");
                let run = record.run.clone();
                match self.park(record, reason).await {
                    Ok(report) => drop(progress.send(report)),
                    Err(error) if error.kind() == checkpoint::Kind::Held => {
                        self.follow(run, progress, commands);
                    }
                    Err(error) => return Err(error),
                }
            }
        }
        Ok(())
    }

    /// Where a run stands in the terms of this program's workflow, or why it cannot go on.
    async fn state_of(&self, record: &Record) -> Result<Result<State, String>, checkpoint::Error> {
        let run = &record.run;
        let Some(entry) = self.registry().get(&run.workflow) else {
            return Ok(Err(format!("this program has no workflow `{}`", run.workflow)));
        };
        if entry.definition().digest != run.digest {
            let difference = self.difference(run).await?;
            return Ok(Err(format!(
                "workflow `{}` is not the one that this run began with: {difference}; resume it with \
                 `runs resume {} --accept-changes` to go on with what is finished, or cancel it",
                run.workflow, run.run_id
            )));
        }
        let workflow = entry.workflow();
        Ok(State::replay(&workflow.shape, run.created_at, &record.log)
            .map_err(|error| format!("its log is damaged: {error}")))
    }

    /// What changed in a run's workflow since it began, in words.
    pub(super) async fn difference(&self, run: &Run) -> Result<String, checkpoint::Error> {
        let old = self.0.store.definition(&run.workflow, &run.digest).await?;
        let old = old.as_ref().and_then(|text| Outline::read(text).ok());
        let new = self.registry().get(&run.workflow);
        let new = new.and_then(|entry| Outline::read(&entry.definition().text).ok());
        let difference = match (old, new) {
            (Some(old), Some(new)) => old.difference(&new),
            _ => String::new(),
        };
        Ok(if difference.is_empty() { "what it does has changed".to_owned() } else { difference })
    }

    async fn park(&self, mut record: Record, reason: String) -> Result<Progress, checkpoint::Error> {
        let at = Timestamp::now();
        let due = self.due(&record, Moment::Parked, Some(&reason));
        let mut fresh = vec![Entry { at, event: Event::RunParked { reason } }];
        fresh.extend(due.map(|(number, step)| Entry { at, event: Event::Notification { number, step } }));
        self.append(&record.run, &fresh).await?;
        self.active().remove(&record.run.run_id);
        record.run.status = Status::Parked;
        record.log.extend(fresh);
        // A log too damaged to be folded can only be told of by its status.
        Ok(match self.report_of(&record).await {
            Ok(report) => Progress::Ended(Arc::new(report)),
            Err(error) if error.kind() == checkpoint::Kind::Corrupt => Progress::Stopped,
            Err(error) => Progress::Failed(error),
        })
    }
}
