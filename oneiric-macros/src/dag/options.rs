//! The options of a node, each a method after its call.

use std::time::Duration;

use oneiric_build::manifest::Retry;
use proc_macro2::TokenStream;
use quote::quote;
use syn::{Error, Expr, ExprCall, ExprLit, ExprMethodCall, Ident, Lit, Path, Result, UnOp};

use super::refuse;
use crate::options::{count, ratio};

/// What the methods after a call say.
#[derive(Default)]
pub(super) struct NodeOptions {
    pub(super) retry: Option<Retry>,
    pub(super) timeout: Option<Duration>,
    pub(super) after: Vec<Ident>,
    pub(super) continues: bool,
    /// Values that have to be true, or false where they are negated.
    pub(super) when: Vec<(Expr, bool)>,
    /// The list that it has an instance for each element of.
    pub(super) each: Option<Expr>,
    pub(super) max_parallel: Option<(u32, Ident)>,
    /// The task that undoes it.
    pub(super) compensate: Option<Path>,
    /// The Rust in them, for rustc to judge whether it means what the plan says it does.
    pub(super) rust: Vec<TokenStream>,
}

/// The call that `expr` begins with, and its options.
pub(super) fn split(expr: &Expr) -> Result<(&ExprCall, NodeOptions)> {
    let mut methods = Vec::new();
    let mut rest = expr;
    let call = loop {
        match rest {
            Expr::MethodCall(method) => {
                methods.push(method);
                rest = &method.receiver;
            }
            Expr::Paren(inner) => rest = &inner.expr,
            Expr::Group(inner) => rest = &inner.expr,
            Expr::Call(call) => break call,
            Expr::Path(_) | Expr::Field(_) | Expr::Lit(_) | Expr::Index(_) => {
                return Err(Error::new_spanned(
                    rest,
                    "a node is the call of a task: `let name = task(arguments);`",
                ));
            }
            other => return Err(refuse::expr(other)),
        }
    };
    let mut options = NodeOptions::default();
    let mut seen: Vec<&Ident> = Vec::new();
    for method in methods.into_iter().rev() {
        if method.method != "after" && method.method != "when" && seen.contains(&&method.method) {
            return Err(Error::new(method.method.span(), "this option stands twice"));
        }
        seen.push(&method.method);
        options.add(method)?;
    }
    Ok((call, options))
}

impl NodeOptions {
    fn add(&mut self, method: &ExprMethodCall) -> Result<()> {
        let arguments = method.args.iter().collect::<Vec<_>>();
        let name = method.method.to_string();
        match (&*name, &*arguments) {
            ("retry", [policy]) => {
                self.retry = Some(retry(policy)?);
                if !matches!(policy, Expr::Lit(_)) {
                    self.rust.push(quote!(let _: ::oneiric::Retry = #policy;));
                }
            }
            ("timeout", [time]) => {
                let timeout = duration(time)?;
                if timeout.is_zero() {
                    return Err(Error::new_spanned(time, "a timeout of zero would fail every time"));
                }
                self.timeout = Some(timeout);
                self.rust.push(quote!(let _: ::core::time::Duration = #time;));
            }
            ("after", [Expr::Array(nodes)]) => {
                for node in &nodes.elems {
                    self.after.push(reference(node)?);
                }
            }
            ("after", [node]) => self.after.push(reference(node)?),
            ("or_continue", []) => self.continues = true,
            ("retry", _) => {
                return Err(Error::new_spanned(method, "write `.retry(3)`, or `.retry(Retry::attempts(3))`"));
            }
            ("timeout", _) => return Err(Error::new_spanned(method, "write `.timeout(secs(30))`")),
            ("after", _) => {
                return Err(Error::new_spanned(method, "write `.after(&node)`, or `.after([&one, &two])`"));
            }
            ("or_continue", _) => {
                return Err(Error::new_spanned(&method.args, "`.or_continue()` takes no argument"));
            }
            ("when", [Expr::Unary(not)]) if matches!(not.op, UnOp::Not(_)) => {
                self.when.push(((*not.expr).clone(), false));
            }
            ("when", [condition]) => self.when.push(((*condition).clone(), true)),
            ("each", [list]) => self.each = Some((*list).clone()),
            ("max_parallel", [most]) => self.max_parallel = Some((count(most)?, method.method.clone())),
            ("compensate", [Expr::Path(task)]) => self.compensate = Some(task.path.clone()),
            ("when", _) => {
                return Err(Error::new_spanned(method, "write `.when(node.flag)`, or `.when(!node.flag)`"));
            }
            ("each", _) => {
                return Err(Error::new_spanned(method, "write `.each(node.list)`; `item` is the element"));
            }
            ("max_parallel", _) => return Err(Error::new_spanned(method, "write `.max_parallel(8)`")),
            ("compensate", _) => {
                return Err(Error::new_spanned(
                    method,
                    "write `.compensate(task)`, with the task's name alone",
                ));
            }
            _ => {
                let message = format!(
                    "a node has no option `{name}`; it has `retry`, `timeout`, `after`, `when`, `each`, \
                     `max_parallel`, `compensate` and `or_continue`"
                );
                return Err(Error::new(method.method.span(), message));
            }
        }
        Ok(())
    }
}

/// `&node`
fn reference(node: &Expr) -> Result<Ident> {
    if let Expr::Reference(reference) = node
        && let Expr::Path(path) = &*reference.expr
        && let Some(name) = path.path.get_ident()
    {
        return Ok(name.clone());
    }
    Err(Error::new_spanned(node, "write `.after(&node)`, or `.after([&one, &two])`"))
}

/// `3`, or `Retry::attempts(3).base_delay(secs(1))`
fn retry(policy: &Expr) -> Result<Retry> {
    const FORM: &str = "write `.retry(3)`, or `.retry(Retry::attempts(3).base_delay(secs(1)))`";
    match policy {
        Expr::Lit(_) => {
            Ok(Retry { attempts: count(policy)?, base_delay: None, max_delay: None, jitter: None })
        }
        Expr::Call(call) if is_call(call, "Retry", "attempts") && call.args.len() == 1 => {
            retry(&call.args[0])
        }
        Expr::MethodCall(method) if method.args.len() == 1 => {
            let mut retry = retry(&method.receiver)?;
            match &*method.method.to_string() {
                "base_delay" => retry.base_delay = Some(duration(&method.args[0])?),
                "max_delay" => retry.max_delay = Some(duration(&method.args[0])?),
                "jitter" => retry.jitter = Some(ratio(&method.args[0])?),
                _ => return Err(Error::new(method.method.span(), FORM)),
            }
            Ok(retry)
        }
        other => Err(Error::new_spanned(other, FORM)),
    }
}

/// `secs(30)` and its like.
pub(super) fn duration(time: &Expr) -> Result<Duration> {
    let form = || {
        Error::new_spanned(
            time,
            "the plan shows this time, so write it out: `secs(30)`, `mins(5)` or `hours(1)`",
        )
    };
    let Expr::Call(call) = time else { return Err(form()) };
    let (Expr::Path(function), [Expr::Lit(ExprLit { lit: Lit::Int(number), .. })]) =
        (&*call.func, &*call.args.iter().cloned().collect::<Vec<_>>())
    else {
        return Err(form());
    };
    let unit = function.path.segments.last().map(|last| last.ident.to_string()).unwrap_or_default();
    let millis = match &*unit {
        "millis" | "from_millis" => 1,
        "secs" | "from_secs" => 1_000,
        "mins" | "from_mins" => 60_000,
        "hours" | "from_hours" => 3_600_000,
        _ => return Err(form()),
    };
    let time = number.base10_parse::<u64>()?.checked_mul(millis);
    time.map(Duration::from_millis)
        .ok_or_else(|| Error::new_spanned(number, "this is longer than time goes on"))
}

/// Whether a call is of `ty::function`, by whatever path.
fn is_call(call: &ExprCall, ty: &str, function: &str) -> bool {
    let Expr::Path(path) = &*call.func else { return false };
    let mut last = path.path.segments.iter().rev();
    last.next().is_some_and(|it| it.ident == function) && last.next().is_some_and(|it| it.ident == ty)
}
