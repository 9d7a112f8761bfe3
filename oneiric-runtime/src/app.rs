//! What a generated program is made of: its workflows by name, and the command line around them.

use std::process::ExitCode;

use crate::command;
use crate::dag::Dag;
use crate::program::Program;

/// Runs a program: does what its command line says. `plan` is what the compiler knew of it, as JSON, and `workflows`
/// adds its workflows.
pub fn main(plan: &'static str, workflows: fn(&mut App)) -> ExitCode {
    let mut app = App::default();
    workflows(&mut app);
    command::main(Program::new(plan), app)
}

/// What declares the nodes of a workflow.
pub(crate) type Build = fn(&Dag);

/// The workflows of a program.
#[derive(Clone, Debug, Default)]
pub struct App {
    pub(crate) workflows: Vec<(&'static str, Build)>,
}

impl App {
    /// Adds a workflow. It is built when it is first needed, so a program of many starts as fast as one of few.
    pub fn workflow(&mut self, name: &'static str, build: fn(&Dag)) {
        self.workflows.push((name, build));
    }
}
