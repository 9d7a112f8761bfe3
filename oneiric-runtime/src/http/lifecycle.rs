//! How far a program is between its start and its end, for those who ask it for something meanwhile.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use futures_util::future::BoxFuture;
use tokio::sync::watch;

use crate::adapters::State;
use crate::callers::Lookup;
use crate::engine::Engine;
use crate::health::{Facts, Process};
use crate::secret::Secret;

/// How long a request that came before the store was open waits for it. Opening takes milliseconds; a caller should not
/// have to come back because of them, and should not hang on a disk that does not answer.
const PATIENCE: Duration = Duration::from_secs(5);

/// What the program is doing.
#[derive(Clone, Debug)]
pub(crate) enum Stage {
    /// It opens its store.
    Opening,
    /// It takes up the runs that were under way, and new ones too.
    Recovering(Engine),
    /// It does what it is for.
    Ready(Engine),
    /// It takes no more work.
    Stopping,
}

/// The stage of a program, for those who set it and those who wait.
#[derive(Clone, Debug)]
pub(crate) struct Lifecycle {
    stage: watch::Sender<Stage>,
    facts: Arc<Facts>,
}

/// Why there is no engine.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum Unavailable {
    /// The store is still not open.
    NotYet,
    /// The program is stopping.
    NoMore,
}

impl Lifecycle {
    /// That of the process that these facts are about.
    pub(crate) fn of(facts: Facts) -> Self {
        Self { stage: watch::Sender::new(Stage::Opening), facts: Arc::new(facts) }
    }

    /// For tests: that of a process of which nobody asks more.
    #[cfg(test)]
    pub(crate) fn new() -> Self {
        let surroundings = crate::settings::Surroundings::default();
        let choice = crate::profile::Choice::default();
        let toggles = crate::profile::Toggles::of(choice, &surroundings).unwrap();
        Self::of(Facts::new(choice, &toggles))
    }

    /// What is known of the process.
    pub(crate) fn facts(&self) -> &Facts {
        &self.facts
    }

    /// Tells of every stage.
    pub(crate) fn stages(&self) -> watch::Receiver<Stage> {
        self.stage.subscribe()
    }

    /// The process, as `health` shows it.
    pub(crate) fn process(&self) -> Process {
        let missing = self.missing();
        let stage = match (&*self.stage.borrow(), missing) {
            (Stage::Stopping, _) => "stopping",
            (_, Some(_)) => "starting",
            (_, None) => "ready",
        };
        Process::this(&self.facts, stage, missing)
    }

    /// Goes on to `stage`. There is no way back from stopping.
    pub(crate) fn enter(&self, stage: Stage) {
        self.stage.send_if_modified(|current| {
            let moves = !matches!(current, Stage::Stopping);
            if moves {
                *current = stage;
            }
            moves
        });
    }

    /// What is missing for the program to take work; nothing if it is ready.
    pub(crate) fn missing(&self) -> Option<&'static str> {
        match &*self.stage.borrow() {
            Stage::Opening => Some("store"),
            Stage::Recovering(_) => Some("recovery"),
            Stage::Ready(engine) if !engine.registry().adapters().is_warm() => Some("adapters"),
            Stage::Ready(_) => None,
            Stage::Stopping => Some("draining"),
        }
    }

    /// The adapters that are not open, and whether that was tried.
    pub(crate) fn adapters_not_ready(&self) -> BTreeMap<&'static str, &'static str> {
        let stage = self.stage.borrow();
        let (Stage::Recovering(engine) | Stage::Ready(engine)) = &*stage else { return BTreeMap::new() };
        let states = engine.registry().adapters().states();
        let states = states.filter_map(|(declared, state)| match state {
            State::Ready => None,
            State::NotOpened => Some((declared.name, "not-opened")),
            State::Opening => Some((declared.name, "opening")),
            State::Failed { .. } => Some((declared.name, "failed")),
        });
        states.collect()
    }

    pub(crate) fn is_stopping(&self) -> bool {
        matches!(*self.stage.borrow(), Stage::Stopping)
    }

    /// The engine, as soon as there is one.
    pub(crate) async fn engine(&self) -> Result<Engine, Unavailable> {
        let mut stage = self.stage.subscribe();
        let open = stage.wait_for(|stage| !matches!(stage, Stage::Opening));
        // The sender is ours, so it is there as long as we are.
        let Ok(Ok(stage)) = tokio::time::timeout(PATIENCE, open).await else {
            return Err(Unavailable::NotYet);
        };
        match &*stage {
            Stage::Recovering(engine) | Stage::Ready(engine) => Ok(engine.clone()),
            Stage::Stopping | Stage::Opening => Err(Unavailable::NoMore),
        }
    }
}

/// Secrets come from the program's adapters, which are there as soon as the engine is.
impl Lookup for Lifecycle {
    fn secret<'a>(&'a self, name: &'a str) -> BoxFuture<'a, Result<Secret, String>> {
        Box::pin(async move {
            let engine = self.engine().await.map_err(|_| "the program is starting or stopping".to_owned())?;
            engine.registry().adapters().secret(name).await.map_err(|error| error.to_string())
        })
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use super::*;
    use crate::app::App;
    use crate::checkpoint::Memory;

    fn engine() -> Engine {
        Engine::new(App::default(), Arc::new(Memory::new()))
    }

    #[tokio::test(start_paused = true)]
    async fn a_request_waits_for_the_store_but_not_for_ever() {
        let lifecycle = Lifecycle::new();
        assert_eq!(lifecycle.engine().await.unwrap_err(), Unavailable::NotYet);
        let (found, ()) = tokio::join!(lifecycle.engine(), async {
            tokio::time::sleep(PATIENCE / 2).await;
            lifecycle.enter(Stage::Recovering(engine()));
        });
        assert!(found.is_ok());
    }

    #[tokio::test]
    async fn there_is_no_way_back_from_stopping() {
        let lifecycle = Lifecycle::new();
        assert_eq!(lifecycle.missing(), Some("store"));
        lifecycle.enter(Stage::Recovering(engine()));
        assert_eq!(lifecycle.missing(), Some("recovery"));
        lifecycle.enter(Stage::Ready(engine()));
        assert_eq!(lifecycle.missing(), None);
        lifecycle.enter(Stage::Stopping);
        lifecycle.enter(Stage::Ready(engine()));
        assert_eq!(lifecycle.missing(), Some("draining"));
        assert_eq!(lifecycle.engine().await.unwrap_err(), Unavailable::NoMore);
    }
}
