//! What `#[oneiric::task]` writes beside a function, so that a workflow can name the function and its arguments.

use std::pin::Pin;
use std::time::Duration;

use serde::Serialize;
use serde::de::DeserializeOwned;

use super::{Ctx, Error, Retry};
use crate::value::{AnyBind, Input, Scope};

/// One attempt at a task, under way.
pub type Attempt<T> = Pin<Box<dyn Future<Output = Result<T, Error>> + Send>>;

/// A function that can be a node.
#[diagnostic::on_unimplemented(
    message = "`{Self}` is not a task",
    note = "mark the function with `#[oneiric::task]` and name its `Def`"
)]
pub trait Definition: Sized + 'static {
    /// Where the function is, such as `shop::charge`.
    const PATH: &'static str;
    /// The names of its arguments, in order.
    const ARGUMENTS: &'static [&'static str];
    /// How failed attempts of a node that does not say are tried again.
    const RETRY: Retry = Retry::ONCE;
    /// How long one attempt of a node that does not say may take.
    const TIMEOUT: Option<Duration> = None;
    /// Whether its author says that calling it again with the same arguments does no harm.
    const IDEMPOTENT: bool = false;

    /// The arguments by name, each a [`Bind`](crate::value::Bind).
    type Args: Send + Sync + 'static;
    /// The arguments as a tuple, as the function is given them.
    type Values: Send + 'static;
    /// What it returns when it succeeds.
    type Output: Serialize + DeserializeOwned + Send + 'static;

    /// Shows every argument to `visitor`.
    fn visit(args: &Self::Args, visitor: &mut dyn Visitor);

    /// Reads the arguments.
    ///
    /// # Errors
    /// When one of them cannot be read.
    fn read(args: &Self::Args, scope: &Scope<'_>) -> Result<Self::Values, Error>;

    /// Begins an attempt.
    fn call(values: Self::Values, ctx: Ctx) -> Attempt<Self::Output>;
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

/// A task that can undo a node that returns a `T`: it takes that as its one argument, or takes none.
#[diagnostic::on_unimplemented(
    message = "`{Self}` cannot undo a node that returns `{T}`",
    note = "a task that undoes takes what the node returned as its one argument, or takes none"
)]
pub trait Undoes<T>: TakesInput {}

/// Looks at a node's arguments.
pub trait Visitor {
    /// The argument `name`.
    fn argument(&mut self, name: &'static str, value: &dyn AnyBind);
}
