//! Secrets in AWS Secrets Manager.
//!
//! The secret `db-password` is the secret of that name, or ARN, in the region. A version in the reference, as in
//! `${secret:db-password@AWSPREVIOUS}`, is a staging label, or the id of a version, which has 32 characters or more.
//! Without one it is `version_stage`, or else the current version. A secret that is marked for deletion is a fault, not a
//! miss.
//!
//! The program needs the permission `secretsmanager:GetSecretValue`. Who it is, it finds out as AWS's own libraries do: from
//! these settings, the environment, the shared files, a web identity, or the metadata of its container or instance.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use futures_util::future::BoxFuture;
use serde::{Deserialize, Serialize};

use super::{SecretSource, text};
use crate::adapters::{Adapter, Error, Kind, Setup};
use crate::aws::{self, Credentials, Named};
use crate::client::{Request, Url};
use crate::secret::Secret;

/// Which secrets are read, and as whom.
#[derive(Debug, Default, Deserialize)]
#[cfg_attr(feature = "catalog", derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields, default)]
pub struct Settings {
    /// The region that the secrets are in. Without it, `AWS_REGION`.
    pub region: Option<String>,
    /// Where the service is, if not at AWS.
    pub endpoint_url: Option<String>,
    /// A profile in the shared files, in place of the credentials in the environment.
    pub profile_name: Option<String>,
    /// The id of an access key, in place of all other credentials.
    pub access_key_id: Option<String>,
    /// The secret of that key.
    pub secret_access_key: Option<Secret>,
    /// The token that goes with that key, if it is a temporary one.
    pub session_token: Option<Secret>,
    /// A secret that is read to find out whether this works. Without it, nothing is asked.
    pub healthcheck_secret: Option<String>,
    /// The staging label of the version that is read where the manifest names none.
    pub version_stage: Option<String>,
}

/// AWS Secrets Manager as a source of secrets.
#[derive(Debug)]
pub struct AwsSecretManager {
    endpoint: Url,
    credentials: Credentials,
    healthcheck_secret: Option<String>,
    version_stage: Option<String>,
}

impl Adapter for AwsSecretManager {
    const ID: &'static str = "secrets.aws-secret-manager";
    type Settings = Settings;

    async fn open(settings: Settings, setup: &Setup<'_>) -> Result<Self, Error> {
        let region = aws::region(settings.region)?;
        let endpoint = settings.endpoint_url.unwrap_or_else(|| aws::endpoint("secretsmanager", &region));
        let endpoint =
            Url::parse(&endpoint).map_err(|_| Error::new(Kind::Settings, "`endpoint_url` is no URL"))?;
        let named = Named {
            access_key_id: settings.access_key_id,
            secret_access_key: settings.secret_access_key,
            session_token: settings.session_token,
            profile_name: settings.profile_name,
        };
        Ok(Self {
            endpoint,
            credentials: Credentials::new(setup.client(), named, &region),
            healthcheck_secret: settings.healthcheck_secret,
            version_stage: settings.version_stage,
        })
    }

    async fn health(&self) -> Result<(), Error> {
        let Some(name) = &self.healthcheck_secret else { return Ok(()) };
        match self.get(name, None).await? {
            Some(_) => Ok(()),
            None => Err(Error::new(Kind::NotFound, format!("there is no secret `{name}` to check the health by"))),
        }
    }
}

impl SecretSource for AwsSecretManager {
    fn read<'a>(
        &'a self,
        name: &'a str,
        version: Option<&'a str>,
    ) -> BoxFuture<'a, Result<Option<Secret>, Error>> {
        Box::pin(self.get(name, version))
    }
}

/// The least number of characters in the id of a version.
const VERSION_ID: usize = 32;

/// What `GetSecretValue` is asked.
#[derive(Serialize)]
#[serde(rename_all = "PascalCase")]
struct Question<'a> {
    secret_id: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    version_id: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    version_stage: Option<&'a str>,
}

/// What it answers: one of the two.
#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Answer {
    secret_string: Option<Secret>,
    secret_binary: Option<String>,
}

impl AwsSecretManager {
    /// `GetSecretValue` of <https://docs.aws.amazon.com/secretsmanager/latest/apireference/>.
    async fn get(&self, name: &str, version: Option<&str>) -> Result<Option<Secret>, Error> {
        // What cannot be the name of a secret is the name of none.
        if !is_name(name) {
            return Ok(None);
        }
        let version_id = version.filter(|version| version.len() >= VERSION_ID);
        let version_stage = version.or(self.version_stage.as_deref()).filter(|_| version_id.is_none());
        let request = Request::post(self.endpoint.clone())
            .json(&Question { secret_id: name, version_id, version_stage })
            .header("content-type", "application/x-amz-json-1.1")
            .header("x-amz-target", "secretsmanager.GetSecretValue")
            .idempotent();
        let response = self.credentials.send("secretsmanager", request).await?;
        if aws::code(&response).as_deref() == Some("ResourceNotFoundException") {
            return Ok(None);
        }
        let answer: Answer = aws::check(response)?.json()?;
        match (answer.secret_string, answer.secret_binary) {
            (Some(secret), _) => Ok(Some(secret)),
            (None, Some(data)) => {
                let data = STANDARD.decode(data);
                text(data.map_err(|_| Error::new(Kind::Rejected, "the secret is not in Base64"))?).map(Some)
            }
            (None, None) => Err(Error::new(Kind::Rejected, "AWS answered without a secret")),
        }
    }
}

/// Whether this may be the name of a secret, or its ARN.
fn is_name(name: &str) -> bool {
    let fits = |byte: u8| byte.is_ascii_alphanumeric() || b"/_+=.@-:".contains(&byte);
    (1..=2048).contains(&name.len()) && name.bytes().all(fits)
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::super::conformance::{self, TEXT};
    use super::*;
    use crate::client::stub::{Answer, Asked, Stub, answer};

    const NAME: &str = "prod/db-password";
    const ID: &str = "a1b2c3d4-5678-90ab-cdef-EXAMPLE11111";

    /// Secrets Manager with one secret in two versions. It takes only what the real one would.
    fn manager(asked: &Asked) -> Answer {
        let refuse = |status, code: &str| answer(status, json!({ "__type": code, "Message": "" }).to_string());
        assert_eq!((asked.method.as_str(), asked.target.as_str()), ("POST", "/"));
        assert_eq!(asked.header("content-type"), "application/x-amz-json-1.1");
        assert_eq!(asked.header("x-amz-target"), "secretsmanager.GetSecretValue");
        assert!(asked.header("authorization").contains("/eu-central-1/secretsmanager/aws4_request"));
        let Value::Object(mut question) = serde_json::from_slice(&asked.body).expect("JSON") else { panic!("no object") };
        let name = question.remove("SecretId").expect("a name");
        assert!(question.len() <= 1, "a version is named in one way");
        let version = question.into_iter().next();
        let give = |text: &str| answer(200, json!({ "Name": name, "SecretString": text }).to_string());
        match (name.as_str().expect("text"), version.as_ref().map(|(key, value)| (key.as_str(), value.as_str()))) {
            (NAME, None | Some(("VersionStage", Some("AWSCURRENT")))) => give(TEXT),
            (NAME, Some(("VersionStage", Some("AWSPREVIOUS")) | ("VersionId", Some(ID)))) => give("old"),
            ("denied", _) => refuse(400, "AccessDeniedException"),
            ("deleted", _) => refuse(400, "InvalidRequestException"),
            ("busy", _) => refuse(400, "ThrottlingException"),
            ("binary", _) => answer(200, r#"{"SecretBinary": "b2xk"}"#),
            ("bytes", _) => answer(200, r#"{"SecretBinary": "/w=="}"#),
            ("astray", _) => answer(404, "<html>no such page</html>"),
            _ => refuse(400, "ResourceNotFoundException"),
        }
    }

    async fn open(stub: &Stub, more: Value) -> AwsSecretManager {
        let mut settings = json!({
            "region": "eu-central-1", "endpoint_url": stub.url("/").as_str(),
            "access_key_id": "AKIDEXAMPLE", "secret_access_key": "canary",
        });
        let (Value::Object(all), Value::Object(more)) = (&mut settings, more) else { panic!("objects") };
        all.extend(more);
        conformance::open(settings).await.expect("settings")
    }

    #[tokio::test]
    async fn it_is_a_source_of_secrets() {
        let stub = Stub::serve(manager).await;
        let source = open(&stub, json!({})).await;
        conformance::holds(&source, NAME, TEXT).await;
        for (name, kind) in [
            ("denied", Kind::Denied),
            ("deleted", Kind::Rejected),
            ("busy", Kind::Unavailable),
            ("bytes", Kind::Rejected),
            // Whoever says that has not looked for a secret.
            ("astray", Kind::NotFound),
        ] {
            conformance::fails(&source, name, kind).await;
        }
        stub.stop().await;
        conformance::fails(&source, NAME, Kind::Unavailable).await;
    }

    #[tokio::test]
    async fn a_version_is_an_id_or_a_stage() {
        let stub = Stub::serve(manager).await;
        let read = async |source: &AwsSecretManager, name, version| {
            source.read(name, version).await.map(|found| found.map(|secret| secret.expose().to_owned()))
        };
        let source = open(&stub, json!({})).await;
        assert_eq!(read(&source, NAME, Some("AWSCURRENT")).await, Ok(Some(TEXT.to_owned())));
        assert_eq!(read(&source, NAME, Some("AWSPREVIOUS")).await, Ok(Some("old".to_owned())));
        assert_eq!(read(&source, NAME, Some(ID)).await, Ok(Some("old".to_owned())));
        assert_eq!(read(&source, NAME, Some("AWSPENDING")).await, Ok(None));
        assert_eq!(read(&source, "binary", None).await, Ok(Some("old".to_owned())));
        let source = open(&stub, json!({ "version_stage": "AWSPREVIOUS" })).await;
        assert_eq!(read(&source, NAME, None).await, Ok(Some("old".to_owned())));
        assert_eq!(read(&source, NAME, Some("AWSCURRENT")).await, Ok(Some(TEXT.to_owned())));
    }

    #[tokio::test]
    async fn health_is_whether_the_secret_for_it_can_be_read() {
        let stub = Stub::serve(manager).await;
        for (name, expected) in [(NAME, None), ("none", Some(Kind::NotFound)), ("denied", Some(Kind::Denied))] {
            let source = open(&stub, json!({ "healthcheck_secret": name })).await;
            assert_eq!(source.health().await.err().map(|error| error.kind()), expected, "{name}");
        }
    }

    #[test]
    fn its_endpoint_is_that_of_the_region() {
        let endpoint = |region| aws::endpoint("secretsmanager", region);
        assert_eq!(endpoint("eu-central-1"), "https://secretsmanager.eu-central-1.amazonaws.com");
        assert_eq!(endpoint("cn-north-1"), "https://secretsmanager.cn-north-1.amazonaws.com.cn");
    }
}
