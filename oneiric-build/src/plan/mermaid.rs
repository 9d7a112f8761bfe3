//! The plan as a graph in Mermaid's language, which GitHub shows in Markdown.

use std::fmt::Write as _;

use super::{Does, Plan, text::duration};

/// One flowchart with a subgraph for each workflow.
pub fn mermaid(plan: &Plan) -> String {
    let mut out = String::from("flowchart LR\n");
    for (number, workflow) in plan.workflows.iter().enumerate() {
        _ = writeln!(out, "  subgraph w{number}[{}]", quoted(&workflow.name));
        for (id, node) in workflow.nodes.iter().enumerate() {
            let (open, does, close) = match &node.does {
                Does::Run { path, .. } => ("[", path.value.clone(), "]"),
                Does::Exec { argv, .. } => ("[[", argv[0].clone(), "]]"),
                Does::Wait(time) => ("([", duration(*time), "])"),
            };
            let label = quoted(&format!("{}\n{does}", node.name.value));
            _ = writeln!(out, "    w{number}n{id}{open}{label}{close}");
        }
        for (id, node) in workflow.nodes.iter().enumerate() {
            for need in &node.needs {
                // An edge that carries no data is dotted.
                let arrow = if node.after.contains(need) { "-.->" } else { "-->" };
                _ = writeln!(out, "    w{number}n{} {arrow} w{number}n{id}", need.0);
            }
        }
        out.push_str("  end\n");
    }
    out
}

/// Mermaid has no escape but HTML entities.
fn quoted(text: &str) -> String {
    let mut out = String::from("\"");
    for char in text.chars() {
        match char {
            '\n' => out.push_str("<br>"),
            '"' | '<' | '>' | '&' | '#' | '`' => _ = write!(out, "#{};", u32::from(char)),
            other => out.push(other),
        }
    }
    out.push('"');
    out
}
