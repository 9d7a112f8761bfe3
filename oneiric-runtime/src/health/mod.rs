//! How a program is: what `health` prints, and what a running program keeps written in a file.
//!
//! Whether a process lives, and whether it can take work, are shorter questions: `http` answers those.

mod file;
mod probe;
#[cfg(test)]
mod tests;
mod text;

use std::collections::BTreeMap;
use std::time::Duration;

use serde::{Deserialize, Serialize};

use crate::adapters::Adapters;
use crate::checkpoint::Filter;
use crate::clock::Timestamp;
use crate::engine::{Engine, new_run_id};
use crate::profile::{Choice, Toggles};

pub(crate) use self::file::{NAME as FILE, keep_written, write};

/// How long one adapter, or the store, may take to say how it is.
const DEADLINE: Duration = Duration::from_secs(5);

/// What is known of a process from its start on.
#[derive(Clone, Debug)]
pub(crate) struct Facts {
    pub(crate) pid: u32,
    /// Tells this process from every other, before or after it, whatever their numbers.
    pub(crate) boot_id: String,
    pub(crate) started_at: Timestamp,
    pub(crate) profile: Profile,
}

/// How a program is.
#[derive(Clone, Debug, Deserialize, Serialize)]
pub(crate) struct Health {
    pub(crate) status: Status,
    /// Why it is not healthy, in words.
    pub(crate) problems: Vec<String>,
    pub(crate) program: String,
    pub(crate) process: Process,
    pub(crate) profile: Profile,
    pub(crate) supervisor: Supervisor,
    pub(crate) store: Store,
    pub(crate) secrets: Secrets,
    /// How each adapter stands, by name.
    pub(crate) lifecycle_state: BTreeMap<String, Adapter>,
    pub(crate) activity_state: Activity,
    pub(crate) updated_at: String,
}

/// The one word.
#[derive(Clone, Copy, Debug, Deserialize, Eq, PartialEq, Serialize)]
#[serde(rename_all = "lowercase")]
pub(crate) enum Status {
    Healthy,
    Unhealthy,
}

/// The process that does the work, if one runs.
#[derive(Clone, Debug, Deserialize, Serialize)]
pub(crate) struct Process {
    /// `starting`, `ready`, `stopping`, `stopped`, or `not-running`.
    pub(crate) stage: String,
    /// What it still waits for, as `/readyz` says.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) missing: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) pid: Option<u32>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) boot_id: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) started_at: Option<String>,
}

/// The profile, and what it comes to.
#[derive(Clone, Debug, Default, Deserialize, Serialize)]
#[expect(clippy::struct_excessive_bools, reason = "the keys of the document")]
pub(crate) struct Profile {
    pub(crate) name: String,
    pub(crate) from: String,
    pub(crate) watchers_enabled: bool,
    pub(crate) remote_enabled: bool,
    pub(crate) inline_manifest_only: bool,
    pub(crate) supervisor_enabled: bool,
}

/// Whether other processes may give orders.
#[derive(Clone, Debug, Deserialize, Serialize)]
pub(crate) struct Supervisor {
    pub(crate) enabled: bool,
}

/// Where runs are kept.
#[derive(Clone, Debug, Deserialize, Serialize)]
pub(crate) struct Store {
    /// `open`, `readable`, `absent` where nothing was ever kept, or `failed`.
    pub(crate) state: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) error: Option<String>,
}

/// Where secrets come from, and how those stand that were asked for. Never what they are.
#[derive(Clone, Debug, Deserialize, Serialize)]
pub(crate) struct Secrets {
    pub(crate) order: Vec<String>,
    pub(crate) cache_ttl_ms: u64,
    pub(crate) values: BTreeMap<String, crate::secrets::Status>,
}

/// An adapter.
#[derive(Clone, Debug, Deserialize, Serialize)]
pub(crate) struct Adapter {
    pub(crate) provider: String,
    #[serde(flatten)]
    pub(crate) state: crate::adapters::State,
    /// What it said when it was asked.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) probe: Option<Probe>,
}

/// What came of asking.
#[derive(Clone, Debug, Deserialize, Eq, PartialEq, Serialize)]
#[serde(tag = "result", rename_all = "kebab-case")]
pub(crate) enum Probe {
    Healthy,
    Unhealthy { error: String },
    TimedOut,
}

/// What is being done.
#[derive(Clone, Debug, Default, Deserialize, Serialize)]
pub(crate) struct Activity {
    pub(crate) draining: bool,
    pub(crate) runs_under_way: usize,
}

impl Facts {
    pub(crate) fn new(choice: Choice, toggles: &Toggles) -> Self {
        let defaults = choice.profile.defaults();
        let profile = Profile {
            name: choice.profile.name().to_owned(),
            from: choice.origin.name().to_owned(),
            watchers_enabled: defaults.watchers,
            remote_enabled: defaults.remote,
            inline_manifest_only: defaults.inline_manifest_only,
            supervisor_enabled: toggles.supervisor,
        };
        Self { pid: std::process::id(), boot_id: new_run_id(), started_at: Timestamp::now(), profile }
    }
}

impl Process {
    /// This one, at this stage.
    pub(crate) fn this(facts: &Facts, stage: &str, missing: Option<&str>) -> Self {
        Self {
            stage: stage.to_owned(),
            missing: missing.map(str::to_owned),
            pid: Some(facts.pid),
            boot_id: Some(facts.boot_id.clone()),
            started_at: Some(facts.started_at.to_string()),
        }
    }

    /// None.
    pub(crate) fn none() -> Self {
        let stage = "not-running".to_owned();
        Self { stage, missing: None, pid: None, boot_id: None, started_at: None }
    }
}

impl Health {
    /// How the program is whose store `engine` has.
    pub(crate) async fn of_running(facts: &Facts, process: Process, engine: &Engine, probes: bool) -> Self {
        let failed = |error: crate::checkpoint::Error| Store::failed(&error.to_string());
        let store = match engine.broken() {
            Some(error) => failed(error),
            None if probes => {
                let read = engine.list(Filter { limit: 1, ..Filter::default() });
                match tokio::time::timeout(DEADLINE, read).await {
                    Ok(Ok(_)) => Store::is("open"),
                    Ok(Err(error)) => failed(error),
                    Err(_) => Store::failed("it does not answer"),
                }
            }
            None => Store::is("open"),
        };
        let activity = Activity { draining: engine.is_draining(), runs_under_way: engine.in_flight() };
        Self::gather(&facts.profile, process, store, activity, engine.registry().adapters(), probes).await
    }

    /// How everything is, and what of it is not well.
    pub(crate) async fn gather(
        profile: &Profile,
        process: Process,
        store: Store,
        activity: Activity,
        adapters: &Adapters,
        probes: bool,
    ) -> Self {
        let mut said = if probes { probe::all(adapters).await } else { BTreeMap::new() };
        let lifecycle_state = adapters.states().map(|(declared, state)| {
            let probe = said.remove(declared.name);
            (declared.name.to_owned(), Adapter { provider: declared.id.to_owned(), state, probe })
        });
        let mut health = Self {
            status: Status::Healthy,
            problems: Vec::new(),
            program: adapters.program().to_owned(),
            process,
            supervisor: Supervisor { enabled: profile.supervisor_enabled },
            profile: profile.clone(),
            store,
            secrets: Secrets {
                order: adapters.secret_order(),
                cache_ttl_ms: adapters.secrets_kept_for(),
                values: adapters.secrets(),
            },
            lifecycle_state: lifecycle_state.collect(),
            activity_state: activity,
            updated_at: Timestamp::now().to_string(),
        };
        health.problems = health.find_problems(adapters);
        if !health.problems.is_empty() {
            health.status = Status::Unhealthy;
        }
        health
    }

    fn find_problems(&self, adapters: &Adapters) -> Vec<String> {
        let mut problems = Vec::new();
        if let Some(missing) = &self.process.missing {
            problems.push(format!("it is not ready: {missing}"));
        }
        if let Some(error) = &self.store.error {
            problems.push(format!("the store: {error}"));
        }
        for name in adapters.named_secrets() {
            if let Some(crate::secrets::Status::Failed { error }) = self.secrets.values.get(name) {
                problems.push(error.clone());
            }
        }
        for (name, adapter) in &self.lifecycle_state {
            match (&adapter.probe, &adapter.state) {
                (Some(Probe::Unhealthy { error }), _) | (None, crate::adapters::State::Failed { error }) => {
                    problems.push(format!("the adapter `{name}`: {error}"));
                }
                (Some(Probe::TimedOut), _) => {
                    problems.push(format!("the adapter `{name}` does not answer within {DEADLINE:?}"));
                }
                (Some(Probe::Healthy) | None, _) => {}
            }
        }
        problems
    }

    pub(crate) fn is_healthy(&self) -> bool {
        self.status == Status::Healthy
    }
}

impl Store {
    pub(crate) fn is(state: &str) -> Self {
        Self { state: state.to_owned(), error: None }
    }

    pub(crate) fn failed(error: &str) -> Self {
        Self { state: "failed".to_owned(), error: Some(error.to_owned()) }
    }
}
