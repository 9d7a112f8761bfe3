//! Durable workflows in one binary: the runtime that programs written by Oneiric call, and that a Rust service can use
//! by itself.
//!
//! A task is a function. A workflow declares nodes that call tasks; an edge is a variable, and its type is checked. An
//! engine runs workflows and keeps every step that ends on disk before the next one begins, so that a run goes on where
//! it was after a crash and no finished step is made again.
//!
//! ```
//! use oneiric::engine::Start;
//! use oneiric::{App, Dag, Engine, Json, Retry, checkpoint::Memory};
//!
//! #[oneiric::task]
//! async fn fetch(id: u64) -> String {
//!     format!("order {id}")
//! }
//!
//! #[oneiric::task]
//! async fn charge(order: String) -> Result<u64, std::num::ParseIntError> {
//!     Ok(100 * order.trim_start_matches("order ").parse::<u64>()?)
//! }
//!
//! fn fulfil(dag: &Dag) {
//!     let input = dag.input();
//!     let order = dag.task("order", fetch::Def).with(fetch::Args { id: input.get("id") });
//!     dag.task("payment", charge::Def).with(charge::Args { order: order.output() }).retry(Retry::attempts(3));
//! }
//!
//! # #[tokio::main(flavor = "current_thread")]
//! # async fn main() -> Result<(), Box<dyn std::error::Error>> {
//! let mut app = App::default();
//! app.workflow("fulfil", fulfil);
//! // `checkpoint::Sqlite::open("state".as_ref())` is a store that lasts.
//! let engine = Engine::new(app, std::sync::Arc::new(Memory::new()));
//! let run = engine
//!     .start(Start {
//!         workflow: "fulfil".to_owned(),
//!         run_id: Some("order-7".to_owned()),
//!         input: Json::of(&serde_json::json!({ "id": 7 }))?,
//!         labels: Json::null(),
//!     })
//!     .await?;
//! let report = run.finished().await?;
//! assert_eq!(report.nodes[1].output, Some(Json::of(&700)?));
//! # Ok(())
//! # }
//! ```
//!
//! Where to go from here:
//!
//! - [`task`](macro@task) makes a function nameable, [`dag`](macro@dag) makes a workflow of a function, and
//!   [`manifest!`](macro@manifest) takes all workflows of a manifest in.
//! - [`Dag`] and [`value`] declare nodes and what they are given.
//! - [`engine`] starts, resumes, cancels and looks at runs; [`checkpoint`] keeps them.
//! - [`adapters`] connect a program to what is outside of it; [`Ctx`] gives a task its adapters and secrets.
//! - [`testing`] runs workflows in tests, with other tasks and with time that jumps.
//! - [`main`] is the whole program around an [`App`]: its command line, HTTP and shutdown.

extern crate self as oneiric;

#[doc(hidden)]
#[path = "private.rs"]
pub mod __private;
pub mod adapters;
mod app;
#[cfg(feature = "aws")]
pub mod aws;
pub mod checkpoint;
#[cfg(feature = "client")]
pub mod client;
mod clock;
mod command;
mod control;
mod dag;
mod delivery;
#[cfg(any(feature = "aws", feature = "google", feature = "secrets-file"))]
mod disk;
pub mod engine;
mod failure;
#[cfg(feature = "macros")]
pub mod flow;
#[cfg(feature = "google")]
pub mod google;
mod health;
mod http;
mod json;
mod notifications;
mod open_files;
mod orphans;
mod profile;
mod program;
mod registry;
#[cfg(any(feature = "aws", feature = "google"))]
mod renewed;
pub mod run;
mod secret;
mod secrets;
pub mod settings;
mod signals;
mod stand_in;
mod state_dir;
pub mod task;
mod telemetry;
pub mod testing;
#[cfg(feature = "tls")]
mod tls;
pub mod value;
mod workflow;

pub use app::{App, main};
pub use clock::{Timestamp, hours, millis, mins, secs};
pub use dag::{Dag, Node};
pub use engine::Engine;
pub use json::Json;
#[cfg(feature = "macros")]
#[doc = include_str!("macros/dag.md")]
pub use oneiric_macros::dag;
#[cfg(feature = "macros")]
#[doc = include_str!("macros/manifest.md")]
pub use oneiric_macros::manifest;
#[cfg(feature = "macros")]
#[doc = include_str!("macros/task.md")]
pub use oneiric_macros::task;
pub use secret::Secret;
pub use task::{Ctx, Retry};
pub use value::{Bind, Input};
