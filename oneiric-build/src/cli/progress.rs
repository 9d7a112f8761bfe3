//! How far cargo is, read off its standard error.
//!
//! Cargo alone knows how many units there are, and says so only in its own progress bar. Where a later cargo draws that
//! differently nothing is shown, and nothing else is lost.

use std::io::{BufRead, BufReader, Read};

use super::shell::Shell;

/// Has cargo draw its bar although nobody looks, wide enough to say what it compiles.
pub(crate) const ENVIRONMENT: [(&str, &str); 3] = [
    ("CARGO_TERM_PROGRESS_WHEN", "always"),
    ("CARGO_TERM_PROGRESS_WIDTH", "160"),
    ("CARGO_TERM_COLOR", "never"),
];

/// Verbs of lines that say what the bar says already.
const SILENT: [&str; 8] =
    ["Compiling", "Fresh", "Finished", "Dirty", "Locking", "Adding", "Updating", "Downloaded"];

/// Shows progress until cargo ends, and returns what else it said.
pub(crate) fn follow(stderr: impl Read, shell: &Shell) -> String {
    let mut rest = String::new();
    let mut reader = BufReader::new(stderr);
    let mut line = Vec::new();
    while let Ok(true) = next(&mut reader, &mut line) {
        let text = String::from_utf8_lossy(&line);
        let (verb, what) = text.trim().split_once(' ').unwrap_or((text.trim(), ""));
        if let Some(what) = bar(verb, what) {
            shell.progress(verb, &what);
        } else if verb == "Blocking" {
            shell.progress("Waiting", "for another build to end");
        } else if !(is_silent(&text, verb) || text.trim().is_empty() && rest.is_empty()) {
            rest.push_str(text.trim_end());
            rest.push('\n');
        }
    }
    shell.clear();
    rest
}

/// Whether a line only says what the bar says. Such lines are indented, and errors are not.
fn is_silent(line: &str, verb: &str) -> bool {
    line.starts_with(' ') && SILENT.contains(&verb)
}

/// Reads up to the end of a line, or to where the next one is drawn over it.
fn next(reader: &mut impl BufRead, line: &mut Vec<u8>) -> std::io::Result<bool> {
    line.clear();
    loop {
        let buffer = reader.fill_buf()?;
        if buffer.is_empty() {
            return Ok(!line.is_empty());
        }
        let end = buffer.iter().position(|byte| matches!(byte, b'\n' | b'\r'));
        let taken = end.unwrap_or(buffer.len());
        line.extend_from_slice(&buffer[..taken]);
        reader.consume(taken + usize::from(end.is_some()));
        if end.is_some() {
            return Ok(true);
        }
    }
}

/// `[=====>    ] 12/97: tokio, hyper` as `12/97: tokio, hyper`.
fn bar(verb: &str, what: &str) -> Option<String> {
    if !matches!(verb, "Building" | "Downloading") {
        return None;
    }
    let Some(bar) = what.strip_prefix('[') else { return Some(what.trim().to_owned()) };
    Some(bar.split_once(']')?.1.trim().to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_bar_becomes_a_count() {
        assert_eq!(bar("Building", "[=>    ] 1/12: serde(build)   ").as_deref(), Some("1/12: serde(build)"));
        assert_eq!(bar("Compiling", "serde v1.0.0"), None);
    }

    #[test]
    fn what_is_not_progress_is_kept() {
        let stderr = "   Compiling a v1.0.0\n    Building [> ] 0/2: a   \r    Building [=>] 1/2: b \rerror: linking failed\n  ld: no\n";
        assert_eq!(follow(stderr.as_bytes(), &Shell::new(true)), "error: linking failed\n  ld: no\n");
    }
}
