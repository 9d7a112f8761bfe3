//! Compiles an Oneiric manifest to a program.

pub mod diagnostic;
mod index;
pub mod manifest;
pub mod plan;
pub mod rules;
