//! Everything that the macros accept. That it compiles is the test; what they refuse is in `ui`.

#![expect(clippy::needless_pass_by_value, reason = "a task owns its arguments")]

pub mod everything;
#[allow(clippy::unused_async, clippy::wildcard_imports, reason = "seen here as if a person had written it")]
pub mod expanded;

/// A manifest in the middle of a crate.
pub mod program {
    oneiric::manifest!("src/program.yaml");
}
