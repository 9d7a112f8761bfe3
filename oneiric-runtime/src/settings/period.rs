//! A length of time among settings.

use std::time::Duration;

use serde::{Deserialize, Deserializer};

/// A length of time that is set with its unit: `500ms`, `30s`, `5m`, `2h`, or ISO 8601.
#[derive(Clone, Copy, Debug, Eq, Ord, PartialEq, PartialOrd)]
pub struct Period(pub Duration);

impl Period {
    /// So many seconds.
    pub const fn secs(seconds: u64) -> Self {
        Self(Duration::from_secs(seconds))
    }
}

impl<'de> Deserialize<'de> for Period {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = String::deserialize(deserializer)?;
        let wrong = || serde::de::Error::custom(format!("`{text}` is not a duration such as 30s or 5m"));
        let span: jiff::Span = text.parse().map_err(|_| wrong())?;
        let days = jiff::SpanRelativeTo::days_are_24_hours();
        let length = span.to_duration(days).map_err(|_| wrong())?;
        length.try_into().map(Self).map_err(|_| wrong())
    }
}

#[cfg(feature = "catalog")]
impl serde::Serialize for Period {
    /// For the defaults in the schema.
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let millis = self.0.as_millis();
        if millis.is_multiple_of(1000) {
            serializer.collect_str(&format_args!("{}s", millis / 1000))
        } else {
            serializer.collect_str(&format_args!("{millis}ms"))
        }
    }
}

#[cfg(feature = "catalog")]
impl schemars::JsonSchema for Period {
    fn inline_schema() -> bool {
        true
    }

    fn schema_name() -> std::borrow::Cow<'static, str> {
        "Period".into()
    }

    fn json_schema(_: &mut schemars::SchemaGenerator) -> schemars::Schema {
        schemars::json_schema!({ "type": "string", "format": "duration" })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_period_has_a_unit() {
        let read =
            |text: &str| serde_json::from_str::<Period>(&format!("\"{text}\"")).map_err(|e| e.to_string());
        assert_eq!(read("500ms"), Ok(Period(Duration::from_millis(500))));
        assert_eq!(read("5m"), Ok(Period::secs(300)));
        assert!(read("10").unwrap_err().contains("`10` is not a duration"));
        assert!(read("-1s").is_err());
    }
}
