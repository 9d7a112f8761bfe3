//! What can be wrong with the meaning of a well-formed manifest, one file for each rule.
//!
//! To add a rule: a file with a `RULE` and a `check`, a line in `CHECKS`, a page in `pages/` and a failing case in
//! `tests/manifests/fail/`. Faults of form are found while reading, in `manifest`; their pages are here all the same.

mod cycle;
mod deadline;
mod duplicate_dependency;
mod duplicate_node;
mod empty_workflow;
mod exclusive_handler;
mod foreign_function;
mod invalid_setting;
mod looks_like_a_secret;
mod misplaced_secret;
mod missing_capability;
mod missing_setting;
mod no_workflows;
mod open_endpoint;
mod result_name;
mod retries_beyond_deadline;
mod secret_in_plain_text;
mod self_dependency;
mod unknown_action;
mod unknown_adapter;
mod unknown_dependency;
mod unknown_provider;
mod unknown_reference;
mod unknown_setting;
mod unknown_task;
mod unknown_workflow;
mod unreachable_handler;
mod unused_adapter;
mod unused_task;
mod wait_settings;
mod workflow_cycle;

use crate::diagnostic::{Diagnostics, Rule};
use crate::index::Index;
use crate::manifest::{faults, nearest};

/// Looks for what breaks one rule.
type Check = fn(&Index<'_>, &mut Diagnostics);

/// The rules of meaning, by code.
static CHECKS: &[(&Rule, Check)] = &[
    (&unknown_task::RULE, unknown_task::check),
    (&unknown_dependency::RULE, unknown_dependency::check),
    (&unknown_reference::RULE, unknown_reference::check),
    (&unused_task::RULE, unused_task::check),
    (&foreign_function::RULE, foreign_function::check),
    (&result_name::RULE, result_name::check),
    (&duplicate_dependency::RULE, duplicate_dependency::check),
    (&unknown_adapter::RULE, unknown_adapter::check),
    (&missing_capability::RULE, missing_capability::check),
    (&unknown_provider::RULE, unknown_provider::check),
    (&unknown_workflow::RULE, unknown_workflow::check),
    (&unknown_action::RULE, unknown_action::check),
    (&unused_adapter::RULE, unused_adapter::check),
    (&exclusive_handler::RULE, exclusive_handler::check),
    (&unreachable_handler::RULE, unreachable_handler::check),
    (&cycle::RULE, cycle::check),
    (&self_dependency::RULE, self_dependency::check),
    (&duplicate_node::RULE, duplicate_node::check),
    (&empty_workflow::RULE, empty_workflow::check),
    (&no_workflows::RULE, no_workflows::check),
    (&workflow_cycle::RULE, workflow_cycle::check),
    (&wait_settings::RULE, wait_settings::check),
    (&deadline::RULE, deadline::check),
    (&retries_beyond_deadline::RULE, retries_beyond_deadline::check),
    (&looks_like_a_secret::RULE, looks_like_a_secret::check),
    (&open_endpoint::RULE, open_endpoint::check),
    (&unknown_setting::RULE, unknown_setting::check),
    (&missing_setting::RULE, missing_setting::check),
    (&invalid_setting::RULE, invalid_setting::check),
    (&secret_in_plain_text::RULE, secret_in_plain_text::check),
    (&misplaced_secret::RULE, misplaced_secret::check),
];

/// Every kind of fault that this compiler reports, by code.
pub fn all() -> impl Iterator<Item = &'static Rule> {
    let found = faults::ALL.iter().copied().chain(CHECKS.iter().map(|(rule, _)| *rule));
    #[cfg(feature = "cli")]
    let found = found.chain(crate::cli::faults::ALL.iter().copied());
    found
}

/// The kind of fault that is meant, by code, with or without its letter, or by name.
pub(crate) fn find(wanted: &str) -> Option<&'static Rule> {
    let bare = |text: &str| text.to_ascii_lowercase().trim_start_matches('o').to_owned();
    all().find(|rule| rule.name == wanted || bare(rule.code.0) == bare(wanted))
}

/// The code or name that `wanted` comes closest to.
pub(crate) fn nearest(wanted: &str) -> Option<&'static str> {
    let known: Vec<&'static str> = all().flat_map(|rule| [rule.code.0, rule.name]).collect();
    nearest::nearest(wanted, &known)
}

/// Adds everything that breaks a rule.
pub(crate) fn check(index: &Index<'_>, faults: &mut Diagnostics) {
    for (_, check) in CHECKS {
        check(index, faults);
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;
    use std::path::Path;

    use super::*;

    fn stems(folder: &str) -> BTreeSet<String> {
        let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("src").join(folder);
        std::fs::read_dir(folder)
            .unwrap()
            .map(|entry| entry.unwrap().path())
            .filter(|path| path.is_file())
            .map(|path| path.file_stem().unwrap().to_str().unwrap().to_owned())
            .filter(|stem| stem != "mod")
            .collect()
    }

    #[test]
    fn every_file_is_a_rule_on_the_list() {
        let listed = CHECKS.iter().map(|(rule, _)| rule.name.replace('-', "_")).collect();
        assert_eq!(stems("rules"), listed);
    }

    #[test]
    fn every_page_belongs_to_a_code() {
        assert_eq!(stems("rules/pages"), all().map(|rule| rule.code.0.to_owned()).collect());
    }

    #[test]
    fn codes_and_names_are_given_once_and_in_order() {
        let codes: Vec<_> = all().map(|rule| rule.code.0).collect();
        assert!(codes.is_sorted_by(|a, b| a < b), "{codes:?}");
        let names: BTreeSet<_> = all().map(|rule| rule.name).collect();
        assert_eq!(names.len(), codes.len());
    }

    /// The manifest on a page that begins with a comment of this word.
    fn example(rule: &Rule, word: &str) -> Option<String> {
        let (_, text) = rule.page.split_once(&format!("```yaml\n# {word}\n"))?;
        Some(text.split_once("```").expect("a block ends").0.to_owned())
    }

    /// Those of which no page can show a manifest: bytes that are no text, very many bytes, and what should not be.
    const NO_WRONG: [&str; 3] = ["O1002", "O1003", "O9001"];

    #[test]
    fn the_wrong_manifest_of_a_page_has_its_fault() {
        for rule in all() {
            let code = rule.code.0;
            let Some(wrong) = example(rule, "wrong") else {
                assert!(NO_WRONG.contains(&code), "the page of {code} shows no wrong manifest");
                continue;
            };
            let (Ok((_, faults)) | Err(faults)) = crate::check(&wrong);
            let has = faults.iter().any(|fault| fault.code == rule.code && fault.severity == rule.severity);
            // What a build finds is not to be seen before.
            let is_of_building = ("O5100".."O9999").contains(&code);
            assert!(if is_of_building { faults.is_empty() } else { has }, "{code}: {faults:#?}");
        }
    }

    #[test]
    fn the_right_manifest_of_a_page_has_none() {
        for rule in all() {
            let Some(right) = example(rule, "right") else {
                assert_eq!(rule.code.0, "O9001", "the page of {} shows no right manifest", rule.code.0);
                continue;
            };
            let (Ok((_, found)) | Err(found)) = crate::check(&right);
            // What this version does not compile is right all the same.
            let faults: Vec<_> = found.iter().filter(|fault| fault.code != faults::LATER.code).collect();
            assert!(faults.is_empty(), "{}: {faults:#?}", rule.code.0);
        }
    }

    #[test]
    fn every_page_has_the_same_shape() {
        for rule in all() {
            let title = format!("# {}: {}\n", rule.code.0, rule.summary);
            assert!(rule.page.starts_with(&title), "the page of {} begins with {title}", rule.code.0);
            assert!(
                rule.page.ends_with(".\n") || rule.page.ends_with("```\n"),
                "the page of {} ends well",
                rule.code.0
            );
        }
    }
}
