//! A thousand runs, and instances that are killed at random until the last of them is done.

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::sync::Mutex;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::time::Duration;

use oneiric_tests::LIMIT;
use serde_json::Value;

use crate::cluster::{Cluster, STEPS};

const RUNS: usize = 1000;
const INSTANCES: usize = 3;

/// Who asks for runs, one after the other each.
const CALLERS: usize = 24;

/// How many kills the test must have seen to be worth its name.
const ENOUGH: usize = 8;

#[test]
fn a_thousand_runs_end_once_each_while_instances_are_killed() {
    let seed = std::env::var("SEED")
        .map_or_else(|_| fastrand::u64(..), |seed| seed.parse().expect("SEED is a number"));
    println!("SEED={seed}");
    let mut rng = fastrand::Rng::with_seed(seed);
    let cluster = Cluster::new(Duration::from_millis(1500));
    let places: Vec<_> = (0..INSTANCES).map(|_| cluster.place()).collect();
    let mut servers: Vec<_> = places.iter().map(|place| cluster.instance(place)).collect();
    let addresses = Mutex::new(servers.iter().map(oneiric_tests::Server::address).collect::<Vec<_>>());
    let next = AtomicUsize::new(0);
    let failed = AtomicBool::new(false);
    let answers = Mutex::new(BTreeMap::new());

    let kills = std::thread::scope(|scope| {
        let callers: Vec<_> = (0..CALLERS)
            .map(|_| {
                scope.spawn(|| {
                    let _told = Told(&failed);
                    loop {
                        let number = next.fetch_add(1, Ordering::Relaxed);
                        if number >= RUNS {
                            return;
                        }
                        let run_id = format!("run-{number}");
                        let results = ask(&cluster, &addresses, &run_id);
                        answers.lock().expect("nobody panics with it").insert(run_id, results);
                    }
                })
            })
            .collect();
        let mut kills = 0;
        while callers.iter().any(|caller| !caller.is_finished()) && !failed.load(Ordering::Relaxed) {
            std::thread::sleep(Duration::from_millis(rng.u64(300..1500)));
            let victim = rng.usize(..INSTANCES);
            let server = servers.remove(victim);
            drop(server.kill());
            let again = cluster.instance(&places[victim]);
            addresses.lock().expect("nobody panics with it")[victim] = again.address();
            servers.insert(victim, again);
            kills += 1;
        }
        kills
    });
    println!("{kills} kills");
    assert!(kills >= ENOUGH, "only {kills} kills");
    for server in servers {
        let _ = server.stop().success();
    }

    let answers = answers.into_inner().expect("nobody panicked with it");
    assert_eq!(answers.len(), RUNS);
    let outputs = |results: &Value| STEPS.map(|step| results[step].as_u64().expect("a digest"));
    let expected = outputs(&answers["run-0"]);
    for (run_id, results) in &answers {
        assert_eq!(outputs(results), expected, "{run_id}");
    }
    judge(&cluster);
}

/// What the store and the journal say when all is over.
fn judge(cluster: &Cluster) {
    let count = |text: &str| cluster.sql(text).parse::<usize>().expect("a number");
    let nothing = |what: &str, text: &str| {
        let found = cluster.sql(&format!("SELECT * FROM ({text}) AS found LIMIT 5"));
        assert_eq!(found, "", "{what}");
    };
    assert_eq!(count("SELECT count(*) FROM run WHERE status = 'completed'"), RUNS);
    assert_eq!(count("SELECT count(*) FROM run"), RUNS, "no run is lost or made up");
    let completed = "SELECT count(*) FROM log WHERE event = 'node completed'";
    assert_eq!(count(completed), RUNS * STEPS.len());
    nothing(
        "each node's result is recorded once",
        "SELECT run, node FROM event WHERE kind = 4 GROUP BY run, node HAVING count(*) <> 1",
    );
    nothing(
        "logs have no gaps",
        "SELECT run FROM event GROUP BY run HAVING max(seq) <> count(*) OR min(seq) <> 1",
    );
    nothing(
        "holders follow each other, and who was followed wrote nothing more",
        "SELECT * FROM (SELECT run, seq, epoch, lag(epoch) OVER (PARTITION BY run ORDER BY seq) AS earlier \
         FROM event) AS event WHERE epoch < earlier",
    );
    nothing(
        "what is written is written by a holder",
        "SELECT run, epoch FROM event EXCEPT SELECT run, epoch FROM lease",
    );
    nothing(
        "nobody takes what another still has",
        "SELECT later.* FROM lease AS earlier JOIN lease AS later ON later.run = earlier.run \
         AND later.epoch = earlier.epoch + 1 JOIN instance ON instance.key = earlier.instance \
         WHERE earlier.instance <> later.instance AND (ended_at IS NULL OR ended_at > later.taken_at)",
    );
    let takeovers = count("SELECT count(*) FROM lease WHERE epoch > 1");
    assert!(takeovers > 0, "nothing was taken over");

    // What happened outside: a node ran again only if its run changed hands.
    let holders = cluster.sql("SELECT encode(run_id, 'escape'), count(*) FROM lease JOIN run ON key = run GROUP BY 1");
    let holders: BTreeMap<&str, usize> = holders
        .lines()
        .filter_map(|line| line.split_once('|'))
        .map(|(run, count)| (run, count.parse().expect("a number")))
        .collect();
    let mut effects = BTreeMap::<(String, String), usize>::new();
    for line in cluster.journal().lines() {
        assert_eq!(line.key, format!("{}/{}", line.run, line.node));
        *effects.entry((line.run, line.node)).or_default() += 1;
    }
    assert_eq!(effects.len(), RUNS * STEPS.len());
    for ((run, node), count) in &effects {
        assert!(*count <= holders[run.as_str()], "{run}/{node} ran {count} times");
    }
    let repeated: usize = effects.values().map(|count| count - 1).sum();
    println!("{takeovers} runs changed hands, {repeated} attempts were made again");
}

/// Asks for a run until it is answered, whoever answers.
fn ask(cluster: &Cluster, addresses: &Mutex<Vec<SocketAddr>>, run_id: &str) -> Value {
    let body = cluster.request("steps", run_id, 0).to_string();
    let deadline = std::time::Instant::now() + 2 * LIMIT;
    loop {
        let address = fastrand::choice(addresses.lock().expect("nobody panics with it").iter().copied());
        if let Some((status, answer)) = post(address.expect("there are some"), &body) {
            assert!(matches!(status, 200 | 503), "{run_id}: {status} {answer}");
            if status == 200 {
                return answer["result"]["results"].clone();
            }
        }
        assert!(std::time::Instant::now() < deadline, "`{run_id}` is never answered");
        // Whoever was asked has been killed; another comes up.
        std::thread::sleep(Duration::from_millis(20));
    }
}

fn post(address: SocketAddr, body: &str) -> Option<(u16, Value)> {
    let agent = ureq::Agent::config_builder().http_status_as_error(false).timeout_global(Some(LIMIT)).build();
    let request = ureq::http::Request::post(format!("http://{address}/tasks/workflow")).body(body).ok()?;
    let mut response = agent.new_agent().run(request).ok()?;
    let answer = response.body_mut().read_to_string().ok()?;
    Some((response.status().as_u16(), serde_json::from_str(&answer).unwrap_or_default()))
}

/// Tells the others when a thread panics.
struct Told<'a>(&'a AtomicBool);

impl Drop for Told<'_> {
    fn drop(&mut self) {
        if std::thread::panicking() {
            self.0.store(true, Ordering::Relaxed);
        }
    }
}
