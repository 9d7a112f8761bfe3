//! `lints`: which warnings are passed over, and which stop the build.

use super::fields::{entries, text};
use super::section::Form;
use crate::diagnostic::{Diagnostic, Diagnostics};
use crate::lint::{Level, Levels, Which};
use crate::manifest::faults;
use crate::manifest::nearest::nearest;
use crate::manifest::yaml::Node;

/// The codes or names of warnings, each with a level.
pub(super) static FORM: Form = Form::Table {
    name: &Form::Pattern {
        name: "warning",
        regex: "^[a-z]+(-[a-z]+)*$|^[oO]?[0-9]{4}$",
        except: &[],
        examples: &["O3004", "unused-task", Which::ALL],
    },
    of: &Form::Word(&Level::WORDS),
    least: 0,
};

pub(super) fn read(node: &Node<'_>, faults: &mut Diagnostics) -> Levels {
    let mut levels = Levels::default();
    for entry in entries(node, "levels of warnings, by code", "warning", faults).into_iter().flatten() {
        let which = Which::read(&entry.key).map_err(|(message, help)| {
            let mut fault = Diagnostic::error(&faults::LINT, entry.key_span, message);
            fault.help.extend(help);
            faults.push(fault);
        });
        let Some(word) = text(&entry.value, faults) else { continue };
        let Some(level) = Level::of(&word) else {
            let words = Level::WORDS.map(|(word, _)| word);
            let message = format!("`{}` is not `allow`, `warn` or `deny`", word.value);
            let mut fault = Diagnostic::error(&faults::VALUE, word.span, message);
            fault.help.extend(nearest(&word, &words).map(|word| format!("did you mean `{word}`?")));
            faults.push(fault);
            continue;
        };
        if let Ok(which) = which {
            levels.choose(which, level, format!("`lints: {{ {}: {} }}`", entry.key, word.value));
        }
    }
    levels
}
