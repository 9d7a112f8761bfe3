//! The endpoint from which a container gets credentials, in ECS, EKS Pod Identity and their like.
//!
//! As in <https://docs.aws.amazon.com/sdkref/latest/guide/feature-container-credentials.html>.

use std::path::PathBuf;

use super::{Given, Keys};
use crate::adapters::{Error, Kind};
use crate::client::{Client, Request, Url};
use crate::disk;
use crate::renewed::Lasting;
use crate::secret::Secret;

/// Where ECS's agent listens, for containers on the same machine.
const AGENT: &str = "http://169.254.170.2";

/// Hosts that may be asked without encryption, because they are on this machine.
const LOCAL: [&str; 6] =
    ["169.254.170.2", "169.254.170.23", "[fd00:ec2::23]", "localhost", "127.0.0.1", "[::1]"];

/// An endpoint that gives credentials.
pub(super) struct Container {
    client: Client,
    url: Url,
    token: Option<Token>,
}

/// What the endpoint wants to be shown.
enum Token {
    Text(Secret),
    /// In a file, which changes.
    File(PathBuf),
}

impl Container {
    /// The endpoint that the environment names.
    pub(super) fn find(
        client: &Client,
        environment: &(impl Fn(&str) -> Option<String> + Sync),
    ) -> Result<Option<Self>, Error> {
        let relative =
            environment("AWS_CONTAINER_CREDENTIALS_RELATIVE_URI").map(|path| format!("{AGENT}{path}"));
        let Some(url) = relative.or_else(|| environment("AWS_CONTAINER_CREDENTIALS_FULL_URI")) else {
            return Ok(None);
        };
        let fault =
            |what: &str| Error::new(Kind::Settings, format!("the endpoint of container credentials {what}"));
        let url = Url::parse(&url).map_err(|_| fault("is no URL"))?;
        if url.scheme() != "https" && !url.host_str().is_some_and(|host| LOCAL.contains(&host)) {
            return Err(fault("is neither encrypted nor on this machine"));
        }
        let file = environment("AWS_CONTAINER_AUTHORIZATION_TOKEN_FILE").map(|path| Token::File(path.into()));
        let text =
            || environment("AWS_CONTAINER_AUTHORIZATION_TOKEN").map(|text| Token::Text(Secret::new(text)));
        Ok(Some(Self { client: client.clone(), url, token: file.or_else(text) }))
    }

    pub(super) async fn keys(&self) -> Result<Lasting<Keys>, Error> {
        let mut request = Request::get(self.url.clone());
        match &self.token {
            Some(Token::Text(token)) => request = request.header("authorization", token.expose()),
            Some(Token::File(path)) => {
                let token = disk::read(&**path).await.map_err(|error| {
                    let message = format!("the token `{}` cannot be read: {error}", path.display());
                    Error::new(Kind::Settings, message)
                })?;
                request = request.header("authorization", String::from_utf8_lossy(&token).trim());
            }
            None => {}
        }
        let response = self.client.send(request).await?.ok()?;
        Ok(response.json::<Given>()?.lasting())
    }
}
