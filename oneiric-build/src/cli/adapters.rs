//! `oneiric adapters`: what adapters there are, and the page of each.

use std::fmt::Write as _;
use std::process::ExitCode;

use super::{WRONG_USE, print};
use crate::catalog::{self, Provider};
use crate::json::Json;
use crate::manifest::nearest::nearest;

/// Lists the adapters that manifests can name, or explains one
#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    /// The adapter to explain, such as `queue.cloudtasks`
    #[arg(value_name = "ID")]
    id: Option<String>,
    /// What to print on standard output
    #[arg(long, value_name = "FORMAT", value_enum, default_value_t = Format::Text)]
    format: Format,
}

#[derive(Clone, Copy, Debug, clap::ValueEnum)]
enum Format {
    /// For people
    Text,
    /// One JSON document, with the schemas of settings
    Json,
}

/// The version of the JSON form.
const VERSION: u32 = 1;

pub(crate) fn exec(args: Args) -> anyhow::Result<ExitCode> {
    let Args { id, format } = args;
    let Some(wanted) = id else {
        let list = catalog::providers();
        print(&match format {
            Format::Text => text(list),
            Format::Json => json(list).pretty(),
        })?;
        return Ok(ExitCode::SUCCESS);
    };
    if let Some(provider) = catalog::provider(&wanted) {
        print(&match format {
            Format::Text => catalog::page(provider),
            Format::Json => json(std::slice::from_ref(provider)).pretty(),
        })?;
        return Ok(ExitCode::SUCCESS);
    }
    let shell = super::shell::Shell::new(false);
    if catalog::is_known(&wanted) {
        shell.error(&format!("the adapter `{wanted}` is not supported yet"));
    } else {
        let known: Vec<&str> = catalog::ids().collect();
        let near = nearest(&wanted, &known).map(|near| format!("\nhelp: did you mean `{near}`?"));
        shell.error(&format!("there is no adapter `{wanted}`{}", near.unwrap_or_default()));
    }
    Ok(ExitCode::from(WRONG_USE))
}

fn text(list: &[Provider]) -> String {
    let width = list.iter().map(|one| one.id.len()).max().unwrap_or(0);
    list.iter().fold(String::new(), |mut text, one| {
        _ = writeln!(text, "{:width$}  {}", one.id, one.summary);
        text
    })
}

fn json(list: &[Provider]) -> Json {
    let one = |one: &Provider| {
        Json::object([
            ("id", Some(Json::value(one.id.as_str()))),
            ("summary", Some(Json::value(one.summary.as_str()))),
            ("feature", one.feature.as_deref().map(Json::value)),
            ("capabilities", Some(Json::list(&one.capabilities, |able| Json::value(able.as_str())))),
            ("settings", Some(Json::from(one.settings.clone()))),
        ])
    };
    Json::object([("version", Some(Json::value(VERSION))), ("adapters", Some(Json::list(list, one)))])
}
