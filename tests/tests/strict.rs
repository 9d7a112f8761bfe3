//! What the reader of manifests takes for YAML, and what it refuses before it costs anything.
//!
//! `yaml/cases.jsonl` has a document a line: what it means as JSON, or the code of its fault and the text that is
//! underlined.

use std::fs::File;
use std::io::Write as _;
use std::process::Command;
use std::time::Duration;

use oneiric_build::diagnostic::Diagnostics;
use oneiric_build::manifest::document;
use oneiric_tests::{Compiler, Cost, workspace};
use serde_json::Value;

/// What refusing a file may take, in a build for speed.
const TIME: Duration = Duration::from_secs(1);

/// How much memory it may ask for, in KiB: not only what it uses.
const MEMORY: &str = "204800";

#[test]
fn documents_mean_what_is_said_beside_them() {
    let cases =
        std::fs::read_to_string(workspace().join("tests/yaml/cases.jsonl")).expect("the cases are there");
    let mut wrong = Vec::new();
    for line in cases.lines() {
        let case: Value = serde_json::from_str(line).unwrap_or_else(|error| panic!("{line}: {error}"));
        let text = case["yaml"].as_str().expect("a case has text");
        let found = document::value(text.as_bytes());
        let expected = case.get("json").ok_or_else(|| {
            (case["code"].as_str().expect("a code"), case["at"].as_str().expect("what is underlined"))
        });
        let as_expected = match (&found, expected) {
            (Ok(found), Ok(expected)) => found == expected,
            (Err(faults), Err((code, at))) => first(text, faults) == (code, at),
            _ => false,
        };
        if !as_expected {
            let found = found.map_err(|faults| format!("{:?}", first(text, &faults)));
            wrong.push(format!("{text:?}\n   found {found:?}\n  wanted {expected:?}"));
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

/// The first fault's code, and what it underlines.
fn first<'t>(text: &'t str, faults: &Diagnostics) -> (&'static str, &'t str) {
    let fault = faults.iter().next().expect("what is refused has a fault");
    (fault.code.0, &text[fault.primary.span.start..fault.primary.span.end])
}

#[test]
fn what_would_cost_much_is_refused_at_once() {
    let bomb = (1..=12).fold("a0: &a0 [x, x]\n".to_owned(), |text, level| {
        let alias = format!("*a{}", level - 1);
        text + &format!("a{level}: &a{level} [{}]\n", [alias.as_str(); 10].join(", "))
    });
    let keys = (0..200_000).fold(String::new(), |text, key| text + "k" + &key.to_string() + ": 1\n");
    let utf16: Vec<u8> = "oneiric: 1\n".repeat(1_000).encode_utf16().flat_map(u16::to_le_bytes).collect();
    let cases: [(&str, Vec<u8>, &str); 12] = [
        ("aliases of aliases", bomb.into_bytes(), "O1007"),
        ("a million aliases", format!("a: &a 1\nb: [{}]", "*a, ".repeat(1_000_000)).into_bytes(), "O1007"),
        ("brackets in brackets", "[".repeat(100_000).into_bytes(), "O1004"),
        ("lists in lists", "- ".repeat(100_000).into_bytes(), "O1004"),
        ("mappings in mappings", "{a: ".repeat(100_000).into_bytes(), "O1004"),
        ("a key a line", keys.into_bytes(), "O1003"),
        ("one key, always", "k: 1\n".repeat(200_000).into_bytes(), "O1003"),
        ("NUL", b"oneiric: 1\nname: \0\n".to_vec(), "O1002"),
        ("a byte order mark", "\u{feff}oneiric: 1\n".as_bytes().to_vec(), "O1002"),
        ("UTF-16", utf16, "O1002"),
        ("nothing but lines", vec![b'\n'; 16 * 1024 * 1024], "O1005"),
        ("nothing but text", vec![b'x'; 16 * 1024 * 1024], "O2003"),
    ];
    let folder = tempfile::tempdir().expect("a folder can be made");
    let path = folder.path().join("manifest.yaml");
    for (name, bytes, code) in cases {
        std::fs::write(&path, bytes).expect("the folder can be written to");
        refused(name, &path, code);
    }
    // A hundred megabytes of which most are not even on the disk.
    let mut large = File::create(&path).expect("the folder can be written to");
    large.write_all(b"oneiric: 1\n").and_then(|()| large.set_len(100_000_000)).expect("it can be written to");
    refused("a hundred megabytes", &path, "O1003");
}

fn refused(name: &str, path: &std::path::Path, code: &str) {
    let check = Compiler::get().command(["check", path.to_str().expect("its path is text")]);
    let mut limited = Command::new("sh");
    limited.args(["-c", &format!("ulimit -v {MEMORY} && exec \"$@\""), "sh"]);
    limited.arg(check.get_program()).args(check.get_args());
    let cost = Cost::of(&mut limited);
    let output = cost.output.code(1);
    assert!(output.stderr.contains(&format!("error[{code}]")), "{name}: {output}");
    assert!(output.stderr.len() < 50_000, "{name}: {} bytes of output", output.stderr.len());
    // A build for debugging takes many times as long over every byte.
    let time = if cfg!(debug_assertions) { 10 * TIME } else { TIME };
    assert!(cost.processor < time, "{name} takes {:?}", cost.processor);
}
