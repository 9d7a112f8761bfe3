//! The macros of `oneiric-runtime`, which documents them where it re-exports them.
//!
//! Each entry parses its input, calls its module and always gives the user's items back, so that one mistake gives one
//! message.

mod dag;
mod manifest;
mod options;
mod signature;
mod task;

#[cfg(test)]
mod tests;

use proc_macro::TokenStream;

#[expect(missing_docs, reason = "documented on the re-export in oneiric-runtime, where its examples compile")]
#[proc_macro_attribute]
pub fn task(options: TokenStream, item: TokenStream) -> TokenStream {
    task::expand(options.into(), &item.into()).into()
}

#[expect(missing_docs, reason = "documented on the re-export in oneiric-runtime, where its examples compile")]
#[proc_macro_attribute]
pub fn dag(options: TokenStream, item: TokenStream) -> TokenStream {
    dag::expand(options.into(), &item.into()).into()
}

#[expect(missing_docs, reason = "documented on the re-export in oneiric-runtime, where its examples compile")]
#[proc_macro]
pub fn manifest(path: TokenStream) -> TokenStream {
    manifest::expand(path.into()).into()
}
