//! What cannot be a task: one message each.

use oneiric::Ctx;

#[oneiric::task]
struct NotAFunction;

#[oneiric::task]
fn generic<T>(value: T) {}

#[oneiric::task]
unsafe fn not_safe() {}

#[oneiric::task]
fn pattern((a, b): (u8, u8)) {}

#[oneiric::task]
fn borrows(name: &str) {}

#[oneiric::task]
fn unnamed(value: impl Into<String>) {}

#[oneiric::task]
fn late(value: u8, ctx: Ctx) {}

struct Till;

impl Till {
    #[oneiric::task]
    fn method(&self) {}
}

fn main() {}
