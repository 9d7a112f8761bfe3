//! Asks the finished program whether the manifest's literals fit the types of its functions: only it has the types.

use std::path::Path;
use std::process::{Command, Stdio};

use anyhow::Context;
use serde::Deserialize;

use super::faults;
use crate::diagnostic::{Diagnostic, Diagnostics};
use crate::plan::Plan;

#[derive(Deserialize)]
struct Answer {
    faults: Vec<Fault>,
}

#[derive(Deserialize)]
struct Fault {
    workflow: String,
    node: String,
    argument: String,
    message: String,
}

/// What does not fit, at the manifest's place for it.
pub(crate) fn verify(program: &Path, plan: &Plan) -> anyhow::Result<Diagnostics> {
    let output = Command::new(program)
        .arg("__verify")
        .stdin(Stdio::null())
        .output()
        .with_context(|| format!("cannot start `{}`", program.display()))?;
    let answer: Answer = serde_json::from_slice(&output.stdout).with_context(|| {
        let said = String::from_utf8_lossy(&output.stderr);
        format!("the program could not check itself ({}): {}", output.status, said.trim())
    })?;
    let mut diagnostics = Diagnostics::default();
    diagnostics.extend(answer.faults.into_iter().map(|fault| diagnostic(&fault, plan)));
    diagnostics.sort();
    Ok(diagnostics)
}

fn diagnostic(fault: &Fault, plan: &Plan) -> Diagnostic {
    let workflow = plan.workflows.iter().find(|workflow| workflow.name.value == fault.workflow);
    let node = workflow.and_then(|workflow| workflow.nodes.iter().find(|node| node.name.value == fault.node));
    let arguments = node.and_then(|node| node.with.as_ref()).map(|with| with.arguments.as_slice());
    let value = arguments
        .unwrap_or_default()
        .iter()
        .find(|(name, _)| name.value == fault.argument)
        .map(|(_, value)| value);
    let span = value.map(|value| value.span).or(node.map(|node| node.name.span)).unwrap_or_default();
    let message = format!("argument `{}` of `{}` does not fit", fault.argument, fault.node);
    Diagnostic::error(&faults::LITERAL, span, message).label(without_place(&fault.message))
}

/// What serde says without where in the value it says so: the value is there to be seen.
fn without_place(message: &str) -> &str {
    message.split_once(" at line ").map_or(message, |(message, _)| message)
}
