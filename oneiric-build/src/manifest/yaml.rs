//! Reads YAML into one tree that knows where everything stands. The only file that names the YAML crate.
//!
//! The dialect is strict: one document, no anchors, aliases, merge keys or tags, a bounded depth. What a tree has to look
//! like to be a manifest is for `read`; keys that stand twice are both kept, so that it can say of what.

use std::borrow::Cow;

use saphyr_parser::{Event, Parser, ScalarStyle, StrInput};
use serde_json::Number;

use super::scalar::{self, Plain};
use super::source::Offsets;
use super::{Span, faults};
use crate::diagnostic::{Diagnostic, Diagnostics};

/// How deep values may be nested. A manifest needs about eight levels; arguments may hold JSON of some depth.
pub(crate) const MAX_DEPTH: usize = 64;

/// How many entries one list or mapping may have: five times the nodes of the largest workflow that is checked in time.
pub(crate) const MAX_ENTRIES: usize = 100_000;

/// How many keys and values a manifest may have, the ends of collections among them. Memory grows with them, not with
/// the bytes of the file.
pub(crate) const MAX_VALUES: usize = 1_000_000;

/// A value and where it stands.
#[derive(Debug)]
pub(crate) struct Node<'s> {
    pub(crate) span: Span,
    pub(crate) kind: Kind<'s>,
}

#[derive(Debug)]
pub(crate) enum Kind<'s> {
    Null,
    Bool(bool),
    Number(Number),
    Text(Text<'s>),
    List(Vec<Node<'s>>),
    Mapping(Vec<Entry<'s>>),
    /// It has been reported; whoever meets it says no more about it.
    Broken,
}

/// Text of any style.
#[derive(Clone, Debug)]
pub(crate) struct Text<'s> {
    pub(crate) value: Cow<'s, str>,
    /// The byte at which the value stands in the source, if it stands there letter by letter.
    pub(crate) verbatim: Option<usize>,
}

/// A key with its value.
#[derive(Debug)]
pub(crate) struct Entry<'s> {
    pub(crate) key: Cow<'s, str>,
    pub(crate) key_span: Span,
    pub(crate) value: Node<'s>,
}

/// The tree of `text`, as far as it could be read; `None` where there is none. What is wrong goes to `faults`.
pub(crate) fn parse<'s>(text: &'s str, faults: &mut Diagnostics) -> Option<Node<'s>> {
    let offsets = Offsets::of(text);
    Builder { text, offsets, open: Vec::new(), values: 0, root: None, gap: 0, faults }
        .run(Parser::new_from_str(text))
}

struct Builder<'s, 'f> {
    text: &'s str,
    offsets: Offsets<'s>,
    /// The collections that have begun and not ended, outermost first.
    open: Vec<Open<'s>>,
    /// How many values there were so far.
    values: usize,
    root: Option<Node<'s>>,
    /// The end of the previous event: what a node is decorated with stands after it.
    gap: usize,
    faults: &'f mut Diagnostics,
}

/// A collection that has begun.
enum Open<'s> {
    List { span: Span, broken: bool, items: Vec<Node<'s>> },
    Mapping { span: Span, broken: bool, entries: Vec<Entry<'s>>, key: Option<(Cow<'s, str>, Span)> },
}

impl<'s> Builder<'s, '_> {
    fn run(mut self, mut events: Parser<'s, StrInput<'s>>) -> Option<Node<'s>> {
        let mut documents = 0;
        while let Some(event) = events.next_event() {
            let (event, place) = match event {
                Ok(event) => event,
                Err(error) => {
                    let at = self.offsets.byte(error.marker().index());
                    self.faults.push(syntax(self.text, at, error.info()));
                    return None;
                }
            };
            let span =
                Span::new(self.offsets.byte(place.start.index()), self.offsets.byte(place.end.index()));
            if let Some(fault) = self.too_much(span) {
                self.faults.push(fault);
                return None;
            }
            if self.faults.is_full() {
                return None;
            }
            match event {
                Event::Nothing | Event::StreamStart | Event::DocumentEnd | Event::StreamEnd => {}
                Event::DocumentStart(_) => {
                    documents += 1;
                    if documents == 2 {
                        self.faults.push(
                            Diagnostic::error(
                                &faults::SECOND_DOCUMENT,
                                span,
                                "a second document begins here",
                            )
                            .help("a manifest is one document; put the other one into a file of its own"),
                        );
                        return self.root;
                    }
                }
                Event::Alias(_) => {
                    self.faults.push(
                        Diagnostic::error(&faults::ANCHOR, span, "an alias stands here")
                            .help("write out what it stands for"),
                    );
                    self.close(Node { span, kind: Kind::Broken });
                }
                Event::Scalar(value, style, anchor, tag) => {
                    let broken = self.decorated(span, anchor, tag.is_some());
                    let text = self.in_source(value, style, span);
                    if self.expects_key() {
                        self.key(text.value, style, span, broken);
                    } else {
                        let kind = if broken { Kind::Broken } else { self.scalar(text, style, span) };
                        self.close(Node { span: self.trimmed(span, style), kind });
                    }
                }
                Event::SequenceStart(anchor, tag) => {
                    let broken = self.decorated(span, anchor, tag.is_some());
                    self.open(Open::List { span, broken, items: Vec::new() })?;
                }
                Event::MappingStart(anchor, tag) => {
                    let broken = self.decorated(span, anchor, tag.is_some());
                    self.open(Open::Mapping { span, broken, entries: Vec::new(), key: None })?;
                }
                Event::SequenceEnd | Event::MappingEnd => self.end(span),
            }
            self.gap = self.gap.max(span.end);
        }
        if self.root.is_none() {
            self.faults.push(
                Diagnostic::error(&faults::EMPTY, Span::default(), "the manifest is empty")
                    .help("the smallest one has `oneiric: 1`, a `name` and one workflow"),
            );
        }
        self.root
    }

    /// What is too much to read on, if it is: in the innermost collection, or in all.
    fn too_much(&mut self, span: Span) -> Option<Diagnostic> {
        self.values += 1;
        let entries = self.open.last().map_or(0, Open::len);
        let (what, most) = if entries > MAX_ENTRIES {
            ("one list or mapping", MAX_ENTRIES)
        } else if self.values > MAX_VALUES {
            ("a manifest", MAX_VALUES)
        } else {
            return None;
        };
        let message = format!("{what} may have {most} entries, and here are more");
        Some(
            Diagnostic::error(&faults::TOO_LARGE, self.first_char(span.start), message)
                .help("keep data out of the manifest: pass it as the run's input, or let a task read it"),
        )
    }

    /// Begins a collection; `None` if reading cannot go on.
    fn open(&mut self, collection: Open<'s>) -> Option<()> {
        let span = collection.span();
        if self.open.len() == MAX_DEPTH {
            self.faults.push(too_deep(self.first_char(span.start)));
            return None;
        }
        if self.expects_key() {
            self.faults.push(
                Diagnostic::error(
                    &faults::KEY,
                    self.first_char(span.start),
                    "a key has to be text, and this is a collection",
                )
                .help("if it is text, put it in quotes"),
            );
            return None;
        }
        self.open.push(collection);
        Some(())
    }

    /// Ends the innermost collection.
    fn end(&mut self, end: Span) {
        let Some(collection) = self.open.pop() else { return };
        let Span { start, .. } = collection.span();
        let bracketed = matches!(self.text.as_bytes().get(start), Some(b'[' | b'{'));
        let (last, broken, kind) = match collection {
            Open::List { mut items, broken, .. } => {
                items.shrink_to_fit();
                (items.last().map(|item| item.span.end), broken, Kind::List(items))
            }
            Open::Mapping { mut entries, broken, .. } => {
                entries.shrink_to_fit();
                (entries.last().map(|entry| entry.value.span.end), broken, Kind::Mapping(entries))
            }
        };
        // A block ends where its last value does; the scanner would say where the next token begins.
        let end = if bracketed { end.end } else { last.unwrap_or(start) };
        let kind = if broken { Kind::Broken } else { kind };
        self.close(Node { span: Span::new(start, end.max(start)), kind });
    }

    /// Puts a finished value where it belongs.
    fn close(&mut self, node: Node<'s>) {
        match self.open.last_mut() {
            None => self.root = Some(node),
            Some(Open::List { items, .. }) => items.push(node),
            Some(Open::Mapping { entries, key, .. }) => match key.take() {
                Some((key, key_span)) => {
                    // A value that is not there stands where its key does, so that there is something to underline.
                    let span = if node.span.start == node.span.end { key_span } else { node.span };
                    entries.push(Entry { key, key_span, value: Node { span, ..node } });
                }
                // An alias as a key, which has been reported.
                None => *key = Some((Cow::Borrowed(""), node.span)),
            },
        }
    }

    /// Whether the next value is the key of an entry.
    fn expects_key(&self) -> bool {
        matches!(self.open.last(), Some(Open::Mapping { key: None, .. }))
    }

    fn key(&mut self, value: Cow<'s, str>, style: ScalarStyle, span: Span, broken: bool) {
        if style == ScalarStyle::Plain && value == "<<" && !broken {
            self.faults.push(
                Diagnostic::error(&faults::MERGE_KEY, span, "a merge key stands here")
                    .help("write out what it would merge"),
            );
        }
        if style == ScalarStyle::Plain && value.is_empty() && !broken {
            let at = self.first_char(span.start);
            self.faults.push(
                Diagnostic::error(&faults::KEY, at, "a key has to be text, and there is none")
                    .help("write the key in front of the colon, or put a text with a colon in quotes"),
            );
        }
        if let Some(Open::Mapping { key, .. }) = self.open.last_mut() {
            *key = Some((value, span));
        }
    }

    fn scalar(&mut self, text: Text<'s>, style: ScalarStyle, span: Span) -> Kind<'s> {
        if style == ScalarStyle::Plain {
            match scalar::resolve(&text.value) {
                Plain::Null => return Kind::Null,
                Plain::Bool(value) => return Kind::Bool(value),
                Plain::Number(value) => return Kind::Number(value),
                Plain::Text => {}
                Plain::Refused { why, instead } => {
                    self.faults.push(
                        Diagnostic::error(
                            &faults::NUMBER,
                            span,
                            format!("`{}` is not a number a manifest can hold", text.value),
                        )
                        .label(why)
                        .help(instead),
                    );
                    return Kind::Broken;
                }
            }
        }
        Kind::Text(text)
    }

    /// A scalar as a piece of the source, where it stands there letter by letter: the scanner's own copy of it takes many
    /// times the room.
    fn in_source(&self, value: Cow<'s, str>, style: ScalarStyle, span: Span) -> Text<'s> {
        let quoted = matches!(style, ScalarStyle::SingleQuoted | ScalarStyle::DoubleQuoted);
        let at = span.start + usize::from(quoted);
        match self.text.get(at..at + value.len()) {
            Some(piece) if piece == value => Text { value: Cow::Borrowed(piece), verbatim: Some(at) },
            _ => {
                Text { value: Cow::Owned(value.into_owned().into_boxed_str().into_string()), verbatim: None }
            }
        }
    }

    /// Reports an anchor or a tag; whether there was one.
    fn decorated(&mut self, span: Span, anchor: usize, tagged: bool) -> bool {
        if anchor > 0 {
            self.faults.push(
                Diagnostic::error(&faults::ANCHOR, self.decoration('&', span), "an anchor stands here")
                    .help("write out the value wherever it is needed"),
            );
        }
        if tagged {
            let at = self.decoration('!', span);
            let message = format!("the tag `{}` stands here", &self.text[at.start..at.end]);
            self.faults.push(
                Diagnostic::error(&faults::TAG, at, message)
                    .help("the type of a value follows from how it is written; quotes make it text"),
            );
        }
        anchor > 0 || tagged
    }

    /// Where the anchor or tag of a node stands: between the previous event and the node, or in front of its text.
    fn decoration(&self, sigil: char, span: Span) -> Span {
        let before =
            self.text.get(self.gap..span.start).and_then(|gap| gap.rfind(sigil)).map(|at| self.gap + at);
        let start = before.unwrap_or(span.start);
        let word = self.text[start..].find(|char: char| char.is_whitespace() || ",]}".contains(char));
        Span::new(start, word.map_or(self.text.len(), |len| start + len))
    }

    fn first_char(&self, at: usize) -> Span {
        let width = self.text[at..].chars().next().map_or(0, char::len_utf8);
        Span::new(at, at + width)
    }

    /// The span of a scalar without the line breaks that end a block, or the space after a closing quote.
    fn trimmed(&self, span: Span, style: ScalarStyle) -> Span {
        match style {
            ScalarStyle::Plain => span,
            _ => Span::new(span.start, span.start + self.text[span.start..span.end].trim_end().len()),
        }
    }
}

impl Open<'_> {
    fn span(&self) -> Span {
        match self {
            Self::List { span, .. } | Self::Mapping { span, .. } => *span,
        }
    }

    fn len(&self) -> usize {
        match self {
            Self::List { items, .. } => items.len(),
            Self::Mapping { entries, .. } => entries.len(),
        }
    }
}

fn too_deep(span: Span) -> Diagnostic {
    Diagnostic::error(&faults::TOO_DEEP, span, format!("values are nested more than {MAX_DEPTH} deep"))
}

/// The scanner's complaint, in this compiler's words where it is a common one.
fn syntax(text: &str, at: usize, info: &str) -> Diagnostic {
    let at = if text.is_char_boundary(at) { at.min(text.len()) } else { text.len() };
    // At the end of the text, the last line with something on it is the one to show.
    let at = if at == text.len() { text.trim_end().len() } else { at };
    let line = text[..at].rfind('\n').map_or(0, |newline| newline + 1);
    let width =
        text[at..].chars().next().filter(|char| *char != '\n' && *char != '\r').map_or(0, char::len_utf8);
    if info.contains("recursion limit") {
        // The scanner has a bound of its own, and meets it first where brackets follow each other.
        return too_deep(Span::new(at, at + width));
    }
    let fault =
        Diagnostic::error(&faults::SYNTAX, Span::new(at, at + width), "the text is not YAML").label(info);
    if text[line..at].trim_start_matches(' ').starts_with('\t') || text[at..].starts_with('\t') {
        return fault.help("indent with spaces; YAML does not take tabs");
    }
    fault
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The tree as JSON-like text with what each span covers, and the codes of the faults.
    fn shown(text: &str) -> (String, Vec<&'static str>) {
        let mut faults = Diagnostics::default();
        let root = parse(text, &mut faults);
        let tree = root.map(|root| show(text, &root)).unwrap_or_default();
        (tree, faults.iter().map(|fault| fault.code.0).collect())
    }

    fn show(text: &str, node: &Node<'_>) -> String {
        let covered = text[node.span.start..node.span.end].replace('\n', "/");
        match &node.kind {
            Kind::Null => format!("null<{covered}>"),
            Kind::Bool(value) => format!("{value}<{covered}>"),
            Kind::Number(value) => format!("{value}<{covered}>"),
            Kind::Broken => format!("broken<{covered}>"),
            Kind::Text(value) => {
                let verbatim = if value.verbatim.is_some() { "" } else { "~" };
                format!("{verbatim}'{}'<{covered}>", value.value.replace('\n', "/"))
            }
            Kind::List(items) => {
                let items: Vec<_> = items.iter().map(|item| show(text, item)).collect();
                format!("[{}]<{covered}>", items.join(", "))
            }
            Kind::Mapping(entries) => {
                let entries: Vec<_> = entries
                    .iter()
                    .map(|entry| {
                        let key = &text[entry.key_span.start..entry.key_span.end];
                        format!("{}<{key}>: {}", entry.key, show(text, &entry.value))
                    })
                    .collect();
                format!("{{{}}}<{covered}>", entries.join(", "))
            }
        }
    }

    #[track_caller]
    fn tree(text: &str, expected: &str) {
        assert_eq!(shown(text), (expected.to_owned(), Vec::new()));
    }

    #[track_caller]
    fn codes(text: &str, expected: &[&str]) {
        assert_eq!(shown(text).1, expected, "{}", &text[..text.len().min(80)]);
    }

    #[test]
    fn every_value_knows_its_place() {
        tree("é: [1, ü]\nb: 'x'\n", "{é<é>: [1<1>, 'ü'<ü>]<[1, ü]>, b<b>: 'x'<'x'>}<é: [1, ü]/b: 'x'>");
        tree("a:\n  b: 1\n\n# end\nc:\n", "{a<a>: {b<b>: 1<1>}<b: 1>, c<c>: null<c>}<a:/  b: 1//# end/c>");
        tree("- {a: yes}\n- true\n", "[{a<a>: 'yes'<yes>}<{a: yes}>, true<true>]<- {a: yes}/- true>");
        tree("a: \"x\\ty\"", "{a<a>: ~'x\ty'<\"x\\ty\">}<a: \"x\\ty\">");
        tree("a: |\n  x\n  y\n\nb: 1\n", "{a<a>: ~'x/y/'<x/  y>, b<b>: 1<1>}<a: |/  x/  y//b: 1>");
    }

    #[test]
    fn only_one_plain_document() {
        codes("a: 1\n---\nb: 2\n", &["O1006"]);
        codes("", &["O1005"]);
        codes("# nothing\n", &["O1005"]);
        codes("a: &x 1\nb: *x\n", &["O1007", "O1007"]);
        codes("a: &x {b: 1}\n<<: {c: 2}\n", &["O1007", "O1008"]);
        codes("a: !!str 1\nb: !mine {}\n", &["O1009", "O1009"]);
        codes("[a]: 1\n", &["O1012"]);
        codes("a: 0777\nb: .inf\n", &["O1011", "O1011"]);
        codes("a: [1\nb: 2\n", &["O1001"]);
    }

    #[test]
    fn what_is_read_is_bounded() {
        let list = |items: usize| format!("[{}]", "a,".repeat(items));
        codes(&list(MAX_ENTRIES), &[]);
        codes(&list(MAX_ENTRIES + 1), &["O1003"]);
        let lists = format!("[{}]", format!("{},", list(MAX_ENTRIES)).repeat(MAX_VALUES / MAX_ENTRIES));
        codes(&lists, &["O1003"]);
        codes(&format!("[{}]", "*a,".repeat(MAX_ENTRIES)), &["O1001"]);
    }

    #[test]
    fn anchors_and_tags_are_underlined() {
        for (text, expected) in [
            ("a: &x 1", "&x"),
            ("a: !!int 1", "!!int"),
            ("a: 1\nb: &long\n  c: 2", "&long"),
            ("[!t a, b]", "!t"),
        ] {
            let mut faults = Diagnostics::default();
            parse(text, &mut faults);
            let span = faults.iter().next().unwrap().primary.span;
            assert_eq!(&text[span.start..span.end], expected);
        }
    }

    #[test]
    fn depth_is_bounded() {
        let nested = |depth: usize| "[".repeat(depth) + &"]".repeat(depth);
        codes(&nested(MAX_DEPTH), &[]);
        codes(&nested(MAX_DEPTH + 1), &["O1004"]);
        codes(&"[".repeat(100_000), &["O1004"]);
        codes(&"- ".repeat(100_000), &["O1004"]);
        codes(&"{a: ".repeat(100_000), &["O1004"]);
    }
}
