//! `runs list`: the runs that are kept, newest first.

use clap::{Arg, ArgMatches, Command, value_parser};
use serde::Serialize;

use crate::checkpoint::{Filter, Run};
use crate::clock::Timestamp;
use crate::command::Context;
use crate::command::output::Done;
use crate::command::table::Table;
use crate::command::{duration, store};
use crate::failure::{Failure, nearest};
use crate::json::Json;
use crate::run::Status;

pub(super) const NAME: &str = "list";

pub(super) fn command() -> Command {
    Command::new(NAME)
        .about("List runs, newest first")
        .arg(Arg::new("workflow").long("workflow").value_name("KEY").help("Only of this workflow"))
        .arg(
            Arg::new("status")
                .long("status")
                .value_name("STATUS")
                .help("Only running, parked, completed, failed or cancelled ones"),
        )
        .arg(
            Arg::new("limit")
                .long("limit")
                .value_name("N")
                .default_value("50")
                .value_parser(value_parser!(u32))
                .help("At most so many; 0 is all"),
        )
}

pub(super) fn run(context: &Context, matches: &ArgMatches) -> Result<Done, Failure> {
    let filter = Filter {
        workflow: matches.get_one::<String>("workflow").cloned(),
        status: matches.get_one::<String>("status").map(|name| status(name)).transpose()?,
        limit: matches.get_one::<u32>("limit").copied().unwrap_or_default(),
    };
    let runs = store::runtime()?
        .block_on(async { Ok::<_, Failure>(store::reader(context).await?.list(filter).await?) })?;
    Ok(Done::new(document(&runs)?, |_| text(&runs)))
}

fn status(name: &str) -> Result<Status, Failure> {
    Status::ALL.into_iter().find(|status| status.name() == name).ok_or_else(|| {
        Failure::usage(format!("there is no status `{name}`"))
            .with_nearest(nearest(name, Status::ALL.map(Status::name)))
    })
}

#[derive(Serialize)]
struct Listing<'a> {
    runs: Vec<Listed<'a>>,
}

#[derive(Serialize)]
struct Listed<'a> {
    run_id: &'a str,
    workflow: &'a str,
    status: Status,
    created_at: Timestamp,
    ended_at: Option<Timestamp>,
}

fn document(runs: &[Run]) -> Result<Json, Failure> {
    fn listed(run: &Run) -> Listed<'_> {
        Listed {
            run_id: &run.run_id,
            workflow: &run.workflow,
            status: run.status,
            created_at: run.created_at,
            ended_at: run.ended_at,
        }
    }
    let listing = Listing { runs: runs.iter().map(listed).collect() };
    Json::of(&listing).map_err(|error| Failure::new("internal", error.to_string()))
}

fn text(runs: &[Run]) -> String {
    if runs.is_empty() {
        return "no runs\n".to_owned();
    }
    let mut table = Table::new(["RUN", "WORKFLOW", "STATUS", "CREATED", "TOOK"]);
    for run in runs {
        let took = run.ended_at.map(|ended| duration::show(ended.since(run.created_at)));
        table.row([
            run.run_id.clone(),
            run.workflow.clone(),
            run.status.name().to_owned(),
            run.created_at.to_string(),
            took.unwrap_or_default(),
        ]);
    }
    table.text("")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn statuses_are_called_as_in_json() {
        for known in Status::ALL {
            assert_eq!(status(known.name()), Ok(known));
            assert_eq!(serde_json::to_value(known).unwrap(), known.name());
        }
        let failure = status("complete").unwrap_err();
        assert!(failure.is_usage());
        assert!(failure.message.ends_with("did you mean `completed`?"), "{failure}");
    }
}
