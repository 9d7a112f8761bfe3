//! From SIGKILL to the first effect of the program that is started again, with many runs open.

use std::fs::File;
use std::io::{BufRead, BufReader};
use std::path::Path;
use std::sync::mpsc::{Receiver, channel};
use std::time::{Duration, Instant};

use anyhow::{Context, ensure};
use oneiric::checkpoint::{Created, NewRun, Sqlite, Store, Urgency};
use oneiric::run::{Entry, Event, NodeId};
use oneiric::{Json, Timestamp};
use rustix::fs::{CWD, FileType, Mode, mknodat};
use serde_json::{Value, json};

use super::{Group, start};
use crate::http;
use crate::programs::{self, Programs};
use crate::row::{Row, Target, Unit};
use crate::sample::Sample;

pub(super) const GROUP: Group = Group {
    name: "kill",
    about: "SIGKILL to the first new effect with 10,000 open runs",
    rounds: 9,
    measure,
};

const RUNS: usize = 10_000;

/// Longer than recovery may take.
const PATIENCE: Duration = Duration::from_secs(30);

fn measure(programs: &Programs, rounds: usize) -> anyhow::Result<Vec<Row>> {
    let folder = programs.folder()?;
    let state = folder.path().join("state");
    // Effects are lines in a pipe, so that the first is heard of at once.
    let pipe = folder.path().join("effects");
    mknodat(CWD, &pipe, FileType::Fifo, Mode::RUSR | Mode::WUSR, 0).context("cannot make a pipe")?;
    let effects = listen(&pipe)?;
    tokio::runtime::Builder::new_current_thread().enable_all().build()?.block_on(fill(&state, &pipe))?;

    let mut times = Vec::new();
    let (mut server, mut port) = begin(&programs.hold, &state)?;
    for _ in 0..rounds {
        http::wait_until_ready(port)?;
        effects.recv_timeout(PATIENCE).context("there is no effect")?;
        // What the killed program still did must not be taken for what the next one does.
        let killed = Instant::now();
        server.kill()?;
        let gone = Instant::now();
        (server, port) = begin(&programs.hold, &state)?;
        let first = loop {
            let effect = effects.recv_timeout(PATIENCE).context("there is no effect after a kill")?;
            if effect > gone {
                break effect;
            }
        };
        times.push((first - killed).as_secs_f64() * 1e3);
    }
    server.kill()?;
    Ok(vec![
        Row::new("SIGKILL to the first new effect, 10,000 open runs", Unit::Milliseconds, Sample::new(times))
            .target(Target::Most(50.0)),
    ])
}

/// Starts it without asking it anything.
fn begin(program: &Path, state: &Path) -> anyhow::Result<(http::Server, u16)> {
    let port = http::free_port()?;
    let server = http::Server::start(start::orchestrate(program, state).env("PORT", port.to_string()))?;
    Ok((server, port))
}

/// The moments at which lines come out of the pipe.
fn listen(pipe: &Path) -> anyhow::Result<Receiver<Instant>> {
    // Opened for writing too, it does not end when the program does.
    let pipe = File::options().read(true).write(true).open(pipe).context("cannot open the pipe")?;
    let (sender, moments) = channel();
    std::thread::spawn(move || {
        let mut lines = BufReader::new(pipe);
        let mut line = String::new();
        while lines.read_line(&mut line).is_ok_and(|length| length > 0) && sender.send(Instant::now()).is_ok()
        {
            line.clear();
        }
    });
    Ok(moments)
}

/// A store as a killed program leaves it: in every run the first node is done, and the second is not.
async fn fill(state: &Path, pipe: &Path) -> anyhow::Result<()> {
    let plan = programs::workspace().join("target/oneiric/bench-hold/src/plan.json");
    let plan: Value = serde_json::from_str(&std::fs::read_to_string(&plan).context("cannot read the plan")?)?;
    let definition = &plan["workflows"]["hold"];
    let digest = definition["digest"].as_str().context("a workflow has a digest")?;
    let store = Sqlite::open(state)?;
    let input = Json::of(&json!({ "journal": pipe }))?;
    let new = |index: usize| NewRun {
        run_id: format!("run-{index}"),
        workflow: "hold".to_owned(),
        digest: digest.to_owned(),
        definition: Json::of(definition).expect("JSON is JSON"),
        input: input.clone(),
        labels: Json::null(),
        created_at: Timestamp::now(),
    };
    let created: Vec<_> = (0..RUNS).map(|index| store.create(new(index))).collect();
    let mut appended = Vec::new();
    for reply in created {
        let Created::New(run) = reply.await? else { anyhow::bail!("a new store has a run") };
        let node = NodeId(0);
        let events = [
            Event::NodeStarted { node, attempt: 1 },
            Event::NodeCompleted { node, attempt: 1, output: Json::of(&1)? },
        ];
        let log = events.map(|event| Entry { at: Timestamp::now(), event }).into();
        appended.push(store.append(run, log, Urgency::Now));
    }
    for reply in appended {
        reply.await?;
    }
    ensure!(store.list(oneiric::checkpoint::Filter::default()).await?.len() == RUNS, "a run is missing");
    store.close().await?;
    Ok(())
}
