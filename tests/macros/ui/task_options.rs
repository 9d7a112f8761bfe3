//! Options that a task does not have, or that say nothing.

#[oneiric::task(retires = 3)]
fn unknown() {}

#[oneiric::task(timeout = "5s", timeout = "6s")]
fn twice() {}

#[oneiric::task(retry)]
fn bare() {}

#[oneiric::task(retry = 0)]
fn never() {}

#[oneiric::task(retry = "five")]
fn words() {}

#[oneiric::task(retry(base_delay = "1s"))]
fn no_attempts() {}

#[oneiric::task(retry(attempts = 3, max_delay))]
fn no_delay() {}

#[oneiric::task(retry(attempts = 3, base_delay = "5s", max_delay = "1s"))]
fn backwards() {}

#[oneiric::task(retry(attempts = 3, jitter = 2))]
fn too_random() {}

#[oneiric::task(timeout = 30)]
fn no_unit() {}

#[oneiric::task(timeout = "30 parsecs")]
fn no_time() {}

#[oneiric::task(timeout = "0s")]
fn no_chance() {}

#[oneiric::task(timeout("30s"))]
fn wrong_form() {}

#[oneiric::task(idempotent = true)]
fn flag() {}

fn main() {}
