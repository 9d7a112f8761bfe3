//! The real `oneiric`, built once, and manifests for it to work on.
//!
//! Manifests stand below the workspace's own target folder, so that the packages they name are found as a user's would
//! be, and so that all programs share what is compiled.

use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::OnceLock;

use crate::{Output, Program};

/// The `oneiric` command.
#[derive(Clone, Debug)]
pub struct Compiler(PathBuf);

/// A folder with a manifest in it.
#[derive(Clone, Debug)]
pub struct Project {
    manifest: PathBuf,
    out: PathBuf,
}

impl Compiler {
    /// The one of this workspace, compiled if it must be.
    ///
    /// # Panics
    /// If it does not compile.
    pub fn get() -> &'static Self {
        static COMPILER: OnceLock<Compiler> = OnceLock::new();
        COMPILER.get_or_init(|| {
            let mut cargo = Command::new(env!("CARGO"));
            cargo.args(["build", "--package", "oneiric-build", "--bin", "oneiric", "--message-format=json"]);
            // Tests that are compiled for speed are about a compiler that is.
            if !cfg!(debug_assertions) {
                cargo.arg("--release");
            }
            clean(cargo.current_dir(workspace()));
            let output = cargo.output().expect("cargo can be started");
            let errors = String::from_utf8_lossy(&output.stderr);
            assert!(output.status.success(), "`oneiric` does not compile\n{errors}");
            // Cargo says where it put the program, wherever the target folder is.
            let messages = String::from_utf8_lossy(&output.stdout);
            let messages =
                messages.lines().filter_map(|line| serde_json::from_str::<serde_json::Value>(line).ok());
            let mut programs =
                messages.filter_map(|message| Some(PathBuf::from(message["executable"].as_str()?)));
            Self(programs.next_back().expect("cargo names the program that it built"))
        })
    }

    /// `oneiric` with these arguments, at the top of the workspace.
    pub fn command<A: AsRef<str>>(&self, arguments: impl IntoIterator<Item = A>) -> Command {
        let mut command = Command::new(&self.0);
        command.args(arguments.into_iter().map(|argument| argument.as_ref().to_owned()));
        clean(command.current_dir(workspace()));
        command
    }

    /// Runs `oneiric` with these arguments.
    ///
    /// # Panics
    /// If it cannot be started.
    pub fn run<A: AsRef<str>>(&self, arguments: impl IntoIterator<Item = A>) -> Output {
        // A first build compiles all dependencies, which takes what it takes.
        let mut command = self.command(arguments);
        let output = command.output().expect("`oneiric` can be started");
        Output {
            command: format!("{command:?}"),
            status: output.status,
            stdout: String::from_utf8_lossy(&output.stdout).into_owned(),
            stderr: String::from_utf8_lossy(&output.stderr).into_owned(),
        }
    }
}

impl Project {
    /// Writes `manifest` to a folder called `name`, which no other test may use, unless it is there already.
    ///
    /// # Panics
    /// If it cannot be written.
    pub fn new(name: &str, manifest: &str) -> Self {
        let folder = folder(name);
        let path = folder.join("manifest.yaml");
        if !std::fs::read_to_string(&path).is_ok_and(|text| text == manifest) {
            std::fs::write(&path, manifest).expect("the manifest can be written");
        }
        Self { manifest: path, out: folder.join("program") }
    }

    /// The project of `manifests/NAME.yaml`.
    pub fn sample(name: &str) -> Self {
        let manifest = workspace().join("manifests").join(name).with_extension("yaml");
        Self { manifest, out: folder(&format!("sample-{name}")).join("program") }
    }

    /// Where the manifest is.
    pub fn manifest(&self) -> &Path {
        &self.manifest
    }

    /// Where the program goes.
    pub fn out(&self) -> &Path {
        &self.out
    }

    /// Writes another manifest in the place of this one.
    ///
    /// # Panics
    /// If it cannot be written.
    pub fn rewrite(&self, manifest: &str) {
        std::fs::write(&self.manifest, manifest).expect("the manifest can be written");
    }

    /// Runs `oneiric build` for a debug build.
    pub fn build(&self) -> Output {
        Compiler::get().run(["build", &text(&self.manifest), "--debug", "--out", &text(&self.out)])
    }

    /// The program that it compiles to.
    ///
    /// # Panics
    /// If it does not compile.
    #[track_caller]
    pub fn program(&self) -> Program {
        let _ = self.build().success();
        Program::at(self.out.clone())
    }
}

/// The top of this workspace.
///
/// # Panics
/// Never: this crate is in a folder of it.
pub fn workspace() -> &'static Path {
    let tests = Path::new(env!("CARGO_MANIFEST_DIR"));
    tests.parent().expect("this crate is in a folder of the workspace")
}

/// A folder for a project.
fn folder(name: &str) -> PathBuf {
    let folder = workspace().join("target/end-to-end").join(name);
    std::fs::create_dir_all(&folder).expect("the folder can be made");
    folder
}

/// Takes out of the environment what `cargo test` says to tests and what a developer's shell says to Oneiric.
fn clean(command: &mut Command) {
    const OURS: [&str; 6] =
        ["ONEIRIC_", "CARGO_PKG_", "CARGO_MANIFEST_", "CARGO_BIN_", "CARGO_CRATE_", "CARGO_TARGET_TMPDIR"];
    for (name, _) in std::env::vars_os() {
        if OURS.iter().any(|prefix| name.to_string_lossy().starts_with(prefix)) {
            command.env_remove(name);
        }
    }
}

fn text(path: &Path) -> String {
    path.to_str().expect("the path of the workspace is text").to_owned()
}
