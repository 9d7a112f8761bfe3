//! What has to hold for any bytes at all.
//!
//! Where the bytes come from is for others: `fuzz_targets` takes them from libFuzzer, `tests/tests/fuzz.rs` from a
//! generator of its own.

use oneiric_build::diagnostic::Diagnostics;
use oneiric_build::manifest::document;
use oneiric_build::{check_bytes, codegen, plan};

/// Reading ends, and every fault is at a place in the text.
pub fn parse(bytes: &[u8]) {
    match check_bytes(bytes) {
        Ok((_, warnings)) => {
            assert!(!warnings.has_errors(), "what has an error is no plan");
            assert_in_text(bytes, &warnings);
        }
        Err(faults) => {
            assert!(faults.has_errors(), "what is refused has an error");
            assert_in_text(bytes, &faults);
        }
    }
    if let Err(faults) = document::value(bytes) {
        assert!(!faults.is_empty(), "what is refused has a fault");
        assert_in_text(bytes, &faults);
    }
}

/// What passes the checks becomes a program that is Rust, and can be shown in every form.
pub fn compile(bytes: &[u8]) {
    let Ok((plan, _)) = check_bytes(bytes) else { return };
    let text = codegen::main_rs(&plan, "manifest.yaml");
    if let Err(error) = syn::parse_file(&text) {
        panic!("{error}\n{text}");
    }
    plan::json::program(&plan, "manifest.yaml").pretty();
    plan::text(&plan);
    plan::dot(&plan);
    plan::mermaid(&plan);
}

/// Every span lies in the text and begins and ends where a character does. Bytes that are not text have no characters.
fn assert_in_text(bytes: &[u8], faults: &Diagnostics) {
    let text = std::str::from_utf8(bytes).ok();
    for fault in faults {
        for label in std::iter::once(&fault.primary).chain(&fault.related) {
            let range = label.span.start..label.span.end;
            assert!(bytes.get(range.clone()).is_some(), "{range:?} of {}: {fault:?}", bytes.len());
            assert!(text.is_none_or(|text| text.get(range.clone()).is_some()), "{range:?}: {fault:?}");
        }
    }
}
