//! A secret that is easy to recognise goes wherever secrets go, and is found in nothing that a program writes.

use std::path::{Path, PathBuf};

use oneiric_tests::{Output, Place, Program, Server};
use serde_json::{Value, json};

use super::{keep, orchestrate, run};

/// The secret. Nothing else is called so.
const CANARY: &str = "canary7f3a9c";

/// What was written, and where.
#[derive(Default)]
struct Written(Vec<(String, Vec<u8>)>);

impl Written {
    fn add(&mut self, output: Output) -> Output {
        for (name, text) in [("stdout", &output.stdout), ("stderr", &output.stderr)] {
            self.0.push((format!("{name} of {}", output.command), text.clone().into_bytes()));
        }
        output
    }

    /// All files below `folder` but those in which the secret was put.
    fn add_files(&mut self, folder: &Path, but: &[PathBuf]) {
        for entry in std::fs::read_dir(folder).expect("it can be read") {
            let path = entry.expect("it can be read").path();
            if path.is_dir() {
                self.add_files(&path, but);
            } else if path.is_file() && !but.contains(&path) {
                self.0.push((path.display().to_string(), std::fs::read(&path).expect("it can be read")));
            }
        }
    }

    #[track_caller]
    fn has_no(&self, secret: &str) {
        for (name, bytes) in &self.0 {
            let found = bytes.windows(secret.len()).position(|window| window == secret.as_bytes());
            let around = found.map(|at| {
                let part = &bytes[at.saturating_sub(200)..(at + 200).min(bytes.len())];
                String::from_utf8_lossy(part).into_owned()
            });
            assert_eq!(around, None, "the secret is in {name}");
        }
    }
}

/// Every secret that there is, is the canary; so are two settings.
fn place() -> (Place, PathBuf) {
    let place = Place::new(Program::operated());
    keep(&place, &json!({ "LAYERED": CANARY, "CANARY": CANARY }));
    let config = place.path().join("config.json");
    let document = json!({ "adapters": { "second": { "prefix": CANARY } } });
    std::fs::write(&config, document.to_string()).expect("it can be written");
    (place, config)
}

#[test]
fn a_secret_is_in_nothing_that_a_program_writes() {
    let (place, config) = place();
    let mut written = Written::default();
    let surroundings = [
        ("ONEIRIC_CONFIG", config.to_str().unwrap()),
        ("ONEIRIC_LOG", "debug"),
        ("ONEIRIC_SECRET_NOWHERE", CANARY),
        ("ONEIRIC_PROFILE", "serverless"),
    ];

    let mut command = orchestrate(&place);
    let server = Server::spawn(command.envs(surroundings));
    let ask = |server: &Server, written: &mut Written, workflow: &str, run_id: &str| -> Value {
        let request = json!({ "workflow": workflow, "run_id": run_id, "context": { "said": "hello" } });
        let answer = server.post(&request);
        written.0.push((format!("the answer to {workflow}"), answer.body.clone().into_bytes()));
        answer.json()
    };
    for path in ["/healthz", "/readyz", "/nowhere"] {
        written.0.push((path.to_owned(), server.get(path).body.into_bytes()));
    }
    let measured = ask(&server, &mut written, "measure", "r1");
    assert_eq!(measured["result"]["results"]["length"], CANARY.len(), "the run had the secret: {measured:#}");
    let careless = ask(&server, &mut written, "careless", "r2");
    assert_eq!(careless["error"], "workflow-execution-failed");

    for arguments in [
        &["health"] as &[&str],
        &["health", "--json"],
        &["health", "--probe", "--json"],
        &["supervisor-info"],
        &["supervisor-info", "--json"],
        &["runs", "list", "--json"],
        &["runs", "show", "r1"],
        &["runs", "show", "r2"],
        &["runs", "show", "r2", "--json"],
        &["runs", "resume", "r2", "--json"],
        &["workflow", "plan", "--json"],
        &["workflow", "run", "careless", "--run-id", "r3"],
        &["workflow", "run", "careless", "--run-id", "r4", "--json"],
        &["secrets", "rotate", "--json"],
        &["secrets", "rotate", "CANARY"],
    ] {
        written.add(run(&place, arguments, &surroundings));
    }
    let nodes = place.show("r2")["nodes"].clone();
    let of = |name: &str| nodes.as_array().unwrap().iter().find(|node| node["node"] == name).unwrap().clone();
    assert_eq!(of("measured")["output"], CANARY.len(), "{nodes:#}");
    for (node, says) in [
        ("misfit", "the secret `CANARY` is text, and something else is wanted"),
        ("in-text", "has a secret in it, does not fit"),
        ("unwrapped", "panicked: "),
        ("swallowed", "exited with status 3"),
    ] {
        let error = of(node)["error"].as_str().map(str::to_owned).unwrap_or_default();
        assert!(error.contains(says), "{node} failed as it should: {error}");
    }
    // One is killed, and one ends by itself: both have left what they had to leave.
    written.add(server.kill());
    let mut command = orchestrate(&place);
    let server = Server::spawn(command.envs(surroundings));
    ask(&server, &mut written, "careless", "r5");
    let output = written.add(server.stop());
    assert!(output.stderr.contains("panicked at"), "what a crash says is looked at: {output}");

    written.add_files(place.path(), &[place.path().join("secrets.json"), config.clone()]);
    let has = |name: &str| written.0.iter().any(|(file, bytes)| file.ends_with(name) && !bytes.is_empty());
    assert!(has("oneiric.db") && has("runtime_health.json"), "the store is looked at");
    written.has_no(CANARY);
}

#[test]
fn what_is_wrong_with_settings_and_sources_is_told_without_them() {
    let (place, config) = place();
    let mut written = Written::default();
    let commands: [&[&str]; 4] = [
        &["orchestrate", "--no-http"],
        &["health", "--json"],
        &["supervisor-info"],
        &["workflow", "run", "measure"],
    ];
    let wrong = |written: &mut Written, variables: &[(&str, &str)]| {
        for arguments in commands.iter().filter(|arguments| arguments[0] != "supervisor-info") {
            let output = written.add(run(&place, arguments, variables));
            assert_ne!(output.status.code(), Some(0), "{output}");
        }
        written.add(run(&place, commands[2], variables));
    };
    for variable in [
        "ONEIRIC_ADAPTERS__VAULT__FORMAT",
        "ONEIRIC_ADAPTERS__VAULT__TYPO",
        "ONEIRIC_ADAPTERS__SECOND__UPPERCASE_KEYS",
        "ONEIRIC_ADAPTERS__NOBODY__PATH",
        "ONEIRIC_RUNTIME_SUPERVISOR__ENABLED",
    ] {
        wrong(&mut written, &[(variable, CANARY)]);
    }
    for text in [
        format!("{{ {CANARY}"),
        json!({ "adapters": { "vault": CANARY } }).to_string(),
        json!({ "adapters": { "second": { "uppercase_keys": CANARY } } }).to_string(),
        json!({ "adapters": { "vault": { "format": [CANARY] } } }).to_string(),
        json!({ "runtime_supervisor": CANARY }).to_string(),
    ] {
        std::fs::write(&config, text).unwrap();
        wrong(&mut written, &[("ONEIRIC_CONFIG", config.to_str().unwrap())]);
    }
    // A source that has something else than it should.
    for text in [format!("{{ {CANARY}"), json!([CANARY]).to_string()] {
        std::fs::write(place.path().join("secrets.json"), text).unwrap();
        for arguments in
            [&["workflow", "run", "measure", "--json"] as &[&str], &["health", "--probe", "--json"]]
        {
            let _ = written.add(run(&place, arguments, &[])).code(1);
        }
    }
    written.add_files(place.path(), &[place.path().join("secrets.json"), config]);
    written.has_no(CANARY);
}
