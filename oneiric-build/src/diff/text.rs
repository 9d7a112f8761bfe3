//! A difference for people: lines at a terminal, or Markdown for a pull request.

use std::fmt::Write as _;
use std::time::Duration;

use serde_json::Value;

use super::{Change, Difference, Kind, WorkflowChange};
use crate::plan::duration;

const NOTHING: &str = "no change in behaviour\n";

/// A paragraph for each workflow that changes, and a line for each change in it.
pub fn text(difference: &Difference) -> String {
    if difference.is_empty() {
        return NOTHING.to_owned();
    }
    let mut out = String::new();
    for change in &difference.surroundings {
        _ = writeln!(out, "{}", line(change));
    }
    for workflow in &difference.workflows {
        _ = writeln!(out, "workflow {}: {}", workflow.name, headline(workflow));
        for change in &workflow.changes {
            _ = writeln!(out, "  {}", line(change));
        }
    }
    for (sign, effects) in [('+', &difference.new_effects), ('-', &difference.lost_effects)] {
        for effect in effects {
            _ = writeln!(out, "{sign} {effect}");
        }
    }
    out
}

/// The same for a comment or a job's summary on GitHub.
pub fn markdown(difference: &Difference) -> String {
    if difference.is_empty() {
        return "No change in behaviour.\n".to_owned();
    }
    let mut out = String::new();
    for change in &difference.surroundings {
        _ = writeln!(out, "- {}", code(&line(change)));
    }
    for workflow in &difference.workflows {
        _ = writeln!(out, "- **{}**: {}", workflow.name, headline(workflow));
        for change in &workflow.changes {
            _ = writeln!(out, "  - {}", code(&line(change)));
        }
    }
    for (what, effects) in [("New", &difference.new_effects), ("No longer", &difference.lost_effects)] {
        for effect in effects {
            _ = writeln!(out, "- {what}: {}", code(effect));
        }
    }
    out
}

fn headline(workflow: &WorkflowChange) -> String {
    let kind = match workflow.kind {
        Kind::Tuned => "tuned only",
        other => other.word(),
    };
    match workflow.kind {
        Kind::Added => kind.to_owned(),
        other => format!("{kind}; runs under way {}", other.stored_runs()),
    }
}

fn line(change: &Change) -> String {
    let Change { node, what, before, after, .. } = change;
    let place = node.as_ref().map(|node| format!("node {node}")).unwrap_or_default();
    match (&**what, before, after) {
        ("node", None, Some(node)) => format!("+ {place}: {}", describe(node)),
        ("node", Some(node), _) => format!("- {place}: {}", describe(node)),
        _ => {
            let place = if place.is_empty() { place } else { format!("{place}: ") };
            let name = what.trim_end_matches("_ms");
            let how = match (&**what, before.is_some(), after.is_some()) {
                ("on_failure", false, true) => " (loosened: its failure no longer fails the run)",
                ("on_failure", true, false) => " (tightened: its failure fails the run)",
                _ => "",
            };
            format!(
                "~ {place}{name} {} -> {}{how}",
                shown(what, before.as_ref()),
                shown(what, after.as_ref())
            )
        }
    }
}

/// What a node does, in the words of its plan.
fn describe(node: &Value) -> String {
    let Some(does) = node["does"].as_str() else { return String::new() };
    let key = if does == "wait" { "wait_ms" } else { does };
    format!("{does} {}", shown(key, node.get(key)))
}

fn shown(what: &str, value: Option<&Value>) -> String {
    match value {
        None if what == "on_failure" => "fail".to_owned(),
        None => "none".to_owned(),
        Some(Value::String(text)) => text.clone(),
        Some(Value::Number(number)) if what.ends_with("_ms") => number
            .as_u64()
            .map_or_else(|| number.to_string(), |millis| duration(Duration::from_millis(millis))),
        Some(value) => value.to_string(),
    }
}

/// Text as code, whatever backticks are in it.
fn code(text: &str) -> String {
    let longest = text.split(|char| char != '`').map(str::len).max().unwrap_or(0);
    let fence = "`".repeat(longest + 1);
    let pad = if longest > 0 { " " } else { "" };
    format!("{fence}{pad}{}{pad}{fence}", text.replace('\n', " "))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn plan(text: &str) -> crate::plan::Plan {
        crate::check(text).unwrap_or_else(|faults| panic!("{faults:#?}")).0
    }

    #[test]
    fn differences_read_well() {
        let old = plan(
            "oneiric: 1\nname: n\ntasks: { t: { exec: [t, -v] } }\nworkflows:\n  w:\n    timeout: 1m\n    nodes:\n      a: { task: t }\n      gone: { wait: 1s }\n  old: { nodes: { x: { task: t } } }\n",
        );
        let new = plan(
            "oneiric: 1\nname: n\ntasks: { t: { exec: [t] } }\nworkflows:\n  w:\n    timeout: 90s\n    nodes:\n      a: { task: t, on_failure: continue }\n      b: { wait: 2s, depends_on: [a] }\n",
        );
        let difference = Difference::between(&old, &new);
        let expected = "\
workflow w: changed; runs under way are parked until somebody accepts the changes or cancels them
  ~ timeout 1m -> 1m30s
  ~ node a: exec [\"t\",\"-v\"] -> [\"t\"]
  ~ node a: on_failure fail -> continue (loosened: its failure no longer fails the run)
  + node b: wait 2s
  - node gone: wait 1s
workflow old: removed; runs under way are parked: the program no longer has the workflow
+ exec t
- exec t -v
";
        assert_eq!(text(&difference), expected);
        assert!(markdown(&difference).contains("  - `+ node b: wait 2s`\n"));
        assert_eq!(text(&Difference::between(&old, &old)), NOTHING);
    }

    #[test]
    fn code_may_hold_backticks() {
        assert_eq!(code("a"), "`a`");
        assert_eq!(code("a `b`"), "`` a `b` ``");
    }
}
