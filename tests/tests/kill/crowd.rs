//! Many runs in one process that serves, and is killed again and again with all of them under way.

use std::thread;
use std::time::Duration;

use oneiric_tests::{Place, Program, Server, wait_for};
use serde_json::json;

use crate::shape::Shape;
use crate::trial;
use crate::watch::{Outputs, Watch};

/// Asks for `runs` runs of every shape, kills the program `kills` times and lets all of them come to their end.
pub(crate) fn endure(
    program: &Program,
    calm: &[(&Shape, &Outputs)],
    runs: usize,
    kills: usize,
    rng: &mut fastrand::Rng,
) {
    let place = Place::new(program);
    let mut crowd = Vec::new();
    for (shape, outputs) in calm {
        for number in 0..runs {
            let run_id = format!("{}-{number}", shape.name);
            crowd.push((*shape, *outputs, Watch::new(shape, &run_id), run_id));
        }
    }
    let mut server = Server::start(&place);
    thread::scope(|scope| {
        for (shape, _, _, run_id) in &crowd {
            let request = json!({ "workflow": shape.name, "run_id": run_id, "context": trial::input() });
            // Whether it is answered before the program is killed does not matter.
            let server = &server;
            scope.spawn(move || server.try_request("POST", "/tasks/workflow", Some(&request.to_string())));
        }
        wait_for(|| !place.journal().lines().is_empty());
        thread::sleep(Duration::from_millis(rng.u64(..100)));
        server.process().strike();
    });
    for _ in 1..kills {
        server.kill();
        for (.., watch, _) in &mut crowd {
            watch.inspect(&place);
        }
        server = Server::start(&place);
        thread::sleep(Duration::from_millis(rng.u64(..100)));
    }
    server.kill();

    let server = Server::start(&place);
    for (shape, outputs, watch, run_id) in &mut crowd {
        // Whoever lost the answer asks again, and a run that never got to the disk begins here.
        let answer =
            server.post(&json!({ "workflow": shape.name, "run_id": run_id, "context": trial::input() }));
        assert_eq!(answer.status, 200, "{answer:?}");
        watch.inspect(&place);
        assert_eq!(watch.judge(&place, kills), **outputs, "{run_id}");
    }
    let _ = server.stop().success();
}
