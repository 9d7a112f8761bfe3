//! The last touch to the text: what prettyplease leaves to be wished.

use proc_macro2::TokenStream;
use quote::quote;

/// The statement that becomes an empty line: prettyplease keeps none.
const BLANK: &str = "__blank!();";

/// An empty line between two statements.
pub(super) fn blank() -> TokenStream {
    quote! { __blank!(); }
}

/// Lays a file out as rustfmt would, nearly. No literal may hold a line break; those that codegen writes do not.
pub(super) fn text(file: &syn::File) -> String {
    let text = prettyplease::unparse(file);
    let lines = text.lines().map(|line| if line.trim_start() == BLANK { "" } else { line });
    let mut text = hug(lines.map(str::to_owned).collect()).join("\n");
    text.push('\n');
    text
}

/// Lets a call's only argument begin on the call's own line, where it ends with a bracket of its own:
/// `.with(object([` instead of three lines that say it step by step.
fn hug(mut lines: Vec<String>) -> Vec<String> {
    let mut first = 0;
    while first + 1 < lines.len() {
        match only_argument(&lines, first) {
            None => first += 1,
            Some(last) => {
                let opening = lines[first + 1].trim_start().to_owned();
                lines[first].push_str(&opening);
                for line in &mut lines[first + 2..last] {
                    line.drain(..line.len().min(4));
                }
                let closing = format!(
                    "{}{}",
                    lines[last].trim_end_matches(',').split_at(4).1,
                    lines[last + 1].trim_start()
                );
                lines[last] = closing;
                lines.remove(last + 1);
                lines.remove(first + 1);
            }
        }
    }
    lines
}

/// Where the only argument of the call that `first` opens has its last line, if it opens brackets on its first.
fn only_argument(lines: &[String], first: usize) -> Option<usize> {
    let indent = |line: &String| line.len() - line.trim_start().len();
    let outer = indent(&lines[first]);
    let opens = lines[first].ends_with('(')
        && lines[first + 1].ends_with("([")
        && indent(&lines[first + 1]) == outer + 4;
    let last =
        (first + 2..lines.len()).find(|index| indent(&lines[*index]) <= outer + 4).filter(|_| opens)?;
    let closes = indent(&lines[last]) == outer + 4 && lines[last].trim_start() == "]),";
    let ends =
        lines.get(last + 1).is_some_and(|line| indent(line) == outer && line.trim_start().starts_with(')'));
    (closes && ends).then_some(last)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn laid_out(body: &TokenStream) -> String {
        text(&syn::parse_quote! { fn f() { #body } })
    }

    #[test]
    fn a_call_hugs_its_only_argument() {
        let text = laid_out(&quote! {
            dag.exec("a_rather_long_name", ["a_rather_long_program_name"]).with(object([("number_one", input.get("one.of.them")), ("number_two", input.get("two"))])).after([x.id()]);
        });
        assert!(text.contains("        .with(object([\n            (\"number_one\", "), "{text}");
        assert!(text.contains("\n        ]))\n        .after("), "{text}");
        syn::parse_file(&text).unwrap();
    }

    #[test]
    fn a_call_of_two_arguments_stays() {
        let text = laid_out(&quote! {
            call(object([("one", input.get("one")), ("two", input.get("two")), ("three", input.get("3"))]), other);
        });
        assert!(text.contains("call(\n"), "{text}");
        syn::parse_file(&text).unwrap();
    }
}
