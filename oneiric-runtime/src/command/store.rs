//! How commands come to the store: alone, through the process that has it, or for reading.

use std::time::Duration;

use tokio::runtime::Runtime;

use super::Context;
use crate::checkpoint::Kind;
use crate::control::{self, Order, Place};
use crate::engine::Engine;
use crate::failure::Failure;
use crate::json::Json;
use crate::signals::Signals;
use crate::state_dir;
use crate::store;

/// How long nodes get to end when somebody interrupts a command that runs them.
const GRACE: Duration = Duration::from_secs(2);

/// A runtime of one thread, the one that calls; programs that nodes start depend on its living as long as the process.
pub(super) fn runtime() -> Result<Runtime, Failure> {
    tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .map_err(|error| Failure::new("system", format!("cannot set up timers and sockets: {error}")))
}

/// An engine that answers for the runs of a program and can do nothing else.
pub(super) async fn reader(context: &Context) -> Result<Engine, Failure> {
    let registry = context.program.registry(context.app.clone());
    let store = store::open_reader(&registry, &state_dir::from_environment()).await?;
    Ok(Engine::on(registry, store))
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
    let registry = context.program.registry(context.app);
    registry.adapters().check()?;
    let store = match store::open(&registry, &state_dir).await {
        Ok(store) => store,
        Err(error) if error.kind() == Kind::Locked => {
            let sent = control::send(&state_dir, &order).await;
            return sent.unwrap_or_else(|| Err(error.into()));
        }
        Err(error) => return Err(error.into()),
    };
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
    engine.stop(Duration::ZERO).await?;
    done
}
