//! One workflow as one function: a statement for each node, in the plan's order.

use std::collections::HashSet;

use proc_macro2::{Ident, Literal, TokenStream};
use quote::{quote, quote_spanned};

use super::style::Style;
use super::value::{Scope, duration, text_literal};
use super::{doc_lines, names};
use crate::manifest::Spanned;
use crate::plan::{Does, Expr, Node, NodeId, OnFailure, Part, Reference, Retry, Undo, Workflow};

/// The function that describes `workflow` to the runtime.
pub(super) fn function(workflow: &Workflow, name: &Ident, style: &mut dyn Style) -> TokenStream {
    let docs = doc_lines(workflow.description.as_deref().unwrap_or_default());
    let dag = style.root("Dag");
    let body = body(workflow, None, style);
    quote! {
        #(#[doc = #docs])*
        fn #name(dag: &#dag) {
            #body
        }
    }
}

/// The statements that describe `workflow` to `dag`; the last binds what it returns, if it returns something.
pub fn body(workflow: &Workflow, result: Option<&Returns<'_>>, style: &mut dyn Style) -> TokenStream {
    let variables = names::variables(workflow);
    let scope = Scope { workflow, variables: &variables, item_is_json: false };
    let mut used: HashSet<NodeId> =
        workflow.nodes.iter().flat_map(|node| node.needs.iter().copied()).collect();
    if let Some(Reference::Output(node, _)) = result.map(|result| &result.value.value) {
        used.insert(*node);
    }

    let settings = settings(workflow, style);
    let blank = if settings.is_empty() { TokenStream::new() } else { style.blank() };
    let nodes = (0..).map(NodeId).zip(&workflow.nodes).map(|(id, node)| {
        let call = call(node, &scope, style);
        if used.contains(&id) {
            let mut variable = variables[id.0 as usize].clone();
            variable.set_span(style.span(node.name.span));
            quote! { let #variable = #call; }
        } else {
            quote! { #call; }
        }
    });
    let nodes: Vec<TokenStream> = nodes.collect();
    let result = result.map(|Returns { value, ty }| {
        let bound = scope.reference(value, style);
        let bound = style.place(value.span, bound);
        quote! { let _: #ty = #bound; }
    });
    quote! {
        #settings
        #blank
        #(#nodes)*
        #result
    }
}

/// What a workflow returns, and of which type that has to be.
pub struct Returns<'a> {
    /// A node's output, or part of one.
    pub value: &'a Spanned<Reference>,
    /// The type, as it is bound.
    pub ty: TokenStream,
}

/// What holds for the whole workflow, and the input where an argument uses it.
fn settings(workflow: &Workflow, style: &mut dyn Style) -> TokenStream {
    let mut tokens = TokenStream::new();
    if let Some(timeout) = workflow.timeout {
        let timeout = duration(timeout, style);
        tokens.extend(quote! { dag.timeout(#timeout); });
    }
    if let Some(limit) = workflow.max_parallel {
        let limit = Literal::u32_unsuffixed(limit);
        tokens.extend(quote! { dag.max_parallel(#limit); });
    }
    if workflow.nodes.iter().any(node_uses_input) {
        tokens.extend(quote! { let input = dag.input(); });
    }
    tokens
}

/// A node: what it does, its arguments, and its options in one fixed order.
fn call(node: &Node, scope: &Scope<'_>, style: &mut dyn Style) -> TokenStream {
    let name = &node.name.value;
    let place = style.span(node.name.span);
    let list = node.each.as_ref().map(|each| {
        let (list, is_json) = scope.list(&each.list, style);
        (style.place(each.list.span, list), is_json)
    });
    let within = Scope { item_is_json: list.as_ref().is_some_and(|(_, is_json)| *is_json), ..*scope };
    let list = list.map(|(list, _)| list);
    let mut tokens = match &node.does {
        Does::Run { path, .. } => {
            let path = style.path(&path.value);
            let arguments = node.with.as_ref().map(|with| {
                let fields = with.arguments.iter().map(|(name, expr)| {
                    let value = within.argument(&expr.value, style);
                    (names::field(&name.value), style.place(expr.span, value))
                });
                let fields = fields.collect();
                style.arguments(&path, fields)
            });
            let given = match (list, arguments) {
                (Some(list), Some(arguments)) => quote! { .each(#list, |item| #arguments) },
                (Some(list), None) => style.each_alone(&path, &list),
                (None, Some(arguments)) => quote! { .with(#arguments) },
                (None, None) => style.no_arguments(&path),
            };
            quote_spanned! { place=> dag.task(#name, #path::Def) #given }
        }
        Does::Exec { argv, .. } => {
            let arguments = node.with.as_ref().map(|with| {
                let members = with.arguments.iter().map(|(name, expr)| (name.value.as_str(), &expr.value));
                within.object(members, style)
            });
            let given = match (list, arguments) {
                (Some(list), Some(arguments)) => quote! { .each(#list, |item| #arguments) },
                (Some(list), None) => quote! { .each_alone(#list) },
                (None, Some(arguments)) => quote! { .with(#arguments) },
                (None, None) => quote! { .with_input() },
            };
            let argv = argv.iter().map(|word| text_literal(word));
            quote! { dag.exec(#name, [#(#argv),*]) #given }
        }
        Does::Wait(time) => {
            let time = duration(*time, style);
            quote! { dag.wait(#name, #time) }
        }
    };
    if let Some(most) = node.each.as_ref().and_then(|each| each.max_parallel) {
        let most = Literal::u32_unsuffixed(most);
        tokens.extend(quote! { .max_parallel(#most) });
    }
    for condition in node.when.iter().flat_map(|condition| scope.condition(condition, style)) {
        tokens.extend(quote! { .when(#condition) });
    }
    if let Some(retry) = &node.retry {
        let retry = self::retry(retry, style);
        tokens.extend(quote! { .retry(#retry) });
    }
    if let Some(timeout) = node.timeout {
        let timeout = duration(timeout, style);
        tokens.extend(quote! { .timeout(#timeout) });
    }
    if !node.after.is_empty() {
        let after = node.after.iter().map(|id| &scope.variables[id.0 as usize]);
        tokens.extend(quote! { .after([#(#after.id()),*]) });
    }
    if node.on_failure == OnFailure::Continue {
        tokens.extend(quote! { .continue_on_failure() });
    }
    if let Some(undo) = &node.undo {
        tokens.extend(self::undo(undo, style));
    }
    tokens
}

/// What undoes a node, and how.
fn undo(undo: &Undo, style: &mut dyn Style) -> TokenStream {
    let mut tokens = match &undo.does {
        Does::Run { path, span, .. } => {
            let path = style.path(&path.value);
            let call = style.place(*span, quote! { .compensate(#path::Def) });
            quote! { #call }
        }
        Does::Exec { argv, .. } => {
            let argv = argv.iter().map(|word| text_literal(word));
            quote! { .compensate_exec([#(#argv),*]) }
        }
        Does::Wait(_) => unreachable!("a task does not wait"),
    };
    if let Some(retry) = &undo.retry {
        let retry = self::retry(retry, style);
        tokens.extend(quote! { .compensate_retry(#retry) });
    }
    if let Some(timeout) = undo.timeout {
        let timeout = duration(timeout, style);
        tokens.extend(quote! { .compensate_timeout(#timeout) });
    }
    tokens
}

pub(super) fn retry(retry: &Retry, style: &mut dyn Style) -> TokenStream {
    let kind = style.root("Retry");
    let attempts = Literal::u32_unsuffixed(retry.attempts);
    let mut tokens = quote! { #kind::attempts(#attempts) };
    if let Some(delay) = retry.base_delay {
        let delay = duration(delay, style);
        tokens.extend(quote! { .base_delay(#delay) });
    }
    if let Some(delay) = retry.max_delay {
        let delay = duration(delay, style);
        tokens.extend(quote! { .max_delay(#delay) });
    }
    if let Some(jitter) = retry.jitter {
        let jitter = Literal::f64_unsuffixed(jitter);
        tokens.extend(quote! { .jitter(#jitter) });
    }
    tokens
}

fn node_uses_input(node: &Node) -> bool {
    let with = node.with.iter().flat_map(|with| &with.arguments);
    with.into_iter().any(|(_, expr)| uses_input(&expr.value))
        || node.when.iter().any(|condition| is_input(&condition.value))
        || node.each.as_ref().is_some_and(|each| is_input(&each.list))
}

fn is_input(reference: &Reference) -> bool {
    matches!(reference, Reference::Input(_))
}

fn uses_input(expr: &Expr) -> bool {
    match expr {
        Expr::Literal(_) => false,
        Expr::Reference(reference) => is_input(reference),
        Expr::Template(parts) => {
            parts.iter().any(|part| matches!(part, Part::Reference(reference) if is_input(reference)))
        }
        Expr::Array(elements) => elements.iter().any(uses_input),
        Expr::Object(members) => members.iter().any(|(_, value)| uses_input(value)),
    }
}
