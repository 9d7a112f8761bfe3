//! The resolved manifest: names are indices, nothing is missing, nothing is looked up again.
//!
//! A `Plan` is all that `codegen` and `project` see. Spans stay in it so that what rustc says about generated code can
//! be shown at the manifest's line.

use std::collections::BTreeSet;
use std::time::Duration;

pub mod digest;
mod dot;
pub mod json;
pub(crate) mod longest;
mod mermaid;
mod order;
mod resolve;
mod text;
mod wiring;

pub use dot::dot;
pub use mermaid::mermaid;
pub(crate) use resolve::resolve;
#[cfg(feature = "cli")]
pub(crate) use text::counted;
pub(crate) use text::duration;
pub use text::text;

use crate::catalog;
use crate::json::Json;
pub use crate::manifest::{Auth, Choice, Hmac, Oidc, OnFailure, Ranked, Retry, Step, Test};
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
    /// The profile that the program is for, if that is fixed.
    pub profile: Option<&'static str>,
    /// The adapters, in the manifest's order.
    pub adapters: Vec<Adapter>,
    /// Where secrets come from, where it is not from the environment alone.
    pub secrets: Option<Secrets>,
    /// What takes the enqueued runs of workflows that name nothing.
    pub scheduler: Option<Scheduler>,
    /// Which of the adapters keeps runs; `None` where they are kept in a file beside the program.
    pub checkpoint: Option<usize>,
    /// Who may call over HTTP, and more about it; where the manifest does not say, nobody may.
    pub http: Option<Http>,
    /// The workflows, in the manifest's order.
    pub workflows: Vec<Workflow>,
    /// How candidates were chosen for keys that have several; nothing else of the others is left.
    pub choices: Vec<Choice>,
}

impl Plan {
    /// The adapter that keeps runs, if they are not kept in a file beside the program.
    pub fn checkpoint(&self) -> Option<&Adapter> {
        self.checkpoint.map(|place| &self.adapters[place])
    }

    /// The runtime's cargo features that the program needs, sorted.
    pub fn features(&self) -> Vec<&str> {
        let store = self.checkpoint.is_none().then_some("sqlite");
        let adapters = self.adapters.iter().filter_map(|adapter| adapter.feature.as_deref());
        let callers = self.http.as_ref().and_then(Http::feature);
        store.into_iter().chain(adapters).chain(callers).collect::<BTreeSet<_>>().into_iter().collect()
    }
}

/// A connection to something outside of the program.
#[derive(Clone, Debug)]
pub struct Adapter {
    /// Its key in the manifest.
    pub name: Spanned<String>,
    /// The kind of adapter, such as `queue.cloudtasks`.
    pub provider: String,
    /// Its type below `oneiric`, such as `adapters::queue::CloudTasks`.
    pub path: String,
    /// The runtime's cargo feature that brings it; none for one that is always there.
    pub feature: Option<String>,
    /// Its settings, in the manifest's order; a secret in them stays `${secret:NAME}`.
    pub settings: Json,
}

impl Adapter {
    /// What it is for, such as `queue`.
    pub fn domain(&self) -> &str {
        catalog::domain(&self.provider)
    }
}

/// Where secrets come from. After the sources the environment is asked, and then `values`.
#[derive(Clone, Debug)]
pub struct Secrets {
    /// The adapters that are asked, the first one first.
    pub sources: Vec<String>,
    /// How long a secret is kept; the runtime's default where it is not said.
    pub cache_ttl: Option<Duration>,
    /// What a secret is where no source has it.
    pub values: Vec<(String, String)>,
    /// The secrets that workflows name, so that they can be fetched before they are needed.
    pub named: Vec<String>,
}

/// The program's HTTP.
#[derive(Clone, Debug)]
pub struct Http {
    /// How callers show who they are.
    pub auth: Auth,
    /// Where the program says that it is alive; the runtime's default where it is not said.
    pub health_path: Option<String>,
}

impl Http {
    /// The runtime's cargo feature that judges callers, if one is needed for it.
    fn feature(&self) -> Option<&'static str> {
        match self.auth {
            Auth::None => None,
            Auth::Oidc(_) => Some("callers-oidc"),
            Auth::SharedSecret(_) | Auth::Hmac(_) => Some("callers-hmac"),
        }
    }
}

/// What takes the enqueued runs of a workflow, or of all that name nothing.
#[derive(Clone, Debug)]
pub struct Scheduler {
    /// The adapter.
    pub queue: String,
}

/// Who is told about the runs of a workflow.
#[derive(Clone, Debug)]
pub struct Notifications {
    /// The adapter that tells them.
    pub adapter: String,
    /// Where it tells them, instead of where the adapter would.
    pub channel: Option<String>,
    /// Whom it tells.
    pub target: Option<String>,
    /// The title of what it tells them.
    pub title: Option<String>,
    /// Whether the run's input is part of it.
    pub include_context: Option<bool>,
    /// When they are told; the runtime's default where it is not said.
    pub on: Option<Vec<&'static str>>,
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
    /// What takes its runs that are enqueued.
    pub scheduler: Option<Scheduler>,
    /// Who is told about its runs.
    pub notifications: Option<Notifications>,
    /// The nodes in topological order, stable by the manifest's order.
    pub nodes: Vec<Node>,
    /// SHA-256, in hexadecimal, of what decides a run's results: nodes, what they do, their arguments and edges. What
    /// only tunes a run (retry, timeouts, `max_parallel`, descriptions), and who is told of it, is not part of it.
    pub digest: String,
}

impl Workflow {
    /// The nodes that wait for nothing.
    pub fn entry_nodes(&self) -> impl Iterator<Item = &Node> {
        self.nodes.iter().filter(|node| node.needs.is_empty())
    }

    /// How many times one node waits for another.
    pub fn edge_count(&self) -> usize {
        self.nodes.iter().map(|node| node.needs.len()).sum()
    }

    /// The nodes in levels: each one stands one level after the last of those it waits for.
    pub fn levels(&self) -> Vec<Vec<NodeId>> {
        order::levels(&self.nodes)
    }

    /// The node of this index.
    pub fn node(&self, id: NodeId) -> &Node {
        &self.nodes[id.0 as usize]
    }
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
    /// What has to hold for it to run, all of it.
    pub when: Vec<Condition>,
    /// The list that it has an instance for each element of.
    pub each: Option<Each>,
    /// What undoes it when the run fails after it has completed.
    pub undo: Option<Undo>,
}

impl Node {
    /// Whether dependants may have to do without its output.
    pub fn may_lack_output(&self) -> bool {
        self.on_failure == OnFailure::Continue || !self.when.is_empty()
    }
}

/// Something that has to hold of a value for a node to run.
#[derive(Clone, Debug)]
pub struct Condition {
    /// The value.
    pub value: Spanned<Reference>,
    /// All of these have to hold.
    pub tests: Vec<Test>,
}

/// The list of a node that has an instance for each element.
#[derive(Clone, Debug)]
pub struct Each {
    /// The list.
    pub list: Spanned<Reference>,
    /// How many instances may be at work at once.
    pub max_parallel: Option<u32>,
}

/// What undoes a node.
#[derive(Clone, Debug)]
pub struct Undo {
    /// What it does; not a wait.
    pub does: Does,
    /// How its failures are tried again.
    pub retry: Option<Retry>,
    /// How long one attempt may take.
    pub timeout: Option<Duration>,
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
    /// The element that an instance is for, or something in it.
    Item(Vec<Step>),
    /// A fact about the run: `${run.id}`.
    RunId,
    /// The secret of this name: `${secret:NAME}`.
    Secret(String),
}
