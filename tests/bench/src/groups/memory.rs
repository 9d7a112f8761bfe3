//! Nodes that do nothing and are kept nowhere but in memory: what scheduling alone costs.

use std::process::Command;

use super::Group;
use crate::child;
use crate::programs::Programs;
use crate::row::{Row, Target, Unit};
use crate::sample::Sample;

pub(super) const GROUP: Group = Group {
    name: "memory",
    about: "10,000 nodes that are not durable, as a chain and side by side",
    rounds: 9,
    measure,
};

fn measure(programs: &Programs, rounds: usize) -> anyhow::Result<Vec<Row>> {
    let (mut ours, mut floor) = (Vec::new(), Vec::new());
    for _ in 0..rounds {
        floor.push(child::figures(&mut Command::new(&programs.queue))?);
        ours.push(child::figures(Command::new(&programs.workload).arg("memory"))?);
    }
    let row = |name, line: &str| -> anyhow::Result<Row> {
        let take = |all: &[child::Figures]| -> anyhow::Result<Sample> {
            let figures = all.iter().map(|figures| figures.get(line, None, "us_per_node"));
            figures.collect::<anyhow::Result<Vec<_>>>().map(Sample::new)
        };
        let row = Row::new(name, Unit::Microseconds, take(&ours)?).beside("queue alone", take(&floor)?);
        Ok(row.target(Target::Most(1.0)))
    };
    Ok(vec![
        row("not durable, chain of 10,000, a node", "bare-chain")?,
        row("not durable, fan-out of 10,000, a node", "bare-fan")?,
    ])
}
