//! JSON Schema as far as the runtime's settings need it: what a value has to be, asked question by question.
//!
//! Keywords that are not here say nothing to the compiler. The runtime reads the settings again when it opens an adapter, so
//! they are not lost; a test holds the keywords of the catalogue against those that are known.

use serde_json::Value;

/// A schema, or a part of one.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Schema<'c> {
    node: &'c Value,
    root: &'c Value,
}

/// What a mapping may have besides its named properties.
pub(crate) enum Additional<'c> {
    /// Nothing.
    None,
    /// Any value.
    Any,
    /// Values of this form.
    Of(Schema<'c>),
}

impl<'c> Schema<'c> {
    /// All of a schema.
    pub(crate) fn new(root: &'c Value) -> Self {
        Self { node: root, root }
    }

    fn at(self, node: &'c Value) -> Self {
        let root = self.root;
        let Some(name) = node["$ref"].as_str().and_then(|path| path.strip_prefix("#/$defs/")) else {
            return Self { node, root };
        };
        Self { node: &root["$defs"][name], root }
    }

    /// What it says of itself; a reference's own words count before those of what it refers to.
    pub(crate) fn about(self) -> Option<&'c str> {
        self.node["description"].as_str()
    }

    /// Its named properties, with what each is for.
    pub(crate) fn properties(self) -> impl Iterator<Item = (&'c str, Property<'c>)> {
        let properties = self.node["properties"].as_object().into_iter().flatten();
        properties.map(move |(name, node)| (name.as_str(), Property { node, schema: self.at(node) }))
    }

    /// The property of this name.
    pub(crate) fn property(self, name: &str) -> Option<Property<'c>> {
        let node = self.node["properties"].get(name)?;
        Some(Property { node, schema: self.at(node) })
    }

    /// The names of the properties that have to be there.
    pub(crate) fn required(self) -> impl Iterator<Item = &'c str> {
        self.node["required"].as_array().into_iter().flatten().filter_map(Value::as_str)
    }

    /// What it may have besides its named properties.
    pub(crate) fn additional(self) -> Additional<'c> {
        match &self.node["additionalProperties"] {
            Value::Bool(false) => Additional::None,
            of @ Value::Object(_) => Additional::Of(self.at(of)),
            _ => Additional::Any,
        }
    }

    /// What the elements of a list have to be.
    pub(crate) fn items(self) -> Option<Self> {
        self.node.get("items").map(|items| self.at(items))
    }

    /// The forms of which a value has to have one, `null` aside; one form where there is no choice.
    pub(crate) fn forms(self) -> Vec<Self> {
        let any = self.node["anyOf"].as_array().or_else(|| {
            let one = self.node["oneOf"].as_array()?;
            one.iter().all(|form| form.get("const").is_none()).then_some(one)
        });
        match any {
            None => vec![self],
            Some(forms) => {
                let forms = forms.iter().filter(|form| form["type"] != "null").map(|form| self.at(form));
                forms.flat_map(Self::forms).collect()
            }
        }
    }

    /// Whether a value may be left empty.
    pub(crate) fn is_nullable(self) -> bool {
        let is_null = |value: &Value| value == "null";
        match &self.node["type"] {
            Value::String(one) => one == "null",
            Value::Array(several) => several.iter().any(is_null),
            _ => {
                let any = self.node["anyOf"].as_array().into_iter().flatten();
                any.into_iter().any(|form| is_null(&form["type"]))
            }
        }
    }

    /// The type that a value has to have, `null` aside; `None` for any.
    pub(crate) fn kind(self) -> Option<&'c str> {
        match &self.node["type"] {
            Value::String(one) => Some(one),
            Value::Array(several) => several.iter().filter_map(Value::as_str).find(|one| *one != "null"),
            _ => (!self.words().is_empty()).then_some("string"),
        }
    }

    /// How a text is written: `secret`, `duration`, `uri`, or a name that says nothing here.
    pub(crate) fn format(self) -> Option<&'c str> {
        self.node["format"].as_str()
    }

    /// The words of which a text has to be one, each with its meaning; none where any text will do.
    pub(crate) fn words(self) -> Vec<(&'c str, Option<&'c str>)> {
        let listed = self.node["enum"].as_array().into_iter().flatten().filter_map(Value::as_str);
        let described = self.node["oneOf"].as_array().into_iter().flatten().filter_map(|form| {
            let meaning = form["description"].as_str();
            form["const"].as_str().map(|word| (word, meaning))
        });
        let only = self.node["const"].as_str().map(|word| (word, self.about()));
        listed.map(|word| (word, None)).chain(described).chain(only).collect()
    }

    /// The least and the most that a number may be.
    pub(crate) fn bounds(self) -> (Option<f64>, Option<f64>) {
        let of_type = match self.format() {
            Some("uint8") => Some(f64::from(u8::MAX)),
            Some("uint16") => Some(f64::from(u16::MAX)),
            Some("uint32") => Some(f64::from(u32::MAX)),
            _ => None,
        };
        (self.node["minimum"].as_f64(), self.node["maximum"].as_f64().or(of_type))
    }

    /// How long a text, or a list, has to be at least.
    pub(crate) fn least(self) -> u64 {
        let of = |key: &str| self.node[key].as_u64();
        of("minLength").or_else(|| of("minItems")).unwrap_or(0)
    }

    /// Whether a value is a secret.
    pub(crate) fn is_secret(self) -> bool {
        self.format() == Some("secret")
    }

    /// What a value has to be, as a phrase that follows "expected".
    pub(crate) fn phrase(self) -> String {
        let forms = self.forms();
        if forms.len() > 1 {
            return listed(&forms.into_iter().map(Self::phrase).collect::<Vec<_>>());
        }
        let form = forms.first().copied().unwrap_or(self);
        let words = form.words();
        if !words.is_empty() {
            return listed(&words.iter().map(|(word, _)| format!("`{word}`")).collect::<Vec<_>>());
        }
        match (form.kind(), form.format()) {
            (Some("string"), Some("secret")) => "a secret".to_owned(),
            (Some("string"), Some("duration")) => "a duration such as `30s`".to_owned(),
            (Some("string"), Some("uri" | "url")) => "a URL".to_owned(),
            (Some("string"), _) => "text".to_owned(),
            (Some("boolean"), _) => "`true` or `false`".to_owned(),
            (Some("integer"), _) => form.range("a whole number"),
            (Some("number"), _) => form.range("a number"),
            (Some("array"), _) => match form.items() {
                Some(items) => format!("a list, each of it {}", items.phrase()),
                None => "a list".to_owned(),
            },
            (Some("object"), _) => match form.additional() {
                Additional::Of(value) => format!("a mapping from names to {}", value.phrase()),
                _ => "a mapping".to_owned(),
            },
            _ => "any value".to_owned(),
        }
    }

    fn range(self, what: &str) -> String {
        match self.bounds() {
            (Some(least), Some(most)) if most < f64::from(u32::MAX) => {
                format!("{what} from {least} to {most}")
            }
            (Some(least), _) => format!("{what} of at least {least}"),
            (None, Some(most)) => format!("{what} of at most {most}"),
            (None, None) => what.to_owned(),
        }
    }
}

/// "a, b or c".
fn listed(phrases: &[String]) -> String {
    match phrases {
        [] => String::new(),
        [one] => one.clone(),
        [first @ .., last] => format!("{} or {last}", first.join(", ")),
    }
}

/// A named part of a mapping.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Property<'c> {
    node: &'c Value,
    /// What its value has to be.
    pub(crate) schema: Schema<'c>,
}

impl<'c> Property<'c> {
    /// What it is for.
    pub(crate) fn about(self) -> Option<&'c str> {
        self.node["description"].as_str().or_else(|| self.schema.about())
    }

    /// What it is where it is left out.
    pub(crate) fn default(self) -> Option<&'c Value> {
        self.node.get("default").or_else(|| self.schema.node.get("default"))
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use serde_json::json;

    use super::*;

    #[test]
    fn a_choice_with_nothing_is_no_choice() {
        let root = json!({ "$defs": { "Mode": { "enum": ["a", "b"] } }, "anyOf": [{ "$ref": "#/$defs/Mode" }, { "type": "null" }] });
        let schema = Schema::new(&root);
        assert!(schema.is_nullable());
        let [form] = schema.forms()[..] else { panic!("{root}") };
        assert_eq!(form.words(), [("a", None), ("b", None)]);
        assert_eq!(form.kind(), Some("string"));
    }

    #[test]
    fn described_words_are_words() {
        let root = json!({ "oneOf": [{ "const": "a", "description": "First." }, { "const": "b" }] });
        let schema = Schema::new(&root);
        assert_eq!(schema.forms().len(), 1);
        assert_eq!(schema.words(), [("a", Some("First.")), ("b", None)]);
    }

    /// What a schema says that the compiler knows, or that says nothing about values.
    const KEYWORDS: [&str; 22] = [
        "$defs",
        "$ref",
        "$schema",
        "additionalProperties",
        "anyOf",
        "const",
        "default",
        "description",
        "enum",
        "examples",
        "format",
        "items",
        "maximum",
        "minItems",
        "minLength",
        "minimum",
        "oneOf",
        "properties",
        "required",
        "title",
        "type",
        "writeOnly",
    ];

    /// As deep as the schema.
    fn keywords<'c>(schema: &'c Value, found: &mut BTreeSet<&'c str>) {
        for (keyword, value) in schema.as_object().into_iter().flatten() {
            found.insert(keyword);
            match (keyword.as_str(), value) {
                ("properties" | "$defs", Value::Object(named)) => {
                    named.values().for_each(|schema| keywords(schema, found));
                }
                ("default" | "examples", _) => {}
                (_, Value::Array(forms)) => forms.iter().for_each(|schema| keywords(schema, found)),
                (_, schema) => keywords(schema, found),
            }
        }
    }

    #[test]
    fn the_catalogue_says_nothing_that_is_not_understood() {
        let mut found = BTreeSet::new();
        for provider in super::super::providers() {
            keywords(&provider.settings, &mut found);
        }
        let unknown: Vec<&&str> = found.iter().filter(|keyword| !KEYWORDS.contains(keyword)).collect();
        assert!(unknown.is_empty(), "`catalog/schema.rs` does not know {unknown:?}");
    }
}
