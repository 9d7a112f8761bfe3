//! Sources of secrets. In which order they are asked, and how long an answer is kept, is for `crate::secrets`.

use futures_util::future::BoxFuture;

use super::Error;
use crate::secret::Secret;

adapters! { "secrets";
    env: Env, [read_secrets];
}

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
