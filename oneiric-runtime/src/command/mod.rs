//! What an operator can ask a program to do: its command line.
//!
//! Each command is one file: `command()` says how it is called, `run` does it. With `--json` every command prints exactly
//! one JSON document on standard output, errors too. The exit status is 0 when all is well, 1 when the work failed, and 2
//! when the command was used wrongly.

mod duration;
mod health;
mod orchestrate;
mod output;
mod runs;
mod secrets;
mod store;
mod supervisor_info;
mod table;
mod verify;
mod view;
mod workflow;

use std::ffi::OsString;
use std::process::ExitCode;
use std::sync::Arc;

use clap::error::ErrorKind;
use clap::{Arg, ArgAction, ArgMatches, Command};
use tracing::level_filters::LevelFilter;

use self::output::Done;
use crate::app::App;
use crate::failure::Failure;
use crate::profile::{Choice, Toggles};
use crate::program::Program;
use crate::settings::Surroundings;
use crate::telemetry::{self, Stream};

/// Does what the command line says.
pub(crate) fn main(program: Program, app: App) -> ExitCode {
    let arguments = std::env::args_os().collect::<Vec<_>>();
    let matches = match root().try_get_matches_from(&arguments) {
        Ok(matches) => matches,
        Err(error) => return misused(&program, &arguments, &error),
    };
    let wants_json = wants_json(&matches);
    let done = Context::new(program, app, &matches).and_then(|context| dispatch(context, &matches));
    done.unwrap_or_else(|failure| output::fail(&failure, wants_json))
}

/// What commands work on.
#[derive(Clone)]
struct Context {
    program: Arc<Program>,
    app: App,
    /// The profile that it runs under.
    profile: Choice,
    /// What is switched on and off.
    toggles: Toggles,
}

impl Context {
    fn new(program: Program, mut app: App, matches: &ArgMatches) -> Result<Self, Failure> {
        let surroundings = Surroundings::get()?;
        let flag = matches.get_one::<String>("profile").map(String::as_str);
        let profile = Choice::of(flag, surroundings, program.profile())?;
        let toggles = Toggles::of(profile, surroundings)?;
        app.profile = profile.profile;
        Ok(Self { program: Arc::new(program), app, profile, toggles })
    }
}

/// The command line. Commands of several are described only as far as they are called, since starting up should not
/// cost what only a typing person needs.
fn root() -> Command {
    Command::new("oneiric")
        .disable_help_subcommand(true)
        .arg(profile_argument())
        .subcommand(orchestrate::command())
        .subcommand(workflow::command())
        .subcommand(runs::command())
        .subcommand(health::command())
        .subcommand(secrets::command())
        .subcommand(supervisor_info::command())
        .subcommand(verify::command())
}

fn dispatch(context: Context, matches: &ArgMatches) -> Result<ExitCode, Failure> {
    let Some((name, matches)) = matches.subcommand() else {
        let _ = described(&context.program).bin_name(program_name()).print_help();
        return Ok(ExitCode::SUCCESS);
    };
    if name == orchestrate::NAME {
        return orchestrate::run(context, matches);
    }
    // What went well is in the result; only what did not is worth a line beside it.
    let level = telemetry::level(LevelFilter::WARN).map_err(Failure::usage)?;
    telemetry::init(Arc::clone(&context.program), Stream::Stderr, level);
    let wants_json = wants_json(matches);
    let done: Done = match name {
        workflow::NAME => workflow::run(context, matches)?,
        runs::NAME => runs::run(context, matches)?,
        health::NAME => health::run(context, matches)?,
        secrets::NAME => secrets::run(matches)?,
        supervisor_info::NAME => supervisor_info::run(&context)?,
        _ => verify::run(&context),
    };
    Ok(done.print(wants_json))
}

/// `--profile`, which is known before and after the subcommand.
fn profile_argument() -> Arg {
    Arg::new("profile").long("profile").global(true).value_name("PROFILE").help("default or serverless")
}

/// `--json`, for commands that have it.
fn json_argument() -> Arg {
    Arg::new("json").long("json").action(ArgAction::SetTrue).help("Print exactly one JSON document")
}

/// Whether the innermost command was given `--json`.
fn wants_json(matches: &ArgMatches) -> bool {
    let own = matches.try_get_one::<bool>("json").ok().flatten().copied().unwrap_or(false);
    own || matches.subcommand().is_some_and(|(_, inner)| wants_json(inner))
}

/// The command line with the program's own description, which is looked up only for those who ask for help.
fn described(program: &Program) -> Command {
    let name = program.name();
    let about = program.description().map_or_else(|| name.to_owned(), |about| format!("{name}: {about}"));
    root().about(about).arg_required_else_help(false)
}

/// What this program was called by.
fn program_name() -> String {
    let path = std::env::args_os().next().unwrap_or_default();
    std::path::Path::new(&path).file_name().unwrap_or(&path).to_string_lossy().into_owned()
}

/// Answers a command line that cannot be understood, or that asks for help.
fn misused(program: &Program, arguments: &[OsString], error: &clap::Error) -> ExitCode {
    if error.kind() == ErrorKind::DisplayHelp {
        let error = described(program).try_get_matches_from(arguments).err();
        let _ = error.map(|error| error.print());
        return ExitCode::SUCCESS;
    }
    if arguments.iter().any(|argument| argument == "--json") {
        let message = error.to_string();
        let message = message.trim().strip_prefix("error: ").unwrap_or(&message).to_owned();
        return output::fail(&Failure::usage(message), true);
    }
    let _ = error.print();
    ExitCode::from(2)
}
