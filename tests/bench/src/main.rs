//! The benchmark command: what Oneiric promises in numbers, each measured beside its floor in the same run.
//!
//! `cargo oneiric-bench` measures everything, `cargo oneiric-bench start durable` only that. A figure of one machine says
//! little; its ratio to a floor that was measured in turn with it says more. `docs/performance.md` has the targets' reasons.

#![expect(clippy::print_stdout, clippy::print_stderr, reason = "it is what this program is for")]

mod child;
mod groups;
mod http;
mod machine;
mod programs;
mod row;
mod sample;
mod table;

use std::process::ExitCode;

use clap::{Arg, ArgAction, Command, value_parser};

use crate::groups::{GROUPS, Group};
use crate::machine::Machine;
use crate::programs::Programs;

fn main() -> anyhow::Result<ExitCode> {
    let arguments = command().get_matches();
    let rounds = arguments.get_one::<usize>("rounds").copied();
    let chosen: Vec<&Group> = match arguments.get_many::<String>("group") {
        None => GROUPS.to_vec(),
        Some(names) => names.filter_map(|name| GROUPS.into_iter().find(|group| group.name == name)).collect(),
    };

    let programs = Programs::build()?;
    let machine = Machine::measure(&programs)?;
    let is_json = arguments.get_flag("json");
    if !is_json {
        println!("{machine}\n");
    }
    let mut rows = Vec::new();
    for group in chosen {
        eprintln!("measuring `{}`: {}", group.name, group.about);
        rows.extend((group.measure)(&programs, rounds.unwrap_or(group.rounds))?);
    }
    if is_json {
        let rows: Vec<_> = rows.iter().map(row::Row::json).collect();
        println!("{:#}", serde_json::json!({ "machine": machine.json(), "rows": rows }));
    } else {
        print!("{}", table::of(&rows));
    }
    Ok(ExitCode::from(u8::from(rows.iter().any(|row| !row.is_met()))))
}

fn command() -> Command {
    let names = GROUPS.iter().map(|group| group.name).collect::<Vec<_>>();
    let list: Vec<_> = GROUPS.iter().map(|group| format!("  {:9} {}", group.name, group.about)).collect();
    Command::new("oneiric-bench")
        .about("Measures what Oneiric promises, beside the floors; exits with 1 when a target is missed.")
        .arg(
            Arg::new("group").help("What to measure; all if none is named").num_args(0..).value_parser(names),
        )
        .arg(Arg::new("json").long("json").help("Print one JSON document").action(ArgAction::SetTrue))
        .arg(
            Arg::new("rounds")
                .long("rounds")
                .help("How often everything is measured")
                .value_parser(value_parser!(usize)),
        )
        .after_help(format!("Groups:\n{}", list.join("\n")))
}
