//! Who this program is to AWS: credentials, and requests that are signed with them.
//!
//! Credentials are found as AWS's own libraries find them: settings; the environment; a profile in the shared files; a
//! web identity, as in EKS; the endpoint of a container, as in ECS; the metadata service of an instance. Nothing is looked
//! for before the first request. What a request is for is left to the adapters.

mod chain;
mod container;
mod instance;
mod profile;
mod signature;
mod web_identity;

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use serde::Deserialize;
use tokio::sync::OnceCell;

use self::chain::Source;
use crate::adapters::{Error, Kind};
use crate::client::{Client, Request, Response};
use crate::clock::Timestamp;
use crate::renewed::{Lasting, Renewed};
use crate::secret::Secret;

/// What the settings of an adapter say of credentials. What they do not say is looked for.
#[derive(Clone, Debug, Default)]
pub struct Named {
    /// The id of an access key.
    pub access_key_id: Option<String>,
    /// Its secret.
    pub secret_access_key: Option<Secret>,
    /// The token that goes with it, if it is a temporary one.
    pub session_token: Option<Secret>,
    /// The profile in the shared files, in place of what the environment says.
    pub profile_name: Option<String>,
}

/// The credentials of a program. Clones share them.
#[derive(Clone)]
pub struct Credentials(Arc<Inner>);

struct Inner {
    client: Client,
    named: Named,
    region: String,
    source: OnceCell<Source>,
    keys: Renewed<Keys>,
}

/// What requests are signed with.
#[derive(Clone, Debug)]
struct Keys {
    access_key_id: String,
    secret_access_key: Secret,
    session_token: Option<Secret>,
}

impl Credentials {
    /// Credentials for services in `region`.
    pub fn new(client: &Client, named: Named, region: &str) -> Self {
        Self(Arc::new(Inner {
            client: client.clone(),
            named,
            region: region.to_owned(),
            source: OnceCell::new(),
            keys: Renewed::default(),
        }))
    }

    /// Sends a request to `service`, signed. Credentials that have ended before their time are replaced once.
    ///
    /// # Errors
    ///
    /// When there are no credentials or no answer. What the answer means is for [`check`] to say.
    pub async fn send(&self, service: &str, request: Request) -> Result<Response, Error> {
        let response = self.sign_and_send(service, request.clone()).await?;
        if !matches!(code(&response).as_deref(), Some("ExpiredTokenException" | "ExpiredToken")) {
            return Ok(response);
        }
        self.0.keys.forget();
        self.sign_and_send(service, request).await
    }

    async fn sign_and_send(&self, service: &str, request: Request) -> Result<Response, Error> {
        let keys = self.keys().await?;
        let signed = signature::sign(request, &keys, (service, &self.0.region), Timestamp::now());
        Ok(self.0.client.send(signed).await?)
    }

    async fn keys(&self) -> Result<Keys, Error> {
        let Inner { client, named, region, source, keys } = &*self.0;
        let environment = |name: &str| std::env::var(name).ok().filter(|value| !value.is_empty());
        let source = source.get_or_try_init(|| chain::find(client, named, region, environment)).await?;
        keys.get(|| source.keys()).await
    }
}

impl fmt::Debug for Credentials {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Credentials").field("region", &self.0.region).finish_non_exhaustive()
    }
}

/// The region that a setting names, or else the environment.
///
/// # Errors
///
/// When neither does.
pub fn region(setting: Option<String>) -> Result<String, Error> {
    let from_env = |name| std::env::var(name).ok().filter(|region: &String| !region.is_empty());
    setting.or_else(|| from_env("AWS_REGION")).or_else(|| from_env("AWS_DEFAULT_REGION")).ok_or_else(|| {
        Error::new(Kind::Settings, "no region: set `region`, or AWS_REGION in the environment")
    })
}

/// Where a service is in a region.
pub fn endpoint(service: &str, region: &str) -> String {
    let domain = if region.starts_with("cn-") { "amazonaws.com.cn" } else { "amazonaws.com" };
    format!("https://{service}.{region}.{domain}")
}

/// The code with which a service that speaks JSON says what went wrong, without the namespace that may be before it.
pub fn code(response: &Response) -> Option<String> {
    #[derive(Deserialize)]
    struct Answer {
        #[serde(rename = "__type")]
        kind: String,
    }

    if response.status().is_success() {
        return None;
    }
    let answer: Answer = response.json().ok()?;
    Some(answer.kind.rsplit('#').next().unwrap_or_default().to_owned())
}

/// The answer itself if it says that the service did what was asked.
///
/// # Errors
///
/// What the service says went wrong, by its code.
pub fn check(response: Response) -> Result<Response, Error> {
    let code = code(&response);
    response.ok().map_err(|error| {
        let error = Error::from(error);
        let Some(code) = code else { return error };
        // AWS answers 400 to much that has a status of its own elsewhere.
        let kind = match code.as_str() {
            "ResourceNotFoundException" => Kind::NotFound,
            "ResourceExistsException" => Kind::AlreadyExists,
            "ThrottlingException"
            | "TooManyRequestsException"
            | "RequestLimitExceeded"
            | "InternalServiceError" => Kind::Unavailable,
            "AccessDeniedException"
            | "ExpiredTokenException"
            | "IncompleteSignatureException"
            | "InvalidClientTokenId"
            | "InvalidSignatureException"
            | "MissingAuthenticationTokenException"
            | "NotAuthorized"
            | "UnrecognizedClientException" => Kind::Denied,
            _ => error.kind(),
        };
        let named = Error::new(kind, format!("{error} ({code})"));
        match error.wait() {
            Some(wait) => named.retry_after(wait),
            None => named,
        }
    })
}

/// Temporary credentials as containers and instances are given them.
#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Given {
    access_key_id: String,
    secret_access_key: Secret,
    token: Option<Secret>,
    expiration: Option<jiff::Timestamp>,
}

impl Given {
    fn lasting(self) -> Lasting<Keys> {
        let keys = Keys {
            access_key_id: self.access_key_id,
            secret_access_key: self.secret_access_key,
            session_token: self.token,
        };
        Lasting { value: keys, lasts: self.expiration.map(until) }
    }
}

/// How long it is until a time; nothing, if that is past.
fn until(time: jiff::Timestamp) -> Duration {
    Timestamp(time.as_microsecond()).since(Timestamp::now())
}

#[cfg(test)]
mod tests;
