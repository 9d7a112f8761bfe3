//! What the figures were taken on: without it they mean nothing.

use std::fmt;
use std::process::Command;

use serde_json::{Value, json};

use crate::child;
use crate::programs::Programs;

/// The machine while it was measured.
pub(crate) struct Machine {
    fdatasync_p50_us: f64,
    fdatasync_p99_us: f64,
    sqlite: String,
    processors: usize,
    load: String,
    target: String,
}

impl Machine {
    pub(crate) fn measure(programs: &Programs) -> anyhow::Result<Self> {
        let figures = child::figures(Command::new(&programs.floor).arg(programs.place()).arg("disk"))?;
        Ok(Self {
            fdatasync_p50_us: figures.get("fdatasync", None, "p50_us")?,
            fdatasync_p99_us: figures.get("fdatasync", None, "p99_us")?,
            sqlite: figures.text("sqlite").unwrap_or("unknown").to_owned(),
            processors: std::thread::available_parallelism()?.get(),
            load: std::fs::read_to_string("/proc/loadavg")?.split(' ').take(3).collect::<Vec<_>>().join(" "),
            target: programs.target.clone(),
        })
    }

    pub(crate) fn json(&self) -> Value {
        json!({
            "fdatasync_p50_us": self.fdatasync_p50_us,
            "fdatasync_p99_us": self.fdatasync_p99_us,
            "sqlite": self.sqlite,
            "processors": self.processors,
            "load": self.load,
            "target": self.target,
        })
    }
}

impl fmt::Display for Machine {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "fdatasync of 4 KiB p50 {:.0} µs, p99 {:.0} µs · SQLite {} · {} processors, load {} · {}",
            self.fdatasync_p50_us,
            self.fdatasync_p99_us,
            self.sqlite,
            self.processors,
            self.load,
            self.target
        )
    }
}
