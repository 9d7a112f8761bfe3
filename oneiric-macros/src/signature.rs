//! What the signatures of tasks and workflows have in common: parameters by name that the function owns.

use proc_macro2::TokenStream;
use quote::quote;
use syn::{Error, FnArg, Ident, Pat, Result, Signature, Type, Visibility};

/// A kind of function.
pub(crate) struct Form {
    /// "a task"
    pub(crate) noun: &'static str,
    /// What one looks like, for messages.
    pub(crate) form: &'static str,
}

impl Form {
    /// The parameters of a function of this kind. One that `is_context` says is none may stand first.
    pub(crate) fn parameters(
        &self,
        signature: &Signature,
        is_context: impl Fn(&Type) -> bool,
    ) -> Result<(bool, Vec<(Ident, Type)>)> {
        let Self { noun, form } = self;
        if let Some(first) = signature.generics.params.first() {
            return Err(Error::new_spanned(first, format!("{noun} has no generic parameters: {form}")));
        }
        if let syn::Safety::Unsafe(unsafety) = &signature.safety {
            return Err(Error::new_spanned(unsafety, format!("{noun} cannot be unsafe: {form}")));
        }
        let mut takes_context = false;
        let mut parameters = Vec::new();
        for (index, parameter) in signature.inputs.iter().enumerate() {
            let FnArg::Typed(parameter) = parameter else {
                return Err(Error::new_spanned(parameter, format!("{noun} is not a method: {form}")));
            };
            if index == 0 && is_context(&parameter.ty) {
                takes_context = true;
                continue;
            }
            let Pat::Ident(name) = &*parameter.pat else {
                let message = format!("this parameter is given by name, so it needs a plain one: {form}");
                return Err(Error::new_spanned(&parameter.pat, message));
            };
            if is_context(&parameter.ty) {
                return Err(Error::new_spanned(
                    &parameter.ty,
                    format!("`Ctx` is the first parameter: {form}"),
                ));
            }
            if let Type::Reference(reference) = &*parameter.ty {
                let message = format!("{noun} owns its arguments, so they cannot be references: {form}");
                return Err(Error::new_spanned(reference, message));
            }
            if let Type::ImplTrait(ty) = &*parameter.ty {
                let message = format!("{noun} is stored, so its types have names: {form}");
                return Err(Error::new_spanned(ty, message));
            }
            parameters.push((name.ident.clone(), (*parameter.ty).clone()));
        }
        Ok((takes_context, parameters))
    }
}

/// Whether a type is written as a `Result`, by whatever path and however many of its parameters are named.
pub(crate) fn is_result(ty: &Type) -> bool {
    matches!(ty, Type::Path(path) if path.path.segments.last().is_some_and(|last| last.ident == "Result"))
}

/// A visibility as it is written one module further down, so that private types can stand behind it.
pub(crate) fn one_down(vis: &Visibility) -> TokenStream {
    let Visibility::Restricted(restricted) = vis else {
        return if matches!(vis, Visibility::Public(_)) { quote!(pub) } else { quote!(pub(super)) };
    };
    let path = &restricted.path;
    match path.segments.first().map(|first| first.ident.to_string()).as_deref() {
        Some("self") => quote!(pub(super)),
        Some("super") => quote!(pub(in super::#path)),
        _ => quote!(#vis),
    }
}

#[cfg(test)]
mod tests {
    use syn::parse_quote;

    use super::*;

    #[test]
    fn a_visibility_reaches_as_far_from_one_module_further_down() {
        let down = |vis: Visibility| one_down(&vis).to_string();
        assert_eq!(down(Visibility::Inherited), "pub (super)");
        assert_eq!(down(parse_quote!(pub)), "pub");
        assert_eq!(down(parse_quote!(pub(crate))), "pub (crate)");
        assert_eq!(down(parse_quote!(pub(super))), "pub (in super :: super)");
        assert_eq!(down(parse_quote!(pub(in crate::a))), "pub (in crate :: a)");
    }
}
