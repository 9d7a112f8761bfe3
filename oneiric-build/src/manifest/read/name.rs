//! Names that a manifest gives: of tasks, workflows and nodes.

use super::fields::shortened;
use super::section::Form;
use crate::diagnostic::{Diagnostic, Diagnostics};
use crate::manifest::yaml::Entry;
use crate::manifest::{Spanned, faults};

/// The longest name. It goes into logs, file names and table keys.
const MAX: usize = 128;

/// The words that begin a reference to something other than a node.
const RESERVED: [&str; 4] = ["input", "item", "run", "secret"];

/// What a name looks like.
pub(in crate::manifest) static FORM: Form =
    Form::Pattern { name: "name", regex: REGEX, except: &[], examples: &[] };

/// What the name of a node looks like.
pub(in crate::manifest) static NODE_FORM: Form =
    Form::Pattern { name: "node-name", regex: REGEX, except: &RESERVED, examples: &[] };

/// What [`fits`] takes.
const REGEX: &str = "^[A-Za-z0-9_][A-Za-z0-9_.@+-]{0,127}$";

/// The key of `entry` as the name of a `noun`.
pub(in crate::manifest) fn read(entry: &Entry<'_>, noun: &str, faults: &mut Diagnostics) -> Spanned<String> {
    let name = Spanned::new(entry.key.clone().into_owned(), entry.key_span);
    check(&name, noun, faults);
    name
}

/// The key of `entry` as the name of a node, which references can name.
pub(in crate::manifest) fn read_node(entry: &Entry<'_>, faults: &mut Diagnostics) -> Spanned<String> {
    let name = Spanned::new(entry.key.clone().into_owned(), entry.key_span);
    check_node(&name, faults);
    name
}

/// Reports a name that cannot be one.
pub(in crate::manifest) fn check(name: &Spanned<String>, noun: &str, faults: &mut Diagnostics) {
    if !fits(name) {
        faults.push(
            Diagnostic::error(
                &faults::NAME,
                name.span,
                format!("`{}` cannot be the name of a {noun}", shortened(name)),
            )
            .help(format!("a name has letters a-z and A-Z, digits and `_ . @ + -`, begins with a letter, a digit or `_`, and has {MAX} characters at most")),
        );
    }
}

/// Reports a name that cannot be a node's.
pub(in crate::manifest) fn check_node(name: &Spanned<String>, faults: &mut Diagnostics) {
    if RESERVED.contains(&&*name.value) {
        faults.push(
            Diagnostic::error(&faults::NAME, name.span, format!("`{}` is a reserved name", name.value))
                .label(format!("`${{{}}}` would mean something else", name.value))
                .help(format!("call the node another name, such as `{}_node`", name.value)),
        );
    }
    check(name, "node", faults);
}

fn fits(name: &str) -> bool {
    name.len() <= MAX
        && name.starts_with(|first: char| first.is_ascii_alphanumeric() || first == '_')
        && name.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"_.@+-".contains(&byte))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names() {
        for name in ["a", "_", "0", "order-1", "a.b", "x@y+z", &"n".repeat(128)] {
            assert!(fits(name), "{name}");
        }
        for name in ["", "-a", ".a", "a b", "a/b", "é", "a\n", &"n".repeat(129)] {
            assert!(!fits(name), "{name}");
        }
    }
}
