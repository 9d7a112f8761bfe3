//! JSON Schemas: of the manifest, for editors, and of what the compiler prints, for programs that read it.
//!
//! A schema says less than `check` does: it knows keys and the forms of values, and nothing of what names refer to. What it
//! refuses, `check` refuses too.

mod manifest;
mod settings;

pub use manifest::manifest;

/// What `oneiric check --format json` prints.
pub const DIAGNOSTICS: &str = include_str!("diagnostics.json");

/// Where the schemas are found that the repository holds.
const HOME: &str = "https://raw.githubusercontent.com/lesleslie/oneiric/main/docs/schema";

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn schemas_say_where_they_are() {
        for (name, text) in [("manifest-1", manifest().compact()), ("diagnostics-1", DIAGNOSTICS.to_owned())]
        {
            let schema: serde_json::Value = serde_json::from_str(&text).unwrap();
            assert_eq!(schema["$id"], format!("{HOME}/{name}.json"));
            assert!(schema["title"].is_string() && schema["description"].is_string(), "{name}");
        }
    }
}
