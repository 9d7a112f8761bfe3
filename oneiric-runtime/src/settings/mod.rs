//! What can be set at start: the environment over a config file over what the manifest says.
//!
//! A value knows where it comes from, so that what is wrong with it is told with its place. Which settings there are is for
//! the types that they are read into.

mod layers;
mod period;
mod read;

use std::fmt;

pub(crate) use layers::Layers;
pub use period::Period;

/// A value and where it comes from.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Setting {
    pub(crate) value: Value,
    pub(crate) origin: Origin,
}

/// What is set.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Value {
    Null,
    Bool(bool),
    Number(serde_json::Number),
    Text(String),
    /// Text of the environment, which becomes whatever type is asked for.
    Untyped(String),
    List(Vec<Setting>),
    Map(Vec<(String, Setting)>),
}

/// Where a value comes from.
#[derive(Clone, Debug, Eq, PartialEq)]
pub(crate) enum Origin {
    /// What the manifest says.
    Plan,
    /// The config file.
    File,
    /// A variable of the environment.
    Variable(String),
    /// A source of secrets. The value must not be shown.
    Secret,
}

impl fmt::Display for Origin {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Plan => f.write_str("manifest"),
            Self::File => f.write_str("config file"),
            Self::Variable(name) => f.write_str(name),
            Self::Secret => f.write_str("secret"),
        }
    }
}

impl Setting {
    /// A value of JSON.
    pub(crate) fn of(json: serde_json::Value, origin: &Origin) -> Self {
        let value = match json {
            serde_json::Value::Null => Value::Null,
            serde_json::Value::Bool(value) => Value::Bool(value),
            serde_json::Value::Number(value) => Value::Number(value),
            serde_json::Value::String(value) => Value::Text(value),
            serde_json::Value::Array(items) => {
                Value::List(items.into_iter().map(|item| Self::of(item, origin)).collect())
            }
            serde_json::Value::Object(members) => {
                Value::Map(members.into_iter().map(|(name, value)| (name, Self::of(value, origin))).collect())
            }
        };
        Self { value, origin: origin.clone() }
    }

    /// No settings.
    pub(crate) fn empty(origin: Origin) -> Self {
        Self { value: Value::Map(Vec::new()), origin }
    }

    /// Lays `upper` over this: mappings are merged, anything else is replaced.
    pub(crate) fn overlay(&mut self, upper: Self) {
        match (&mut self.value, upper.value) {
            (Value::Map(lower), Value::Map(members)) => {
                for (name, value) in members {
                    match lower.iter_mut().find(|(known, _)| *known == name) {
                        Some((_, known)) => known.overlay(value),
                        None => lower.push((name, value)),
                    }
                }
            }
            (_, value) => *self = Self { value, origin: upper.origin },
        }
    }

    /// Every text in it, with the right to change it.
    pub(crate) fn texts_mut(&mut self) -> Vec<(&mut String, &mut Origin)> {
        match &mut self.value {
            Value::Text(text) | Value::Untyped(text) => vec![(text, &mut self.origin)],
            Value::List(items) => items.iter_mut().flat_map(Self::texts_mut).collect(),
            Value::Map(members) => members.iter_mut().flat_map(|(_, value)| value.texts_mut()).collect(),
            Value::Null | Value::Bool(_) | Value::Number(_) => Vec::new(),
        }
    }

    /// Every value that holds no others, by its path.
    #[allow(dead_code, reason = "shown by commands that come next")]
    pub(crate) fn leaves(&self) -> Vec<(String, &Self)> {
        let Value::Map(members) = &self.value else { return vec![(String::new(), self)] };
        let mut leaves = Vec::new();
        for (name, value) in members {
            for (path, leaf) in value.leaves() {
                let path = if path.is_empty() { name.clone() } else { format!("{name}.{path}") };
                leaves.push((path, leaf));
            }
        }
        leaves
    }
}
