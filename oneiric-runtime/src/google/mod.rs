//! Who this program is to Google: access tokens for its APIs, and ID tokens for services that check who calls.
//!
//! Credentials are found as Google's own libraries find them ("Application Default Credentials"): a file that is named,
//! by a setting or by `GOOGLE_APPLICATION_CREDENTIALS`; the file that `gcloud auth application-default login` leaves; the
//! metadata server of Cloud Run and its like, at `GCE_METADATA_HOST` if that is set. Nothing is looked for before the
//! first token is needed. What a token is for is left to the adapters.

mod assertion;
mod file;
mod metadata;
#[cfg(test)]
mod tests;

use std::collections::HashMap;
use std::fmt;
use std::path::PathBuf;
use std::sync::{Arc, Mutex, PoisonError};

use serde::Deserialize;
use tokio::sync::OnceCell;

use self::file::File;
use self::metadata::Metadata;
use crate::adapters::{Error, Kind};
use crate::client::{Client, Request, Response, StatusCode, Url};
use crate::renewed::{Lasting, Renewed};
use crate::secret::Secret;

/// What a program asks to be allowed. Which of it it may is for IAM to say, as Google recommends.
const SCOPE: &str = "https://www.googleapis.com/auth/cloud-platform";

/// The credentials of a program, with the tokens that it was given for them. Clones share both.
#[derive(Clone)]
pub struct Credentials(Arc<Inner>);

struct Inner {
    client: Client,
    named: Named,
    source: OnceCell<Source>,
    access: Renewed<Secret>,
    /// By audience.
    identities: Mutex<HashMap<String, Arc<Renewed<Secret>>>>,
}

/// What is said about where credentials are, before anybody looks.
enum Named {
    /// Where this file is, or wherever Google's libraries would look.
    Path(Option<PathBuf>),
    /// There are none, and none are needed.
    Nowhere,
}

/// Where tokens come from.
enum Source {
    File(File),
    Metadata(Metadata),
}

impl Credentials {
    /// The credentials in the file `path`, or the program's own if that is `None`.
    pub fn new(client: &Client, path: Option<PathBuf>) -> Self {
        Self::named(client, Named::Path(path))
    }

    /// The same for a service at `endpoint`, which may be an emulator.
    ///
    /// An emulator knows nobody. Where nothing is encrypted, a token is sent only within this machine, and only if a file
    /// or the environment says whose.
    pub fn for_endpoint(client: &Client, path: Option<PathBuf>, endpoint: &Url) -> Self {
        let says_who = path.is_some() || file::from_env().is_some() || metadata::from_env().is_some();
        let is_safe = endpoint.scheme() == "https" || is_this_machine(endpoint) && says_who;
        Self::named(client, if is_safe { Named::Path(path) } else { Named::Nowhere })
    }

    fn named(client: &Client, named: Named) -> Self {
        Self(Arc::new(Inner {
            client: client.clone(),
            named,
            source: OnceCell::new(),
            access: Renewed::default(),
            identities: Mutex::default(),
        }))
    }

    /// A token for Google's APIs, or `None` for an emulator that needs none.
    ///
    /// # Errors
    ///
    /// When there are no credentials, or Google does not take them, or cannot be asked.
    pub async fn access_token(&self) -> Result<Option<Secret>, Error> {
        let Some(source) = self.source().await? else { return Ok(None) };
        let fetch = || async {
            match source {
                Source::File(file) => file.access_token(&self.0.client).await,
                Source::Metadata(metadata) => metadata.access_token().await,
            }
        };
        self.0.access.get(fetch).await.map(Some)
    }

    /// A token that says to the service `audience` who calls, or `None` for an emulator that needs none.
    ///
    /// # Errors
    ///
    /// As for [`access_token`](Self::access_token); and when the credentials are a person's, for whom there are none.
    pub async fn id_token(&self, audience: &str) -> Result<Option<Secret>, Error> {
        let Some(source) = self.source().await? else { return Ok(None) };
        let fetch = || async {
            let token = match source {
                Source::File(file) => file.id_token(&self.0.client, audience).await,
                Source::Metadata(metadata) => metadata.id_token(audience).await,
            }?;
            let lasts = assertion::lasts(token.expose())
                .ok_or_else(|| Error::new(Kind::Rejected, "what Google gave is no ID token"))?;
            Ok(Lasting { value: token, lasts: Some(lasts) })
        };
        let renewed = {
            let mut identities = self.0.identities.lock().unwrap_or_else(PoisonError::into_inner);
            Arc::clone(identities.entry(audience.to_owned()).or_default())
        };
        renewed.get(fetch).await.map(Some)
    }

    /// Sends a request to one of Google's APIs with an access token. A token that is not taken any more is replaced once.
    ///
    /// # Errors
    ///
    /// When there is no token or no answer. What the answer means is for [`check`] to say.
    pub async fn send(&self, request: Request) -> Result<Response, Error> {
        let Some(token) = self.access_token().await? else { return Ok(self.0.client.send(request).await?) };
        let response = self.0.client.send(request.clone().bearer(token.expose())).await?;
        if response.status() != StatusCode::UNAUTHORIZED {
            return Ok(response);
        }
        self.0.access.forget();
        match self.access_token().await? {
            Some(token) => Ok(self.0.client.send(request.bearer(token.expose())).await?),
            None => Ok(response),
        }
    }

    /// Where tokens come from, if any are needed.
    async fn source(&self) -> Result<Option<&Source>, Error> {
        let Named::Path(path) = &self.0.named else { return Ok(None) };
        let find = || async {
            let path = path.clone().or_else(file::from_env).or_else(file::left_by_gcloud);
            match path {
                Some(path) => File::read(path).await.map(Source::File),
                None => Metadata::new(&self.0.client, metadata::from_env().as_deref()).map(Source::Metadata),
            }
        };
        self.0.source.get_or_try_init(find).await.map(Some)
    }
}

impl fmt::Debug for Credentials {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Credentials").finish_non_exhaustive()
    }
}

/// What a service of Google's says about what went wrong.
#[derive(Deserialize)]
struct Said {
    /// One of the codes of `google.rpc.Code`.
    status: String,
    #[serde(default)]
    message: String,
}

/// The code with which a service says what went wrong, such as `NOT_FOUND`; `None` for success, and for whoever is no
/// service of Google's.
pub fn status(response: &Response) -> Option<String> {
    said(response).map(|said| said.status)
}

/// The answer itself if it says that the service did what was asked.
///
/// # Errors
///
/// What the service says went wrong: its code, and where something is not allowed also what.
pub fn check(response: Response) -> Result<Response, Error> {
    let said = said(&response);
    response.ok().map_err(|error| {
        let error = Error::from(error);
        let detail = match said {
            None => return error,
            // It names a permission and a resource; other messages may quote what was sent.
            Some(Said { status, message }) if status == "PERMISSION_DENIED" => format!("{status}: {message}"),
            Some(Said { status, .. }) => status,
        };
        let named = Error::new(error.kind(), format!("{error} ({detail})"));
        match error.wait() {
            Some(wait) => named.retry_after(wait),
            None => named,
        }
    })
}

fn said(response: &Response) -> Option<Said> {
    #[derive(Deserialize)]
    struct Answer {
        error: Said,
    }

    if response.status().is_success() {
        return None;
    }
    response.json::<Answer>().ok().map(|answer| answer.error)
}

/// Whether a URL is one of this machine's own.
fn is_this_machine(url: &Url) -> bool {
    let host = url.host_str().unwrap_or_default();
    let address = host.trim_matches(['[', ']']).parse::<std::net::IpAddr>();
    host == "localhost" || address.is_ok_and(|address| address.is_loopback())
}
