//! Rust that is not data flow: what to write instead, said at the exact token.

use proc_macro2::Span;
use syn::spanned::Spanned;
use syn::{Error, Expr, Stmt};

/// Why an expression is no part of a workflow.
pub(super) fn expr(expr: &Expr) -> Error {
    let (span, message): (Span, &str) = match expr {
        Expr::If(it) => (
            it.if_token.span,
            "a workflow has no `if`: say `.when(node.flag)` after a task, or let a task decide",
        ),
        Expr::Match(it) => {
            (it.match_token.span, "a workflow has no `match`: let a task decide and return what comes of it")
        }
        Expr::ForLoop(it) => (
            it.for_token.span,
            "a workflow has no loops: say `.each(node.list)` after a task, or let a task go through the list",
        ),
        Expr::While(it) => {
            (it.while_token.span, "a workflow has no loops: let a task go on until it is done")
        }
        Expr::Loop(it) => (it.loop_token.span, "a workflow has no loops: let a task go on until it is done"),
        Expr::Break(it) => {
            (it.break_token.span, "a workflow has no loops: let a task go on until it is done")
        }
        Expr::Continue(it) => {
            (it.continue_token.span, "a workflow has no loops: let a task go on until it is done")
        }
        Expr::Try(it) => (
            it.question_token.span(),
            "leave out the `?`: a node that fails ends the run, unless it says `.or_continue()`",
        ),
        Expr::Await(it) => {
            (it.await_token.span, "leave out the `.await`: a node begins as soon as what it uses is there")
        }
        Expr::Return(it) => {
            (it.return_token.span, "leave out the `return`: the last line is what the workflow returns")
        }
        Expr::Closure(it) => (it.inputs_begin.span, "a workflow has no closures: make a task of it"),
        Expr::Macro(it) => (it.mac.path.span(), "a workflow calls no macros: let a task do this"),
        Expr::Assign(it) => {
            (it.eq_token.span, "nothing is assigned twice: give each node a name of its own with `let`")
        }
        Expr::Reference(it) => {
            (it.and_token.span, "leave out the `&`: a task owns its arguments, and each use gets a copy")
        }
        Expr::Binary(it) => (it.op.span(), "a workflow does not compute: let a task do this"),
        Expr::Unary(it) => (it.op.span(), "a workflow does not compute: let a task do this"),
        Expr::Cast(it) => (it.as_token.span, "a workflow does not convert: let a task do this"),
        Expr::MethodCall(it) if matches!(&*it.method.to_string(), "clone" | "to_owned") => {
            (it.method.span(), "leave it out: each use of a node gets a copy of its output")
        }
        Expr::MethodCall(it) => {
            (it.method.span(), "a workflow calls no methods of values: let a task do this")
        }
        Expr::Call(it) => {
            (it.func.span(), "give this call a name first: `let name = …;`, and use the name here")
        }
        Expr::Async(it) => (it.async_token.span, "nodes stand directly in the function: leave out the block"),
        Expr::Block(it) => {
            (it.block.brace_token.span.open(), "nodes stand directly in the function: leave out the block")
        }
        Expr::Unsafe(it) => {
            (it.unsafe_token.span, "nodes stand directly in the function: leave out the block")
        }
        Expr::Tuple(_) | Expr::Array(_) | Expr::Repeat(_) | Expr::Struct(_) | Expr::Range(_) => {
            (expr.span(), "a workflow does not put values together: let a task do this")
        }
        Expr::Path(it) if it.path.get_ident().is_none() => {
            (expr.span(), "a workflow names no constants: write the value, or make it a parameter")
        }
        _ => (expr.span(), "this is not data flow: a line is `let name = task(arguments);`"),
    };
    Error::new(span, message)
}

/// Why a statement is no part of a workflow.
pub(super) fn stmt(stmt: &Stmt) -> Error {
    let message = match stmt {
        Stmt::Item(_) => "a workflow holds nodes only: move this out of the function",
        Stmt::Macro(it) => {
            return Error::new_spanned(&it.mac.path, "a workflow calls no macros: let a task do this");
        }
        _ => "this is not data flow: a line is `let name = task(arguments);`",
    };
    Error::new_spanned(stmt, message)
}
