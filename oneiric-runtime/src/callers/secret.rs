//! The secret that callers are judged by, looked up when the first of them comes.

use std::fmt;
use std::sync::Arc;

use super::{Lookup, Refusal};
use crate::secret::Secret;

/// A secret by name.
#[derive(Clone)]
pub(crate) struct Named {
    name: String,
    lookup: Arc<dyn Lookup>,
}

impl Named {
    /// The secret that the plan refers to as `${secret:NAME}`.
    pub(super) fn new(name: &str, lookup: Arc<dyn Lookup>) -> Self {
        Self { name: name.to_owned(), lookup }
    }

    /// The secret as it is now. One that is empty would let everybody in, and is refused.
    pub(super) async fn get(&self) -> Result<Secret, Refusal> {
        let secret = self.lookup.secret(&self.name).await.map_err(Refusal::Unavailable)?;
        if secret.expose().is_empty() {
            return Err(Refusal::Unavailable(format!("the secret `{}` is empty", self.name)));
        }
        Ok(secret)
    }
}

impl fmt::Debug for Named {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Named").field(&self.name).finish()
    }
}
