//! For the expansions of macros only; not part of the public surface.

use serde::Serialize;
use serde::de::DeserializeOwned;

use crate::task::{Attempt, Error, NODE};

/// The `Result` of a task, under whatever alias.
pub trait Fallible {
    /// What it holds when it is good.
    type Output: Serialize + DeserializeOwned + Send + 'static;
}

impl<T: Serialize + DeserializeOwned + Send + 'static, E: Into<Error>> Fallible for Result<T, E> {
    type Output = T;
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
