//! What a node costs in graphs of different size: time and memory from nothing to a finished run.

use std::sync::Arc;

use oneiric::checkpoint::Memory;
use oneiric::{App, Dag, Engine};
use serde_json::json;

use crate::graph;
use crate::measure::Watch;
use crate::steps::run;

pub(crate) async fn of(nodes: u32) {
    let build: fn(&Dag) = match nodes {
        1_000 => |dag| graph::layers(dag, 1_000),
        10_000 => |dag| graph::layers(dag, 10_000),
        100_000 => |dag| graph::layers(dag, 100_000),
        _ => panic!("there is no graph of {nodes} nodes"),
    };
    let mut app = App::default();
    app.workflow("layers", build);
    let engine = Engine::new(app, Arc::new(Memory::new()));

    let before = memory("VmRSS");
    let watch = Watch::start();
    run(&engine, "layers").await;
    let us = watch.wall() / f64::from(nodes);
    let bytes = (memory("VmHWM") - before) / f64::from(nodes);
    println!("{}", json!({ "name": "growth", "nodes": nodes, "us_per_node": us, "bytes_per_node": bytes }));
}

/// A line of this process's status, in bytes.
fn memory(line: &str) -> f64 {
    let status = std::fs::read_to_string("/proc/self/status").expect("Linux says it");
    let line = status.lines().find_map(|text| text.strip_prefix(line)).expect("the line is there");
    let kilobytes = line.trim_matches(|c: char| !c.is_ascii_digit());
    kilobytes.parse::<f64>().expect("a number of kilobytes") * 1024.0
}
