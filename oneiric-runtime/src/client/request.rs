//! What is asked of a service.

use bytes::Bytes;
use reqwest::header::{AUTHORIZATION, CONTENT_TYPE, HeaderMap, HeaderName, HeaderValue};
use reqwest::{Method, Url};
use serde::Serialize;

/// A request that is not sent yet. It cannot be printed, because its URL, headers and body may hold credentials.
#[derive(Clone)]
pub struct Request {
    pub(crate) method: Method,
    pub(crate) url: Url,
    pub(crate) headers: HeaderMap,
    pub(crate) body: Bytes,
    pub(super) idempotent: bool,
    /// What is wrong with it, which whoever sends it is told.
    pub(super) fault: Option<String>,
}

impl Request {
    /// A request of this method, without a body.
    pub fn new(method: Method, url: Url) -> Self {
        let idempotent = method.is_idempotent();
        Self { method, url, headers: HeaderMap::new(), body: Bytes::new(), idempotent, fault: None }
    }

    /// A request to read what is there.
    pub fn get(url: Url) -> Self {
        Self::new(Method::GET, url)
    }

    /// A request to do something.
    pub fn post(url: Url) -> Self {
        Self::new(Method::POST, url)
    }

    /// With this header, in place of any of its name. The value may be a credential.
    #[must_use]
    pub fn header(mut self, name: &str, value: &str) -> Self {
        match (HeaderName::try_from(name), HeaderValue::from_str(value)) {
            (Ok(name), Ok(mut value)) => {
                value.set_sensitive(true);
                self.headers.insert(name, value);
            }
            // Not the value, which may be secret.
            _ => self.fault = Some(format!("the header `{name}` cannot be sent")),
        }
        self
    }

    /// With this access token.
    #[must_use]
    pub fn bearer(self, token: &str) -> Self {
        self.header(AUTHORIZATION.as_str(), &format!("Bearer {token}"))
    }

    /// With this body.
    #[must_use]
    pub fn body(mut self, content_type: &str, body: impl Into<Bytes>) -> Self {
        self.body = body.into();
        self.header(CONTENT_TYPE.as_str(), content_type)
    }

    /// With this document as its body.
    #[must_use]
    pub fn json(mut self, document: &impl Serialize) -> Self {
        if let Ok(body) = serde_json::to_vec(document) {
            return self.body("application/json", body);
        }
        self.fault = Some("the body cannot be written as JSON".to_owned());
        self
    }

    /// With these fields as its body, as a browser sends a form.
    #[must_use]
    pub fn form<'a>(self, fields: impl IntoIterator<Item = (&'a str, &'a str)>) -> Self {
        let body = form_urlencoded::Serializer::new(String::new()).extend_pairs(fields).finish();
        self.body("application/x-www-form-urlencoded", body)
    }

    /// As a call that does no harm when it is made twice, as the methods other than `POST` and `PATCH` are anyway. Only
    /// such calls are sent again when it is not known whether the service acted on them.
    #[must_use]
    pub fn idempotent(mut self) -> Self {
        self.idempotent = true;
        self
    }

    /// The scheme, host and port that it goes to. The rest of a URL may be a credential, as in a webhook's.
    pub(super) fn origin(&self) -> String {
        self.url.origin().ascii_serialization()
    }
}
