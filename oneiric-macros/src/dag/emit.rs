//! Writes the module that stands for a workflow.

use oneiric_build::codegen::style::Style;
use oneiric_build::codegen::{self, Returns};
use oneiric_build::manifest::{self, Root, Spanned, Step};
use oneiric_build::plan::digest::{self, Line};
use oneiric_build::plan::{self, Does, NodeId, Reference};
use proc_macro2::{Group, Ident, Literal, Span, TokenStream, TokenTree};
use quote::{ToTokens, quote, quote_spanned};
use syn::ext::IdentExt;
use syn::spanned::Spanned as _;
use syn::{Path, Type};

use super::Flow;
use super::read::{Read, Reader};
use crate::signature::one_down;

/// Encloses a hole in text: a character that Unicode promises never to give a meaning.
const HOLE: char = '\u{fdd0}';

/// The module of a workflow that was read.
pub(super) fn module(flow: &Flow, read: &Read<'_>) -> TokenStream {
    let mut style = Inline { flow, reader: &read.reader };
    let result = read.reader.result.as_ref().map(|result| resolve(result, &read.workflow));
    let ty = &flow.output;
    let returns =
        result.as_ref().map(|value| Returns { value, ty: quote_spanned!(ty.span()=> ::oneiric::Bind<#ty>) });
    let body = codegen::body(&read.workflow, returns.as_ref(), &mut style);
    let rust = &read.reader.rust;
    let sketch = sketch(read, result.as_ref());
    shell(flow, &quote!(#(#rust)* #body), &sketch)
}

/// The module of a workflow that could not be read, so that what names it finds it.
pub(super) fn unread(flow: &Flow) -> TokenStream {
    let sketch = quote! {
        ::oneiric::__private::Sketch { json: [&[], &[]], form: "", nodes: &[], result: ::core::option::Option::None }
    };
    shell(flow, &TokenStream::new(), &sketch)
}

fn shell(flow: &Flow, body: &TokenStream, sketch: &TokenStream) -> TokenStream {
    let Flow { function, parameters, output } = flow;
    let (vis, attrs, name) = (&function.vis, &function.attrs, &function.sig.ident);
    let text = name.unraw().to_string();
    let about = format!("The workflow `{text}`.");
    let names = parameters.iter().map(|(name, _)| name).collect::<Vec<_>>();
    let types = parameters.iter().map(|(_, ty)| ty).collect::<Vec<_>>();
    let texts = names.iter().map(|name| name.unraw().to_string());
    let checks = types.iter().map(|ty| quote_spanned!(ty.span()=> ::oneiric::__private::parameter::<#ty>()));
    // Not to be confused with a parameter of the user's.
    let engine = Ident::new("engine", Span::mixed_site());
    let run_id = Ident::new("run_id", Span::mixed_site());
    let started =
        quote!(::core::result::Result<::oneiric::flow::Started<#output>, ::oneiric::engine::StartError>);
    let input = quote!(::oneiric::__private::input([#( (#texts, ::oneiric::Json::of(&#names)) ),*]));
    let item_vis = one_down(vis);
    let module_vis = match vis {
        syn::Visibility::Inherited => quote!(pub(self)),
        vis => quote!(#vis),
    };
    quote! {
        #( #attrs )*
        #[allow(unused_imports, dead_code, clippy::get_first)]
        #module_vis mod #name {
            use super::*;

            #[doc = #about]
            #[derive(Clone, Copy, Debug)]
            #item_vis struct Def;

            impl ::oneiric::flow::Flow for Def {
                type Output = #output;
                const NAME: &'static str = #text;
                const SKETCH: ::oneiric::__private::Sketch = #sketch;

                fn build(dag: &::oneiric::Dag) {
                    let _ = dag;
                    #body
                }
            }

            /// Starts a run. Returns when it is on disk.
            #item_vis async fn start(#engine: &::oneiric::Engine, #( #names: #types ),*) -> #started {
                ::oneiric::__private::start::<Def>(#engine, ::core::option::Option::None, #input).await
            }

            /// Starts the run of this id, or joins it if there is one: however often it is called, it runs once.
            #item_vis async fn start_as(
                #engine: &::oneiric::Engine,
                #run_id: impl ::core::convert::Into<::std::string::String>,
                #( #names: #types ),*
            ) -> #started {
                let #run_id = ::core::option::Option::Some(#run_id.into());
                ::oneiric::__private::start::<Def>(#engine, #run_id, #input).await
            }

            const _: () = { #( #checks; )* };
        }
    }
}

/// What a line refers to, by index.
fn resolve(reference: &manifest::Reference, workflow: &plan::Workflow) -> Spanned<Reference> {
    let value = match &reference.root {
        Root::Node(name) => {
            let index = workflow.nodes.iter().position(|node| node.name.as_str() == name);
            let index = index.and_then(|index| u32::try_from(index).ok()).unwrap_or_default();
            Reference::Output(NodeId(index), reference.path.clone())
        }
        Root::Input => Reference::Input(reference.path.clone()),
        Root::RunId => Reference::RunId,
        Root::Item | Root::Secret(_) => unreachable!("code has no words for these"),
    };
    Spanned::new(value, reference.span)
}

/// Code in the place of the user's function, every token of it where the user wrote it.
struct Inline<'a> {
    flow: &'a Flow,
    reader: &'a Reader<'a>,
}

impl Style for Inline<'_> {
    fn path(&self, path: &str) -> TokenStream {
        task(&self.reader.tasks, path)
    }

    fn arguments(&self, path: &TokenStream, arguments: Vec<(Ident, TokenStream)>) -> TokenStream {
        let values = arguments.into_iter().map(|(_, value)| value);
        quote_spanned! { path.span()=> <<#path::Def as ::oneiric::task::Definition>::Args>::new(#(#values),*) }
    }

    fn no_arguments(&self, path: &TokenStream) -> TokenStream {
        let arguments = self.arguments(path, Vec::new());
        quote! { .with(#arguments) }
    }

    fn each_alone(&self, path: &TokenStream, list: &TokenStream) -> TokenStream {
        let arguments = self.arguments(path, Vec::new());
        quote! { .each(#list, |_| #arguments) }
    }

    fn literal(&self, value: &serde_json::Value) -> Option<TokenStream> {
        let value = match value {
            serde_json::Value::Bool(value) => value.to_token_stream(),
            serde_json::Value::String(text) => quote!(::std::string::String::from(#text)),
            serde_json::Value::Number(number) => number.to_string().parse().ok()?,
            _ => return None,
        };
        Some(quote! { ::oneiric::value::constant(#value) })
    }

    fn parameter(&self, name: &str) -> Option<TokenStream> {
        let (_, ty): &(Ident, Type) = self.flow.parameters.iter().find(|(it, _)| it.unraw() == name)?;
        Some(ty.to_token_stream())
    }

    fn span(&self, span: manifest::Span) -> Span {
        self.reader.place(span)
    }

    fn place(&self, span: manifest::Span, tokens: TokenStream) -> TokenStream {
        let mut fields = self.reader.fields(span).iter().peekable();
        let mut after_dot = false;
        let place = self.reader.place(span);
        respan(tokens, &mut |token| {
            token.set_span(place);
            if let TokenTree::Ident(ident) = token
                && after_dot
                && let Some(field) = fields.next_if(|field| **field == *ident)
            {
                ident.set_span(field.span());
            }
            after_dot = matches!(token, TokenTree::Punct(punct) if punct.as_char() == '.');
        })
    }
}

/// The same tokens, each as `each` leaves it.
fn respan(tokens: TokenStream, each: &mut dyn FnMut(&mut TokenTree)) -> TokenStream {
    let mut placed = TokenStream::new();
    for mut token in tokens {
        each(&mut token);
        if let TokenTree::Group(group) = &token {
            let span = group.span();
            token = TokenTree::Group(Group::new(group.delimiter(), respan(group.stream(), each)));
            token.set_span(span);
        }
        placed.extend([token]);
    }
    placed
}

/// The module of a task, as seen from inside the workflow's module. `index` is into `tasks`.
fn task(tasks: &[Path], index: &str) -> TokenStream {
    let Some(path) = index.parse::<usize>().ok().and_then(|index| tasks.get(index)) else {
        return TokenStream::new();
    };
    let first = path.segments.first().map(|segment| segment.ident.to_string()).unwrap_or_default();
    let rest = path.segments.iter().skip(1);
    match &*first {
        "self" => quote!(super #(::#rest)*),
        "super" => quote!(super::#path),
        _ => path.to_token_stream(),
    }
}

/// The definition, with holes where the tasks' own names belong.
fn sketch(read: &Read<'_>, result: Option<&Spanned<Reference>>) -> TokenStream {
    let tasks = &read.reader.tasks;
    let mut workflow = read.workflow.clone();
    workflow.digest = format!("{HOLE}digest{HOLE}");
    for node in &mut workflow.nodes {
        if let Some(undo) = &mut node.undo {
            leave_hole(tasks, &mut undo.does);
        }
        let Some(index) = leave_hole(tasks, &mut node.does) else { continue };
        for (name, _) in node.with.iter_mut().flat_map(|with| &mut with.arguments) {
            name.value = format!("{HOLE}{index}.{}{HOLE}", name.value);
        }
    }

    let json = plan::json::workflow(&workflow).compact();
    let (before, after) = json.split_once(&workflow.digest).unwrap_or((&json, ""));
    let (before, after) = (fill(tasks, before), fill(tasks, after));
    let lines = Line::of(&workflow.nodes);
    let lines = lines.iter().map(|Line { head, path, with, tail, undo }| {
        let path = path.as_ref().map(|path| fill(tasks, path));
        let undo = option(undo.as_ref().map(|path| fill(tasks, path)));
        let with = with.as_ref().map(|with| {
            let with = with.iter().map(|(name, value)| {
                let name = fill(tasks, name);
                quote!((#name #value))
            });
            quote!(&[#(#with),*],)
        });
        let (path, with) = (option(path), option(with));
        quote!(::oneiric::__private::Line { head: #head, path: #path, with: #with, tail: #tail, undo: #undo })
    });
    let form = digest::FORM;
    let result = option(match result.map(|result| &result.value) {
        Some(Reference::Output(node, steps)) => {
            let (node, path) = (workflow.node(*node).name.as_str(), path(steps));
            Some(quote!((#node, #path)))
        }
        _ => None,
    });
    quote! {
        ::oneiric::__private::Sketch {
            json: [&[#before], &[#after]],
            form: #form,
            nodes: &[#(#lines),*],
            result: #result,
        }
    }
}

/// Puts a hole in the place of a function's path, and says which task it stands for.
fn leave_hole(tasks: &[Path], does: &mut Does) -> Option<String> {
    let Does::Run { task, path, .. } = does else { return None };
    let index = path.value.clone();
    let named = index.parse::<usize>().ok().and_then(|index| tasks.get(index)?.segments.last());
    *task = named.map(|last| last.ident.unraw().to_string()).unwrap_or_default();
    path.value = format!("{HOLE}{index}{HOLE}");
    Some(index)
}

/// The pieces of a text, each with a comma, and what rustc is to put into its holes.
fn fill(tasks: &[Path], text: &str) -> TokenStream {
    let pieces = text.split(HOLE).enumerate().filter(|(_, piece)| !piece.is_empty());
    let pieces = pieces.map(|(index, piece)| {
        if index % 2 == 0 {
            return quote!(#piece);
        }
        let (index, argument) = piece.split_once('.').map_or((piece, None), |(index, it)| (index, Some(it)));
        let task = task(tasks, index);
        match argument.and_then(|argument| argument.parse::<usize>().ok()) {
            None => quote!(<#task::Def as ::oneiric::task::Definition>::PATH),
            Some(argument) => {
                let argument = Literal::usize_unsuffixed(argument);
                quote!(::oneiric::__private::argument_name::<#task::Def>(#argument))
            }
        }
    });
    quote!(#(#pieces,)*)
}

/// Steps as the runtime reads them.
fn path(steps: &[Step]) -> String {
    steps.iter().fold(String::new(), |path, step| match step {
        Step::Field(name) if path.is_empty() => name.clone(),
        Step::Field(name) => format!("{path}.{name}"),
        Step::Index(index) => format!("{path}[{index}]"),
    })
}

fn option(tokens: Option<TokenStream>) -> TokenStream {
    tokens.map_or_else(
        || quote!(::core::option::Option::None),
        |tokens| quote!(::core::option::Option::Some(#tokens)),
    )
}
