//! Commands beside instances that serve: there is no process that has the store to itself, so they go to the database.

use std::time::Duration;

use oneiric_tests::wait_for;
use serde_json::json;

use crate::cluster::Cluster;

#[test]
fn every_command_works_beside_instances_and_without_them() {
    let cluster = Cluster::new(Duration::from_secs(5));
    let refused = cluster.run(["runs", "list", "--json"]);
    assert_eq!(refused.json()["error"], "store-denied", "{refused}");

    let place = cluster.place();
    let server = cluster.instance(&place);
    let request = cluster.request("slow", "r", 120_000);
    std::thread::scope(|scope| {
        let asked = scope.spawn(|| server.post(&request));
        wait_for(|| cluster.journal().counts("r").contains_key("slow"));
        let listed = cluster.run(["runs", "list", "--json"]).success().json();
        assert_eq!(listed["runs"][0]["status"], "running", "{listed}");
        let shown = cluster.run(["runs", "show", "r", "--json"]).success().json();
        assert_eq!(shown["nodes"][1]["status"], "running", "{shown}");

        // It is held by the instance, which hears of it through the database.
        let cancelled = cluster.run(["runs", "cancel", "r", "--json"]).success().json();
        assert_eq!(cancelled["status"], "cancelled", "{cancelled}");
        assert_eq!(asked.join().expect("it answers").status, 500);
        let again = cluster.run(["runs", "cancel", "r", "--json"]);
        assert_eq!(again.json()["error"], "not-now", "{again}");
    });

    // A command goes on with a run itself, and an instance that is asked for it meanwhile waits for that.
    let input = cluster.request("slow", "s", 1500)["context"].to_string();
    std::thread::scope(|scope| {
        let ran = scope.spawn(|| {
            cluster.run(["workflow", "run", "slow", "--run-id", "s", "--json", "--context", &input])
        });
        wait_for(|| cluster.journal().counts("s").contains_key("slow"));
        let answer = server.post(&cluster.request("slow", "s", 1500));
        assert_eq!(answer.status, 200, "{answer:?}");
        let ran = ran.join().expect("it ends").success().json();
        assert_eq!(ran["status"], "completed", "{ran}");
        assert_eq!(cluster.journal().counts("s")["slow"], 1);
    });
    let _ = server.stop().success();

    let resumed = cluster.run(["runs", "resume", "s", "--json"]);
    assert_eq!(resumed.json()["error"], "not-now", "{resumed}");
    let unknown = cluster.run(["runs", "show", "t", "--json"]);
    assert_eq!(unknown.json()["error"], "run-unknown", "{unknown}");
    let pruned = cluster.run(["runs", "prune", "--older-than", "0s", "--json"]).success().json();
    assert_eq!(pruned, json!({ "pruned": 2 }));
    let listed = cluster.run(["runs", "list", "--json"]).success().json();
    assert_eq!(listed, json!({ "runs": [] }));
}

#[test]
fn health_tells_whether_the_database_answers() {
    let cluster = Cluster::new(Duration::from_secs(5));
    let place = cluster.place();
    let server = cluster.instance(&place);
    let health = cluster.run(["health", "--probe", "--json"]).success().json();
    assert_eq!(health["store"]["state"], "readable", "{health}");
    let _ = server.stop().success();

    let mut command = cluster.command(&cluster.place(), ["health", "--probe", "--json"]);
    command.env("ONEIRIC_ADAPTERS__DB__HOST", "/nowhere").env("ONEIRIC_ADAPTERS__DB__PASSWORD", "canary");
    let output = oneiric_tests::Process::spawn(&mut command).wait();
    assert_eq!(output.status.code(), Some(1), "{output}");
    assert!(!output.to_string().contains("canary"), "{output}");
    assert_eq!(output.json()["store"]["state"], "failed", "{output}");
}
