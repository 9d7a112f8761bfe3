//! The manifest as written: names are strings with spans. Knows no adapters and no Rust.
//!
//! Text becomes a tree (`source`, `yaml`, `scalar`), and the tree a [`Manifest`] (`read`); every fault of form is found on
//! the way. What a well-formed manifest means, and whether it can, is for `rules`.

use std::time::Duration;

pub mod document;
pub(crate) mod faults;
pub(crate) mod nearest;
pub(crate) mod read;
mod scalar;
mod source;
mod span;
mod yaml;

#[cfg(feature = "cli")]
pub(crate) use source::MAX_BYTES;
pub use span::{Span, Spanned};

use crate::diagnostic::Diagnostics;

/// What a file says.
///
/// What could not be read has been reported and is missing here, so that the rest can still be judged.
#[derive(Debug)]
pub struct Manifest {
    /// The name of the binary.
    pub name: Spanned<String>,
    /// What the program is for.
    pub description: Option<String>,
    /// The cargo package that holds the Rust functions.
    pub package: Option<Spanned<String>>,
    /// The tasks, in the manifest's order.
    pub tasks: Vec<Task>,
    /// Where the workflows stand, or would.
    pub workflows_at: Span,
    /// The workflows, in the manifest's order; `None` where they could not be read.
    pub workflows: Option<Vec<Workflow>>,
}

/// A piece of work that nodes name.
#[derive(Debug)]
pub struct Task {
    /// Its key.
    pub name: Spanned<String>,
    /// What it does.
    pub does: Option<TaskDoes>,
    /// How its failures are tried again.
    pub retry: Option<Retry>,
    /// How long one attempt may take.
    pub timeout: Option<Duration>,
}

/// What a task does.
#[derive(Debug)]
pub enum TaskDoes {
    /// Calls a Rust function: its path.
    Run(Spanned<String>),
    /// Starts a program: its name and arguments.
    Exec(Vec<String>),
}

/// A graph of nodes.
#[derive(Debug)]
pub struct Workflow {
    /// Its key.
    pub name: Spanned<String>,
    /// What it is for.
    pub description: Option<String>,
    /// How long a run may take.
    pub timeout: Option<Duration>,
    /// How many nodes may run at once.
    pub max_parallel: Option<u32>,
    /// The nodes, in the manifest's order; `None` where they could not be read.
    pub nodes: Option<Vec<Node>>,
}

/// A step of a workflow.
#[derive(Debug)]
pub struct Node {
    /// Its key.
    pub name: Spanned<String>,
    /// What it does.
    pub does: Option<NodeDoes>,
    /// Its arguments.
    pub with: Option<With>,
    /// The nodes it waits for without taking their output.
    pub depends_on: Vec<Spanned<String>>,
    /// How its failures are tried again, instead of as its task says.
    pub retry: Option<Spanned<Retry>>,
    /// How long one attempt may take, instead of as its task says.
    pub timeout: Option<Spanned<Duration>>,
    /// What its failure means for the rest.
    pub on_failure: OnFailure,
}

/// What a node does.
#[derive(Debug)]
pub enum NodeDoes {
    /// The task of this name.
    Task(Spanned<String>),
    /// It waits.
    Wait(Spanned<Duration>),
}

/// The arguments of a node.
#[derive(Debug)]
pub struct With {
    /// The key `with`.
    pub key: Span,
    /// Its value.
    pub span: Span,
    /// Name and value, in the manifest's order.
    pub arguments: Vec<(Spanned<String>, Spanned<Expr>)>,
}

/// A value that is known when the node starts.
#[derive(Clone, Debug)]
pub enum Expr {
    /// A value with no reference in it.
    Literal(serde_json::Value),
    /// The whole of one reference.
    Reference(Reference),
    /// Text with references in it.
    Template(Vec<Part>),
    /// A list in which something refers.
    Array(Vec<Expr>),
    /// A mapping in which something refers, in the manifest's order.
    Object(Vec<(String, Expr)>),
}

/// A piece of a template.
#[derive(Clone, Debug)]
pub enum Part {
    /// Text as it is.
    Text(String),
    /// A value.
    Reference(Reference),
}

/// A `${…}`.
#[derive(Clone, Debug)]
pub struct Reference {
    /// All of it, from the dollar sign to the closing brace, or the scalar it stands in.
    pub span: Span,
    /// What it begins at.
    pub root: Root,
    /// The way from there.
    pub path: Vec<Step>,
}

/// What a reference begins at.
#[derive(Clone, Debug, Eq, PartialEq)]
pub enum Root {
    /// The run's input.
    Input,
    /// The run's id.
    RunId,
    /// The output of the node of this name.
    Node(String),
}

/// One step into a value.
#[derive(Clone, Debug, Eq, PartialEq)]
pub enum Step {
    /// `.name` or `["name"]`
    Field(String),
    /// `[0]`
    Index(usize),
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

impl With {
    /// Every reference in the arguments.
    pub fn references(&self) -> impl Iterator<Item = &Reference> {
        let mut found = Vec::new();
        for (_, value) in &self.arguments {
            value.references(&mut found);
        }
        found.into_iter()
    }
}

impl Expr {
    /// Adds every reference in this value. As deep as the value, which `yaml` bounds.
    fn references<'e>(&'e self, found: &mut Vec<&'e Reference>) {
        match self {
            Self::Literal(_) => {}
            Self::Reference(reference) => found.push(reference),
            Self::Template(parts) => found.extend(parts.iter().filter_map(|part| match part {
                Part::Text(_) => None,
                Part::Reference(reference) => Some(reference),
            })),
            Self::Array(items) => items.iter().for_each(|item| item.references(found)),
            Self::Object(entries) => entries.iter().for_each(|(_, value)| value.references(found)),
        }
    }
}

/// The duration that a text such as `1h30m` says, or why it says none.
pub fn duration(text: &str) -> Result<Duration, String> {
    read::duration::parse(text)
}

/// The manifest in `bytes`, as far as it could be read, and what is wrong with its form.
pub fn parse(bytes: &[u8]) -> (Option<Manifest>, Diagnostics) {
    let mut faults = Diagnostics::default();
    let manifest = match source::decode(bytes) {
        Ok(text) => yaml::parse(text, &mut faults).and_then(|tree| read::manifest(&tree, &mut faults)),
        Err(fault) => {
            faults.push(*fault);
            None
        }
    };
    (manifest, faults)
}
