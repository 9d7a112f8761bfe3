//! Faults as SARIF 2.1.0: what code scanning services read.
//!
//! Paths stay as they were given, so the command is run at the top of what is scanned.

use std::fmt::Write as _;

use super::render::Source;
use crate::diagnostic::{Diagnostic, Diagnostics, Label, Rule, Severity};
use crate::json::Json;
use crate::rules;

const SCHEMA: &str =
    "https://docs.oasis-open.org/sarif/sarif/v2.1.0/errata01/os/schemas/sarif-schema-2.1.0.json";

/// Where people read about the tool, and the folder of its pages there.
const HOME: &str = "https://github.com/lesleslie/oneiric";

/// The faults of all files as one log of one run that ends with `exit_code`.
pub(super) fn log<'a>(
    files: impl IntoIterator<Item = (&'a Source<'a>, &'a Diagnostics)>,
    exit_code: u8,
) -> Json {
    let found: Vec<(&Source<'_>, &Diagnostic)> = files
        .into_iter()
        .flat_map(|(source, faults)| faults.iter().map(move |fault| (source, fault)))
        .collect();
    let broken: Vec<&Rule> =
        rules::all().filter(|rule| found.iter().any(|(_, fault)| fault.code == rule.code)).collect();
    let driver = object([
        ("name", Json::value("oneiric")),
        ("version", Json::value(env!("CARGO_PKG_VERSION"))),
        ("informationUri", Json::value(HOME)),
        ("rules", Json::list(&broken, |one| rule(one))),
    ]);
    let invocation =
        object([("executionSuccessful", Json::value(true)), ("exitCode", Json::value(exit_code))]);
    let run = object([
        ("tool", object([("driver", driver)])),
        ("invocations", Json::List(vec![invocation])),
        ("columnKind", Json::value("unicodeCodePoints")),
        ("results", Json::list(&found, |(source, fault)| result(source, fault, &broken))),
    ]);
    object([
        ("$schema", Json::value(SCHEMA)),
        ("version", Json::value("2.1.0")),
        ("runs", Json::List(vec![run])),
    ])
}

fn rule(rule: &Rule) -> Json {
    let code = rule.code.0;
    object([
        ("id", Json::value(code)),
        ("name", Json::value(rule.name)),
        ("shortDescription", text(rule.summary)),
        ("help", object([("text", Json::value(rule.page)), ("markdown", Json::value(rule.page))])),
        ("helpUri", Json::value(format!("{HOME}/blob/main/docs/errors/{code}.md"))),
        ("defaultConfiguration", object([("level", level(rule.severity))])),
    ])
}

fn result(source: &Source<'_>, fault: &Diagnostic, broken: &[&Rule]) -> Json {
    let mut said = fault.message.clone();
    for (kind, texts) in [("note", &fault.notes), ("help", &fault.help)] {
        for text in texts {
            _ = write!(said, "\n{kind}: {text}");
        }
    }
    let related = (1..).zip(&fault.related).map(|(id, label)| location(source, label, Some(id))).collect();
    Json::object([
        ("ruleId", Some(Json::value(fault.code.0))),
        ("ruleIndex", broken.iter().position(|rule| rule.code == fault.code).map(Json::value)),
        ("level", Some(level(fault.severity))),
        ("message", Some(text(&said))),
        ("locations", Some(Json::List(vec![location(source, &fault.primary, None)]))),
        ("relatedLocations", (!fault.related.is_empty()).then_some(Json::List(related))),
    ])
}

fn location(source: &Source<'_>, label: &Label, id: Option<u32>) -> Json {
    let place = source.place(label.span);
    let region = object([
        ("startLine", Json::value(place.line)),
        ("startColumn", Json::value(place.column)),
        ("endLine", Json::value(place.end_line)),
        ("endColumn", Json::value(place.end_column)),
        ("byteOffset", Json::value(place.start)),
        ("byteLength", Json::value(place.end - place.start)),
    ]);
    let physical = object([
        ("artifactLocation", object([("uri", Json::value(uri(source.path())))])),
        ("region", region),
    ]);
    Json::object([
        ("id", id.map(Json::value)),
        ("physicalLocation", Some(physical)),
        ("message", (!label.text.is_empty()).then(|| text(&label.text))),
    ])
}

fn level(severity: Severity) -> Json {
    Json::value(match severity {
        Severity::Error => "error",
        Severity::Warning => "warning",
    })
}

fn text(text: &str) -> Json {
    object([("text", Json::value(text))])
}

/// A path as the reference of a URI.
fn uri(path: &str) -> String {
    let path = path.strip_prefix("./").unwrap_or(path);
    path.bytes().fold(String::with_capacity(path.len()), |mut uri, byte| {
        match byte {
            b'a'..=b'z' | b'A'..=b'Z' | b'0'..=b'9' | b'/' | b'-' | b'_' | b'.' | b'~' => {
                uri.push(byte.into());
            }
            _ => _ = write!(uri, "%{byte:02X}"),
        }
        uri
    })
}

fn object<const N: usize>(entries: [(&str, Json); N]) -> Json {
    Json::object(entries.map(|(key, value)| (key, Some(value))))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn paths_are_references() {
        assert_eq!(uri("./manifests/a b:é.yaml"), "manifests/a%20b%3A%C3%A9.yaml");
    }
}
