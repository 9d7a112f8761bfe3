//! What is measured, and what it is measured beside: built once, all of it the same way.
//!
//! `oneiric build` chooses target and profile for its program; the floors are compiled with the same.

use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context, ensure};
use serde_json::Value;

use crate::child;

/// Programs, by what they are for.
pub(crate) struct Programs {
    /// The compiler.
    pub(crate) oneiric: PathBuf,
    /// What `oneiric build` makes of `manifests/three.yaml`.
    pub(crate) three: PathBuf,
    /// What it makes of `manifests/hold.yaml`.
    pub(crate) hold: PathBuf,
    /// The runtime without a program around it.
    pub(crate) workload: PathBuf,
    /// Durable steps with nothing but a log.
    pub(crate) floor: PathBuf,
    /// Scheduling with nothing but a queue.
    pub(crate) queue: PathBuf,
    /// A manifest read with nothing but a parser.
    pub(crate) parser: PathBuf,
    /// A server on hyper alone.
    pub(crate) server: PathBuf,
    /// A server in C.
    pub(crate) least_server: PathBuf,
    /// What all of them, but the compiler, are compiled for.
    pub(crate) target: String,
    beside: Vec<String>,
    place: PathBuf,
}

impl Programs {
    /// Builds everything.
    pub(crate) fn build() -> anyhow::Result<Self> {
        let workspace = workspace();
        let cargo = |arguments: &[&str]| -> anyhow::Result<Vec<PathBuf>> {
            eprintln!("building: cargo {}", arguments.join(" "));
            let mut cargo = cargo();
            let output =
                cargo.args(arguments).arg("--message-format=json").output().context("cannot start cargo")?;
            ensure!(output.status.success(), "cargo failed\n{}", String::from_utf8_lossy(&output.stderr));
            // Cargo says where it put the programs, wherever the target folder is.
            let text = String::from_utf8(output.stdout)?;
            let messages = text.lines().filter_map(|line| serde_json::from_str::<Value>(line).ok());
            Ok(messages.filter_map(|message| Some(PathBuf::from(message["executable"].as_str()?))).collect())
        };
        let compiler = cargo(&["build", "--release", "--package", "oneiric-build", "--bin", "oneiric"])?;
        let oneiric = named(&compiler, "oneiric")?;
        let place = oneiric.parent().context("a program is in a folder")?.join("bench");
        std::fs::create_dir_all(&place).context("cannot make a folder")?;

        let (three, target) = program(&oneiric, &workspace.join("tests/bench/manifests/three.yaml"))?;
        let (hold, _) = program(&oneiric, &workspace.join("tests/bench/manifests/hold.yaml"))?;
        let profile = profile(&place)?;
        let mut beside: Vec<String> = [
            "build",
            "--release",
            "--package",
            "oneiric-bench",
            "--bins",
            "--target",
            &target,
            "--config",
            &profile,
        ]
        .map(str::to_owned)
        .into();
        if target.ends_with("-gnu") {
            let static_too = format!("target.{target}.rustflags=['-Ctarget-feature=+crt-static']");
            beside.extend(["--config".to_owned(), static_too]);
        }
        let floors = cargo(&beside.iter().map(String::as_str).collect::<Vec<_>>())?;
        Ok(Self {
            three,
            hold,
            workload: named(&floors, "workload")?,
            floor: named(&floors, "floor")?,
            queue: named(&floors, "bare-queue")?,
            parser: named(&floors, "bare-parser")?,
            server: named(&floors, "bare-server")?,
            least_server: least_server(&place, &target)?,
            oneiric,
            target,
            beside,
            place,
        })
    }

    /// A folder on an ordinary disk for what measurements write.
    pub(crate) fn place(&self) -> &Path {
        &self.place
    }

    /// A new folder there, which goes when it is dropped.
    pub(crate) fn folder(&self) -> anyhow::Result<tempfile::TempDir> {
        tempfile::tempdir_in(&self.place).context("cannot make a folder")
    }

    /// The build of the bare server, to be measured itself.
    pub(crate) fn build_server(&self) -> Command {
        let mut command = cargo();
        command.args(self.beside.iter().filter(|word| *word != "--bins")).args(["--bin", "bare-server"]);
        command
    }
}

/// The top of the workspace.
pub(crate) fn workspace() -> &'static Path {
    Path::new(concat!(env!("CARGO_MANIFEST_DIR"), "/../.."))
}

fn cargo() -> Command {
    let mut cargo = Command::new(env!("CARGO"));
    clean(cargo.current_dir(workspace()));
    cargo
}

/// `oneiric build` for a release.
pub(crate) fn build(oneiric: &Path, manifest: &Path) -> Command {
    let mut command = Command::new(oneiric);
    clean(command.current_dir(workspace()).args(["build", "--json", "--quiet"]).arg(manifest));
    command
}

/// Takes out of the environment what `cargo run` says to this program.
fn clean(command: &mut Command) {
    for (name, _) in std::env::vars_os() {
        let name = name.to_string_lossy();
        if name.starts_with("ONEIRIC_") || name.starts_with("CARGO_") && name != "CARGO_HOME" {
            command.env_remove(&*name);
        }
    }
}

/// Builds a manifest's program, and says for which target.
fn program(oneiric: &Path, manifest: &Path) -> anyhow::Result<(PathBuf, String)> {
    eprintln!("building: oneiric build {}", manifest.display());
    let output = build(oneiric, manifest).output().context("cannot start oneiric")?;
    ensure!(output.status.success(), "oneiric failed\n{}", String::from_utf8_lossy(&output.stderr));
    let facts: Value = serde_json::from_slice(&output.stdout).context("`--json` prints JSON")?;
    let text = |key: &str| facts[key].as_str().with_context(|| format!("it says no `{key}`"));
    Ok((text("binary")?.into(), text("target")?.to_owned()))
}

/// A file for cargo with the profile that programs are compiled with.
fn profile(place: &Path) -> anyhow::Result<String> {
    let written = workspace().join("target/oneiric/bench-three/Cargo.toml");
    let text =
        std::fs::read_to_string(&written).with_context(|| format!("cannot read {}", written.display()))?;
    let mut table: toml::Table = text.parse().context("a Cargo.toml is TOML")?;
    table.retain(|key, _| key == "profile");
    let path = place.join("profile.toml");
    std::fs::write(&path, table.to_string()).context("cannot write the profile")?;
    path.into_os_string().into_string().map_err(|_| anyhow::anyhow!("the workspace's path is not text"))
}

fn least_server(place: &Path, target: &str) -> anyhow::Result<PathBuf> {
    let compiler = if target.ends_with("-musl") { "musl-gcc" } else { "cc" };
    let program = place.join("least-server");
    let source = workspace().join("tests/bench/programs/least-server.c");
    child::run(Command::new(compiler).args(["-O2", "-s", "-static", "-o"]).arg(&program).arg(source))?;
    Ok(program)
}

fn named(programs: &[PathBuf], name: &str) -> anyhow::Result<PathBuf> {
    let program = programs.iter().find(|program| program.file_stem().is_some_and(|stem| stem == name));
    program.cloned().with_context(|| format!("cargo built no `{name}`"))
}
