//! One request over the wire, and its whole answer.

use std::error::Error as _;
use std::time::Duration;

use bytes::BytesMut;

use super::error::{Error, Kind};
use super::request::Request;
use super::response::Response;
use crate::clock::secs;
use crate::tls::Roots;

/// The longest wait for a connection. A server that is there takes it in a fraction of this, also across an ocean.
const CONNECT: Duration = secs(5);

/// Something that carries requests: the network, or what a test puts in its place.
pub(super) trait Transport: Sync {
    /// Sends a request once. An answer whose body is longer than `max_body` bytes is an error.
    fn exchange(
        &self,
        request: &Request,
        max_body: usize,
    ) -> impl Future<Output = Result<Response, Error>> + Send;
}

/// What sends requests over the network to servers that `roots` vouch for.
pub(super) fn build(roots: &Roots) -> Result<reqwest::Client, String> {
    reqwest::Client::builder()
        .tls_backend_preconfigured(roots.config()?)
        .connect_timeout(CONNECT)
        .redirect(reqwest::redirect::Policy::none())
        // Attempts are counted in one place only.
        .retry(reqwest::retry::never())
        // What the environment says about proxies is meant for others.
        .no_proxy()
        .referer(false)
        .user_agent(concat!("oneiric/", env!("CARGO_PKG_VERSION")))
        .build()
        .map_err(describe)
}

impl Transport for reqwest::Client {
    async fn exchange(&self, request: &Request, max_body: usize) -> Result<Response, Error> {
        let failed = |error| failure(request, error);
        let mut answer = self
            .request(request.method.clone(), request.url.clone())
            .headers(request.headers.clone())
            .body(request.body.clone())
            .send()
            .await
            .map_err(failed)?;
        let too_large = || Error::new(Kind::Body, request, &format!("answered more than {max_body} bytes"));
        if answer.content_length().is_some_and(|length| length > max_body as u64) {
            return Err(too_large());
        }
        let mut body = BytesMut::new();
        while let Some(chunk) = answer.chunk().await.map_err(failed)? {
            if body.len() + chunk.len() > max_body {
                return Err(too_large());
            }
            body.extend_from_slice(&chunk);
        }
        Ok(Response::new(request, answer.status(), std::mem::take(answer.headers_mut()), body.freeze()))
    }
}

fn failure(request: &Request, error: reqwest::Error) -> Error {
    let kind = if error.is_connect() {
        Kind::Connect
    } else if error.is_timeout() {
        Kind::TimedOut
    } else if error.is_builder() || error.is_request() && error.source().is_none() {
        Kind::Request
    } else {
        Kind::Interrupted
    };
    Error::new(kind, request, &describe(error))
}

/// The cause of an error, without the URL and without what only repeats that something failed.
fn describe(error: reqwest::Error) -> String {
    let error = error.without_url();
    let mut cause: &dyn std::error::Error = &error;
    while let Some(deeper) = cause.source() {
        cause = deeper;
    }
    cause.to_string()
}
