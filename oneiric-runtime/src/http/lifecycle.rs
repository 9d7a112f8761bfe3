//! How far a program is between its start and its end, for those who ask it for something meanwhile.

use std::time::Duration;

use tokio::sync::watch;

use crate::engine::Engine;

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
pub(crate) struct Lifecycle(watch::Sender<Stage>);

/// Why there is no engine.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum Unavailable {
    /// The store is still not open.
    NotYet,
    /// The program is stopping.
    NoMore,
}

impl Lifecycle {
    pub(crate) fn new() -> Self {
        Self(watch::Sender::new(Stage::Opening))
    }

    /// Goes on to `stage`. There is no way back from stopping.
    pub(crate) fn enter(&self, stage: Stage) {
        self.0.send_if_modified(|current| {
            let moves = !matches!(current, Stage::Stopping);
            if moves {
                *current = stage;
            }
            moves
        });
    }

    /// What is missing for the program to take work; nothing if it is ready.
    pub(crate) fn missing(&self) -> Option<&'static str> {
        match *self.0.borrow() {
            Stage::Opening => Some("store"),
            Stage::Recovering(_) => Some("recovery"),
            Stage::Ready(_) => None,
            Stage::Stopping => Some("draining"),
        }
    }

    pub(crate) fn is_stopping(&self) -> bool {
        matches!(*self.0.borrow(), Stage::Stopping)
    }

    /// The engine, as soon as there is one.
    pub(crate) async fn engine(&self) -> Result<Engine, Unavailable> {
        let mut stage = self.0.subscribe();
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
