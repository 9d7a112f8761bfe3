//! What survives `kill -9`: whatever is killed, and whenever, no node that is on disk as finished runs again, none is
//! lost, and the outputs are those of a run that nothing disturbed.
//!
//! The moments of the random kills and the random graphs follow from one seed, which a failure names;
//! `SEED=… cargo test -p oneiric-tests --test kill` takes it again.

mod crowd;
mod shape;
mod trial;
mod watch;

use std::collections::BTreeMap;
use std::sync::Mutex;
use std::time::Duration;

use oneiric_tests::{Program, Project};

use shape::Shape;
use trial::{Kill, Trial};
use watch::Outputs;

/// How many kills the test must have seen to be worth its name.
const ENOUGH: usize = 200;

/// How often a run is killed at random before it is left in peace.
const RANDOM_KILLS: usize = 8;

/// How many runs of each shape are under way at once in the crowd, and how often it is killed.
const CROWD: (usize, usize) = (4, 6);

/// A way to disturb a run.
#[derive(Clone, Copy, Debug)]
enum Disturbance {
    /// Kills at random moments, drawn from this seed.
    Random(u64),
    /// One kill at the commit of this number.
    Once(u64, &'static str),
    /// Every start is killed at its first commit that gets anything done.
    March(u64, &'static str),
}

#[test]
fn a_killed_run_ends_as_if_it_had_not_been() {
    let seed = std::env::var("SEED")
        .map_or_else(|_| fastrand::u64(..), |seed| seed.parse().expect("SEED is a number"));
    let mut rng = fastrand::Rng::with_seed(seed);
    let mut shapes = vec![Shape::chain(12), Shape::fan(24)];
    shapes.extend((0..3).map(|index| Shape::random(&format!("random{index}"), &mut rng)));
    let program = Project::new("kill", &shape::manifest("kill", &shapes)).program();
    let calm = shapes.iter().map(|shape| trial::undisturbed(&program, shape)).collect::<Vec<_>>();

    let crowd = shapes.iter().zip(&calm).map(|(shape, (_, outputs))| (shape, outputs)).collect::<Vec<_>>();
    crowd::endure(&program, &crowd, CROWD.0, CROWD.1, &mut rng);

    let mut work = Vec::new();
    for (shape, (took, outputs)) in shapes.iter().zip(&calm) {
        let mut add = |disturbance| work.push((shape, *took, outputs, disturbance));
        (0..8).for_each(|_| add(Disturbance::Random(rng.u64(..))));
        add(Disturbance::March(1, "after"));
        add(Disturbance::March(2, "before"));
        // More commits than nodes come only from retries and timers; what is never reached is no kill.
        for number in 1..=shape.nodes.len() as u64 + 2 {
            add(Disturbance::Once(number, "before"));
            add(Disturbance::Once(number, "after"));
        }
    }
    rng.shuffle(&mut work);

    let work = Mutex::new(work);
    let kills = Mutex::new(BTreeMap::<&str, usize>::new());
    let next = || work.lock().expect("no thread panics while it takes work").pop();
    let worker = || {
        while let Some((shape, took, outputs, disturbance)) = next() {
            let _context = Context { seed, shape, disturbance };
            let (count, kind) = disturb(&program, shape, took, outputs, disturbance);
            *kills.lock().expect("no thread panics while it counts").entry(kind).or_default() += count;
        }
    };
    std::thread::scope(|scope| {
        for _ in 0..4 {
            scope.spawn(worker);
        }
    });

    let kills = kills.into_inner().expect("no thread panicked");
    let total = CROWD.1 + kills.values().sum::<usize>();
    println!("{total} kills (seed {seed}): {kills:?}");
    assert!(total >= ENOUGH, "only {total} kills (seed {seed}): {kills:?}");
}

/// Runs `shape` under `disturbance` to its end and says how often it was killed, and in which way.
fn disturb(
    program: &Program,
    shape: &Shape,
    took: Duration,
    outputs: &Outputs,
    disturbance: Disturbance,
) -> (usize, &'static str) {
    let mut trial = Trial::new(program, shape);
    let kind = match disturbance {
        Disturbance::Random(seed) => {
            let mut rng = fastrand::Rng::with_seed(seed);
            while trial.kills() < RANDOM_KILLS && !trial.is_over() {
                trial.kill(Kill::After(took.mul_f64(rng.f64())));
            }
            "at random"
        }
        Disturbance::Once(number, moment) => {
            trial.kill(Kill::Commit(number, moment));
            "at one commit"
        }
        Disturbance::March(number, moment) => {
            // Every start but the first gets something done, so that the number of starts has a bound.
            let most = 2 * shape.nodes.iter().map(|node| node.kind.traces() + 1).sum::<usize>() + 4;
            while !trial.is_over() {
                assert!(trial.kills() < most, "it does not get on");
                trial.kill(Kill::Commit(number, moment));
            }
            "at each commit"
        }
    };
    let (kills, found) = trial.finish();
    assert_eq!(found, *outputs, "the outputs are not those of a run that nothing disturbed");
    (kills, kind)
}

/// What to say when a trial fails, whichever thread it is in.
struct Context<'a> {
    seed: u64,
    shape: &'a Shape,
    disturbance: Disturbance,
}

impl Drop for Context<'_> {
    #[expect(clippy::print_stderr, reason = "what a failure was about is told beside it")]
    fn drop(&mut self) {
        if std::thread::panicking() {
            eprintln!("SEED={} {:?} of {:?}", self.seed, self.disturbance, self.shape);
        }
    }
}
