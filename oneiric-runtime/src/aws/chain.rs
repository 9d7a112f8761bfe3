//! Where credentials come from: the first of several places that has any.

use std::path::PathBuf;

use super::container::Container;
use super::instance::Instance;
use super::profile::{self, Profile};
use super::web_identity::WebIdentity;
use super::{Keys, Named};
use crate::adapters::{Error, Kind};
use crate::client::Client;
use crate::renewed::Lasting;
use crate::secret::Secret;

/// A place that has credentials.
pub(super) enum Source {
    /// They were there to read.
    Fixed(Keys),
    WebIdentity(WebIdentity),
    Container(Container),
    Instance(Instance),
}

impl Source {
    pub(super) async fn keys(&self) -> Result<Lasting<Keys>, Error> {
        match self {
            Self::Fixed(keys) => Ok(Lasting { value: keys.clone(), lasts: None }),
            Self::WebIdentity(identity) => identity.keys().await,
            Self::Container(container) => container.keys().await,
            Self::Instance(instance) => instance.keys().await,
        }
    }
}

/// The first place that has credentials. `environment` gives variables that are set to something.
pub(super) async fn find(
    client: &Client,
    named: &Named,
    region: &str,
    environment: impl Fn(&str) -> Option<String> + Sync,
) -> Result<Source, Error> {
    let environment = &environment;
    if named.access_key_id.is_some() || named.secret_access_key.is_some() {
        let keys =
            keys(named.access_key_id.clone(), named.secret_access_key.clone(), named.session_token.clone());
        let both = "`access_key_id` and `secret_access_key` go together";
        return keys.map(Source::Fixed).ok_or_else(|| Error::new(Kind::Settings, both));
    }
    if named.profile_name.is_none() {
        let secret = |name| environment(name).map(Secret::new);
        let session_token = secret("AWS_SESSION_TOKEN");
        if let Some(keys) =
            keys(environment("AWS_ACCESS_KEY_ID"), secret("AWS_SECRET_ACCESS_KEY"), session_token)
        {
            return Ok(Source::Fixed(keys));
        }
    }
    let profile = named.profile_name.clone().or_else(|| environment("AWS_PROFILE"));
    let sts = |file: PathBuf, role: String, session: Option<String>| {
        let endpoint = environment("AWS_ENDPOINT_URL_STS").or_else(|| environment("AWS_ENDPOINT_URL"));
        WebIdentity::new(client, (file, role, session), region, endpoint).map(Source::WebIdentity)
    };
    match profile::read(profile.as_deref(), environment).await? {
        Some(Profile::Keys(keys)) => return Ok(Source::Fixed(keys)),
        Some(Profile::WebIdentity { file, role, session }) => return sts(file, role, session),
        None => {}
    }
    if let (Some(file), Some(role)) =
        (environment("AWS_WEB_IDENTITY_TOKEN_FILE"), environment("AWS_ROLE_ARN"))
    {
        return sts(file.into(), role, environment("AWS_ROLE_SESSION_NAME"));
    }
    if let Some(container) = Container::find(client, environment)? {
        return Ok(Source::Container(container));
    }
    if environment("AWS_EC2_METADATA_DISABLED").is_some_and(|disabled| disabled.eq_ignore_ascii_case("true"))
    {
        let nowhere =
            "there are no AWS credentials in the settings, the environment, a profile or a container";
        return Err(Error::new(Kind::Settings, nowhere));
    }
    Instance::new(client, environment).map(Source::Instance)
}

/// Keys, if neither part is missing.
pub(super) fn keys(
    id: Option<String>,
    secret: Option<Secret>,
    session_token: Option<Secret>,
) -> Option<Keys> {
    Some(Keys { access_key_id: id?, secret_access_key: secret?, session_token })
}
