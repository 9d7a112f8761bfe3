//! Telling somebody what became of runs: what a workflow says about it, and what they are told.
//!
//! What is to be sent is made in here and recorded in the run's log by whoever records what it tells of; `deliver` sends
//! what is on disk. How a message reaches anybody is for the adapters.

mod deliver;
#[cfg(test)]
pub(crate) mod tests;

use std::collections::BTreeMap;
use std::fmt::Write as _;

use serde::Deserialize;
use serde_json::Value;

pub(crate) use self::deliver::Deliveries;
use crate::adapters::messaging::{About, Notification};
use crate::engine::new_run_id;
use crate::json::Json;
use crate::run::{Due, Status};

/// How long a text may be, in characters. Chat services cut, or refuse, much longer ones.
const MAX_TEXT: usize = 4000;

/// What the `notifications` of a workflow say.
#[derive(Clone, Debug, Deserialize)]
pub(crate) struct Notifications {
    adapter: String,
    channel: Option<String>,
    target: Option<String>,
    title: Option<String>,
    #[serde(default = "yes")]
    include_context: bool,
    #[serde(default = "ends")]
    on: Vec<Moment>,
}

/// What somebody can be told of.
#[derive(Clone, Copy, Debug, Deserialize, Eq, PartialEq)]
#[serde(rename_all = "lowercase")]
pub(crate) enum Moment {
    /// The run has begun.
    Started,
    /// It has completed.
    Completed,
    /// It has failed.
    Failed,
    /// It was cancelled.
    Cancelled,
    /// It waits for an operator.
    Parked,
}

/// What can be said of a run.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Facts<'a> {
    pub(crate) workflow: &'a str,
    pub(crate) run_id: &'a str,
    pub(crate) input: &'a Json,
    /// Why it failed, or waits.
    pub(crate) reason: Option<&'a str>,
}

fn yes() -> bool {
    true
}

fn ends() -> Vec<Moment> {
    vec![Moment::Completed, Moment::Failed]
}

impl Notifications {
    /// What is to be sent at this moment, if somebody wants to be told of it.
    pub(crate) fn due(&self, moment: Moment, facts: &Facts<'_>) -> Option<Due> {
        if !self.on.contains(&moment) {
            return None;
        }
        let message = moment.message(facts);
        let notification = Notification {
            id: format!("msg_{}", new_run_id()),
            channel: self.target.clone().or_else(|| self.channel.clone()),
            title: self.title(moment, facts, &message),
            text: self.text(message, facts.input),
            about: Some(About {
                event: moment.event().to_owned(),
                workflow: facts.workflow.to_owned(),
                run_id: facts.run_id.to_owned(),
            }),
        };
        Some(Due { adapter: self.adapter.clone(), notification })
    }

    /// `[LEVEL] channel`, or the template of the manifest with its fields filled in.
    fn title(&self, moment: Moment, facts: &Facts<'_>, message: &str) -> String {
        let channel = self.channel.as_deref().unwrap_or(facts.workflow);
        let template = self.title.as_deref().unwrap_or("[{level}] {channel}");
        let title = fill(template, |field| {
            Some(match field {
                "level" => moment.level(),
                "channel" => channel,
                "message" => message,
                "workflow" => facts.workflow,
                "run_id" => facts.run_id,
                "status" => moment.name(),
                _ => return None,
            })
        });
        title.split_whitespace().collect::<Vec<_>>().join(" ")
    }

    /// The message, and the run's input below it.
    fn text(&self, message: String, input: &Json) -> String {
        let mut text = message;
        if self.include_context {
            let context = context(input);
            if !context.is_empty() {
                text.push_str("\n\nContext:");
                for (name, value) in context {
                    // Writing to a String cannot fail.
                    let _ = write!(text, "\n- {name}: {value}");
                }
            }
        }
        if let Some((cut, _)) = text.char_indices().nth(MAX_TEXT) {
            text.truncate(cut);
            text.push('…');
        }
        text
    }
}

impl Moment {
    /// The moment at which a run comes to this status.
    pub(crate) fn of(status: Status) -> Option<Self> {
        match status {
            Status::Running => None,
            Status::Parked => Some(Self::Parked),
            Status::Completed => Some(Self::Completed),
            Status::Failed => Some(Self::Failed),
            Status::Cancelled => Some(Self::Cancelled),
        }
    }

    /// What programs are told has happened.
    pub(crate) fn event(self) -> &'static str {
        match self {
            Self::Started => "run.started",
            Self::Completed => "run.completed",
            Self::Failed => "run.failed",
            Self::Cancelled => "run.cancelled",
            Self::Parked => "run.parked",
        }
    }

    fn name(self) -> &'static str {
        self.event().trim_start_matches("run.")
    }

    fn level(self) -> &'static str {
        match self {
            Self::Started | Self::Completed => "INFO",
            Self::Cancelled | Self::Parked => "WARNING",
            Self::Failed => "ERROR",
        }
    }

    fn message(self, facts: &Facts<'_>) -> String {
        let Facts { workflow, run_id, reason, .. } = facts;
        let what = match self {
            Self::Started => "started",
            Self::Completed => "completed",
            Self::Failed => "failed",
            Self::Cancelled => "was cancelled",
            Self::Parked => "waits for an operator",
        };
        let reason = reason.map(|reason| format!(": {reason}")).unwrap_or_default();
        format!("{workflow} {what}, run {run_id}{reason}")
    }
}

/// A template with its fields filled in: `{name}` is a field, `{{` and `}}` are braces. The compiler knows the fields; what
/// is none stays as it is.
fn fill<'a>(template: &str, field: impl Fn(&str) -> Option<&'a str>) -> String {
    let mut filled = String::new();
    let mut rest = template;
    while let Some(place) = rest.find(['{', '}']) {
        let (before, from) = rest.split_at(place);
        filled.push_str(before);
        let name = from.strip_prefix('{').and_then(|inner| inner.split_once('}')).map(|(name, _)| name);
        let (text, length) = match name.and_then(|name| Some((field(name)?, name.len() + 2))) {
            Some(found) if !from.starts_with("{{") => found,
            _ => (&from[..1], if from.starts_with("{{") || from.starts_with("}}") { 2 } else { 1 }),
        };
        filled.push_str(text);
        rest = &from[length..];
    }
    filled + rest
}

/// The members of a run's input by name, as text.
fn context(input: &Json) -> BTreeMap<String, String> {
    let text = |value: &Value| match value {
        Value::String(text) => text.clone(),
        other => other.to_string(),
    };
    match input.parse() {
        Ok(Value::Object(members)) => {
            members.iter().map(|(name, value)| (name.clone(), text(value))).collect()
        }
        Ok(Value::Null) | Err(_) => BTreeMap::new(),
        Ok(other) => BTreeMap::from([("input".to_owned(), text(&other))]),
    }
}
