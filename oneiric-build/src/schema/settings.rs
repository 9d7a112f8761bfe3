//! What adapters take for settings, as a part of the manifest's schema: if it is of this kind, its settings are these.

use serde_json::{Map, Value, json};

use crate::catalog::{self, Provider};
use crate::json::Json;

/// What a reference to a secret looks like.
const SECRET: &str = r"^[$][{]secret:[^}]+[}]$";

/// The kinds of adapters.
pub(super) fn kinds() -> Json {
    Json::list(catalog::providers(), |provider| {
        Json::object([
            ("const", Some(Json::value(provider.id.as_str()))),
            ("description", Some(Json::value(provider.summary.as_str()))),
        ])
    })
}

/// A condition for each kind of adapter.
pub(super) fn conditions() -> Json {
    Json::list(catalog::providers(), |provider| {
        let is_it =
            json!({ "properties": { "provider": { "const": provider.id } }, "required": ["provider"] });
        Json::object([("if", Some(Json::from(is_it))), ("then", Some(Json::from(then(provider))))])
    })
}

fn then(provider: &Provider) -> Value {
    let settings = plain(&provider.settings, &provider.settings);
    let mut then = json!({ "properties": { "settings": settings } });
    if provider.schema().required().next().is_some() {
        then["required"] = json!(["settings"]);
    }
    then
}

/// A schema in the words of draft 7, with what it refers to in the place of the reference, and without what only the
/// compiler understands. As deep as the schema, in which nothing refers to itself.
fn plain(schema: &Value, root: &Value) -> Value {
    match schema {
        Value::Object(entries) => {
            if let Some(name) = schema["$ref"].as_str().and_then(|path| path.strip_prefix("#/$defs/")) {
                let mut whole = plain(&root["$defs"][name], root);
                if let (Value::Object(whole), Some(about)) = (&mut whole, entries.get("description")) {
                    whole.insert("description".to_owned(), about.clone());
                }
                return whole;
            }
            let mut kept = Map::new();
            for (keyword, value) in entries {
                match (keyword.as_str(), value.as_str()) {
                    ("format", Some("secret")) => _ = kept.insert("pattern".to_owned(), json!(SECRET)),
                    ("format", Some("duration")) => {
                        kept.insert("allOf".to_owned(), json!([{ "$ref": "#/definitions/duration" }]));
                    }
                    ("format", Some("uri" | "url")) => _ = kept.insert(keyword.clone(), json!("uri")),
                    ("$defs" | "$schema" | "title" | "format", _) => {}
                    ("default" | "enum" | "const" | "examples" | "required", _) => {
                        kept.insert(keyword.clone(), value.clone());
                    }
                    ("properties", _) => {
                        // These are names, and not keywords, whatever they are.
                        let named = value.as_object().into_iter().flatten();
                        let named = named.map(|(name, schema)| (name.clone(), plain(schema, root)));
                        kept.insert(keyword.clone(), Value::Object(named.collect()));
                    }
                    _ => _ = kept.insert(keyword.clone(), plain(value, root)),
                }
            }
            Value::Object(kept)
        }
        Value::Array(items) => items.iter().map(|item| plain(item, root)).collect(),
        other => other.clone(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn references_are_resolved_and_the_compilers_own_words_are_translated() {
        let schema = json!({
            "$defs": { "Wait": { "type": "string", "format": "duration", "description": "A wait." } },
            "properties": {
                "title": { "$ref": "#/$defs/Wait", "description": "How long." },
                "key": { "type": "string", "format": "secret" },
            },
        });
        let expected = json!({
            "properties": {
                "title": { "type": "string", "allOf": [{ "$ref": "#/definitions/duration" }], "description": "How long." },
                "key": { "type": "string", "pattern": SECRET },
            },
        });
        assert_eq!(plain(&schema, &schema), expected);
    }
}
