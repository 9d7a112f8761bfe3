//! What is told to the runtime before anything else: a line for each adapter, then one for each workflow.

use proc_macro2::{Ident, TokenStream};
use quote::{format_ident, quote};

use super::names;
use super::style::Style;
use crate::plan::{Adapter, Plan};

/// The statements; `functions` are those of the workflows.
pub(super) fn body(plan: &Plan, functions: &[Ident], style: &mut dyn Style) -> TokenStream {
    let adapters = (0..).zip(&plan.adapters).map(|(place, adapter)| {
        let method = if plan.checkpoint == Some(place) { "checkpoints" } else { method(adapter) };
        let method = format_ident!("{method}");
        let ty = path(adapter, style);
        let name = &adapter.name.value;
        quote! { app.#method::<#ty>(#name); }
    });
    let adapters: Vec<TokenStream> = adapters.collect();
    let workflows = plan.workflows.iter().zip(functions).map(|(workflow, function)| {
        let name = &workflow.name.value;
        quote! { app.workflow(#name, #function); }
    });
    let blank = if adapters.is_empty() { TokenStream::new() } else { style.blank() };
    quote! {
        #(#adapters)*
        #blank
        #(#workflows)*
    }
}

/// How an adapter is added: in the role of its domain, or for tasks that know its type.
fn method(adapter: &Adapter) -> &'static str {
    match adapter.domain() {
        "queue" => "queue",
        "messaging" => "messaging",
        "secrets" => "secret_source",
        _ => "adapter",
    }
}

/// An adapter's type: a path below the runtime's root.
fn path(adapter: &Adapter, style: &mut dyn Style) -> TokenStream {
    let root = style.root("adapters");
    let rest = adapter.path.split("::").skip(1).map(names::field);
    quote! { #root #(::#rest)* }
}
