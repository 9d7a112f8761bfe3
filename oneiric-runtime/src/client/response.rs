//! What a service answers.

use std::time::Duration;

use bytes::Bytes;
use reqwest::StatusCode;
use reqwest::header::{HeaderMap, RETRY_AFTER};
use serde::de::DeserializeOwned;

use super::error::{Error, Kind};
use super::request::Request;
use super::retry;

/// An answer, whole. It cannot be printed, because its body may be a secret.
pub struct Response {
    status: StatusCode,
    headers: HeaderMap,
    body: Bytes,
    /// What was asked, for errors.
    asked: String,
}

impl Response {
    pub(super) fn new(request: &Request, status: StatusCode, headers: HeaderMap, body: Bytes) -> Self {
        Self { status, headers, body, asked: Error::about(request) }
    }

    /// Its status.
    pub fn status(&self) -> StatusCode {
        self.status
    }

    /// A header of this name, if there is one and it is text.
    pub fn header(&self, name: &str) -> Option<&str> {
        self.headers.get(name)?.to_str().ok()
    }

    /// Its body.
    pub fn body(&self) -> &[u8] {
        &self.body
    }

    /// Itself if the service did what was asked.
    ///
    /// # Errors
    ///
    /// [`Kind::Status`] if its status is not one of success.
    pub fn ok(self) -> Result<Self, Error> {
        if self.status.is_success() {
            return Ok(self);
        }
        let error = self.fault(Kind::Status(self.status), &format!("answered {}", self.status));
        Err(error.retry_after(self.retry_after()))
    }

    /// The document in its body.
    ///
    /// # Errors
    ///
    /// [`Kind::Body`] if it is not such a document. The error says where, and quotes nothing.
    pub fn json<T: DeserializeOwned>(&self) -> Result<T, Error> {
        serde_json::from_slice(&self.body).map_err(|error| {
            let what = if error.is_data() { "another document than expected" } else { "no JSON" };
            let place = format!("answered {what} (line {}, column {})", error.line(), error.column());
            self.fault(Kind::Body, &place)
        })
    }

    /// When the service wants to be asked again.
    pub(super) fn retry_after(&self) -> Option<Duration> {
        retry::parse(self.header(RETRY_AFTER.as_str())?)
    }

    fn fault(&self, kind: Kind, detail: &str) -> Error {
        Error::of(kind, &self.asked, detail)
    }
}
