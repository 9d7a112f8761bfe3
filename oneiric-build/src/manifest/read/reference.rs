//! References in text: `${order.items[0].sku}`, `${["odd.name"].x}`, `${input}`, `${run.id}`; `$${` is a plain `${`.

use std::ops::Range;

use crate::diagnostic::Diagnostic;
use crate::manifest::{Reference, Root, Span, Step, faults};

/// The fault is boxed, since it is rare and large.
type Result<T> = std::result::Result<T, Box<Diagnostic>>;

/// A piece of a text.
#[derive(Debug)]
pub(super) enum Piece {
    Text(String),
    Reference(Reference),
}

/// The pieces of `text`, neighbouring texts joined; `place` says where a range of it stands in the manifest.
pub(super) fn pieces(text: &str, place: &dyn Fn(Range<usize>) -> Span) -> Result<Vec<Piece>> {
    let mut pieces = Vec::new();
    let mut plain = String::new();
    let mut rest = 0;
    while let Some(found) = text[rest..].find("${").map(|at| rest + at) {
        if text[rest..found].ends_with('$') {
            plain.push_str(&text[rest..found]);
            plain.push('{');
            rest = found + 2;
            continue;
        }
        plain.push_str(&text[rest..found]);
        if !plain.is_empty() {
            pieces.push(Piece::Text(std::mem::take(&mut plain)));
        }
        let (reference, end) = Cursor { text, at: found + 2, start: found, place }.reference()?;
        pieces.push(Piece::Reference(reference));
        rest = end;
    }
    plain.push_str(&text[rest..]);
    if !plain.is_empty() {
        pieces.push(Piece::Text(plain));
    }
    Ok(pieces)
}

/// Reads one reference.
struct Cursor<'t> {
    text: &'t str,
    at: usize,
    /// Where the dollar sign stands.
    start: usize,
    place: &'t dyn Fn(Range<usize>) -> Span,
}

impl Cursor<'_> {
    /// The reference and where the text goes on.
    fn reference(mut self) -> Result<(Reference, usize)> {
        let quoted = self.peek() == Some('[');
        let root = if quoted { self.quoted_name()? } else { self.bare_name()? };
        let mut path = Vec::new();
        loop {
            match self.peek() {
                Some('}') => break,
                Some('.') => {
                    self.at += 1;
                    path.push(Step::Field(self.bare_name()?));
                }
                Some('[') => path.push(self.bracket()?),
                Some(':') if root == "secret" && path.is_empty() && !quoted => return self.secret(),
                _ => return Err(self.unexpected("`.`, `[` or `}`")),
            }
        }
        self.at += 1;
        let root = match &*root {
            _ if quoted => Root::Node(root),
            "input" => Root::Input,
            "run" if path == [Step::Field("id".to_owned())] => {
                path.clear();
                Root::RunId
            }
            "run" => {
                return Err(self
                    .fault("a run has nothing of that name")
                    .help("`${run.id}` is the run's id")
                    .into());
            }
            "item" => Root::Item,
            "secret" => {
                return Err(self.fault("a secret has a name").help("write `${secret:NAME}`").into());
            }
            _ => Root::Node(root),
        };
        Ok((Reference { span: (self.place)(self.start..self.at), root, path }, self.at))
    }

    /// What follows `secret`: a colon, a name, the end.
    fn secret(mut self) -> Result<(Reference, usize)> {
        self.at += 1;
        let name = self.bare_name()?;
        if self.peek() != Some('}') {
            return Err(self.unexpected("`}`"));
        }
        self.at += 1;
        let span = (self.place)(self.start..self.at);
        Ok((Reference { span, root: Root::Secret(name), path: Vec::new() }, self.at))
    }

    fn peek(&self) -> Option<char> {
        self.text[self.at..].chars().next()
    }

    /// A name as it stands after a dot, or at the beginning.
    fn bare_name(&mut self) -> Result<String> {
        let rest = &self.text[self.at..];
        let len =
            rest.find(|char: char| !(char.is_alphanumeric() || "_-@+".contains(char))).unwrap_or(rest.len());
        if len == 0 {
            return Err(self.unexpected("a name"));
        }
        self.at += len;
        Ok(rest[..len].to_owned())
    }

    /// `["…"]`, the text as in JSON.
    fn quoted_name(&mut self) -> Result<String> {
        match self.bracket()? {
            Step::Field(name) => Ok(name),
            Step::Index(_) => Err(self
                .fault("it begins with an index")
                .help("begin with a node's name, or with `input`")
                .into()),
        }
    }

    /// `[0]` or `["…"]`.
    fn bracket(&mut self) -> Result<Step> {
        self.at += 1;
        let rest = &self.text[self.at..];
        let step = if rest.starts_with('"') {
            let mut names = serde_json::Deserializer::from_str(rest).into_iter::<String>();
            let Some(Ok(name)) = names.next() else { return Err(self.unexpected("a name in double quotes")) };
            self.at += names.byte_offset();
            Step::Field(name)
        } else {
            let digits = rest.bytes().take_while(u8::is_ascii_digit).count();
            if digits == 0 {
                return Err(self.unexpected("an index, or a name in double quotes"));
            }
            let Ok(index) = rest[..digits].parse::<u32>() else {
                return Err(self.fault("the index is too large").into());
            };
            self.at += digits;
            Step::Index(index as usize)
        };
        if self.peek() != Some(']') {
            return Err(self.unexpected("`]`"));
        }
        self.at += 1;
        Ok(step)
    }

    fn unexpected(&self, wanted: &str) -> Box<Diagnostic> {
        let found = match self.peek() {
            Some(char) => format!("expected {wanted}, found `{char}`"),
            None => format!("expected {wanted}, found the end of the text"),
        };
        let end = self.at + self.peek().map_or(0, char::len_utf8);
        Diagnostic::error(&faults::REFERENCE, (self.place)(self.at..end), "this reference cannot be read")
            .label(found)
            .help("write `${node}`, `${node.field[0]}` or `${input.field}`; for a plain `${` write `$${`")
            .into()
    }

    fn fault(&self, message: &str) -> Diagnostic {
        Diagnostic::error(&faults::REFERENCE, (self.place)(self.start..self.at), message)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn shown(text: &str) -> std::result::Result<String, String> {
        let place = |range: Range<usize>| Span::new(range.start, range.end);
        let shown = |piece: &Piece| match piece {
            Piece::Text(text) => format!("'{text}'"),
            Piece::Reference(Reference { span, root, path }) => {
                format!("{root:?}{path:?}@{}", &text[span.start..span.end])
            }
        };
        match pieces(text, &place) {
            Ok(pieces) => Ok(pieces.iter().map(shown).collect::<Vec<_>>().join(" ")),
            Err(fault) => {
                let span = fault.primary.span;
                Err(format!(
                    "{} {} {}@{}..{}",
                    fault.code.0, fault.message, fault.primary.text, span.start, span.end
                ))
            }
        }
    }

    #[test]
    fn references() {
        for (text, expected) in [
            ("", ""),
            ("plain $ {} $x", "'plain $ {} $x'"),
            ("${a}", r#"Node("a")[]@${a}"#),
            ("${a-1.b_2[0].c}", r#"Node("a-1")[Field("b_2"), Index(0), Field("c")]@${a-1.b_2[0].c}"#),
            (
                r#"${["odd.name"].x["y \"z"]}"#,
                r#"Node("odd.name")[Field("x"), Field("y \"z")]@${["odd.name"].x["y \"z"]}"#,
            ),
            (r#"${["input"]}"#, r#"Node("input")[]@${["input"]}"#),
            ("${input}", "Input[]@${input}"),
            ("${input[3]}", "Input[Index(3)]@${input[3]}"),
            ("${run.id}", "RunId[]@${run.id}"),
            ("x ${a} y ${b}", r#"'x ' Node("a")[]@${a} ' y ' Node("b")[]@${b}"#),
            ("$${a} ${a}", r#"'${a} ' Node("a")[]@${a}"#),
            ("$$ $${", "'$$ ${'"),
        ] {
            assert_eq!(shown(text), Ok(expected.to_owned()), "{text}");
        }
    }

    #[test]
    fn what_cannot_be_read_is_pointed_at() {
        for (text, expected) in [
            ("${}", "O2010 this reference cannot be read expected a name, found `}`@2..3"),
            (
                "é ${a",
                "O2010 this reference cannot be read expected `.`, `[` or `}`, found the end of the text@6..6",
            ),
            ("${a..b}", "O2010 this reference cannot be read expected a name, found `.`@4..5"),
            (
                "${a[x]}",
                "O2010 this reference cannot be read expected an index, or a name in double quotes, found `x`@4..5",
            ),
            ("${a[0}", "O2010 this reference cannot be read expected `]`, found `}`@5..6"),
            ("${ a }", "O2010 this reference cannot be read expected a name, found ` `@2..3"),
            ("${[0]}", "O2010 it begins with an index @0..5"),
            ("${a[99999999999]}", "O2010 the index is too large @0..4"),
            ("${run.name}", "O2010 a run has nothing of that name @0..11"),
            ("${secret}", "O2010 a secret has a name @0..9"),
            ("${secret:}", "O2010 this reference cannot be read expected a name, found `}`@9..10"),
            ("${secret:A.b}", "O2010 this reference cannot be read expected `}`, found `.`@10..11"),
        ] {
            assert_eq!(shown(text), Err(expected.to_owned()), "{text}");
        }
    }
}
