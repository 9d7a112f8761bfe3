//! `oneiric manifest diff`, and the action that shows what it says in a pull request.

use std::collections::BTreeMap;
use std::io::Write as _;
use std::path::Path;
use std::process::{Command, Stdio};

use oneiric_tests::{Compiler, Output, workspace};
use serde_json::Value;

const OLD: &str = "oneiric: 1\nname: shop\ntasks: { t: { exec: [t] } }\nworkflows:\n  w:\n    nodes:\n      a: { task: t }\n";

fn new() -> String {
    OLD.replace("a: { task: t }", "a: { task: t, timeout: 5s }\n      b: { wait: 1s, depends_on: [a] }")
}

fn tuned() -> String {
    OLD.replace("a: { task: t }", "a: { task: t, timeout: 5s }")
}

/// Runs `manifest diff` on two manifests, the old one through standard input.
fn diff(old: &str, new: &str, options: &[&str]) -> Output {
    let folder = tempfile::tempdir().expect("a folder can be made");
    let path = folder.path().join("new.yaml");
    std::fs::write(&path, new).expect("the manifest can be written");
    let path = path.to_str().expect("its path is text");
    let mut command = Compiler::get().command([&["manifest", "diff", "-", path], options].concat());
    let pipes = command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
    let mut process = pipes.spawn().expect("`oneiric` can be started");
    let mut stdin = process.stdin.take().expect("it is piped");
    stdin.write_all(old.as_bytes()).expect("it reads");
    drop(stdin);
    let output = process.wait_with_output().expect("it ends");
    Output {
        command: format!("{command:?}"),
        status: output.status,
        stdout: String::from_utf8_lossy(&output.stdout).into_owned(),
        stderr: String::from_utf8_lossy(&output.stderr).into_owned(),
    }
}

#[test]
fn a_change_is_told_and_what_stored_runs_meet() {
    let text = diff(OLD, &new(), &[]).success().stdout;
    for part in [
        "workflow w: changed; runs under way are parked",
        "~ node a: timeout none -> 5s",
        "+ node b: wait 1s",
    ] {
        assert!(text.contains(part), "{part}\n{text}");
    }
    let document = diff(OLD, &new(), &["--format", "json"]).success().json();
    assert_eq!((&document["version"], &document["changes_behaviour"]), (&1.into(), &true.into()));
    assert_eq!(document["workflows"][0]["change"], "changed");
    assert_eq!(document["workflows"][0]["changes"].as_array().unwrap().len(), 2);
    assert!(diff(OLD, &tuned(), &[]).success().stdout.contains("tuned only; runs under way go on"));
    assert_eq!(diff(OLD, OLD, &[]).success().stdout, "no change in behaviour\n");
}

#[test]
fn the_exit_code_is_for_scripts() {
    let _ = diff(OLD, &new(), &["--exit-code"]).code(1);
    let _ = diff(OLD, OLD, &["--exit-code"]).success();
    diff("oneiric: 1\n", OLD, &[]).code(1).says(&["--> <stdin>", "error[O2004]"]);
    Compiler::get().run(["manifest", "diff", "-", "-"]).code(2).says(&["only one of the two"]);
}

/// A step of the action: its name, its environment as written, and its script.
struct Step {
    environment: BTreeMap<String, String>,
    script: String,
}

fn steps() -> BTreeMap<String, Step> {
    let action = std::fs::read(workspace().join(".github/actions/check/action.yml")).expect("it is there");
    let action: Value = serde_yaml::from_slice(&action).expect("it is YAML");
    assert_eq!(action["runs"]["using"], "composite");
    let text = |value: &Value| value.as_str().expect("it is text").to_owned();
    let steps = action["runs"]["steps"].as_array().expect("there are steps").iter().map(|step| {
        let environment = step["env"].as_object().expect("it has an environment").iter();
        let environment = environment.map(|(name, value)| (name.clone(), text(value))).collect();
        assert_eq!(step["shell"], "bash");
        (text(&step["name"]), Step { environment, script: text(&step["run"]) })
    });
    steps.collect()
}

/// Runs a step as GitHub would, in a clone at `folder`, with these inputs of the action.
fn run(step: &Step, folder: &Path, inputs: &[(&str, &str)]) -> Output {
    let mut command = Command::new("bash");
    command.args(["--noprofile", "--norc", "-e", "-o", "pipefail", "-c", &step.script]).current_dir(folder);
    for (name, written) in &step.environment {
        let value = inputs.iter().fold(written.clone(), |value, (input, given)| {
            value.replace(&format!("${{{{ inputs.{input} }}}}"), given)
        });
        command.env(name, value);
    }
    command.env("GITHUB_WORKSPACE", folder).env("GITHUB_STEP_SUMMARY", folder.join("summary.md"));
    let output = command.output().expect("bash can be started");
    Output {
        command: format!("{command:?}"),
        status: output.status,
        stdout: String::from_utf8_lossy(&output.stdout).into_owned(),
        stderr: String::from_utf8_lossy(&output.stderr).into_owned(),
    }
}

#[test]
fn the_action_annotates_and_summarises_a_pull_request() {
    let folder = tempfile::tempdir().unwrap();
    let folder = folder.path();
    let git = |arguments: &[&str]| {
        let output = Command::new("git")
            .args(["-c", "user.name=t", "-c", "user.email=t@example.org", "-c", "init.defaultBranch=main"])
            .args(arguments)
            .current_dir(folder)
            .output()
            .unwrap();
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
        String::from_utf8(output.stdout).unwrap().trim().to_owned()
    };
    std::fs::create_dir(folder.join("manifests")).unwrap();
    let write = |name: &str, text: &str| std::fs::write(folder.join("manifests").join(name), text).unwrap();
    git(&["init", "--quiet"]);
    write("an app.yaml", OLD);
    write("other.yaml", OLD);
    git(&["add", "."]);
    git(&["commit", "--quiet", "--message", "base"]);
    let base = git(&["rev-parse", "HEAD"]);

    let compiler = Compiler::get().command::<&str>([]).get_program().to_str().unwrap().to_owned();
    let steps = steps();
    let step = |name: &str, base: &str| {
        let inputs =
            [("manifests", "manifests/*.yaml\n"), ("base", base), ("arguments", ""), ("oneiric", &*compiler)];
        run(&steps[name], folder, &inputs)
    };

    let _ = step("Install the compiler", &base).success();
    assert_eq!(step("Check what has changed", &base).success().stdout, "no manifest has changed\n");
    write("an app.yaml", &new());
    step("Check what has changed", &base).success().says(&["manifests/an app.yaml", "no errors"]);
    let _ = step("Say what changes", &base).success();
    let summary = std::fs::read_to_string(folder.join("summary.md")).unwrap();
    assert!(summary.starts_with("### `manifests/an app.yaml`\n\n- **w**: changed"), "{summary}");
    assert!(!summary.contains("other.yaml"), "{summary}");

    write("an app.yaml", &OLD.replace("task: t }", "task: tt }"));
    let failed = step("Check what has changed", &base).code(1);
    assert!(failed.stdout.starts_with("::error file=manifests/an app.yaml,line=7,"), "{failed}");
    let _ = step("Say what changes", &base).success();
    // Without a commit to compare with, all that is in the repository is checked.
    step("Check what has changed", "").code(1).says(&["manifests/other.yaml"]);
}
