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
    is_outcome_unknown: bool,
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
        Self { kind, message: message.into(), retry_after: None, is_outcome_unknown: false }
    }

    /// The same, when the other side says how long to wait.
    #[must_use]
    pub fn retry_after(mut self, wait: Duration) -> Self {
        self.retry_after = Some(wait);
        self
    }

    /// The same, when the other side may have done what it was asked all the same.
    #[must_use]
    pub fn outcome_unknown(mut self) -> Self {
        self.is_outcome_unknown = true;
        self
    }

    /// The same in other words.
    pub(crate) fn map_message(self, words: impl FnOnce(&str) -> String) -> Self {
        Self { message: words(&self.message), ..self }
    }

    /// What kind it is.
    pub fn kind(&self) -> Kind {
        self.kind
    }

    /// How long the other side wants to be left alone.
    pub fn wait(&self) -> Option<Duration> {
        self.retry_after
    }

    /// Whether the other side may have done what it was asked all the same, so that to ask again may do it twice.
    pub fn is_outcome_unknown(&self) -> bool {
        self.is_outcome_unknown
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

/// Failures of a service by the status that it answers with, as RFC 9110 means them.
#[cfg(feature = "client")]
impl From<crate::client::Error> for Error {
    fn from(error: crate::client::Error) -> Self {
        use crate::client;

        let kind = match error.kind() {
            _ if error.is_transient() => Kind::Unavailable,
            client::Kind::Setup | client::Kind::Request => Kind::Settings,
            client::Kind::Status(status) => match status.as_u16() {
                401 | 403 => Kind::Denied,
                404 | 410 => Kind::NotFound,
                409 => Kind::AlreadyExists,
                _ => Kind::Rejected,
            },
            _ => Kind::Rejected,
        };
        // Who answers 503 did not begin; 500 came of it, and 502 and 504 are of somebody between.
        let is_outcome_unknown = match error.kind() {
            client::Kind::Interrupted | client::Kind::TimedOut => true,
            client::Kind::Status(status) => matches!(status.as_u16(), 500 | 502 | 504),
            _ => false,
        };
        Self { kind, retry_after: error.ask_again_in(), message: error.to_string(), is_outcome_unknown }
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

    #[cfg(feature = "client")]
    #[tokio::test]
    async fn a_status_says_what_kind_of_failure_it_is() {
        use crate::client::stub::{Stub, answer};
        use crate::client::{Client, Request};

        let stub = Stub::serve(|asked| answer(asked.target[1..].parse().expect("a status"), "")).await;
        for (status, kind) in [
            ("400", Kind::Rejected),
            ("401", Kind::Denied),
            ("403", Kind::Denied),
            ("404", Kind::NotFound),
            ("409", Kind::AlreadyExists),
            ("412", Kind::Rejected),
            ("429", Kind::Unavailable),
            ("500", Kind::Unavailable),
            ("503", Kind::Unavailable),
        ] {
            let request = Request::post(stub.url(&format!("/{status}")));
            let answer = Client::default().send(request).await.expect("an answer");
            let error = Error::from(answer.ok().map(drop).expect_err("no success"));
            assert_eq!(error.kind(), kind, "{status}");
        }
    }
}
