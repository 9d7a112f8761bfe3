//! What the compiler says about manifests: a case is a folder.
//!
//! `manifests/pass/<case>/manifest.yaml` has no fault, and `plan.*` beside it is what `oneiric plan` prints in each format.
//! `manifests/fail/<case>/manifest.yaml` has some; `stderr.txt` is what a developer is shown, `stdout.json` what a program
//! is, and what `explain` says is in `docs/errors`. `UPDATE=1` writes all of them anew. What the sound ones compile to is for other tests.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

use oneiric_tests::{Compiler, Output};

/// The codes from here on are found while building, not while checking.
const FIRST_OF_BUILDING: &str = "O5100";

/// The fault that no file of this repository can have, for its size; `too_large` has it.
const TOO_LARGE: &str = "O1003";

/// The folders in `manifests/<folder>`, by name.
fn cases(folder: &str) -> Vec<PathBuf> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("manifests").join(folder);
    let mut cases: Vec<PathBuf> = std::fs::read_dir(folder)
        .expect("the cases are there")
        .map(|entry| entry.expect("a folder can be read").path())
        .collect();
    cases.sort();
    assert!(!cases.is_empty());
    cases
}

/// Runs a subcommand on the manifest of a case, under the path that a developer would type at the top of the workspace.
fn run(subcommand: &str, case: &Path, options: &[&str]) -> Output {
    let workspace = Path::new(env!("CARGO_MANIFEST_DIR")).parent().expect("the package has a workspace");
    let case = case.strip_prefix(workspace).expect("a case is in the workspace");
    let manifest = case.join("manifest.yaml");
    let manifest = manifest.to_str().expect("names of cases are text");
    Compiler::get().run([&[subcommand, manifest], options].concat())
}

/// The codes in the text that people are shown.
fn codes(stderr: &str) -> BTreeSet<&str> {
    let titles = stderr.lines().filter(|line| line.starts_with("error[") || line.starts_with("warning["));
    titles.filter_map(|line| Some(line.split_once('[')?.1.split_once(']')?.0)).collect()
}

/// What was printed and what was expected, where that is not the same; with `UPDATE=1` it is from now on.
fn difference(expected: &Path, printed: &str) -> Option<String> {
    if std::env::var_os("UPDATE").is_some() {
        std::fs::write(expected, printed).expect("the folder of a case can be written to");
    }
    let same = std::fs::read_to_string(expected).is_ok_and(|expected| expected == printed);
    (!same).then(|| format!("--- {}\n{printed}", expected.display()))
}

#[track_caller]
fn assert_none(differences: &[String]) {
    assert!(differences.is_empty(), "not as expected; UPDATE=1 takes it over\n{}", differences.join("\n"));
}

#[test]
fn sound_manifests_pass() {
    for case in cases("pass") {
        let output = run("check", &case, &[]).success();
        assert_eq!(output.stderr.lines().count(), 1, "{output}");
        assert!(output.stderr.ends_with("no errors\n"), "{output}");
    }
}

#[test]
fn plans_are_printed_as_expected() {
    let mut differences = Vec::new();
    for case in cases("pass") {
        for (format, ending) in [("text", "txt"), ("json", "json"), ("dot", "dot"), ("mermaid", "mmd")] {
            let output = run("plan", &case, &["--format", format]).success();
            differences.extend(difference(&case.join("plan").with_extension(ending), &output.stdout));
        }
    }
    assert_none(&differences);
}

#[test]
fn faults_are_shown_as_expected() {
    let mut differences = Vec::new();
    for case in cases("fail") {
        let output = run("check", &case, &[]);
        let fails = output.stderr.lines().any(|line| line.starts_with("error["));
        let output = output.code(i32::from(fails));
        assert_eq!(output.stdout, "", "{output}");
        assert!(!codes(&output.stderr).is_empty(), "{output}");
        differences.extend(difference(&case.join("stderr.txt"), &output.stderr));
        let json = run("check", &case, &["--format", "json"]).code(i32::from(fails));
        assert_eq!(json.stderr, "", "{json}");
        differences.extend(difference(&case.join("stdout.json"), &json.stdout));
    }
    assert_none(&differences);
}

#[test]
fn every_fault_has_a_case_of_its_name() {
    let known = Compiler::get().run(["explain"]).success().stdout;
    for line in known.lines() {
        let (code, name) = line.split_once(char::is_whitespace).unwrap();
        let name = name.trim_start().split(' ').next().unwrap();
        if code == TOO_LARGE || code >= FIRST_OF_BUILDING {
            continue;
        }
        let case = Path::new(env!("CARGO_MANIFEST_DIR")).join("manifests/fail").join(name);
        let shown = std::fs::read_to_string(case.join("stderr.txt"))
            .unwrap_or_else(|error| panic!("{}: {error}", case.display()));
        assert!(codes(&shown).contains(code), "{name} shows {code}");
    }
}

#[test]
fn too_large() {
    let folder = tempfile::tempdir().unwrap();
    let manifest = folder.path().join("manifest.yaml");
    std::fs::write(&manifest, "# ".repeat(9 * 1024 * 1024)).unwrap();
    let output = Compiler::get().run(["check", manifest.to_str().unwrap()]).code(1);
    assert_eq!(codes(&output.stderr), BTreeSet::from([TOO_LARGE]), "{output}");
    assert!(output.stderr.len() < 2_000, "{} bytes", output.stderr.len());
}

#[test]
fn programs_are_shown_the_same_as_people() {
    let fail = Path::new(env!("CARGO_MANIFEST_DIR")).join("manifests/fail");
    let manifest = fail.join("several-at-once/manifest.yaml");
    let manifest = manifest.to_str().unwrap();
    let human = Compiler::get().run(["check", manifest]).code(1);
    let json = Compiler::get().run(["check", manifest, "--format", "json"]).code(1);
    assert_eq!(json.stderr, "");
    let document = json.json();
    assert_eq!(document["version"], 1);
    let faults = document["diagnostics"].as_array().unwrap();
    assert_eq!(faults.len(), codes(&human.stderr).len());
    let text = std::fs::read_to_string(manifest).unwrap();
    for fault in faults {
        let place = |key: &str| usize::try_from(fault["primary"][key].as_u64().unwrap()).unwrap();
        let _ = human.says(&[
            &format!("[{}]: {}", fault["code"].as_str().unwrap(), fault["message"].as_str().unwrap()),
            &format!("--> {manifest}:{}:{}", place("line"), place("column")),
        ]);
        let line = text.lines().nth(place("line") - 1).unwrap();
        assert!(line[place("column") - 1..].starts_with(&text[place("start")..place("end")]));
    }
}

#[test]
fn a_file_that_cannot_be_read_is_no_fault_of_the_manifest() {
    let output = Compiler::get().run(["check", "no-such-file.yaml"]).code(3);
    let _ = output.says(&["no-such-file.yaml", "No such file"]);
    Compiler::get().run(["check"]).code(2).says(&["MANIFEST"]);
    Compiler::get().run(["explain", "cylce"]).code(2).says(&["did you mean `cycle`?"]);
}
