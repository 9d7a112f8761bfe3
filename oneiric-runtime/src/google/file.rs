//! Credentials in a file: a service account's key, or a person's refresh token.
//!
//! Both are taken to a token endpoint: the key as an assertion that it signs (RFC 7523), the refresh token as it is
//! (RFC 6749, section 6).

use std::env;
use std::path::{Path, PathBuf};

use serde::Deserialize;

use super::SCOPE;
use super::assertion::Signer;
use super::metadata::Token;
use crate::adapters::{Error, Kind};
use crate::client::{Client, Request, Response, StatusCode, Url};
use crate::disk;
use crate::renewed::Lasting;
use crate::secret::Secret;

/// Where tokens are given, where the file does not say.
const TOKEN_URI: &str = "https://oauth2.googleapis.com/token";

/// The grant of RFC 7523.
const ASSERTION: &str = "urn:ietf:params:oauth:grant-type:jwt-bearer";

/// Credentials that were read from a file.
pub(super) struct File {
    path: PathBuf,
    token_uri: Url,
    holder: Holder,
}

/// Whose credentials they are.
enum Holder {
    ServiceAccount(Box<Signer>),
    User(User),
}

#[derive(Deserialize)]
struct User {
    client_id: String,
    client_secret: Secret,
    refresh_token: Secret,
}

#[derive(Deserialize)]
struct ServiceAccount {
    client_email: String,
    private_key_id: String,
    private_key: Secret,
}

/// The file that the environment names.
pub(super) fn from_env() -> Option<PathBuf> {
    env::var_os("GOOGLE_APPLICATION_CREDENTIALS").filter(|path| !path.is_empty()).map(PathBuf::from)
}

/// The file that `gcloud auth application-default login` leaves, if it is there.
pub(super) fn left_by_gcloud() -> Option<PathBuf> {
    let folder = match env::var_os("CLOUDSDK_CONFIG") {
        Some(folder) => PathBuf::from(folder),
        None => PathBuf::from(env::var_os("HOME")?).join(".config/gcloud"),
    };
    let path = folder.join("application_default_credentials.json");
    path.is_file().then_some(path)
}

impl File {
    pub(super) async fn read(path: PathBuf) -> Result<Self, Error> {
        let text =
            disk::read(&*path).await.map_err(|error| fault(&path, &format!("cannot be read: {error}")))?;
        Self::parse(path, &text)
    }

    fn parse(path: PathBuf, text: &[u8]) -> Result<Self, Error> {
        #[derive(Deserialize)]
        struct Head {
            r#type: String,
            token_uri: Option<String>,
        }

        let head: Head = document(&path, text)?;
        let holder = match head.r#type.as_str() {
            "service_account" => {
                let account: ServiceAccount = document(&path, text)?;
                let signer = Signer::new(account.client_email, account.private_key_id, &account.private_key);
                Holder::ServiceAccount(Box::new(signer.map_err(|what| fault(&path, what))?))
            }
            "authorized_user" => Holder::User(document(&path, text)?),
            other => {
                let what =
                    format!("is of the type `{other}`; known are `service_account` and `authorized_user`");
                return Err(fault(&path, &what));
            }
        };
        let token_uri = head.token_uri.as_deref().unwrap_or(TOKEN_URI);
        let token_uri =
            Url::parse(token_uri).map_err(|_| fault(&path, "has a `token_uri` that is no URL"))?;
        Ok(Self { path, token_uri, holder })
    }

    pub(super) async fn access_token(&self, client: &Client) -> Result<Lasting<Secret>, Error> {
        let response = match &self.holder {
            Holder::ServiceAccount(signer) => {
                let assertion = signer.assertion(self.token_uri.as_str(), ("scope", SCOPE))?;
                self.exchange(client, &[("grant_type", ASSERTION), ("assertion", assertion.expose())]).await?
            }
            Holder::User(user) => {
                let form = [
                    ("grant_type", "refresh_token"),
                    ("client_id", &*user.client_id),
                    ("client_secret", user.client_secret.expose()),
                    ("refresh_token", user.refresh_token.expose()),
                ];
                self.exchange(client, &form).await?
            }
        };
        Ok(response.json::<Token>()?.lasting())
    }

    pub(super) async fn id_token(&self, client: &Client, audience: &str) -> Result<Secret, Error> {
        #[derive(Deserialize)]
        struct Answer {
            id_token: Secret,
        }

        let Holder::ServiceAccount(signer) = &self.holder else {
            return Err(fault(
                &self.path,
                "is a person's, and ID tokens for a service are only for service accounts",
            ));
        };
        let assertion = signer.assertion(self.token_uri.as_str(), ("target_audience", audience))?;
        let form = [("grant_type", ASSERTION), ("assertion", assertion.expose())];
        Ok(self.exchange(client, &form).await?.json::<Answer>()?.id_token)
    }

    async fn exchange(&self, client: &Client, form: &[(&str, &str)]) -> Result<Response, Error> {
        // A second token does no harm.
        let request = Request::post(self.token_uri.clone()).form(form.iter().copied()).idempotent();
        let response = client.send(request).await?;
        match response.status() {
            StatusCode::BAD_REQUEST | StatusCode::UNAUTHORIZED | StatusCode::FORBIDDEN => {
                let what = format!("holds credentials that Google does not take{}", refusal(&response));
                Err(Error::new(Kind::Denied, fault(&self.path, &what).to_string()))
            }
            _ => Ok(response.ok()?),
        }
    }
}

/// The code with which a token endpoint refuses (RFC 6749, 5.2), in brackets.
fn refusal(response: &Response) -> String {
    #[derive(Deserialize)]
    struct Answer {
        error: String,
    }

    match response.json::<Answer>() {
        Ok(Answer { error }) if error.bytes().all(|byte| byte.is_ascii_lowercase() || byte == b'_') => {
            format!(" ({error})")
        }
        _ => String::new(),
    }
}

/// The document in a file of credentials. What is wrong with it is told by its place only, because it is secret.
fn document<'de, T: Deserialize<'de>>(path: &Path, text: &'de [u8]) -> Result<T, Error> {
    serde_json::from_slice(text).map_err(|error| {
        let what = if error.is_data() { "holds something else than expected" } else { "is no JSON" };
        fault(path, &format!("{what} (line {}, column {})", error.line(), error.column()))
    })
}

fn fault(path: &Path, what: &str) -> Error {
    Error::new(Kind::Settings, format!("the credentials file `{}` {what}", path.display()))
}
