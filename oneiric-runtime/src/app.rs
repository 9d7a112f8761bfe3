//! What a program is made of: its workflows by name, and the command line around them.

use std::process::ExitCode;

use crate::adapters::database::Checkpoints;
use crate::adapters::messaging::Messaging;
use crate::adapters::queue::Queue;
use crate::adapters::secrets::SecretSource;
use crate::adapters::{Adapter, Declared, Plan, role};
use crate::command;
use crate::dag::Dag;
#[cfg(feature = "macros")]
use crate::flow::Flow;
use crate::profile::Profile;
use crate::program::{Program, UNNAMED};
use crate::registry::{Known, Registry};
use crate::stand_in::StandIns;

/// Runs a program: does what its command line says. `plan` is what the compiler knew of it, as JSON, and `setup` adds its
/// adapters and workflows.
pub fn main(plan: &'static str, setup: fn(&mut App)) -> ExitCode {
    App::compiled(plan, setup).main()
}

/// What declares the nodes of a workflow.
pub(crate) type Build = fn(&Dag);

/// The adapters and workflows of a program.
///
/// `oneiric::manifest!` and `oneiric_build::compile` make one from a manifest; by hand, it begins empty.
#[derive(Clone, Debug, Default)]
pub struct App {
    pub(crate) plan: Option<&'static str>,
    /// Where it runs, once that is known.
    pub(crate) profile: Profile,
    pub(crate) adapters: Vec<Declared>,
    /// The adapter that keeps runs, if it is not the state directory that does.
    pub(crate) checkpoints: Option<&'static str>,
    pub(crate) workflows: Vec<Listed>,
    pub(crate) stand_ins: StandIns,
}

/// A workflow of a program.
#[derive(Clone, Debug)]
pub(crate) struct Listed {
    pub(crate) name: &'static str,
    pub(crate) build: Build,
    /// What is known of one that is a `#[oneiric::dag]`.
    pub(crate) flow: Option<Known>,
}

impl App {
    /// The program of a manifest: its plan, and what adds its adapters and workflows. Generated code calls it.
    pub fn compiled(plan: &'static str, setup: fn(&mut App)) -> Self {
        let mut app = Self { plan: Some(plan), ..Self::default() };
        setup(&mut app);
        app
    }

    /// Adds a queue, which takes runs and has them started later.
    pub fn queue<A: Adapter + Queue>(&mut self, name: &'static str) {
        self.adapters.push(Declared::of::<A, role::AsQueue>(name));
    }

    /// Adds an adapter that tells people, or other programs, what has happened.
    pub fn messaging<A: Adapter + Messaging>(&mut self, name: &'static str) {
        self.adapters.push(Declared::of::<A, role::AsMessaging>(name));
    }

    /// Adds a source of secrets.
    pub fn secret_source<A: Adapter + SecretSource>(&mut self, name: &'static str) {
        self.adapters.push(Declared::of::<A, role::AsSecretSource>(name));
    }

    /// Adds a database that keeps the program's runs.
    pub fn checkpoints<A: Adapter + Checkpoints>(&mut self, name: &'static str) {
        self.adapters.push(Declared::of::<A, role::AsCheckpoints>(name));
        self.checkpoints = Some(name);
    }

    /// Adds an adapter that tasks ask for by its type.
    pub fn adapter<A: Adapter>(&mut self, name: &'static str) {
        self.adapters.push(Declared::of::<A, role::AsTyped>(name));
    }

    /// Adds a workflow. It is built when it is first needed, so a program of many starts as fast as one of few.
    pub fn workflow(&mut self, name: &'static str, build: fn(&Dag)) {
        self.workflows.push(Listed { name, build, flow: None });
    }

    /// Adds a workflow that is a function with `#[oneiric::dag]`.
    #[cfg(feature = "macros")]
    pub fn dag<F: Flow>(&mut self, name: &'static str, _flow: F) {
        self.workflows.push(Listed { name, build: F::build, flow: Some(Known::of::<F>()) });
    }

    /// Does what this process's command line says, as a program does that `oneiric build` has made.
    pub fn main(self) -> ExitCode {
        command::main(Program::new(self.plan.unwrap_or("{}")), self)
    }

    /// Opens the store in the folder `state_dir`, or the one that [`checkpoints`](Self::checkpoints) names, and goes on
    /// with the runs that were under way, inside a program that has a main function and a tokio runtime of its own. The
    /// engine starts runs; [`Engine::stop`](crate::Engine::stop) ends it.
    ///
    /// # Errors
    /// When the store cannot be opened, for one because another process has it.
    #[cfg(feature = "sqlite")]
    pub async fn open(
        self,
        state_dir: impl Into<std::path::PathBuf>,
    ) -> Result<crate::Engine, crate::checkpoint::Error> {
        let registry = self.registry();
        let store = crate::store::open(&registry, &state_dir.into()).await?;
        let engine = crate::Engine::on(registry, store);
        engine.recover().await?;
        Ok(engine)
    }

    pub(crate) fn registry(self) -> Registry {
        match self.plan {
            Some(plan) => Program::new(plan).registry(self),
            None => Registry::of(self, UNNAMED, Plan::default(), |_| None),
        }
    }
}
