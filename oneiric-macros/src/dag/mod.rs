//! `#[oneiric::dag]`: a function whose body is data flow becomes a workflow, through the same plan and the same code as
//! one of a manifest.
//!
//! The function itself is never called. In its place stands a module of its name, with what declares the nodes, and typed
//! starts.

mod emit;
mod options;
mod read;
mod refuse;

use proc_macro2::TokenStream;
use quote::quote;
use syn::{Error, Expr, Ident, ItemFn, Lit, Meta, Result, ReturnType, Type, parse_quote};

use self::read::Limits;
use crate::options::Options;
use crate::signature::{Form, is_result};

/// What a workflow looks like.
const FORM: Form = Form {
    noun: "a workflow",
    form: "a workflow is a function such as `pub async fn fulfil(order_id: OrderId) -> Receipt`",
};

/// A function with the signature of a workflow.
struct Flow {
    function: ItemFn,
    parameters: Vec<(Ident, Type)>,
    output: Type,
}

/// The module in place of the function.
pub(crate) fn expand(options: TokenStream, item: &TokenStream) -> TokenStream {
    let function = match syn::parse2::<ItemFn>(item.clone()) {
        Ok(function) => function,
        Err(error) => {
            let message = format!("only a function can be a workflow: {}", FORM.form);
            let error = Error::new(error.span(), message).into_compile_error();
            return quote!(#item #error);
        }
    };
    let flow = match Flow::of(function) {
        Ok(flow) => flow,
        Err(error) => return error.into_compile_error(),
    };
    let read = limits(options).and_then(|limits| {
        read::read(&flow.function, &flow.parameters, flow.description(), &limits).and_then(|read| {
            if read.reader.result.is_none()
                && !matches!(&flow.output, Type::Tuple(unit) if unit.elems.is_empty())
            {
                let message =
                    "the last line is what the workflow returns: leave out its semicolon, or the type here";
                return Err(Error::new_spanned(&flow.output, message));
            }
            Ok(read)
        })
    });
    match read {
        Ok(read) => emit::module(&flow, &read),
        Err(error) => {
            let module = emit::unread(&flow);
            let error = error.into_compile_error();
            quote!(#module #error)
        }
    }
}

fn limits(options: TokenStream) -> Result<Limits> {
    let options = Options::parse(options, &["timeout", "max_parallel"])?;
    Ok(Limits { timeout: options.timeout()?, max_parallel: options.count("max_parallel")? })
}

impl Flow {
    fn of(function: ItemFn) -> Result<Self> {
        let (_, parameters) = FORM.parameters(&function.sig, |_| false)?;
        let output = match &function.sig.output {
            ReturnType::Default => parse_quote!(()),
            ReturnType::Type(_, ty) if is_result(ty) => {
                let message =
                    "a workflow returns what its last task does when it succeeds: write that type alone";
                return Err(Error::new_spanned(ty, message));
            }
            ReturnType::Type(_, ty) => (**ty).clone(),
        };
        Ok(Self { function, parameters, output })
    }

    /// The text of its documentation.
    fn description(&self) -> Option<String> {
        let lines = self.function.attrs.iter().filter_map(|attribute| match &attribute.meta {
            Meta::NameValue(doc) if doc.path.is_ident("doc") => match &doc.value {
                Expr::Lit(literal) => match &literal.lit {
                    Lit::Str(text) => Some(text.value().trim().to_owned()),
                    _ => None,
                },
                _ => None,
            },
            _ => None,
        });
        let text = lines.collect::<Vec<_>>().join("\n");
        (!text.trim().is_empty()).then(|| text.trim().to_owned())
    }
}
