//! The names of a manifest and what they stand for: what both `rules` and `plan` look up.
//!
//! It takes the manifest as it is. Names that stand for nothing are simply not in it, and saying so is for `rules`.

use std::cell::RefCell;
use std::collections::HashMap;
use std::collections::hash_map::Entry;

use crate::manifest::nearest::Nearest;
use crate::manifest::{Adapter, Manifest, Node, NodeDoes, Reference, Root, Span, Task, Workflow};

/// A manifest that names can be looked up in.
pub(crate) struct Index<'m> {
    pub(crate) manifest: &'m Manifest,
    tasks: HashMap<&'m str, &'m Task>,
    adapters: HashMap<&'m str, &'m Adapter>,
    workflows: HashMap<&'m str, usize>,
    /// The graphs of the workflows whose nodes could be read, in the manifest's order.
    pub(crate) graphs: Vec<Graph<'m>>,
    nearest: RefCell<Nearest>,
}

/// The graph of one workflow: nodes are indices into its list of nodes.
pub(crate) struct Graph<'m> {
    pub(crate) workflow: &'m Workflow,
    pub(crate) nodes: &'m [Node],
    names: HashMap<&'m str, usize>,
    /// For each node, what it waits for; those it takes data from come first.
    pub(crate) needs: Vec<Vec<Edge>>,
    /// Whether a node waits for, or takes data from, one that is not there.
    pub(crate) dangles: bool,
}

/// A name that no node of a graph has.
pub(crate) struct Stranger<'m> {
    pub(crate) name: &'m str,
    /// Where it is named first.
    pub(crate) span: Span,
    /// The reference that does so; `None` where it is one of `depends_on`.
    pub(crate) reference: Option<&'m Reference>,
    /// Where it is named again.
    pub(crate) others: Vec<Span>,
}

/// One node waits for another.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Edge {
    /// The one that is waited for.
    pub(crate) to: usize,
    /// Where that is said.
    pub(crate) span: Span,
    /// Whether its output is an argument, or part of one.
    pub(crate) carries_data: bool,
}

impl<'m> Index<'m> {
    pub(crate) fn of(manifest: &'m Manifest) -> Self {
        let tasks = manifest.tasks.iter().flatten().map(|task| (task.name.as_str(), task)).collect();
        let graphs = manifest
            .workflows
            .iter()
            .flatten()
            .filter_map(|workflow| Some(Graph::of(workflow, workflow.nodes.as_deref()?)))
            .collect();
        let adapters = manifest.adapters.iter().flatten().map(|one| (one.name.as_str(), one)).collect();
        let workflows = manifest.workflows.iter().flatten().map(|one| one.name.as_str()).zip(0..).collect();
        Self { manifest, tasks, adapters, workflows, graphs, nearest: RefCell::default() }
    }

    /// The adapter of this name.
    pub(crate) fn adapter(&self, name: &str) -> Option<&'m Adapter> {
        self.adapters.get(name).copied()
    }

    /// Which of the manifest's workflows has this name.
    pub(crate) fn workflow(&self, name: &str) -> Option<usize> {
        self.workflows.get(name).copied()
    }

    /// The task of this name.
    pub(crate) fn task(&self, name: &str) -> Option<&'m Task> {
        self.tasks.get(name).copied()
    }

    /// The task that a node runs.
    pub(crate) fn task_of(&self, node: &Node) -> Option<&'m Task> {
        match &node.does {
            Some(NodeDoes::Task(name)) => self.task(name),
            _ => None,
        }
    }

    /// "did you mean …?", where something is near.
    pub(crate) fn did_you_mean<'n>(
        &self,
        wanted: &str,
        known: impl IntoIterator<Item = &'n str>,
    ) -> Option<String> {
        self.nearest.borrow_mut().find(wanted, known).map(|name| format!("did you mean `{name}`?"))
    }

    /// A way out for a name that no node of `graph` has.
    pub(crate) fn suggest_node(&self, graph: &Graph<'_>, wanted: &str) -> String {
        let runs = |node: &&Node| matches!(&node.does, Some(NodeDoes::Task(task)) if task.value == wanted);
        // Whether it is worth a walk over all nodes is known from one look-up.
        let namesake = self.task(wanted).and_then(|_| graph.nodes.iter().find(runs));
        if let Some(node) = namesake {
            return format!("`{wanted}` is a task; the node that runs it is `{}`", node.name.value);
        }
        self.did_you_mean(wanted, graph.nodes.iter().map(|node| node.name.as_str()))
            .unwrap_or_else(|| format!("the nodes of `{}` are {}", graph.workflow.name.value, graph.listed()))
    }
}

impl<'m> Graph<'m> {
    fn of(workflow: &'m Workflow, nodes: &'m [Node]) -> Self {
        let mut names = HashMap::with_capacity(nodes.len());
        for (index, node) in nodes.iter().enumerate() {
            // Of two with one name the first counts; a rule reports the second.
            names.entry(node.name.as_str()).or_insert(index);
        }
        let mut dangles = false;
        let needs = nodes.iter().map(|node| edges(node, &names, &mut dangles)).collect();
        Self { workflow, nodes, names, needs, dangles }
    }

    /// The node of this name.
    pub(crate) fn node(&self, name: &str) -> Option<usize> {
        self.names.get(name).copied()
    }

    /// The names that no node has and that something names all the same, in the order of the text.
    pub(crate) fn strangers(&self) -> Vec<Stranger<'m>> {
        let mut named: Vec<(Span, &'m str, Option<&'m Reference>)> = Vec::new();
        for node in self.nodes {
            named.extend(node.depends_on.iter().map(|name| (name.span, name.as_str(), None)));
            named.extend(node.references().filter_map(|reference| match &reference.root {
                Root::Node(name) => Some((reference.span, name.as_str(), Some(reference))),
                _ => None,
            }));
        }
        named.retain(|(_, name, _)| self.node(name).is_none());
        named.sort_by_key(|(span, ..)| *span);
        let mut strangers: Vec<Stranger<'m>> = Vec::new();
        let mut known = HashMap::new();
        for (span, name, reference) in named {
            match known.entry(name) {
                Entry::Occupied(at) => {
                    let stranger: &mut Stranger<'m> = &mut strangers[*at.get()];
                    stranger.others.push(span);
                }
                Entry::Vacant(free) => {
                    free.insert(strangers.len());
                    strangers.push(Stranger { name, span, reference, others: Vec::new() });
                }
            }
        }
        strangers
    }

    /// The name of a node.
    pub(crate) fn name(&self, node: usize) -> &'m str {
        &self.nodes[node].name
    }

    /// The names of the first few nodes.
    fn listed(&self) -> String {
        const SHOWN: usize = 8;
        let mut names: Vec<String> =
            self.nodes.iter().take(SHOWN).map(|node| format!("`{}`", node.name.value)).collect();
        if self.nodes.len() > SHOWN {
            names.push(format!("{} more", self.nodes.len() - SHOWN));
        }
        names.join(", ")
    }
}

/// What a node waits for, of what is there; `dangles` is set where something is not.
fn edges(node: &Node, names: &HashMap<&str, usize>, dangles: &mut bool) -> Vec<Edge> {
    let mut edges = Vec::with_capacity(node.depends_on.len());
    let mut add = |name: &str, span: Span, carries_data: bool| match names.get(name) {
        Some(&to) => edges.push(Edge { to, span, carries_data }),
        None => *dangles = true,
    };
    let mut stray = false;
    for reference in node.references() {
        stray |= reference.root == Root::Item && node.for_each.is_none();
        if let Root::Node(name) = &reference.root {
            add(name, reference.span, true);
        }
    }
    for name in &node.depends_on {
        add(name, name.span, false);
    }
    *dangles |= stray;
    edges
}
