//! The workflows of a program, each built when it is first needed.

#[cfg(feature = "macros")]
use std::any::TypeId;
use std::sync::{Arc, OnceLock};

use crate::adapters::{Adapters, Plan};
use crate::app::{App, Build, Listed};
use crate::dag::Dag;
use crate::json::Json;
use crate::notifications::Notifications;
use crate::stand_in::StandIns;
use crate::workflow::{Shared, Workflow};

/// The workflows of a program by name, and the adapters that they use.
pub(crate) struct Registry {
    entries: Vec<Entry>,
    adapters: Arc<Adapters>,
}

/// A workflow and what is known of it before it is built.
pub(crate) struct Entry {
    name: &'static str,
    build: Build,
    built: OnceLock<Shared>,
    plan: Option<Definition>,
    known: Option<Known>,
    defined: OnceLock<Definition>,
    notifications: OnceLock<Option<Arc<Notifications>>>,
    stand_ins: Arc<StandIns>,
}

/// What is known of a workflow that is a `#[oneiric::dag]`.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Known {
    /// The type that stands for it.
    #[cfg(feature = "macros")]
    pub(crate) id: TypeId,
    /// Makes its definition.
    pub(crate) define: fn() -> Definition,
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
    /// The workflows of `app`, each with its definition from the plan if the compiler made one, and its adapters, which
    /// the plan has settings for.
    pub(crate) fn of(
        app: App,
        program: &str,
        adapters: Plan,
        plan: impl Fn(&str) -> Option<Definition>,
    ) -> Self {
        let stand_ins = Arc::new(app.stand_ins);
        let entry = |Listed { name, build, flow }| Entry {
            name,
            build,
            built: OnceLock::new(),
            plan: if flow.is_some() { None } else { plan(name) },
            known: flow,
            defined: OnceLock::new(),
            notifications: OnceLock::new(),
            stand_ins: Arc::clone(&stand_ins),
        };
        let adapters = Arc::new(Adapters::new(program, app.adapters, adapters));
        Self { entries: app.workflows.into_iter().map(entry).collect(), adapters }
    }

    pub(crate) fn adapters(&self) -> &Arc<Adapters> {
        &self.adapters
    }

    pub(crate) fn get(&self, name: &str) -> Option<&Entry> {
        self.entries.iter().find(|entry| entry.name == name)
    }

    /// The name under which a `#[oneiric::dag]` is here.
    #[cfg(feature = "macros")]
    pub(crate) fn name_of(&self, flow: TypeId) -> Option<&'static str> {
        let is_it = |entry: &&Entry| entry.known.is_some_and(|known| known.id == flow);
        self.entries.iter().find(is_it).map(|entry| entry.name)
    }

    pub(crate) fn names(&self) -> impl Iterator<Item = &'static str> + '_ {
        self.entries.iter().map(|entry| entry.name)
    }
}

impl Entry {
    pub(crate) fn workflow(&self) -> Shared {
        let build = || {
            let dag = Dag::with_stand_ins(Arc::clone(&self.stand_ins));
            (self.build)(&dag);
            Arc::new(dag.finish(self.name))
        };
        Arc::clone(self.built.get_or_init(build))
    }

    /// Who is told of its runs, if its plan says so.
    pub(crate) fn notifications(&self) -> Option<Arc<Notifications>> {
        #[derive(serde::Deserialize)]
        struct Plan {
            notifications: Option<Notifications>,
        }
        let read = || {
            let text = &self.plan.as_ref()?.text;
            let plan: Plan = text
                .parse()
                .unwrap_or_else(|error| panic!("the plan of `{}` is not the compiler's: {error}", self.name));
            plan.notifications.map(Arc::new)
        };
        self.notifications.get_or_init(read).clone()
    }

    pub(crate) fn definition(&self) -> &Definition {
        match &self.plan {
            Some(definition) => definition,
            None => self.defined.get_or_init(|| match self.known {
                Some(known) => (known.define)(),
                None => describe(&self.workflow()),
            }),
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
pub(crate) fn fnv1a(bytes: &[u8]) -> u64 {
    bytes
        .iter()
        .fold(0xcbf2_9ce4_8422_2325, |hash, byte| (hash ^ u64::from(*byte)).wrapping_mul(0x0100_0000_01b3))
}
