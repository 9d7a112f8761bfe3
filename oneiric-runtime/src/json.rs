//! JSON text as it travels between nodes and to the store: written once, shared, parsed only by who needs its type.

use std::sync::Arc;

use serde::Serialize;
use serde::de::DeserializeOwned;

/// A valid JSON document. Clones share the text.
#[derive(Clone, Debug, Eq, Hash, PartialEq)]
pub struct Json(Arc<str>);

impl Json {
    /// `null`
    pub fn null() -> Self {
        Self(Arc::from("null"))
    }

    /// Writes `value`.
    ///
    /// # Errors
    /// When the type cannot be JSON, such as a map whose keys are not text.
    pub fn of<T: Serialize + ?Sized>(value: &T) -> Result<Self, serde_json::Error> {
        serde_json::to_string(value).map(|text| Self(text.into()))
    }

    /// Takes `text` if it is one JSON document.
    ///
    /// # Errors
    /// When it is not.
    pub fn from_text(text: &str) -> Result<Self, serde_json::Error> {
        serde_json::from_str::<&serde_json::value::RawValue>(text).map(|raw| Self(raw.get().into()))
    }

    /// Takes text that this crate wrote itself, or that a store gives back and has checked.
    pub(crate) fn trusted(text: impl Into<Arc<str>>) -> Self {
        Self(text.into())
    }

    /// The text.
    pub fn text(&self) -> &str {
        &self.0
    }

    /// Reads it as `T`.
    ///
    /// # Errors
    /// When it does not fit.
    pub fn parse<T: DeserializeOwned>(&self) -> Result<T, serde_json::Error> {
        serde_json::from_str(&self.0)
    }
}

impl Serialize for Json {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let raw: &serde_json::value::RawValue =
            serde_json::from_str(&self.0).map_err(serde::ser::Error::custom)?;
        raw.serialize(serializer)
    }
}

impl<'de> serde::Deserialize<'de> for Json {
    /// From JSON text only: the text is kept as it is.
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let raw = Box::<serde_json::value::RawValue>::deserialize(deserializer)?;
        Ok(Self(Box::<str>::from(raw).into()))
    }
}
