//! What a build made, for people and for programs.

use std::path::{Path, PathBuf};
use std::time::Duration;

use super::shell::Shell;
use super::toolchain::Target;
use crate::json::Json;
use crate::plan::{Adapter, Plan};

/// The version of the JSON form.
const VERSION: u32 = 1;

/// The facts.
pub(crate) struct Report {
    /// The program.
    pub(crate) binary: PathBuf,
    /// How large it is.
    pub(crate) bytes: u64,
    /// Whether it was proven to need nothing of the system.
    pub(crate) is_static: bool,
    /// Whether its literals were checked against their types.
    pub(crate) is_verified: bool,
    /// Whether it is optimised.
    pub(crate) release: bool,
    /// How long it took.
    pub(crate) time: Duration,
}

impl Report {
    pub(crate) fn show(&self, plan: &Plan, target: &Target, shell: &Shell) {
        let nodes: usize = plan.workflows.iter().map(|workflow| workflow.nodes.len()).sum();
        let profile = if self.release { "release" } else { "debug" };
        shell.status("Finished", &format!("`{}` ({profile}) in {}", plan.name, seconds(self.time)));
        shell.detail("binary", &format!("{} ({})", shown(&self.binary).display(), size(self.bytes)));
        shell.detail("target", &format!("{}, {}: {}", target.triple, self.linkage(target), target.reason));
        shell.detail(
            "contents",
            &format!("{}, {}", count(plan.workflows.len(), "workflow"), count(nodes, "node")),
        );
        shell.detail("features", &listed(&plan.features()));
        let adapter = |one: &Adapter| format!("{} ({})", one.name.value, one.provider);
        shell.detail("adapters", &listed(&plan.adapters.iter().map(adapter).collect::<Vec<_>>()));
        shell.detail("callers", &callers(plan));
        if !self.is_verified {
            shell.warning(&format!(
                "the program does not run on this machine, so its literals were not checked: run `{} __verify` where \
                 it does",
                plan.name
            ));
        }
    }

    pub(crate) fn json(&self, plan: &Plan, target: &Target) -> String {
        let nodes: usize = plan.workflows.iter().map(|workflow| workflow.nodes.len()).sum();
        let text = |text: &str| Some(Json::value(text));
        let adapter =
            |one: &Adapter| Json::object([("name", text(&one.name)), ("provider", text(&one.provider))]);
        let milliseconds = u64::try_from(self.time.as_millis()).unwrap_or(u64::MAX);
        Json::object([
            ("version", Some(Json::value(VERSION))),
            ("name", text(&plan.name)),
            ("binary", text(&self.binary.to_string_lossy())),
            ("size_bytes", Some(Json::value(self.bytes))),
            ("profile", text(if self.release { "release" } else { "debug" })),
            ("target", text(&target.triple)),
            ("target_reason", text(&target.reason)),
            ("linkage", text(&self.linkage(target))),
            ("static", Some(Json::value(self.is_static))),
            ("verified", Some(Json::value(self.is_verified))),
            ("workflows", Some(Json::value(plan.workflows.len()))),
            ("nodes", Some(Json::value(nodes))),
            ("features", Some(Json::list(plan.features(), Json::value))),
            ("adapters", Some(Json::list(&plan.adapters, adapter))),
            ("callers", text(&callers(plan))),
            ("time_ms", Some(Json::value(milliseconds))),
        ])
        .pretty()
    }

    fn linkage(&self, target: &Target) -> String {
        match (self.is_static, target.libc()) {
            (true, Some(libc)) => format!("static ({libc})"),
            (true, None) => "static".to_owned(),
            (false, _) => "dynamic".to_owned(),
        }
    }
}

/// Who may start work over HTTP.
fn callers(plan: &Plan) -> String {
    match &plan.http {
        Some(http) => http.auth.summary(),
        None => "nobody over HTTP: the manifest has no `http.auth`".to_owned(),
    }
}

/// A path as short as it can be said from here.
pub(crate) fn shown(path: &Path) -> &Path {
    std::env::current_dir().ok().and_then(|here| path.strip_prefix(here).ok()).unwrap_or(path)
}

fn count(number: usize, noun: &str) -> String {
    let plural = if number == 1 { "" } else { "s" };
    format!("{number} {noun}{plural}")
}

fn listed<T: std::fmt::Display>(names: &[T]) -> String {
    if names.is_empty() {
        return "none".to_owned();
    }
    names.iter().map(T::to_string).collect::<Vec<_>>().join(", ")
}

fn seconds(time: Duration) -> String {
    format!("{:.2} s", time.as_secs_f64())
}

#[expect(clippy::cast_precision_loss, reason = "two digits are shown")]
fn size(bytes: u64) -> String {
    match bytes {
        0..1_000_000 => format!("{:.0} kB", bytes as f64 / 1e3),
        _ => format!("{:.2} MB", bytes as f64 / 1e6),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sizes_have_few_digits() {
        assert_eq!([size(999_400), size(2_518_000)], ["999 kB", "2.52 MB"]);
    }
}
