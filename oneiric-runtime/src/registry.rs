//! The workflows of a program, each built when it is first needed.

use std::sync::{Arc, OnceLock};

use crate::app::Build;
use crate::dag::Dag;
use crate::json::Json;
use crate::workflow::{Shared, Workflow};

/// The workflows of a program by name.
pub(crate) struct Registry(Vec<Entry>);

/// A workflow and what is known of it before it is built.
pub(crate) struct Entry {
    name: &'static str,
    build: Build,
    built: OnceLock<Shared>,
    plan: Option<Definition>,
    defined: OnceLock<Definition>,
}

/// A workflow's definition, as runs keep it.
#[derive(Clone, Debug)]
pub(crate) struct Definition {
    /// A digest of what decides a run's results.
    pub(crate) digest: String,
    /// The JSON that `workflow plan --json` prints.
    pub(crate) text: Json,
}

impl Registry {
    /// The workflows in `list`, each with its definition from the plan if the compiler made one.
    pub(crate) fn new(list: impl IntoIterator<Item = (&'static str, Build, Option<Definition>)>) -> Self {
        let entry = |(name, build, plan)| Entry {
            name,
            build,
            built: OnceLock::new(),
            plan,
            defined: OnceLock::new(),
        };
        Self(list.into_iter().map(entry).collect())
    }

    pub(crate) fn get(&self, name: &str) -> Option<&Entry> {
        self.0.iter().find(|entry| entry.name == name)
    }

    pub(crate) fn names(&self) -> impl Iterator<Item = &'static str> + '_ {
        self.0.iter().map(|entry| entry.name)
    }
}

impl Entry {
    pub(crate) fn workflow(&self) -> Shared {
        let build = || {
            let dag = Dag::default();
            (self.build)(&dag);
            Arc::new(dag.finish(self.name))
        };
        Arc::clone(self.built.get_or_init(build))
    }

    pub(crate) fn definition(&self) -> &Definition {
        match &self.plan {
            Some(definition) => definition,
            None => self.defined.get_or_init(|| describe(&self.workflow())),
        }
    }
}

/// The definition of a workflow that no compiler has seen: names and edges.
fn describe(workflow: &Workflow) -> Definition {
    let nodes = workflow.nodes.iter().map(|node| {
        let needs = node.needs.iter().map(|need| workflow.node(*need).name).collect::<Vec<_>>();
        let on_failure = if node.continues { "continue" } else { "fail" };
        serde_json::json!({ "id": node.name, "depends_on": needs, "on_failure": on_failure })
    });
    let text = serde_json::json!({ "nodes": nodes.collect::<Vec<_>>() }).to_string();
    let digest = format!("{:016x}", fnv1a(text.as_bytes()));
    Definition { digest, text: Json::trusted(text) }
}

/// The FNV-1a hash (Fowler, Noll, Vo), which is the same in every process.
fn fnv1a(bytes: &[u8]) -> u64 {
    bytes
        .iter()
        .fold(0xcbf2_9ce4_8422_2325, |hash, byte| (hash ^ u64::from(*byte)).wrapping_mul(0x0100_0000_01b3))
}
