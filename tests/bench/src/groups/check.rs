//! `oneiric check` on large manifests, against the YAML parser alone.

use std::fmt::Write as _;
use std::path::Path;
use std::process::{Command, Stdio};
use std::time::Instant;

use anyhow::{Context, ensure};
use wait4::Wait4;

use super::Group;
use crate::programs::Programs;
use crate::row::{Row, Target, Unit};
use crate::sample::Sample;

pub(super) const GROUP: Group =
    Group { name: "check", about: "`oneiric check` on 1,000 and on 20,000 nodes", rounds: 11, measure };

fn measure(programs: &Programs, rounds: usize) -> anyhow::Result<Vec<Row>> {
    let folder = programs.folder()?;
    let mut rows = Vec::new();
    for (nodes, edges, limit, [name, memory]) in [
        (1_000, 1, 20.0, ["check, 1,000 nodes", "memory of that, in files"]),
        (20_000, 5, 400.0, ["check, 20,000 nodes, 100,000 edges", "memory of that, in files"]),
    ] {
        let path = folder.path().join(format!("{nodes}.yaml"));
        #[expect(clippy::cast_precision_loss, reason = "it is a few megabytes")]
        let bytes = write_manifest(&path, nodes, edges)? as f64;
        let (mut ours, mut floor) = ((Vec::new(), Vec::new()), (Vec::new(), Vec::new()));
        for _ in 0..rounds {
            for (command, all) in [
                (Command::new(&programs.oneiric).arg("check").arg(&path), &mut ours),
                (Command::new(&programs.parser).arg(&path), &mut floor),
            ] {
                let (time, most) = run(command)?;
                all.0.push(time);
                all.1.push(most / bytes);
            }
        }
        rows.push(
            Row::new(name, Unit::Milliseconds, Sample::new(ours.0))
                .beside("parser alone", Sample::new(floor.0))
                .target(Target::Most(limit)),
        );
        rows.push(
            Row::new(memory, Unit::Times, Sample::new(ours.1)).beside("parser alone", Sample::new(floor.1)),
        );
    }
    Ok(rows)
}

/// A manifest in which each node needs up to `edges` before it, and how long it is.
fn write_manifest(path: &Path, nodes: usize, edges: usize) -> anyhow::Result<u64> {
    let mut text = String::from("oneiric: 1\nname: large\n\ntasks:\n  step: { exec: [cat] }\n\n");
    text.push_str("workflows:\n  large:\n    nodes:\n");
    for node in 0..nodes {
        let needs: Vec<_> = (1..=edges.min(node)).map(|before| format!("n{}", node - before)).collect();
        let _ = writeln!(text, "      n{node}: {{ task: step, depends_on: [{}] }}", needs.join(", "));
    }
    std::fs::write(path, &text).context("cannot write a manifest")?;
    Ok(text.len() as u64)
}

/// Milliseconds, and the most bytes that were resident.
fn run(command: &mut Command) -> anyhow::Result<(f64, f64)> {
    command.stdin(Stdio::null()).stdout(Stdio::null());
    let start = Instant::now();
    let mut child = command.spawn().with_context(|| format!("cannot start {command:?}"))?;
    let ended = child.wait4().context("cannot wait")?;
    let time = start.elapsed().as_secs_f64() * 1e3;
    ensure!(ended.status.success(), "{command:?} failed: {}", ended.status);
    #[expect(clippy::cast_precision_loss, reason = "memory is less than 2^52 bytes")]
    let most = ended.rusage.maxrss as f64;
    Ok((time, most))
}
