//! Whether large graphs cost more a node than small ones.

use std::process::Command;

use super::Group;
use crate::child::{self, Figures};
use crate::programs::Programs;
use crate::row::{Row, Target, Unit};
use crate::sample::Sample;

pub(super) const GROUP: Group = Group {
    name: "growth",
    about: "a node's time and memory in graphs of 1,000 and 100,000",
    rounds: 5,
    measure,
};

/// What linear growth may come to: a large graph does not fit the processor's caches.
const LINEAR: f64 = 1.5;

fn measure(programs: &Programs, rounds: usize) -> anyhow::Result<Vec<Row>> {
    let (mut small, mut large) = (Vec::new(), Vec::new());
    for _ in 0..rounds {
        for (nodes, all) in [("1000", &mut small), ("100000", &mut large)] {
            all.push(child::figures(Command::new(&programs.workload).args(["growth", nodes]))?);
        }
    }
    let row = |name, unit, field: &str| -> anyhow::Result<Row> {
        let take = |all: &[Figures]| -> anyhow::Result<Sample> {
            let figures = all.iter().map(|figures| figures.get("growth", None, field));
            figures.collect::<anyhow::Result<Vec<_>>>().map(Sample::new)
        };
        Ok(Row::new(name, unit, take(&large)?)
            .beside("1,000", take(&small)?)
            .target(Target::MostOfFloor(LINEAR)))
    };
    Ok(vec![
        row("time a node among 100,000", Unit::Microseconds, "us_per_node")?,
        row("memory a node among 100,000", Unit::Bytes, "bytes_per_node")?,
    ])
}
