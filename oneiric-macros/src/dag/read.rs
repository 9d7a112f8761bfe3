//! Reads a function whose body is data flow as a manifest of one workflow.
//!
//! A span in that manifest is an index into a list of places in the Rust source.

use std::collections::HashMap;

use oneiric_build::diagnostic::Diagnostics;
use oneiric_build::manifest::{
    Condition, Expr as Value, Manifest, Node, NodeDoes, OnFailure, Reference, Root, Span, Spanned, Step,
    Task, TaskDoes, Test, With, Workflow,
};
use oneiric_build::plan;
use proc_macro2::{Span as Place, TokenStream};
use syn::ext::IdentExt;
use syn::spanned::Spanned as _;
use syn::{
    Error, Expr, ExprCall, ExprLit, Ident, ItemFn, Lit, Local, Member, Pat, Path, Result, Stmt, Type, UnOp,
};

use super::options::{self, NodeOptions};
use super::refuse;

/// The names that begin a reference to something other than a node.
const RESERVED: [&str; 4] = ["input", "item", "run", "secret"];

/// A function that was read.
pub(super) struct Reader<'f> {
    parameters: &'f [(Ident, Type)],
    nodes: Vec<Node>,
    /// The functions that nodes call. In the manifest, their paths are indices into this.
    pub(super) tasks: Vec<Path>,
    places: Vec<Place>,
    /// The fields that what stands at a span goes through.
    fields: HashMap<Span, Vec<Ident>>,
    /// Rust in node options, which rustc has to accept as well.
    pub(super) rust: Vec<TokenStream>,
    /// Whether `item` is the element of a list.
    has_item: bool,
    /// What the last line says.
    pub(super) result: Option<Reference>,
    errors: Option<Error>,
}

/// The workflow of a function.
pub(super) struct Read<'f> {
    pub(super) reader: Reader<'f>,
    pub(super) workflow: plan::Workflow,
}

/// Limits of a whole run.
#[derive(Default)]
pub(super) struct Limits {
    pub(super) timeout: Option<std::time::Duration>,
    pub(super) max_parallel: Option<u32>,
}

/// The workflow of `function`, judged by the same rules as a manifest's.
pub(super) fn read<'f>(
    function: &ItemFn,
    parameters: &'f [(Ident, Type)],
    description: Option<String>,
    limits: &Limits,
) -> Result<Read<'f>> {
    let mut reader = Reader {
        parameters,
        nodes: Vec::new(),
        tasks: Vec::new(),
        places: Vec::new(),
        fields: HashMap::new(),
        rust: Vec::new(),
        has_item: false,
        result: None,
        errors: None,
    };
    let last = function.block.stmts.len().saturating_sub(1);
    for (index, stmt) in function.block.stmts.iter().enumerate() {
        if let Err(error) = reader.stmt(stmt, index == last) {
            reader.fail(error);
        }
    }
    if let Some(errors) = reader.errors.take() {
        return Err(errors);
    }
    let name = reader.spanned(function.sig.ident.unraw().to_string(), function.sig.ident.span());
    let manifest = reader.manifest(name, description, limits);
    match oneiric_build::check_manifest(&manifest, Diagnostics::default()) {
        Ok((mut plan, _)) => Ok(Read { workflow: plan.workflows.remove(0), reader }),
        Err(faults) => {
            for fault in &faults {
                let mut message = fault.message.clone();
                for more in fault.notes.iter().chain(&fault.help) {
                    message.push_str(": ");
                    message.push_str(more);
                }
                reader.fail(Error::new(reader.place(fault.primary.span), message));
            }
            Err(reader.errors.unwrap_or_else(|| Error::new(Place::call_site(), "this is not a workflow")))
        }
    }
}

impl Reader<'_> {
    /// Where a span of the manifest is in the Rust source.
    pub(super) fn place(&self, span: Span) -> Place {
        self.places.get(span.start).copied().unwrap_or_else(Place::call_site)
    }

    /// The fields that what stands at a span goes through.
    pub(super) fn fields(&self, span: Span) -> &[Ident] {
        self.fields.get(&span).map_or(&[], Vec::as_slice)
    }

    fn fail(&mut self, error: Error) {
        match &mut self.errors {
            Some(errors) => errors.combine(error),
            none => *none = Some(error),
        }
    }

    fn spanned<T>(&mut self, value: T, place: Place) -> Spanned<T> {
        let index = self.places.len();
        self.places.push(place);
        Spanned::new(value, Span::new(index, index + 1))
    }

    fn manifest(&mut self, name: Spanned<String>, description: Option<String>, limits: &Limits) -> Manifest {
        let tasks = self.tasks.clone();
        let tasks: Vec<Task> = tasks
            .iter()
            .enumerate()
            .map(|(index, path)| {
                let index = self.spanned(index.to_string(), path.span());
                Task { does: Some(TaskDoes::Run(index.clone())), ..Task::named(index) }
            })
            .collect();
        let workflow = Workflow {
            description,
            timeout: limits.timeout.map(|timeout| Spanned::new(timeout, name.span)),
            max_parallel: limits.max_parallel,
            nodes: Some(std::mem::take(&mut self.nodes)),
            ..Workflow::named(name.clone())
        };
        Manifest {
            tasks: Some(tasks),
            workflows_at: name.span,
            workflows: Some(vec![workflow]),
            name,
            ..Manifest::default()
        }
    }

    fn stmt(&mut self, stmt: &Stmt, last: bool) -> Result<()> {
        match stmt {
            Stmt::Local(local) => self.local(local),
            Stmt::Expr(expr @ (Expr::Path(_) | Expr::Field(_) | Expr::Index(_)), None) if last => {
                let result = self.reference(expr)?;
                if result.root == Root::Input {
                    let message = "a workflow returns what a node made, and this is a parameter";
                    return Err(Error::new_spanned(expr, message));
                }
                self.result = Some(result);
                Ok(())
            }
            Stmt::Expr(expr, semicolon) => {
                let (call, options) = options::split(expr)?;
                let name = called(call)?;
                if self.is_known(&name) {
                    let message =
                        format!("there is a `{name}` already: name this node with `let other = …;`");
                    return Err(Error::new(name.span(), message));
                }
                self.node(&name, call, options)?;
                if last && semicolon.is_none() {
                    let place = self.spanned((), name.span());
                    let root = Root::Node(name.unraw().to_string());
                    self.result = Some(Reference { span: place.span, root, path: Vec::new() });
                }
                Ok(())
            }
            other => Err(refuse::stmt(other)),
        }
    }

    /// `let name = task(arguments).option();`
    fn local(&mut self, local: &Local) -> Result<()> {
        let name = match &local.pat {
            Pat::Ident(pat) => {
                if let Some(token) = &pat.mutability {
                    return Err(Error::new_spanned(
                        token,
                        "leave out the `mut`: a node's output does not change",
                    ));
                }
                if let Some(token) = &pat.by_ref {
                    return Err(Error::new_spanned(
                        token,
                        "leave out the `ref`: each use of a node gets a copy",
                    ));
                }
                &pat.ident
            }
            Pat::Type(pat) => {
                return Err(Error::new_spanned(&pat.ty, "leave out the type: it is what the task returns"));
            }
            Pat::Wild(pat) => {
                return Err(Error::new_spanned(pat, "leave out the `let _ =`: a call alone is a node too"));
            }
            other => {
                return Err(Error::new_spanned(
                    other,
                    "a node has one name: use its fields where they are needed",
                ));
            }
        };
        let Some(init) = &local.init else {
            return Err(Error::new_spanned(
                local,
                "a node is made where it is named: `let name = task(arguments);`",
            ));
        };
        if let Some((token, _)) = &init.diverge {
            return Err(Error::new_spanned(token, "a workflow has no `else`: let a task decide"));
        }
        if self.is_known(name) {
            let message = format!("there is a `{name}` already: each node has a name of its own");
            return Err(Error::new(name.span(), message));
        }
        let (call, options) = match options::split(&init.expr) {
            Ok(split) => split,
            Err(error) => {
                // It is known all the same, so that its uses are no faults as well.
                self.declare(name);
                return Err(error);
            }
        };
        let node = self.node(name, call, options);
        if node.is_err() {
            self.declare(name);
        }
        node
    }

    /// A node of which nothing is known but its name.
    fn declare(&mut self, name: &Ident) {
        let name = self.spanned(name.unraw().to_string(), name.span());
        self.nodes.push(Node::named(name));
    }

    fn node(&mut self, name: &Ident, call: &ExprCall, options: NodeOptions) -> Result<()> {
        let text = name.unraw().to_string();
        if RESERVED.contains(&&*text) {
            return Err(Error::new(
                name.span(),
                format!("`{text}` is a reserved name: call the node `{text}_node`"),
            ));
        }
        let for_each = match &options.each {
            Some(list) => {
                let reference = self.reference(list)?;
                let span = reference.span;
                Some(Spanned::new(reference, span))
            }
            None => None,
        };
        if let (None, Some((_, option))) = (&for_each, &options.max_parallel) {
            let message = "only a node with `.each(list)` has several instances at once";
            return Err(Error::new(option.span(), message));
        }
        let (does, with) = if let Some(time) = wait(call) {
            if options.retry.is_some() || options.timeout.is_some() {
                return Err(Error::new(name.span(), "a wait cannot fail: leave out `retry` and `timeout`"));
            }
            if for_each.is_some() || options.compensate.is_some() {
                let message = "a wait does nothing: leave out `each` and `compensate`";
                return Err(Error::new(name.span(), message));
            }
            self.rust.push(quote::quote!(let _: ::core::time::Duration = #time;));
            (NodeDoes::Wait(self.spanned(options::duration(time)?, time.span())), None)
        } else {
            self.has_item = for_each.is_some();
            let task = self.task(call);
            self.has_item = false;
            task?
        };
        let mut when = Vec::new();
        for (condition, expected) in &options.when {
            let reference = self.reference(condition)?;
            let span = reference.span;
            let tests = vec![Spanned::new(Test::AnyOf(vec![(*expected).into()]), span)];
            when.push(Condition { reference, tests });
        }
        let compensate = options.compensate.as_ref().map(|path| {
            let index = self.task_index(path);
            self.spanned(index.to_string(), path.span())
        });
        let mut depends_on = Vec::new();
        for other in &options.after {
            if !self.is_node(other) {
                return Err(Error::new(other.span(), format!("there is no node `{other}` above")));
            }
            depends_on.push(self.spanned(other.unraw().to_string(), other.span()));
        }
        self.rust.extend(options.rust);
        let node = Node {
            does: Some(does),
            with,
            depends_on,
            retry: options.retry.map(|retry| self.spanned(retry, name.span())),
            timeout: options.timeout.map(|timeout| self.spanned(timeout, name.span())),
            on_failure: if options.continues { OnFailure::Continue } else { OnFailure::Fail },
            when,
            for_each,
            max_parallel: options.max_parallel.map(|(most, _)| most),
            compensate,
            ..Node::named(self.spanned(text, name.span()))
        };
        self.nodes.push(node);
        Ok(())
    }

    fn task(&mut self, call: &ExprCall) -> Result<(NodeDoes, Option<With>)> {
        let Expr::Path(function) = &*call.func else { return Err(refuse::expr(&call.func)) };
        called(call)?;
        let index = self.task_index(&function.path);
        let does = NodeDoes::Task(self.spanned(index.to_string(), function.path.span()));
        let mut arguments = Vec::new();
        let mut errors: Option<Error> = None;
        for (index, argument) in call.args.iter().enumerate() {
            match self.argument(argument) {
                Ok(value) => {
                    let name = self.spanned(index.to_string(), argument.span());
                    let value = match &value {
                        // What is known of a reference is known of the argument that it is.
                        Value::Reference(reference) => Spanned::new(value.clone(), reference.span),
                        _ => self.spanned(value, argument.span()),
                    };
                    arguments.push((name, value));
                }
                Err(error) => match &mut errors {
                    Some(errors) => errors.combine(error),
                    none => *none = Some(error),
                },
            }
        }
        if let Some(errors) = errors {
            return Err(errors);
        }
        let span = does_span(&does);
        // Like a manifest's node without `with`: a function of no arguments is given none.
        let with = (!arguments.is_empty()).then_some(With { key: span, span, arguments });
        Ok((does, with))
    }

    /// Where a function is among those that nodes call.
    fn task_index(&mut self, function: &Path) -> usize {
        let known = self.tasks.iter().position(|path| same(path, function));
        known.unwrap_or_else(|| {
            self.tasks.push(function.clone());
            self.tasks.len() - 1
        })
    }

    fn argument(&mut self, expr: &Expr) -> Result<Value> {
        match expr {
            Expr::Paren(inner) => self.argument(&inner.expr),
            Expr::Group(inner) => self.argument(&inner.expr),
            Expr::Lit(literal) => Ok(Value::Literal(json(literal, false)?)),
            Expr::Unary(unary) if matches!(unary.op, UnOp::Neg(_)) => match &*unary.expr {
                Expr::Lit(literal) => Ok(Value::Literal(json(literal, true)?)),
                _ => Err(refuse::expr(expr)),
            },
            _ => self.reference(expr).map(Value::Reference),
        }
    }

    /// A node, a parameter, or a part of one.
    fn reference(&mut self, expr: &Expr) -> Result<Reference> {
        let mut path = Vec::new();
        let mut fields = Vec::new();
        let mut rest = expr;
        let root = loop {
            match rest {
                Expr::Field(field) => {
                    let Member::Named(name) = &field.member else {
                        let message = "a field is used by name: let the task return a struct with names";
                        return Err(Error::new_spanned(&field.member, message));
                    };
                    path.push(Step::Field(name.unraw().to_string()));
                    fields.push(name.clone());
                    rest = &field.base;
                }
                Expr::Index(index) => {
                    let Expr::Lit(ExprLit { lit: Lit::Int(number), .. }) = &*index.index else {
                        let message = "an index is a number here: let a task choose the element";
                        return Err(Error::new_spanned(&index.index, message));
                    };
                    path.push(Step::Index(number.base10_parse()?));
                    rest = &index.expr;
                }
                Expr::Path(name) if name.path.get_ident().is_some() => break &name.path,
                other => return Err(refuse::expr(other)),
            }
        };
        path.reverse();
        fields.reverse();
        let Some(name) = root.get_ident() else { return Err(refuse::expr(rest)) };
        let span = self.spanned((), expr.span()).span;
        self.fields.insert(span, fields);
        if self.has_item && name == "item" {
            return Ok(Reference { span, root: Root::Item, path });
        }
        if self.is_node(name) {
            return Ok(Reference { span, root: Root::Node(name.unraw().to_string()), path });
        }
        if self.parameters.iter().any(|(parameter, _)| parameter == name) {
            path.insert(0, Step::Field(name.unraw().to_string()));
            return Ok(Reference { span, root: Root::Input, path });
        }
        let message = format!("`{name}` is neither a node above nor a parameter of the workflow");
        Err(Error::new(name.span(), message))
    }

    fn is_node(&self, name: &Ident) -> bool {
        let name = name.unraw();
        self.nodes.iter().any(|node| name == node.name.as_str())
    }

    fn is_known(&self, name: &Ident) -> bool {
        self.is_node(name) || self.parameters.iter().any(|(parameter, _)| parameter == name)
    }
}

/// The function that a call names, which has to be plain enough to be a task's.
fn called(call: &ExprCall) -> Result<Ident> {
    let Expr::Path(function) = &*call.func else { return Err(refuse::expr(&call.func)) };
    let generic = function.path.segments.iter().find(|segment| !segment.arguments.is_empty());
    match (function.path.segments.last(), generic, &function.qself) {
        (Some(last), None, None) => Ok(last.ident.clone()),
        _ => Err(Error::new_spanned(function, "a task has no generic parameters: name the function alone")),
    }
}

/// The time of an `oneiric::wait(time)`.
fn wait(call: &ExprCall) -> Option<&Expr> {
    let Expr::Path(function) = &*call.func else { return None };
    let segments = function.path.segments.iter().map(|segment| segment.ident.to_string()).collect::<Vec<_>>();
    (segments == ["oneiric", "wait"] && call.args.len() == 1).then(|| &call.args[0])
}

fn does_span(does: &NodeDoes) -> Span {
    match does {
        NodeDoes::Task(name) | NodeDoes::Action(name) | NodeDoes::Workflow(name) => name.span,
        NodeDoes::Wait(time) => time.span,
    }
}

fn same(a: &Path, b: &Path) -> bool {
    quote::quote!(#a).to_string() == quote::quote!(#b).to_string()
}

/// A literal as JSON.
fn json(literal: &ExprLit, negative: bool) -> Result<serde_json::Value> {
    let value = match &literal.lit {
        Lit::Int(number) if negative => number.base10_parse::<i64>().map(|number| (-number).into())?,
        Lit::Int(number) => number.base10_parse::<u64>()?.into(),
        Lit::Float(number) => {
            let number = number.base10_parse::<f64>()?;
            (if negative { -number } else { number }).into()
        }
        Lit::Str(text) if !negative => text.value().into(),
        Lit::Bool(value) if !negative => value.value.into(),
        other => {
            return Err(Error::new_spanned(
                other,
                "an argument is text, a number, `true` or `false`: let a task make it",
            ));
        }
    };
    Ok(value)
}
