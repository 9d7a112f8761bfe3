//! What the macros write, as files: a test of `oneiric-macros` compares them, and here they are compiled.

use oneiric::{mins, secs};

include!("task.rs");
include!("one_argument.rs");
include!("workflow.rs");
include!("careful.rs");

/// Gives money back.
#[oneiric::task]
pub fn refund(amounts: Vec<u64>) {
    drop(amounts);
}

/// Counts what may not be there.
#[oneiric::task]
pub fn count(amount: Option<u64>) -> u64 {
    amount.unwrap_or(0)
}
