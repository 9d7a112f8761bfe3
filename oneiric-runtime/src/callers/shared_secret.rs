//! A secret that both sides have, brought as `Authorization: Bearer SECRET`.

use futures_util::future::BoxFuture;
use hyper::http::request::Parts;

use super::secret::Named;
use super::{Challenge, Judge, Refusal, bearer, constant_time};

/// Judges callers by a secret.
#[derive(Debug)]
pub(crate) struct SharedSecret(Named);

impl Judge for SharedSecret {
    fn head<'a>(&'a self, head: &'a Parts) -> BoxFuture<'a, Result<(), Refusal>> {
        Box::pin(self.check(head))
    }
}

impl SharedSecret {
    /// Looks nothing up yet.
    pub(super) fn new(secret: Named) -> Self {
        Self(secret)
    }

    async fn check(&self, head: &Parts) -> Result<(), Refusal> {
        let brought = bearer(head)?;
        let secret = self.0.get().await?;
        if constant_time::equal(brought.as_bytes(), secret.expose().as_bytes()) {
            Ok(())
        } else {
            Err(Refusal::Invalid(Challenge::Bearer, "it is another secret"))
        }
    }
}
