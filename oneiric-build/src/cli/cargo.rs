//! Every build that cargo is asked for.
//!
//! What its messages mean for the manifest is `rustc`'s business.

use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use anyhow::Context;
use cargo_metadata::Message;

use super::progress;
use super::rustc::Compiled;
use super::shell::Shell;
use super::toolchain::Target;

/// What of SQLite is left out: the runtime uses none of it, and it is a seventh of a small program.
const SQLITE_FLAGS: (&str, &str) = (
    "LIBSQLITE3_FLAGS",
    "-USQLITE_ENABLE_FTS3 -USQLITE_ENABLE_FTS3_PARENTHESIS -USQLITE_ENABLE_FTS5 -USQLITE_ENABLE_RTREE \
     -USQLITE_ENABLE_DBSTAT_VTAB -USQLITE_ENABLE_STAT4 -USQLITE_ENABLE_COLUMN_METADATA \
     -USQLITE_ENABLE_LOAD_EXTENSION -DSQLITE_OMIT_LOAD_EXTENSION",
);

/// A build of a generated crate.
pub(crate) struct Build<'a> {
    /// The folder of the crate.
    pub(crate) folder: &'a Path,
    /// Where cargo runs: its settings and the toolchain are those of this folder.
    pub(crate) root: &'a Path,
    /// Where compiled dependencies are shared.
    pub(crate) shared: &'a Path,
    /// What the program is to run on.
    pub(crate) target: &'a Target,
    /// How far cargo is to go.
    pub(crate) goal: Goal,
    /// How much it is optimised.
    pub(crate) effort: Effort,
    /// Whether the network may be used.
    pub(crate) offline: bool,
    /// Whether the lock file may change.
    pub(crate) locked: bool,
}

/// How much a program is optimised.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum Effort {
    /// Not at all: the quickest build.
    None,
    /// As `project` has it for a release.
    Release,
    /// All crates as one: the smallest program, and each build waits for it.
    Smallest,
}

/// How far cargo goes.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum Goal {
    /// Until all types are known to fit. Nothing is optimised or linked.
    Types,
    /// Until there is a program.
    Program,
}

/// What came of it.
pub(crate) struct Outcome {
    /// Whether cargo reached the goal.
    pub(crate) is_reached: bool,
    /// The program, if there is one.
    pub(crate) executable: Option<PathBuf>,
    /// What rustc said.
    pub(crate) messages: Vec<Compiled>,
    /// What cargo said, besides how far it was.
    pub(crate) rest: String,
}

/// The cargo that is used: the one that started this program, or the one on the path.
pub(crate) fn program() -> PathBuf {
    std::env::var_os("CARGO").map_or_else(|| PathBuf::from("cargo"), PathBuf::from)
}

impl Build<'_> {
    /// Lets cargo go to the goal.
    pub(crate) fn run(&self, shell: &Shell) -> anyhow::Result<Outcome> {
        let flags = self.target.link_flags();
        let mut cargo = self.command(match self.goal {
            Goal::Types => "check",
            Goal::Program if flags.is_empty() => "build",
            Goal::Program => "rustc",
        });
        let format = if shell.has_color() { "json-diagnostic-rendered-ansi" } else { "json" };
        cargo
            .args(["--message-format", format, "--target", &self.target.triple, "--target-dir"])
            .arg(self.folder);
        if self.effort != Effort::None {
            cargo.arg("--release");
        }
        if self.effort == Effort::Smallest {
            cargo.args([
                "--config",
                "profile.release.lto='fat'",
                "--config",
                "profile.release.codegen-units=1",
            ]);
        }
        self.target.configure(&mut cargo);
        cargo.envs(progress::ENVIRONMENT);
        if std::env::var_os(SQLITE_FLAGS.0).is_none() {
            cargo.env(SQLITE_FLAGS.0, SQLITE_FLAGS.1);
        }
        if self.goal == Goal::Program && !flags.is_empty() {
            cargo.arg("--").args(flags);
        }
        let mut child = cargo
            .env("CARGO_BUILD_BUILD_DIR", self.shared)
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .context("cannot start `cargo`: is Rust installed? https://rustup.rs")?;
        let stdout = child.stdout.take().expect("stdout is piped");
        let stderr = child.stderr.take().expect("stderr is piped");

        let mut outcome =
            Outcome { is_reached: false, executable: None, messages: Vec::new(), rest: String::new() };
        outcome.rest = std::thread::scope(|scope| {
            let follower = scope.spawn(|| progress::follow(stderr, shell));
            for message in Message::parse_stream(std::io::BufReader::new(stdout)) {
                match message {
                    Ok(Message::CompilerMessage(message)) => {
                        let is_generated = message.target.src_path == self.folder.join("src/main.rs");
                        outcome.messages.push(Compiled { message: message.message, is_generated });
                    }
                    Ok(Message::CompilerArtifact(artifact)) => {
                        if let Some(path) = artifact.executable {
                            outcome.executable = Some(path.into());
                        }
                    }
                    _ => {}
                }
            }
            follower.join().unwrap_or_default()
        });
        let status = child.wait().context("cannot wait for `cargo`")?;
        outcome.is_reached = status.success();
        if !outcome.is_reached {
            outcome.executable = None;
        }
        Ok(outcome)
    }

    /// Lets cargo resolve the dependencies, which completes the lock file.
    pub(crate) fn resolve(&self) -> anyhow::Result<()> {
        let mut cargo = Build { locked: false, ..*self }.command("metadata");
        let output = cargo.args(["--format-version", "1"]).output().context("cannot start `cargo`")?;
        anyhow::ensure!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr).trim());
        Ok(())
    }

    fn command(&self, subcommand: &str) -> Command {
        let mut cargo = Command::new(program());
        cargo
            .current_dir(self.root)
            .arg(subcommand)
            .arg("--manifest-path")
            .arg(self.folder.join("Cargo.toml"));
        if self.offline {
            cargo.arg("--offline");
        }
        if self.locked {
            cargo.arg("--locked");
        }
        cargo
    }
}
