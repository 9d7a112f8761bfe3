//! How faults are shown: to people as `rustc` shows them, to programs as JSON.
//!
//! Where the text goes, and whether anybody sees colours there, is for the caller to say.

use std::borrow::Cow;
use std::fmt::Write as _;
use std::io::IsTerminal as _;

use annotate_snippets::renderer::DecorStyle;
use annotate_snippets::{AnnotationKind, Group, Level, Origin, Renderer, Snippet};

use crate::diagnostic::{Diagnostic, Diagnostics, Label, Severity};
use crate::json::Json;
use crate::manifest::Span;
use crate::plan::counted;

/// How many faults people are shown of one file. The first few mended usually mend the rest.
const SHOWN: usize = 50;

/// The longest line that is shown, in bytes. Nobody writes such lines, and to measure one takes long.
const LONGEST: usize = 10_000;
/// The width of what is no terminal, in characters.
const WIDTH: usize = 140;

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

    /// Where a span begins and ends, within the text whatever was found in it.
    pub(super) fn place(&self, span: Span) -> Place {
        let span = self.clamp(span);
        let (line, column) = self.line_and_column(span.start);
        let (end_line, end_column) = self.line_and_column(span.end);
        Place { start: span.start, end: span.end, line, column, end_line, end_column }
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

    fn line_and_column(&self, at: usize) -> (usize, usize) {
        let line = self.line(at);
        (line + 1, self.text[self.lines[line]..at].chars().count() + 1)
    }
}

/// A span as people count: lines and characters from 1, the end one past the last; and in bytes, from 0.
#[derive(Clone, Copy, Debug)]
pub(super) struct Place {
    pub(super) start: usize,
    pub(super) end: usize,
    pub(super) line: usize,
    pub(super) column: usize,
    pub(super) end_line: usize,
    pub(super) end_column: usize,
}

/// How text for people looks.
#[derive(Clone, Copy, Debug)]
pub(super) struct Style {
    /// Whether there is nothing in it but ASCII and what the manifest itself has.
    pub(super) ascii: bool,
    /// Whether to use colours.
    pub(super) color: bool,
    /// How many characters fit in a line.
    pub(super) width: usize,
}

impl Style {
    /// What suits the standard error of this process.
    pub(super) fn of_stderr() -> Self {
        let stderr = std::io::stderr();
        let size = rustix::termios::tcgetwinsize(&stderr).map_or(0, |size| usize::from(size.ws_col));
        Self::of(stderr.is_terminal(), size, |name| {
            std::env::var(name).ok().filter(|value| !value.is_empty())
        })
    }

    /// What suits a terminal of this width, or what is none, in an environment of these variables.
    fn of(is_terminal: bool, width: usize, variable: impl Fn(&str) -> Option<String>) -> Self {
        let is = |name: &str, value: &str| variable(name).is_some_and(|found| found == value);
        let plain = variable("NO_COLOR").is_some() || is("TERM", "dumb") || is("CLICOLOR", "0");
        let forced = variable("CLICOLOR_FORCE").is_some_and(|value| value != "0");
        // The first of them that is set decides, as for every program.
        let locale = ["LC_ALL", "LC_CTYPE", "LANG"].iter().find_map(|name| variable(name));
        let is_utf8 =
            locale.is_some_and(|locale| locale.to_ascii_lowercase().replace('-', "").contains("utf8"));
        let columns = variable("COLUMNS").and_then(|columns| columns.parse().ok());
        // What is not a terminal has any width; long lines of a manifest are cut here all the same.
        let width = columns.filter(|columns| *columns > 0).unwrap_or(if width == 0 { WIDTH } else { width });
        let may_color = variable("NO_COLOR").is_none() && (forced || is_terminal && !plain);
        // A file or a pipe may go anywhere, and looks the same everywhere.
        Self { ascii: !(is_terminal && is_utf8), color: may_color, width }
    }
}

impl Style {
    /// A text of ours.
    fn said(self, text: &str) -> Cow<'_, str> {
        if self.ascii { text.replace('…', "...").into() } else { text.into() }
    }
}

/// The faults as `rustc` would show them, then how many there are.
pub(super) fn human(source: &Source<'_>, faults: &Diagnostics, style: Style) -> String {
    let renderer = if style.color { Renderer::styled().hyperlink(false) } else { Renderer::plain() };
    let decor = if style.ascii { DecorStyle::Ascii } else { DecorStyle::Unicode };
    let renderer = renderer.term_width(style.width).decor_style(decor);
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
        out.push_str(&renderer.render(&[group(source, fault, style)]));
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

fn group<'a>(source: &'a Source<'_>, fault: &'a Diagnostic, style: Style) -> Group<'a> {
    let said = |text| style.said(text);
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
    let title = level.primary_title(said(&fault.message)).id(fault.code.0);
    let notes = fault.notes.iter().map(|note| Level::NOTE.message(said(note)));
    let help = fault.help.iter().map(|help| Level::HELP.message(said(help)));
    if spans().any(|span| is_long(span.start) || is_long(span.end)) {
        let (line, column) = source.line_and_column(source.clamp(fault.primary.span).start);
        let origin = Origin::path(source.path.as_str()).line(line).char_column(column);
        let texts = labels().filter(|label| !label.text.is_empty()).map(|label| {
            let (line, column) = source.line_and_column(source.clamp(label.span).start);
            Level::NOTE.message(format!("at {line}:{column}: {}", label.text))
        });
        return title.element(origin).elements(texts).elements(notes).elements(help);
    }

    let annotation = |kind: AnnotationKind, label: &'a Label| {
        let span = source.clamp(label.span);
        let text = (!label.text.is_empty()).then(|| said(&label.text));
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
    let place = source.place(label.span);
    Json::object([
        ("start", Some(Json::value(place.start))),
        ("end", Some(Json::value(place.end))),
        ("line", Some(Json::value(place.line))),
        ("column", Some(Json::value(place.column))),
        ("end_line", Some(Json::value(place.end_line))),
        ("end_column", Some(Json::value(place.end_column))),
        ("label", Some(Json::value(label.text.as_str()))),
    ])
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::diagnostic::Code;

    const TEXT: &str = "é: 1\nb: [x, y]\nc: 2\n";

    const PLAIN: Style = Style { ascii: true, color: false, width: 80 };

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
        let shown = human(&source, &faults(), PLAIN);
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
        assert!(human(&source, &faults(), Style { color: true, ..PLAIN }).contains("\u{1b}["));
    }

    #[test]
    fn people_see_lines_drawn_where_there_are_signs_for_them() {
        let source = Source::new("m.yaml", TEXT.as_bytes());
        let shown = human(&source, &faults(), Style { ascii: false, ..PLAIN });
        let expected = "\
error[O0000]: `x` is wrong
  ╭▸ m.yaml:2:5
  │
1 │ é: 1
  │ ─ because of this
2 │ b: [x, y]
  │     ━ here
  │
  ├ note: a fact
  ╰ help: a way out

error: 1 error in m.yaml
help: `oneiric explain O0000` says more
";
        assert_eq!(shown, expected);
    }

    #[test]
    fn the_environment_says_what_suits() {
        let style = |is_terminal, variables: &[(&str, &str)]| {
            let variable = |wanted: &str| {
                variables.iter().find(|(name, _)| *name == wanted).map(|(_, value)| (*value).to_owned())
            };
            Style::of(is_terminal, if is_terminal { 100 } else { 0 }, variable)
        };
        assert!(!style(false, &[]).color && style(true, &[]).color);
        for plain in [("NO_COLOR", "1"), ("TERM", "dumb"), ("CLICOLOR", "0")] {
            assert!(!style(true, &[plain]).color, "{plain:?}");
        }
        assert!(style(false, &[("CLICOLOR_FORCE", "1")]).color);
        assert!(!style(true, &[("CLICOLOR_FORCE", "1"), ("NO_COLOR", "1")]).color);
        assert!(!style(true, &[("LANG", "en_GB.UTF-8")]).ascii);
        assert!(style(false, &[("LANG", "en_GB.UTF-8")]).ascii);
        assert!(style(true, &[("LC_ALL", "C"), ("LANG", "en_GB.UTF-8")]).ascii);
        assert_eq!([style(true, &[]).width, style(false, &[]).width], [100, WIDTH]);
        assert_eq!(style(true, &[("COLUMNS", "72")]).width, 72);
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
            assert!(human(&source, &fault, PLAIN).contains("m.yaml:"));
            json([(&source, &fault)]);
        }
    }

    #[test]
    fn a_line_without_end_is_not_shown() {
        let text = format!("a: 1\nb: {}\n", "x".repeat(LONGEST));
        let fault =
            Diagnostic::error(Code("O0000"), Span::new(8, 9), "wrong").label("here").help("a way out").into();
        let shown = human(&Source::new("m.yaml", text.as_bytes()), &fault, PLAIN);
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
        let shown = human(&Source::new("m.yaml", TEXT.as_bytes()), &faults, PLAIN);
        assert!(shown.contains("the one that counts"));
        assert!(shown.contains("... and 1 more\n"));
        assert!(shown.contains("error: 1 error and 50 warnings in m.yaml\n"));
    }
}
