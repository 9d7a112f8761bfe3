//! Programs that print what they measured.

use std::process::{Command, Stdio};

use anyhow::{Context, ensure};
use serde_json::Value;

/// The lines of JSON that a program printed.
pub(crate) struct Figures(Vec<Value>);

/// Runs `command` and takes its figures.
pub(crate) fn figures(command: &mut Command) -> anyhow::Result<Figures> {
    let output =
        command.stderr(Stdio::inherit()).output().with_context(|| format!("cannot start {command:?}"))?;
    ensure!(output.status.success(), "{command:?} failed: {}", output.status);
    let text = String::from_utf8(output.stdout)?;
    let lines = text.lines().map(serde_json::from_str).collect::<Result<_, _>>();
    Ok(Figures(lines.with_context(|| format!("{command:?} did not print JSON: {text}"))?))
}

impl Figures {
    /// The figure `field` of the line that is called `name`, and has this number of flows if one is given.
    pub(crate) fn get(&self, name: &str, flows: Option<u32>, field: &str) -> anyhow::Result<f64> {
        let is_it = |line: &&Value| line["name"] == name && flows.is_none_or(|flows| line["flows"] == flows);
        let line = self.0.iter().find(is_it).with_context(|| format!("there is no line `{name}`"))?;
        line[field].as_f64().with_context(|| format!("`{name}` has no figure `{field}`: {line}"))
    }

    /// The text `field` of the first line that has it.
    pub(crate) fn text(&self, field: &str) -> Option<&str> {
        self.0.iter().find_map(|line| line[field].as_str())
    }
}

/// Waits until `command` has ended well.
pub(crate) fn run(command: &mut Command) -> anyhow::Result<()> {
    let output = command.output().with_context(|| format!("cannot start {command:?}"))?;
    let errors = String::from_utf8_lossy(&output.stderr);
    ensure!(output.status.success(), "{command:?} failed: {}\n{errors}", output.status);
    Ok(())
}
