//! What a build says about manifests that `check` finds no fault in: a case is a folder.
//!
//! `manifests/build/<case>/manifest.yaml` names Rust functions that are not as it says, `stderr.txt` is what a developer is
//! shown, and `stdout.json` what a program is. `UPDATE=1` writes both anew.

use std::collections::BTreeSet;
use std::path::PathBuf;

use oneiric_tests::{Compiler, Output, workspace};

/// The case that only a finished program can judge.
const ONLY_OF_PROGRAMS: &str = "literal-mismatch";

/// The names of the cases.
fn cases() -> BTreeSet<String> {
    std::fs::read_dir(workspace().join("tests/manifests/build"))
        .expect("the cases are there")
        .map(|entry| entry.expect("a folder can be read").file_name())
        .map(|name| name.into_string().expect("names of cases are text"))
        .collect()
}

/// What was printed, where it is not what the file of the case says.
fn difference(case: &str, file: &str, printed: &str) -> Option<String> {
    // The workspace may be anywhere.
    let top = workspace().canonicalize().expect("the workspace is there");
    let shown = printed.replace(top.to_str().expect("its path is text"), "<workspace>");
    let expected = top.join("tests/manifests/build").join(case).join(file);
    if std::env::var_os("UPDATE").is_some() {
        std::fs::write(&expected, &shown).expect("the folder of a case can be written to");
    }
    let found = std::fs::read_to_string(&expected).unwrap_or_default();
    (found != shown).then(|| format!("--- {}\n{shown}", expected.display()))
}

#[test]
fn faults_of_building_are_shown_at_the_manifest() {
    let mut differences = Vec::new();
    for case in cases() {
        let manifest = format!("tests/manifests/build/{case}/manifest.yaml");
        let _ = Compiler::get().run(["check", &manifest]).success();
        let output = Compiler::get().run(["build", "--debug", "--quiet", &manifest]).code(1);
        assert_eq!(output.stdout, "", "{output}");
        differences.extend(difference(&case, "stderr.txt", &output.stderr));

        let checked = Compiler::get().run(["check", "--types", &manifest]);
        if case == ONLY_OF_PROGRAMS {
            let _ = checked.success();
            continue;
        }
        assert_eq!(checked.code(1).stderr, output.stderr, "the same is seen without a program");
        let json = Compiler::get().run(["check", "--types", "--format", "json", &manifest]).code(1);
        assert_eq!(json.stderr, "", "{json}");
        differences.extend(difference(&case, "stdout.json", &json.stdout));
    }
    assert!(differences.is_empty(), "not as expected; UPDATE=1 takes it over\n{}", differences.join("\n"));
}

#[test]
fn types_need_a_file_with_a_project_around_it() {
    let output = Compiler::get().run(["check", "--types", "-"]).code(2);
    let _ = output.says(&["`--types` needs a file"]);
    let _ = Compiler::get().run(["check", "--offline", "manifests/hello.yaml"]).code(2).says(&["--types"]);
}

#[test]
fn every_fault_that_a_manifest_can_have_has_a_case() {
    // What these two need cannot stand in the workspace, or should not be.
    let elsewhere = BTreeSet::from(["package-without-library", "not-static", "internal-error"]);
    let known = Compiler::get().run(["explain"]).success().stdout;
    let names = known.lines().filter(|line| line.starts_with("O51") || line.starts_with("O6"));
    let names =
        names.filter_map(|line| line.split_whitespace().nth(1)).filter(|name| !elsewhere.contains(name));
    for name in names {
        assert!(cases().contains(name), "`{name}` has no case");
    }
}

/// A project that is not this one.
struct Elsewhere(tempfile::TempDir);

impl Elsewhere {
    fn new(manifest: &str, package: Option<(&str, &str)>) -> Self {
        let folder = tempfile::tempdir().expect("a folder can be made");
        let put = |path: &str, text: &str| {
            let path = folder.path().join(path);
            std::fs::create_dir_all(path.parent().expect("it is in a folder")).expect("a folder can be made");
            std::fs::write(path, text).expect("a file can be written");
        };
        put("app.yaml", manifest);
        if let Some((toml, source)) = package {
            put("Cargo.toml", toml);
            put(source, "fn main() {}\n");
        }
        Self(folder)
    }

    fn manifest(&self) -> PathBuf {
        self.0.path().join("app.yaml")
    }

    fn run(&self, arguments: &[&str]) -> Output {
        let manifest = self.manifest();
        let arguments = [arguments, &[manifest.to_str().expect("its path is text")]].concat();
        Compiler::get().run(arguments)
    }
}

const TYPED: &str = "oneiric: 1\nname: app\npackage: tool\ntasks: { a: { run: \"tool::a\" } }\n\
    workflows: { main: { nodes: { a: { task: a } } } }\n";

#[test]
fn a_package_needs_a_library() {
    let package = "[package]\nname = \"tool\"\nversion = \"0.1.0\"\nedition = \"2024\"\n";
    let output = Elsewhere::new(TYPED, Some((package, "src/main.rs"))).run(&["generate"]).code(1);
    let _ = output.says(&["error[O6002]: the package `tool` has no library", "app.yaml:3:10"]);
}

#[test]
fn a_package_needs_a_workspace() {
    let output = Elsewhere::new(TYPED, None).run(&["generate"]).code(1);
    let _ = output.says(&["error[O6001]: there is no package `tool`", "app.yaml:3:10", "has a Cargo.toml"]);
}

#[test]
fn a_manifest_without_functions_needs_no_package() {
    let manifest = "oneiric: 1\nname: app\nworkflows: { main: { nodes: { pause: { wait: 1s } } } }\n";
    let elsewhere = Elsewhere::new(manifest, None);
    let stale = elsewhere.run(&["generate", "--check"]).code(1).stdout;
    assert_eq!(stale.lines().count(), 3, "{stale}");
    let _ = elsewhere.run(&["generate"]).success();
    let crate_ = elsewhere.0.path().join("target/oneiric/app");
    let main = crate_.join("src/main.rs");
    let written = std::fs::metadata(&main).and_then(|file| file.modified()).expect("it was written");
    let _ = elsewhere.run(&["generate"]).success().says(&["Unchanged"]);
    let again = std::fs::metadata(&main).and_then(|file| file.modified()).expect("it was written");
    assert_eq!(written, again);
    let _ = elsewhere.run(&["generate", "--check"]).success();
}
