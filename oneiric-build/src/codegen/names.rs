//! The manifest's names as Rust identifiers: snake case, no keyword, each once, and the same on every build.

use std::collections::HashSet;

use proc_macro2::{Ident, Span};

use super::imports::FUNCTIONS;
use crate::plan::{Plan, Workflow};

/// A function for each workflow.
pub(super) fn functions(plan: &Plan) -> Vec<Ident> {
    let names = plan.workflows.iter().map(|workflow| workflow.name.value.as_str());
    unique(names, "workflow", &["main", "setup"])
}

/// A variable for each node, whether or not the program comes to use it.
pub(super) fn variables(workflow: &Workflow) -> Vec<Ident> {
    let names = workflow.nodes.iter().map(|node| node.name.value.as_str());
    unique(names, "node", &["dag", "input"])
}

/// A field or a path segment: the name itself where Rust can write it.
pub fn field(name: &str) -> Ident {
    if let Ok(ident) = syn::parse_str::<Ident>(name) {
        return ident;
    }
    // A keyword: all but the path keywords have a raw form.
    if let Ok(ident) = syn::parse_str::<Ident>(&format!("r#{name}")) {
        return ident;
    }
    Ident::new(&snake_case(name, "field"), Span::call_site())
}

/// Names that are taken as they are keep their name; the others give way with a number.
fn unique<'a>(names: impl Iterator<Item = &'a str> + Clone, fallback: &str, reserved: &[&str]) -> Vec<Ident> {
    let mut taken: HashSet<String> =
        FUNCTIONS.iter().chain(reserved).map(|name| (*name).to_owned()).collect();
    let as_written: HashSet<String> = names
        .clone()
        .filter(|name| snake_case(name, fallback) == **name && !taken.contains(*name))
        .map(str::to_owned)
        .collect();
    taken.extend(as_written.iter().cloned());

    names
        .map(|name| {
            if as_written.contains(name) {
                return Ident::new(name, Span::call_site());
            }
            let wish = snake_case(name, fallback);
            let numbered = (2..).map(|number| format!("{}_{number}", wish.trim_end_matches('_')));
            let free = std::iter::once(wish.clone())
                .chain(numbered)
                .find(|candidate| !taken.contains(candidate))
                .expect("numbers do not run out");
            let ident = Ident::new(&free, Span::call_site());
            taken.insert(free);
            ident
        })
        .collect()
}

/// `fetchOrder`, `fetch-order` and `Fetch.Order` as `fetch_order`; always an identifier.
fn snake_case(name: &str, fallback: &str) -> String {
    let mut snake = String::with_capacity(name.len() + 4);
    let mut previous: Option<char> = None;
    for char in name.chars() {
        if char.is_ascii_alphanumeric() {
            if char.is_ascii_uppercase()
                && previous.is_some_and(|c| c.is_ascii_lowercase() || c.is_ascii_digit())
            {
                snake.push('_');
            }
            snake.push(char.to_ascii_lowercase());
        } else {
            snake.push('_');
        }
        previous = Some(char);
    }
    if snake.chars().all(|char| char == '_') {
        fallback.clone_into(&mut snake);
    } else if snake.starts_with(|char: char| char.is_ascii_digit()) {
        snake = format!("{fallback}_{snake}");
    }
    if syn::parse_str::<Ident>(&snake).is_err() {
        snake.push('_');
    }
    snake
}

#[cfg(test)]
mod tests {
    use super::*;

    fn idents(names: &[&str]) -> Vec<String> {
        unique(names.iter().copied(), "node", &["dag", "input"]).iter().map(ToString::to_string).collect()
    }

    #[test]
    fn names_become_snake_case_identifiers() {
        assert_eq!(
            idents(&["fetchOrder", "ship-it", "a.b@c+d", "2nd", "_", "type", "self"]),
            ["fetch_order", "ship_it", "a_b_c_d", "node_2nd", "node", "type_", "self_"]
        );
    }

    #[test]
    fn a_name_that_needs_no_change_keeps_it_wherever_it_stands() {
        assert_eq!(idents(&["a-b", "a.b", "a_b", "a_b_2"]), ["a_b_3", "a_b_4", "a_b", "a_b_2"]);
    }

    #[test]
    fn nothing_the_file_imports_is_hidden() {
        assert_eq!(idents(&["secs", "dag", "text"]), ["secs_2", "dag_2", "text_2"]);
    }

    #[test]
    fn a_field_keeps_its_name_even_where_it_is_a_keyword() {
        assert_eq!(field("type").to_string(), "r#type");
        assert_eq!(field("größe").to_string(), "größe");
        assert_eq!(field("odd name").to_string(), "odd_name");
    }
}
