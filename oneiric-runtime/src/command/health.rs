//! `health`: asks the running program how it is, and looks for itself where none runs.

use clap::{Arg, ArgAction, ArgMatches, Command};

use super::output::Done;
use super::{Context, json_argument, store};
use crate::control;
use crate::failure::Failure;
use crate::health::{Activity, Facts, Health, Process};
use crate::json::Json;
use crate::state_dir;

pub(super) const NAME: &str = "health";

pub(super) fn command() -> Command {
    Command::new(NAME)
        .about("Show how the program is; exit with 1 when it is not healthy")
        .arg(Arg::new("probe").long("probe").action(ArgAction::SetTrue).help(
            "Ask adapters, sources of secrets and the store how they are, and not only what is known of them",
        ))
        .arg(json_argument())
}

pub(super) fn run(context: Context, matches: &ArgMatches) -> Result<Done, Failure> {
    let probes = matches.get_flag("probe");
    let state_dir = state_dir::from_environment();
    let runtime = store::runtime()?;
    let found = runtime.block_on(async {
        match control::ask_health(&state_dir, probes).await {
            Some(answer) => answer,
            None => look(context, probes).await,
        }
    });
    // A store, or an adapter, that does not answer must not hold up the end.
    runtime.shutdown_background();
    let document = found?;
    let health: Health = document.parse().map_err(|_| {
        Failure::new("order-unknown", "the running process answers otherwise; is it of another version?")
    })?;
    let is_healthy = health.is_healthy();
    Ok(Done::new(document, |_| health.to_string()).good(is_healthy))
}

/// How everything is that a program would use if it ran.
async fn look(context: Context, probes: bool) -> Result<Json, Failure> {
    let facts = Facts::new(context.profile, &context.toggles);
    let registry = context.program.registry(context.app);
    let adapters = registry.adapters();
    adapters.check()?;
    let store = crate::store::state(&registry, &state_dir::from_environment()).await;
    let health =
        Health::gather(&facts.profile, Process::none(), store, Activity::default(), adapters, probes).await;
    adapters.close().await;
    Json::of(&health).map_err(|error| Failure::new("internal", error.to_string()))
}
