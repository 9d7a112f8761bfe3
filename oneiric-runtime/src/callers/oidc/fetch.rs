//! How documents of an issuer are fetched.

use std::time::Duration;

use bytes::Bytes;

use crate::client::{Client, Policy, Request, Response, Url};
use crate::clock::{millis, secs};
use crate::task::Retry;

/// The largest document, in bytes. A set of keys has a few kilobytes.
const MAX_DOCUMENT: usize = 256 * 1024;

/// A document, and how long it is good.
#[derive(Clone, Debug)]
pub(super) struct Document {
    pub(super) body: Bytes,
    /// What is left of the `max-age` of `Cache-Control`, if there is one.
    pub(super) max_age: Option<Duration>,
}

/// Something that fetches documents.
pub(super) trait Fetch: Send + Sync + 'static {
    /// The document at `url`, or why it cannot be had.
    fn fetch(&self, url: &str) -> impl Future<Output = Result<Document, String>> + Send;
}

/// A client for documents on which requests wait: it gives up soon.
pub(super) fn client() -> Client {
    Client::new(Policy {
        total: millis(4500),
        attempt: secs(2),
        retry: Retry::attempts(2).base_delay(millis(100)),
        max_body: MAX_DOCUMENT,
        redirects: 2,
    })
}

impl Fetch for Client {
    async fn fetch(&self, url: &str) -> Result<Document, String> {
        let url = Url::parse(url).map_err(|_| "the address of the issuer's keys is none".to_owned())?;
        let response = self.send(Request::get(url)).await.and_then(Response::ok);
        let response = response.map_err(|error| error.to_string())?;
        let age = response.header("age").and_then(|age| age.trim().parse().ok()).unwrap_or_default();
        let max_age = response.header("cache-control").and_then(max_age);
        Ok(Document {
            body: Bytes::copy_from_slice(response.body()),
            max_age: max_age.map(|max_age| max_age.saturating_sub(secs(age))),
        })
    }
}

/// How long a document may be kept: RFC 9111, 5.2.2.
fn max_age(cache_control: &str) -> Option<Duration> {
    let mut directives = cache_control.split(',').map(|one| one.trim().to_ascii_lowercase());
    directives.find_map(|one| match one.strip_prefix("max-age=") {
        Some(seconds) => seconds.trim_matches('"').parse().ok().map(secs),
        None => (one == "no-store" || one == "no-cache").then_some(Duration::ZERO),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn how_long_a_document_is_good_is_read() {
        for (header, expected) in [
            ("public, max-age=19800, must-revalidate, no-transform", Some(secs(19_800))),
            ("Max-Age=5", Some(secs(5))),
            ("no-store", Some(Duration::ZERO)),
            ("max-age=soon", None),
            ("public", None),
            ("", None),
        ] {
            assert_eq!(max_age(header), expected, "{header}");
        }
    }
}
