//! From a changed manifest to a new program.

use std::path::Path;
use std::process::Command;
use std::time::Instant;

use anyhow::Context;

use super::Group;
use crate::child;
use crate::programs::{self, Programs};
use crate::row::{Row, Target, Unit};
use crate::sample::Sample;

pub(super) const GROUP: Group = Group {
    name: "build",
    about: "a changed manifest to a new program, release and debug",
    rounds: 5,
    measure,
};

fn measure(programs: &Programs, rounds: usize) -> anyhow::Result<Vec<Row>> {
    let bench = programs::workspace().join("tests/bench");
    let manifest =
        std::fs::read_to_string(bench.join("manifests/three.yaml")).context("cannot read a manifest")?;
    let manifest = manifest.replace("bench-three", "bench-change");
    let path = programs.place().join("change.yaml");
    let change = |seconds: usize| {
        let text = manifest.replace("wait: 10s", &format!("wait: {seconds}s"));
        std::fs::write(&path, text).context("cannot write a manifest")
    };
    let build = |flag: Option<&str>| seconds(programs::build(&programs.oneiric, &path).args(flag));

    // What changes with the manifest, and nothing else, is to be measured.
    change(0)?;
    build(None)?;
    build(Some("--debug"))?;
    let (mut release, mut debug, mut none) = (Vec::new(), Vec::new(), Vec::new());
    let (mut floor, mut nothing) = (Vec::new(), Vec::new());
    for round in 1..=rounds {
        change(round)?;
        release.push(build(None)?);
        none.push(build(None)?);
        debug.push(build(Some("--debug"))?);
        touch(&bench.join("src/bin/bare-server.rs"))?;
        floor.push(seconds(&mut programs.build_server())?);
        nothing.push(seconds(&mut programs.build_server())?);
    }
    let [release, debug, none, floor, nothing] = [release, debug, none, floor, nothing].map(Sample::new);
    let floor_name = "cargo, bare hyper";
    Ok(vec![
        Row::new("changed manifest to a release program", Unit::Seconds, release)
            .beside(floor_name, floor)
            .target(Target::Most(8.0)),
        Row::new("changed manifest to a debug program", Unit::Seconds, debug).target(Target::Most(2.0)),
        Row::new("unchanged manifest", Unit::Seconds, none)
            .beside(floor_name, nothing)
            .target(Target::Most(0.3)),
    ])
}

fn seconds(command: &mut Command) -> anyhow::Result<f64> {
    let start = Instant::now();
    child::run(command)?;
    Ok(start.elapsed().as_secs_f64())
}

/// Makes cargo believe that a file has changed.
fn touch(path: &Path) -> anyhow::Result<()> {
    let file = std::fs::File::options().append(true).open(path)?;
    file.set_modified(std::time::SystemTime::now())
        .with_context(|| format!("cannot touch {}", path.display()))
}
