//! The runtime that programs written by Oneiric call.

extern crate self as oneiric;

#[doc(hidden)]
#[path = "private.rs"]
pub mod __private;
mod app;
pub mod checkpoint;
mod clock;
mod command;
mod control;
mod dag;
pub mod engine;
mod failure;
#[cfg(feature = "macros")]
pub mod flow;
mod http;
mod json;
mod open_files;
mod program;
mod registry;
pub mod run;
mod signals;
mod stand_in;
mod state_dir;
pub mod task;
mod telemetry;
pub mod testing;
pub mod value;
mod workflow;

pub use app::{App, main};
pub use clock::{Timestamp, hours, millis, mins, secs};
pub use dag::{Dag, Node};
pub use engine::Engine;
pub use json::Json;
#[cfg(feature = "macros")]
pub use oneiric_macros::{dag, manifest, task};
pub use task::{Ctx, Retry};
pub use value::{Bind, Input};
