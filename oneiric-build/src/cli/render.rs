//! How faults are shown: to people as `rustc` shows them, to programs as JSON.
//!
//! Where the text goes, and whether anybody sees colours there, is for the caller to say.

use std::borrow::Cow;
use std::fmt::Write as _;
use std::io::IsTerminal as _;

use annotate_snippets::{AnnotationKind, Group, Level, Origin, Renderer, Snippet};

use crate::diagnostic::{Diagnostic, Diagnostics, Label, Severity};
use crate::json::Json;
use crate::manifest::Span;
use crate::plan::counted;

/// How many faults people are shown of one file. The first few mended usually mend the rest.
const SHOWN: usize = 50;

/// The longest line that is shown, in bytes. Nobody writes such lines, and to measure one takes long.
const LONGEST: usize = 10_000;

/// The version of the JSON document's form.
const FORMAT: u32 = 1;

/// A manifest that faults were found in.
pub(super) struct Source<'s> {
    path: String,
    text: Cow<'s, str>,
    /// The byte at which each line begins.
    lines: Vec<usize>,
}

impl<'s> Source<'s> {
    /// The bytes of a file, which may turn out not to be text.
    pub(super) fn new(path: impl Into<String>, bytes: &'s [u8]) -> Self {
        let text = String::from_utf8_lossy(bytes);
        let breaks = || text.match_indices('\n');
        // Counted first: a list that grows takes up to three times the room, and a file can be nothing but lines.
        let mut lines = Vec::with_capacity(breaks().count() + 1);
        lines.push(0);
        lines.extend(breaks().map(|(at, _)| at + 1));
        Self { path: path.into(), text, lines }
    }

    /// Its path as the user gave it.
    pub(super) fn path(&self) -> &str {
        &self.path
    }

    /// The span, within the text and on character boundaries, whatever was found in it.
    fn clamp(&self, span: Span) -> Span {
        let start = self.text.floor_char_boundary(span.start);
        Span::new(start, self.text.ceil_char_boundary(span.end.max(start)))
    }

    /// The index of the line that a byte stands in.
    fn line(&self, at: usize) -> usize {
        self.lines.partition_point(|start| *start <= at) - 1
    }

    /// Line and column, both counted from 1, the column in characters.
    fn place(&self, at: usize) -> (usize, usize) {
        let line = self.line(at);
        (line + 1, self.text[self.lines[line]..at].chars().count() + 1)
    }
}

/// How text for people looks.
#[derive(Clone, Copy, Debug)]
pub(super) struct Style {
    /// Whether to use colours.
    pub(super) color: bool,
    /// How many characters fit in a line.
    pub(super) width: usize,
}

impl Style {
    /// What suits the standard error of this process.
    pub(super) fn of_stderr() -> Self {
        let stderr = std::io::stderr();
        let is_set = |name: &str| std::env::var_os(name).is_some_and(|value| !value.is_empty());
        let plain = is_set("NO_COLOR") || std::env::var_os("TERM").is_some_and(|term| term == "dumb");
        let forced = std::env::var_os("CLICOLOR_FORCE").is_some_and(|value| value != "0");
        let width = rustix::termios::tcgetwinsize(&stderr).map_or(0, |size| usize::from(size.ws_col));
        Self {
            color: !plain && (forced || stderr.is_terminal()),
            // What is not a terminal has any width; long lines of a manifest are cut here all the same.
            width: if width == 0 { 140 } else { width },
        }
    }
}

/// The faults as `rustc` would show them, then how many there are.
pub(super) fn human(source: &Source<'_>, faults: &Diagnostics, style: Style) -> String {
    let renderer = if style.color { Renderer::styled().hyperlink(false) } else { Renderer::plain() };
    let renderer = renderer.term_width(style.width);
    let mut out = String::new();
    // Errors come first where not all can be shown: a warning must not hide what stops the build.
    let (errors, warnings): (Vec<_>, Vec<_>) =
        faults.iter().partition(|fault| fault.severity == Severity::Error);
    let mut shown: Vec<&Diagnostic> = if faults.len() > SHOWN {
        errors.iter().chain(&warnings).take(SHOWN).copied().collect()
    } else {
        faults.iter().collect()
    };
    shown.sort_by_key(|fault| fault.primary.span);
    for fault in shown {
        out.push_str(&renderer.render(&[group(source, fault)]));
        out.push_str("\n\n");
    }
    if let Some(more) = faults.len().checked_sub(SHOWN).filter(|more| *more > 0) {
        _ = writeln!(out, "... and {more} more\n");
    }
    out.push_str(&renderer.render(&[Group::with_title(summary(source, errors.len(), warnings.len()))]));
    out.push('\n');
    if let Some(first) = errors.first().or(warnings.first()) {
        let hint = format!("`oneiric explain {}` says more", first.code.0);
        out.push_str(&renderer.render(&[Group::with_title(Level::HELP.primary_title(hint))]));
        out.push('\n');
    }
    out
}

fn summary<'a>(source: &Source<'_>, errors: usize, warnings: usize) -> annotate_snippets::Title<'a> {
    let counts = [(errors, "error"), (warnings, "warning")];
    let counts = counts.iter().filter(|(count, _)| *count > 0).map(|(count, noun)| counted(*count, noun));
    let counts: Vec<String> = counts.collect();
    let text = format!("{} in {}", counts.join(" and "), source.path);
    if errors > 0 { Level::ERROR.primary_title(text) } else { Level::WARNING.primary_title(text) }
}

fn group<'a>(source: &'a Source<'_>, fault: &'a Diagnostic) -> Group<'a> {
    let level = match fault.severity {
        Severity::Error => Level::ERROR,
        Severity::Warning => Level::WARNING,
    };
    let labels = || std::iter::once(&fault.primary).chain(&fault.related);
    // Only the lines from the first label to the last: the renderer looks at all that it is given, for every fault.
    let first = labels().map(|label| source.line(source.clamp(label.span).start)).min().unwrap_or(0);
    let last = labels().map(|label| source.line(source.clamp(label.span).end)).max().unwrap_or(0);
    let base = source.lines[first];
    let end = source.lines.get(last + 1).copied().unwrap_or(source.text.len());

    let is_long = |at: usize| {
        let line = source.line(at);
        source.lines.get(line + 1).copied().unwrap_or(source.text.len()) - source.lines[line] > LONGEST
    };
    let spans = || labels().map(|label| source.clamp(label.span));
    let title = level.primary_title(fault.message.as_str()).id(fault.code.0);
    let notes = fault.notes.iter().map(|note| Level::NOTE.message(note.as_str()));
    let help = fault.help.iter().map(|help| Level::HELP.message(help.as_str()));
    if spans().any(|span| is_long(span.start) || is_long(span.end)) {
        let (line, column) = source.place(source.clamp(fault.primary.span).start);
        let origin = Origin::path(source.path.as_str()).line(line).char_column(column);
        let said = labels().filter(|label| !label.text.is_empty()).map(|label| {
            let (line, column) = source.place(source.clamp(label.span).start);
            Level::NOTE.message(format!("at {line}:{column}: {}", label.text))
        });
        return title.element(origin).elements(said).elements(notes).elements(help);
    }

    let annotation = |kind: AnnotationKind, label: &'a Label| {
        let span = source.clamp(label.span);
        let text = (!label.text.is_empty()).then_some(label.text.as_str());
        kind.span(span.start - base..span.end - base).label(text)
    };
    let snippet = Snippet::source(&source.text[base..end])
        .path(source.path.as_str())
        .line_start(first + 1)
        .annotation(annotation(AnnotationKind::Primary, &fault.primary))
        .annotations(fault.related.iter().map(|label| annotation(AnnotationKind::Context, label)));
    title.element(snippet).elements(notes).elements(help)
}

/// The faults of all files as one JSON document.
pub(super) fn json<'a>(files: impl IntoIterator<Item = (&'a Source<'a>, &'a Diagnostics)>) -> Json {
    let faults =
        files.into_iter().flat_map(|(source, faults)| faults.iter().map(move |fault| entry(source, fault)));
    Json::object([
        ("version", Some(Json::value(FORMAT))),
        ("diagnostics", Some(Json::List(faults.collect()))),
    ])
}

fn entry(source: &Source<'_>, fault: &Diagnostic) -> Json {
    let severity = match fault.severity {
        Severity::Error => "error",
        Severity::Warning => "warning",
    };
    let texts = |texts: &[String]| Some(Json::list(texts, |text| Json::value(text.as_str())));
    Json::object([
        ("file", Some(Json::value(source.path.as_str()))),
        ("code", Some(Json::value(fault.code.0))),
        ("severity", Some(Json::value(severity))),
        ("message", Some(Json::value(fault.message.as_str()))),
        ("primary", Some(label(source, &fault.primary))),
        ("related", Some(Json::list(&fault.related, |one| label(source, one)))),
        ("notes", texts(&fault.notes)),
        ("help", texts(&fault.help)),
    ])
}

fn label(source: &Source<'_>, label: &Label) -> Json {
    let span = source.clamp(label.span);
    let (line, column) = source.place(span.start);
    let (end_line, end_column) = source.place(span.end);
    Json::object([
        ("start", Some(Json::value(span.start))),
        ("end", Some(Json::value(span.end))),
        ("line", Some(Json::value(line))),
        ("column", Some(Json::value(column))),
        ("end_line", Some(Json::value(end_line))),
        ("end_column", Some(Json::value(end_column))),
        ("label", Some(Json::value(label.text.as_str()))),
    ])
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::diagnostic::Code;

    const TEXT: &str = "é: 1\nb: [x, y]\nc: 2\n";

    fn faults() -> Diagnostics {
        Diagnostic::error(Code("O0000"), Span::new(10, 11), "`x` is wrong")
            .label("here")
            .related(Span::new(0, 2), "because of this")
            .note("a fact")
            .help("a way out")
            .into()
    }

    #[test]
    fn people_see_the_lines() {
        let source = Source::new("m.yaml", TEXT.as_bytes());
        let shown = human(&source, &faults(), Style { color: false, width: 80 });
        let expected = "\
error[O0000]: `x` is wrong
 --> m.yaml:2:5
  |
1 | é: 1
  | - because of this
2 | b: [x, y]
  |     ^ here
  |
  = note: a fact
  = help: a way out

error: 1 error in m.yaml
help: `oneiric explain O0000` says more
";
        assert_eq!(shown, expected);
        assert!(human(&source, &faults(), Style { color: true, width: 80 }).contains("\u{1b}["));
    }

    #[test]
    fn programs_see_the_places() {
        let source = Source::new("m.yaml", TEXT.as_bytes());
        let faults = faults();
        let shown: serde_json::Value = serde_json::from_str(&json([(&source, &faults)]).pretty()).unwrap();
        assert_eq!(shown["version"], 1);
        let fault = &shown["diagnostics"][0];
        assert_eq!(fault["file"], "m.yaml");
        assert_eq!(fault["primary"]["start"], 10);
        assert_eq!((&fault["primary"]["line"], &fault["primary"]["column"]), (&2.into(), &5.into()));
        assert_eq!(fault["related"][0]["end_column"], 2);
    }

    #[test]
    fn any_span_can_be_shown() {
        let source = Source::new("m.yaml", b"a: \xff\xfe\n");
        for span in [Span::new(3, 3), Span::new(4, 5), Span::new(99, 120), Span::new(0, 0)] {
            let fault = Diagnostic::error(Code("O0000"), span, "wrong").into();
            assert!(human(&source, &fault, Style { color: false, width: 80 }).contains("m.yaml:"));
            json([(&source, &fault)]);
        }
    }

    #[test]
    fn a_line_without_end_is_not_shown() {
        let text = format!("a: 1\nb: {}\n", "x".repeat(LONGEST));
        let fault =
            Diagnostic::error(Code("O0000"), Span::new(8, 9), "wrong").label("here").help("a way out").into();
        let shown = human(&Source::new("m.yaml", text.as_bytes()), &fault, Style { color: false, width: 80 });
        assert!(
            shown.contains("m.yaml:2:4\n") && shown.contains("at 2:4: here") && shown.contains("a way out"),
            "{shown}"
        );
        assert!(shown.len() < 400, "{shown}");
    }

    #[test]
    fn many_faults_are_cut_and_counted() {
        let mut faults = Diagnostics::default();
        for at in 0..SHOWN {
            faults.push(Diagnostic::warning(Code("O0001"), Span::new(0, 1), format!("warning {at}")));
        }
        faults.push(Diagnostic::error(Code("O0002"), Span::new(15, 16), "the one that counts"));
        let shown =
            human(&Source::new("m.yaml", TEXT.as_bytes()), &faults, Style { color: false, width: 80 });
        assert!(shown.contains("the one that counts"));
        assert!(shown.contains("... and 1 more\n"));
        assert!(shown.contains("error: 1 error and 50 warnings in m.yaml\n"));
    }
}
