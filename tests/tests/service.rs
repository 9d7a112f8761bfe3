//! The same tasks in three programs: a service of its own, one that a build script compiled, and one of `oneiric build`.
//! Each is killed in the middle of a run, and goes on where it was.

use std::path::PathBuf;
use std::process::Command;
use std::time::{Duration, SystemTime};

use oneiric_tests::{LIMIT, Output, Place, Process, Program, Project, wait_for};
use serde_json::{Value, json};

/// The top of the workspace.
const TOP: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/..");

/// What cargo says of each thing that it builds for these arguments.
fn cargo_build(arguments: &[&str]) -> Vec<Value> {
    let mut cargo = Command::new(env!("CARGO"));
    cargo.args(["build", "--message-format=json"]).args(arguments).current_dir(TOP);
    for (name, _) in std::env::vars_os() {
        if ["CARGO_PKG_", "CARGO_MANIFEST_"].iter().any(|prefix| name.to_string_lossy().starts_with(prefix)) {
            cargo.env_remove(name);
        }
    }
    let output = cargo.output().expect("cargo can be started");
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    let messages = String::from_utf8_lossy(&output.stdout);
    messages.lines().filter_map(|line| serde_json::from_str(line).ok()).collect()
}

fn program(name: &str) -> Program {
    let built = cargo_build(&["--package", "service", "--bin", name]);
    let path = built.iter().rev().find_map(|message| message["executable"].as_str());
    Program::at(PathBuf::from(path.expect("cargo says where the program is")))
}

/// Whether cargo finds nothing to do for the library or program `target` of a package.
fn is_fresh(package: &str, target: &str) -> bool {
    let built = cargo_build(&["--package", package]);
    let messages = built.iter().filter(|message| message["reason"] == "compiler-artifact");
    let mut found = messages.filter(|message| message["target"]["name"] == target);
    found.next().expect("cargo built it").get("fresh") == Some(&Value::Bool(true))
}

fn touch(path: &str) {
    let file = std::fs::File::options().append(true).open(format!("{TOP}/{path}")).expect("it is there");
    file.set_modified(SystemTime::now()).expect("its time can be set");
}

/// A node of a report.
fn node<'r>(report: &'r Value, name: &str) -> &'r Value {
    let nodes = report["nodes"].as_array().expect("a report has nodes");
    nodes.iter().find(|node| node["node"] == name).unwrap_or_else(|| panic!("no node `{name}`: {report}"))
}

/// The node that was under way when the process was killed, and those that were done and must not run again.
fn holds_across(before: &Value, after: &Value) {
    assert_eq!(after["status"], "completed", "{after}");
    for done in ["order", "payment"] {
        assert_eq!(node(before, done), node(after, done), "`{done}` was done, and did not run again");
    }
    assert_eq!(node(before, "pause")["until"], node(before, "pause")["until"]);
    let letter = &node(after, "thank")["output"]["text"];
    assert_eq!(letter, "Thank you! Dhl-7 is on its way to London.");
}

/// The programs that have the command line of `oneiric`'s.
fn is_killed_and_resumed(program: &Program) {
    let place = Place::new(program);
    let input = json!({ "order_id": "7", "carrier": "dhl" });
    let first = Process::spawn(&mut place.start("fulfil", "r", input.clone()));
    let mut before = Value::Null;
    wait_for(|| {
        let shown = place.run(["runs", "show", "r", "--json"]);
        before = serde_json::from_str(&shown.stdout).unwrap_or_default();
        before["nodes"].is_array() && node(&before, "pause")["status"] == "waiting"
    });
    let _: Output = first.kill();
    let _ = Process::spawn(&mut place.start("fulfil", "r", input)).wait().success();
    holds_across(&before, &place.show("r"));
}

#[test]
fn a_program_of_a_build_script_is_killed_and_resumed() {
    is_killed_and_resumed(&program("scripted"));
}

#[test]
fn a_program_of_the_compiler_is_killed_and_resumed() {
    let manifest = PathBuf::from(TOP).join("tests/service/manifests/service.yaml");
    let text = std::fs::read_to_string(manifest).expect("the manifest is there");
    is_killed_and_resumed(&Project::new("service", &text).program());
}

/// The service, and where it listens.
fn serve(program: &Program, place: &Place) -> (Process, String) {
    let process = Process::spawn(Command::new(program.path()).env("STATE_DIR", place.state()));
    let url = process.line(|line| line.trim().strip_prefix("http://").map(|it| format!("http://{it}")));
    (process, url)
}

fn request(method: &str, url: &str, limit: Duration) -> Option<(u16, Value)> {
    let agent = ureq::Agent::config_builder().http_status_as_error(false).timeout_global(Some(limit)).build();
    let request = ureq::http::Request::builder().method(method).uri(url).body(()).expect("it is a request");
    let mut response = agent.new_agent().run(request).ok()?;
    let body = response.body_mut().read_to_string().ok()?;
    Some((response.status().as_u16(), serde_json::from_str(&body).unwrap_or_default()))
}

#[test]
fn a_service_of_its_own_is_killed_and_resumed() {
    let program = program("service");
    let place = Place::new(&program);
    let (process, url) = serve(&program, &place);
    let order = format!("{url}/orders/7");
    // The run is under way when the client has lost its patience.
    let _ = request("PUT", &order, Duration::from_millis(500));
    let mut before = Value::Null;
    wait_for(|| {
        before = request("GET", &order, LIMIT).map(|(_, body)| body).unwrap_or_default();
        before["nodes"].is_array() && node(&before, "pause")["status"] == "waiting"
    });
    let _: Output = process.kill();

    let (process, url) = serve(&program, &place);
    let order = format!("{url}/orders/7");
    let mut after = Value::Null;
    wait_for(|| {
        after = request("GET", &order, LIMIT).map(|(_, body)| body).unwrap_or_default();
        after["status"] == "completed"
    });
    holds_across(&before, &after);
    let (status, letter) = request("PUT", &order, LIMIT).expect("it answers");
    assert_eq!((status, &letter["to"]), (200, &json!("Ada")), "the same order again is the same run");
    process.terminate();
    let _ = process.wait().success();
}

#[test]
fn only_a_changed_manifest_is_compiled_again() {
    for (package, target, manifest) in [
        ("service", "scripted", "tests/service/manifests/service.yaml"),
        ("macro-tests", "macro_tests", "tests/macros/src/program.yaml"),
    ] {
        let _ = is_fresh(package, target);
        assert!(is_fresh(package, target), "nothing has changed for `{package}`");
        touch(manifest);
        assert!(!is_fresh(package, target), "the manifest of `{package}` has changed");
    }
}

#[test]
fn the_macros_bring_no_client_server_or_command_line() {
    let tree = Command::new(env!("CARGO"))
        .args(["tree", "--package", "oneiric-macros", "--edges", "normal,build", "--prefix", "none"])
        .current_dir(TOP)
        .output()
        .expect("cargo can be started");
    let tree = String::from_utf8_lossy(&tree.stdout).into_owned();
    let names = tree.lines().filter_map(|line| line.split(' ').next()).collect::<Vec<_>>();
    assert!(names.contains(&"oneiric-build") && names.contains(&"syn"), "{tree}");
    for banned in ["clap", "clap_builder", "tokio", "hyper", "reqwest", "ureq", "axum", "anyhow", "rusqlite"]
    {
        assert!(!names.contains(&banned), "`oneiric-macros` depends on `{banned}`\n{tree}");
    }
}
