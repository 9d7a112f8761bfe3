//! A secret in memory: text that is used and never shown.

use std::fmt;
use std::sync::Arc;

use serde::{Deserialize, Deserializer};

/// Text that cannot be printed or serialised. [`expose`](Self::expose) gives it to whoever has to send it somewhere.
///
/// As the type of a task's argument or of an adapter's setting it takes any text, and what goes wrong around it is told
/// without it.
#[derive(Clone)]
pub struct Secret(Arc<str>);

impl Secret {
    /// This text, as a secret from now on.
    pub fn new(text: impl Into<Arc<str>>) -> Self {
        Self(text.into())
    }

    /// The text.
    pub fn expose(&self) -> &str {
        &self.0
    }
}

impl fmt::Debug for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Secret(…)")
    }
}

impl<'de> Deserialize<'de> for Secret {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        String::deserialize(deserializer).map(Self::new)
    }
}

#[cfg(feature = "catalog")]
impl schemars::JsonSchema for Secret {
    fn inline_schema() -> bool {
        true
    }

    fn schema_name() -> std::borrow::Cow<'static, str> {
        "Secret".into()
    }

    fn json_schema(_: &mut schemars::SchemaGenerator) -> schemars::Schema {
        schemars::json_schema!({ "type": "string", "format": "secret" })
    }
}

/// The schema of a URL that may be a secret.
#[cfg(feature = "catalog")]
pub(crate) fn or_url(_: &mut schemars::SchemaGenerator) -> schemars::Schema {
    schemars::json_schema!({ "anyOf": [
        { "type": "string", "format": "uri" },
        { "type": "string", "format": "secret" },
    ] })
}

/// The schema of texts by name, each of which may be a secret.
#[cfg(feature = "catalog")]
pub(crate) fn or_texts(_: &mut schemars::SchemaGenerator) -> schemars::Schema {
    let text =
        serde_json::json!({ "anyOf": [{ "type": "string" }, { "type": "string", "format": "secret" }] });
    schemars::json_schema!({ "type": "object", "additionalProperties": text, "default": {} })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_secret_is_not_shown() {
        let secret: Secret = serde_json::from_str("\"canary\"").unwrap();
        assert_eq!(format!("{secret:?}"), "Secret(…)");
        assert_eq!(secret.expose(), "canary");
    }
}
