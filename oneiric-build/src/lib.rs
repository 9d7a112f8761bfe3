//! Compiles an Oneiric manifest to a program.

pub mod diagnostic;
pub mod manifest;
pub mod plan;
