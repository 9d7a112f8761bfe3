//! What changes in behaviour from one plan to another: what a reviewer wants to know, and what stored runs will meet.
//!
//! It compares what plans say as JSON, so what a node comes to be able to say is compared too. What only stands elsewhere
//! in the file, or is called otherwise, is no change.

mod text;

use std::collections::BTreeSet;

use serde_json::{Map, Value};

use crate::json::Json;
use crate::plan::{self, Does, Plan, Workflow};

pub use text::{markdown, text};

/// The version of the JSON document's form.
const FORMAT: u32 = 1;

/// All that changes.
#[derive(Clone, Debug, Default)]
pub struct Difference {
    /// What changes around the workflows: adapters, secrets, the profile, where runs are kept.
    pub surroundings: Vec<Change>,
    /// The workflows that change, those of the new plan first, in its order.
    pub workflows: Vec<WorkflowChange>,
    /// The functions that are called and the programs that are started only from now on.
    pub new_effects: Vec<String>,
    /// Those that no longer are.
    pub lost_effects: Vec<String>,
}

/// What becomes of a workflow.
#[derive(Clone, Debug)]
pub struct WorkflowChange {
    /// Its name.
    pub name: String,
    /// In a word.
    pub kind: Kind,
    /// In detail; empty where all of it is new or gone.
    pub changes: Vec<Change>,
}

/// In which way a workflow changes.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Kind {
    /// It is new.
    Added,
    /// It is gone.
    Removed,
    /// What decides results is another.
    Changed,
    /// Only what tunes a run is another.
    Tuned,
}

/// One setting of a workflow or a node that is another, or a node that is new or gone.
#[derive(Clone, Debug)]
pub struct Change {
    /// The node; `None` for a setting of the workflow.
    pub node: Option<String>,
    /// The setting; `node` for all of a node.
    pub what: String,
    /// What it was, if it was there.
    pub before: Option<Value>,
    /// What it is, if it is there.
    pub after: Option<Value>,
    /// Whether it decides results, so that runs of before cannot go on with it.
    pub decides: bool,
}

impl Kind {
    /// Its word.
    pub fn word(self) -> &'static str {
        match self {
            Self::Added => "added",
            Self::Removed => "removed",
            Self::Changed => "changed",
            Self::Tuned => "tuned",
        }
    }

    /// What runs that are under way meet when the new program starts.
    pub fn stored_runs(self) -> &'static str {
        match self {
            Self::Added => "there are none",
            Self::Removed => "are parked: the program no longer has the workflow",
            Self::Changed => "are parked until somebody accepts the changes or cancels them",
            Self::Tuned => "go on",
        }
    }
}

impl Difference {
    /// What changes from `old` to `new`.
    pub fn between(old: &Plan, new: &Plan) -> Self {
        let find = |plan: &Plan, name: &str| plan.workflows.iter().position(|one| *one.name == name);
        let mut workflows = Vec::new();
        for after in &new.workflows {
            let Some(before) = find(old, &after.name) else {
                workflows.push(whole(after, Kind::Added));
                continue;
            };
            let changes = changes(&old.workflows[before], after);
            if !changes.is_empty() {
                let kind =
                    if old.workflows[before].digest == after.digest { Kind::Tuned } else { Kind::Changed };
                workflows.push(WorkflowChange { name: after.name.value.clone(), kind, changes });
            }
        }
        let gone = old.workflows.iter().filter(|before| find(new, &before.name).is_none());
        workflows.extend(gone.map(|before| whole(before, Kind::Removed)));

        let (before, after) = (effects(old), effects(new));
        Self {
            surroundings: surroundings(old, new),
            workflows,
            new_effects: after.difference(&before).cloned().collect(),
            lost_effects: before.difference(&after).cloned().collect(),
        }
    }

    /// Whether both plans behave alike.
    pub fn is_empty(&self) -> bool {
        self.workflows.is_empty() && self.surroundings.is_empty()
    }

    /// As a document for programs.
    pub fn json(&self) -> Json {
        let texts = |texts: &[String]| Json::list(texts, |text| Json::value(text.as_str()));
        Json::object([
            ("version", Some(Json::value(FORMAT))),
            ("changes_behaviour", Some(Json::value(!self.is_empty()))),
            ("surroundings", Some(Json::list(&self.surroundings, change_json))),
            ("workflows", Some(Json::list(&self.workflows, workflow_json))),
            ("new_effects", Some(texts(&self.new_effects))),
            ("lost_effects", Some(texts(&self.lost_effects))),
        ])
    }
}

fn change_json(change: &Change) -> Json {
    Json::object([
        ("node", change.node.as_deref().map(Json::value)),
        ("what", Some(Json::value(change.what.as_str()))),
        ("before", change.before.clone().map(Json::from)),
        ("after", change.after.clone().map(Json::from)),
        ("decides", Some(Json::value(change.decides))),
    ])
}

fn workflow_json(one: &WorkflowChange) -> Json {
    Json::object([
        ("name", Some(Json::value(one.name.as_str()))),
        ("change", Some(Json::value(one.kind.word()))),
        ("stored_runs", Some(Json::value(one.kind.stored_runs()))),
        ("changes", Some(Json::list(&one.changes, change_json))),
    ])
}

fn whole(workflow: &Workflow, kind: Kind) -> WorkflowChange {
    WorkflowChange { name: workflow.name.value.clone(), kind, changes: Vec::new() }
}

/// The functions that a program calls and the programs that it starts.
fn effects(plan: &Plan) -> BTreeSet<String> {
    let nodes = plan.workflows.iter().flat_map(|workflow| &workflow.nodes);
    let effect = |does: &Does| match does {
        Does::Run { path, .. } => Some(format!("run {}", path.value)),
        Does::Exec { argv, .. } => Some(format!("exec {}", argv.join(" "))),
        Does::Wait(_) => None,
    };
    nodes.filter_map(|node| effect(&node.does)).collect()
}

/// What is said of a workflow besides its nodes and what follows from them.
const SETTINGS: [&str; 4] = ["max_parallel", "timeout_ms", "scheduler", "notifications"];

/// What is said of a program besides its workflows and adapters.
const AROUND: [&str; 4] = ["profile", "secrets", "checkpoint", "http"];

/// What changes around the workflows. None of it decides results.
fn surroundings(old: &Plan, new: &Plan) -> Vec<Change> {
    let value = |plan: &Plan| -> Value {
        let text = plan::json::surroundings(plan).compact();
        serde_json::from_str(&text).expect("a plan is written as JSON")
    };
    let (old, new) = (value(old), value(new));
    let mut found = Vec::new();
    for what in AROUND {
        compare(None, what, old.get(what), new.get(what), &mut found);
    }
    let adapters = |plan: &Value| plan["adapters"].as_object().cloned().unwrap_or_default();
    let (old, new) = (adapters(&old), adapters(&new));
    let names: BTreeSet<&String> = old.keys().chain(new.keys()).collect();
    for name in names {
        compare(None, &format!("adapter {name}"), old.get(name), new.get(name), &mut found);
    }
    for change in &mut found {
        change.decides = false;
    }
    found
}

/// What names a node, or follows from the rest that is said of it.
const NAMES: [&str; 3] = ["id", "does", "task"];

fn changes(old: &Workflow, new: &Workflow) -> Vec<Change> {
    let (old, new) = (value(old), value(new));
    let mut found = Vec::new();
    for what in SETTINGS {
        compare(None, what, old.get(what), new.get(what), &mut found);
    }
    let nodes = |workflow: &Value| -> Vec<(String, Map<String, Value>)> {
        let nodes = workflow["nodes"].as_array().into_iter().flatten().filter_map(Value::as_object);
        nodes.map(|node| (node["id"].as_str().unwrap_or_default().to_owned(), node.clone())).collect()
    };
    let (old, new) = (nodes(&old), nodes(&new));
    let was: std::collections::HashMap<&str, &Map<String, Value>> =
        old.iter().map(|(name, node)| (name.as_str(), node)).collect();
    let is: BTreeSet<&str> = new.iter().map(|(name, _)| name.as_str()).collect();
    for (name, after) in &new {
        match was.get(name.as_str()) {
            Some(before) => node(name, before, after, &mut found),
            None => found.push(Change {
                node: Some(name.clone()),
                what: "node".to_owned(),
                before: None,
                after: Some(Value::Object(after.clone())),
                decides: true,
            }),
        }
    }
    found.extend(old.iter().filter(|(name, _)| !is.contains(name.as_str())).map(|(name, before)| Change {
        node: Some(name.clone()),
        what: "node".to_owned(),
        before: Some(Value::Object(before.clone())),
        after: None,
        decides: true,
    }));
    found
}

fn node(name: &str, before: &Map<String, Value>, after: &Map<String, Value>, found: &mut Vec<Change>) {
    let mut keys: Vec<&String> = after.keys().chain(before.keys()).collect();
    keys.sort_unstable();
    keys.dedup();
    for key in keys.into_iter().filter(|key| !NAMES.contains(&key.as_str())) {
        let (before, after) = (before.get(key), after.get(key));
        if key == "depends_on" {
            // What a node waits for has no order.
            let sorted = |list: Option<&Value>| {
                let mut list = list?.as_array()?.clone();
                list.sort_unstable_by_key(ToString::to_string);
                Some(Value::Array(list))
            };
            compare(Some(name), key, sorted(before).as_ref(), sorted(after).as_ref(), found);
        } else {
            compare(Some(name), key, before, after, found);
        }
    }
}

/// What does not decide results.
const TUNES: [&str; 7] = [
    "retry",
    "timeout_ms",
    "max_parallel",
    "compensate_retry",
    "compensate_timeout_ms",
    "scheduler",
    "notifications",
];

fn compare(
    node: Option<&str>,
    what: &str,
    before: Option<&Value>,
    after: Option<&Value>,
    found: &mut Vec<Change>,
) {
    if before != after {
        found.push(Change {
            node: node.map(str::to_owned),
            what: what.to_owned(),
            before: before.cloned(),
            after: after.cloned(),
            decides: !TUNES.contains(&what),
        });
    }
}

/// A workflow as its own JSON says it, in which the order of keys does not count.
fn value(workflow: &Workflow) -> Value {
    serde_json::from_str(&plan::json::workflow(workflow).compact()).expect("a plan is written as JSON")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn plan(nodes: &str, more: &str) -> Plan {
        let text = format!(
            "oneiric: 1\nname: n\ntasks: {{ t: {{ exec: [t] }}, u: {{ exec: [u] }}, same: {{ exec: [t] }} }}\nworkflows:\n  w:\n    nodes: {{ a: {{ wait: 1s }}, c: {{ wait: 1s }}, {nodes} }}\n{more}"
        );
        crate::check(&text).unwrap_or_else(|faults| panic!("{faults:#?}")).0
    }

    const BASE: &str = "b: { task: t, with: { x: 1, y: 2 }, depends_on: [a, c] }";

    fn difference(nodes: &str, more: &str) -> Difference {
        Difference::between(&plan(BASE, ""), &plan(nodes, more))
    }

    #[test]
    fn what_behaves_alike_does_not_differ() {
        for nodes in [
            BASE,
            "b: { depends_on: [c, a], with: { y: 2, x: 1 }, task: t }",
            "b: { task: same, with: { x: 1, y: 2 }, depends_on: [a, c] }",
        ] {
            let difference = difference(nodes, "");
            assert!(difference.is_empty(), "{difference:#?}");
        }
    }

    #[test]
    fn what_decides_results_changes_the_digest_and_nothing_else_does() {
        for nodes in [
            "b: { task: u, with: { x: 1, y: 2 }, depends_on: [a, c] }",
            "b: { task: t, with: { x: 1, y: 3 }, depends_on: [a, c] }",
            "b: { task: t, with: { x: 1, y: 2 }, depends_on: [a] }",
            "b: { task: t, with: { x: 1, y: 2 }, depends_on: [a, c], on_failure: continue }",
            "b: { task: t, with: { x: 1, y: 2 }, depends_on: [a, c], timeout: 9s }",
            "b: { task: t, with: { x: 1, y: 2 }, depends_on: [a, c], retry: { attempts: 2 } }",
            "b: { task: t, with: { x: 1, y: 2 }, depends_on: [a, c] }, d: { wait: 1s }",
            "d: { wait: 1s }",
        ] {
            let difference = difference(nodes, "");
            let [workflow] = &*difference.workflows else { panic!("{nodes}: {difference:#?}") };
            let decides = workflow.changes.iter().any(|change| change.decides);
            assert_eq!(decides, workflow.kind == Kind::Changed, "{nodes}: {workflow:#?}");
        }
    }

    #[test]
    fn who_may_call_is_behaviour() {
        let open = difference(BASE, "http: { auth: none }\n");
        let [change] = &*open.surroundings else { panic!("{open:#?}") };
        assert_eq!((change.what.as_str(), change.decides), ("http", false));
        assert!(open.workflows.is_empty(), "{open:#?}");
    }

    #[test]
    fn workflows_and_effects_come_and_go() {
        let more = "  v: { nodes: { e: { task: u } } }\n";
        let there = difference(BASE, more);
        assert_eq!(there.workflows[0].kind, Kind::Added);
        assert_eq!(there.new_effects, ["exec u"]);
        let back = Difference::between(&plan(BASE, more), &plan(BASE, ""));
        assert_eq!(back.workflows[0].kind, Kind::Removed);
        assert_eq!(back.lost_effects, ["exec u"]);
    }
}
