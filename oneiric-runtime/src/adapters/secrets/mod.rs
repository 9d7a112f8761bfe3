//! Sources of secrets. In which order they are asked, and how long an answer is kept, is for `crate::secrets`.

use futures_util::future::BoxFuture;

use super::Error;
use crate::secret::Secret;

adapters! { "secrets";
    #[cfg(feature = "secrets-aws-secret-manager")]
    aws_secret_manager: AwsSecretManager, [read_secrets, secret_versions];
    env: Env, [read_secrets];
    #[cfg(feature = "secrets-file")]
    file: File, [read_secrets];
    #[cfg(feature = "secrets-gcp-secret-manager")]
    gcp_secret_manager: GcpSecretManager, [read_secrets, secret_versions];
}

#[cfg(test)]
mod conformance;

/// A place that holds secrets by name.
pub trait SecretSource: Send + Sync {
    /// The secret of this name in this version, or in the version that the source's settings choose.
    ///
    /// A secret that is not there is no error, and a source that cannot be asked is no miss.
    fn read<'a>(
        &'a self,
        name: &'a str,
        version: Option<&'a str>,
    ) -> BoxFuture<'a, Result<Option<Secret>, Error>>;
}

/// What a source holds, as a secret.
#[cfg(any(
    feature = "secrets-aws-secret-manager",
    feature = "secrets-file",
    feature = "secrets-gcp-secret-manager"
))]
fn text(data: Vec<u8>) -> Result<Secret, Error> {
    let text = String::from_utf8(data);
    text.map(Secret::new).map_err(|_| Error::new(super::Kind::Rejected, "the secret is not text in UTF-8"))
}
