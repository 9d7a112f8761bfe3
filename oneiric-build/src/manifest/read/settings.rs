//! Settings of adapters and actions, as far as they can be read without knowing whose they are.
//!
//! In their texts stands `${secret:NAME}` and no other reference. Which settings there are is for the catalogue.

use super::fields::{expected, repeated};
use super::value;
use crate::diagnostic::{Diagnostic, Diagnostics};
use crate::manifest::yaml::{Kind, Node};
use crate::manifest::{Expr, Reference, Root, Setting, Settings, Spanned, faults};

/// The settings that `node` has; none where it is not there.
pub(in crate::manifest) fn read(node: Option<&Node<'_>>, faults: &mut Diagnostics) -> Settings {
    let mut settings = Settings::default();
    match node {
        None => {}
        Some(node) if matches!(node.kind, Kind::Mapping(_)) => collect("", node, &mut settings, faults),
        Some(node) => expected(node, "settings by name", faults),
    }
    settings
}

/// As deep as the value, which `yaml` bounds.
fn collect(key: &str, node: &Node<'_>, settings: &mut Settings, faults: &mut Diagnostics) {
    match &node.kind {
        Kind::Mapping(entries) => {
            repeated(entries, "setting", faults);
            for entry in entries {
                collect(&entry.key, &entry.value, settings, faults);
            }
        }
        Kind::List(items) => items.iter().for_each(|item| collect(key, item, settings, faults)),
        Kind::Text(text) => {
            let Some(expr) = value::template(text, node.span, faults) else { return };
            if let Expr::Literal(_) = expr {
                let value = Spanned::new(text.value.clone().into_owned(), node.span);
                settings.texts.push(Setting { key: key.to_owned(), value });
            }
            for Reference { span, root, .. } in expr.all() {
                match root {
                    Root::Secret(name) => settings.secrets.push(Spanned::new(name.clone(), *span)),
                    _ => faults.push(
                        Diagnostic::error(
                            &faults::REFERENCE,
                            *span,
                            "settings are known before any run begins",
                        )
                        .help("only `${secret:NAME}` can stand in them; for a plain `${` write `$${`"),
                    ),
                }
            }
        }
        Kind::Null | Kind::Bool(_) | Kind::Number(_) | Kind::Broken => {}
    }
}
