//! Secrets in the environment.
//!
//! The secret `db-password` is the variable `ONEIRIC_SECRET_DB_PASSWORD`: the prefix, and the name in capitals with `_` for
//! whatever cannot stand in a variable's name. An empty variable is no secret. Versions are not known here.
//!
//! Every program asks the environment after the sources that its manifest names, with these defaults. Name it as a source to
//! give it another prefix, or another place in the order.

use futures_util::future::BoxFuture;
use serde::Deserialize;

use super::SecretSource;
use crate::adapters::{Adapter, Error, Setup};
use crate::secret::Secret;

/// How secrets are found in the environment.
#[derive(Debug, Deserialize)]
#[cfg_attr(feature = "catalog", derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields, default)]
pub struct Settings {
    /// What the names of all variables begin with.
    pub prefix: String,
    /// Whether names are turned into capitals.
    pub uppercase_keys: bool,
}

impl Default for Settings {
    fn default() -> Self {
        Self { prefix: "ONEIRIC_SECRET_".to_owned(), uppercase_keys: true }
    }
}

/// The environment as a source of secrets.
#[derive(Debug, Default)]
pub struct Env(Settings);

impl Env {
    /// The variable that holds a secret.
    fn variable(&self, name: &str) -> String {
        let part = name.chars().map(|c| match c {
            c if !c.is_ascii_alphanumeric() => '_',
            c if self.0.uppercase_keys => c.to_ascii_uppercase(),
            c => c,
        });
        self.0.prefix.chars().chain(part).collect()
    }
}

impl Adapter for Env {
    const ID: &'static str = "secrets.env";
    type Settings = Settings;

    async fn open(settings: Settings, _: &Setup<'_>) -> Result<Self, Error> {
        Ok(Self(settings))
    }
}

impl SecretSource for Env {
    fn read<'a>(&'a self, name: &'a str, _: Option<&'a str>) -> BoxFuture<'a, Result<Option<Secret>, Error>> {
        let found = std::env::var(self.variable(name)).ok().filter(|text| !text.is_empty());
        Box::pin(std::future::ready(Ok(found.map(Secret::new))))
    }
}

#[cfg(test)]
mod tests {
    use super::super::conformance;
    use super::*;

    #[test]
    fn names_are_those_of_variables() {
        assert_eq!(Env::default().variable("db-password.v2"), "ONEIRIC_SECRET_DB_PASSWORD_V2");
        let env = Env(Settings { prefix: "X_".to_owned(), uppercase_keys: false });
        assert_eq!(env.variable("Token"), "X_Token");
    }

    #[tokio::test]
    async fn it_is_a_source_of_secrets() {
        // A variable that cargo sets for every test.
        let settings = serde_json::json!({ "prefix": "CARGO_" });
        let source: Env = conformance::open(settings).await.expect("settings");
        conformance::holds(&source, "manifest-dir", env!("CARGO_MANIFEST_DIR")).await;
    }
}
