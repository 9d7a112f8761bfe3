//! The resolved manifest: names are indices, nothing is missing, nothing is looked up again.
//!
//! A `Plan` is all that `codegen` and `project` see. Spans stay in it so that what rustc says about generated code can
//! be shown at the manifest's line.

use std::time::Duration;

use crate::manifest::{Span, Spanned};

/// A program to be built.
#[derive(Clone, Debug)]
pub struct Plan {
    /// The name of the binary.
    pub name: String,
    /// What the program is for.
    pub description: Option<String>,
    /// The cargo package that holds the Rust functions, when a task names one.
    pub package: Option<Spanned<String>>,
    /// The workflows, in the manifest's order.
    pub workflows: Vec<Workflow>,
}

/// A workflow whose graph is known to be sound.
#[derive(Clone, Debug)]
pub struct Workflow {
    /// Its key in the manifest.
    pub name: Spanned<String>,
    /// What it is for.
    pub description: Option<String>,
    /// How many nodes may run at once; the runtime's default where it is not said.
    pub max_parallel: Option<u32>,
    /// How long a run may take.
    pub timeout: Option<Duration>,
    /// The nodes in topological order, stable by the manifest's order.
    pub nodes: Vec<Node>,
    /// SHA-256, in hexadecimal, of what decides a run's results: nodes, what they do, their arguments and edges. What
    /// only tunes a run (retry, timeouts, `max_parallel`, descriptions) is not part of it.
    pub digest: String,
}

/// Index of a node in its workflow's `nodes`.
#[derive(Clone, Copy, Debug, Eq, Hash, Ord, PartialEq, PartialOrd)]
pub struct NodeId(pub u32);

/// One step of a workflow.
#[derive(Clone, Debug)]
pub struct Node {
    /// Its key in the manifest.
    pub name: Spanned<String>,
    /// What it does.
    pub does: Does,
    /// Its arguments by name; `None` where the run's input is the one argument.
    pub with: Option<With>,
    /// All the nodes it waits for, ascending, each once: those its arguments name and those of `depends_on`.
    pub needs: Vec<NodeId>,
    /// Those of `depends_on` whose output no argument uses.
    pub after: Vec<NodeId>,
    /// How failures are tried again: the node's own, else its task's.
    pub retry: Option<Retry>,
    /// How long one attempt may take: the node's own, else its task's.
    pub timeout: Option<Duration>,
    /// What a failure means for the rest.
    pub on_failure: OnFailure,
}

/// What a node does.
#[derive(Clone, Debug)]
pub enum Does {
    /// Calls a Rust function of the manifest's package.
    Run {
        /// The task's key in the manifest.
        task: String,
        /// The function's path as written, such as `shop::charge`.
        path: Spanned<String>,
        /// Where the node names the task.
        span: Span,
    },
    /// Starts a program with JSON on its standard input and output.
    Exec {
        /// The task's key in the manifest.
        task: String,
        /// The program and its arguments.
        argv: Vec<String>,
    },
    /// Waits; the timer survives a restart.
    Wait(Duration),
}

/// What a failed node means for the rest of its run.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub enum OnFailure {
    /// Its descendants are skipped and the run fails.
    #[default]
    Fail,
    /// Its dependants run without its output, and the run can still complete.
    Continue,
}

/// How a failed attempt is tried again. The wait before attempt n + 1 is `base_delay * 2^(n-1)`, at most `max_delay`,
/// less a random part of it up to `jitter`.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Retry {
    /// Attempts in all, at least 1.
    pub attempts: u32,
    /// The wait after the first failure; the runtime's default where it is not said.
    pub base_delay: Option<Duration>,
    /// The longest wait; the runtime's default where it is not said.
    pub max_delay: Option<Duration>,
    /// How much of a wait is random, from 0 to 1; the runtime's default where it is not said.
    pub jitter: Option<f64>,
}

/// The arguments of a node.
#[derive(Clone, Debug)]
pub struct With {
    /// The value of `with` in the manifest.
    pub span: Span,
    /// Name and value, in the manifest's order.
    pub arguments: Vec<(Spanned<String>, Spanned<Expr>)>,
}

/// A value that is known when the node starts.
#[derive(Clone, Debug, PartialEq)]
pub enum Expr {
    /// A value with no reference in it.
    Literal(serde_json::Value),
    /// The whole of one reference: `"${order.items[0]}"`.
    Reference(Reference),
    /// Text with references in it: `"order ${input.id}"`.
    Template(Vec<Part>),
    /// A list in which something refers.
    Array(Vec<Expr>),
    /// A mapping in which something refers, in the manifest's order.
    Object(Vec<(String, Expr)>),
}

/// A piece of a template.
#[derive(Clone, Debug, PartialEq)]
pub enum Part {
    /// Text as it is.
    Text(String),
    /// A value; text stands as it is, anything else as JSON.
    Reference(Reference),
}

/// What a `${…}` names.
#[derive(Clone, Debug, PartialEq)]
pub enum Reference {
    /// The run's input, or something in it.
    Input(Vec<Step>),
    /// A node's output, or something in it.
    Output(NodeId, Vec<Step>),
    /// A fact about the run: `${run.id}`.
    RunId,
}

/// One step into a value.
#[derive(Clone, Debug, Eq, PartialEq)]
pub enum Step {
    /// `.name` or `["name"]`
    Field(String),
    /// `[0]`
    Index(usize),
}
