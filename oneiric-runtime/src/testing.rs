//! Tests of workflows: a store in memory, time that the test drives, and tasks that are something else.
//!
//! Every wait of a run, between attempts or in a `wait` node, is a timer of tokio's. A test that begins with
//! `#[tokio::test(start_paused = true)]` (tokio's feature `test-util`) has time that jumps to the next timer as soon as
//! nothing else is left to do, so a workflow that waits for an hour is tested in a millisecond.
//!
//! ```
//! use oneiric::task::Error;
//! use oneiric::testing::Trial;
//! use oneiric::{App, Dag, hours};
//!
//! #[oneiric::task(retry(attempts = 3, base_delay = "1h"))]
//! async fn charge(amount: u64) -> Result<String, Error> {
//!     Err(Error::transient(format!("no bank takes {amount} in a test")))
//! }
//!
//! fn pay(dag: &Dag) {
//!     let pause = dag.wait("pause", hours(24));
//!     let input = dag.input();
//!     dag.task("charge", charge::Def).with(charge::Args { amount: input.get("amount") }).after([pause.id()]);
//! }
//!
//! # #[tokio::main(flavor = "current_thread", start_paused = true)]
//! # async fn main() {
//! let mut app = App::default();
//! app.workflow("pay", pay);
//! let report = Trial::of(app)
//!     .replace(charge::Def, |ctx, (amount,)| match ctx.attempt() {
//!         1 => Err(Error::transient("the bank is closed")),
//!         _ => Ok(format!("paid {amount}")),
//!     })
//!     .run("pay", &serde_json::json!({ "amount": 5 }))
//!     .await;
//! assert_eq!(report.output::<String>("charge").as_deref(), Some("paid 5"));
//! assert_eq!(report.node("charge").map(|node| node.attempts), Some(2));
//! # }
//! ```

use std::sync::Arc;

use serde::Serialize;

use crate::app::App;
use crate::checkpoint::Memory;
use crate::engine::{Engine, Start};
use crate::json::Json;
use crate::run::Report;
use crate::task::{Ctx, Definition, Error};

/// A program under test.
#[derive(Debug)]
pub struct Trial(App);

impl Trial {
    /// The program of these workflows.
    pub fn of(app: App) -> Self {
        Self(app)
    }

    /// Calls `stand_in` instead of a task's function, in every node that names the task. It is given the arguments as a
    /// tuple.
    #[must_use]
    pub fn replace<D: Definition>(
        mut self,
        _task: D,
        stand_in: impl Fn(Ctx, D::Values) -> Result<D::Output, Error> + Send + Sync + 'static,
    ) -> Self {
        self.0.stand_ins.add::<D>(Arc::new(stand_in));
        self
    }

    /// An engine that keeps its runs in memory, for whatever a test does with one.
    pub fn engine(self) -> Engine {
        Engine::new(self.0, Arc::new(Memory::new()))
    }

    /// Runs a workflow to its end.
    ///
    /// # Panics
    /// When there is no such workflow, or the input cannot be JSON: the test is wrong.
    pub async fn run(self, workflow: &str, input: &impl Serialize) -> Arc<Report> {
        let input = Json::of(input).unwrap_or_else(|error| panic!("the input cannot be JSON: {error}"));
        let start = Start { workflow: workflow.to_owned(), run_id: None, input, labels: Json::null() };
        let handle = self.engine().start(start).await.unwrap_or_else(|error| panic!("{error}"));
        handle.finished().await.unwrap_or_else(|error| panic!("{error}"))
    }
}
