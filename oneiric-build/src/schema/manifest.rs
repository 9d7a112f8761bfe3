//! The schema of the manifest, made of the keys that the reader knows.
//!
//! It is of draft 7: what editors read best. What adapters take for settings comes from the catalogue.

use super::{HOME, settings};
use crate::json::Json;
use crate::manifest::read::section::{Form, Key, Section};
use crate::manifest::read::{ADAPTER, TOP};

/// The schema of a whole manifest.
pub fn manifest() -> Json {
    let mut writer = Writer::default();
    let mut entries = vec![
        ("$schema".to_owned(), Json::value("http://json-schema.org/draft-07/schema#")),
        ("$id".to_owned(), Json::value(format!("{HOME}/manifest-1.json"))),
        ("title".to_owned(), Json::value("Oneiric manifest")),
    ];
    entries.extend(writer.section(&TOP));
    entries.push(("definitions".to_owned(), Json::Object(writer.definitions)));
    Json::Object(entries)
}

/// Collects what is said more than once.
#[derive(Default)]
struct Writer {
    definitions: Vec<(String, Json)>,
}

impl Writer {
    fn section(&mut self, section: &'static Section) -> Vec<(String, Json)> {
        let properties = supported(section).map(|key| (key.name.to_owned(), self.key(key))).collect();
        let required = supported(section).filter(|key| key.is_required).map(|key| key.name);
        let required: Vec<Json> = required.map(Json::value).collect();
        let choice = |name: &'static str| Json::object([("required", Some(Json::list([name], Json::value)))]);
        let Json::Object(mut entries) = Json::object([
            ("description", Some(Json::value(section.about))),
            ("type", Some(Json::value("object"))),
            ("properties", Some(Json::Object(properties))),
            ("required", (!required.is_empty()).then_some(Json::List(required))),
            ("oneOf", (!section.one_of.is_empty()).then(|| Json::list(supported_of(section), choice))),
            ("additionalProperties", Some(Json::value(false))),
        ]) else {
            unreachable!("it is an object")
        };
        if std::ptr::eq(section, &raw const ADAPTER) {
            entries.push(("allOf".to_owned(), settings::conditions()));
        }
        entries
    }

    fn key(&mut self, key: &'static Key) -> Json {
        let mut entries = vec![("description".to_owned(), Json::value(key.about))];
        let form = self.form(key.form);
        if form.iter().any(|(name, _)| name == "$ref") {
            // Draft 7 reads nothing beside a reference.
            entries.push(("allOf".to_owned(), Json::List(vec![Json::Object(form)])));
        } else {
            entries.extend(form);
        }
        entries.extend(key.default.map(|word| ("default".to_owned(), Json::value(word))));
        Json::Object(entries)
    }

    fn form(&mut self, form: &'static Form) -> Vec<(String, Json)> {
        let said = match form {
            Form::Text => vec![("type", Json::value("string"))],
            Form::Pattern { name, regex, except, examples } => {
                return self.definition(name, |_| pattern(regex, except, examples));
            }
            Form::Word(words) => {
                let word = |(word, meaning): &(&str, &str)| {
                    Json::object([
                        ("const", Some(Json::value(*word))),
                        ("description", Some(Json::value(*meaning))),
                    ])
                };
                vec![("oneOf", Json::list(*words, word))]
            }
            Form::Provider => vec![("oneOf", settings::kinds())],
            Form::Version(version) => vec![("const", Json::value(*version))],
            Form::Count => vec![
                ("type", Json::value("integer")),
                ("minimum", Json::value(1)),
                ("maximum", Json::value(u32::MAX)),
            ],
            Form::Integer { least, most } => vec![
                ("type", Json::value("integer")),
                ("minimum", Json::value(*least)),
                ("maximum", Json::value(*most)),
            ],
            Form::Bool => vec![("type", Json::value("boolean"))],
            Form::Either(forms) => {
                vec![("anyOf", Json::list(*forms, |form| Json::Object(self.form(form))))]
            }
            Form::Any => Vec::new(),
            Form::Ratio => {
                vec![
                    ("type", Json::value("number")),
                    ("minimum", Json::value(0)),
                    ("maximum", Json::value(1)),
                ]
            }
            Form::List { of, least } => {
                let mut said = vec![("type", Json::value("array")), ("items", Json::Object(self.form(of)))];
                said.extend((*least > 0).then(|| ("minItems", Json::value(*least))));
                said
            }
            Form::Names => vec![
                ("type", Json::value("array")),
                ("items", Json::Object(self.form(&Form::Text))),
                ("minItems", Json::value(1)),
                ("uniqueItems", Json::value(true)),
            ],
            Form::Section(section) => {
                let name = section.what.trim_start_matches("a ").trim_start_matches("an ").trim_matches('`');
                return self.definition(name, |writer| writer.section(section));
            }
            Form::Table { name, of, least } => {
                let mut said = vec![
                    ("type", Json::value("object")),
                    ("propertyNames", Json::Object(self.form(name))),
                    ("additionalProperties", Json::Object(self.form(of))),
                ];
                said.extend((*least > 0).then(|| ("minProperties", Json::value(*least))));
                said
            }
            Form::Values => vec![("type", Json::value("object"))],
        };
        said.into_iter().map(|(key, value)| (key.to_owned(), value)).collect()
    }

    /// A reference to the definition of this name, which is made where it is named first.
    fn definition(
        &mut self,
        name: &str,
        make: impl FnOnce(&mut Self) -> Vec<(String, Json)>,
    ) -> Vec<(String, Json)> {
        if !self.definitions.iter().any(|(known, _)| known == name) {
            let place = self.definitions.len();
            self.definitions.push((name.to_owned(), Json::value(true)));
            self.definitions[place].1 = Json::Object(make(self));
        }
        vec![("$ref".to_owned(), Json::value(format!("#/definitions/{name}")))]
    }
}

/// The keys that this version compiles. The others would only lead an editor's user to a refusal.
fn supported(section: &'static Section) -> impl Iterator<Item = &'static Key> {
    section.keys.iter().filter(|key| key.later.is_none())
}

/// Of the keys of which there has to be one, those that this version compiles.
fn supported_of(section: &'static Section) -> impl Iterator<Item = &'static str> {
    supported(section).map(|key| key.name).filter(|name| section.one_of.contains(name))
}

fn pattern(regex: &str, except: &[&str], examples: &[&str]) -> Vec<(String, Json)> {
    let words = |words: &[&str]| Json::list(words, |word| Json::value(*word));
    let mut said =
        vec![("type".to_owned(), Json::value("string")), ("pattern".to_owned(), Json::value(regex))];
    if !except.is_empty() {
        said.push(("not".to_owned(), Json::object([("enum", Some(words(except)))])));
    }
    if !examples.is_empty() {
        said.push(("examples".to_owned(), words(examples)));
    }
    said
}
