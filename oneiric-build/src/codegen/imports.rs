//! What the generated file names from the runtime, gathered while it is written so that nothing unused is imported.

use std::collections::BTreeSet;

use proc_macro2::{Ident, Span, TokenStream};
use quote::{ToTokens, quote};

use super::layout;
use super::style::Style;

/// Every function a generated file can import. A variable of such a name would hide it, so `names` avoids them.
pub(super) const FUNCTIONS: [&str; 14] = [
    "any_of",
    "array",
    "exists",
    "hours",
    "is_missing",
    "item",
    "literal",
    "millis",
    "mins",
    "object",
    "run_id",
    "secret",
    "secs",
    "text",
];

/// The names used so far.
#[derive(Default)]
pub(super) struct Imports {
    root: BTreeSet<&'static str>,
    value: BTreeSet<&'static str>,
}

impl Imports {
    /// The `use` items, sorted as rustfmt sorts them.
    pub(super) fn tokens(&self) -> TokenStream {
        let value = use_item(&quote! { oneiric::value }, &self.value);
        let root = use_item(&quote! { oneiric }, &self.root);
        quote! { #value #root }
    }
}

impl Style for Imports {
    fn root(&mut self, name: &'static str) -> TokenStream {
        self.root.insert(name);
        Ident::new(name, Span::call_site()).into_token_stream()
    }

    fn value(&mut self, name: &'static str) -> TokenStream {
        self.value.insert(name);
        Ident::new(name, Span::call_site()).into_token_stream()
    }

    fn blank(&self) -> TokenStream {
        layout::blank()
    }
}

fn use_item(module: &TokenStream, names: &BTreeSet<&str>) -> TokenStream {
    let idents: Vec<Ident> = names.iter().map(|name| Ident::new(name, Span::call_site())).collect();
    match idents.as_slice() {
        [] => TokenStream::new(),
        [one] => quote! { use #module::#one; },
        many => quote! { use #module::{#(#many),*}; },
    }
}
