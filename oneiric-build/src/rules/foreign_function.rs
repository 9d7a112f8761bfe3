//! A task calls a function outside of the manifest's package.

use crate::diagnostic::{Code, Diagnostic, Diagnostics, Rule, Severity};
use crate::index::Index;
use crate::manifest::{Spanned, TaskDoes};

pub(super) static RULE: Rule = Rule {
    code: Code("O3005"),
    name: "foreign-function",
    summary: "a task calls a function that is not in the manifest's package",
    severity: Severity::Error,
    page: include_str!("pages/O3005.md"),
};

pub(super) fn check(index: &Index<'_>, faults: &mut Diagnostics) {
    // A package that is wrong is one mistake, however many functions are named of another one.
    let mut foreign: Vec<(&str, Vec<&Spanned<String>>)> = Vec::new();
    let package = index.manifest.package.as_ref();
    for task in index.manifest.tasks.iter().flatten() {
        let Some(TaskDoes::Run(path)) = &task.does else { continue };
        let Some((first, _)) = path.split_once("::") else { continue };
        if package.is_some_and(|package| package.replace('-', "_") == first) {
            continue;
        }
        match foreign.iter_mut().find(|(known, _)| *known == first) {
            Some((_, paths)) => paths.push(path),
            None => foreign.push((first, vec![path])),
        }
    }
    for (first, paths) in foreign {
        let others = paths[1..].iter().map(|path| path.span).collect::<Vec<_>>();
        let path = paths[0];
        faults.push(match package {
            None => Diagnostic::error(
                &RULE,
                path.span,
                format!("`{}` is a function of no known package", path.value),
            )
            .label("the manifest names no `package`")
            .also_at(&others, "and so is this one")
            .help(format!("write `package: {}` at the top of the manifest", first.replace('_', "-"))),
            Some(package) => Diagnostic::error(
                &RULE,
                path.span,
                format!("`{}` is not a function of `{}`", path.value, package.value),
            )
            .also_at(&others, "nor is this one")
            .related(package.span, "the package of this manifest")
            .help(format!(
                "begin the path with `{}::`, and let that package pass on what is elsewhere with `pub use`",
                package.replace('-', "_")
            )),
        });
    }
}
