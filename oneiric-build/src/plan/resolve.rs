//! From names to indices. Total for every manifest that breaks no rule.

use super::{
    Condition, Does, Each, Expr, Node, NodeId, Part, Plan, Reference, Undo, With, Workflow, digest, order,
    wiring,
};
use crate::index::{Graph, Index};
use crate::manifest::{self, NodeDoes, Root, Spanned, TaskDoes};

/// The plan of a manifest in which no rule found an error.
pub(crate) fn resolve(index: &Index<'_>) -> Plan {
    let manifest = index.manifest;
    Plan {
        name: manifest.name.value.clone(),
        description: manifest.description.clone(),
        package: manifest.package.clone(),
        profile: manifest.profile,
        adapters: wiring::adapters(manifest),
        secrets: wiring::secrets(manifest),
        scheduler: manifest.scheduler.as_ref().map(wiring::scheduler),
        checkpoint: wiring::checkpoint(index),
        http: manifest.http.as_ref().map(wiring::http),
        workflows: index.graphs.iter().map(|graph| workflow(index, graph)).collect(),
        choices: manifest.choices.clone(),
    }
}

fn workflow(index: &Index<'_>, graph: &Graph<'_>) -> Workflow {
    let order = order::topological(&graph.needs, |edge| edge.to);
    let mut ids = vec![NodeId(0); order.len()];
    for (id, &written) in (0..).map(NodeId).zip(&order) {
        ids[written] = id;
    }
    let mut nodes = Vec::with_capacity(order.len());
    for written in order {
        nodes.push(Resolver { index, graph, ids: &ids }.node(written));
    }
    let digest = digest::of(&nodes);
    Workflow {
        name: graph.workflow.name.clone(),
        description: graph.workflow.description.clone(),
        max_parallel: graph.workflow.max_parallel,
        timeout: graph.workflow.timeout.map(|timeout| timeout.value),
        scheduler: graph.workflow.scheduler.as_ref().map(wiring::scheduler),
        notifications: graph.workflow.notifications.as_ref().map(wiring::notifications),
        nodes,
        digest,
    }
}

struct Resolver<'g, 'm> {
    index: &'g Index<'m>,
    graph: &'g Graph<'m>,
    /// The index in the plan of each node in the manifest.
    ids: &'g [NodeId],
}

impl Resolver<'_, '_> {
    fn node(&self, written: usize) -> Node {
        let node = &self.graph.nodes[written];
        let task = self.index.task_of(node);

        // Each node once, and those that data comes from as such, whatever `depends_on` says of them as well.
        let mut edges: Vec<(NodeId, bool)> =
            self.graph.needs[written].iter().map(|edge| (self.ids[edge.to], !edge.carries_data)).collect();
        edges.sort_unstable();
        edges.dedup_by_key(|(need, _)| *need);
        let needs = edges.iter().map(|(need, _)| *need).collect();
        let after = edges.iter().filter(|(_, bare)| *bare).map(|(need, _)| *need).collect();

        Node {
            name: node.name.clone(),
            does: does(node, task),
            with: node.with.as_ref().map(|with| self.with(with)),
            needs,
            after,
            retry: node.retry.map(|retry| retry.value).or(task.and_then(|task| task.retry)),
            timeout: node.timeout.map(|timeout| timeout.value).or(task.and_then(|task| task.timeout)),
            on_failure: node.on_failure,
            when: node.when.iter().map(|one| self.condition(one)).collect(),
            each: node.for_each.as_ref().map(|list| Each {
                list: Spanned::new(self.reference(&list.value), list.value.span),
                max_parallel: node.max_parallel,
            }),
            undo: node.compensate.as_ref().map(|name| self.undo(name)),
        }
    }

    fn condition(&self, condition: &manifest::Condition) -> Condition {
        let value = Spanned::new(self.reference(&condition.reference), condition.reference.span);
        Condition { value, tests: condition.tests.iter().map(|test| test.value.clone()).collect() }
    }

    fn undo(&self, name: &Spanned<String>) -> Undo {
        let task = self.index.task(name).expect("the rule `unknown-task` found nothing");
        Undo { does: task_does(name, task), retry: task.retry, timeout: task.timeout }
    }

    fn with(&self, with: &manifest::With) -> With {
        let arguments = with
            .arguments
            .iter()
            .map(|(name, value)| (name.clone(), Spanned::new(self.expr(value), value.span)))
            .collect();
        With { span: with.span, arguments }
    }

    fn expr(&self, expr: &manifest::Expr) -> Expr {
        match expr {
            manifest::Expr::Literal(value) => Expr::Literal(value.clone()),
            manifest::Expr::Reference(reference) => Expr::Reference(self.reference(reference)),
            manifest::Expr::Template(parts) => Expr::Template(
                parts
                    .iter()
                    .map(|part| match part {
                        manifest::Part::Text(text) => Part::Text(text.clone()),
                        manifest::Part::Reference(reference) => Part::Reference(self.reference(reference)),
                    })
                    .collect(),
            ),
            manifest::Expr::Array(items) => Expr::Array(items.iter().map(|item| self.expr(item)).collect()),
            manifest::Expr::Object(entries) => {
                Expr::Object(entries.iter().map(|(key, value)| (key.clone(), self.expr(value))).collect())
            }
        }
    }

    fn reference(&self, reference: &manifest::Reference) -> Reference {
        match &reference.root {
            Root::Input => Reference::Input(reference.path.clone()),
            Root::RunId => Reference::RunId,
            Root::Secret(name) => Reference::Secret(name.clone()),
            Root::Item => Reference::Item(reference.path.clone()),
            Root::Node(name) => {
                let written = self.graph.node(name).expect("the rule `unknown-reference` found nothing");
                Reference::Output(self.ids[written], reference.path.clone())
            }
        }
    }
}

fn does(node: &manifest::Node, task: Option<&manifest::Task>) -> Does {
    match node.does.as_ref().expect("a node that does nothing has been refused") {
        NodeDoes::Wait(time) => Does::Wait(time.value),
        NodeDoes::Action(_) | NodeDoes::Workflow(_) => unreachable!("it is refused as not supported yet"),
        NodeDoes::Task(name) => task_does(name, task.expect("the rule `unknown-task` found nothing")),
    }
}

/// What a task does, for who names it.
fn task_does(name: &Spanned<String>, task: &manifest::Task) -> Does {
    match task.does.as_ref().expect("a task that does nothing has been refused") {
        TaskDoes::Run(path) => Does::Run { task: name.value.clone(), path: path.clone(), span: name.span },
        TaskDoes::Exec(argv) => {
            let argv = argv.iter().map(|word| word.value.clone()).collect();
            Does::Exec { task: name.value.clone(), argv }
        }
        TaskDoes::Action(_) => unreachable!("actions are refused as not supported yet"),
    }
}
