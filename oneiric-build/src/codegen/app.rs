//! A manifest inside a program that has a main function of its own: one function that gives its workflows.

use proc_macro2::TokenStream;
use quote::{format_ident, quote};

use super::style::Style;
use super::{names, workflow};
use crate::plan::{Plan, json};

/// The function `app`.
pub fn app(plan: &Plan, manifest_path: &str, style: &mut dyn Style) -> TokenStream {
    let functions = names::functions(plan);
    let registrations = plan.workflows.iter().zip(&functions).map(|(workflow, function)| {
        let name = &workflow.name.value;
        quote! { app.workflow(#name, #function); }
    });
    let registrations: Vec<TokenStream> = registrations.collect();
    let bodies: Vec<TokenStream> = plan
        .workflows
        .iter()
        .zip(&functions)
        .map(|(one, function)| workflow::function(one, function, style))
        .collect();
    let text = json::program(plan, manifest_path).compact();
    let about = format!(" The workflows of `{manifest_path}`.");
    let (app, workflows) = (style.root("App"), format_ident!("workflows"));
    quote! {
        #[doc = #about]
        pub fn app() -> #app {
            fn #workflows(app: &mut #app) {
                #(#registrations)*
            }

            #(#bodies)*

            #app::compiled(#text, #workflows)
        }
    }
}
