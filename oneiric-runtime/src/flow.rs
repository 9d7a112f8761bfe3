//! Workflows written as a Rust function with `#[oneiric::dag]`: what the macro says of one, and typed starts.
//!
//! The nodes are declared as for any workflow, see [`Dag`].

use std::any::TypeId;
use std::fmt::{self, Write as _};
use std::marker::PhantomData;
use std::sync::Arc;

use serde::de::DeserializeOwned;
use sha2::{Digest, Sha256};

use crate::dag::Dag;
use crate::engine::{Engine, Handle, Start, StartError};
use crate::json::Json;
use crate::registry::{Definition, Known};
use crate::run::{Report, Status};
use crate::value;

/// A workflow that is a function with `#[oneiric::dag]`, which implements this on `<function>::Def`.
#[diagnostic::on_unimplemented(
    message = "`{Self}` is not a workflow",
    note = "mark the function with `#[oneiric::dag]` and name its `Def`"
)]
pub trait Flow: 'static {
    /// What the function returns.
    type Output: DeserializeOwned + 'static;
    /// The function's name.
    const NAME: &'static str;
    #[doc(hidden)]
    const SKETCH: Sketch;

    /// Declares its nodes.
    fn build(dag: &Dag);

    /// The workflow as `oneiric plan --format json` would print it, had it been written in a manifest.
    fn plan() -> Json {
        Self::SKETCH.definition().text
    }
}

/// A definition in which the tasks' own names are still to be filled in: the macro cannot know them, rustc can.
#[derive(Debug)]
pub struct Sketch {
    /// The JSON up to the digest and from there on.
    pub json: [&'static [&'static str]; 2],
    /// What the digest is of: its first line, and one for each node.
    pub form: &'static str,
    /// The nodes, sorted by name.
    pub nodes: &'static [Line],
    /// The node whose output the run's result is, and which part of that.
    pub result: Option<(&'static str, &'static str)>,
}

/// The line of a node in what the digest is of.
#[derive(Debug)]
pub struct Line {
    /// Up to the path of the function it calls.
    pub head: &'static str,
    /// That path.
    pub path: Option<&'static str>,
    /// Its arguments, in the order of the function's.
    pub with: Option<&'static [(&'static str, &'static str)]>,
    /// From there on.
    pub tail: &'static str,
    /// The path of the function that undoes it.
    pub undo: Option<&'static str>,
}

impl Sketch {
    /// As the compiler would have made it: the text of the digest is that of `oneiric-build`'s `plan::digest`.
    fn definition(&self) -> Definition {
        let mut text = self.form.to_owned();
        for Line { head, path, with, tail, undo } in self.nodes {
            let path = path.map(measured).unwrap_or_default();
            let _ = write!(text, "\n{head}{path}");
            if let Some(with) = with {
                let mut with = with.to_vec();
                with.sort_unstable();
                text.push_str(" with {");
                for (name, value) in with {
                    let _ = write!(text, "{}={value},", measured(name));
                }
                text.push('}');
            }
            text.push_str(tail);
            text.push_str(&undo.map(measured).unwrap_or_default());
        }
        let mut digest = String::with_capacity(64);
        for byte in Sha256::digest(text) {
            let _ = write!(digest, "{byte:02x}");
        }
        let [before, after] = self.json.map(<[_]>::concat);
        Definition { text: Json::trusted(before + &digest + &after), digest }
    }
}

/// A text after its length.
fn measured(text: &str) -> String {
    format!("{}:{text}", text.len())
}

impl Known {
    pub(crate) fn of<F: Flow>() -> Self {
        Self { id: TypeId::of::<F>(), define: || F::SKETCH.definition() }
    }
}

/// Starts a run of `F`, under whatever name the program has it.
pub(crate) async fn start<F: Flow>(
    engine: &Engine,
    run_id: Option<String>,
    input: Json,
) -> Result<Started<F::Output>, StartError> {
    let name = engine.registry().name_of(TypeId::of::<F>()).unwrap_or(F::NAME);
    let start = Start { workflow: name.to_owned(), run_id, input, labels: Json::null() };
    let handle = engine.start(start).await?;
    Ok(Started { handle, result: F::SKETCH.result, output: PhantomData })
}

/// A run that was started, whose result will be a `T`.
#[derive(Debug)]
pub struct Started<T> {
    handle: Handle,
    result: Option<(&'static str, &'static str)>,
    output: PhantomData<fn() -> T>,
}

/// Why a run has no result, or none that can be told here.
#[derive(Clone, Debug)]
pub enum NoResult {
    /// It failed or was cancelled; the report says why.
    Ended(Arc<Report>),
    /// Its end was not heard of.
    Unheard(StartError),
    /// What is stored is not of the function's type.
    Unfit(String),
}

impl<T: DeserializeOwned> Started<T> {
    /// The run's id.
    pub fn run_id(&self) -> &str {
        self.handle.run_id()
    }

    /// Whether this call started it, and not an earlier one with the same id.
    pub fn is_new(&self) -> bool {
        self.handle.is_new()
    }

    /// Waits until the run has ended: where each node stands.
    ///
    /// # Errors
    /// When the process stops first, or the store fails.
    pub async fn finished(self) -> Result<Arc<Report>, StartError> {
        self.handle.finished().await
    }

    /// Waits until the run has ended: what its last line says.
    ///
    /// # Errors
    /// When it did not complete, or its end was not heard of.
    pub async fn result(self) -> Result<T, NoResult> {
        let result = self.result;
        let report = self.handle.finished().await.map_err(NoResult::Unheard)?;
        if report.status != Status::Completed {
            return Err(NoResult::Ended(report));
        }
        let null = Json::null();
        let (node, path) = result.unwrap_or_default();
        let output = report.node(node).and_then(|node| node.output.as_ref()).unwrap_or(&null);
        value::part(output, node, path).map_err(|error| NoResult::Unfit(error.to_string()))
    }
}

impl fmt::Display for NoResult {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Ended(report) => {
                let why =
                    report.error.as_deref().or(report.parked.as_deref()).unwrap_or("it did not complete");
                write!(f, "run `{}` of `{}` has no result: {why}", report.run_id, report.workflow)
            }
            Self::Unheard(error) => error.fmt(f),
            Self::Unfit(why) => f.write_str(why),
        }
    }
}

impl std::error::Error for NoResult {}
