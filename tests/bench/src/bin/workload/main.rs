//! What the engine itself is measured by: runs whose nodes do next to nothing. Prints a line of JSON for each measurement.
//!
//! It is compiled as `oneiric build` compiles a program, so that it stands for one. Whether a figure is good is left to
//! the benchmark command.

#![expect(clippy::print_stdout, clippy::print_stderr, reason = "it is what this program is for")]

mod graph;
mod growth;
mod measure;
mod steps;

use std::path::Path;
use std::process::ExitCode;

fn main() -> ExitCode {
    let arguments: Vec<_> = std::env::args().skip(1).collect();
    let arguments: Vec<_> = arguments.iter().map(String::as_str).collect();
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().expect("a runtime");
    match arguments[..] {
        ["durable", state_dir] => runtime.block_on(steps::durable(Path::new(state_dir))),
        ["memory"] => runtime.block_on(steps::memory()),
        ["growth", nodes] => runtime.block_on(growth::of(nodes.parse().expect("a number of nodes"))),
        _ => {
            eprintln!("usage: workload durable STATE_DIR | memory | growth NODES");
            return ExitCode::from(2);
        }
    }
    ExitCode::SUCCESS
}
