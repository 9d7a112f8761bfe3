//! The code that is written for sound manifests: every `manifests/pass/<case>/` has the `main.rs` that its manifest becomes,
//! and every one of them compiles without a warning. `UPDATE=1` writes them anew.

use std::collections::BTreeMap;
use std::path::Path;
use std::process::Command;
use std::sync::OnceLock;

use oneiric_tests::{Compiler, workspace};

/// Where the cases are.
const CASES: &str = "tests/manifests/pass";

/// The runtime's cargo features that the cases need together.
const FEATURES: &[&str] = &["messaging-slack", "queue-cloudtasks", "queue-pubsub", "sqlite"];

/// The code that each case becomes now, by name.
fn generated() -> &'static BTreeMap<String, String> {
    static GENERATED: OnceLock<BTreeMap<String, String>> = OnceLock::new();
    GENERATED.get_or_init(|| {
        let folder = tempfile::tempdir().expect("a folder can be made");
        let cases = std::fs::read_dir(workspace().join(CASES)).expect("the cases are there");
        let names = cases.map(|entry| entry.expect("a folder can be read").file_name());
        let names = names.map(|name| name.into_string().expect("names of cases are text"));
        let code = |name: String| {
            let manifest = format!("{CASES}/{name}/manifest.yaml");
            let out = folder.path().join(&name);
            let out = out.to_str().expect("its path is text");
            let _ = Compiler::get().run(["generate", &manifest, "--out", out]).success();
            let _ = Compiler::get().run(["generate", &manifest, "--out", out, "--check"]).success();
            let text = std::fs::read_to_string(Path::new(out).join("src/main.rs")).expect("it was written");
            (name, text)
        };
        names.map(code).collect()
    })
}

#[test]
fn manifests_become_the_code_beside_them() {
    let mut differences = Vec::new();
    for (name, text) in generated() {
        let golden = workspace().join(CASES).join(name).join("main.rs");
        if std::env::var_os("UPDATE").is_some() {
            std::fs::write(&golden, text).expect("the folder of a case can be written to");
        }
        if std::fs::read_to_string(&golden).unwrap_or_default() != *text {
            differences.push(format!("--- {}\n{text}", golden.display()));
        }
    }
    assert!(differences.is_empty(), "not as expected; UPDATE=1 takes it over\n{}", differences.join("\n"));
}

/// All of them are binaries of one crate, so that one run of cargo tells of all.
#[test]
fn the_code_compiles_without_a_warning() {
    let folder = workspace().join("target/golden");
    let binaries = folder.join("src/bin");
    // A case may have gone since the last run.
    let _ = std::fs::remove_dir_all(&binaries);
    for (name, text) in generated() {
        let binary = binaries.join(name);
        std::fs::create_dir_all(&binary).expect("a folder can be made");
        std::fs::write(binary.join("main.rs"), text).expect("a file can be written");
        std::fs::write(binary.join("plan.json"), "{}").expect("a file can be written");
    }
    let manifest = format!(
        "[package]\nname = \"golden\"\nversion = \"0.0.0\"\nedition = \"2024\"\n\n[dependencies]\n\
        oneiric-runtime = {{ path = \"../../oneiric-runtime\", default-features = false, features = {FEATURES:?} }}\n\
        shop = {{ path = \"../../tests/shop\" }}\n\n[lints.rust]\nwarnings = \"deny\"\n\n[workspace]\n"
    );
    std::fs::write(folder.join("Cargo.toml"), manifest).expect("a file can be written");
    std::fs::copy(workspace().join("Cargo.lock"), folder.join("Cargo.lock")).expect("the lock can be copied");
    let cargo = Command::new(env!("CARGO"))
        .args(["check", "--offline", "--quiet", "--bins", "--manifest-path"])
        .arg(folder.join("Cargo.toml"))
        .arg("--target-dir")
        .arg(workspace().join("target"))
        .output()
        .expect("cargo can be started");
    assert!(cargo.status.success(), "{}", String::from_utf8_lossy(&cargo.stderr));
}
