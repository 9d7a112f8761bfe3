//! Every message of the macros. `TRYBUILD=overwrite` rewrites them.

#[test]
fn messages() {
    trybuild::TestCases::new().compile_fail("ui/*.rs");
}
