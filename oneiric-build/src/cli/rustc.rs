//! What rustc says about generated code, said about the manifest.
//!
//! Nobody wrote the generated file, so nobody is shown it: its errors become diagnostics at the lines that they come
//! from. What rustc says about the user's own package stays as it is.

use std::path::Path;

use cargo_metadata::diagnostic::{Diagnostic as Message, DiagnosticLevel, DiagnosticSpan};

use super::faults;
use crate::codegen::map::{Map, Origin, Part};
use crate::diagnostic::{Diagnostic, Diagnostics, Rule};
use crate::manifest::Span;
use crate::plan::Does;

/// A message, and whether it came with the generated crate.
pub(crate) struct Compiled {
    pub(crate) message: Message,
    pub(crate) is_generated: bool,
}

/// What is to be told.
#[derive(Default)]
pub(crate) struct Said {
    /// Faults of the manifest.
    pub(crate) faults: Diagnostics,
    /// Text for whoever wrote the package.
    pub(crate) verbatim: Vec<String>,
    /// What the linker said.
    pub(crate) linker: Vec<String>,
}

/// Sorts messages by who has to hear them. `generated` is the file that `map` was read from.
pub(crate) fn judge(messages: &[Compiled], generated: &Path, map: &Map<'_>) -> Said {
    let mut said = Said::default();
    for Compiled { message, is_generated } in messages {
        if !is_generated {
            said.verbatim.extend(message.rendered.clone());
        } else if code(message) == Some("linker_messages") {
            said.linker.push(message.message.clone());
        } else if matches!(message.level, DiagnosticLevel::Error | DiagnosticLevel::Ice)
            && !message.message.starts_with("aborting due to")
        {
            said.faults.extend(translate(message, generated, map));
        }
    }
    said.faults.sort();
    said
}

fn translate(message: &Message, generated: &Path, map: &Map<'_>) -> Vec<Diagnostic> {
    let primary = message.spans.iter().find(|span| span.is_primary && generated.ends_with(&span.file_name));
    let origin = primary.and_then(|span| map.find(span.line_start, span.column_start));
    if message.message.starts_with("linking with") {
        return vec![unknown(&faults::NOT_STATIC, message, None)];
    }
    let (Some(primary), Some(origin)) = (primary, origin) else {
        return vec![internal(message, None, generated)];
    };
    let fault = |rule: &'static Rule, text: String| {
        let note = format!(
            "rustc says: {}{}",
            message.message,
            code(message).map(|code| format!(" [{code}]")).unwrap_or_default()
        );
        Diagnostic::error(rule, origin.span(), text).note(note)
    };
    let node = &origin.node.name.value;
    let called = match &origin.node.does {
        Does::Run { path, .. } => path.value.as_str(),
        Does::Exec { .. } | Does::Wait(_) => node,
    };
    let similar = similar(message);
    match (code(message).unwrap_or_default(), origin.part) {
        ("E0560", Part::Name(_) | Part::Value(_)) => {
            let name = origin.argument().unwrap_or_default();
            let fault = fault(&faults::UNKNOWN_ARGUMENT, format!("`{called}` has no argument `{name}`"));
            let known = primary.label.as_deref().and_then(|label| label.split_once("available fields are: "));
            vec![match (similar, known) {
                (Some(similar), _) => fault.help(format!("there is one of a similar name: `{similar}`")),
                (None, Some((_, known))) => fault.help(format!("its arguments are: {known}")),
                (None, None) => fault,
            }]
        }
        ("E0063", _) => {
            let names = message.message.split(" in initializer").next().unwrap_or_default();
            let names = names.split('`').skip(1).step_by(2);
            names
                .map(|name| {
                    fault(&faults::MISSING_ARGUMENT, format!("argument `{name}` of `{node}` is missing"))
                })
                .collect()
        }
        ("E0308", Part::Value(_)) => vec![misfit(fault(&faults::MISFIT, fits_not(&origin)), primary)],
        ("E0277", Part::Value(_)) => {
            vec![fault(&faults::MISFIT, fits_not(&origin)).label(message.message.clone())]
        }
        ("E0277", Part::Arguments | Part::Node) if message.message.contains("more than one argument") => {
            vec![
                fault(
                    &faults::MISSING_ARGUMENT,
                    format!("`{called}` takes more than one argument, and `{node}` has no `with`"),
                )
                .help("name each argument under `with`"),
            ]
        }
        ("E0277", Part::Arguments | Part::Node) => {
            vec![fault(&faults::MISFIT, format!("the run's input does not fit `{called}`"))]
        }
        ("E0609" | "E0610" | "E0599" | "E0608" | "E0616", Part::Value(_)) => {
            let name = origin.argument().unwrap_or_default();
            // `[0]` becomes a call of `get`.
            let elements = message.message.strip_prefix("no method named `get` found for ").map(|rest| {
                format!("{} has no elements", rest.split(" in the current scope").next().unwrap_or(rest))
            });
            let fault = fault(
                &faults::UNKNOWN_PART,
                format!("argument `{name}` of `{node}` refers to what is not there"),
            )
            .label(elements.clone().unwrap_or_else(|| message.message.clone()));
            vec![match similar.filter(|_| elements.is_none()) {
                Some(similar) => fault.help(format!("there is one of a similar name: `{similar}`")),
                None => fault,
            }]
        }
        ("E0599" | "E0573", Part::Function | Part::Arguments)
        | ("E0433" | "E0425" | "E0432" | "E0412" | "E0423" | "E0603" | "E0574" | "E0422", _) => {
            vec![function(&origin, message, similar, called)]
        }
        _ => vec![internal(message, Some(&origin), generated)],
    }
}

fn fits_not(origin: &Origin<'_>) -> String {
    format!(
        "argument `{}` of `{}` does not fit",
        origin.argument().unwrap_or_default(),
        origin.node.name.value
    )
}

/// Says the two types without what the runtime wraps them in.
fn misfit(fault: Diagnostic, primary: &DiagnosticSpan) -> Diagnostic {
    match &primary.label {
        Some(label) => fault.label(unwrapped(label)),
        None => fault,
    }
}

/// `expected `Bind<Order>`, found `Bind<Payment>`` as `expected `Order`, found `Payment``. Of a part of a value rustc
/// says `Option<&Order>` or `&Order`. Both types are unwrapped or neither, so that they still differ.
fn unwrapped(label: &str) -> String {
    const WRAPPINGS: [(&str, &str); 3] = [("Bind<", ">"), ("Option<&", ">"), ("&", "")];
    let pieces: Vec<&str> = label.split('`').collect();
    for (start, end) in WRAPPINGS {
        let is_wrapped = |piece: &&str| piece.starts_with(start) && piece.ends_with(end);
        if pieces.len() > 1 && pieces.iter().skip(1).step_by(2).all(is_wrapped) {
            let bare = pieces.iter().enumerate().map(|(index, piece)| match index % 2 {
                1 => &piece[start.len()..piece.len() - end.len()],
                _ => piece,
            });
            return bare.collect::<Vec<_>>().join("`");
        }
    }
    label.to_owned()
}

/// A function that cannot be called, said once where its task names it.
fn function(origin: &Origin<'_>, message: &Message, similar: Option<&str>, called: &str) -> Diagnostic {
    let span = Origin { part: Part::Function, ..*origin }.span();
    if code(message) == Some("E0603") {
        return Diagnostic::error(&faults::UNKNOWN_FUNCTION, span, format!("`{called}` is private"))
            .help("make it `pub`, and the modules around it");
    }
    let fault = Diagnostic::error(&faults::UNKNOWN_FUNCTION, span, format!("there is no task `{called}`"));
    match similar {
        Some(similar) => fault.help(format!("there is one of a similar name: `{similar}`")),
        None => fault.help("a task is a `pub` function with `#[oneiric::task]` on it"),
    }
}

/// The name that rustc would have put there.
fn similar(message: &Message) -> Option<&str> {
    let children = message.children.iter().filter(|child| child.message.contains("similar name"));
    children
        .flat_map(|child| &child.spans)
        .find_map(|span| span.suggested_replacement.as_deref())
        .map(|name| name.trim_start_matches("r#"))
}

fn internal(message: &Message, origin: Option<&Origin<'_>>, generated: &Path) -> Diagnostic {
    let folder = generated.parent().and_then(Path::parent).unwrap_or(generated);
    unknown(&faults::INTERNAL, message, origin)
        .note(format!("the generated files are in `{}`", folder.display()))
        .help("this is a fault of Oneiric's: please report it at https://github.com/lesleslie/oneiric/issues")
}

/// A fault that is told with all that rustc said.
fn unknown(rule: &'static Rule, message: &Message, origin: Option<&Origin<'_>>) -> Diagnostic {
    let span = origin.map_or(Span::default(), Origin::span);
    let text = message.rendered.as_deref().unwrap_or(&message.message);
    Diagnostic::error(rule, span, rule.summary).note(text.trim().to_owned())
}

fn code(message: &Message) -> Option<&str> {
    message.code.as_ref().map(|code| code.code.as_str())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn types_are_said_without_their_wrapping() {
        assert_eq!(
            unwrapped("expected `Bind<Order>`, found `Bind<Vec<Payment>>`"),
            "expected `Order`, found `Vec<Payment>`"
        );
        assert_eq!(
            unwrapped("expected `Option<&Order>`, found `Option<&Line>`"),
            "expected `Order`, found `Line`"
        );
        assert_eq!(unwrapped("expected `&u8`, found `&String`"), "expected `u8`, found `String`");
        assert_eq!(unwrapped("expected `u8`, found `&u8`"), "expected `u8`, found `&u8`");
    }
}
