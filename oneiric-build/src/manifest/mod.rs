//! The manifest as written: names are strings with spans. Knows no adapters and no Rust.

mod span;

pub use span::{Span, Spanned};
