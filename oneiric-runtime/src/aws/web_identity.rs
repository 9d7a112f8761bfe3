//! A token of somebody that AWS trusts, as a Kubernetes cluster gives it to a pod, taken to STS for temporary credentials.
//!
//! The action is `AssumeRoleWithWebIdentity` of <https://docs.aws.amazon.com/STS/latest/APIReference/>.

use std::path::PathBuf;

use super::{Keys, until};
use crate::adapters::{Error, Kind};
use crate::client::{Client, Request, StatusCode, Url};
use crate::disk;
use crate::renewed::Lasting;
use crate::secret::Secret;

/// A role that a token opens.
pub(super) struct WebIdentity {
    client: Client,
    endpoint: Url,
    /// Where the token is. It is replaced there before it ends.
    file: PathBuf,
    role: String,
    session: String,
}

impl WebIdentity {
    pub(super) fn new(
        client: &Client,
        (file, role, session): (PathBuf, String, Option<String>),
        region: &str,
        endpoint: Option<String>,
    ) -> Result<Self, Error> {
        let endpoint = endpoint.unwrap_or_else(|| super::endpoint("sts", region));
        let endpoint =
            Url::parse(&endpoint).map_err(|_| Error::new(Kind::Settings, "the endpoint of STS is no URL"))?;
        let session = session.unwrap_or_else(|| "oneiric".to_owned());
        Ok(Self { client: client.clone(), endpoint, file, role, session })
    }

    pub(super) async fn keys(&self) -> Result<Lasting<Keys>, Error> {
        let token = disk::read(&*self.file).await.map_err(|error| {
            let message = format!("the web identity token `{}` cannot be read: {error}", self.file.display());
            Error::new(Kind::Settings, message)
        })?;
        let token = String::from_utf8_lossy(&token);
        let form = [
            ("Action", "AssumeRoleWithWebIdentity"),
            ("Version", "2011-06-15"),
            ("RoleArn", &self.role),
            ("RoleSessionName", &self.session),
            ("WebIdentityToken", token.trim()),
        ];
        let response = self.client.send(Request::post(self.endpoint.clone()).form(form).idempotent()).await?;
        let text = String::from_utf8_lossy(response.body()).into_owned();
        if matches!(response.status(), StatusCode::BAD_REQUEST | StatusCode::FORBIDDEN) {
            let code = element(&text, "Code").unwrap_or("no reason");
            let message = format!("AWS does not let this program take the role `{}` ({code})", self.role);
            return Err(Error::new(Kind::Denied, message));
        }
        response.ok()?;
        read(&text).ok_or_else(|| Error::new(Kind::Rejected, "STS answered something else than credentials"))
    }
}

fn read(answer: &str) -> Option<Lasting<Keys>> {
    let secret = |name| element(answer, name).map(Secret::new);
    let keys = Keys {
        access_key_id: element(answer, "AccessKeyId")?.to_owned(),
        secret_access_key: secret("SecretAccessKey")?,
        session_token: Some(secret("SessionToken")?),
    };
    let ends = element(answer, "Expiration")?.parse().ok()?;
    Some(Lasting { value: keys, lasts: Some(until(ends)) })
}

/// The text of the element `name` in a document of XML where the name is used once, as in all answers of STS. None of the
/// texts that are looked for has characters that XML escapes.
fn element<'a>(document: &'a str, name: &str) -> Option<&'a str> {
    let (_, rest) = document.split_once(&format!("<{name}>"))?;
    let (text, _) = rest.split_once(&format!("</{name}>"))?;
    (!text.contains(['<', '&'])).then_some(text.trim())
}
