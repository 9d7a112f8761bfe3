//! Every message of the macros. `TRYBUILD=overwrite` rewrites them.

use std::path::Path;

#[test]
fn messages() {
    // The cases are compiled as a package of trybuild's, and the manifest's path is from the package's folder.
    let folder = Path::new(env!("CARGO_TARGET_TMPDIR")).with_file_name("tests/trybuild/macro-tests/ui");
    std::fs::create_dir_all(&folder).expect("the folder can be made");
    std::fs::copy("ui/faulty.yaml", folder.join("faulty.yaml")).expect("it can be copied");
    trybuild::TestCases::new().compile_fail("ui/*.rs");
}
