//! What is wrong with a manifest, as values.
//!
//! A `Rule` is a kind of fault and a `Diagnostic` one instance of it. Nothing here knows how a diagnostic is shown; `cli::render` does.

use crate::lint::{Level, Levels};
use crate::manifest::Span;

/// A stable name of a kind of fault: `O` and four digits.
///
/// O1xxx syntax, O2xxx schema, O3xxx references and wiring, O4xxx graph, O5xxx types and settings, O6xxx toolchain and
/// build, O9xxx faults of the compiler itself.
#[derive(Clone, Copy, Debug, Eq, Hash, Ord, PartialEq, PartialOrd)]
pub struct Code(pub &'static str);

/// A kind of fault.
#[derive(Debug)]
pub struct Rule {
    /// How it is cited.
    pub code: Code,
    /// How it is called, in kebab-case.
    pub name: &'static str,
    /// What is wrong where it applies, as a lowercase phrase.
    pub summary: &'static str,
    /// Whether it stops the build, unless somebody chose otherwise for a warning.
    pub severity: Severity,
    /// The page that `oneiric explain` prints: why it is a fault, an example, and what to do.
    pub page: &'static str,
}

impl From<&Rule> for Code {
    fn from(rule: &Rule) -> Self {
        rule.code
    }
}

/// Whether a diagnostic stops the build.
#[derive(Clone, Copy, Debug, Eq, Ord, PartialEq, PartialOrd)]
pub enum Severity {
    /// Nothing is built.
    Error,
    /// The program is built, and somebody should look.
    Warning,
}

/// A place in the manifest and what is to be said about it.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Label {
    /// Where.
    pub span: Span,
    /// What is there; may be empty where the underline says enough.
    pub text: String,
}

/// One fault: what, where, and the way out.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Diagnostic {
    /// Which rule it breaks.
    pub code: Code,
    /// Whether it stops the build.
    pub severity: Severity,
    /// A lowercase phrase without a final stop; names in backticks.
    pub message: String,
    /// The place the fault is at.
    pub primary: Label,
    /// Other places that explain it.
    pub related: Vec<Label>,
    /// Facts, such as the text of another tool.
    pub notes: Vec<String>,
    /// What to do, such as the nearest known name.
    pub help: Vec<String>,
}

impl Diagnostic {
    /// An error of this rule at `span`.
    pub fn error(code: impl Into<Code>, span: Span, message: impl Into<String>) -> Self {
        Self {
            code: code.into(),
            severity: Severity::Error,
            message: message.into(),
            primary: Label { span, text: String::new() },
            related: Vec::new(),
            notes: Vec::new(),
            help: Vec::new(),
        }
    }

    /// A warning of this rule at `span`.
    pub fn warning(code: impl Into<Code>, span: Span, message: impl Into<String>) -> Self {
        Self { severity: Severity::Warning, ..Self::error(code, span, message) }
    }

    /// Says something beside the underline.
    #[must_use]
    pub fn label(mut self, text: impl Into<String>) -> Self {
        self.primary.text = text.into();
        self
    }

    /// Points at another place.
    #[must_use]
    pub fn related(mut self, span: Span, text: impl Into<String>) -> Self {
        self.related.push(Label { span, text: text.into() });
        self
    }

    /// Points at the first few of several places where the same is wrong.
    #[must_use]
    pub(crate) fn also_at(mut self, places: &[Span], text: &str) -> Self {
        const SHOWN: usize = 8;
        for span in places.iter().take(SHOWN) {
            self = self.related(*span, text);
        }
        match places.len().saturating_sub(SHOWN) {
            0 => self,
            1 => self.note("and in one place more"),
            more => self.note(format!("and in {more} places more")),
        }
    }

    /// Adds a fact.
    #[must_use]
    pub fn note(mut self, text: impl Into<String>) -> Self {
        self.notes.push(text.into());
        self
    }

    /// Adds a way out.
    #[must_use]
    pub fn help(mut self, text: impl Into<String>) -> Self {
        self.help.push(text.into());
        self
    }
}

/// How many faults of one manifest are kept. A file that is no manifest at all can have millions.
const MOST: usize = 1_000;

/// Every fault found so far.
#[derive(Clone, Debug, Default, Eq, PartialEq)]
#[must_use]
pub struct Diagnostics {
    list: Vec<Diagnostic>,
}

impl Diagnostics {
    /// Adds one, unless there are so many already that it would change nothing.
    pub fn push(&mut self, diagnostic: Diagnostic) {
        if self.is_full() && (diagnostic.severity == Severity::Warning || self.has_errors()) {
            return;
        }
        self.list.push(diagnostic);
    }

    /// Whether there are as many as anybody will look at.
    pub(crate) fn is_full(&self) -> bool {
        self.list.len() >= MOST
    }

    /// Whether anything in it stops the build.
    pub fn has_errors(&self) -> bool {
        self.list.iter().any(|one| one.severity == Severity::Error)
    }

    /// The one added last, to say more about it.
    pub(crate) fn last_mut(&mut self) -> Option<&mut Diagnostic> {
        self.list.last_mut()
    }

    /// How many were found.
    pub fn len(&self) -> usize {
        self.list.len()
    }

    /// Whether nothing was found.
    pub fn is_empty(&self) -> bool {
        self.list.is_empty()
    }

    /// Passes over the warnings that are allowed, and makes errors of those that are denied.
    pub(crate) fn weigh(&mut self, levels: &Levels) {
        self.list.retain_mut(|one| {
            if one.severity == Severity::Error {
                return true;
            }
            let (level, said) = levels.of(one.code);
            if level == Level::Deny {
                one.severity = Severity::Error;
                one.notes.push(format!("it is a warning, and {said} makes it an error"));
            }
            level != Level::Allow
        });
    }

    /// Puts them in the order of the text, each once.
    pub fn sort(&mut self) {
        self.list
            .sort_by(|a, b| (a.primary.span, a.code, &a.message).cmp(&(b.primary.span, b.code, &b.message)));
        self.list.dedup();
    }

    /// The diagnostics, in the order they are in now.
    pub fn iter(&self) -> std::slice::Iter<'_, Diagnostic> {
        self.list.iter()
    }
}

impl From<Diagnostic> for Diagnostics {
    fn from(one: Diagnostic) -> Self {
        Self { list: vec![one] }
    }
}

impl<'a> IntoIterator for &'a Diagnostics {
    type Item = &'a Diagnostic;
    type IntoIter = std::slice::Iter<'a, Diagnostic>;

    fn into_iter(self) -> Self::IntoIter {
        self.iter()
    }
}

impl Extend<Diagnostic> for Diagnostics {
    fn extend<I: IntoIterator<Item = Diagnostic>>(&mut self, more: I) {
        self.list.extend(more);
    }
}
