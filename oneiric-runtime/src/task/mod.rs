//! What a node does when its turn comes: a Rust function, or a program.

mod error;

pub use error::{Error, Kind};
