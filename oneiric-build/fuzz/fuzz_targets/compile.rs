//! See `targets::compile`.
#![no_main]

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| targets::compile(bytes));
