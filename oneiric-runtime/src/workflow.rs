//! A finished workflow: its graph, and what each node does when its turn comes.

use std::sync::Arc;
use std::time::Duration;

use crate::json::Json;
use crate::run::{NodeId, Shape, schedule};
use crate::stand_in::StandIn;
use crate::task::{Attempt, Ctx, Definition, Error, Retry, Visitor, exec};
use crate::value::{AnyBind, Bind, Scope};

/// A workflow that can be run. Nodes are in topological order.
pub(crate) struct Workflow {
    pub(crate) name: &'static str,
    pub(crate) nodes: Vec<Node>,
    pub(crate) shape: Shape,
    /// See [`schedule::ranks`].
    pub(crate) ranks: Vec<u64>,
    pub(crate) max_parallel: usize,
    pub(crate) timeout: Option<Duration>,
}

/// How many nodes of a run may be under way at once when its workflow does not say. Enough to keep a disk or a service
/// busy, few enough not to overwhelm it.
const DEFAULT_MAX_PARALLEL: u32 = 64;

/// A node of a workflow.
pub(crate) struct Node {
    pub(crate) name: &'static str,
    pub(crate) does: Does,
    pub(crate) needs: Vec<NodeId>,
    /// The secrets that its arguments name, which are asked for before it begins.
    pub(crate) secrets: Vec<&'static str>,
    pub(crate) retry: Retry,
    pub(crate) timeout: Option<Duration>,
    pub(crate) continues: bool,
    /// What has to hold for it to run, all of it.
    pub(crate) when: Vec<Bind<bool>>,
    /// The list that it has an instance for each element of.
    pub(crate) each: Option<Each>,
    /// What undoes it when the run fails.
    pub(crate) undo: Option<Undo>,
}

/// The list of a node that has an instance for each element.
pub(crate) struct Each {
    pub(crate) list: Bind<Vec<Json>>,
    /// How many instances may be under way at once.
    pub(crate) max_parallel: Option<usize>,
    /// Whether an element stands in the place of the run's input.
    pub(crate) is_input: bool,
}

/// What undoes a node: its input is what the node returned.
pub(crate) struct Undo {
    pub(crate) step: Box<dyn Step>,
    pub(crate) retry: Retry,
    pub(crate) timeout: Option<Duration>,
}

/// What a node does.
pub(crate) enum Does {
    Step(Box<dyn Step>),
    Wait(Duration),
}

/// Something that can be attempted.
pub(crate) trait Step: Send + Sync {
    /// Reads what the attempt needs and begins it.
    fn begin(&self, scope: &Scope<'_>, ctx: Ctx) -> Result<Attempt<Json>, Error>;

    /// Shows every argument to `visitor`.
    fn visit(&self, visitor: &mut dyn Visitor);
}

/// A step that calls a Rust function, or what a test has put in its place.
pub(crate) struct Task<D: Definition> {
    pub(crate) args: D::Args,
    pub(crate) stand_in: Option<StandIn<D>>,
}

impl<D: Definition> Step for Task<D> {
    fn begin(&self, scope: &Scope<'_>, ctx: Ctx) -> Result<Attempt<Json>, Error> {
        let values = D::read(&self.args, scope)?;
        let attempt = match &self.stand_in {
            Some(stand_in) => {
                let result = stand_in(ctx, values);
                Box::pin(std::future::ready(result)) as Attempt<D::Output>
            }
            None => D::call(values, ctx),
        };
        Ok(Box::pin(async move {
            let output = attempt.await?;
            Json::of(&output).map_err(|error| Error::permanent(format!("the output is not JSON: {error}")))
        }))
    }

    fn visit(&self, visitor: &mut dyn Visitor) {
        D::visit(&self.args, visitor);
    }
}

/// A step that starts a program.
pub(crate) struct Exec {
    pub(crate) argv: Vec<String>,
    pub(crate) stdin: Bind<Json>,
}

impl Step for Exec {
    fn begin(&self, scope: &Scope<'_>, ctx: Ctx) -> Result<Attempt<Json>, Error> {
        let stdin = self.stdin.read(scope)?;
        Ok(Box::pin(exec::run(self.argv.clone(), stdin, ctx)))
    }

    fn visit(&self, visitor: &mut dyn Visitor) {
        visitor.argument("stdin", &self.stdin);
    }
}

impl Workflow {
    pub(crate) fn new(
        name: &'static str,
        nodes: Vec<Node>,
        max_parallel: Option<u32>,
        timeout: Option<Duration>,
    ) -> Self {
        let undone = (0..).map(NodeId).zip(&nodes).filter(|(_, node)| node.undo.is_some());
        let shape = Shape::new(nodes.iter().map(|node| (node.needs.clone(), node.continues)))
            .compensating(undone.map(|(id, _)| id));
        let wait = |node: NodeId| match nodes[node.index()].does {
            Does::Wait(duration) => Some(duration),
            Does::Step(_) => None,
        };
        let mut ranks = schedule::ranks(&shape, wait);
        // A timer takes no slot, so it must never stand in line behind a node that does.
        for node in shape.nodes().filter(|node| wait(*node).is_some()) {
            ranks[node.index()] = u64::MAX;
        }
        let max_parallel = max_parallel.unwrap_or(DEFAULT_MAX_PARALLEL).max(1) as usize;
        Self { name, nodes, shape, ranks, max_parallel, timeout }
    }

    pub(crate) fn node(&self, node: NodeId) -> &Node {
        &self.nodes[node.index()]
    }

    /// The literals of the manifest that are not of their argument's type: node, argument and why.
    pub(crate) fn faults(&self) -> Vec<(&'static str, &'static str, String)> {
        struct Faults<'a>(&'static str, &'a mut Vec<(&'static str, &'static str, String)>);
        impl Visitor for Faults<'_> {
            fn argument(&mut self, name: &'static str, value: &dyn AnyBind) {
                if let Err(error) = value.verify() {
                    self.1.push((self.0, name, error.to_string()));
                }
            }
        }
        let mut faults = Vec::new();
        for node in &self.nodes {
            if let Does::Step(step) = &node.does {
                step.visit(&mut Faults(node.name, &mut faults));
            }
        }
        faults
    }
}

impl std::fmt::Debug for Workflow {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Workflow")
            .field("name", &self.name)
            .field("nodes", &self.nodes.len())
            .finish_non_exhaustive()
    }
}

/// Workflows are shared by their runs.
pub(crate) type Shared = Arc<Workflow>;
