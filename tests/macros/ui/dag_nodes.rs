//! Names and options of nodes.

use oneiric::{Retry, secs};

#[oneiric::task]
fn number() -> u64 {
    4
}

#[oneiric::task]
fn double(n: u64) -> u64 {
    n * 2
}

#[oneiric::dag]
async fn options() {
    let a = number().retry(3).retry(4);
    let b = number().retry(0);
    let c = number().retry(policy());
    let d = number().retry(Retry::attempts(3).base_dealy(secs(1)));
    let e = number().timeout(30);
    let f = number().timeout(secs(0));
    let g = number().timeout(secs(n));
    let h = number().after(a);
    let i = number().after(&z);
    let j = number().or_continue(true);
    let k = number().retire(3);
    let l = number().when(a, b);
    let m = number().each();
    let o = number().compensate(double(1));
    let v = number().max_parallel(2);
    let w = number().max_parallel(two, three);
    let x = oneiric::wait(secs(1)).each(a);
    let y = double(item);
    let p = oneiric::wait(secs(1)).retry(2);
    let q = number().retry(1, 2);
    let r = number().timeout();
    let s = number().after();
    let t = number().timeout(hours(9_000_000_000_000_000));
}

#[oneiric::dag]
async fn names(number: u64) {
    let input = double(number);
    number();
    double(1);
    double(2);
    let twice = double(number);
    let twice = double(number);
    double::<u64>(number);
}

#[oneiric::dag]
async fn results() {
    let x = number();
    let x__duration = double(x);
}

#[oneiric::dag]
async fn nothing() {}

#[oneiric::dag]
async fn no_result() -> u64 {
    number();
}

#[oneiric::dag]
async fn parameter(n: u64) -> u64 {
    number();
    n
}

#[oneiric::dag]
async fn fallible() -> Result<u64, String> {
    number()
}

#[oneiric::dag(timeout = "soon")]
async fn soon() {
    number();
}

#[oneiric::dag(max_parallel = "many")]
async fn many() {
    number();
}

#[oneiric::dag(max_parallel)]
async fn bare() {
    number();
}

#[oneiric::dag]
async fn generic<T>(n: T) {
    number();
}

#[oneiric::dag]
const CONSTANT: u64 = 3;

fn main() {
    // What has faults is there all the same, so that its users have none.
    let mut app = oneiric::App::default();
    app.dag("no_result", no_result::Def);
}
