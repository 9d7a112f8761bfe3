//! How `oneiric check` grows with its manifest, in time and in memory.
//!
//! Every build holds it to growing linearly; `cargo test --release -p oneiric-tests --test speed -- --nocapture` holds it to
//! the figures that are promised and prints them. Time is time on the processor: `check` has one thread, so that is what
//! the clock shows on a machine that is free, and it is the same on one that is not.

use std::fmt::Write as _;
use std::path::Path;
use std::process::Command;
use std::time::Duration;

use oneiric_tests::{Compiler, Cost};

/// What a workflow of 1,000 nodes may take in a release build, and one of 20,000 nodes and 100,000 edges.
const SMALL: Duration = Duration::from_millis(20);
const LARGE: Duration = Duration::from_millis(400);

/// How many bytes of memory one byte of a manifest may take.
const MEMORY: u64 = 40;

/// What a process may take that has nothing to check, in bytes: most of it is the program itself. An
/// unoptimised compiler is several times as large, and the pages of it that run count as well.
const PROCESS: u64 = if cfg!(debug_assertions) { 16 << 20 } else { 8 * 1024 * 1024 };

/// What twenty times the nodes may take more than twenty times as long: sorting, and caches that they do not fit in.
const SLACK: f64 = 2.0;

/// A workflow in which every node waits for up to five nodes before it; of `data` of them it takes the output.
fn manifest(nodes: usize, data: usize) -> String {
    let mut random = fastrand::Rng::with_seed(1);
    let mut text =
        "oneiric: 1\nname: big\ntasks:\n  t: { exec: [cat] }\nworkflows:\n  w:\n    nodes:\n".to_owned();
    for node in 0..nodes {
        let mut needs = random.choose_multiple(0..node, 5);
        needs.sort_unstable();
        let (taken, awaited) = needs.split_at(data.min(needs.len()));
        let taken: Vec<String> = taken.iter().map(|need| format!("a{need}: \"${{n{need}.id}}\"")).collect();
        let awaited: Vec<String> = awaited.iter().map(|need| format!("n{need}")).collect();
        let (taken, awaited) = (taken.join(", "), awaited.join(", "));
        _ = writeln!(text, "      n{node}: {{ task: t, with: {{ {taken} }}, depends_on: [{awaited}] }}");
    }
    text
}

/// Nodes that wait for each other all the way round.
fn ring(nodes: usize) -> String {
    let mut text = "oneiric: 1\nname: ring\nworkflows:\n  w:\n    nodes:\n".to_owned();
    for node in 0..nodes {
        _ = writeln!(text, "      n{node}: {{ wait: 1s, depends_on: [n{}] }}", (node + 1) % nodes);
    }
    text
}

/// `oneiric check` of a file with this text.
fn check(folder: &Path, text: &str) -> Command {
    let path = folder.join("manifest.yaml");
    std::fs::write(&path, text).expect("the folder can be written to");
    Compiler::get().command(["check", path.to_str().expect("its path is text")])
}

/// The least of a few runs: what else the machine does can only add to it.
fn cost(folder: &Path, text: &str, code: i32) -> Cost {
    let runs = (0..3).map(|_| Cost::of(&mut check(folder, text)));
    let least = runs.min_by_key(|cost| cost.processor).expect("there are some");
    let _ = least.output.clone().code(code);
    least
}

#[test]
fn time_and_memory_grow_with_the_manifest() {
    let folder = tempfile::tempdir().expect("a folder can be made");
    println!(
        "{:>6} nodes {:>7} edges {:>9}  {:>8} {:>8} {:>9}  memory/file",
        "", "", "bytes", "cpu ms", "wall ms", "KiB"
    );
    for data in [0, 5] {
        let [small, large] = [1_000, 20_000].map(|nodes| {
            let text = manifest(nodes, data);
            let cost = cost(folder.path(), &text, 0);
            let bytes = text.len() as u64;
            println!(
                "{nodes:>6} nodes {:>7} edges {bytes:>9}  {:>8.1} {:>8.1} {:>9}  {:.1}",
                nodes * 5 - 15,
                millis(cost.processor),
                millis(cost.clock),
                cost.memory / 1024,
                ratio(cost.memory, bytes),
            );
            assert!(
                cost.memory <= PROCESS + MEMORY * bytes,
                "{} bytes for a manifest of {bytes}",
                cost.memory
            );
            cost.processor
        });
        let growth = large.as_secs_f64() / small.as_secs_f64();
        println!("       20 times the nodes take {growth:.1} times as long");
        assert!(growth <= 20.0 * SLACK, "{small:?}, then {large:?}");
        if !cfg!(debug_assertions) {
            assert!(small <= SMALL && large <= LARGE, "{small:?}, {large:?}");
        }
    }
}

/// With a stack that recursion into it would overflow.
#[test]
fn a_ring_is_reported_once_and_quickly() {
    let folder = tempfile::tempdir().expect("a folder can be made");
    let check = check(folder.path(), &ring(10_001));
    let mut limited = Command::new("sh");
    limited
        .args(["-c", "ulimit -s 256 && exec \"$@\"", "sh"])
        .arg(check.get_program())
        .args(check.get_args());
    let found = Cost::of(&mut limited);
    println!("10,001 nodes in a ring: {:.1} ms, {} KiB", millis(found.processor), found.memory / 1024);
    let output = found.output.code(1);
    let _ = output.says(&["error[O4001]", "error: 1 error in"]);
    assert!(output.stderr.len() < 4_000, "{output}");
    let limit = if cfg!(debug_assertions) { 10 * LARGE } else { LARGE };
    assert!(found.processor < limit, "{:?}", found.processor);
}

fn millis(time: Duration) -> f64 {
    time.as_secs_f64() * 1e3
}

#[expect(clippy::cast_precision_loss, reason = "it is printed with one digit")]
fn ratio(memory: u64, bytes: u64) -> f64 {
    memory as f64 / bytes as f64
}
