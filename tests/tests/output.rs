//! The forms that faults leave the compiler in, held against their schemas and against each other; and what becomes of
//! warnings.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use jsonschema::Validator;
use oneiric_tests::{Compiler, Output};
use serde_json::Value;

/// The manifests of the failing cases, as somebody at the top of the workspace names them.
fn cases() -> Vec<String> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("manifests/fail");
    let cases = std::fs::read_dir(folder).expect("the cases are there");
    let name = |case: std::fs::DirEntry| case.file_name().into_string().expect("names of cases are text");
    let mut cases: Vec<String> = cases
        .map(|case| name(case.expect("a folder can be read")))
        .map(|case| format!("tests/manifests/fail/{case}/manifest.yaml"))
        .collect();
    cases.sort();
    cases
}

fn check(format: &str, manifests: &[String]) -> Output {
    let arguments = ["check", "--format", format].map(str::to_owned);
    Compiler::get().run(arguments.iter().chain(manifests))
}

#[track_caller]
fn assert_valid(schema: &Validator, document: &Value, name: &str) {
    let faults: Vec<String> =
        schema.iter_errors(document).map(|fault| format!("{}: {fault}", fault.instance_path())).collect();
    assert!(faults.is_empty(), "{name}: {faults:#?}");
}

/// The faults of all cases in the form that has its own tests: `manifests.rs` holds it against what people see.
fn faults() -> Vec<Value> {
    let document = check("json", &cases()).code(1).json();
    document["diagnostics"].as_array().expect("it is a list").clone()
}

#[test]
fn json_is_what_its_schema_says() {
    let schema = Compiler::get().run(["schema", "diagnostics"]).success().json();
    jsonschema::meta::validate(&schema).expect("the schema is a schema");
    let schema = jsonschema::validator_for(&schema).expect("the schema can be used");
    assert_valid(&schema, &check("json", &cases()).code(1).json(), "all cases");
    let sound = check("json", &["manifests/hello.yaml".to_owned()]).success().json();
    assert_valid(&schema, &sound, "no faults");
    assert!(!schema.is_valid(&serde_json::json!({ "version": 2, "diagnostics": [] })));
}

#[test]
fn sarif_is_valid_and_complete() {
    let schema =
        std::fs::read(Path::new(env!("CARGO_MANIFEST_DIR")).join("schemas/sarif-2.1.0.json")).unwrap();
    // The pattern of a language, as it was published, has a bracket that draft 7 does not take; the standard mended it.
    let schema = String::from_utf8(schema).unwrap().replace("[a-zA-Z]{2}]?$", "[a-zA-Z]{2}$");
    let schema = serde_json::from_str(&schema).unwrap();
    let schema = jsonschema::validator_for(&schema).unwrap();
    let sound = check("sarif", &["manifests/hello.yaml".to_owned()]).success().json();
    assert_valid(&schema, &sound, "no faults");
    assert_eq!(sound["runs"][0]["invocations"][0]["exitCode"], 0);

    let log = check("sarif", &cases()).code(1).json();
    assert_valid(&schema, &log, "all cases");
    let run = &log["runs"][0];
    assert_eq!(run["invocations"][0]["exitCode"], 1);
    assert_eq!(run["columnKind"], "unicodeCodePoints");
    let results = run["results"].as_array().unwrap();
    let faults = faults();
    assert_eq!(results.len(), faults.len());
    for (result, fault) in results.iter().zip(&faults) {
        assert_eq!((&result["ruleId"], &result["level"]), (&fault["code"], &fault["severity"]));
        let index = usize::try_from(result["ruleIndex"].as_u64().unwrap()).unwrap();
        let rule = &run["tool"]["driver"]["rules"][index];
        assert_eq!(rule["id"], fault["code"]);
        assert!(rule["help"]["markdown"].as_str().unwrap().starts_with("# O"), "{rule}");
        assert!(result["message"]["text"].as_str().unwrap().starts_with(fault["message"].as_str().unwrap()));
        let place = &result["locations"][0]["physicalLocation"];
        assert_eq!(place["artifactLocation"]["uri"], fault["file"]);
        for (sarif, json) in [
            ("startLine", "line"),
            ("startColumn", "column"),
            ("endLine", "end_line"),
            ("endColumn", "end_column"),
        ] {
            assert_eq!(place["region"][sarif], fault["primary"][json], "{sarif} of {result}");
        }
        let related = result["relatedLocations"].as_array().map_or(0, Vec::len);
        assert_eq!(related, fault["related"].as_array().unwrap().len());
    }
}

/// The properties of a workflow command, and its message, as GitHub reads them.
fn command(line: &str) -> Option<(&str, BTreeMap<&str, String>, String)> {
    let (head, message) = line.strip_prefix("::")?.split_once("::")?;
    let (name, properties) = head.split_once(' ')?;
    let plain = |text: &str| text.replace("%0A", "\n").replace("%0D", "\r").replace("%25", "%");
    let property = |text: &str| plain(&text.replace("%3A", ":").replace("%2C", ","));
    let properties = properties.split(',').map(|one| {
        let (key, value) = one.split_once('=')?;
        Some((key, property(value)))
    });
    Some((name, properties.collect::<Option<_>>()?, plain(message)))
}

#[test]
fn annotations_land_on_the_lines_of_a_pull_request() {
    let output = check("github", &cases()).code(1);
    let faults = faults();
    assert_eq!(output.stdout.lines().count(), faults.len(), "each is one line");
    for (line, fault) in output.stdout.lines().zip(&faults) {
        let (level, properties, message) = command(line).unwrap();
        assert_eq!(level, fault["severity"]);
        assert_eq!(properties["title"], fault["code"].as_str().unwrap());
        assert_eq!(properties["file"], fault["file"].as_str().unwrap());
        assert_eq!(properties["line"], fault["primary"]["line"].to_string());
        assert_eq!(properties["endLine"], fault["primary"]["end_line"].to_string());
        if fault["primary"]["line"] == fault["primary"]["end_line"] {
            assert_eq!(properties["col"], fault["primary"]["column"].to_string());
        }
        assert!(message.starts_with(fault["message"].as_str().unwrap()), "{message}");
    }
    // People who open the log read the same as ever.
    let human = check("human", &cases()).code(1);
    assert_eq!(output.stderr, human.stderr);
}

#[test]
fn annotations_name_files_as_the_repository_does() {
    let workspace = PathBuf::from(env!("CARGO_MANIFEST_DIR"));
    let manifest = workspace.join("manifests/fail/cycle/manifest.yaml");
    let mut command = Compiler::get().command(["check", "--format", "github", manifest.to_str().unwrap()]);
    let output = command.env("GITHUB_WORKSPACE", &workspace).output().unwrap();
    let stdout = String::from_utf8(output.stdout).unwrap();
    assert!(stdout.starts_with("::error file=manifests/fail/cycle/manifest.yaml,line="), "{stdout}");
}

const WITH_A_WARNING: &str = "tests/manifests/fail/unused-task/manifest.yaml";
const WITH_AN_ERROR: &str = "tests/manifests/fail/cycle/manifest.yaml";

#[test]
fn warnings_are_what_the_command_line_says() {
    let run = |arguments: &[&str]| Compiler::get().run([&["check", WITH_A_WARNING], arguments].concat());
    run(&[]).success().says(&["warning[O3004]"]);
    for deny in [["--deny", "O3004"], ["-D", "unused-task"], ["--deny", "all"]] {
        run(&deny).code(1).says(&["error[O3004]", "it is a warning, and `--deny"]);
    }
    for allow in [["--allow", "O3004"], ["-A", "all"]] {
        assert!(!run(&allow).success().stderr.contains("O3004"));
    }
    // What is said about one counts before what is said about all.
    run(&["--deny", "all", "--warn", "O3004"]).success().says(&["warning[O3004]"]);
    assert!(!run(&["--deny", "all", "--allow", "O3004"]).success().stderr.contains("O3004"));
    run(&["--deny", "O3404"]).code(2).says(&["there is no warning `O3404`", "did you mean `O3004`?"]);
    run(&["--allow", "cycle"])
        .code(2)
        .says(&["`O4001` (cycle) is an error, and only warnings can be allowed"]);

    let denied = Compiler::get().run(["generate", "--check", WITH_A_WARNING, "--deny", "all"]);
    denied.code(1).says(&["error[O3004]"]);
}

#[test]
fn warnings_are_what_the_manifest_says() {
    let denied = "tests/manifests/fail/denied-warning/manifest.yaml";
    let output = Compiler::get().run(["check", denied]).code(1);
    output.says(&["error[O3004]", "`lints: { all: deny }` makes it an error"]);
    assert!(!output.stderr.contains("O3007"), "{output}");
    // The command line has the last word.
    Compiler::get().run(["check", denied, "--warn", "O3004", "--warn", "O3007"]).success().says(&["O3007"]);
}

#[test]
fn every_format_ends_with_the_same_status() {
    for format in ["human", "json", "sarif", "github"] {
        let status = |manifest: &str| check(format, &[manifest.to_owned()]).status.code();
        assert_eq!(status("manifests/hello.yaml"), Some(0), "{format}");
        assert_eq!(status(WITH_A_WARNING), Some(0), "{format}");
        assert_eq!(status(WITH_AN_ERROR), Some(1), "{format}");
        assert_eq!(status("no-such-file.yaml"), Some(3), "{format}");
    }
    assert_eq!(check("yaml", &cases()).status.code(), Some(2));
}

#[test]
fn names_on_the_command_line_are_understood() {
    for (arguments, meant) in [
        (&["chekc", "manifests/hello.yaml"] as &[&str], "check"),
        (&["check", "--format", "jsno", "manifests/hello.yaml"], "json"),
        (&["check", "--denny", "all", "manifests/hello.yaml"], "--deny"),
        (&["plan", "--format", "mermiad", "manifests/hello.yaml"], "mermaid"),
        (&["schema", "manifets"], "manifest"),
        (&["explain", "unkown-task"], "unknown-task"),
    ] {
        Compiler::get().run(arguments).code(2).says(&[meant]);
    }
}

#[test]
fn what_is_not_the_manifests_is_ascii_for_a_file() {
    let output = Compiler::get().run(["check", "tests/manifests/fail/nodes-as-list/manifest.yaml"]).code(1);
    assert!(output.stderr.is_ascii(), "{output}");
}
