//! What a node does when its turn comes: a Rust function, or a program.

mod context;
mod definition;
mod error;
pub(crate) mod exec;
mod retry;

pub use context::Ctx;
pub(crate) use context::{NODE, RUN, RunNames};
pub use definition::{Attempt, Definition, TakesInput, Undoes, Visitor};
pub use error::{Error, Kind};
pub use retry::Retry;
