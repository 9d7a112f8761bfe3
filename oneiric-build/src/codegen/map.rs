//! From a place in the generated text back to the manifest.
//!
//! The map is read off the text itself: whatever rustc points at was parsed here first.

use std::collections::HashMap;

use proc_macro2::{LineColumn, Span as TokenSpan};
use syn::spanned::Spanned as _;
use syn::visit::{self, Visit};

use super::names;
use crate::manifest::Span;
use crate::plan::{Does, Node, Plan, Workflow};

/// What a piece of generated code stands for.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Part {
    /// The node as a whole.
    Node,
    /// The Rust function it calls.
    Function,
    /// Its arguments taken together.
    Arguments,
    /// The name of its argument of this index.
    Name(usize),
    /// The value of its argument of this index.
    Value(usize),
}

/// A node, and the part of it that a piece of code stands for.
#[derive(Clone, Copy, Debug)]
pub struct Origin<'a> {
    /// The workflow the node is in.
    pub workflow: &'a Workflow,
    /// The node.
    pub node: &'a Node,
    /// Which part of it.
    pub part: Part,
}

impl Origin<'_> {
    /// Where that part is written in the manifest.
    pub fn span(&self) -> Span {
        let argument = |index: usize| self.node.with.as_ref().map(|with| &with.arguments[index]);
        let span = match (self.part, &self.node.does) {
            (Part::Function, Does::Run { path, .. }) => Some(path.span),
            (Part::Name(index), _) => argument(index).map(|(name, _)| name.span),
            (Part::Value(index), _) => argument(index).map(|(_, value)| value.span),
            (Part::Node | Part::Arguments | Part::Function, _) => None,
        };
        span.unwrap_or(self.node.name.span)
    }

    /// The name of the argument that it is, or is the value of.
    pub fn argument(&self) -> Option<&str> {
        match self.part {
            Part::Name(index) | Part::Value(index) => {
                self.node.with.as_ref().map(|with| with.arguments[index].0.value.as_str())
            }
            Part::Node | Part::Function | Part::Arguments => None,
        }
    }
}

/// Every piece of a generated text that stands for something in the manifest.
#[derive(Debug)]
pub struct Map<'a> {
    pieces: Vec<(LineColumn, LineColumn, Origin<'a>)>,
}

impl<'a> Map<'a> {
    /// Reads `text`, which was generated from `plan`.
    pub fn new(text: &str, plan: &'a Plan) -> Self {
        let mut reader = Reader {
            workflows: names::functions(plan).iter().map(ToString::to_string).zip(&plan.workflows).collect(),
            workflow: None,
            pieces: Vec::new(),
        };
        if let Ok(file) = syn::parse_file(text) {
            reader.visit_file(&file);
        }
        Self { pieces: reader.pieces }
    }

    /// What the smallest piece around this place stands for. Lines and columns count from 1, columns in characters, as
    /// rustc counts them.
    pub fn find(&self, line: usize, column: usize) -> Option<Origin<'a>> {
        let place = LineColumn { line, column: column.saturating_sub(1) };
        self.pieces
            .iter()
            .filter(|(start, end, _)| (*start..*end).contains(&place))
            .max_by_key(|(start, end, _)| (*start, std::cmp::Reverse(*end)))
            .map(|(_, _, origin)| *origin)
    }
}

struct Reader<'a> {
    workflows: HashMap<String, &'a Workflow>,
    workflow: Option<(&'a Workflow, HashMap<&'a str, &'a Node>)>,
    pieces: Vec<(LineColumn, LineColumn, Origin<'a>)>,
}

impl<'a> Reader<'a> {
    fn add(&mut self, span: TokenSpan, node: &'a Node, part: Part) {
        if let Some((workflow, _)) = &self.workflow {
            self.pieces.push((span.start(), span.end(), Origin { workflow, node, part }));
        }
    }

    /// A node's statement is one chain of calls; its root names the node, one link has the arguments.
    fn chain(&mut self, whole: &syn::Expr) -> Option<()> {
        let mut links = Vec::new();
        let mut rest = whole;
        while let syn::Expr::MethodCall(call) = rest {
            links.push(call);
            rest = &call.receiver;
        }
        let root = links.pop()?;
        let name = match root.args.first()? {
            syn::Expr::Lit(syn::ExprLit { lit: syn::Lit::Str(name), .. }) => name.value(),
            _ => return None,
        };
        let node = *self.workflow.as_ref()?.1.get(name.as_str())?;
        self.add(whole.span(), node, Part::Node);
        if let Some(function) = root.args.get(1).filter(|_| root.method == "task") {
            self.add(function.span(), node, Part::Function);
        }
        if let Some(with) = links.iter().find(|call| call.method == "with") {
            self.arguments(with.args.first()?, node);
        }
        if let Some(with) = links.iter().find(|call| call.method == "with_input") {
            self.add(with.method.span(), node, Part::Arguments);
        }
        Some(())
    }

    fn arguments(&mut self, arguments: &syn::Expr, node: &'a Node) {
        self.add(arguments.span(), node, Part::Arguments);
        match arguments {
            syn::Expr::Struct(fields) => {
                for (index, field) in fields.fields.iter().enumerate() {
                    self.add(field.member.span(), node, Part::Name(index));
                    self.add(field.expr.span(), node, Part::Value(index));
                }
            }
            syn::Expr::Call(object) => {
                let Some(syn::Expr::Array(members)) = object.args.first() else { return };
                for (index, member) in members.elems.iter().enumerate() {
                    self.add(member.span(), node, Part::Value(index));
                }
            }
            _ => {}
        }
    }
}

impl<'ast> Visit<'ast> for Reader<'_> {
    fn visit_item_fn(&mut self, function: &'ast syn::ItemFn) {
        self.workflow = self.workflows.get(&function.sig.ident.to_string()).map(|workflow| {
            let nodes = workflow.nodes.iter().map(|node| (node.name.value.as_str(), node)).collect();
            (*workflow, nodes)
        });
        visit::visit_item_fn(self, function);
    }

    fn visit_stmt(&mut self, statement: &'ast syn::Stmt) {
        match statement {
            syn::Stmt::Expr(expr, _) => self.chain(expr),
            syn::Stmt::Local(local) => local.init.as_ref().and_then(|init| self.chain(&init.expr)),
            syn::Stmt::Item(_) | syn::Stmt::Macro(_) => None,
        };
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const MANIFEST: &str = r#"
oneiric: 1
name: shop
package: shop
tasks:
  charge: { run: "shop::charge" }
  report: { exec: [cat] }
workflows:
  first:
    nodes:
      payment: { task: charge, with: { order: 1, region: "${input.region}" }, timeout: 5s }
      report: { task: report, with: { paid: "${payment}" } }
      bare: { task: charge }
  second:
    nodes:
      payment: { task: charge, with: { order: 2 } }
"#;

    /// The manifest's text for the place where `needle` stands in the generated text, `nth` counting from 0.
    fn origin(needle: &str, nth: usize) -> &'static str {
        let (plan, _) = crate::check(MANIFEST).unwrap();
        let text = crate::codegen::main_rs(&plan, "m.yaml");
        let (at, _) = text.match_indices(needle).nth(nth).unwrap_or_else(|| panic!("{needle} in {text}"));
        let line = text[..at].matches('\n').count() + 1;
        let column = at - text[..at].rfind('\n').map_or(0, |newline| newline + 1) + 1;
        let span = Map::new(&text, &plan).find(line, column).map(|origin| origin.span());
        span.map_or("", |span| &MANIFEST[span.start..span.end])
    }

    #[test]
    fn names_and_values_of_arguments_are_told_apart() {
        assert_eq!(origin("order:", 0), "order");
        assert_eq!(origin("literal(\"1", 0), "1");
        assert_eq!(origin("literal(\"2", 0), "2");
        assert_eq!(origin("input.get(\"region", 0), "\"${input.region}\"");
        assert_eq!(origin("payment.output()", 0), "\"${payment}\"");
    }

    #[test]
    fn a_function_is_where_its_task_names_it() {
        assert_eq!(origin("shop::charge::Def", 0), "\"shop::charge\"");
    }

    #[test]
    fn everything_else_of_a_node_is_its_name() {
        assert_eq!(origin("shop::charge::Args", 0), "payment");
        assert_eq!(origin("timeout(secs(5))", 0), "payment");
        assert_eq!(origin("with_input", 0), "bare");
        assert_eq!(origin("dag.task(\"bare\"", 0), "bare");
    }

    #[test]
    fn the_rest_of_the_file_is_no_nodes() {
        assert_eq!(origin("oneiric::main", 0), "");
    }
}
