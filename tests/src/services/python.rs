//! The services that are written in Python, and the environment that they run in.

use std::net::SocketAddr;
use std::path::PathBuf;
use std::process::Command;

use crate::{Process, workspace};

/// What the environment must have been made of.
const REQUIREMENTS: &str = include_str!("../../services/requirements.txt");

/// A command of the environment: `python`, or a program that a package brought.
///
/// # Panics
/// If the environment is not there, or was made of something else.
#[track_caller]
pub(super) fn command(program: &str) -> Command {
    let environment = workspace().join("target/services/venv");
    let installed = std::fs::read_to_string(environment.join("requirements.txt"));
    assert!(
        installed.is_ok_and(|installed| installed == REQUIREMENTS),
        "the Python packages of tests/services/requirements.txt are not installed: run `bash .ci/services`"
    );
    let mut command = Command::new(environment.join("bin").join(program));
    // Nothing of the developer's Python has a say in it, and none of it is written beside the sources.
    command.env_remove("PYTHONPATH").env_remove("PYTHONHOME").env("PYTHONDONTWRITEBYTECODE", "1");
    command.env("PYTHONWARNINGS", "ignore").current_dir(scripts());
    command
}

/// Starts one of our doubles, and waits until it says where it listens.
#[track_caller]
pub(super) fn double(script: &str, arguments: &[&str]) -> (Process, SocketAddr) {
    let process = Process::spawn(command("python").arg(script).args(arguments));
    let address = process.line(|line| line.trim_end().strip_prefix("listening on ")?.parse().ok());
    (process, address)
}

fn scripts() -> PathBuf {
    workspace().join("tests/services")
}
