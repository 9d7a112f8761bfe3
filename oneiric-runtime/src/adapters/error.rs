//! Why an adapter could not do what it was asked.

use std::fmt;
use std::time::Duration;

use crate::task;

/// A failure of an adapter. Its message holds no secret.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Error {
    kind: Kind,
    message: String,
    retry_after: Option<Duration>,
}

/// Kinds of adapter failure. Only [`Kind::Unavailable`] may go better another time.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Kind {
    /// A setting is missing, of the wrong type, or makes no sense.
    Settings,
    /// The other side does not know us, or does not allow it.
    Denied,
    /// What is named is not there.
    NotFound,
    /// What should be made is there already.
    AlreadyExists,
    /// The other side refuses what it was sent.
    Rejected,
    /// The other side cannot be reached, or cannot do it now.
    Unavailable,
}

impl Error {
    /// A failure of this kind. The message says what was wrong, where, and what to do, without any secret.
    pub fn new(kind: Kind, message: impl Into<String>) -> Self {
        Self { kind, message: message.into(), retry_after: None }
    }

    /// The same, when the other side says how long to wait.
    #[must_use]
    pub fn retry_after(mut self, wait: Duration) -> Self {
        self.retry_after = Some(wait);
        self
    }

    /// What kind it is.
    pub fn kind(&self) -> Kind {
        self.kind
    }

    /// How long the other side wants to be left alone.
    pub fn wait(&self) -> Option<Duration> {
        self.retry_after
    }
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.message)
    }
}

/// Like [`task::Error`], this is not a [`std::error::Error`], so that turning it into one keeps what kind it is.
impl From<Error> for task::Error {
    fn from(error: Error) -> Self {
        match error.kind {
            Kind::Unavailable => Self::transient(error.message),
            _ => Self::permanent(error.message),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_what_may_go_better_is_tried_again() {
        let kind = |kind| task::Error::from(Error::new(kind, "x")).kind();
        assert_eq!(kind(Kind::Unavailable), task::Kind::Transient);
        assert_eq!(kind(Kind::Denied), task::Kind::Permanent);
    }
}
