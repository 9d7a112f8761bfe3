//! A manifest inside a program that has a main function of its own: one function that gives its adapters and workflows.
//!
//! The crate that the code is part of enables the runtime's cargo features for them itself; where one is missing, rustc
//! names it.

use proc_macro2::TokenStream;
use quote::{format_ident, quote};

use super::style::Style;
use super::{names, setup, workflow};
use crate::plan::{Plan, json};

/// The function `app`.
pub fn app(plan: &Plan, manifest_path: &str, style: &mut dyn Style) -> TokenStream {
    let functions = names::functions(plan);
    let setup = setup::body(plan, &functions, style);
    let bodies: Vec<TokenStream> = plan
        .workflows
        .iter()
        .zip(&functions)
        .map(|(one, function)| workflow::function(one, function, style))
        .collect();
    let text = json::program(plan, manifest_path).compact();
    let about = format!(" The adapters and workflows of `{manifest_path}`.");
    let (app, name) = (style.root("App"), format_ident!("setup"));
    quote! {
        #[doc = #about]
        pub fn app() -> #app {
            fn #name(app: &mut #app) {
                #setup
            }

            #(#bodies)*

            #app::compiled(#text, #name)
        }
    }
}
