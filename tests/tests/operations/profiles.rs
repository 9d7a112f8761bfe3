//! Profiles, and what is set over them.

use std::net::TcpListener;
use std::path::PathBuf;

use oneiric_tests::{Place, Process, Project, Server, workspace};
use serde_json::{Value, json};

use super::{completes, event, orchestrate, place, run};

/// A port that nobody listens on just now.
fn free_port() -> u16 {
    let listener = TcpListener::bind(("127.0.0.1", 0)).expect("there are ports");
    listener.local_addr().expect("it has one").port()
}

#[test]
fn the_serverless_profile_is_chosen_by_the_environment_and_by_the_procfile() {
    let procfile = std::fs::read_to_string(workspace().join("Procfile")).expect("it is there");
    let line = procfile.trim().strip_prefix("web: ./app ").expect("a line for the web");
    let arguments = line.split(' ').collect::<Vec<_>>();
    let (flag, variable) = ("--profile", "ONEIRIC_PROFILE");
    for (arguments, variables, from) in [
        (vec!["orchestrate"], vec![(variable, "serverless")], variable),
        (arguments.clone(), vec![], flag),
        (vec!["--profile", "serverless", "orchestrate"], vec![(variable, "default")], flag),
    ] {
        let place = place();
        let port = free_port();
        let mut command = place.command(&arguments);
        command.envs(variables).env("PORT", port.to_string());
        let server = Server::spawn(&mut command);
        // At once, and not when it is ready.
        assert_eq!(completes(&server, "greet")["echo"], json!({ "said": "hello" }));
        let line = event(&server, "orchestrator-running");
        assert_eq!(line["http_port"], port, "{line}");
        assert_eq!(line["http_host"], "0.0.0.0", "{line}");
        assert_eq!((&line["profile"], &line["profile_from"]), (&"serverless".into(), &from.into()), "{line}");
        assert_eq!((&line["watchers_enabled"], &line["remote_enabled"]), (&false.into(), &false.into()));
        let _ = server.stop().success();
    }
}

#[test]
fn a_config_file_chooses_where_nothing_nearer_does() {
    let place = place();
    let config = place.path().join("config.json");
    std::fs::write(&config, json!({ "profile": "serverless" }).to_string()).unwrap();
    let variables = [("ONEIRIC_CONFIG", config.to_str().unwrap())];
    let info = run(&place, &["supervisor-info", "--json"], &variables).success().json();
    assert_eq!(info["profile"], json!({ "name": "serverless", "from": "config file" }));
    let nearer = [variables[0], ("ONEIRIC_PROFILE", "default")];
    let info = run(&place, &["supervisor-info", "--json"], &nearer).success().json();
    assert_eq!(info["profile"], json!({ "name": "default", "from": "ONEIRIC_PROFILE" }));

    std::fs::write(&config, json!({ "profil": "serverless" }).to_string()).unwrap();
    run(&place, &["supervisor-info"], &variables).code(2).says(&["`profil`", "did you mean `profile`?"]);
}

#[test]
fn a_program_that_is_built_for_a_profile_refuses_another() {
    let manifest =
        include_str!("../../programs/operated.yaml").replace("package:", "profile: serverless\npackage:");
    let program = Project::new("operated-serverless", &manifest).program();
    let place = Place::new(&program);
    let info = run(&place, &["supervisor-info", "--json"], &[]).success().json();
    assert_eq!(info["profile"], json!({ "name": "serverless", "from": "build" }));
    for (arguments, variables) in [
        (vec!["supervisor-info", "--profile", "default"], vec![]),
        (vec!["runs", "list"], vec![("ONEIRIC_PROFILE", "default")]),
        (vec!["orchestrate"], vec![("ONEIRIC_PROFILE", "default")]),
    ] {
        let output = run(&place, &arguments, &variables).code(2);
        output.says(&["is `default`", "built for the profile serverless alone"]);
    }
}

/// The switch that the first Oneiric showed and did not heed.
#[test]
fn the_supervisor_is_off_where_somebody_says_so_whatever_the_profile() {
    let place = place();
    let off = [("ONEIRIC_RUNTIME_SUPERVISOR__ENABLED", "false")];
    let text = run(&place, &["--profile", "serverless", "supervisor-info"], &off).success().stdout;
    assert!(text.starts_with("Supervisor toggles: profile=on runtime=off poll_interval=none\n"), "{text}");
    assert!(text.contains("\nEnv override: ONEIRIC_RUNTIME_SUPERVISOR__ENABLED=false\n"), "{text}");

    let mut command = orchestrate(&place);
    let server = Server::spawn(command.args(["--profile", "serverless"]).envs(off));
    server.wait_until_ready();
    assert!(!place.state().join("oneiric.sock").exists(), "no process can give orders");
    assert_eq!(event(&server, "orchestrator-running")["supervisor_enabled"], false);
    let refused = place.run(["workflow", "run", "greet", "--json"]).code(1).json();
    assert_eq!(refused["error"], "store-locked");
    drop(server);

    let server = Server::start(&place);
    assert!(place.state().join("oneiric.sock").exists());
    let _ = server.stop().success();
    let wrong = run(&place, &["supervisor-info"], &[("ONEIRIC_RUNTIME_SUPERVISOR__ENABLED", "maybe")]);
    wrong.code(2).says(&["ONEIRIC_RUNTIME_SUPERVISOR__ENABLED should be true or false"]);
}

/// Every value with who says so, and no value of anybody but the manifest. `UPDATE=1` rewrites what is expected.
#[test]
fn supervisor_info_says_each_value_and_where_it_comes_from() {
    let place = place();
    let config = place.path().join("config.json");
    let document = json!({
        "runtime_supervisor": { "enabled": true },
        "adapters": { "vault": { "path": "/canary/file" } },
    });
    std::fs::write(&config, document.to_string()).unwrap();
    let variables = [
        ("ONEIRIC_CONFIG", config.to_str().unwrap()),
        ("ONEIRIC_RUNTIME_SUPERVISOR__ENABLED", "off"),
        ("ONEIRIC_ADAPTERS__SECOND__UPPERCASE_KEYS", "true"),
        ("PORT", "9123"),
    ];
    for (arguments, file) in [
        (vec!["supervisor-info"], "supervisor-info.txt"),
        (vec!["supervisor-info", "--json"], "supervisor-info.json"),
    ] {
        let output = run(&place, &arguments, &variables).success();
        assert!(output.stderr.is_empty() && !output.stdout.contains("canary"), "{output}");
        let found = match serde_json::from_str::<Value>(&output.stdout) {
            Ok(document) => format!("{document:#}\n"),
            Err(_) => output.stdout,
        };
        is_golden(file, &found);
    }
}

#[track_caller]
fn is_golden(file: &str, found: &str) {
    let path = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("tests/operations").join(file);
    if std::env::var_os("UPDATE").is_some_and(|value| value == "1") {
        std::fs::write(&path, found).expect("it can be written");
    }
    let expected = std::fs::read_to_string(&path).unwrap_or_default();
    assert_eq!(
        found, expected,
        "`{file}` is stale: `UPDATE=1 cargo test -p oneiric-tests --test operations`"
    );
}

#[test]
fn wrong_settings_are_told_at_start_with_their_place_and_without_their_value() {
    let place = place();
    for (variable, value, parts) in [
        ("ONEIRIC_ADAPTERS__VALT__PATH", "canary", &["no adapter `VALT`", "`VAULT`"] as &[&str]),
        (
            "ONEIRIC_ADAPTERS__VAULT__PAHT",
            "canary",
            &["unknown field `paht`", "(from ONEIRIC_ADAPTERS__VAULT__PAHT)"],
        ),
        (
            "ONEIRIC_ADAPTERS__VAULT__FORMAT",
            "canary",
            &["unknown variant", "(from ONEIRIC_ADAPTERS__VAULT__FORMAT)"],
        ),
        ("ONEIRIC_ADAPTERS__SECOND__UPPERCASE_KEYS", "canary", &["expected a boolean"]),
        ("ONEIRIC_CONFIG", "nowhere.json", &["cannot read `nowhere.json`"]),
    ] {
        let output = Process::spawn(place.command(["orchestrate", "--no-http"]).env(variable, value)).wait();
        let text = output.to_string();
        assert_eq!(output.status.code(), Some(2), "{output}");
        assert!(!output.stdout.contains("canary") && !output.stderr.contains("canary"), "{output}");
        assert!(parts.iter().all(|part| text.contains(part)), "{parts:?}\n{output}");
    }
}
