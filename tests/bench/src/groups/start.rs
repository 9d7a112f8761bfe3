//! From exec to the first answer, and what the program then needs to stay there.

use std::path::Path;
use std::process::Command;
use std::time::Duration;

use super::Group;
use crate::http::{self, Server};
use crate::programs::Programs;
use crate::row::{Row, Target, Unit};
use crate::sample::Sample;

pub(super) const GROUP: Group = Group {
    name: "start",
    about: "exec to the first 200; memory and wake-ups while idle",
    rounds: 60,
    measure,
};

/// So long after its start a program has done all that starting takes, and tidied up.
const SETTLED: Duration = Duration::from_secs(3);

/// For so long its wake-ups are counted.
const IDLE: Duration = Duration::from_secs(2);

fn measure(programs: &Programs, rounds: usize) -> anyhow::Result<Vec<Row>> {
    let state = programs.folder()?;
    let (mut ours, mut bare, mut least) = (Vec::new(), Vec::new(), Vec::new());
    for _ in 0..rounds {
        ours.push(start(&mut orchestrate(&programs.three, state.path()))?);
        bare.push(start(&mut Command::new(&programs.server))?);
        least.push(start(&mut Command::new(&programs.least_server))?);
    }
    let [ours, bare, least] = [ours, bare, least].map(Sample::new);
    let rest = |command: &mut Command| -> anyhow::Result<(f64, f64)> {
        let (server, port) = serve(command)?;
        if command.get_program() == programs.three {
            http::wait_until_ready(port)?;
        }
        std::thread::sleep(SETTLED);
        let before = server.sum_of_threads("voluntary_ctxt_switches")?;
        std::thread::sleep(IDLE);
        let wake_ups = server.sum_of_threads("voluntary_ctxt_switches")? - before;
        Ok((server.memory()?, wake_ups))
    };
    let (memory, wake_ups) = rest(&mut orchestrate(&programs.three, state.path()))?;
    let (bare_memory, bare_wake_ups) = rest(&mut Command::new(&programs.server))?;
    let one = |figure| Sample::new(vec![figure]);
    Ok(vec![
        Row::new("exec to the first 200", Unit::Milliseconds, ours.clone())
            .beside("bare hyper", bare)
            .target(Target::MostOfFloor(1.4)),
        Row::new("exec to the first 200", Unit::Milliseconds, ours)
            .beside("C", least)
            .target(Target::MostOfFloor(3.0)),
        Row::new("resident memory, idle", Unit::Bytes, one(memory))
            .beside("bare hyper", one(bare_memory))
            .target(Target::Most(4e6)),
        Row::new("wake-ups in 2 s, idle", Unit::Count, one(wake_ups))
            .beside("bare hyper", one(bare_wake_ups))
            .target(Target::Most(0.0)),
    ])
}

/// A program that serves, as it is run in production.
pub(super) fn orchestrate(program: &Path, state_dir: &Path) -> Command {
    let mut command = Command::new(program);
    command.arg("orchestrate").env("ONEIRIC_STATE_DIR", state_dir);
    command
}

/// Milliseconds to the first answer.
fn start(command: &mut Command) -> anyhow::Result<f64> {
    let port = http::free_port()?;
    let (server, time) = http::first_answer(command.env("PORT", port.to_string()), port)?;
    server.kill()?;
    Ok(time.as_secs_f64() * 1e3)
}

fn serve(command: &mut Command) -> anyhow::Result<(Server, u16)> {
    let port = http::free_port()?;
    let (server, _) = http::first_answer(command.env("PORT", port.to_string()), port)?;
    Ok((server, port))
}
