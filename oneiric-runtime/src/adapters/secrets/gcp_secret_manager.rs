//! Secrets in Google Secret Manager.
//!
//! The secret `db-password` is the secret of that name in the project. Without a version in the reference, as in
//! `${secret:db-password@3}`, it is `default_version`: a number, `latest`, or an alias. A version that is disabled or
//! destroyed is a fault, not a miss. What arrives is checked against the CRC32C that comes with it.
//!
//! The program needs the role `roles/secretmanager.secretAccessor`. Who it is, it finds out as Google's own libraries do:
//! from `credentials_file`, `GOOGLE_APPLICATION_CREDENTIALS`, or the metadata server of Cloud Run.

use std::path::PathBuf;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use futures_util::future::BoxFuture;
use serde::Deserialize;

use super::{SecretSource, text};
use crate::adapters::{Adapter, Error, Kind, Setup};
use crate::client::{Request, Url};
use crate::google::{self, Credentials};
use crate::secret::Secret;

/// Which secrets are read, and as whom.
#[derive(Debug, Deserialize)]
#[cfg_attr(feature = "catalog", derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
pub struct Settings {
    /// The project that the secrets are in, by its id or number.
    pub project_id: String,
    /// A file with the key of a service account, or with a user's credentials. Without it, the program's own are found.
    #[serde(default)]
    pub credentials_file: Option<PathBuf>,
    /// The version of secrets for which the manifest names none.
    #[serde(default = "latest")]
    pub default_version: String,
    /// A secret that is read to find out whether this works. Without it, only an access token is asked for.
    #[serde(default)]
    pub healthcheck_secret: Option<String>,
    /// Where the service is, if not at Google.
    #[serde(default = "google_endpoint")]
    pub endpoint: String,
}

fn latest() -> String {
    "latest".to_owned()
}

fn google_endpoint() -> String {
    "https://secretmanager.googleapis.com".to_owned()
}

/// Google Secret Manager as a source of secrets.
#[derive(Debug)]
pub struct GcpSecretManager {
    settings: Settings,
    endpoint: Url,
    credentials: Credentials,
}

impl Adapter for GcpSecretManager {
    const ID: &'static str = "secrets.gcp-secret-manager";
    type Settings = Settings;

    async fn open(settings: Settings, setup: &Setup<'_>) -> Result<Self, Error> {
        let endpoint = Url::parse(&settings.endpoint)
            .ok()
            .filter(|endpoint| matches!(endpoint.scheme(), "http" | "https"))
            .ok_or_else(|| Error::new(Kind::Settings, "`endpoint` is no URL"))?;
        if !is_name(&settings.default_version) {
            return Err(Error::new(Kind::Settings, "`default_version` is no version"));
        }
        let path = settings.credentials_file.clone();
        let credentials = Credentials::for_endpoint(setup.client(), path, &endpoint);
        Ok(Self { settings, endpoint, credentials })
    }

    async fn health(&self) -> Result<(), Error> {
        let Some(name) = &self.settings.healthcheck_secret else {
            return self.credentials.access_token().await.map(drop);
        };
        match self.access(name, None).await? {
            Some(_) => Ok(()),
            None => Err(Error::new(Kind::NotFound, format!("there is no secret `{name}` to check the health by"))),
        }
    }
}

impl SecretSource for GcpSecretManager {
    fn read<'a>(
        &'a self,
        name: &'a str,
        version: Option<&'a str>,
    ) -> BoxFuture<'a, Result<Option<Secret>, Error>> {
        Box::pin(self.access(name, version))
    }
}

impl GcpSecretManager {
    /// `projects.secrets.versions.access` of <https://cloud.google.com/secret-manager/docs/reference/rest>.
    async fn access(&self, name: &str, version: Option<&str>) -> Result<Option<Secret>, Error> {
        let version = version.unwrap_or(&self.settings.default_version);
        if !is_name(version) {
            return Err(Error::new(Kind::Settings, format!("`{version}` is no version")));
        }
        // What cannot be the name of a secret is the name of none.
        if !is_name(name) {
            return Ok(None);
        }
        let mut url = self.endpoint.clone();
        let project = &*self.settings.project_id;
        let version = format!("{version}:access");
        url.path_segments_mut()
            .map_err(|()| Error::new(Kind::Settings, "`endpoint` is no URL"))?
            .pop_if_empty()
            .extend(["v1", "projects", project, "secrets", name, "versions", &version]);
        let response = self.credentials.send(Request::get(url)).await?;
        if google::status(&response).as_deref() == Some("NOT_FOUND") {
            return Ok(None);
        }
        let answer: Answer = google::check(response)?.json()?;
        answer.payload.secret().map(Some)
    }
}

/// Whether this may be the name of a secret, or of a version of one.
fn is_name(name: &str) -> bool {
    let fits = |byte: u8| byte.is_ascii_alphanumeric() || byte == b'-' || byte == b'_';
    (1..=255).contains(&name.len()) && name.bytes().all(fits)
}

/// `AccessSecretVersionResponse`.
#[derive(Deserialize)]
struct Answer {
    payload: Payload,
}

/// `SecretPayload`.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Payload {
    #[serde(default)]
    data: String,
    /// A number that JSON has as text, because it is one of 64 bits.
    data_crc32c: Option<String>,
}

impl Payload {
    fn secret(self) -> Result<Secret, Error> {
        let data = STANDARD.decode(self.data).map_err(|_| Error::new(Kind::Rejected, "the payload is not in Base64"))?;
        if self.data_crc32c.is_some_and(|sum| sum != crc32c::crc32c(&data).to_string()) {
            return Err(Error::new(Kind::Unavailable, "the payload arrived with another checksum than it was sent with"));
        }
        text(data)
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::super::conformance::{self, TEXT};
    use super::*;
    use crate::client::stub::{Answer, Asked, Stub, answer};

    const NAME: &str = "db-password";

    /// Secret Manager with one secret in two versions. It takes only what the real one would.
    fn manager(asked: &Asked) -> Answer {
        let refuse = |code, status: &str| answer(code, json!({ "error": { "status": status, "message": "" } }).to_string());
        assert_eq!((asked.method.as_str(), asked.body.len()), ("GET", 0));
        let path = asked.target.strip_prefix("/v1/projects/demo/secrets/").expect("a secret of the project");
        let (name, version) = path.split_once("/versions/").expect("a version");
        let version = version.strip_suffix(":access").expect("the action");
        assert!(!name.contains(['/', '.', '%', '?']), "{name}");
        let give = |text: &str| {
            let sum = crc32c::crc32c(text.as_bytes()).to_string();
            let payload = json!({ "data": STANDARD.encode(text), "dataCrc32c": sum });
            answer(200, json!({ "name": "n", "payload": payload }).to_string())
        };
        match (name, version) {
            (NAME, "latest" | "2") => give(TEXT),
            (NAME, "1") => give("old"),
            (NAME, "3") => refuse(400, "FAILED_PRECONDITION"),
            ("denied", _) => refuse(403, "PERMISSION_DENIED"),
            ("damaged", _) => answer(200, r#"{"payload": {"data": "Y2FuYXJ5", "dataCrc32c": "1"}}"#),
            ("binary", _) => answer(200, r#"{"payload": {"data": "/w=="}}"#),
            ("astray", _) => answer(404, "<html>no such page</html>"),
            _ => refuse(404, "NOT_FOUND"),
        }
    }

    async fn open(stub: &Stub) -> GcpSecretManager {
        // The stub is not of this machine by its name, so that no developer's credentials are looked for.
        let endpoint = format!("http://127.0.0.1.nip.invalid:{}", stub.url("/").port().expect("a port"));
        let mut manager: GcpSecretManager =
            conformance::open(json!({ "project_id": "demo", "endpoint": endpoint })).await.expect("settings");
        manager.endpoint = stub.url("/");
        manager
    }

    #[tokio::test]
    async fn it_is_a_source_of_secrets() {
        let stub = Stub::serve(manager).await;
        let source = open(&stub).await;
        conformance::holds(&source, NAME, TEXT).await;
        for (name, kind) in [
            ("denied", Kind::Denied),
            ("damaged", Kind::Unavailable),
            ("binary", Kind::Rejected),
            // Whoever says that has not looked for a secret.
            ("astray", Kind::NotFound),
        ] {
            conformance::fails(&source, name, kind).await;
        }
        stub.stop().await;
        conformance::fails(&source, NAME, Kind::Unavailable).await;
    }

    #[tokio::test]
    async fn a_version_is_the_one_that_is_asked_for() {
        let stub = Stub::serve(manager).await;
        let source = open(&stub).await;
        let read = async |version| source.read(NAME, version).await.map(|found| found.map(|it| it.expose().to_owned()));
        assert_eq!(read(Some("1")).await, Ok(Some("old".to_owned())));
        assert_eq!(read(Some("2")).await, Ok(Some(TEXT.to_owned())));
        assert_eq!(read(Some("9")).await, Ok(None));
        assert_eq!(read(Some("3")).await.map_err(|error| error.kind()), Err(Kind::Rejected), "it is disabled");
        assert_eq!(read(Some("1/x")).await.map_err(|error| error.kind()), Err(Kind::Settings));
    }

    #[tokio::test]
    async fn health_is_whether_the_secret_for_it_can_be_read() {
        let stub = Stub::serve(manager).await;
        let mut source = open(&stub).await;
        assert_eq!(source.health().await, Ok(()));
        for (name, expected) in [(NAME, None), ("none", Some(Kind::NotFound)), ("denied", Some(Kind::Denied))] {
            source.settings.healthcheck_secret = Some(name.to_owned());
            assert_eq!(source.health().await.err().map(|error| error.kind()), expected, "{name}");
        }
    }

    #[tokio::test]
    async fn settings_that_cannot_work_are_refused() {
        for settings in [
            json!({ "project_id": "demo", "endpoint": "secretmanager" }),
            json!({ "project_id": "demo", "default_version": "" }),
        ] {
            let refused = conformance::open::<GcpSecretManager>(settings).await;
            assert_eq!(refused.expect_err("refused").kind(), Kind::Settings);
        }
    }
}
