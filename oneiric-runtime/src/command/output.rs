//! What a command leaves behind: a document for programs, text for people, and the exit status.

use std::io::{self, Write};
use std::process::ExitCode;

use crate::failure::Failure;
use crate::json::Json;

/// What a command did.
pub(super) struct Done {
    document: Option<Json>,
    text: String,
    is_good: bool,
}

impl Done {
    /// A document, and how `text` shows it.
    pub(super) fn new(document: Json, text: impl FnOnce(&Json) -> String) -> Self {
        let text = text(&document);
        Self { document: Some(document), text, is_good: true }
    }

    /// Nothing that is to be printed.
    pub(super) fn nothing() -> Self {
        Self { document: None, text: String::new(), is_good: true }
    }

    /// Whether the work succeeded; it did unless this says otherwise.
    pub(super) fn good(self, is_good: bool) -> Self {
        Self { is_good, ..self }
    }

    pub(super) fn print(self, wants_json: bool) -> ExitCode {
        match &self.document {
            Some(document) if wants_json => print(&[document.text(), "\n"]),
            _ => print(&[&self.text]),
        }
        if self.is_good { ExitCode::SUCCESS } else { ExitCode::from(1) }
    }
}

/// Says what was not done.
pub(super) fn fail(failure: &Failure, wants_json: bool) -> ExitCode {
    if wants_json {
        let document = serde_json::to_string(failure).expect("a failure is made of text");
        print(&[&document, "\n"]);
    } else {
        let _ = writeln!(io::stderr(), "error: {failure}");
    }
    ExitCode::from(if failure.is_usage() { 2 } else { 1 })
}

/// Prints to standard output. A reader that has gone, such as `head`, has seen what it wanted.
fn print(parts: &[&str]) {
    let mut out = io::stdout().lock();
    for part in parts {
        if out.write_all(part.as_bytes()).is_err() {
            return;
        }
    }
    let _ = out.flush();
}
