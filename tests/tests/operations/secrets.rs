//! Where secrets come from, and how they are changed while a program runs.

use oneiric_tests::{Place, Server};
use serde_json::{Value, json};

use super::{completes, keep, orchestrate, place, run};

/// What there is of a secret in each place, by its length.
const VAULT: &str = "v";
const SECOND: &str = "ss";
const ENVIRONMENT: &str = "eee";

/// The result of a run that measures a secret that these places have.
fn measured(vault: Option<&str>, variables: &[(&str, &str)]) -> Value {
    let place = place();
    keep(&place, &vault.map_or_else(|| json!({}), |secret| json!({ "LAYERED": secret })));
    let document = run(&place, &["workflow", "run", "measure", "--json"], variables).success().json();
    document["results"]["length"].clone()
}

#[test]
fn each_place_is_asked_after_those_before_it_have_missed() {
    let second = ("SECOND_LAYERED", SECOND);
    let environment = ("ONEIRIC_SECRET_LAYERED", ENVIRONMENT);
    assert_eq!(measured(Some(VAULT), &[second, environment]), VAULT.len());
    assert_eq!(measured(None, &[second, environment]), SECOND.len());
    assert_eq!(measured(None, &[environment]), ENVIRONMENT.len());
    assert_eq!(measured(None, &[]), "manifest".len());
}

#[test]
fn a_source_that_cannot_be_asked_is_no_miss() {
    let place = place();
    std::fs::write(place.path().join("secrets.json"), "{ canary").unwrap();
    let variables = [("ONEIRIC_SECRET_LAYERED", ENVIRONMENT)];
    let output = run(&place, &["workflow", "run", "measure", "--json"], &variables).code(1);
    let error = output.json()["error"].as_str().map(str::to_owned).unwrap_or_default();
    assert!(error.contains("the secret `LAYERED` cannot be read from `vault`"), "{error}");
    assert!(!output.to_string().contains("canary"), "{output}");
}

#[test]
fn health_says_where_a_secret_was_found_and_not_what_it_is() {
    let place = place();
    keep(&place, &json!({ "CANARY": "sparrow" }));
    let mut command = orchestrate(&place);
    let server =
        Server::spawn(command.env("ONEIRIC_SECRET_LAYERED", "sparrow").env("SECOND_NOWHERE", "sparrow"));
    server.wait_until_ready();
    let output = place.run(["health", "--json"]).success();
    assert!(!output.stdout.contains("sparrow"), "{output}");
    let secrets = &output.json()["secrets"];
    assert_eq!(secrets["order"], json!(["vault", "second", "environment", "manifest"]));
    assert_eq!(secrets["values"]["LAYERED"], json!({ "state": "found", "source": "environment" }));
    assert_eq!(secrets["values"]["CANARY"], json!({ "state": "found", "source": "vault" }));
    assert_eq!(secrets["values"]["NOWHERE"], json!({ "state": "found", "source": "second" }));
    drop(server);
}

fn rotate(place: &Place, names: &[&str]) -> Value {
    let arguments = [&["secrets", "rotate", "--json"], names].concat();
    place.run(arguments).success().json()
}

#[test]
fn rotating_has_sources_asked_again_in_the_program_that_runs() {
    let place = place();
    assert_eq!(rotate(&place, &[]), json!({ "forgotten": 0, "adapters": [] }), "nobody runs");
    let text = place.run(["secrets", "rotate"]).success().stdout;
    assert_eq!(text, "No program runs here that could have kept a secret.\n");

    let server = Server::start(&place);
    let length = || completes(&server, "measure")["length"].clone();
    assert_eq!(length(), "vault".len());
    keep(&place, &json!({ "LAYERED": "another", "CANARY": "canary" }));
    assert_eq!(length(), "vault".len(), "it is kept for an hour");
    assert_eq!(rotate(&place, &["CANARY"]), json!({ "forgotten": 1, "adapters": [] }));
    assert_eq!(length(), "vault".len(), "that was another");
    assert_eq!(rotate(&place, &["LAYERED"]), json!({ "forgotten": 1, "adapters": [] }));
    assert_eq!(length(), "another".len());
    assert_eq!(place.run(["secrets", "rotate"]).success().stdout, "1 secret forgotten.\n");
    assert_eq!(rotate(&place, &[]), json!({ "forgotten": 0, "adapters": [] }), "nothing is kept any more");
    let _ = server.stop().success();
}
