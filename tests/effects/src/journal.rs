//! A file to which every attempt adds a line. Lines are short and appended in one write, so they do not mix.

use std::fs::OpenOptions;
use std::io::{self, Write};

use oneiric::Ctx;

/// Adds `run node key attempt pid moment`.
pub(crate) fn write(path: &str, ctx: &Ctx, moment: &str) -> io::Result<()> {
    let line = format!(
        "{} {} {} {} {} {moment}\n",
        ctx.run_id(),
        ctx.node(),
        ctx.idempotency_key(),
        ctx.attempt(),
        std::process::id(),
    );
    OpenOptions::new().append(true).create(true).open(path)?.write_all(line.as_bytes())
}
