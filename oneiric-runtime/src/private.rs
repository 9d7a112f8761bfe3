//! For the expansions of macros only; not part of the public surface.

use std::collections::BTreeMap;

use serde::Serialize;
use serde::de::DeserializeOwned;

use tokio::sync::watch;

#[cfg(feature = "macros")]
use crate::engine::{Engine, StartError};
#[cfg(feature = "macros")]
use crate::flow::{Flow, Started};
#[cfg(feature = "macros")]
pub use crate::flow::{Line, Sketch};
use crate::json::Json;
use crate::task::{Attempt, Ctx, Definition, Error, NODE};

/// The `Result` of a task, under whatever alias.
pub trait Fallible {
    /// What it holds when it is good.
    type Output: Serialize + DeserializeOwned + Send + 'static;
    /// And when it is not.
    type Error;

    /// Itself, under its own name.
    fn result(self) -> Result<Self::Output, Self::Error>;
}

impl<T: Serialize + DeserializeOwned + Send + 'static, E> Fallible for Result<T, E> {
    type Output = T;
    type Error = E;

    fn result(self) -> Self {
        self
    }
}

/// The result of a task with an error that can be stored, as that of every [`std::error::Error`] can.
///
/// # Errors
/// That of the task.
pub fn settle<R: Fallible<Error: Into<Error>>>(result: R) -> Result<R::Output, Error> {
    result.result().map_err(Into::into)
}

/// An attempt that runs on a thread of its own, for functions that are not async.
pub fn blocking<T: Send + 'static>(call: impl FnOnce() -> Result<T, Error> + Send + 'static) -> Attempt<T> {
    Box::pin(async {
        let node = NODE.try_with(Clone::clone).ok();
        let call = || match node {
            Some(node) => NODE.sync_scope(node, call),
            None => call(),
        };
        match tokio::task::spawn_blocking(call).await {
            Ok(result) => result,
            Err(failure) => match failure.try_into_panic() {
                // The scheduler catches it with every other panic of a task.
                Ok(panic) => std::panic::resume_unwind(panic),
                Err(_) => Err(Error::transient("the runtime is shutting down")),
            },
        }
    })
}

/// What a type has to be to be an argument of a task.
pub const fn argument<T: DeserializeOwned + Send + 'static>() {}

/// What a type has to be to be what a task returns.
pub const fn output<T: Serialize + DeserializeOwned + Send + 'static>() {}

/// What a type has to be to be a parameter of a workflow.
pub const fn parameter<T: Serialize + DeserializeOwned + 'static>() {}

/// The name of an argument, empty if the task has fewer: rustc has said so already.
pub const fn argument_name<D: Definition>(index: usize) -> &'static str {
    if index < D::ARGUMENTS.len() { D::ARGUMENTS[index] } else { "" }
}

/// An attempt whose function can ask whether it is over.
pub fn cancellable<T: 'static>(mut ctx: Ctx, begin: impl FnOnce(Ctx) -> Attempt<T>) -> Attempt<T> {
    let (alive, over) = watch::channel(());
    ctx.over = Some(over);
    let attempt = begin(ctx);
    Box::pin(async move {
        let _alive = alive;
        attempt.await
    })
}

/// The input of a run: an object of the workflow's parameters, each written by [`Json::of`].
pub fn input<const N: usize>(
    parameters: [(&'static str, Result<Json, serde_json::Error>); N],
) -> Result<Json, serde_json::Error> {
    let members = parameters.into_iter().map(|(name, value)| Ok((name, value?)));
    Json::of(&members.collect::<Result<BTreeMap<_, _>, _>>()?)
}

/// Starts a run of a workflow that is a function.
#[cfg(feature = "macros")]
pub async fn start<F: Flow>(
    engine: &Engine,
    run_id: Option<String>,
    input: Result<Json, serde_json::Error>,
) -> Result<Started<F::Output>, StartError> {
    let input = input.map_err(|error| StartError::Input(error.to_string()))?;
    crate::flow::start::<F>(engine, run_id, input).await
}
