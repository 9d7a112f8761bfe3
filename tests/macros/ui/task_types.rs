//! Types that cannot be stored, and errors that are none.

use serde::{Deserialize, Serialize};

struct Plain;

#[derive(Deserialize, Serialize)]
struct Stored;

struct NotAnError;

#[oneiric::task]
fn takes(plain: Plain) {}

#[oneiric::task]
fn gives() -> Plain {
    Plain
}

#[oneiric::task]
fn fails() -> Result<Stored, NotAnError> {
    Err(NotAnError)
}

fn main() {}
