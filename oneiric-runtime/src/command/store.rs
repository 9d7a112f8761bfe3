//! How commands come to the store: alone, through the process that has it, or for reading.

use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use tokio::runtime::Runtime;

use super::Context;
use crate::app::App;
use crate::checkpoint::{self, Kind, Store};
use crate::control::{self, Order, Place};
use crate::engine::Engine;
use crate::failure::Failure;
use crate::health;
use crate::json::Json;
use crate::signals::Signals;
use crate::state_dir;

/// How long nodes get to end when somebody interrupts a command that runs them.
const GRACE: Duration = Duration::from_secs(2);

/// How long a command waits for notifications that are being sent.
const DELIVERY: Duration = Duration::from_secs(10);

/// A runtime of one thread, the one that calls; programs that nodes start depend on its living as long as the process.
pub(super) fn runtime() -> Result<Runtime, Failure> {
    tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .map_err(|error| Failure::new("system", format!("cannot set up timers and sockets: {error}")))
}

/// Opens the store for this process alone.
#[cfg(feature = "sqlite")]
pub(super) fn open(state_dir: &Path) -> Result<Arc<dyn Store>, checkpoint::Error> {
    Ok(Arc::new(checkpoint::Sqlite::open(state_dir)?))
}

/// Runs of this process, in its memory.
#[cfg(not(feature = "sqlite"))]
#[expect(clippy::unnecessary_wraps, reason = "opening a store on disk can fail")]
pub(super) fn open(_: &Path) -> Result<Arc<dyn Store>, checkpoint::Error> {
    Ok(Arc::new(checkpoint::Memory::new()))
}

#[cfg(feature = "sqlite")]
fn open_reader(state_dir: &Path) -> Result<Arc<dyn Store>, checkpoint::Error> {
    Ok(Arc::new(checkpoint::Sqlite::open_reader(state_dir)?))
}

#[cfg(not(feature = "sqlite"))]
fn open_reader(_: &Path) -> Result<Arc<dyn Store>, checkpoint::Error> {
    Err(checkpoint::Error::new(
        Kind::Denied,
        "this program keeps its runs in memory, so only it can tell of them",
    ))
}

/// How the store is, for a process that does not have it.
pub(super) fn state(state_dir: &Path) -> health::Store {
    if !is_there(state_dir) {
        return health::Store::is("absent");
    }
    match open_reader(state_dir) {
        Ok(_) => health::Store::is("readable"),
        Err(error) => health::Store::failed(&error.to_string()),
    }
}

#[cfg(feature = "sqlite")]
fn is_there(state_dir: &Path) -> bool {
    checkpoint::Sqlite::is_in(state_dir)
}

/// What a process keeps in its memory is nowhere else.
#[cfg(not(feature = "sqlite"))]
fn is_there(_: &Path) -> bool {
    false
}

/// An engine that answers for runs and can do nothing else.
pub(super) fn reader(state_dir: &Path) -> Result<Engine, Failure> {
    Ok(Engine::new(App::default(), open_reader(state_dir)?))
}

/// Carries out `order`: here if nobody has the store, and where it is otherwise.
pub(super) fn carry_out(context: Context, order: Order) -> Result<Json, Failure> {
    carry_out_beside(context, order, std::future::pending())
}

/// [`carry_out`], with something done beside it for as long as it takes.
pub(super) fn carry_out_beside(
    context: Context,
    order: Order,
    beside: impl Future<Output = ()>,
) -> Result<Json, Failure> {
    let runtime = runtime()?;
    let done = runtime.block_on(async {
        tokio::select! {
            done = reach_and_perform(context, order) => done,
            () = beside => unreachable!("what is done beside an order has no end"),
        }
    });
    // A task that blocks its thread must not hold up the end.
    runtime.shutdown_background();
    done
}

async fn reach_and_perform(context: Context, order: Order) -> Result<Json, Failure> {
    let state_dir = state_dir::from_environment();
    let store = match open(&state_dir) {
        Ok(store) => store,
        Err(error) if error.kind() == Kind::Locked => {
            let sent = control::send(&state_dir, &order).await;
            return sent.unwrap_or_else(|| Err(error.into()));
        }
        Err(error) => return Err(error.into()),
    };
    let registry = context.program.registry(context.app);
    registry.adapters().check()?;
    let engine = Engine::on(registry, store);
    let mut signals = Signals::new()?;
    let done = tokio::select! {
        biased;
        () = signals.next() => {
            engine.stop(GRACE).await?;
            return Err(Failure::new("interrupted", "stopped; what was under way goes on when it is asked for again"));
        }
        done = control::perform(&engine, order, Place::Command) => done,
    };
    // There may be no next start for a long time, so notifications are given a chance now. Who does not want to wait
    // interrupts it.
    tokio::select! {
        biased;
        () = signals.next() => {}
        () = engine.delivered(DELIVERY) => {}
    }
    engine.stop(Duration::ZERO).await?;
    done
}
