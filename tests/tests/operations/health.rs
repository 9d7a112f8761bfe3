//! What a program says of itself, to those who ask it and to those who read.

use oneiric_tests::{Place, Server, wait_for};
use serde_json::{Value, json};

use super::{keep, orchestrate, place, run};

/// The file that a program keeps of how it is.
fn file(place: &Place) -> Option<Value> {
    let text = std::fs::read_to_string(place.state().join("runtime_health.json")).ok()?;
    Some(serde_json::from_str(&text).expect("it is never half written"))
}

/// All secrets that the workflows name.
fn keep_all(place: &Place) {
    keep(place, &json!({ "LAYERED": "vault", "CANARY": "canary", "NOWHERE": "found" }));
}

#[test]
fn a_program_that_is_well_says_so_to_all() {
    let place = place();
    keep_all(&place);
    let server = Server::start(&place);
    for arguments in [&["health", "--json"] as &[&str], &["health", "--probe", "--json"]] {
        let health = place.run(arguments).success().json();
        assert_eq!(health["status"], "healthy", "{health:#}");
        assert_eq!(health["problems"], json!([]));
        assert_eq!(health["profile"]["name"], "default");
        assert_eq!(health["process"]["stage"], "ready");
        assert_eq!(health["process"]["pid"], server.process().pid().as_raw_pid());
        assert_eq!(health["store"], json!({ "state": "open" }));
        assert_eq!(health["supervisor"], json!({ "enabled": true }));
        assert_eq!(health["activity_state"], json!({ "draining": false, "runs_under_way": 0 }));
        let vault = &health["lifecycle_state"]["vault"];
        assert_eq!((&vault["provider"], &vault["state"]), (&"secrets.file".into(), &"ready".into()));
        let probe = if arguments.len() == 3 { json!({ "result": "healthy" }) } else { Value::Null };
        assert_eq!(vault["probe"], probe);
    }
    let text = place.run(["health", "--probe"]).success().stdout;
    assert!(text.starts_with("operated: healthy, ready, process "), "{text}");
    for line in [
        "Profile: default watchers=off remote=off inline-manifest=yes supervisor=on",
        "Store: open",
        "Runs: 0 under way",
        "Secrets: asked of vault, then second, then environment, then manifest",
        "  CANARY: found in vault",
        "Adapter: vault (secrets.file) ready, healthy",
    ] {
        assert!(text.lines().any(|said| said == line), "no `{line}` in\n{text}");
    }
    assert_eq!(server.get("/readyz").json(), json!({ "status": "ready" }));
    let _ = server.stop().success();
}

#[test]
fn a_program_that_is_not_well_says_why_and_ends_with_1() {
    let place = place();
    keep_all(&place);
    let server = Server::start(&place);
    // What is known is good; what is asked for now is not.
    std::fs::remove_file(place.path().join("secrets.json")).unwrap();
    let _ = place.run(["health"]).success();
    let health = place.run(["health", "--probe", "--json"]).code(1).json();
    assert_eq!(health["status"], "unhealthy");
    assert_eq!(health["lifecycle_state"]["vault"]["probe"]["result"], "unhealthy", "{health:#}");
    let problem = health["problems"][0].as_str().unwrap();
    assert!(problem.starts_with("the adapter `vault`: `secrets.json` cannot be read"), "{problem}");
    // It lives, and takes what does without.
    assert_eq!((server.get("/healthz").status, server.get("/readyz").status), (200, 200));
    let _ = server.stop().success();
}

#[test]
fn a_secret_that_is_nowhere_is_a_problem_and_keeps_nobody_from_starting() {
    let place = place();
    let server = Server::start(&place);
    let output = place.run(["health", "--json"]).code(1);
    let problems = output.json()["problems"].clone();
    assert_eq!(problems, json!(["there is no secret `NOWHERE` in `vault` or `second` or the environment"]));
    let text = place.run(["health"]).code(1).stdout;
    assert!(text.starts_with("operated: unhealthy, ready, process "), "{text}");
    let _ = server.stop().success();
}

#[test]
fn where_no_program_runs_the_command_looks_for_itself() {
    let place = place();
    keep_all(&place);
    let health = place.run(["health", "--json"]).success().json();
    assert_eq!(
        (&health["process"], &health["store"]),
        (&json!({ "stage": "not-running" }), &json!({ "state": "absent" }))
    );
    assert!(!place.state().exists(), "looking leaves nothing behind");
    let _ = place.run(["workflow", "run", "greet"]).success();
    let health = place.run(["health", "--probe", "--json"]).success().json();
    assert_eq!(health["store"], json!({ "state": "readable" }));
    assert_eq!(health["lifecycle_state"]["vault"]["probe"], json!({ "result": "healthy" }));
    assert_eq!(health["secrets"]["values"]["NOWHERE"], json!({ "state": "found", "source": "vault" }));

    keep(&place, &json!({}));
    let problems = place.run(["health", "--probe", "--json"]).code(1).json()["problems"].clone();
    assert_eq!(problems.as_array().map(Vec::len), Some(2), "{problems}");
    std::fs::write(place.database(), "this is no database").unwrap();
    let health = place.run(["health", "--json"]).code(1).json();
    assert_eq!(health["store"]["state"], "failed");
}

#[test]
fn the_file_follows_the_program_and_tells_its_processes_apart() {
    let place = place();
    let server = Server::start(&place);
    let stage =
        |place: &Place, stage: &str| file(place).is_some_and(|health| health["process"]["stage"] == stage);
    wait_for(|| stage(&place, "ready"));
    let first = file(&place).unwrap();
    assert_eq!(first["process"]["pid"], server.process().pid().as_raw_pid());
    server.kill();
    assert!(stage(&place, "ready"), "a process that was killed cannot say so");

    let server = Server::start(&place);
    wait_for(|| file(&place).unwrap()["process"]["boot_id"] != first["process"]["boot_id"]);
    let mode = std::os::unix::fs::MetadataExt::mode(
        &std::fs::metadata(place.state().join("runtime_health.json")).unwrap(),
    );
    assert_eq!(mode & 0o777, 0o600);
    let _ = server.stop().success();
    assert!(stage(&place, "stopped"));
    let left = std::fs::read_dir(place.state()).unwrap().map(|entry| entry.unwrap().file_name());
    assert!(
        left.into_iter().all(|name| !name.to_string_lossy().ends_with(".tmp")),
        "nothing is left beside it"
    );

    let elsewhere = place.path().join("elsewhere.json");
    let mut command = orchestrate(&place);
    let server = Server::spawn(command.args(["--health-path", elsewhere.to_str().unwrap()]));
    wait_for(|| elsewhere.exists());
    let _ = server.stop().success();
}

#[test]
fn every_new_command_prints_one_document_under_every_profile() {
    let place = place();
    for profile in ["default", "serverless"] {
        for arguments in [
            &["health", "--json"] as &[&str],
            &["health", "--probe", "--json"],
            &["supervisor-info", "--json"],
            &["secrets", "rotate", "--json"],
            &["secrets", "rotate", "LAYERED", "--json"],
        ] {
            let variables = [
                ("ONEIRIC_PROFILE", profile),
                ("ONEIRIC_LOG", "debug"),
                ("ONEIRIC_RUNTIME_SUPERVISOR__ENABLED", "true"),
                ("ONEIRIC_ADAPTERS__SECOND__PREFIX", "OTHER_"),
            ];
            // What is printed besides would be no JSON.
            assert!(run(&place, arguments, &variables).json().is_object());
        }
    }
}
