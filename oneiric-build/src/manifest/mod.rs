//! The manifest as written: names are strings with spans. Knows no adapters and no Rust.
//!
//! Text becomes a tree (`source`, `yaml`, `scalar`), and the tree a [`Manifest`] (`read`); every fault of form is found on
//! the way. What a well-formed manifest means, and whether it can, is for `rules`.

use std::time::Duration;

pub(crate) mod candidate;
mod cron;
pub mod document;
pub(crate) mod faults;
mod legacy;
pub(crate) mod nearest;
pub(crate) mod read;
mod scalar;
mod setting;
mod source;
mod span;
mod wiring;
mod yaml;

pub use candidate::{Choice, Ranked};
pub use setting::{Setting, SettingKind, SettingText};
#[cfg(feature = "cli")]
pub(crate) use source::MAX_BYTES;
pub use span::{Span, Spanned};
pub use wiring::{
    Action, Adapter, Auth, Checkpoint, Event, Filter, Hmac, Http, Notifications, Oidc, Schedule, Scheduler,
    Secrets, Service, Test,
};

use crate::diagnostic::Diagnostics;
use crate::lint::Levels;
use candidate::{Candidates, Chooser, Selection};

/// The profiles that there are, with what they are for.
pub const PROFILES: [(&str, &str); 2] =
    [("default", "A program that lives long."), (SERVERLESS, "A program that starts for each request.")];

/// The profile that a program is built for where nothing else is said.
pub const DEFAULT_PROFILE: &str = "default";

/// The profile of programs that start for each request.
pub const SERVERLESS: &str = "serverless";

/// What a file says.
///
/// What could not be read has been reported and is missing here, so that the rest can still be judged.
#[derive(Debug, Default)]
pub struct Manifest {
    /// The name of the binary.
    pub name: Spanned<String>,
    /// What the program is for.
    pub description: Option<String>,
    /// The cargo package that holds the Rust functions.
    pub package: Option<Spanned<String>>,
    /// What becomes of warnings.
    pub lints: Levels,
    /// The profile that the program is for, if that is fixed.
    pub profile: Option<&'static str>,
    /// The tasks, in the manifest's order; `None` where they could not be read.
    pub tasks: Option<Vec<Task>>,
    /// Where the workflows stand, or would.
    pub workflows_at: Span,
    /// The workflows, in the manifest's order; `None` where they could not be read.
    pub workflows: Option<Vec<Workflow>>,
    /// The adapters; `None` where they could not be read.
    pub adapters: Option<Vec<Adapter>>,
    /// The actions with settings of their own; `None` where they could not be read.
    pub actions: Option<Vec<Action>>,
    /// The services.
    pub services: Vec<Service>,
    /// The handlers of events.
    pub events: Vec<Event>,
    /// The schedules.
    pub schedules: Vec<Schedule>,
    /// Where secrets come from, if that is said.
    pub secrets: Option<Secrets>,
    /// What takes the enqueued runs of workflows that do not say, if that is said.
    pub scheduler: Option<Scheduler>,
    /// Where runs are kept, if not where they are kept otherwise.
    pub checkpoint: Option<Checkpoint>,
    /// Who may call, if that is said.
    pub http: Option<Http>,
    /// How candidates were chosen for keys that have several.
    pub choices: Vec<Choice>,
    /// Whether there are entries of which it is not known what they are: a name that stands for nothing may be theirs.
    pub is_partial: bool,
}

/// A manifest in which keys may still have several candidates.
#[derive(Debug, Default)]
struct Draft {
    name: Spanned<String>,
    description: Option<String>,
    package: Option<Spanned<String>>,
    lints: Levels,
    profile: Option<&'static str>,
    tasks: Option<Vec<Candidates<Task>>>,
    workflows_at: Span,
    workflows: Option<Vec<Candidates<Workflow>>>,
    adapters: Option<Vec<Candidates<Adapter>>>,
    actions: Option<Vec<Candidates<Action>>>,
    services: Option<Vec<Candidates<Service>>>,
    events: Option<Vec<Candidates<Event>>>,
    schedules: Option<Vec<Candidates<Schedule>>>,
    secrets: Option<Secrets>,
    scheduler: Option<Scheduler>,
    checkpoint: Option<Checkpoint>,
    http: Option<Http>,
    selections: Vec<Selection>,
    is_partial: bool,
}

impl Draft {
    /// The manifest for one profile: the one that is asked for, else its own, else the default one.
    fn decide(self, wanted: Option<&'static str>, faults: &mut Diagnostics) -> Manifest {
        let fixed = wanted.or(self.profile);
        let profile = fixed.unwrap_or(DEFAULT_PROFILE);
        let mut chooser = Chooser { profile, selections: &self.selections, choices: Vec::new() };
        Manifest {
            name: self.name,
            description: self.description,
            package: self.package,
            lints: self.lints,
            profile: fixed,
            tasks: self.tasks.map(|keys| chooser.choose("tasks", keys, Task::named, faults)),
            workflows_at: self.workflows_at,
            workflows: self.workflows.map(|keys| chooser.choose("workflows", keys, Workflow::named, faults)),
            adapters: self.adapters.map(|keys| chooser.choose("adapters", keys, Adapter::named, faults)),
            actions: self.actions.map(|keys| chooser.choose("actions", keys, Action::named, faults)),
            services: chooser.choose("services", self.services.unwrap_or_default(), Service::named, faults),
            events: chooser.choose("events", self.events.unwrap_or_default(), Event::named, faults),
            schedules: chooser.choose(
                "schedules",
                self.schedules.unwrap_or_default(),
                Schedule::named,
                faults,
            ),
            secrets: self.secrets,
            scheduler: self.scheduler,
            checkpoint: self.checkpoint,
            http: self.http,
            choices: chooser.choices,
            is_partial: self.is_partial,
        }
    }
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
    /// The settings of its action, if it has any.
    pub settings: Option<Setting>,
}

/// What a task does.
#[derive(Debug)]
pub enum TaskDoes {
    /// Calls a Rust function: its path.
    Run(Spanned<String>),
    /// Starts a program: its name and arguments.
    Exec(Vec<Spanned<String>>),
    /// Runs an action: its name, or the kind of a built-in one.
    Action(Spanned<String>),
}

/// A graph of nodes.
#[derive(Debug)]
pub struct Workflow {
    /// Its key.
    pub name: Spanned<String>,
    /// What it is for.
    pub description: Option<String>,
    /// How long a run may take.
    pub timeout: Option<Spanned<Duration>>,
    /// How many nodes may run at once.
    pub max_parallel: Option<u32>,
    /// The nodes, in the manifest's order; `None` where they could not be read.
    pub nodes: Option<Vec<Node>>,
    /// The queue that takes its runs.
    pub scheduler: Option<Scheduler>,
    /// Who is told about its runs.
    pub notifications: Option<Notifications>,
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
    /// What has to hold for it to run.
    pub when: Vec<Condition>,
    /// The list that it has an instance for each element of.
    pub for_each: Option<Spanned<Reference>>,
    /// How many of its instances may be at work at once.
    pub max_parallel: Option<u32>,
    /// The task that undoes it when a later node fails.
    pub compensate: Option<Spanned<String>>,
}

/// Something that has to hold of a value for a node to run.
#[derive(Debug)]
pub struct Condition {
    /// The value.
    pub reference: Reference,
    /// All of these have to hold.
    pub tests: Vec<Spanned<Test>>,
}

/// What a node does.
#[derive(Debug)]
pub enum NodeDoes {
    /// The task of this name.
    Task(Spanned<String>),
    /// The action of this name.
    Action(Spanned<String>),
    /// A run of the workflow of this name.
    Workflow(Spanned<String>),
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
    /// The element that an instance of a node with `for_each` is for.
    Item,
    /// The secret of this name.
    Secret(String),
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

impl Task {
    /// A task of which only the name is known.
    pub fn named(name: Spanned<String>) -> Self {
        Self { name, does: None, retry: None, timeout: None, settings: None }
    }
}

impl Workflow {
    /// A workflow of which only the name is known.
    pub fn named(name: Spanned<String>) -> Self {
        Self {
            name,
            description: None,
            timeout: None,
            max_parallel: None,
            nodes: None,
            scheduler: None,
            notifications: None,
        }
    }
}

impl Node {
    /// A node of which only the name is known.
    pub fn named(name: Spanned<String>) -> Self {
        Self {
            name,
            does: None,
            with: None,
            depends_on: Vec::new(),
            retry: None,
            timeout: None,
            on_failure: OnFailure::default(),
            when: Vec::new(),
            for_each: None,
            max_parallel: None,
            compensate: None,
        }
    }

    /// Everything it refers to, in its arguments and elsewhere.
    pub fn references(&self) -> impl Iterator<Item = &Reference> {
        let elsewhere = self
            .when
            .iter()
            .map(|condition| &condition.reference)
            .chain(self.for_each.iter().map(|list| &list.value));
        self.with.iter().flat_map(With::references).chain(elsewhere)
    }
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
    /// Every reference in this value.
    pub(crate) fn all(&self) -> Vec<&Reference> {
        let mut found = Vec::new();
        self.references(&mut found);
        found
    }

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

/// The profile of this name, if there is one.
pub fn profile(name: &str) -> Option<&'static str> {
    PROFILES.iter().map(|(known, _)| *known).find(|known| *known == name)
}

/// The manifest in `bytes`, as far as it could be read, and what is wrong with its form. The candidates in it are those for
/// `profile`, or where that is `None` for the manifest's own.
pub fn parse(bytes: &[u8], profile: Option<&'static str>) -> (Option<Manifest>, Diagnostics) {
    let mut faults = Diagnostics::default();
    let manifest = match source::decode(bytes) {
        Ok(text) => yaml::parse(text, &mut faults)
            .and_then(|tree| {
                let read = if legacy::is_original(&tree) { legacy::read } else { read::manifest };
                read(&tree, &mut faults)
            })
            .map(|draft| draft.decide(profile, &mut faults)),
        Err(fault) => {
            faults.push(*fault);
            None
        }
    };
    (manifest, faults)
}
