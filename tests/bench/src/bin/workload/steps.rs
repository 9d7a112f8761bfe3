//! How long a step takes: one run at a time, many at once, wide and long.

use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use futures_util::future::join_all;
use oneiric::checkpoint::{Memory, Sqlite, Store};
use oneiric::engine::Start;
use oneiric::run::Status;
use oneiric::{App, Engine, Json};
use serde_json::json;

use crate::graph::{self, NODES};
use crate::measure::{Watch, percentile};

/// How many flows there are side by side, and how many runs of three steps each of them makes.
const FLOWS: [(u32, u32); 3] = [(1, 500), (16, 200), (64, 200)];

/// How often a large graph is run. The first run also builds it.
const REPEATS: usize = 5;

pub(crate) async fn durable(state_dir: &Path) {
    let engine = engine(Arc::new(Sqlite::open(state_dir).expect("the store opens")));
    for (flows, runs) in FLOWS {
        side_by_side(&engine, flows, runs).await;
    }
    large(&engine, "fan").await;
    engine.stop(Duration::from_secs(5)).await.expect("the store closes");
}

pub(crate) async fn memory() {
    let engine = engine(Arc::new(Memory::new()));
    large(&engine, "bare-chain").await;
    large(&engine, "bare-fan").await;
}

async fn side_by_side(engine: &Engine, flows: u32, runs: u32) {
    let whole = Watch::start();
    let flow = async || {
        let mut times = Vec::new();
        for _ in 0..runs {
            let watch = Watch::start();
            run(engine, "three").await;
            times.push(watch.wall());
        }
        times
    };
    let mut times = join_all((0..flows).map(|_| flow())).await.concat();
    let steps = f64::from(flows * runs * 3);
    let line = json!({
        "name": "chain",
        "flows": flows,
        "p50_us": percentile(&mut times, 50),
        "p99_us": percentile(&mut times, 99),
        "steps_per_s": steps * 1e6 / whole.wall(),
        "cpu_us_per_step": whole.processor() / steps,
    });
    println!("{line}");
}

/// The median time a node of a large graph.
async fn large(engine: &Engine, graph: &str) {
    run(engine, graph).await;
    let mut times = Vec::new();
    for _ in 0..REPEATS {
        let watch = Watch::start();
        run(engine, graph).await;
        times.push(watch.wall() / f64::from(NODES));
    }
    println!("{}", json!({ "name": graph, "nodes": NODES, "us_per_node": percentile(&mut times, 50) }));
}

fn engine(store: Arc<dyn Store>) -> Engine {
    let mut app = App::default();
    app.workflow("three", graph::three);
    app.workflow("fan", graph::fan);
    app.workflow("bare-chain", graph::bare_chain);
    app.workflow("bare-fan", graph::bare_fan);
    Engine::new(app, store)
}

pub(crate) async fn run(engine: &Engine, workflow: &str) {
    let start =
        Start { workflow: workflow.to_owned(), run_id: None, input: Json::null(), labels: Json::null() };
    let handle = engine.start(start).await.expect("the run starts");
    let report = handle.finished().await.expect("the run ends");
    assert_eq!(report.status, Status::Completed);
}
