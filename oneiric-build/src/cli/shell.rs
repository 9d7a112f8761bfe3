//! What people see: status lines on standard error, and one line in place while something takes long.
//!
//! Standard output is kept for results that programs read.

use std::io::{IsTerminal, Write};
use std::sync::Mutex;

use clap::builder::styling::AnsiColor;

use super::render::Style;

/// Width of the verb at the start of a status line, as cargo has it.
const VERB: usize = 12;

/// Standard error, written to by whoever has something to say.
pub(crate) struct Shell {
    quiet: bool,
    is_terminal: bool,
    has_color: bool,
    /// Whether a line in place is on the screen.
    line: Mutex<bool>,
}

impl Shell {
    /// With `quiet`, only errors are said.
    pub(crate) fn new(quiet: bool) -> Self {
        let is_terminal = std::io::stderr().is_terminal();
        Self { quiet, is_terminal, has_color: Style::of_stderr().color, line: Mutex::new(false) }
    }

    pub(crate) fn has_color(&self) -> bool {
        self.has_color
    }

    /// Something was done.
    pub(crate) fn status(&self, verb: &str, what: &str) {
        if !self.quiet {
            self.line(AnsiColor::Green, &format!("{verb:>VERB$}"), &format!(" {what}"));
        }
    }

    /// More about what was done, under the text of its status line.
    pub(crate) fn detail(&self, name: &str, what: &str) {
        if !self.quiet {
            self.line(AnsiColor::Cyan, &format!("{name:>VERB$}"), &format!(" {what}"));
        }
    }

    /// Something is worth knowing.
    pub(crate) fn warning(&self, what: &str) {
        if !self.quiet {
            self.line(AnsiColor::Yellow, "warning", &format!(": {what}"));
        }
    }

    /// Something went wrong.
    pub(crate) fn error(&self, what: &str) {
        self.line(AnsiColor::Red, "error", &format!(": {what}"));
    }

    /// Text of another tool, as it is.
    pub(crate) fn verbatim(&self, text: &str) {
        self.clear();
        self.write(text);
        if !text.ends_with('\n') {
            self.write("\n");
        }
    }

    /// Replaces the line in place. Nothing where there is no terminal to do it on.
    pub(crate) fn progress(&self, verb: &str, what: &str) {
        if self.quiet || !self.is_terminal {
            return;
        }
        // The last column stays free: some terminals wrap when it is written.
        let what: String = what.chars().take(Style::of_stderr().width.saturating_sub(VERB + 2)).collect();
        let mut line = self.line.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
        let verb = self.paint(AnsiColor::Cyan, &format!("{verb:>VERB$}"));
        self.write(&format!("\r\x1b[K{verb} {what}"));
        *line = true;
    }

    /// Takes the line in place away.
    pub(crate) fn clear(&self) {
        let mut line = self.line.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
        if std::mem::take(&mut *line) {
            self.write("\r\x1b[K");
        }
    }

    fn line(&self, color: AnsiColor, head: &str, rest: &str) {
        self.clear();
        self.write(&format!("{}{rest}\n", self.paint(color, head)));
    }

    fn paint(&self, color: AnsiColor, text: &str) -> String {
        if !self.has_color {
            return text.to_owned();
        }
        let style = clap::builder::styling::Style::new().bold().fg_color(Some(color.into()));
        format!("{style}{text}{style:#}")
    }

    #[expect(clippy::unused_self, reason = "what is written goes through the one shell")]
    fn write(&self, text: &str) {
        // Where standard error is closed nobody is left to tell.
        let _ = std::io::stderr().lock().write_all(text.as_bytes());
    }
}
