//! Why something that was asked of a program was not done: a code for programs and a sentence for people.
//!
//! What the parts of the runtime call wrong, they say themselves; here it gets the one form in which commands print it and
//! processes tell each other.

use std::borrow::Cow;
use std::fmt;

use serde::{Deserialize, Serialize};

use crate::checkpoint::{self, Kind};
use crate::engine::{ControlError, StartError};

/// A failure, as JSON `{"error": code, "message": sentence}`.
#[derive(Clone, Debug, Deserialize, Eq, PartialEq, Serialize)]
pub(crate) struct Failure {
    #[serde(rename = "error")]
    pub(crate) code: Cow<'static, str>,
    pub(crate) message: String,
}

impl Failure {
    pub(crate) fn new(code: &'static str, message: impl Into<String>) -> Self {
        Self { code: code.into(), message: message.into() }
    }

    /// Something that the user got wrong.
    pub(crate) fn usage(message: impl Into<String>) -> Self {
        Self::new(USAGE, message)
    }

    pub(crate) fn is_usage(&self) -> bool {
        self.code == USAGE
    }

    /// The same with what might have been meant.
    #[must_use]
    pub(crate) fn with_nearest(mut self, nearest: Option<&str>) -> Self {
        if let Some(nearest) = nearest {
            self.message.push_str("; did you mean `");
            self.message.push_str(nearest);
            self.message.push_str("`?");
        }
        self
    }
}

/// The code of what the user got wrong.
const USAGE: &str = "usage";

impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.message)
    }
}

impl From<checkpoint::Error> for Failure {
    fn from(error: checkpoint::Error) -> Self {
        let code = match error.kind() {
            Kind::Full => "store-full",
            Kind::Denied => "store-denied",
            Kind::Locked => "store-locked",
            Kind::Corrupt => "store-corrupt",
            Kind::Version => "store-version",
            Kind::Io => "store-io",
            Kind::Gone => "run-gone",
            Kind::Held => "run-held",
            Kind::Closed => "store-closed",
        };
        Self::new(code, error.to_string())
    }
}

impl From<StartError> for Failure {
    fn from(error: StartError) -> Self {
        let message = error.to_string();
        match error {
            StartError::UnknownWorkflow { name, known } => {
                Self::new("workflow-unknown", message).with_nearest(nearest(&name, known))
            }
            StartError::Conflict { .. } => Self::new("run-id-conflict", message),
            StartError::Input(_) => Self::new("input-not-json", message),
            StartError::Draining => Self::new("draining", message),
            StartError::Store(error) => error.into(),
        }
    }
}

impl From<ControlError> for Failure {
    fn from(error: ControlError) -> Self {
        let message = error.to_string();
        match error {
            ControlError::UnknownRun(_) => Self::new("run-unknown", message),
            ControlError::NotNow(_) => Self::new("not-now", message),
            ControlError::Store(error) => error.into(),
        }
    }
}

/// The one of `known` that is most like `name`, if any is at all.
pub(crate) fn nearest<'a>(name: &str, known: impl IntoIterator<Item = &'a str>) -> Option<&'a str> {
    /// Below this, the names that come up have nothing to do with each other.
    const LIKE: f64 = 0.75;

    let likeness = |other: &&str| strsim::jaro_winkler(name, other);
    let best = known.into_iter().max_by(|a, b| likeness(a).total_cmp(&likeness(b)))?;
    (likeness(&best) > LIKE).then_some(best)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_nearest_name_is_found_and_nothing_far_off() {
        assert_eq!(nearest("fullfil", ["reconcile", "fulfil"]), Some("fulfil"));
        assert_eq!(nearest("zzz", ["reconcile", "fulfil"]), None);
        assert_eq!(nearest("x", []), None);
    }

    #[test]
    fn an_unknown_workflow_is_told_with_the_nearest() {
        let error = StartError::UnknownWorkflow { name: "fulfill".to_owned(), known: vec!["fulfil"] };
        let failure = Failure::from(error);
        assert_eq!(failure.code, "workflow-unknown");
        assert!(failure.message.ends_with("did you mean `fulfil`?"), "{failure}");
    }
}
