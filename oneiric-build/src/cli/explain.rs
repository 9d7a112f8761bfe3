//! `oneiric explain`: the page of a fault.

use std::fmt::Write as _;
use std::io::Write as _;
use std::process::ExitCode;

use super::WRONG_USE;
use crate::diagnostic::Severity;
use crate::rules;

/// Explains a fault, by its code or name; without one, lists them all
#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    /// A code such as `O4001`, or a name such as `cycle`
    #[arg(value_name = "CODE")]
    code: Option<String>,
}

pub(crate) fn exec(args: Args) -> anyhow::Result<ExitCode> {
    let Args { code } = args;
    let Some(wanted) = code else { return print(&list()) };
    if let Some(rule) = rules::find(&wanted) {
        return print(rule.page);
    }
    let mut stderr = std::io::stderr().lock();
    writeln!(stderr, "error: there is no fault `{wanted}`")?;
    if let Some(name) = rules::nearest(&wanted) {
        writeln!(stderr, "help: did you mean `{name}`?")?;
    }
    Ok(ExitCode::from(WRONG_USE))
}

fn print(text: &str) -> anyhow::Result<ExitCode> {
    std::io::stdout().lock().write_all(text.as_bytes())?;
    Ok(ExitCode::SUCCESS)
}

fn list() -> String {
    rules::all().fold(String::new(), |mut text, rule| {
        let mark = if rule.severity == Severity::Warning { " (a warning)" } else { "" };
        _ = writeln!(text, "{}  {:23}  {}{mark}", rule.code.0, rule.name, rule.summary);
        text
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn faults_are_found_by_code_and_by_name() {
        for wanted in ["O4001", "o4001", "4001", "cycle"] {
            assert_eq!(rules::find(wanted).unwrap().name, "cycle");
        }
        assert!(rules::find("O9998").is_none());
        assert_eq!(rules::nearest("cylce"), Some("cycle"));
    }

    #[test]
    fn the_list_has_a_line_for_each() {
        assert_eq!(list().lines().count(), rules::all().count());
    }
}
