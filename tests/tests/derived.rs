//! Files that are made from others and committed: they are what they would be made to now. `UPDATE=1` rewrites them.

use std::path::Path;
use std::process::Command;

use oneiric_tests::{Compiler, workspace};
use serde_json::Value;

/// Compares a committed file with what it should be, or makes it that.
#[track_caller]
fn is_fresh(path: &str, expected: &str) {
    let file = workspace().join(path);
    if std::env::var_os("UPDATE").is_some_and(|value| value == "1") {
        std::fs::write(&file, expected).expect("the file can be written");
    }
    let found = std::fs::read_to_string(&file).unwrap_or_default();
    assert!(found == expected, "`{path}` is stale: `UPDATE=1 cargo test -p oneiric-tests --test derived`");
}

/// Described by hand until the runtime has them. An adapter that lands leaves this list, and is described by its file.
const NOT_YET: [&str; 0] = [];

/// What the compiler knows of adapters is what the runtime has.
#[test]
fn the_catalogue_is_what_the_runtime_has() {
    let cargo = Command::new(env!("CARGO"))
        .args(["run", "--quiet", "--package", "oneiric-catalog"])
        .current_dir(workspace())
        .output()
        .expect("cargo can be started");
    assert!(cargo.status.success(), "{}", String::from_utf8_lossy(&cargo.stderr));
    let mut list: Vec<Value> = serde_json::from_slice(&cargo.stdout).expect("it is JSON");
    let landed: Vec<String> =
        list.iter().map(|entry| entry["id"].as_str().expect("an id").to_owned()).collect();
    let both: Vec<&&str> = NOT_YET.iter().filter(|id| landed.iter().any(|landed| landed == **id)).collect();
    assert!(both.is_empty(), "the runtime has {both:?}: take them off the list of this test");

    let path = "oneiric-build/src/catalog/catalog.json";
    let committed = std::fs::read(workspace().join(path)).expect("the catalogue is there");
    let committed: Vec<Value> = serde_json::from_slice(&committed).expect("it is JSON");
    list.extend(committed.into_iter().filter(|entry| NOT_YET.iter().any(|id| entry["id"] == *id)));
    list.sort_by_key(|entry| entry["id"].as_str().map(str::to_owned));
    is_fresh(path, &format!("{}\n", serde_json::to_string_pretty(&list).expect("it is JSON")));
}

/// The pages of adapters can be read without the compiler.
#[test]
fn the_pages_of_adapters_are_what_the_compiler_prints() {
    let list = Compiler::get().run(["adapters", "--format", "json"]).success().json();
    let list = list["adapters"].as_array().expect("there is a list");
    for adapter in list {
        let id = adapter["id"].as_str().expect("an id is text");
        let page = Compiler::get().run(["adapters", id]).success().stdout;
        is_fresh(&format!("docs/adapters/{id}.md"), &page);
    }
    let pages = std::fs::read_dir(workspace().join("docs/adapters")).expect("the folder is there");
    assert_eq!(pages.count(), list.len(), "each page in docs/adapters is of an adapter");
}

/// The runtime's cargo features that programs can need.
fn features() -> Vec<String> {
    let list = Compiler::get().run(["adapters", "--format", "json"]).success().json();
    let list = list["adapters"].as_array().expect("there is a list").iter();
    let landed = list.filter(|adapter| NOT_YET.iter().all(|id| adapter["id"] != *id));
    let features = landed.filter_map(|adapter| adapter["feature"].as_str());
    features.chain(["sqlite"]).map(str::to_owned).collect()
}

/// The compiler carries the versions that a program without a package is built with: this workspace's own.
#[test]
fn the_runtimes_lock_has_the_versions_of_the_workspace() {
    let folder = tempfile::tempdir().expect("a folder can be made");
    let folder = folder.path().to_str().expect("its path is text");
    let _ = Compiler::get().run(["generate", "manifests/hello.yaml", "--out", folder]).success();
    // A program that has every adapter has every dependency that a program can have.
    let manifest = Path::new(folder).join("Cargo.toml");
    let text = std::fs::read_to_string(&manifest).expect("the manifest can be read");
    let all = text.replace("features = [\"sqlite\"]", &format!("features = {:?}", features()));
    assert_ne!(all, text);
    std::fs::write(&manifest, all).expect("the manifest can be written");
    let lock = Path::new(folder).join("Cargo.lock");
    std::fs::copy(workspace().join("Cargo.lock"), &lock).expect("the lock can be copied");

    // Cargo keeps what the program can reach and drops the rest.
    let cargo = Command::new(env!("CARGO"))
        .args(["metadata", "--offline", "--format-version", "1", "--manifest-path"])
        .arg(manifest)
        .output()
        .expect("cargo can be started");
    assert!(cargo.status.success(), "{}", String::from_utf8_lossy(&cargo.stderr));
    let resolved = std::fs::read_to_string(&lock).expect("the lock can be read");
    let (_, resolved) = resolved.split_once("version = 4").expect("the lock is of the version that is known");
    let packages = resolved.trim().split("\n\n").filter(|package| package.contains("\nsource = "));
    let mut expected = String::from("version = 4\n");
    for package in packages {
        expected.extend(["\n", package, "\n"]);
    }
    is_fresh("oneiric-build/src/project/runtime.lock", &expected);
}

/// The pages of all faults can be read without the compiler.
#[test]
fn the_pages_of_faults_are_what_the_compiler_explains() {
    let list = Compiler::get().run(["explain"]).success().stdout;
    let codes: Vec<&str> = list.lines().filter_map(|line| line.split_whitespace().next()).collect();
    for code in &codes {
        let page = Compiler::get().run(["explain", code]).success().stdout;
        is_fresh(&format!("docs/errors/{code}.md"), &page);
    }
    let pages = std::fs::read_dir(workspace().join("docs/errors")).expect("the folder is there");
    assert_eq!(pages.count(), codes.len(), "each page in docs/errors is of a code");
}

/// Editors and programs get the schemas from the repository, or from `oneiric schema`.
#[test]
fn the_schemas_are_what_the_compiler_prints() {
    for what in ["manifest", "diagnostics"] {
        let printed = Compiler::get().run(["schema", what]).success().stdout;
        is_fresh(&format!("docs/schema/{what}-1.json"), &printed);
    }
}
