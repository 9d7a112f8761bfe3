//! Faults as GitHub's workflow commands: what an action prints to annotate the lines of a pull request.

use std::borrow::Cow;
use std::fmt::Write as _;
use std::path::Path;

use super::render::Source;
use crate::diagnostic::{Diagnostic, Diagnostics, Severity};

/// One command for each fault; `root` is the folder that GitHub takes paths from.
pub(super) fn annotations<'a>(
    files: impl IntoIterator<Item = (&'a Source<'a>, &'a Diagnostics)>,
    root: Option<&Path>,
) -> String {
    let mut out = String::new();
    for (source, faults) in files {
        let path = below(root, source.path());
        for fault in faults {
            annotation(&mut out, source, &path, fault);
        }
    }
    out
}

fn annotation(out: &mut String, source: &Source<'_>, path: &str, fault: &Diagnostic) {
    let level = match fault.severity {
        Severity::Error => "error",
        Severity::Warning => "warning",
    };
    let place = source.place(fault.primary.span);
    _ = write!(out, "::{level} file={},line={},endLine={}", property(path), place.line, place.end_line);
    if place.line == place.end_line {
        // GitHub takes columns only where there is one line.
        _ = write!(out, ",col={},endColumn={}", place.column, place.end_column);
    }
    let label = Some(&fault.primary.text).filter(|text| !text.is_empty());
    let mut lines: Vec<Cow<'_, str>> = vec![fault.message.as_str().into()];
    lines.extend(label.map(|text| text.as_str().into()));
    for related in &fault.related {
        let line = source.place(related.span).line;
        lines.push(format!("line {line}: {}", related.text).into());
    }
    lines.extend(fault.notes.iter().map(|note| format!("note: {note}").into()));
    lines.extend(fault.help.iter().map(|help| format!("help: {help}").into()));
    _ = writeln!(out, ",title={}::{}", property(fault.code.0), message(&lines.join("\n")));
}

/// The path from `root`, which is what GitHub knows files by; as it is where it is not below there.
fn below<'p>(root: Option<&Path>, path: &'p str) -> Cow<'p, str> {
    let inside = root.and_then(|root| {
        let (root, path) = (root.canonicalize().ok()?, Path::new(path).canonicalize().ok()?);
        Some(path.strip_prefix(root).ok()?.to_str()?.to_owned())
    });
    inside.map_or(path.into(), Cow::from)
}

/// Text as the message of a command.
fn message(text: &str) -> String {
    text.replace('%', "%25").replace('\r', "%0D").replace('\n', "%0A")
}

/// Text as a property of a command.
fn property(text: &str) -> String {
    message(text).replace(':', "%3A").replace(',', "%2C")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::diagnostic::Code;
    use crate::manifest::Span;

    #[test]
    fn commands_are_one_line_each() {
        let source = Source::new("a,b:c.yaml", b"x: 100%\ny: [\n]\n");
        let mut faults = Diagnostics::default();
        faults.push(
            Diagnostic::error(Code("O0000"), Span::new(3, 7), "100%: a, b")
                .label("here")
                .related(Span::new(8, 9), "and there")
                .help("one\ntwo"),
        );
        faults.push(Diagnostic::warning(Code("O0001"), Span::new(11, 14), "two lines"));
        let expected = "\
::error file=a%2Cb%3Ac.yaml,line=1,endLine=1,col=4,endColumn=8,title=O0000::100%25: a, b%0Ahere%0Aline 2: and there%0Ahelp: one%0Atwo
::warning file=a%2Cb%3Ac.yaml,line=2,endLine=3,title=O0001::two lines
";
        assert_eq!(annotations([(&source, &faults)], None), expected);
    }

    #[test]
    fn paths_are_those_of_the_repository() {
        let root = tempfile::tempdir().unwrap();
        std::fs::create_dir(root.path().join("m")).unwrap();
        let file = root.path().join("m/a.yaml");
        std::fs::write(&file, "").unwrap();
        let file = file.to_str().unwrap();
        assert_eq!(below(Some(root.path()), file), "m/a.yaml");
        assert_eq!(below(None, file), file);
        assert_eq!(below(Some(&root.path().join("m")), "<stdin>"), "<stdin>");
    }
}
