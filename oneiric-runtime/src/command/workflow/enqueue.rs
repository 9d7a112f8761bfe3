//! `workflow enqueue`: hands a run over to a queue, which has it started later.
//!
//! It needs the queue and nothing else: no store is opened, so that it works on a machine that has none.

use clap::{Arg, ArgMatches, Command};
use serde::Serialize;

use super::input;
use crate::adapters::queue::Message;
use crate::adapters::{Adapters, Declared, Error, Kind};
use crate::clock::Timestamp;
use crate::command::output::Done;
use crate::command::{Context, json_argument, store};
use crate::failure::{Failure, nearest};
use crate::json::Json;

pub(super) const NAME: &str = "enqueue";

pub(super) fn command() -> Command {
    Command::new(NAME)
        .about("Hand a run over to a queue, which has it started")
        .arg(Arg::new("workflow").value_name("KEY").required(true).help("The workflow"))
        .args(input::arguments())
        .arg(
            Arg::new("run-id")
                .long("run-id")
                .value_name("ID")
                .help("The run's id; a run of this id is enqueued once, and runs once"),
        )
        .arg(
            Arg::new("queue")
                .long("queue")
                .value_name("NAME")
                .help("The queue, instead of the workflow's own, the program's, or the only one"),
        )
        .arg(json_argument())
}

/// What was handed over, under the names of the first Oneiric.
#[derive(Serialize)]
struct Enqueued<'a> {
    workflow: &'a str,
    run_id: &'a str,
    task_name: &'a str,
    queue_category: &'a str,
    queue_provider: &'a str,
    queued_at: Timestamp,
}

pub(super) fn run(context: &Context, matches: &ArgMatches) -> Result<Done, Failure> {
    let message = Message {
        workflow: input::workflow(&context.app, matches)?,
        run_id: input::run_id(matches)?,
        workflow_provider: None,
        context: input::read(matches)?,
        metadata: Json::trusted("{}"),
        queued_at: Timestamp::now(),
    };
    let registry = context.program.registry(context.app.clone());
    let adapters = registry.adapters();
    adapters.check()?;
    let flag = matches.get_one::<String>("queue").map(String::as_str);
    let own = context.program.queue_of(&message.workflow);
    let of_all = adapters.layers()?.queue().or(context.program.queue());
    let queue = find(flag.or(own.as_deref()).or(of_all), adapters.declared())?;

    let runtime = store::runtime()?;
    let task_name = runtime.block_on(hand_over(adapters, queue.name, &message));
    runtime.shutdown_background();
    let task_name = task_name.map_err(|error| failure(queue.name, &error))?;
    let Message { workflow, run_id, queued_at, .. } = &message;
    let (queue_category, queue_provider) = (queue.name, queue.id);
    tracing::info!(workflow, run_id, queue_category, queue_provider, task_name, "workflow-enqueued");
    let enqueued = Enqueued {
        workflow,
        run_id,
        task_name: &task_name,
        queue_category,
        queue_provider,
        queued_at: *queued_at,
    };
    let document = Json::of(&enqueued).map_err(|error| Failure::new("internal", error.to_string()))?;
    let text =
        format!("run {run_id} of `{workflow}` is in `{queue_category}` ({queue_provider}) as {task_name}\n");
    Ok(Done::new(document, |_| text))
}

async fn hand_over(adapters: &Adapters, queue: &str, message: &Message) -> Result<String, Error> {
    let task_name = match adapters.queue(queue).await {
        Ok(queue) => queue.enqueue(message).await,
        Err(error) => Err(error),
    };
    adapters.close().await;
    task_name
}

/// The queue that was chosen, or the only one that there is.
fn find(chosen: Option<&str>, declared: impl Iterator<Item = Declared>) -> Result<Declared, Failure> {
    let declared = declared.collect::<Vec<_>>();
    let is_queue = |one: &&Declared| one.id.starts_with("queue.");
    let queues = declared.iter().filter(is_queue).collect::<Vec<_>>();
    let Some(chosen) = chosen else {
        return match queues[..] {
            [queue] => Ok(*queue),
            [] => Err(Failure::new(
                MISSING,
                "the program has no queue; name an adapter such as `queue.cloudtasks`",
            )),
            _ => {
                let names = queues.iter().map(|queue| queue.name).collect::<Vec<_>>().join(", ");
                let message = format!("the program has several queues ({names}); choose one with --queue");
                Err(Failure::new(MISSING, message))
            }
        };
    };
    match declared.iter().find(|one| one.name == chosen) {
        Some(found) if is_queue(&found) => Ok(*found),
        Some(other) => {
            let message = format!("the adapter `{chosen}` is {}, which takes no runs", other.id);
            Err(Failure::new("workflow-queue-adapter-missing-enqueue", message))
        }
        None => {
            let unknown = Failure::new(MISSING, format!("the program has no queue `{chosen}`"));
            Err(unknown.with_nearest(nearest(chosen, queues.iter().map(|queue| queue.name))))
        }
    }
}

/// The code where no queue can be told.
const MISSING: &str = "workflow-queue-category-missing";

fn failure(queue: &str, error: &Error) -> Failure {
    let code = match error.kind() {
        Kind::Settings => "queue-settings",
        Kind::Denied => "queue-denied",
        Kind::NotFound => "queue-not-found",
        Kind::AlreadyExists | Kind::Rejected => "queue-rejected",
        Kind::Unavailable => "queue-unavailable",
    };
    Failure::new(code, format!("the queue `{queue}` did not take the run: {error}"))
}
