//! `#[oneiric::task]`: leaves the function alone and writes a module of its name beside it, with the definition and the
//! arguments by name. Functions and modules do not collide, and both travel through one `use`.

use proc_macro2::TokenStream;
use quote::{format_ident, quote, quote_spanned};
use syn::spanned::Spanned;
use syn::{Error, FnArg, Ident, ItemFn, Pat, ReturnType, Type};

/// What a task looks like, for messages.
const FORM: &str =
    "a task is a function such as `pub async fn charge(ctx: Ctx, order: Order) -> Result<Payment, Error>`";

/// The function as it was, and the module beside it.
pub(crate) fn expand(options: TokenStream, item: &TokenStream) -> TokenStream {
    match parse(options, item.clone()) {
        Ok(task) => {
            let module = task.module();
            quote! { #item #module }
        }
        Err(error) => {
            let error = error.into_compile_error();
            quote! { #item #error }
        }
    }
}

/// A function that can be a task.
struct Task {
    function: ItemFn,
    takes_context: bool,
    arguments: Vec<(Ident, Type)>,
}

fn parse(options: TokenStream, item: TokenStream) -> syn::Result<Task> {
    if !options.is_empty() {
        return Err(Error::new_spanned(options, "`#[oneiric::task]` takes no options yet"));
    }
    let function = syn::parse2::<ItemFn>(item)
        .map_err(|error| Error::new(error.span(), format!("only a function can be a task: {FORM}")))?;
    let signature = &function.sig;
    if let Some(first) = signature.generics.params.first() {
        return Err(Error::new_spanned(first, format!("a task has no generic parameters: {FORM}")));
    }
    if let syn::Safety::Unsafe(unsafety) = &signature.safety {
        return Err(Error::new_spanned(unsafety, format!("a task cannot be unsafe: {FORM}")));
    }
    let mut takes_context = false;
    let mut arguments = Vec::new();
    for (index, parameter) in signature.inputs.iter().enumerate() {
        let FnArg::Typed(parameter) = parameter else {
            return Err(Error::new_spanned(parameter, format!("a task is not a method: {FORM}")));
        };
        if index == 0 && is_context(&parameter.ty) {
            takes_context = true;
            continue;
        }
        let Pat::Ident(name) = &*parameter.pat else {
            let message = format!("a manifest names this argument, so it needs a plain name: {FORM}");
            return Err(Error::new_spanned(&parameter.pat, message));
        };
        if let Type::Reference(reference) = &*parameter.ty {
            let message = format!("a task owns its arguments, so they cannot be references: {FORM}");
            return Err(Error::new_spanned(reference, message));
        }
        arguments.push((name.ident.clone(), (*parameter.ty).clone()));
    }
    Ok(Task { function, takes_context, arguments })
}

/// Whether a type is `Ctx`, by whatever path.
fn is_context(ty: &Type) -> bool {
    matches!(ty, Type::Path(path) if path.path.segments.last().is_some_and(|last| last.ident == "Ctx"))
}

/// Whether a type is written as a `Result`, by whatever path and however many of its parameters are named.
fn is_result(ty: &Type) -> bool {
    matches!(ty, Type::Path(path) if path.path.segments.last().is_some_and(|last| last.ident == "Result"))
}

impl Task {
    fn module(&self) -> TokenStream {
        let ItemFn { vis, sig, .. } = &self.function;
        let name = &sig.ident;
        let names = self.arguments.iter().map(|(name, _)| name).collect::<Vec<_>>();
        let types = self.arguments.iter().map(|(_, ty)| ty);
        let texts = names.iter().map(|name| name.to_string().trim_start_matches("r#").to_owned());
        let docs = names.iter().map(|name| format!("The argument `{name}`."));
        let about = format!("The task [`{name}`]({name}()) as a workflow names it.");
        let output = self.output();
        let begin = self.begin();
        let from_input = self.input_as_argument();
        // A task that cannot be seen outside its module need not be used as one.
        let module_vis = match vis {
            syn::Visibility::Inherited => quote!(pub(self)),
            vis => quote!(#vis),
        };
        quote! {
            #[doc = #about]
            #[allow(unused_imports, dead_code)]
            #module_vis mod #name {
                use super::*;

                /// The task.
                #[derive(Clone, Copy, Debug)]
                pub struct Def;

                /// Its arguments.
                pub struct Args {
                    #( #[doc = #docs] pub #names: ::oneiric::value::Bind<#types>, )*
                }

                impl ::oneiric::task::Definition for Def {
                    type Args = Args;
                    type Output = #output;

                    fn visit(args: &Args, visitor: &mut dyn ::oneiric::task::Visitor) {
                        #( visitor.argument(#texts, &args.#names); )*
                        let _ = (args, visitor);
                    }

                    fn begin(
                        args: &Args,
                        scope: &::oneiric::value::Scope<'_>,
                        ctx: ::oneiric::task::Ctx,
                    ) -> ::core::result::Result<
                        ::oneiric::task::Attempt<Self::Output>,
                        ::oneiric::task::Error,
                    > {
                        let _ = (args, scope, &ctx);
                        #begin
                    }
                }

                #from_input
            }
        }
    }

    /// The type that the task returns when it succeeds.
    fn output(&self) -> TokenStream {
        match &self.function.sig.output {
            ReturnType::Default => quote!(()),
            ReturnType::Type(_, ty) if is_result(ty) => {
                quote_spanned!(ty.span()=> <#ty as ::oneiric::__private::Fallible>::Output)
            }
            ReturnType::Type(_, ty) => quote!(#ty),
        }
    }

    /// Reads the arguments and calls the function: in place if it is async, on a thread of its own if it would block.
    fn begin(&self) -> TokenStream {
        let sig = &self.function.sig;
        let name = &sig.ident;
        let locals =
            (0..self.arguments.len()).map(|index| format_ident!("argument_{index}")).collect::<Vec<_>>();
        let names = self.arguments.iter().map(|(name, _)| name);
        let context = self.takes_context.then(|| quote!(ctx,));
        let call = quote!(super::#name(#context #(#locals),*));
        let fallible = matches!(&sig.output, ReturnType::Type(_, ty) if is_result(ty));
        let attempt = if sig.asyncness.is_some() {
            let value = if fallible {
                quote!(#call.await.map_err(::core::convert::Into::into))
            } else {
                quote!(::core::result::Result::Ok(#call.await))
            };
            quote!(::std::boxed::Box::pin(async move { #value }))
        } else {
            let value = if fallible {
                quote!(#call.map_err(::core::convert::Into::into))
            } else {
                quote!(::core::result::Result::Ok(#call))
            };
            quote!(::oneiric::__private::blocking(move || #value))
        };
        quote! {
            #( let #locals = args.#names.read(scope)?; )*
            ::core::result::Result::Ok(#attempt)
        }
    }

    /// For a task of at most one argument: how the run's input becomes it.
    fn input_as_argument(&self) -> TokenStream {
        let members = match self.arguments.as_slice() {
            [] => quote!(),
            [(name, _)] => quote!(#name: input.whole()),
            _ => return TokenStream::new(),
        };
        quote! {
            impl ::oneiric::task::TakesInput for Def {
                fn from_input(input: ::oneiric::value::Input) -> Args {
                    let _ = input;
                    Args { #members }
                }
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn message(item: TokenStream) -> String {
        parse(TokenStream::new(), item).err().map(|error| error.to_string()).unwrap_or_default()
    }

    #[test]
    fn a_context_is_not_an_argument() {
        let item = quote!(
            async fn charge(ctx: oneiric::Ctx, order: Order) {}
        );
        let task = parse(TokenStream::new(), item).expect("it is a task");
        assert!(task.takes_context);
        assert_eq!(task.arguments.len(), 1);
    }

    #[test]
    fn faults_say_what_a_task_looks_like() {
        for item in [
            quote!(
                struct Charge;
            ),
            quote!(
                fn charge<T>(order: T) {}
            ),
            quote!(
                fn charge(self) {}
            ),
            quote!(
                fn charge((a, b): (u8, u8)) {}
            ),
            quote!(
                fn charge(order: &Order) {}
            ),
        ] {
            assert!(message(item.clone()).contains("a task is a function such as"), "{item}");
        }
    }
}
