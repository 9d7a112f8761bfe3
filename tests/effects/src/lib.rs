//! Tasks that leave traces outside the store, so that a test can count how often each of them ran, and with what.
//!
//! What the traces mean is left to `oneiric_tests::Journal`, which reads them.

mod journal;
mod order;

use std::time::Duration;

use oneiric::task::Error;
use oneiric::{Ctx, Secret};

pub use order::{Order, Payment, fetch, pay};

/// Leaves a trace, works for `ms` milliseconds, and returns a digest of its node's name and of `inputs`.
#[oneiric::task]
pub async fn append(ctx: Ctx, journal: String, ms: u64, inputs: Vec<u64>) -> Result<u64, Error> {
    journal::write(&journal, &ctx, "began")?;
    tokio::time::sleep(Duration::from_millis(ms)).await;
    Ok(digest(ctx.node(), &inputs))
}

/// As [`append`], but its first `failures` attempts fail.
#[oneiric::task]
pub async fn stumble(ctx: Ctx, journal: String, failures: u32, inputs: Vec<u64>) -> Result<u64, Error> {
    journal::write(&journal, &ctx, "began")?;
    if ctx.attempt() <= failures {
        return Err(Error::transient(format!("attempt {} was meant to fail", ctx.attempt())));
    }
    Ok(digest(ctx.node(), &inputs))
}

/// Leaves a trace when it begins and another when it ends, `ms` milliseconds later.
#[oneiric::task]
pub async fn occupy(ctx: Ctx, journal: String, ms: u64) -> Result<(), Error> {
    journal::write(&journal, &ctx, "began")?;
    tokio::time::sleep(Duration::from_millis(ms)).await;
    journal::write(&journal, &ctx, "ended")?;
    Ok(())
}

/// Returns a text of `bytes` bytes.
#[oneiric::task]
pub async fn bulk(bytes: usize) -> String {
    "x".repeat(bytes)
}

/// Fails, with no hope of another attempt.
#[oneiric::task]
pub async fn refuse(why: String) -> Result<(), Error> {
    Err(Error::permanent(why))
}

/// The length of a secret, which says which of several it is and nothing of what it is.
#[oneiric::task]
pub async fn measure(secret: Secret) -> usize {
    secret.expose().len()
}

/// Takes a secret for a number.
///
/// # Panics
/// If it is none.
#[oneiric::task]
#[expect(clippy::unwrap_used, reason = "what a panic says is what is looked at")]
pub async fn unwrap(secret: Secret) -> u64 {
    secret.expose().parse().unwrap()
}

/// Panics.
///
/// # Panics
/// Always.
#[oneiric::task]
pub async fn fall_over() {
    panic!("fell over");
}

/// A public function that is no task.
pub fn unmarked(n: u64) -> u64 {
    n
}

/// A task that only this crate can name.
#[oneiric::task]
async fn hidden(n: u64) -> u64 {
    n
}

/// A number that changes when the name, any of `inputs`, or their order does (FNV-1a; Fowler, Noll, Vo). It fits the
/// integers that every JSON reader keeps exactly.
fn digest(name: &str, inputs: &[u64]) -> u64 {
    let bytes = name.bytes().chain(inputs.iter().flat_map(|input| input.to_le_bytes()));
    let step = |hash: u64, byte: u8| (hash ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3);
    bytes.fold(0xcbf2_9ce4_8422_2325, step) >> 11
}
