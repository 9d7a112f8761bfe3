//! `oneiric plan`: what a manifest comes to, without building it.

use std::io::Write as _;
use std::path::PathBuf;
use std::process::ExitCode;

use super::profile::Profile;
use super::render::{self, Source, Style};
use super::{MANIFEST_IS_WRONG, source};
use crate::{Choices, check_with, plan};

/// Shows what a manifest comes to: its workflows, in order and level by level
#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    /// The manifest; `-` is standard input
    manifest: PathBuf,
    /// What to print on standard output
    #[arg(long, value_name = "FORMAT", value_enum, default_value_t = Format::Text)]
    format: Format,
    #[command(flatten)]
    profile: Profile,
}

#[derive(Clone, Copy, Debug, clap::ValueEnum)]
enum Format {
    /// For people
    Text,
    /// The document that is embedded in the binary
    Json,
    /// A graph for Graphviz
    Dot,
    /// A graph for Markdown
    Mermaid,
}

pub(crate) fn exec(args: Args) -> anyhow::Result<ExitCode> {
    let Args { manifest, format, profile } = args;
    let bytes = source::read(&manifest)?;
    let name = source::shown(&manifest);
    let result = check_with(&bytes, &Choices { profile: profile.chosen(), ..Choices::default() });
    let faults = match &result {
        Ok((_, faults)) | Err(faults) => faults,
    };
    if !faults.is_empty() {
        let shown = render::human(&Source::new(name.as_str(), &bytes), faults, Style::of_stderr());
        std::io::stderr().lock().write_all(shown.as_bytes())?;
    }
    let Ok((plan, _)) = result else { return Ok(ExitCode::from(MANIFEST_IS_WRONG)) };
    let text = match format {
        Format::Text => plan::text(&plan),
        Format::Json => plan::json::program(&plan, &name).pretty(),
        Format::Dot => plan::dot(&plan),
        Format::Mermaid => plan::mermaid(&plan),
    };
    std::io::stdout().lock().write_all(text.as_bytes())?;
    Ok(ExitCode::SUCCESS)
}
