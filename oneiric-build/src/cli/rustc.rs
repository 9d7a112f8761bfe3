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
        let is_error = matches!(message.level, DiagnosticLevel::Error | DiagnosticLevel::Ice);
        if !is_generated || message.message.starts_with("linking with") {
            said.verbatim.extend(message.rendered.clone());
        } else if code(message) == Some("linker_messages") {
            said.linker.push(message.message.clone());
        } else if is_error && !message.message.starts_with("aborting due to") {
            said.faults.push(translate(message, generated, map));
        }
    }
    said.faults.sort();
    said
}

/// An error of rustc's and what its place stands for.
struct Fault<'a> {
    message: &'a Message,
    primary: &'a DiagnosticSpan,
    origin: Origin<'a>,
}

fn translate(message: &Message, generated: &Path, map: &Map<'_>) -> Diagnostic {
    let primary = message.spans.iter().find(|span| span.is_primary && generated.ends_with(&span.file_name));
    let origin = primary.and_then(|span| map.find(span.line_start, span.column_start));
    let fault = primary.zip(origin).map(|(primary, origin)| Fault { message, primary, origin });
    let known = fault.as_ref().and_then(Fault::known);
    known.unwrap_or_else(|| internal(message, origin.as_ref(), generated))
}

impl Fault<'_> {
    /// What it means for the manifest, if that is known.
    fn known(&self) -> Option<Diagnostic> {
        Some(match (code(self.message)?, self.origin.part) {
            ("E0560", Part::Name(_) | Part::Value(_)) => self.unknown_argument(),
            ("E0063", _) => self.missing_arguments(),
            ("E0277", Part::Arguments | Part::Node) => self.unfit_input(),
            ("E0277", Part::Value(_)) => {
                self.at(&faults::MISFIT, self.fits_not()).label(&*self.message.message)
            }
            ("E0308", Part::Value(_)) => self.misfit(),
            ("E0599" | "E0608" | "E0609" | "E0610" | "E0616", Part::Value(_)) => self.unknown_part(),
            ("E0573" | "E0599", Part::Function | Part::Arguments) => self.unknown_function(),
            ("E0412" | "E0422" | "E0423" | "E0425" | "E0432" | "E0433" | "E0574", _) => {
                self.unknown_function()
            }
            ("E0603", _) => self.private_function(),
            _ => return None,
        })
    }

    /// A fault at the manifest's place, with what rustc called it.
    fn at(&self, rule: &'static Rule, text: impl Into<String>) -> Diagnostic {
        let code = code(self.message).map(|code| format!(" [{code}]")).unwrap_or_default();
        let note = format!("rustc says: {}{code}", self.message.message);
        Diagnostic::error(rule, self.origin.span(), text).note(note)
    }

    fn unknown_argument(&self) -> Diagnostic {
        let text = format!("`{}` has no argument `{}`", self.called(), self.argument());
        let fault = self.at(&faults::UNKNOWN_ARGUMENT, text);
        let notes = self.message.children.iter().map(|child| child.message.as_str());
        let mut notes = notes.chain(self.primary.label.as_deref());
        match (similar(self.message), notes.find_map(|note| note.split_once("available fields are: "))) {
            (None, Some((_, known))) => fault.help(format!("its arguments are: {known}")),
            (similar, _) => helped(fault, similar),
        }
    }

    fn missing_arguments(&self) -> Diagnostic {
        // "missing fields `carrier` and `payment` in initializer of `shop::ship::Args`"
        let (names, _) = self.message.message.split_once(" in initializer").unwrap_or_default();
        let names = names.trim_start_matches("missing field").trim_start_matches('s').trim_start();
        let (noun, verb) = if names.contains(' ') { ("arguments", "are") } else { ("argument", "is") };
        self.at(&faults::MISSING_ARGUMENT, format!("{noun} {names} of `{}` {verb} missing", self.node()))
    }

    /// A node without `with` calls a function that the run's input is not for.
    fn unfit_input(&self) -> Diagnostic {
        let (called, node) = (self.called(), self.node());
        if self.message.message.contains("more than one argument") {
            let text = format!("`{called}` takes more than one argument, and `{node}` has no `with`");
            return self.at(&faults::MISSING_ARGUMENT, text).help("name each argument under `with`");
        }
        self.at(&faults::MISFIT, format!("the run's input does not fit `{called}`"))
    }

    fn misfit(&self) -> Diagnostic {
        let label = self.primary.label.as_deref().map(unwrapped).unwrap_or_default();
        self.at(&faults::MISFIT, self.fits_not()).label(label)
    }

    fn unknown_part(&self) -> Diagnostic {
        let text = format!("argument `{}` of `{}` refers to what is not there", self.argument(), self.node());
        let fault = self.at(&faults::UNKNOWN_PART, text);
        // `[0]` becomes a call of `get`, so that no other name is meant.
        match self.message.message.strip_prefix("no method named `get` found for ") {
            Some(rest) => {
                let type_ = rest.split(" in the current scope").next().unwrap_or(rest);
                fault.label(format!("{type_} has no elements"))
            }
            None => helped(fault.label(&*self.message.message), similar(self.message)),
        }
    }

    fn unknown_function(&self) -> Diagnostic {
        let text = format!("there is no task `{}`", self.called());
        let fault = Diagnostic::error(&faults::UNKNOWN_FUNCTION, self.function(), text);
        match similar(self.message) {
            None => fault.help("a task is a `pub` function with `#[oneiric::task]` on it"),
            similar => helped(fault, similar),
        }
    }

    fn private_function(&self) -> Diagnostic {
        Diagnostic::error(
            &faults::UNKNOWN_FUNCTION,
            self.function(),
            format!("`{}` is private", self.called()),
        )
        .help("make it `pub`, and the modules around it")
    }

    /// Where the task names its function: whatever is wrong with that is said once, however many nodes call it.
    fn function(&self) -> Span {
        Origin { part: Part::Function, ..self.origin }.span()
    }

    fn fits_not(&self) -> String {
        format!("argument `{}` of `{}` does not fit", self.argument(), self.node())
    }

    fn node(&self) -> &str {
        &self.origin.node.name.value
    }

    fn argument(&self) -> &str {
        self.origin.argument().unwrap_or_default()
    }

    fn called(&self) -> &str {
        match &self.origin.node.does {
            Does::Run { path, .. } => &path.value,
            Does::Exec { .. } | Does::Wait(_) => self.node(),
        }
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

/// The name that rustc would have put there.
fn similar(message: &Message) -> Option<&str> {
    let children = message.children.iter().filter(|child| child.message.contains("similar name"));
    let names =
        children.flat_map(|child| &child.spans).filter_map(|span| span.suggested_replacement.as_deref());
    names.map(|name| name.trim_start_matches("r#")).next()
}

fn helped(fault: Diagnostic, similar: Option<&str>) -> Diagnostic {
    match similar {
        Some(similar) => fault.help(format!("there is one of a similar name: `{similar}`")),
        None => fault,
    }
}

/// A fault that no rule foresees, told with all that rustc said.
fn internal(message: &Message, origin: Option<&Origin<'_>>, generated: &Path) -> Diagnostic {
    let folder = generated.parent().and_then(Path::parent).unwrap_or(generated);
    let text = message.rendered.as_deref().unwrap_or(&message.message);
    Diagnostic::error(
        &faults::INTERNAL,
        origin.map_or(Span::default(), Origin::span),
        faults::INTERNAL.summary,
    )
    .note(text.trim().to_owned())
    .note(format!("the generated files are in `{}`", folder.display()))
    .help("this is a fault of Oneiric's: please report it at https://github.com/lesleslie/oneiric/issues")
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
