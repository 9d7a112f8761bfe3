//! Arguments: JSON values with references in their texts.

use serde_json::{Map, Value};

use super::fields::{expected, repeated};
use super::reference::{self, Piece};
use crate::diagnostic::{Diagnostic, Diagnostics};
use crate::manifest::yaml::{Entry, Kind, Node, Text};
use crate::manifest::{Expr, Part, Span, Spanned, With, faults};

/// The value of `with`.
pub(in crate::manifest) fn arguments(with: &Entry<'_>, faults: &mut Diagnostics) -> Option<With> {
    let Kind::Mapping(entries) = &with.value.kind else {
        expected(&with.value, "arguments by name", faults);
        return None;
    };
    repeated(entries, "argument", faults);
    let arguments = entries
        .iter()
        .filter_map(|entry| {
            let name = Spanned::new(entry.key.clone().into_owned(), entry.key_span);
            let value = Spanned::new(expr(&entry.value, faults)?, entry.value.span);
            Some((name, value))
        })
        .collect();
    Some(With { key: with.key_span, span: with.value.span, arguments })
}

/// The value of `node`, in which nothing may refer; `None` where it has been reported.
pub(in crate::manifest) fn literal_of(node: &Node<'_>, faults: &mut Diagnostics) -> Option<Value> {
    let expr = expr(node, faults)?;
    for reference in expr.all() {
        faults.push(
            Diagnostic::error(&faults::REFERENCE, reference.span, "nothing can refer here")
                .help("write the value itself; for a plain `${` write `$${`"),
        );
    }
    literal(expr)
}

/// The value of `node`; `None` where it has been reported. As deep as the value, which `yaml` bounds.
pub(in crate::manifest) fn expr(node: &Node<'_>, faults: &mut Diagnostics) -> Option<Expr> {
    match &node.kind {
        Kind::Broken => None,
        Kind::Null => Some(Expr::Literal(Value::Null)),
        Kind::Bool(value) => Some(Expr::Literal(Value::Bool(*value))),
        Kind::Number(value) => Some(Expr::Literal(Value::Number(value.clone()))),
        Kind::Text(text) => template(text, node.span, faults),
        Kind::List(items) => {
            // Every item is read even where one is broken, so that all faults are found.
            let items: Vec<_> = items.iter().map(|item| expr(item, faults)).collect();
            items.into_iter().collect::<Option<Vec<_>>>().map(array)
        }
        Kind::Mapping(entries) => {
            repeated(entries, "key", faults);
            let entries: Vec<_> = entries
                .iter()
                .map(|entry| Some((entry.key.to_string(), expr(&entry.value, faults)?)))
                .collect();
            entries.into_iter().collect::<Option<Vec<_>>>().map(object)
        }
    }
}

/// A list in which nothing refers is a literal.
fn array(items: Vec<Expr>) -> Expr {
    if items.iter().all(is_literal) {
        Expr::Literal(items.into_iter().filter_map(literal).collect())
    } else {
        Expr::Array(items)
    }
}

/// A mapping in which nothing refers is a literal.
fn object(entries: Vec<(String, Expr)>) -> Expr {
    if entries.iter().all(|(_, value)| is_literal(value)) {
        let map: Map<_, _> =
            entries.into_iter().filter_map(|(key, value)| Some((key, literal(value)?))).collect();
        Expr::Literal(Value::Object(map))
    } else {
        Expr::Object(entries)
    }
}

fn is_literal(value: &Expr) -> bool {
    matches!(value, Expr::Literal(_))
}

fn literal(value: Expr) -> Option<Value> {
    match value {
        Expr::Literal(value) => Some(value),
        _ => None,
    }
}

/// Text with its references. Text that is all one reference is the value it refers to, of whatever type.
pub(in crate::manifest) fn template(text: &Text<'_>, whole: Span, faults: &mut Diagnostics) -> Option<Expr> {
    let place = |range: std::ops::Range<usize>| match text.verbatim {
        Some(at) => Span::new(at + range.start, at + range.end),
        None => whole,
    };
    let mut pieces = reference::pieces(&text.value, &place).map_err(|fault| faults.push(*fault)).ok()?;
    if let [Piece::Reference(_)] = &*pieces
        && let Some(Piece::Reference(reference)) = pieces.pop()
    {
        return Some(Expr::Reference(reference));
    }
    if let [] | [Piece::Text(_)] = &*pieces {
        let text = match pieces.pop() {
            Some(Piece::Text(text)) => text,
            _ => String::new(),
        };
        return Some(Expr::Literal(Value::String(text)));
    }
    let parts = pieces
        .into_iter()
        .map(|piece| match piece {
            Piece::Text(text) => Part::Text(text),
            Piece::Reference(reference) => Part::Reference(reference),
        })
        .collect();
    Some(Expr::Template(parts))
}
