//! Steps that are on disk before the next begins, against a log with nothing around it.

use std::process::Command;

use super::Group;
use crate::child::{self, Figures};
use crate::programs::Programs;
use crate::row::{Row, Target, Unit};
use crate::sample::Sample;

pub(super) const GROUP: Group = Group {
    name: "durable",
    about: "durable runs, one at a time, many at once, and wide",
    rounds: 5,
    measure,
};

fn measure(programs: &Programs, rounds: usize) -> anyhow::Result<Vec<Row>> {
    let (mut ours, mut floor) = (Vec::new(), Vec::new());
    for _ in 0..rounds {
        floor.push(child::figures(Command::new(&programs.floor).arg(programs.place()))?);
        let state = programs.folder()?;
        ours.push(child::figures(Command::new(&programs.workload).arg("durable").arg(state.path()))?);
    }
    let row =
        |name, unit, line: (&str, Option<u32>, &str, f64), below: (&str, &str)| -> anyhow::Result<Row> {
            let (title, flows, field, scale) = line;
            let take = |all: &[Figures], title: &str, field: &str| -> anyhow::Result<Sample> {
                let figures = all.iter().map(|figures| Ok(figures.get(title, flows, field)? * scale));
                figures.collect::<anyhow::Result<Vec<_>>>().map(Sample::new)
            };
            Ok(Row::new(name, unit, take(&ours, title, field)?)
                .beside("log alone", take(&floor, below.0, below.1)?))
        };
    let one = |field| ("chain", Some(1), field, 1e-3);
    let many = |flows| ("chain", Some(flows), "steps_per_s", 1.0);
    Ok(vec![
        row("durable, 3 steps, one at a time, p50", Unit::Milliseconds, one("p50_us"), ("chain", "p50_us"))?
            .target(Target::Most(1.5))
            .target(Target::MostOfFloor(2.0)),
        row("durable, 3 steps, one at a time, p99", Unit::Milliseconds, one("p99_us"), ("chain", "p99_us"))?,
        row("durable, 16 runs at once", Unit::PerSecond, many(16), ("chain", "steps_per_s"))?,
        row("durable, 64 runs at once", Unit::PerSecond, many(64), ("chain", "steps_per_s"))?
            .target(Target::Least(30_000.0))
            .target(Target::LeastOfFloor(0.33)),
        row(
            "durable, fan-out of 10,000, a node",
            Unit::Microseconds,
            ("fan", None, "us_per_node", 1.0),
            ("fan_out", "us_per_task"),
        )?
        .target(Target::Most(15.0)),
        {
            let figures = ours.iter().map(|figures| figures.get("chain", Some(64), "cpu_us_per_step"));
            let figures = figures.collect::<anyhow::Result<Vec<_>>>()?;
            Row::new("processor time a step, 64 runs at once", Unit::Microseconds, Sample::new(figures))
        },
    ])
}
