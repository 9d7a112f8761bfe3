//! The graphs that are run.

use oneiric::Dag;
use oneiric::run::NodeId;

/// How many nodes the large graphs have.
pub(crate) const NODES: u32 = 10_000;

/// What a durable step returns, in bytes of JSON: as much as the floor keeps.
const OUTPUT_BYTES: usize = 200;

/// Does nothing.
#[oneiric::task]
pub(crate) async fn nothing() {}

/// Returns something to keep.
#[oneiric::task]
pub(crate) async fn step() -> String {
    "x".repeat(OUTPUT_BYTES - 2)
}

/// Three steps, one after the other.
pub(crate) fn three(dag: &Dag) {
    let mut last: Option<NodeId> = None;
    for name in names(3) {
        let node = dag.task(name, step::Def).with_input();
        last.map(|last| node.after([last]));
        last = Some(node.id());
    }
}

/// Many steps, side by side.
pub(crate) fn fan(dag: &Dag) {
    for name in names(NODES) {
        dag.task(name, step::Def).with_input();
    }
}

/// Many nodes that do nothing, one after the other.
pub(crate) fn bare_chain(dag: &Dag) {
    let mut last: Option<NodeId> = None;
    for name in names(NODES) {
        let node = dag.task(name, nothing::Def).with_input();
        last.map(|last| node.after([last]));
        last = Some(node.id());
    }
}

/// Many nodes that do nothing, side by side.
pub(crate) fn bare_fan(dag: &Dag) {
    for name in names(NODES) {
        dag.task(name, nothing::Def).with_input();
    }
}

/// Layers of ten nodes, each of which needs five of the layer before it: nodes and edges grow alike.
pub(crate) fn layers(dag: &Dag, nodes: u32) {
    const WIDTH: usize = 10;
    let mut ids: Vec<NodeId> = Vec::new();
    for (index, name) in names(nodes).enumerate() {
        let node = dag.task(name, nothing::Def).with_input();
        if let Some(before) = (index / WIDTH).checked_sub(1) {
            let need = |step: usize| ids[before * WIDTH + (index + step) % WIDTH];
            node.after([need(0), need(1), need(2), need(3), need(4)]);
        }
        ids.push(node.id());
    }
}

/// Names as a program has them, which is for as long as it runs.
fn names(count: u32) -> impl Iterator<Item = &'static str> {
    (0..count).map(|index| &*Box::leak(format!("n{index}").into_boxed_str()))
}
