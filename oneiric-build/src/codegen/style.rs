//! How code that is written names what is not its own: in a file that imports it, or in the middle of someone's function.

use std::time::Duration;

use proc_macro2::{Ident, Span, TokenStream};
use quote::quote;

use super::{names, value, workflow};
use crate::manifest;
use crate::plan::Retry;

/// How names are written, and where rustc is told that tokens come from.
pub trait Style {
    /// An item of the runtime.
    fn root(&mut self, name: &'static str) -> TokenStream {
        let name = Ident::new(name, Span::call_site());
        quote! { ::oneiric::#name }
    }

    /// A function of the runtime's module `value`.
    fn value(&mut self, name: &'static str) -> TokenStream {
        let name = Ident::new(name, Span::call_site());
        quote! { ::oneiric::value::#name }
    }

    /// A function of the user's.
    fn path(&self, path: &str) -> TokenStream {
        let segments = path.split("::").map(names::field);
        quote! { #(#segments)::* }
    }

    /// The arguments of the task whose module is `path`.
    fn arguments(&self, path: &TokenStream, arguments: Vec<(Ident, TokenStream)>) -> TokenStream {
        let fields = arguments.into_iter().map(|(name, value)| quote! { #name: #value });
        quote! { #path::Args { #(#fields),* } }
    }

    /// What stands for the arguments of a node that has none, after the task whose module is `path`.
    fn no_arguments(&self, _path: &TokenStream) -> TokenStream {
        quote! { .with_input() }
    }

    /// What stands for the arguments of a node that has none but an instance for each element of `list`.
    fn each_alone(&self, _path: &TokenStream, list: &TokenStream) -> TokenStream {
        quote! { .each_alone(#list) }
    }

    /// A literal, if it is to be written as Rust and not as JSON.
    fn literal(&self, _value: &serde_json::Value) -> Option<TokenStream> {
        None
    }

    /// The type of a part of the input, if it is known.
    fn parameter(&self, _name: &str) -> Option<TokenStream> {
        None
    }

    /// What stands between two groups of statements.
    fn blank(&self) -> TokenStream {
        TokenStream::new()
    }

    /// What was written at `span`, as tokens of that place.
    fn place(&self, _span: manifest::Span, tokens: TokenStream) -> TokenStream {
        tokens
    }

    /// The place of what stands at `span`.
    fn span(&self, _span: manifest::Span) -> Span {
        Span::call_site()
    }
}

/// Names from the crate's root, which mean the same everywhere.
#[derive(Clone, Copy, Debug, Default)]
pub struct Qualified;

impl Style for Qualified {}

/// How failures are tried again, as a value of the runtime's `Retry`.
pub fn retry(retry: &Retry) -> TokenStream {
    workflow::retry(retry, &mut Qualified)
}

/// A duration as a call that makes it.
pub fn duration(duration: Duration) -> TokenStream {
    value::duration(duration, &mut Qualified)
}
