//! A task calls a function outside of the manifest's package.

use crate::diagnostic::{Code, Diagnostic, Diagnostics, Rule, Severity};
use crate::index::Index;
use crate::manifest::TaskDoes;

pub(super) static RULE: Rule = Rule {
    code: Code("O3005"),
    name: "foreign-function",
    summary: "a task calls a function that is not in the manifest's package",
    severity: Severity::Error,
    page: include_str!("pages/O3005.md"),
};

pub(super) fn check(index: &Index<'_>, faults: &mut Diagnostics) {
    for task in index.manifest.tasks.iter().flatten() {
        let Some(TaskDoes::Run(path)) = &task.does else { continue };
        let Some((first, _)) = path.split_once("::") else { continue };
        match &index.manifest.package {
            None => faults.push(
                Diagnostic::error(&RULE, path.span, format!("`{}` is a function of no known package", path.value))
                    .label("the manifest names no `package`")
                    .help(format!("write `package: {}` at the top of the manifest", first.replace('_', "-"))),
            ),
            Some(package) if package.replace('-', "_") != first => faults.push(
                Diagnostic::error(&RULE, path.span, format!("`{}` is not a function of `{}`", path.value, package.value))
                    .related(package.span, "the package of this manifest")
                    .help(format!(
                        "begin the path with `{}::`, and let that package pass on what is elsewhere with `pub use`",
                        package.replace('-', "_")
                    )),
            ),
            Some(_) => {}
        }
    }
}
