//! What a manifest says beside its tasks and workflows: adapters, services, events, schedules and the like, as written.
//!
//! How it is read is for `read`; whether what it names is there is for `rules`.

use std::time::Duration;

use super::{Retry, Setting, Span, Spanned};

/// A connection to something outside of the program.
#[derive(Debug)]
pub struct Adapter {
    /// Its key.
    pub name: Spanned<String>,
    /// The kind of adapter, such as `queue.cloudtasks`.
    pub provider: Option<Spanned<String>>,
    /// Its settings, if it has any.
    pub settings: Option<Setting>,
}

/// A built-in action that the manifest gives settings of its own.
#[derive(Debug)]
pub struct Action {
    /// Its key.
    pub name: Spanned<String>,
    /// The kind of action, such as `http.fetch`.
    pub kind: Option<Spanned<String>>,
    /// Its settings, if it has any.
    pub settings: Option<Setting>,
}

/// Something that runs as long as the program does.
#[derive(Debug)]
pub struct Service {
    /// Its key.
    pub name: Spanned<String>,
    /// The path of the Rust function.
    pub run: Option<Spanned<String>>,
}

/// A handler of events.
#[derive(Debug)]
pub struct Event {
    /// Its key.
    pub name: Spanned<String>,
    /// The topics it takes; `*` is every topic. `None` where they could not be read.
    pub topics: Option<Vec<Spanned<String>>>,
    /// What has to hold of an event, all of it.
    pub filters: Vec<Filter>,
    /// The workflow that an event runs.
    pub workflow: Option<Spanned<String>>,
    /// Handlers of higher priority come first.
    pub priority: i64,
    /// Whether it takes the event from the other handlers: where that is said.
    pub exclusive: Option<Span>,
    /// How failures are tried again.
    pub retry: Option<Retry>,
}

/// What has to hold of one value of an event.
#[derive(Debug)]
pub struct Filter {
    /// Where the value is, such as `payload.tenant`.
    pub path: Spanned<String>,
    /// All of these have to hold.
    pub tests: Vec<Spanned<Test>>,
}

/// What has to hold of a value.
#[derive(Clone, Debug, PartialEq)]
pub enum Test {
    /// It is one of these.
    AnyOf(Vec<serde_json::Value>),
    /// It is there, or is not.
    Exists(bool),
}

/// A time at which a workflow runs, again and again.
#[derive(Debug)]
pub struct Schedule {
    /// Its key.
    pub name: Spanned<String>,
    /// The workflow.
    pub workflow: Option<Spanned<String>>,
}

/// Where secrets come from.
#[derive(Debug)]
pub struct Secrets {
    /// Adapters, the first to ask first; `None` where the profile decides.
    pub sources: Option<Vec<Spanned<String>>>,
    /// How long a secret is kept before it is asked for again; the runtime's default where it is not said.
    pub cache_ttl: Option<Duration>,
    /// What a secret is where no source has it: name and text.
    pub values: Vec<(Spanned<String>, Spanned<String>)>,
}

/// Where runs are kept.
#[derive(Debug)]
pub struct Checkpoint {
    /// The adapter.
    pub adapter: Spanned<String>,
}

/// Who may call the program.
#[derive(Debug)]
pub struct Http {
    /// Where the manifest says that anyone may.
    pub open: Option<Span>,
}

/// The queue that takes the enqueued runs of a workflow, or of all that name none.
#[derive(Debug)]
pub struct Scheduler {
    /// The adapter.
    pub queue: Option<Spanned<String>>,
}

/// Who is told about the runs of a workflow.
#[derive(Debug)]
pub struct Notifications {
    /// The adapter that tells.
    pub adapter: Option<Spanned<String>>,
    /// Where it tells them, instead of where the adapter would.
    pub channel: Option<String>,
    /// Whom it tells.
    pub target: Option<String>,
    /// The title of what it tells them, with its fields.
    pub title: Option<String>,
    /// Whether the run's input is part of it.
    pub include_context: Option<bool>,
    /// When they are told: `started`, `completed`, `failed`, `cancelled`, `parked`. `None` where the runtime's default holds.
    pub on: Option<Vec<&'static str>>,
}

impl Adapter {
    /// An adapter of which only the name is known.
    pub fn named(name: Spanned<String>) -> Self {
        Self { name, provider: None, settings: None }
    }
}

impl Action {
    /// An action of which only the name is known.
    pub fn named(name: Spanned<String>) -> Self {
        Self { name, kind: None, settings: None }
    }
}

impl Service {
    /// A service of which only the name is known.
    pub fn named(name: Spanned<String>) -> Self {
        Self { name, run: None }
    }
}

impl Event {
    /// A handler of which only the name is known.
    pub fn named(name: Spanned<String>) -> Self {
        Self {
            name,
            topics: None,
            filters: Vec::new(),
            workflow: None,
            priority: 0,
            exclusive: None,
            retry: None,
        }
    }
}

impl Schedule {
    /// A schedule of which only the name is known.
    pub fn named(name: Spanned<String>) -> Self {
        Self { name, workflow: None }
    }
}
