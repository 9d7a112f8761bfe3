//! How a program is, for people.

use std::fmt::{self, Display, Formatter};

use super::{Adapter, Health, Probe, Status};
use crate::adapters;
use crate::secrets;

impl Display for Health {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        let Self { program, process, profile, activity_state: activity, .. } = self;
        let status = match self.status {
            Status::Healthy => "healthy",
            Status::Unhealthy => "unhealthy",
        };
        write!(f, "{program}: {status}, {}", process.stage)?;
        if let (Some(pid), Some(since)) = (process.pid, &process.started_at) {
            write!(f, ", process {pid} since {since}")?;
        }
        writeln!(f)?;
        for problem in &self.problems {
            writeln!(f, "  {problem}")?;
        }
        let on = |on: bool| if on { "on" } else { "off" };
        writeln!(
            f,
            "Profile: {} watchers={} remote={} inline-manifest={} supervisor={}",
            profile.name,
            on(profile.watchers_enabled),
            on(profile.remote_enabled),
            if profile.inline_manifest_only { "yes" } else { "no" },
            on(profile.supervisor_enabled),
        )?;
        writeln!(f, "Store: {}", self.store.state)?;
        let draining = if activity.draining { ", draining" } else { "" };
        writeln!(f, "Runs: {} under way{draining}", activity.runs_under_way)?;
        writeln!(f, "Secrets: asked of {}", self.secrets.order.join(", then "))?;
        for (name, status) in &self.secrets.values {
            match status {
                secrets::Status::Found { source } => writeln!(f, "  {name}: found in {source}")?,
                secrets::Status::Failed { error } => writeln!(f, "  {name}: {error}")?,
            }
        }
        for (name, adapter) in &self.lifecycle_state {
            writeln!(f, "Adapter: {name} ({}) {adapter}", adapter.provider)?;
        }
        Ok(())
    }
}

impl Display for Adapter {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        match &self.state {
            adapters::State::NotOpened => f.write_str("not opened")?,
            adapters::State::Opening => f.write_str("opening")?,
            adapters::State::Ready => f.write_str("ready")?,
            adapters::State::Failed { error } => write!(f, "failed: {error}")?,
        }
        match (&self.probe, &self.state) {
            // It has been said why.
            (None, _) | (Some(Probe::Unhealthy { .. }), adapters::State::Failed { .. }) => Ok(()),
            (Some(Probe::Healthy), _) => f.write_str(", healthy"),
            (Some(Probe::Unhealthy { error }), _) => write!(f, ", unhealthy: {error}"),
            (Some(Probe::TimedOut), _) => f.write_str(", does not answer"),
        }
    }
}
