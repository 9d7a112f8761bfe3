//! The reader of manifests beside another reader of YAML: inside the dialect they take a document alike.
//!
//! Documents are made of what people write: every style of scalar, block and flow collections, comments. Text that the
//! two are known to take differently (YAML 1.1's octal numbers, for one) is not part of the dialect, and so not made.

use std::fmt::Write as _;

use fastrand::Rng;
use oneiric_build::manifest::document;
use serde_json::Value;

/// How many documents are compared.
const DOCUMENTS: u64 = 3_000;

const WORDS: [&str; 24] = [
    "a", "order", "yes", "NO", "on", "é", "x y", "it's", "a: b", "a #b", "- a", "1.2.3", "12:30", "true",
    "null", "~", "0", "-7", "1.5", "0x1F", "", "日本", "${a.b}", "\"q\"",
];

/// A document, and nothing but what the generator decided.
struct Writer {
    random: Rng,
    text: String,
}

impl Writer {
    fn word(&mut self) -> &'static str {
        WORDS[self.random.usize(..WORDS.len())]
    }

    /// A scalar on one line, in a style that can hold it.
    fn scalar(&mut self) {
        let word = self.word();
        let is_plain = !word.is_empty()
            && word.chars().all(|char| char.is_alphanumeric() || "-._ ".contains(char))
            && !word.starts_with("- ");
        match self.random.u8(..3) {
            0 if is_plain => self.text.push_str(word),
            1 => _ = write!(self.text, "'{}'", word.replace('\'', "''")),
            _ => _ = write!(self.text, "{}", Value::from(word)),
        }
    }

    /// Keys are numbered, so that each stands once.
    fn key(&mut self, number: usize) {
        match self.random.u8(..3) {
            0 => _ = write!(self.text, "k{number}: "),
            1 => _ = write!(self.text, "'k {number}': "),
            _ => _ = write!(self.text, "\"k\\u00e9{number}\": "),
        }
    }

    fn flow(&mut self, depth: usize) {
        let length = self.random.usize(..4);
        match self.random.u8(..3) {
            0 if depth < 3 => {
                self.text.push('[');
                for _ in 0..length {
                    self.flow(depth + 1);
                    self.text.push_str(", ");
                }
                self.text.push(']');
            }
            1 if depth < 3 => {
                self.text.push_str("{ ");
                for number in 0..length {
                    self.key(number);
                    self.flow(depth + 1);
                    self.text.push_str(", ");
                }
                self.text.push('}');
            }
            _ => self.scalar(),
        }
    }

    /// What stands after a key, up to and with the end of the line.
    fn value(&mut self, depth: usize) {
        let indent = " ".repeat(2 * depth);
        match self.random.u8(..7) {
            0 | 1 if depth < 4 => self.block(depth),
            2 => {
                let style = ["|", "|-", "|+", ">", ">-"][self.random.usize(..5)];
                _ = writeln!(self.text, "{style}");
                for _ in 0..=self.random.usize(..3) {
                    let word = self.word();
                    _ = writeln!(self.text, "{indent}w{word}");
                    if self.random.u8(..4) == 0 {
                        self.text.push('\n');
                    }
                }
            }
            3 => {
                self.flow(0);
                self.text.push_str(" # and why\n");
            }
            4 => self.text.push_str("plain text\n"),
            _ => {
                self.flow(0);
                self.text.push('\n');
            }
        }
    }

    /// A mapping or list in block style, a level further in.
    fn block(&mut self, depth: usize) {
        let indent = " ".repeat(2 * depth);
        let is_list = self.random.bool();
        self.text.push('\n');
        for number in 0..=self.random.usize(..4) {
            self.text.push_str(&indent);
            if is_list {
                self.text.push_str("- ");
            } else {
                self.key(number);
            }
            self.value(depth + 1);
        }
    }
}

#[test]
fn both_readers_take_a_document_alike() {
    for seed in 0..DOCUMENTS {
        let mut writer = Writer { random: Rng::with_seed(seed), text: String::new() };
        writer.block(0);
        let text = writer.text;
        let ours = document::value(text.as_bytes())
            .unwrap_or_else(|faults| panic!("seed {seed}: {faults:?}\n{text}"));
        let theirs: Value =
            serde_yaml::from_str(&text).unwrap_or_else(|error| panic!("seed {seed}: {error}\n{text}"));
        assert_eq!(ours, theirs, "seed {seed}\n{text}");
    }
}
