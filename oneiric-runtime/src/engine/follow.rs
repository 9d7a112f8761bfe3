//! Runs that other processes drive: waiting for their end, going on with them when those processes do not, and letting go
//! of what this process held no longer.
//!
//! Where a store belongs to one process there are none.

use std::collections::HashMap;
use std::sync::{Arc, MutexGuard, PoisonError};

use tokio::sync::{mpsc, watch};

use super::{Engine, Handle, Progress};
use crate::checkpoint::{self, Kind, Notice, Record, Run, RunKey};
use crate::run::Status;
use crate::run::execute::Command;

/// Who waits for a run that another process drives, by the run.
pub(super) type Followers = HashMap<RunKey, mpsc::UnboundedSender<Heard>>;

/// What is said to who waits for a run.
pub(super) enum Heard {
    /// It may be over, or free.
    Look,
    /// It was free, and is this process's now.
    Taken(Box<Record>),
}

/// What a look at a run comes to, when it is not that another process drives it.
enum Found {
    /// This process is to go on with it.
    Ours(Box<Record>),
    /// There is nothing more to wait for.
    Over(Progress),
}

impl Engine {
    /// Heeds what other processes do to the store's runs, for as long as there is an engine.
    pub(super) fn listen(&self) {
        let Some(mut notices) = self.0.store.notices() else { return };
        let engine = Arc::downgrade(&self.0);
        let free = Arc::clone(&self.0.free);
        tokio::spawn(async move {
            while let Some(notice) = notices.recv().await
                && let Some(engine) = engine.upgrade()
            {
                Self(engine).heed(notice);
            }
            // The other one finds that the engine is gone, or draining.
            free.notify_one();
        });
        let engine = Arc::downgrade(&self.0);
        let free = Arc::clone(&self.0.free);
        tokio::spawn(async move {
            loop {
                free.notified().await;
                let Some(engine) = engine.upgrade().map(Self) else { return };
                if engine.recovers() && !engine.is_draining() {
                    // An error stops the engine, which is told to whoever waits for that.
                    let _ = engine.recover().await;
                }
            }
        });
    }

    fn heed(&self, notice: Notice) {
        match notice {
            Notice::Over(run) => {
                if let Some(follower) = self.followers().get(&run) {
                    let _ = follower.send(Heard::Look);
                }
            }
            Notice::Cancel(run) => {
                let active = self.active();
                if let Some(active) = active.values().find(|active| active.driven == Some(run)) {
                    // A full queue has a cancel in it, and a closed one is of a run that has just ended.
                    let _ = active.commands.try_send(Command::Cancel);
                }
            }
            Notice::Free | Notice::Missed => self.look_around(),
            Notice::Lost => {
                self.0.deliveries.lose();
                self.command_all(Command::Lose);
                self.look_around();
            }
        }
    }

    /// Looks at everything that others may have left.
    fn look_around(&self) {
        for follower in self.followers().values() {
            // One that is gone has found what it waited for.
            let _ = follower.send(Heard::Look);
        }
        self.0.free.notify_one();
    }

    /// Gives a run that was free to whoever waits for it; gives it back if nobody does.
    pub(super) fn hand_over(&self, record: Record) -> Option<Record> {
        let Some(follower) = self.followers().get(&record.run.key).cloned() else { return Some(record) };
        let _ = follower.send(Heard::Taken(Box::new(record)));
        None
    }

    /// A handle on a run that another process drives.
    pub(super) fn follow_stored(&self, run: Run) -> Handle {
        let mut active = self.active();
        if let Some(active) = active.get(&run.run_id) {
            return Handle::of(&run.run_id, active.progress.clone());
        }
        let (progress, commands) = self.enter(&mut active, &run.run_id, &run.workflow, &run.input);
        drop(active);
        let handle = Handle::of(&run.run_id, progress.subscribe());
        self.follow(run, progress, commands);
        handle
    }

    /// Waits for the end of a run that another process drives, or goes on with it when that process does not.
    pub(super) fn follow(
        &self,
        run: Run,
        progress: watch::Sender<Progress>,
        commands: mpsc::Receiver<Command>,
    ) {
        let (tell, heard) = mpsc::unbounded_channel();
        self.followers().insert(run.key, tell);
        let engine = self.clone();
        tokio::spawn(async move {
            let _ = progress.send(Progress::Running);
            let mut commands = commands;
            let found = engine.wait_elsewhere(&run, &mut commands, heard).await;
            engine.followers().remove(&run.key);
            let ended = match found {
                Ok(Found::Ours(record)) => match engine.take_up(*record, progress.clone(), commands).await {
                    Ok(()) => return,
                    Err(error) => Err(error),
                },
                Ok(Found::Over(progress)) => Ok(progress),
                Err(error) => Err(error),
            };
            engine.active().remove(&run.run_id);
            let _ = progress.send(ended.unwrap_or_else(|error| {
                engine.break_down(&error);
                Progress::Failed(error)
            }));
        });
    }

    async fn wait_elsewhere(
        &self,
        run: &Run,
        commands: &mut mpsc::Receiver<Command>,
        mut heard: mpsc::UnboundedReceiver<Heard>,
    ) -> Result<Found, checkpoint::Error> {
        loop {
            if self.is_draining() {
                return Ok(Found::Over(Progress::Stopped));
            }
            if let Some(found) = self.look(run).await? {
                return Ok(found);
            }
            loop {
                tokio::select! {
                    command = commands.recv() => match command {
                        Some(Command::Cancel) => self.0.store.ask_to_cancel(run.key).await?,
                        Some(Command::Lose) => {}
                        Some(Command::Drain | Command::Abandon) | None => {
                            return Ok(Found::Over(Progress::Stopped));
                        }
                    },
                    said = heard.recv() => match said {
                        Some(Heard::Taken(record)) => return Ok(Found::Ours(record)),
                        Some(Heard::Look) | None => break,
                    },
                }
            }
        }
    }

    /// Looks at a run; nothing if another process still drives it.
    async fn look(&self, run: &Run) -> Result<Option<Found>, checkpoint::Error> {
        let record = match self.0.store.find(&run.run_id).await? {
            Some(record) if record.run.status == Status::Running => {
                self.deal_with(&run.run_id);
                match self.0.store.claim(&run.run_id).await {
                    Err(error) if error.kind() == Kind::Held => return Ok(None),
                    claimed => claimed?,
                }
            }
            found => found,
        };
        // One that was pruned meanwhile had ended, and nobody can tell how any more.
        let Some(record) = record else { return Ok(Some(Found::Over(Progress::Stopped))) };
        if record.run.status == Status::Running {
            self.0.deliveries.take_over(&record.run, &record.log);
            return Ok(Some(Found::Ours(Box::new(record))));
        }
        self.let_go(record.run.key);
        let report = self.report_of(&record).await?;
        Ok(Some(Found::Over(Progress::Ended(Arc::new(report)))))
    }

    fn followers(&self) -> MutexGuard<'_, Followers> {
        self.0.followers.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
