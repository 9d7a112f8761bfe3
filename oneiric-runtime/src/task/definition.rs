//! What `#[oneiric::task]` writes beside a function, so that a workflow can name the function and its arguments.

use std::pin::Pin;

use serde::Serialize;
use serde::de::DeserializeOwned;

use super::{Ctx, Error};
use crate::value::{AnyBind, Input, Scope};

/// One attempt at a task, under way.
pub type Attempt<T> = Pin<Box<dyn Future<Output = Result<T, Error>> + Send>>;

/// A function that can be a node.
#[diagnostic::on_unimplemented(
    message = "`{Self}` is not a task",
    note = "mark the function with `#[oneiric::task]` and name its `Def`"
)]
pub trait Definition: 'static {
    /// The arguments by name, each a [`Bind`](crate::value::Bind).
    type Args: Send + Sync + 'static;
    /// What it returns when it succeeds.
    type Output: Serialize + DeserializeOwned + Send + 'static;

    /// Shows every argument to `visitor`.
    fn visit(args: &Self::Args, visitor: &mut dyn Visitor);

    /// Reads the arguments and begins an attempt.
    ///
    /// # Errors
    /// When an argument cannot be read.
    fn begin(args: &Self::Args, scope: &Scope<'_>, ctx: Ctx) -> Result<Attempt<Self::Output>, Error>;
}

/// A task of at most one argument, which can be the run's input.
#[diagnostic::on_unimplemented(
    message = "`{Self}` takes more than one argument",
    note = "only a task of one argument can go without `with`: name the arguments there"
)]
pub trait TakesInput: Definition {
    /// The arguments of a node that has no `with`.
    fn from_input(input: Input) -> Self::Args;
}

/// Looks at a node's arguments.
pub trait Visitor {
    /// The argument `name`.
    fn argument(&mut self, name: &'static str, value: &dyn AnyBind);
}
