//! What the server answers: a status and a JSON document.

use bytes::Bytes;
use http_body_util::Full;
use hyper::header::{ALLOW, CONNECTION, CONTENT_TYPE, HeaderValue, RETRY_AFTER, WWW_AUTHENTICATE};
use hyper::{Response, StatusCode};
use serde::Serialize;
use serde_json::json;

/// An answer that is not sent yet.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Answer {
    pub(crate) status: StatusCode,
    pub(crate) body: String,
    /// Seconds after which it is worth asking again.
    pub(crate) retry_after: Option<u32>,
    /// Methods that the path knows.
    pub(crate) allow: Option<&'static str>,
    /// How callers are to show who they are.
    pub(crate) challenge: Option<&'static str>,
    /// Whether this is the last answer on its connection.
    pub(crate) close: bool,
}

impl Answer {
    /// An answer with this document.
    pub(crate) fn json(status: StatusCode, document: &impl Serialize) -> Self {
        let body = serde_json::to_string(document).expect("answers are made of text, numbers and JSON");
        Self { status, body, retry_after: None, allow: None, challenge: None, close: false }
    }

    /// An error by its code, which callers may act on.
    pub(crate) fn error(status: StatusCode, code: &str) -> Self {
        Self::json(status, &json!({ "error": code }))
    }

    /// An error by its code, and for people what it was about.
    pub(crate) fn explained(status: StatusCode, code: &str, detail: &str) -> Self {
        Self::json(status, &json!({ "error": code, "detail": detail }))
    }

    /// A refusal that will pass.
    pub(crate) fn later(code: &str, detail: &str, seconds: u32) -> Self {
        Self { retry_after: Some(seconds), ..Self::explained(StatusCode::SERVICE_UNAVAILABLE, code, detail) }
    }

    /// The answer to a method that the path does not know.
    pub(crate) fn method_not_allowed(allow: &'static str) -> Self {
        Self { allow: Some(allow), ..Self::error(StatusCode::METHOD_NOT_ALLOWED, "method-not-allowed") }
    }

    /// The answer to a caller who has not shown who it is, in the way that `challenge` names.
    pub(crate) fn unauthorized(code: &str, challenge: &'static str) -> Self {
        Self { challenge: Some(challenge), ..Self::error(StatusCode::UNAUTHORIZED, code) }
    }

    /// This answer, as the last one on its connection.
    pub(crate) fn closing(self) -> Self {
        Self { close: true, ..self }
    }

    pub(crate) fn into_response(self) -> Response<Full<Bytes>> {
        let mut response = Response::new(Full::new(Bytes::from(self.body)));
        *response.status_mut() = self.status;
        let headers = response.headers_mut();
        headers.insert(CONTENT_TYPE, HeaderValue::from_static("application/json; charset=utf-8"));
        if let Some(seconds) = self.retry_after {
            headers.insert(RETRY_AFTER, seconds.into());
        }
        if let Some(methods) = self.allow {
            headers.insert(ALLOW, HeaderValue::from_static(methods));
        }
        if let Some(challenge) = self.challenge {
            headers.insert(WWW_AUTHENTICATE, HeaderValue::from_static(challenge));
        }
        if self.close {
            headers.insert(CONNECTION, HeaderValue::from_static("close"));
        }
        response
    }
}
