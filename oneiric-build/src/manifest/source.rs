//! From bytes to text that may be read as a manifest.
//!
//! Refuses what no editor meant to save; whether the text is YAML is for `yaml`.

use super::{Span, faults};
use crate::diagnostic::Diagnostic;

/// The largest manifest that is read, in bytes. One of 20,000 nodes and 100,000 edges takes about 3 MB; anything past
/// this is a mistake or an attack, and is refused before a byte of it is looked at.
pub(crate) const MAX_BYTES: usize = 16 * 1024 * 1024;

/// What some editors put in front of a text, unseen. A tool that joins files would carry it into the middle of one.
const BYTE_ORDER_MARK: char = '\u{feff}';

/// The text in `bytes`: UTF-8, no control characters, no larger than [`MAX_BYTES`].
pub(crate) fn decode(bytes: &[u8]) -> Result<&str, Box<Diagnostic>> {
    if bytes.len() > MAX_BYTES {
        return Err(Diagnostic::error(
            &faults::TOO_LARGE,
            Span::default(),
            format!("the manifest has more than {MAX_BYTES} bytes"),
        )
        .into());
    }
    if looks_like_utf16(bytes) {
        return Err(Diagnostic::error(
            &faults::ENCODING,
            Span::default(),
            "the manifest is UTF-16, not UTF-8",
        )
        .help("save the file as UTF-8")
        .into());
    }
    let text = std::str::from_utf8(bytes).map_err(|error| {
        let at = error.valid_up_to();
        let byte = bytes.get(at).copied().unwrap_or_default();
        Box::new(
            Diagnostic::error(&faults::ENCODING, Span::new(at, at), "the manifest is not UTF-8")
                .label(format!("byte 0x{byte:02X} does not belong here"))
                .help("save the file as UTF-8"),
        )
    })?;
    if text.starts_with(BYTE_ORDER_MARK) {
        return Err(Diagnostic::error(
            &faults::ENCODING,
            Span::new(0, BYTE_ORDER_MARK.len_utf8()),
            "the manifest begins with a byte order mark",
        )
        .help("save the file as UTF-8 without one; UTF-8 has one order of bytes")
        .into());
    }
    match text.char_indices().find(|(_, char)| is_forbidden(*char)) {
        None => Ok(text),
        Some((at, char)) => Err(Diagnostic::error(
            &faults::ENCODING,
            Span::new(at, at + char.len_utf8()),
            format!("the control character U+{:04X} may not stand in a manifest", u32::from(char)),
        )
        .help(format!("in double quotes, write `\\x{:02X}`", u32::from(char)))
        .into()),
    }
}

/// YAML's own list, without the C1 controls that old text is full of.
fn is_forbidden(char: char) -> bool {
    char < ' ' && !matches!(char, '\t' | '\n' | '\r') || char == '\u{7f}'
}

/// A mark that says so, or text whose every other byte is NUL.
fn looks_like_utf16(bytes: &[u8]) -> bool {
    matches!(bytes, [0xff, 0xfe, ..] | [0xfe, 0xff, ..])
        || matches!(bytes, [first, second, ..] if (*first == 0) != (*second == 0))
}

/// Turns places counted in characters, as the YAML scanner counts them, into places counted in bytes.
pub(crate) enum Offsets<'s> {
    /// Every character is one byte, and this is how many there are.
    Ascii(usize),
    /// The byte at which every [`STRIDE`]th character begins; the rest is counted from there.
    Marks { text: &'s str, bytes: Vec<usize> },
}

/// How many characters lie between two marks: few enough to count in no time, enough to make the marks small.
const STRIDE: usize = 16;

impl<'s> Offsets<'s> {
    pub(crate) fn of(text: &'s str) -> Self {
        if text.is_ascii() {
            return Self::Ascii(text.len());
        }
        let bytes = text.char_indices().step_by(STRIDE).map(|(byte, _)| byte).collect();
        Self::Marks { text, bytes }
    }

    /// The byte at which the character of this index begins; the end of the text for any index past it.
    pub(crate) fn byte(&self, index: usize) -> usize {
        match self {
            Self::Ascii(len) => index.min(*len),
            Self::Marks { text, bytes } => {
                let Some(&mark) = bytes.get(index / STRIDE) else { return text.len() };
                let rest = &text[mark..];
                mark + rest.char_indices().nth(index % STRIDE).map_or(rest.len(), |(byte, _)| byte)
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn refusal(bytes: &[u8]) -> (String, usize) {
        let fault = decode(bytes).unwrap_err();
        (fault.message, fault.primary.span.start)
    }

    #[test]
    fn text_is_taken_as_it_is() {
        assert_eq!(decode("name: é\r\n\tok".as_bytes()).unwrap(), "name: é\r\n\tok");
        assert_eq!(decode(b"").unwrap(), "");
    }

    #[test]
    fn what_is_not_text_is_refused_where_it_stands() {
        assert_eq!(refusal(b"name: \xff"), ("the manifest is not UTF-8".into(), 6));
        assert_eq!(refusal(b"a: \0").1, 3);
        assert!(refusal(b"\xff\xfea\0").0.contains("UTF-16"));
        assert!(refusal(b"a\0b\0").0.contains("UTF-16"));
        assert!(refusal("\u{feff}a: 1".as_bytes()).0.contains("byte order mark"));
        assert!(refusal(b"a: \x1b[31m").0.contains("U+001B"));
        assert!(refusal(&vec![b' '; MAX_BYTES + 1]).0.contains("16777216"));
    }

    #[test]
    fn characters_become_bytes() {
        let text = "é".repeat(200) + "x";
        let offsets = Offsets::of(&text);
        for index in [0, 1, 63, 64, 65, 128, 199, 200] {
            assert_eq!(offsets.byte(index), index * 2);
        }
        assert_eq!(offsets.byte(201), 401);
        assert_eq!(offsets.byte(9_999), 401);
        assert_eq!(Offsets::of("abc").byte(2), 2);
    }
}
