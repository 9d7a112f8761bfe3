//! The plan as a graph in Graphviz's language.

use std::fmt::Write as _;

use super::{Does, Plan, Workflow, text::duration};

/// One graph with a cluster for each workflow.
pub fn dot(plan: &Plan) -> String {
    let mut out =
        format!("digraph {} {{\n  rankdir=LR;\n  node [shape=box, style=rounded];\n", quoted(&plan.name));
    for (number, workflow) in plan.workflows.iter().enumerate() {
        cluster(&mut out, number, workflow);
    }
    out.push_str("}\n");
    out
}

fn cluster(out: &mut String, number: usize, workflow: &Workflow) {
    _ = writeln!(out, "\n  subgraph cluster_{number} {{\n    label={};", quoted(&workflow.name));
    let id = |name: &str| quoted(&format!("{}/{name}", workflow.name.value));
    for node in &workflow.nodes {
        let does = match &node.does {
            Does::Run { path, .. } => path.value.clone(),
            Does::Exec { argv, .. } => argv[0].clone(),
            Does::Wait(time) => duration(*time),
        };
        let label = quoted(&format!("{}\n{does}", node.name.value));
        _ = writeln!(out, "    {} [label={label}];", id(&node.name));
    }
    for node in &workflow.nodes {
        for need in &node.needs {
            // An edge that carries no data is dashed.
            let style = if node.after.contains(need) { " [style=dashed]" } else { "" };
            _ = writeln!(out, "    {} -> {}{style};", id(&workflow.node(*need).name), id(&node.name));
        }
    }
    out.push_str("  }\n");
}

fn quoted(text: &str) -> String {
    format!("\"{}\"", text.replace('\\', "\\\\").replace('"', "\\\"").replace('\n', "\\n"))
}
