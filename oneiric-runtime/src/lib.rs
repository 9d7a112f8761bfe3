//! The runtime that programs written by Oneiric call.

pub mod checkpoint;
mod clock;
mod json;
pub mod run;
pub mod task;

pub use clock::{Timestamp, hours, millis, mins, secs};
pub use json::Json;
