//! The schema that editors check manifests by, held against what the compiler says of the same manifests.
//!
//! It may take what `check` refuses, since it cannot say everything, and never the other way round.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

use jsonschema::Validator;
use oneiric_tests::Compiler;
use serde_json::Value;

/// The codes of what no JSON Schema can say: how text is written, what names refer to, and what values are together.
const BEYOND: &[&str] = &[
    "O1002", "O1004", "O1007", "O1010", "O2007", "O2010", "O2018", "O2019", "O2020", "O3001", "O3002",
    "O3003", "O3004", "O3005", "O3006", "O3008", "O3009", "O4001", "O4002", "O4003", "O5001", "O5002",
    "O5010",
];

/// The one case that the reader of the tests does not read: it has a byte order mark in front of a directive.
const UNREAD: &str = "pass/dialect/manifest.yaml";

/// The manifests in the folders of `folder`, or in it, by path.
fn manifests(folder: &str) -> Vec<PathBuf> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join(folder);
    let entries = std::fs::read_dir(folder).expect("the folder is there");
    let mut found: Vec<PathBuf> = entries
        .map(|entry| entry.expect("a folder can be read").path())
        .map(|path| if path.is_dir() { path.join("manifest.yaml") } else { path })
        .collect();
    found.sort();
    assert!(!found.is_empty());
    found
}

fn schema() -> Validator {
    let schema = Compiler::get().run(["schema"]).success().json();
    jsonschema::meta::validate(&schema).expect("the schema is a schema");
    jsonschema::validator_for(&schema).expect("the schema can be used")
}

/// What an editor's reader of YAML makes of the file; `None` where it is not YAML.
fn read(manifest: &Path) -> Option<Value> {
    serde_yaml::from_slice(&std::fs::read(manifest).expect("the manifest can be read")).ok()
}

#[test]
fn manifests_that_check_are_valid() {
    let schema = schema();
    for manifest in manifests("manifests/pass").into_iter().chain(manifests("../manifests")) {
        let Some(value) = read(&manifest) else {
            assert!(manifest.ends_with(UNREAD), "{} is not YAML", manifest.display());
            continue;
        };
        // The form of the Python project is read, and not what editors are to offer.
        if value.get("entries").is_some() {
            continue;
        }
        let faults: Vec<String> =
            schema.iter_errors(&value).map(|fault| format!("{}: {fault}", fault.instance_path())).collect();
        assert!(faults.is_empty(), "{}: {faults:#?}", manifest.display());
    }
}

#[test]
fn what_check_refuses_is_invalid_where_a_schema_can_say_so() {
    let schema = schema();
    let mut wrong = Vec::new();
    let mut taken = BTreeSet::new();
    for manifest in manifests("manifests/fail") {
        let Some(value) = read(&manifest) else { continue };
        let errors = errors(&manifest);
        if !schema.is_valid(&value) {
            wrong.extend(
                errors.is_empty().then(|| format!("{}: only the schema refuses it", manifest.display())),
            );
        } else if errors.iter().all(|code| BEYOND.contains(&code.as_str())) {
            taken.extend(errors);
        } else {
            wrong.push(format!("{}: the schema takes it in spite of {errors:?}", manifest.display()));
        }
    }
    assert!(wrong.is_empty(), "{wrong:#?}");
    assert_eq!(taken, BEYOND.iter().map(|&code| code.to_owned()).collect(), "each is beyond the schema");
}

/// The codes of the errors that `check` finds.
fn errors(manifest: &Path) -> BTreeSet<String> {
    let manifest = manifest.to_str().expect("names of cases are text");
    let document = Compiler::get().run(["check", "--format", "json", manifest]).json();
    let faults = document["diagnostics"].as_array().expect("there is a list").iter();
    let errors = faults.filter(|fault| fault["severity"] == "error");
    errors.map(|fault| fault["code"].as_str().expect("a code is text").to_owned()).collect()
}
