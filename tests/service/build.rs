//! Compiles the manifest into `src/bin/scripted.rs`.

fn main() {
    oneiric_build::compile("manifests/service.yaml");
}
