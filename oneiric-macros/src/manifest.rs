//! `oneiric::manifest!`: the workflows of a manifest, inside a program that has a main function of its own.

use std::path::Path;

use oneiric_build::script;
use proc_macro2::TokenStream;
use quote::quote;
use syn::{Error, LitStr};

/// The function `app`. The manifest is included as text as well, so that rustc looks at it when it changes.
pub(crate) fn expand(path: TokenStream) -> TokenStream {
    let path = match syn::parse2::<LitStr>(path) {
        Ok(path) => path,
        Err(error) => {
            let message =
                "write the manifest's path from the package's folder: `manifest!(\"manifests/app.yaml\")`";
            return Error::new(error.span(), message).into_compile_error();
        }
    };
    let root = std::env::var_os("CARGO_MANIFEST_DIR").unwrap_or_default();
    let file = Path::new(&root).join(path.value());
    let text = file.to_string_lossy();
    let tracked = file.is_file().then(|| {
        quote!(
            const _: &[u8] = ::core::include_bytes!(#text);
        )
    });
    match script::app(&file, &path.value(), &script::Home::of_macro()) {
        Ok(app) => quote!(#tracked #app),
        Err(faults) => {
            let error = Error::new(path.span(), faults).into_compile_error();
            quote! {
                #tracked
                #error
                /// Nothing: the manifest has faults.
                pub fn app() -> ::oneiric::App {
                    ::core::default::Default::default()
                }
            }
        }
    }
}
