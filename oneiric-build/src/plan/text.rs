//! The plan for people at a terminal.

use std::fmt::Write as _;
use std::time::Duration;

use super::{Choice, Does, Node, OnFailure, Plan, Workflow};

/// The workflows of a plan with their nodes by level.
pub fn text(plan: &Plan) -> String {
    let mut out = plan.name.clone();
    if let Some(description) = &plan.description {
        _ = write!(out, ": {}", description.trim());
    }
    out.push('\n');
    write_surroundings(&mut out, plan);
    for workflow in &plan.workflows {
        out.push('\n');
        write_workflow(&mut out, workflow);
    }
    for choice in &plan.choices {
        write_choice(&mut out, choice);
    }
    out
}

/// What there is beside workflows.
fn write_surroundings(out: &mut String, plan: &Plan) {
    if let Some(profile) = plan.profile {
        _ = writeln!(out, "\nprofile {profile}");
    }
    if !plan.adapters.is_empty() {
        _ = writeln!(out, "\nadapters");
    }
    let width = plan.adapters.iter().map(|one| one.name.len()).max().unwrap_or(0);
    for (place, adapter) in (0..).zip(&plan.adapters) {
        let keeps = if plan.checkpoint == Some(place) { "; keeps the runs" } else { "" };
        _ = writeln!(out, "  {:width$}  {}{keeps}", adapter.name.value, adapter.provider);
    }
    if let Some(secrets) = &plan.secrets {
        let sources = secrets.sources.iter().map(String::as_str).chain(["the environment"]);
        let sources: Vec<&str> =
            sources.chain((!secrets.values.is_empty()).then_some("the manifest")).collect();
        _ = write!(out, "\nsecrets from {}", sources.join(", then "));
        if let Some(ttl) = secrets.cache_ttl {
            _ = write!(out, "; kept for {}", duration(ttl));
        }
        out.push('\n');
    }
    if let Some(scheduler) = &plan.scheduler {
        _ = writeln!(out, "\nenqueued in {}, where a workflow names nothing else", scheduler.queue);
    }
    if let Some(http) = &plan.http {
        _ = writeln!(out, "\ncallers: {}", http.auth.summary());
    }
}

/// Why this candidate.
fn write_choice(out: &mut String, choice: &Choice) {
    _ = writeln!(out, "\ncandidates for {} of {}", choice.key, choice.section);
    let width = choice.ordered.iter().map(|one| one.name.len()).max().unwrap_or(0);
    for one in &choice.ordered {
        let mark = if one.selected { "->" } else { "" };
        _ = writeln!(out, "  {mark:>3}  {:width$}  {}", one.name, one.reasons.join(", "));
    }
}

fn write_workflow(out: &mut String, workflow: &Workflow) {
    let levels = workflow.levels();
    let mut facts = vec![
        counted(workflow.nodes.len(), "node"),
        counted(workflow.edge_count(), "edge"),
        counted(levels.len(), "level"),
    ];
    facts.extend(workflow.max_parallel.map(|most| format!("{most} at once")));
    facts.extend(workflow.timeout.map(|timeout| format!("at most {}", duration(timeout))));
    facts.extend(workflow.scheduler.as_ref().map(|one| format!("enqueued in {}", one.queue)));
    facts.extend(workflow.notifications.as_ref().map(|one| format!("told by {}", one.adapter)));
    _ = writeln!(out, "workflow {} ({})", workflow.name.value, facts.join(", "));

    let width = workflow.nodes.iter().map(|node| node.name.len()).max().unwrap_or(0);
    for (number, level) in (1..).zip(&levels) {
        for (position, id) in level.iter().enumerate() {
            let node = workflow.node(*id);
            let label = if position == 0 { format!("{number}") } else { String::new() };
            _ = writeln!(out, "  {label:>3}  {:width$}  {}", node.name.value, describe(workflow, node));
        }
    }
}

fn describe(workflow: &Workflow, node: &Node) -> String {
    let mut said = vec![does(&node.does)];
    if let Some(each) = &node.each {
        said[0].push_str(" for each element of a list");
        said.extend(each.max_parallel.map(|most| format!("{most} at once")));
    }
    if !node.when.is_empty() {
        said.push(format!("under {}", counted(node.when.len(), "condition")));
    }
    if !node.needs.is_empty() {
        let needs: Vec<&str> = node.needs.iter().map(|need| workflow.node(*need).name.as_str()).collect();
        said.push(format!("after {}", needs.join(", ")));
    }
    if let Some(retry) = node.retry {
        said.push(counted(retry.attempts as usize, "attempt"));
    }
    said.extend(node.timeout.map(|timeout| format!("at most {}", duration(timeout))));
    if node.on_failure == OnFailure::Continue {
        said.push("may fail".to_owned());
    }
    said.extend(node.undo.as_ref().map(|undo| format!("undone by {}", does(&undo.does))));
    said.join("; ")
}

fn does(does: &Does) -> String {
    match does {
        Does::Run { path, .. } => format!("run {}", path.value),
        Does::Exec { argv, .. } => format!("exec {}", argv.join(" ").replace(char::is_control, " ")),
        Does::Wait(time) => format!("wait {}", duration(*time)),
    }
}

/// "1 node", "2 nodes".
pub(crate) fn counted(count: usize, noun: &str) -> String {
    format!("{count} {noun}{}", if count == 1 { "" } else { "s" })
}

/// A duration as a manifest would have it.
pub(crate) fn duration(time: Duration) -> String {
    let mut left = time.as_millis();
    let mut text = String::new();
    for (unit, millis) in [("d", 86_400_000), ("h", 3_600_000), ("m", 60_000), ("s", 1_000), ("ms", 1)] {
        if left >= millis {
            _ = write!(text, "{}{unit}", left / millis);
            left %= millis;
        }
    }
    if text.is_empty() { "0s".to_owned() } else { text }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn durations_read_as_they_are_written() {
        let shown = |millis| duration(Duration::from_millis(millis));
        assert_eq!(shown(0), "0s");
        assert_eq!(shown(90_000), "1m30s");
        assert_eq!(shown(86_400_000), "1d");
        assert_eq!(shown(1_500), "1s500ms");
    }
}
