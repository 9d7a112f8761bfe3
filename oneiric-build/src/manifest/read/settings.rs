//! Settings of adapters and actions, without knowing whose they are.
//!
//! In their texts stands `${secret:NAME}` and no other reference. Which settings there are is for the catalogue.

use super::fields::{expected, repeated};
use super::value;
use crate::diagnostic::{Diagnostic, Diagnostics};
use crate::manifest::yaml::{Kind, Node, Text};
use crate::manifest::{Expr, Reference, Root, Setting, SettingKind, SettingText, Span, Spanned, faults};

/// The settings that `node` has; `None` where it is not there.
pub(in crate::manifest) fn read(node: Option<&Node<'_>>, faults: &mut Diagnostics) -> Option<Setting> {
    let node = node?;
    if let Kind::Mapping(_) = node.kind {
        return Some(setting(node, faults));
    }
    expected(node, "settings by name", faults);
    Some(Setting { span: node.span, kind: SettingKind::Unread })
}

/// As deep as the value, which `yaml` bounds.
fn setting(node: &Node<'_>, faults: &mut Diagnostics) -> Setting {
    let kind = match &node.kind {
        Kind::Null => SettingKind::Null,
        Kind::Bool(value) => SettingKind::Bool(*value),
        Kind::Number(value) => SettingKind::Number(value.clone()),
        Kind::Text(text) => self::text(text, node.span, faults),
        Kind::List(items) => SettingKind::List(items.iter().map(|item| setting(item, faults)).collect()),
        Kind::Mapping(entries) => {
            repeated(entries, "setting", faults);
            let each = |entry: &crate::manifest::yaml::Entry<'_>| {
                let name = Spanned::new(entry.key.clone().into_owned(), entry.key_span);
                (name, setting(&entry.value, faults))
            };
            SettingKind::Mapping(entries.iter().map(each).collect())
        }
        Kind::Broken => SettingKind::Unread,
    };
    Setting { span: node.span, kind }
}

/// A text, in which only secrets can be.
pub(super) fn text(text: &Text<'_>, span: Span, faults: &mut Diagnostics) -> SettingKind {
    let Some(expr) = value::template(text, span, faults) else { return SettingKind::Unread };
    let mut secrets = Vec::new();
    for Reference { span, root, .. } in expr.all() {
        let Root::Secret(name) = root else {
            faults.push(
                Diagnostic::error(&faults::REFERENCE, *span, "settings are known before any run begins")
                    .help("only `${secret:NAME}` can stand in them; for a plain `${` write `$${`"),
            );
            return SettingKind::Unread;
        };
        secrets.push(Spanned::new(name.clone(), *span));
    }
    SettingKind::Text(match expr {
        Expr::Literal(serde_json::Value::String(plain)) => SettingText::Plain(plain),
        Expr::Reference(_) => secrets.pop().map_or(SettingText::Mixed(secrets), SettingText::Secret),
        _ => SettingText::Mixed(secrets),
    })
}
