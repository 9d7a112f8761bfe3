//! Why a task did not succeed, in a form that can be stored.

use std::fmt;

use serde::{Deserialize, Serialize};

/// A task's failure.
///
/// It is kept in the run's log, so it holds text and not the error it came from. Any [`std::error::Error`] turns into a
/// transient one with `?`; [`Error::permanent`] says that trying again is of no use.
#[derive(Clone, Debug, Deserialize, Eq, PartialEq, Serialize)]
pub struct Error {
    kind: Kind,
    message: String,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    causes: Vec<String>,
}

/// Kinds of task failure. Only [`Kind::Permanent`] ends the attempts early.
#[derive(Clone, Copy, Debug, Deserialize, Eq, PartialEq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Kind {
    /// It may go better another time.
    Transient,
    /// It will not.
    Permanent,
    /// The attempt took longer than its timeout.
    TimedOut,
    /// The task panicked.
    Panicked,
}

impl Error {
    /// A failure that may go better another time.
    pub fn transient(message: impl Into<String>) -> Self {
        Self::new(Kind::Transient, message)
    }

    /// A failure that another attempt would only repeat.
    pub fn permanent(message: impl Into<String>) -> Self {
        Self::new(Kind::Permanent, message)
    }

    /// What another error says, and that another attempt would only repeat it: `.map_err(Error::permanent_from)?`.
    pub fn permanent_from(error: impl std::error::Error) -> Self {
        Self { kind: Kind::Permanent, ..Self::from(error) }
    }

    pub(crate) fn new(kind: Kind, message: impl Into<String>) -> Self {
        Self { kind, message: message.into(), causes: Vec::new() }
    }

    /// What kind it is.
    pub fn kind(&self) -> Kind {
        self.kind
    }

    /// What happened.
    pub fn message(&self) -> &str {
        &self.message
    }

    /// What it came from, nearest first.
    pub fn causes(&self) -> &[String] {
        &self.causes
    }
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.message)?;
        for cause in &self.causes {
            write!(f, ": {cause}")?;
        }
        Ok(())
    }
}

/// `Error` itself is not a [`std::error::Error`], so that this covers every type that is.
impl<E: std::error::Error> From<E> for Error {
    fn from(error: E) -> Self {
        let mut causes = Vec::new();
        let mut next = error.source();
        while let Some(cause) = next {
            causes.push(cause.to_string());
            next = cause.source();
        }
        Self { kind: Kind::Transient, message: error.to_string(), causes }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn any_error_turns_into_a_transient_one_with_its_causes() {
        fn fails() -> Result<(), Error> {
            Err(std::io::Error::other(std::fmt::Error))?;
            Ok(())
        }
        let error = fails().expect_err("it fails");
        assert_eq!(error.kind(), Kind::Transient);
        assert!(error.to_string().contains("an error occurred"), "{error}");
    }
}
