//! The metadata service of an EC2 instance, in its second version.
//!
//! As in <https://docs.aws.amazon.com/AWSEC2/latest/UserGuide/instancedata-data-retrieval.html>. The first version, which
//! gives credentials to whoever can have a URL read, is not asked.

use super::{Given, Keys};
use crate::adapters::{Error, Kind};
use crate::client::{self, Client, Method, Policy, Request, Response, Url};
use crate::clock::secs;
use crate::renewed::Lasting;
use crate::secret::Secret;

/// Where it is on every instance.
const ENDPOINT: &str = "http://169.254.169.254";

const CREDENTIALS: &str = "/latest/meta-data/iam/security-credentials/";

/// The metadata service.
pub(super) struct Instance {
    client: Client,
    endpoint: Url,
}

impl Instance {
    pub(super) fn new(
        client: &Client,
        environment: &(impl Fn(&str) -> Option<String> + Sync),
    ) -> Result<Self, Error> {
        let endpoint = environment("AWS_EC2_METADATA_SERVICE_ENDPOINT");
        let endpoint = Url::parse(endpoint.as_deref().unwrap_or(ENDPOINT))
            .map_err(|_| Error::new(Kind::Settings, "AWS_EC2_METADATA_SERVICE_ENDPOINT is no URL"))?;
        // It is next door. Where there is none, nobody should wait long to hear so.
        let policy = Policy { total: secs(6), attempt: secs(2), ..Policy::default() };
        Ok(Self { client: client.with_policy(policy), endpoint })
    }

    pub(super) async fn keys(&self) -> Result<Lasting<Keys>, Error> {
        let token = self.token().await?;
        let roles = self.get(CREDENTIALS, &token).await?;
        let roles = String::from_utf8_lossy(roles.body());
        let role = roles.lines().next().unwrap_or_default().trim();
        let given = self.get(&format!("{CREDENTIALS}{role}"), &token).await?;
        Ok(given.json::<Given>()?.lasting())
    }

    /// What the service wants to be shown by whoever asks.
    async fn token(&self) -> Result<Secret, Error> {
        let request = Request::new(Method::PUT, self.url("/latest/api/token")?)
            .header("x-aws-ec2-metadata-token-ttl-seconds", "300");
        let sent = self.client.send(request).await;
        let response = sent.map_err(|error| match error.kind() {
            client::Kind::Connect | client::Kind::TimedOut => Error::new(
                Kind::Unavailable,
                format!(
                    "there are no AWS credentials in the settings, the environment, a profile or a container, and \
                     there is no metadata service ({error})"
                ),
            ),
            _ => error.into(),
        })?;
        Ok(Secret::new(String::from_utf8_lossy(response.ok()?.body()).trim()))
    }

    async fn get(&self, path: &str, token: &Secret) -> Result<Response, Error> {
        let request = Request::get(self.url(path)?).header("x-aws-ec2-metadata-token", token.expose());
        Ok(self.client.send(request).await?.ok()?)
    }

    fn url(&self, path: &str) -> Result<Url, Error> {
        self.endpoint
            .join(path)
            .map_err(|_| Error::new(Kind::Settings, "the metadata service has no such path"))
    }
}
