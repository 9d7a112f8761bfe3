//! What the compiler says about manifests: a case is a folder.
//!
//! `manifests/pass/<case>/manifest.yaml` has no fault. `manifests/fail/<case>/manifest.yaml` has some, and `stderr.txt`
//! beside it is what a developer is shown; `UPDATE=1` writes it anew. What the sound ones compile to is for other tests.

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

/// Checks the manifest of a case, under the path that a developer would type at the top of the workspace.
fn check(case: &Path) -> Output {
    let workspace = Path::new(env!("CARGO_MANIFEST_DIR")).parent().expect("the package has a workspace");
    let manifest = case.strip_prefix(workspace).expect("a case is in the workspace").join("manifest.yaml");
    Compiler::get().run(["check", manifest.to_str().expect("names of cases are text")])
}

/// The codes in the text that people are shown.
fn codes(stderr: &str) -> BTreeSet<&str> {
    let titles = stderr.lines().filter(|line| line.starts_with("error[") || line.starts_with("warning["));
    titles.filter_map(|line| Some(line.split_once('[')?.1.split_once(']')?.0)).collect()
}

#[test]
fn sound_manifests_pass() {
    for case in cases("pass") {
        let output = check(&case).success();
        assert_eq!(output.stderr.lines().count(), 1, "{output}");
        assert!(output.stderr.ends_with("no errors\n"), "{output}");
    }
}

#[test]
fn faults_are_shown_as_expected() {
    let update = std::env::var_os("UPDATE").is_some();
    let mut differ = Vec::new();
    for case in cases("fail") {
        let output = check(&case);
        let fails = output.stderr.lines().any(|line| line.starts_with("error["));
        let output = output.code(i32::from(fails));
        assert_eq!(output.stdout, "", "{output}");
        assert!(!codes(&output.stderr).is_empty(), "{output}");
        let expected = case.join("stderr.txt");
        if update {
            std::fs::write(&expected, &output.stderr).unwrap();
        } else if std::fs::read_to_string(&expected).unwrap_or_default() != output.stderr {
            differ.push(format!("{}\n{}", case.display(), output.stderr));
        }
    }
    assert!(
        differ.is_empty(),
        "these show something else now; UPDATE=1 takes it over\n{}",
        differ.join("\n\n")
    );
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
