//! A folder in which a program runs: its working directory, its state and its journal.

use std::path::{Path, PathBuf};
use std::process::Command;

use serde_json::Value;
use tempfile::TempDir;

use crate::{Journal, Output, Process, Program};

/// A program and a folder of its own, which goes when this does.
pub struct Place {
    program: Program,
    dir: TempDir,
    state: PathBuf,
}

impl Place {
    /// An empty folder for `program`.
    ///
    /// # Panics
    /// If none can be made.
    pub fn new(program: &Program) -> Self {
        let dir = tempfile::tempdir().expect("a temporary folder can be made");
        let state = dir.path().join("state");
        Self { program: program.clone(), dir, state }
    }

    /// The same folder with the state kept elsewhere.
    #[must_use]
    pub fn with_state(mut self, state: PathBuf) -> Self {
        self.state = state;
        self
    }

    /// Another program in this place.
    pub fn replace(&mut self, program: &Program) {
        self.program = program.clone();
    }

    /// The folder.
    pub fn path(&self) -> &Path {
        self.dir.path()
    }

    /// The state directory.
    pub fn state(&self) -> &Path {
        &self.state
    }

    /// The database in it.
    pub fn database(&self) -> PathBuf {
        self.state.join("oneiric.db")
    }

    /// The journal that its runs are told to write.
    pub fn journal(&self) -> Journal {
        Journal::at(self.dir.path().join("journal"))
    }

    /// The program with these arguments, in this folder, knowing nothing of the environment that is about Oneiric.
    pub fn command<A: AsRef<str>>(&self, arguments: impl IntoIterator<Item = A>) -> Command {
        let mut command = Command::new(self.program.path());
        for (name, _) in
            std::env::vars_os().filter(|(name, _)| name.to_string_lossy().starts_with("ONEIRIC_"))
        {
            command.env_remove(name);
        }
        command.args(arguments.into_iter().map(|argument| argument.as_ref().to_owned()));
        command.env_remove("PORT").env("ONEIRIC_STATE_DIR", &self.state).current_dir(self.path());
        command
    }

    /// Runs the program with these arguments.
    #[track_caller]
    pub fn run<A: AsRef<str>>(&self, arguments: impl IntoIterator<Item = A>) -> Output {
        Process::spawn(&mut self.command(arguments)).wait()
    }

    /// `workflow run`, with the journal beside what the input holds.
    pub fn start(&self, workflow: &str, run_id: &str, input: Value) -> Command {
        let input = self.input(input).to_string();
        self.command(["workflow", "run", workflow, "--run-id", run_id, "--json", "--context", &input])
    }

    /// `input` and the journal.
    ///
    /// # Panics
    /// If `input` is not an object.
    #[must_use]
    pub fn input(&self, mut input: Value) -> Value {
        let members = input.as_object_mut().expect("an input is an object");
        let journal = self.journal().path().to_string_lossy().into_owned();
        members.insert("journal".to_owned(), Value::String(journal));
        input
    }

    /// What the store says of a run.
    #[track_caller]
    pub fn show(&self, run_id: &str) -> Value {
        self.run(["runs", "show", run_id, "--json"]).success().json()
    }
}
