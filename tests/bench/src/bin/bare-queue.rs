//! The floor under scheduling: a ready queue that polls each node once, in place, and keeps nothing of it. Prints a line
//! of JSON for a chain and one for a fan-out.

#![expect(clippy::print_stdout, reason = "it is what this program is for")]

use std::collections::VecDeque;
use std::pin::Pin;
use std::task::{Context, Poll, Waker};
use std::time::Instant;

const NODES: usize = 10_000;

fn main() {
    let chain: Vec<Vec<usize>> =
        (0..NODES).map(|node| (node + 1 < NODES).then_some(node + 1).into_iter().collect()).collect();
    measure("bare-chain", &chain);
    measure("bare-fan", &vec![Vec::new(); NODES]);
}

fn measure(name: &str, dependants: &[Vec<usize>]) {
    let mut times: Vec<_> = (0..5).map(|_| run(dependants)).collect();
    times.sort_by(f64::total_cmp);
    println!(r#"{{"name": "{name}", "us_per_node": {}}}"#, times[times.len() / 2]);
}

/// Microseconds a node.
fn run(dependants: &[Vec<usize>]) -> f64 {
    let start = Instant::now();
    let mut missing = vec![0_u32; dependants.len()];
    dependants.iter().flatten().for_each(|node| missing[*node] += 1);
    let mut ready: VecDeque<usize> = (0..missing.len()).filter(|node| missing[*node] == 0).collect();
    let mut context = Context::from_waker(Waker::noop());
    let mut ended = 0_u32;
    while let Some(node) = ready.pop_front() {
        let mut work: Pin<Box<dyn Future<Output = ()>>> =
            std::hint::black_box(Box::pin(std::future::ready(())));
        assert!(matches!(work.as_mut().poll(&mut context), Poll::Ready(())));
        ended += 1;
        for dependant in &dependants[node] {
            missing[*dependant] -= 1;
            if missing[*dependant] == 0 {
                ready.push_back(*dependant);
            }
        }
    }
    start.elapsed().as_secs_f64() * 1e6 / f64::from(ended)
}
