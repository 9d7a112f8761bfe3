//! `--allow`, `--warn` and `--deny`: what becomes of warnings.

use crate::lint::{Level, Levels, Which};

#[derive(Clone, Debug, Default, clap::Args)]
#[command(next_help_heading = "Warnings")]
pub(crate) struct Lints {
    /// Do not show these warnings; a code, a name, or `all`
    #[arg(long, short = 'A', value_name = "CODE", value_parser = which)]
    allow: Vec<Which>,
    /// Show these warnings, whatever the manifest's `lints` says
    #[arg(long, short = 'W', value_name = "CODE", value_parser = which)]
    warn: Vec<Which>,
    /// Let these warnings stop the build
    #[arg(long, short = 'D', value_name = "CODE", value_parser = which)]
    deny: Vec<Which>,
}

impl Lints {
    /// What was chosen. Where more than one thing is said about a warning, the strictest counts.
    pub(crate) fn levels(&self) -> Levels {
        let mut levels = Levels::default();
        let flags = [
            (&self.allow, Level::Allow, "--allow"),
            (&self.warn, Level::Warn, "--warn"),
            (&self.deny, Level::Deny, "--deny"),
        ];
        for (chosen, level, flag) in flags {
            for which in chosen {
                let name = match which {
                    Which::All => Which::ALL,
                    Which::One(code) => code.0,
                };
                levels.choose(*which, level, format!("`{flag} {name}`"));
            }
        }
        levels
    }
}

fn which(text: &str) -> Result<Which, String> {
    Which::read(text).map_err(|(message, help)| match help {
        Some(help) => format!("{message}; {help}"),
        None => message,
    })
}
