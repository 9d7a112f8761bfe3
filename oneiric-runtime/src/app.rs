//! What a generated program is made of: its workflows by name.

use crate::dag::Dag;

/// What declares the nodes of a workflow.
pub(crate) type Build = fn(&Dag);

/// The workflows of a program.
#[derive(Debug, Default)]
pub struct App {
    pub(crate) workflows: Vec<(&'static str, Build)>,
}

impl App {
    /// Adds a workflow. It is built when it is first needed, so a program of many starts as fast as one of few.
    pub fn workflow(&mut self, name: &'static str, build: fn(&Dag)) {
        self.workflows.push((name, build));
    }
}
