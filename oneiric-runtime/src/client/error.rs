//! Why there is no answer, or not the one that was asked for.

use std::fmt;
use std::time::Duration;

use reqwest::StatusCode;

use super::request::Request;

/// A call that failed.
///
/// It names the method and the origin. It holds no path, query, header or body, because each of them may be a credential.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Error {
    kind: Kind,
    message: String,
    retry_after: Option<Duration>,
}

/// Kinds of failure.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Kind {
    /// No request can be sent at all: the trusted certificates cannot be read.
    Setup,
    /// The request itself is wrong, and was not sent.
    Request,
    /// No connection: nothing was sent.
    Connect,
    /// The connection broke, and it is not known whether the service acted.
    Interrupted,
    /// There was no answer in time.
    TimedOut,
    /// The host failed often enough to be left alone for a while: nothing was sent.
    Open,
    /// A redirect that is not followed.
    Redirect,
    /// The answer is larger than allowed, or not the document that was expected.
    Body,
    /// The service answered, and this status is not one of success.
    Status(StatusCode),
}

impl Error {
    pub(super) fn new(kind: Kind, request: &Request, detail: &str) -> Self {
        Self::of(kind, &Self::about(request), detail)
    }

    pub(super) fn of(kind: Kind, asked: &str, detail: &str) -> Self {
        Self { kind, message: format!("{asked}: {detail}"), retry_after: None }
    }

    /// What may be said of a request.
    pub(super) fn about(request: &Request) -> String {
        format!("{} {}", request.method, request.origin())
    }

    pub(super) fn retry_after(self, retry_after: Option<Duration>) -> Self {
        Self { retry_after, ..self }
    }

    /// What kind it is.
    pub fn kind(&self) -> Kind {
        self.kind
    }

    /// The status, if the service answered with one of failure.
    pub fn status(&self) -> Option<StatusCode> {
        match self.kind {
            Kind::Status(status) => Some(status),
            _ => None,
        }
    }

    /// When to ask again, if that is known.
    pub fn ask_again_in(&self) -> Option<Duration> {
        self.retry_after
    }

    /// Whether the same call may well succeed later.
    pub fn is_transient(&self) -> bool {
        match self.kind {
            Kind::Connect | Kind::Interrupted | Kind::TimedOut | Kind::Open => true,
            Kind::Setup | Kind::Request | Kind::Redirect | Kind::Body => false,
            Kind::Status(status) => {
                status.is_server_error()
                    || status == StatusCode::TOO_MANY_REQUESTS
                    || status == StatusCode::REQUEST_TIMEOUT
            }
        }
    }
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.message)
    }
}

impl std::error::Error for Error {}
