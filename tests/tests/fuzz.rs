//! The fuzz targets of `oneiric-build/fuzz`, driven by a generator of its own wherever cargo-fuzz cannot be.
//!
//! It takes the manifests of this repository apart and puts them together wrongly. `ONEIRIC_FUZZ_SECONDS` says for how long
//! each target is tried, `ONEIRIC_FUZZ_SEED` where to begin; a failure says which input it was.

use std::panic::catch_unwind;
use std::path::Path;
use std::time::{Duration, Instant};

use fastrand::Rng;
use oneiric_tests::workspace;

#[expect(unreachable_pub, reason = "it is a library of its own where cargo-fuzz builds it")]
#[path = "../../oneiric-build/fuzz/src/targets.rs"]
mod targets;

/// How long each target is tried, where nothing else is said.
const SECONDS: u64 = 10;

/// The longest input that is mutated: what is wrong with a long one is wrong with a short one.
const MOST: usize = 8 * 1024;

/// What means something to YAML or to a manifest.
const TOKENS: [&str; 56] = [
    "- ",
    "? ",
    ": ",
    ":",
    ",",
    "[",
    "]",
    "{",
    "}",
    "#",
    " #",
    "&a ",
    "*a",
    "!",
    "!!str ",
    "|",
    "|-\n",
    ">+\n",
    "'",
    "\"",
    "%YAML 1.2\n",
    "---\n",
    "...\n",
    "<<",
    "~",
    "\t",
    "\r\n",
    "\n",
    "\n  ",
    "\n      ",
    "\u{feff}",
    "\0",
    "é",
    "\u{1f980}",
    "0777",
    "1e999",
    ".inf",
    "-",
    "${",
    "${input}",
    "${run.id}",
    "${a.b[0]}",
    "${[\"a\"]}",
    "$${",
    "\\",
    "\\x41",
    "type",
    "r#type",
    "::",
    "self",
    "__duration",
    "1s",
    "PT5M",
    "99999999999999999999",
    "null",
    "*/",
];

/// Everything that could be a start: good and bad manifests, and what once failed.
fn corpus() -> Vec<Vec<u8>> {
    let mut files = Vec::new();
    for folder in ["manifests", "tests/manifests", "oneiric-build/fuzz/corpus"] {
        collect(&workspace().join(folder), &mut files);
    }
    assert!(files.len() > 10, "the corpus is there");
    files
}

fn collect(folder: &Path, files: &mut Vec<Vec<u8>>) {
    let entries = std::fs::read_dir(folder).expect("the corpus can be read");
    let mut paths: Vec<_> = entries.map(|entry| entry.expect("a folder can be read").path()).collect();
    paths.sort();
    for path in paths {
        if path.is_dir() {
            collect(&path, files);
        } else if path.extension().is_some_and(|ending| ending == "yaml") {
            let bytes = std::fs::read(&path).expect("the corpus can be read");
            files.extend((bytes.len() <= MOST).then_some(bytes));
        }
    }
}

/// One wrong step, such as a person, a tool or an attacker could take.
fn mutate(random: &mut Rng, input: &mut Vec<u8>, corpus: &[Vec<u8>]) {
    let at = random.usize(..=input.len());
    let end = (at + random.usize(..32)).min(input.len());
    match random.u8(..8) {
        0 => drop(input.drain(at..end)),
        1 => {
            let piece = input[at..end].to_vec();
            let to = random.usize(..=input.len());
            input.splice(to..to, piece);
        }
        2 if at < input.len() => input[at] ^= 1 << random.u8(..8),
        3 => {
            let token = TOKENS[random.usize(..TOKENS.len())];
            let end = if random.bool() { at } else { end };
            input.splice(at..end, token.bytes());
        }
        4 => {
            // A line goes elsewhere, with another indentation.
            let line = line(random, input).to_vec();
            let text: Vec<u8> = line.trim_ascii_start().to_vec();
            let to = at - input[..at].iter().rev().take_while(|byte| **byte != b'\n').count();
            input.splice(to..to, [vec![b' '; random.usize(..10)], text].concat());
        }
        5 => {
            let other = &corpus[random.usize(..corpus.len())];
            let piece = line(random, other).to_vec();
            let to = at - input[..at].iter().rev().take_while(|byte| **byte != b'\n').count();
            input.splice(to..to, piece);
        }
        // A word stands where another one did: a name, a key, a value.
        _ => {
            let (from, to) = (word(random, input), word(random, input));
            let piece = input[from].to_vec();
            input.splice(to, piece);
        }
    }
    input.truncate(MOST);
}

/// Any line, with what ends it.
fn line<'i>(random: &mut Rng, input: &'i [u8]) -> &'i [u8] {
    let lines: Vec<&[u8]> = input.split_inclusive(|byte| *byte == b'\n').collect();
    if lines.is_empty() { b"" } else { lines[random.usize(..lines.len())] }
}

/// Where some word stands.
fn word(random: &mut Rng, input: &[u8]) -> std::ops::Range<usize> {
    let is_word = |byte: &u8| byte.is_ascii_alphanumeric() || b"_.-".contains(byte);
    let at = random.usize(..=input.len());
    let start = input[at..].iter().position(is_word).map_or(input.len(), |skipped| at + skipped);
    let length = input[start..].iter().take_while(|byte| is_word(byte)).count();
    start..start + length
}

fn setting(name: &str, otherwise: u64) -> u64 {
    std::env::var(name).map_or(otherwise, |text| text.parse().expect("it is a number"))
}

/// Tries a target until its time is over; how often, and how often the input was good enough for `counts`.
fn drive(target: fn(&[u8]), counts: fn(&[u8]) -> bool) -> (u64, u64) {
    let corpus = corpus();
    let mut random = Rng::with_seed(setting("ONEIRIC_FUZZ_SEED", 1));
    let deadline = Instant::now() + Duration::from_secs(setting("ONEIRIC_FUZZ_SECONDS", SECONDS));
    let (mut tried, mut counted) = (0, 0);
    let mut inputs = corpus.clone();
    while tried < corpus.len() as u64 || Instant::now() < deadline {
        let input = inputs.pop().unwrap_or_else(|| {
            let mut input = corpus[random.usize(..corpus.len())].clone();
            for _ in 0..1 << random.u8(..4) {
                mutate(&mut random, &mut input, &corpus);
            }
            input
        });
        let passes = catch_unwind(|| target(&input)).is_ok();
        assert!(passes, "input {tried} fails: b\"{}\"", input.escape_ascii());
        tried += 1;
        counted += u64::from(counts(&input));
    }
    (tried, counted)
}

#[test]
fn reading_ends_and_points_into_the_text() {
    let (tried, text) = drive(targets::parse, |input| std::str::from_utf8(input).is_ok());
    println!("{tried} inputs, {text} of them text");
    assert!(text * 2 > tried, "most inputs get past the first look: {text} of {tried}");
}

#[test]
fn what_passes_becomes_rust() {
    let (tried, sound) = drive(targets::compile, |input| oneiric_build::check_bytes(input).is_ok());
    println!("{tried} inputs, {sound} of them sound manifests");
    assert!(sound * 1_000 > tried, "some inputs are manifests: {sound} of {tried}");
}
