//! What is measured: one file for each thing that is set up once for all of its rows.

mod build;
mod check;
mod durable;
mod growth;
mod kill;
mod memory;
mod size;
mod start;

use crate::programs::Programs;
use crate::row::Row;

/// Rows that are measured together.
pub(crate) struct Group {
    /// What the command line calls it.
    pub(crate) name: &'static str,
    pub(crate) about: &'static str,
    /// How often it is measured unless something else is asked for.
    pub(crate) rounds: usize,
    pub(crate) measure: fn(&Programs, usize) -> anyhow::Result<Vec<Row>>,
}

/// All of them, in the order in which they are measured.
pub(crate) const GROUPS: [&Group; 8] = [
    &start::GROUP,
    &size::GROUP,
    &durable::GROUP,
    &memory::GROUP,
    &kill::GROUP,
    &growth::GROUP,
    &check::GROUP,
    &build::GROUP,
];
