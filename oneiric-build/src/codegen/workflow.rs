//! One workflow as one function: a statement for each node, in the plan's order.

use std::collections::HashSet;

use proc_macro2::{Ident, Literal, TokenStream};
use quote::quote;

use super::imports::Imports;
use super::value::{Scope, duration, text_literal};
use super::{doc_lines, layout, names};
use crate::plan::{Does, Expr, Node, NodeId, OnFailure, Part, Reference, Retry, Workflow};

/// The function that describes `workflow` to the runtime.
pub(super) fn function(workflow: &Workflow, name: &Ident, imports: &mut Imports) -> TokenStream {
    let variables = names::variables(workflow);
    let scope = Scope { workflow, variables: &variables };
    let used: HashSet<NodeId> = workflow.nodes.iter().flat_map(|node| node.needs.iter().copied()).collect();

    let docs = doc_lines(workflow.description.as_deref().unwrap_or_default());
    let settings = settings(workflow, imports);
    let blank = (!settings.is_empty()).then(layout::blank);
    let nodes = workflow.nodes.iter().enumerate().map(|(index, node)| {
        let call = call(node, &scope, imports);
        let id = NodeId(u32::try_from(index).expect("a plan counts its nodes in 32 bits"));
        if used.contains(&id) {
            let variable = &variables[index];
            quote! { let #variable = #call; }
        } else {
            quote! { #call; }
        }
    });
    let nodes: Vec<TokenStream> = nodes.collect();
    quote! {
        #(#[doc = #docs])*
        fn #name(dag: &Dag) {
            #settings
            #blank
            #(#nodes)*
        }
    }
}

/// What holds for the whole workflow, and the input where an argument uses it.
fn settings(workflow: &Workflow, imports: &mut Imports) -> TokenStream {
    let mut tokens = TokenStream::new();
    if let Some(timeout) = workflow.timeout {
        let timeout = duration(timeout, imports);
        tokens.extend(quote! { dag.timeout(#timeout); });
    }
    if let Some(limit) = workflow.max_parallel {
        let limit = Literal::u32_unsuffixed(limit);
        tokens.extend(quote! { dag.max_parallel(#limit); });
    }
    let arguments =
        workflow.nodes.iter().filter_map(|node| node.with.as_ref()).flat_map(|with| &with.arguments);
    if arguments.into_iter().any(|(_, expr)| uses_input(&expr.value)) {
        tokens.extend(quote! { let input = dag.input(); });
    }
    tokens
}

/// A node: what it does, its arguments, and its options in one fixed order.
fn call(node: &Node, scope: &Scope<'_>, imports: &mut Imports) -> TokenStream {
    let name = &node.name.value;
    let mut tokens = match &node.does {
        Does::Run { path, .. } => {
            let path = path.value.split("::").map(names::field);
            let path = quote! { #(#path)::* };
            let arguments = node.with.as_ref().map(|with| {
                let fields = with.arguments.iter().map(|(name, expr)| {
                    let field = names::field(&name.value);
                    let value = scope.argument(&expr.value, imports);
                    quote! { #field: #value }
                });
                let fields: Vec<TokenStream> = fields.collect();
                quote! { #path::Args { #(#fields),* } }
            });
            let arguments = with(arguments);
            quote! { dag.task(#name, #path::Def) #arguments }
        }
        Does::Exec { argv, .. } => {
            let arguments = node.with.as_ref().map(|with| {
                let members = with.arguments.iter().map(|(name, expr)| (name.value.as_str(), &expr.value));
                scope.object(members, imports)
            });
            let arguments = with(arguments);
            let argv = argv.iter().map(|word| text_literal(word));
            quote! { dag.exec(#name, [#(#argv),*]) #arguments }
        }
        Does::Wait(time) => {
            let time = duration(*time, imports);
            quote! { dag.wait(#name, #time) }
        }
    };
    if let Some(retry) = &node.retry {
        let retry = self::retry(retry, imports);
        tokens.extend(quote! { .retry(#retry) });
    }
    if let Some(timeout) = node.timeout {
        let timeout = duration(timeout, imports);
        tokens.extend(quote! { .timeout(#timeout) });
    }
    if !node.after.is_empty() {
        let after = node.after.iter().map(|id| &scope.variables[id.0 as usize]);
        tokens.extend(quote! { .after([#(#after.id()),*]) });
    }
    if node.on_failure == OnFailure::Continue {
        tokens.extend(quote! { .continue_on_failure() });
    }
    tokens
}

fn with(arguments: Option<TokenStream>) -> TokenStream {
    arguments.map_or_else(|| quote! { .with_input() }, |arguments| quote! { .with(#arguments) })
}

fn retry(retry: &Retry, imports: &mut Imports) -> TokenStream {
    let kind = imports.root("Retry");
    let attempts = Literal::u32_unsuffixed(retry.attempts);
    let mut tokens = quote! { #kind::attempts(#attempts) };
    if let Some(delay) = retry.base_delay {
        let delay = duration(delay, imports);
        tokens.extend(quote! { .base_delay(#delay) });
    }
    if let Some(delay) = retry.max_delay {
        let delay = duration(delay, imports);
        tokens.extend(quote! { .max_delay(#delay) });
    }
    if let Some(jitter) = retry.jitter {
        let jitter = Literal::f64_unsuffixed(jitter);
        tokens.extend(quote! { .jitter(#jitter) });
    }
    tokens
}

fn uses_input(expr: &Expr) -> bool {
    let is_input = |reference: &Reference| matches!(reference, Reference::Input(_));
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
