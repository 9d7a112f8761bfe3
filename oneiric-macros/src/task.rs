//! `#[oneiric::task]`: leaves the function alone and writes a module of its name beside it, with the definition and the
//! arguments by name. Functions and modules do not collide, and both travel through one `use`.

use oneiric_build::codegen::style;
use proc_macro2::TokenStream;
use quote::{format_ident, quote, quote_spanned};
use syn::ext::IdentExt;
use syn::spanned::Spanned;
use syn::{Error, Ident, ItemFn, ReturnType, Type};

use crate::options::Options;
use crate::signature::{Form, is_result, one_down};

/// What a task looks like.
const FORM: Form = Form {
    noun: "a task",
    form: "a task is a function such as `pub async fn charge(ctx: Ctx, order: Order) -> Result<Payment, Error>`",
};

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
    /// Constants of the definition that an option sets.
    options: TokenStream,
    takes_context: bool,
    arguments: Vec<(Ident, Type)>,
}

fn parse(options: TokenStream, item: TokenStream) -> syn::Result<Task> {
    let function = syn::parse2::<ItemFn>(item)
        .map_err(|error| Error::new(error.span(), format!("only a function can be a task: {}", FORM.form)))?;
    let (takes_context, arguments) = FORM.parameters(&function.sig, is_context)?;
    let options = constants(&Options::parse(options, &["retry", "timeout", "idempotent"])?)?;
    Ok(Task { function, options, takes_context, arguments })
}

/// What the options say of nodes that name the task and say nothing themselves.
fn constants(options: &Options) -> syn::Result<TokenStream> {
    let retry = options.retry()?.map(|retry| {
        let retry = style::retry(&retry);
        quote!(const RETRY: ::oneiric::Retry = #retry;)
    });
    let timeout = options.timeout()?.map(|timeout| {
        let timeout = style::duration(timeout);
        quote!(const TIMEOUT: ::core::option::Option<::core::time::Duration> = ::core::option::Option::Some(#timeout);)
    });
    let idempotent = options.flag("idempotent")?.then(|| {
        quote!(
            const IDEMPOTENT: bool = true;
        )
    });
    Ok(quote!(#retry #timeout #idempotent))
}

/// Whether a type is `Ctx`, by whatever path.
fn is_context(ty: &Type) -> bool {
    matches!(ty, Type::Path(path) if path.path.segments.last().is_some_and(|last| last.ident == "Ctx"))
}

impl Task {
    fn module(&self) -> TokenStream {
        let ItemFn { vis, sig, .. } = &self.function;
        let name = &sig.ident;
        let names = self.arguments.iter().map(|(name, _)| name).collect::<Vec<_>>();
        let types = self.arguments.iter().map(|(_, ty)| ty).collect::<Vec<_>>();
        let texts = names.iter().map(|name| name.unraw().to_string()).collect::<Vec<_>>();
        // The input of a task of one argument asks for the same, and once is enough.
        let checked = if types.len() == 1 { &[] } else { types.as_slice() };
        let checks =
            checked.iter().map(|ty| quote_spanned!(ty.span()=> ::oneiric::__private::argument::<#ty>()));
        let options = &self.options;
        let item_vis = one_down(vis);
        let docs = names.iter().map(|name| format!("The argument `{name}`."));
        let about = format!("The task [`{name}`]({name}()) as a workflow names it.");
        let output = self.output();
        let call = self.call();
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
                #item_vis struct Def;

                /// Its arguments.
                #item_vis struct Args {
                    #( #[doc = #docs] pub #names: ::oneiric::value::Bind<#types>, )*
                }

                impl Args {
                    /// The arguments in the function's order.
                    #[allow(clippy::too_many_arguments)]
                    pub fn new(#( #names: ::oneiric::value::Bind<#types> ),*) -> Self {
                        Self { #( #names ),* }
                    }
                }

                impl ::oneiric::task::Definition for Def {
                    const PATH: &'static str = ::core::module_path!();
                    const ARGUMENTS: &'static [&'static str] = &[#( #texts ),*];
                    #options

                    type Args = Args;
                    type Values = (#( #types, )*);
                    type Output = #output;

                    fn visit(args: &Args, visitor: &mut dyn ::oneiric::task::Visitor) {
                        #( visitor.argument(#texts, &args.#names); )*
                        let _ = (args, visitor);
                    }

                    fn read(
                        args: &Args,
                        scope: &::oneiric::value::Scope<'_>,
                    ) -> ::core::result::Result<Self::Values, ::oneiric::task::Error> {
                        let _ = (args, scope);
                        ::core::result::Result::Ok((#( args.#names.read(scope)?, )*))
                    }

                    fn call(values: Self::Values, ctx: ::oneiric::task::Ctx) -> ::oneiric::task::Attempt<Self::Output> {
                        #call
                    }
                }

                const _: () = { #( #checks; )* };

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

    /// Calls the function: in place if it is async, on a thread of its own if it would block.
    fn call(&self) -> TokenStream {
        let sig = &self.function.sig;
        let name = &sig.ident;
        let locals =
            (0..self.arguments.len()).map(|index| format_ident!("argument_{index}")).collect::<Vec<_>>();
        let context = self.takes_context.then(|| quote!(ctx,));
        let call = quote!(super::#name(#context #(#locals),*));
        let fallible = match &sig.output {
            ReturnType::Type(_, ty) if is_result(ty) => Some(ty),
            _ => None,
        };
        let wait = sig.asyncness.is_some().then(|| quote!(.await));
        let value = if let Some(ty) = fallible {
            quote_spanned!(ty.span()=> ::oneiric::__private::settle(#call #wait))
        } else {
            quote!(::core::result::Result::Ok(#call #wait))
        };
        let attempt = if sig.asyncness.is_some() {
            quote!(::std::boxed::Box::pin(async move { #value }))
        } else {
            quote!(::oneiric::__private::blocking(move || #value))
        };
        let attempt = if self.takes_context {
            quote!(::oneiric::__private::cancellable(ctx, move |ctx| #attempt))
        } else {
            quote!({ let _ = ctx; #attempt })
        };
        quote! {
            let (#( #locals, )*) = values;
            #attempt
        }
    }

    /// For a task of at most one argument: how the run's input becomes it, and what it can undo.
    fn input_as_argument(&self) -> TokenStream {
        let (members, undoes) = match self.arguments.as_slice() {
            [] => (
                quote!(),
                quote!(
                    impl<T> ::oneiric::task::Undoes<T> for Def {}
                ),
            ),
            [(name, ty)] => (
                quote_spanned!(ty.span()=> #name: input.whole()),
                quote!(impl ::oneiric::task::Undoes<#ty> for Def {}),
            ),
            _ => return TokenStream::new(),
        };
        quote! {
            #undoes

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
