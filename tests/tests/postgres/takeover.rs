//! One run that goes from one instance to another.

use std::time::{Duration, Instant};

use oneiric_tests::{Answer, Server, wait_for};
use rustix::process::{Signal, kill_process};
use serde_json::Value;

use crate::cluster::{Cluster, says};

/// Asks `server` for a run, on a thread that waits for the answer.
fn ask<'scope>(
    scope: &'scope std::thread::Scope<'scope, '_>,
    server: &'scope Server,
    request: &'scope Value,
) -> std::thread::ScopedJoinHandle<'scope, Answer> {
    scope.spawn(move || server.post(request))
}

fn began(cluster: &Cluster, run_id: &str, times: usize) {
    wait_for(|| cluster.journal().counts(run_id).get("slow").is_some_and(|count| *count >= times));
}

#[test]
fn an_instance_that_stood_still_cannot_write_what_another_has_gone_on_with() {
    let cluster = Cluster::new(Duration::from_secs(1));
    let (here, there) = (cluster.place(), cluster.place());
    let (a, b) = (cluster.instance(&here), cluster.instance(&there));
    let request = cluster.request("slow", "r", 2500);
    let (first, second) = std::thread::scope(|scope| {
        let first = ask(scope, &a, &request);
        began(&cluster, "r", 1);
        kill_process(a.process().pid(), Signal::STOP).expect("it is ours");
        // Its lease runs out, and the other one begins the node anew, under the same key.
        began(&cluster, "r", 2);
        let second = ask(scope, &b, &request).join().expect("it answers");
        kill_process(a.process().pid(), Signal::CONT).expect("it is ours");
        (first.join().expect("it answers"), second)
    });
    // It finds that the run is not its own any more, and its caller gets the answer of the other.
    assert_eq!((first.status, second.status), (200, 200), "{first:?} {second:?}");
    assert_eq!(first.json(), second.json());
    assert!(a.process().lines().iter().any(|line| says(line, "run-lost", "r")), "{}", a.process());
    assert_eq!(a.get("/healthz").status, 200, "it lives on");

    let completed = "SELECT epoch, count(*) FROM log WHERE event = 'node completed' GROUP BY epoch ORDER BY epoch";
    assert_eq!(cluster.sql(completed), "1|1\n2|1", "`first` here and `slow` there, once each");
    let late = "SELECT count(*) FROM log WHERE epoch = 1 AND seq > (SELECT min(seq) FROM log WHERE epoch = 2)";
    assert_eq!(cluster.sql(late), "0");
    let keys: Vec<_> = cluster.journal().lines().into_iter().filter(|line| line.node == "slow").collect();
    assert!(keys.iter().all(|line| line.key == "r/slow"), "{keys:?}");

    // And it is an instance like any other.
    let again = a.post(&cluster.request("slow", "s", 0));
    assert_eq!(again.status, 200, "{again:?}");
    let _ = a.stop().success();
    let _ = b.stop().success();
}

#[test]
fn an_instance_that_is_asked_to_stop_leaves_its_runs_to_others_at_once() {
    // Nobody waits for this lease.
    let cluster = Cluster::new(Duration::from_secs(600));
    let (here, there) = (cluster.place(), cluster.place());
    let (a, b) = (cluster.instance(&here), cluster.instance(&there));
    let request = cluster.request("slow", "r", 3000);
    let answer = std::thread::scope(|scope| {
        let first = ask(scope, &a, &request);
        began(&cluster, "r", 1);
        let asked = Instant::now();
        a.process().terminate();
        assert_eq!(first.join().expect("it answers").status, 503, "it cannot tell the end");
        let answer = ask(scope, &b, &request).join().expect("it answers");
        assert!(asked.elapsed() < Duration::from_secs(30), "{:?}", asked.elapsed());
        answer
    });
    assert_eq!(answer.status, 200, "{answer:?}");
    assert_eq!(cluster.journal().counts("r")["first"], 1, "what was done stays done");
    assert_eq!(cluster.journal().counts("r")["slow"], 2);
    assert_eq!(cluster.sql("SELECT max(epoch) FROM lease"), "2");
    let _ = a.stop().success();
    let _ = b.stop().success();
}

#[test]
fn an_idle_instance_does_not_wake_up_for_its_store() {
    let cluster = Cluster::new(Duration::from_millis(600));
    let place = cluster.place();
    let server = cluster.instance(&place);
    assert_eq!(server.post(&cluster.request("steps", "r", 0)).status, 200);
    // Its lease ends once, because it holds nothing.
    wait_for(|| cluster.sql("SELECT count(*) FROM instance WHERE ended_at IS NULL") == "0");
    std::thread::sleep(Duration::from_millis(300));
    let before = switches(&server);
    std::thread::sleep(Duration::from_secs(2));
    assert_eq!(switches(&server), before, "more than three leases later");
    let _ = server.stop().success();
}

/// How often the store's thread has gone to sleep so far.
fn switches(server: &Server) -> u64 {
    let tasks = format!("/proc/{}/task", server.process().pid().as_raw_nonzero());
    let threads = std::fs::read_dir(tasks).expect("it runs").flatten().map(|thread| thread.path());
    let store = threads.filter(|thread| {
        std::fs::read_to_string(thread.join("comm")).is_ok_and(|name| name == "oneiric-store\n")
    });
    let counts = store.map(|thread| {
        let status = std::fs::read_to_string(thread.join("status")).expect("it runs");
        let count = status.lines().find_map(|line| line.strip_prefix("voluntary_ctxt_switches:"));
        count.and_then(|count| count.trim().parse::<u64>().ok()).expect("a number")
    });
    let counts = counts.collect::<Vec<_>>();
    assert_eq!(counts.len(), 1, "a store has one thread");
    counts[0]
}
