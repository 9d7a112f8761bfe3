//! The metadata server, which tells a program on Google Cloud who it is.
//!
//! The protocol is that of <https://cloud.google.com/compute/docs/metadata/querying-metadata>.

use std::env;

use serde::Deserialize;

use super::SCOPE;
use crate::adapters::{Error, Kind};
use crate::client::{self, Client, Policy, Request, Response, Url};
use crate::clock::secs;
use crate::renewed::Lasting;
use crate::secret::Secret;

/// Where it is, where nothing says otherwise.
const HOST: &str = "metadata.google.internal";

/// What both sides say of themselves, so that neither takes somebody else for the other.
const FLAVOR: (&str, &str) = ("metadata-flavor", "Google");

/// The metadata server.
pub(super) struct Metadata {
    client: Client,
    /// The URL of what it knows of the program's service account.
    account: Url,
}

/// The host that the environment names.
pub(super) fn from_env() -> Option<String> {
    env::var("GCE_METADATA_HOST").ok().filter(|host| !host.is_empty())
}

impl Metadata {
    pub(super) fn new(client: &Client, host: Option<&str>) -> Result<Self, Error> {
        let host = host.unwrap_or(HOST);
        let account = format!("http://{host}/computeMetadata/v1/instance/service-accounts/default/");
        let account = Url::parse(&account)
            .map_err(|_| Error::new(Kind::Settings, "GCE_METADATA_HOST is no host, or host and port"))?;
        // It is next door. Where there is none, nobody should wait long to hear so.
        let policy = Policy { total: secs(10), attempt: secs(3), ..Policy::default() };
        Ok(Self { client: client.with_policy(policy), account })
    }

    pub(super) async fn access_token(&self) -> Result<Lasting<Secret>, Error> {
        let response = self.ask("token", ("scopes", SCOPE)).await?;
        Ok(response.json::<Token>()?.lasting())
    }

    pub(super) async fn id_token(&self, audience: &str) -> Result<Secret, Error> {
        let response = self.ask("identity", ("audience", audience)).await?;
        match std::str::from_utf8(response.body()) {
            Ok(token) => Ok(Secret::new(token.trim())),
            Err(_) => Err(Error::new(Kind::Rejected, "the metadata server answered no text")),
        }
    }

    async fn ask(&self, what: &str, (name, value): (&str, &str)) -> Result<Response, Error> {
        let mut url =
            self.account.join(what).map_err(|error| Error::new(Kind::Settings, error.to_string()))?;
        url.query_pairs_mut().append_pair(name, value);
        if what == "identity" {
            // Without it the token does not say the account's e-mail address.
            url.query_pairs_mut().append_pair("format", "full");
        }
        let sent = self.client.send(Request::get(url).header(FLAVOR.0, FLAVOR.1)).await;
        let response = sent.map_err(|error| match error.kind() {
            client::Kind::Connect => Error::new(
                Kind::Unavailable,
                format!(
                    "there are no Google credentials: GOOGLE_APPLICATION_CREDENTIALS names no file, and there is no \
                     metadata server ({error})"
                ),
            ),
            _ => error.into(),
        })?;
        if response.header(FLAVOR.0) != Some(FLAVOR.1) {
            return Err(Error::new(
                Kind::Unavailable,
                "what answers in the metadata server's place is another",
            ));
        }
        Ok(response.ok()?)
    }
}

/// An access token as the metadata server and the token endpoint give it (RFC 6749, 5.1).
#[derive(Deserialize)]
pub(super) struct Token {
    access_token: Secret,
    /// Seconds.
    expires_in: u64,
}

impl Token {
    pub(super) fn lasting(self) -> Lasting<Secret> {
        Lasting { value: self.access_token, lasts: Some(secs(self.expires_in)) }
    }
}
