//! What `factory` names: something built in, a Rust function, or a program; and Python, which is refused.

use super::super::read::fields::{shortened, text};
use super::super::read::task;
use super::super::yaml::{Kind, Node};
use super::super::{Spanned, TaskDoes, faults};
use crate::diagnostic::{Diagnostic, Diagnostics};

/// What makes an entry.
pub(super) enum Factory {
    /// Something of the original's own that is built in here too; for an adapter its domain.
    BuiltIn(String),
    /// A Rust function.
    Rust(Spanned<String>),
    /// A program.
    Exec(Vec<Spanned<String>>),
    /// It has been refused, or says nothing that matters.
    None,
}

impl Factory {
    pub(super) fn into_task(self) -> Option<TaskDoes> {
        match self {
            Self::Rust(path) => Some(TaskDoes::Run(path)),
            Self::Exec(argv) => Some(TaskDoes::Exec(argv)),
            Self::BuiltIn(_) | Self::None => None,
        }
    }
}

pub(super) fn read(node: &Node<'_>, domain: &str, faults: &mut Diagnostics) -> Factory {
    if domain == "task" && matches!(node.kind, Kind::List(_)) {
        return task::argv(node, faults).map_or(Factory::None, Factory::Exec);
    }
    let Some(path) = text(node, faults) else { return Factory::None };
    // A workflow is its nodes; the original asked for a factory and never called it.
    if domain == "workflow" {
        return Factory::None;
    }
    if path.contains("::") {
        return match domain {
            "task" | "service" => task::path(node, faults).map_or(Factory::None, Factory::Rust),
            _ => {
                faults.push(python(&path, domain));
                Factory::None
            }
        };
    }
    let module = path.split(':').next().unwrap_or_default().trim();
    let mut segments = module.split('.');
    match (segments.next(), segments.next(), segments.next(), domain) {
        (Some("oneiric"), Some("adapters"), Some(category), "adapter") => {
            Factory::BuiltIn(category.to_owned())
        }
        (Some("oneiric"), Some("actions"), _, "action") => Factory::BuiltIn(String::new()),
        _ => {
            faults.push(python(&path, domain));
            Factory::None
        }
    }
}

fn python(path: &Spanned<String>, domain: &str) -> Diagnostic {
    let fault = Diagnostic::error(
        &faults::PYTHON,
        path.span,
        format!("`{}` is a Python factory, and there is no Python in the program", shortened(path)),
    );
    match domain {
        "task" => fault
            .help("name a Rust function: `factory: \"shop::fetch\"`")
            .help("or a program, which may be Python: `factory: [python3, fetch.py]`"),
        "service" => fault.help("name a Rust function: `factory: \"shop::inventory\"`"),
        "event" => fault
            .help("a handler runs a workflow: leave `factory` out and write `metadata: { workflows: { triggers: [name] } }`"),
        "adapter" => fault.help("name one that is built in, such as `oneiric.adapters.queue.cloudtasks:CloudTasksQueueAdapter`"),
        _ => fault.help("name an action that is built in, or make it a task with a Rust function"),
    }
}
