//! Arguments as Rust: an expression of the manifest becomes the call that binds it.
//!
//! Whether the types agree is for rustc to say, against the runtime's `Bind<T>`.

use std::fmt::Write as _;
use std::time::Duration;

use proc_macro2::{Ident, Literal, TokenStream};
use quote::quote;

use super::names;
use super::style::Style;
use crate::plan::{Condition, Does, Expr, Part, Reference, Step, Test, Workflow};

/// What an expression can refer to.
pub(super) struct Scope<'a> {
    pub(super) workflow: &'a Workflow,
    /// The variable of each node.
    pub(super) variables: &'a [Ident],
    /// Whether nothing is known of the element of a list but that it is JSON.
    pub(super) item_is_json: bool,
}

impl Scope<'_> {
    /// An argument of a Rust function: of whatever type its parameter has.
    pub(super) fn argument(&self, expr: &Expr, style: &mut dyn Style) -> TokenStream {
        match expr {
            Expr::Reference(reference) => self.reference(reference, style),
            Expr::Array(_) | Expr::Object(_) => {
                let json = self.json(expr, style);
                quote! { #json.parse() }
            }
            Expr::Literal(_) | Expr::Template(_) => self.json(expr, style),
        }
    }

    /// An element of something that is JSON.
    pub(super) fn json(&self, expr: &Expr, style: &mut dyn Style) -> TokenStream {
        match expr {
            Expr::Literal(value) => {
                style.literal(value).unwrap_or_else(|| literal(&value.to_string(), style))
            }
            Expr::Reference(reference) => self.json_reference(reference, style),
            Expr::Template(parts) => {
                let text = style.value("text");
                let parts = parts.iter().map(|part| match part {
                    Part::Text(text) => literal(&serde_json::Value::from(text.as_str()).to_string(), style),
                    Part::Reference(reference) => self.json_reference(reference, style),
                });
                let parts: Vec<TokenStream> = parts.collect();
                quote! { #text([#(#parts),*]) }
            }
            Expr::Array(elements) => {
                let array = style.value("array");
                let elements: Vec<TokenStream> =
                    elements.iter().map(|element| self.json(element, style)).collect();
                quote! { #array([#(#elements),*]) }
            }
            Expr::Object(members) => {
                self.object(members.iter().map(|(key, value)| (key.as_str(), value)), style)
            }
        }
    }

    /// A JSON object of these members.
    pub(super) fn object<'a>(
        &self,
        members: impl Iterator<Item = (&'a str, &'a Expr)>,
        style: &mut dyn Style,
    ) -> TokenStream {
        let object = style.value("object");
        let members: Vec<TokenStream> = members
            .map(|(key, value)| {
                let value = self.json(value, style);
                quote! { (#key, #value) }
            })
            .collect();
        quote! { #object([#(#members),*]) }
    }

    /// Input and what a program printed are JSON already and fit as they are; what Rust made has to be turned into it.
    fn json_reference(&self, reference: &Reference, style: &mut dyn Style) -> TokenStream {
        let tokens = self.reference(reference, style);
        let is_json = match reference {
            Reference::Output(node, _) => self.is_json(*node),
            Reference::Item(_) => self.item_is_json,
            Reference::RunId => false,
            // A parameter of a function has a type; the rest of the input is read as whatever is wanted, as a secret is.
            Reference::Input(steps) => {
                !matches!(&**steps, [Step::Field(name), ..] if style.parameter(name).is_some())
            }
            Reference::Secret(_) => true,
        };
        if is_json {
            tokens
        } else {
            quote! { #tokens.json() }
        }
    }

    pub(super) fn reference(&self, reference: &Reference, style: &mut dyn Style) -> TokenStream {
        match reference {
            Reference::Input(steps) => {
                if let [Step::Field(name), rest @ ..] = &**steps
                    && let Some(ty) = style.parameter(name)
                {
                    return parameter(name, &ty, rest);
                }
                if steps.is_empty() {
                    quote! { input.whole() }
                } else {
                    let path = text_literal(&path_text(steps));
                    quote! { input.get(#path) }
                }
            }
            Reference::Output(node, steps) => {
                let index = node.0 as usize;
                let variable = &self.variables[index];
                let may_lack = self.workflow.nodes[index].may_lack_output();
                match (self.is_json(*node), may_lack, steps.as_slice()) {
                    (true, _, []) | (false, false, []) => quote! { #variable.output() },
                    (true, _, steps) => {
                        let path = text_literal(&path_text(steps));
                        quote! { #variable.get(#path) }
                    }
                    (false, true, []) => quote! { #variable.outcome() },
                    (false, true, steps) => {
                        let part = part(variable, steps);
                        quote! { #variable.outcome_path(|#variable| #part) }
                    }
                    (false, false, steps) => {
                        let part = part(variable, steps);
                        quote! { #variable.path(|#variable| #part) }
                    }
                }
            }
            Reference::Item(steps) if self.item_is_json => {
                let path = text_literal(&path_text(steps));
                quote! { item.get(#path) }
            }
            Reference::Item(steps) if steps.is_empty() => quote! { item.whole() },
            Reference::Item(steps) => {
                let item = Ident::new("item", proc_macro2::Span::call_site());
                let part = part(&item, steps);
                quote! { item.path(|item| #part) }
            }
            Reference::RunId => {
                let run_id = style.value("run_id");
                quote! { #run_id() }
            }
            Reference::Secret(name) => {
                let secret = style.value("secret");
                quote! { #secret(#name) }
            }
        }
    }

    /// The list of a node with instances, and whether its elements are of a type that nobody knows.
    pub(super) fn list(&self, list: &Reference, style: &mut dyn Style) -> (TokenStream, bool) {
        let json = style.root("Json");
        let path = match list {
            Reference::Input(steps) => {
                if let [Step::Field(name), ..] = &**steps
                    && style.parameter(name).is_some()
                {
                    return (self.reference(list, style), false);
                }
                steps
            }
            Reference::Output(node, steps) if self.is_json(*node) => steps,
            _ => return (self.reference(list, style), false),
        };
        let variable = match list {
            Reference::Output(node, _) => self.variables[node.0 as usize].clone(),
            _ => Ident::new("input", proc_macro2::Span::call_site()),
        };
        let path = text_literal(&path_text(path));
        (quote! { #variable.get::<Vec<#json>>(#path) }, true)
    }

    /// Whether something has to hold of a value.
    pub(super) fn condition(&self, condition: &Condition, style: &mut dyn Style) -> Vec<TokenStream> {
        let value = &condition.value.value;
        let mut tests = Vec::new();
        for test in &condition.tests {
            let test = match test {
                Test::AnyOf(values)
                    if *values == [serde_json::Value::from(true)] && self.is_truth(value, style) =>
                {
                    self.reference(value, style)
                }
                Test::AnyOf(values) => {
                    let any_of = style.value("any_of");
                    let value = self.json_reference(value, style);
                    let values = values.iter().map(|value| text_literal(&value.to_string()));
                    quote! { #any_of(#value, [#(#values),*]) }
                }
                Test::Exists(is_there) => {
                    let test = style.value(if *is_there { "exists" } else { "is_missing" });
                    let value = self.json_reference(value, style);
                    quote! { #test(#value) }
                }
            };
            tests.push(style.place(condition.value.span, test));
        }
        tests
    }

    /// Whether a value is there and of a type that rustc knows, so that it has to be a `bool`. Of JSON only what it is can
    /// be compared: what is not there is not true.
    fn is_truth(&self, value: &Reference, style: &mut dyn Style) -> bool {
        match value {
            Reference::Output(node, _) => {
                !self.is_json(*node) && !self.workflow.nodes[node.0 as usize].may_lack_output()
            }
            Reference::Input(steps) => {
                matches!(&**steps, [Step::Field(name), ..] if style.parameter(name).is_some())
            }
            Reference::Item(_) | Reference::RunId | Reference::Secret(_) => false,
        }
    }

    fn is_json(&self, node: crate::plan::NodeId) -> bool {
        matches!(self.workflow.nodes[node.0 as usize].does, Does::Exec { .. })
    }
}

/// A parameter of the workflow, or part of one, whose type is known.
fn parameter(name: &str, ty: &TokenStream, rest: &[Step]) -> TokenStream {
    if rest.is_empty() {
        return quote! { input.get::<#ty>(#name) };
    }
    let variable = names::field(name);
    let part = part(&variable, rest);
    quote! { input.path(#name, |#variable: &#ty| #part) }
}

/// A duration in the largest unit that says it exactly.
pub(super) fn duration(duration: Duration, style: &mut dyn Style) -> TokenStream {
    const UNITS: [(&str, u128); 4] = [
        ("hours", 3_600_000_000_000),
        ("mins", 60_000_000_000),
        ("secs", 1_000_000_000),
        ("millis", 1_000_000),
    ];
    let nanos = duration.as_nanos();
    let exact =
        if nanos == 0 { Some(&UNITS[2]) } else { UNITS.iter().find(|(_, size)| nanos.is_multiple_of(*size)) };
    if let Some((unit, size)) = exact {
        let unit = style.root(unit);
        let number = Literal::u128_unsuffixed(nanos / size);
        quote! { #unit(#number) }
    } else {
        let (secs, nanos) = (duration.as_secs(), duration.subsec_nanos());
        let (secs, nanos) = (Literal::u64_unsuffixed(secs), Literal::u32_unsuffixed(nanos));
        quote! { std::time::Duration::new(#secs, #nanos) }
    }
}

fn literal(json: &str, style: &mut dyn Style) -> TokenStream {
    let literal = style.value("literal");
    let text = text_literal(json);
    quote! { #literal(#text) }
}

/// Text that is full of quotes, as JSON is, stands as a raw string wherever every character of it can be seen.
pub(super) fn text_literal(text: &str) -> Literal {
    let visible =
        text.chars().all(|char| matches!(char, '\'' | '"' | '\\') || char.escape_debug().len() == 1);
    if !visible || !text.contains(['"', '\\']) {
        return Literal::string(text);
    }
    let mut hashes = String::from("#");
    while text.contains(&format!("\"{hashes}")) {
        hashes.push('#');
    }
    format!("r{hashes}\"{text}\"{hashes}").parse().expect("a raw string is a literal")
}

/// Steps in the manifest's own syntax, without the name they start from: `a.b[0]["odd key"]`.
fn path_text(steps: &[Step]) -> String {
    let mut text = String::new();
    for step in steps {
        match step {
            Step::Field(name) if is_plain(name) => {
                if !text.is_empty() {
                    text.push('.');
                }
                text.push_str(name);
            }
            Step::Field(name) => {
                let _ = write!(text, "[{}]", serde_json::Value::from(name.as_str()));
            }
            Step::Index(index) => {
                let _ = write!(text, "[{index}]");
            }
        }
    }
    text
}

/// Whether a key can follow a dot.
fn is_plain(key: &str) -> bool {
    key.starts_with(|char: char| char.is_ascii_alphabetic() || char == '_')
        && key.chars().all(|char| char.is_ascii_alphanumeric() || char == '_')
}

/// The way from a Rust value to a part of it, as an `Option` of a reference.
fn part(variable: &Ident, steps: &[Step]) -> TokenStream {
    let mut tokens = quote! { #variable };
    for (position, step) in steps.iter().enumerate() {
        let last = position + 1 == steps.len();
        tokens = match step {
            Step::Field(name) => {
                let field = names::field(name);
                quote! { #tokens.#field }
            }
            Step::Index(index) => {
                let index = Literal::usize_unsuffixed(*index);
                if last {
                    // Already an `Option` of a reference.
                    return quote! { #tokens.get(#index) };
                }
                quote! { #tokens.get(#index)? }
            }
        };
    }
    quote! { Some(&#tokens) }
}

#[cfg(test)]
mod tests {
    use super::super::imports::Imports;
    use super::*;

    #[test]
    fn durations_use_the_largest_exact_unit() {
        let text = |value| duration(value, &mut Imports::default()).to_string();
        assert_eq!(text(Duration::from_hours(2)), "hours (2)");
        assert_eq!(text(Duration::from_secs(90)), "secs (90)");
        assert_eq!(text(Duration::from_millis(1500)), "millis (1500)");
        assert_eq!(text(Duration::new(1, 5)), "std :: time :: Duration :: new (1 , 5)");
        assert_eq!(text(Duration::ZERO), "secs (0)");
    }

    #[test]
    fn text_is_raw_only_where_that_reads_better() {
        assert_eq!(text_literal("5").to_string(), r#""5""#);
        assert_eq!(text_literal(r#""dhl""#).to_string(), "r#\"\"dhl\"\"#");
        assert_eq!(text_literal(r##""a"#""##).to_string(), r###"r##""a"#""##"###);
        assert_eq!(text_literal("\"\u{202e}\"").to_string(), r#""\"\u{202e}\"""#);
    }

    #[test]
    fn paths_are_written_as_the_manifest_writes_them() {
        let steps = [
            Step::Field("a".into()),
            Step::Index(0),
            Step::Field("odd \"key\"".into()),
            Step::Field("b".into()),
        ];
        assert_eq!(path_text(&steps), r#"a[0]["odd \"key\""].b"#);
        assert_eq!(path_text(&[Step::Index(1), Step::Field("x".into())]), "[1].x");
    }
}
