//! What can be set at start: the environment over a config file over what the manifest says.
//!
//! A value knows where it comes from, so that what is wrong with it is told with its place. Which settings there are is for
//! the types that they are read into.

mod layers;
mod period;
mod read;
mod surroundings;

use std::fmt;

pub(crate) use layers::Layers;
pub use period::Period;
pub(crate) use surroundings::Surroundings;

use crate::failure::Failure;

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

    /// The value, where it may be shown: the manifest holds no secrets, and what comes from elsewhere may be one.
    pub(crate) fn shown(&self) -> Option<serde_json::Value> {
        if self.origin != Origin::Plan {
            return None;
        }
        Some(match &self.value {
            Value::Null => serde_json::Value::Null,
            Value::Bool(value) => (*value).into(),
            Value::Number(number) => number.clone().into(),
            Value::Text(text) | Value::Untyped(text) => text.as_str().into(),
            Value::List(items) => {
                serde_json::Value::Array(items.iter().map(Self::shown).collect::<Option<_>>()?)
            }
            Value::Map(members) => {
                let member = |(name, value): &(String, Self)| Some((name.clone(), value.shown()?));
                serde_json::Value::Object(members.iter().map(member).collect::<Option<_>>()?)
            }
        })
    }

    /// `message` without any text that may not be shown, in whatever form it was quoted there.
    pub(crate) fn redact(&self, message: &str) -> String {
        let mut hidden = Vec::new();
        self.collect_hidden(&mut hidden);
        // What holds another goes first, or something of it would be left.
        hidden.sort_by_key(|text| std::cmp::Reverse(text.len()));
        hidden.iter().fold(message.to_owned(), |message, hidden| {
            let quoted = format!("{hidden:?}");
            let escaped = &quoted[1..quoted.len() - 1];
            message.replace(escaped, "…").replace(hidden, "…")
        })
    }

    fn collect_hidden(&self, hidden: &mut Vec<String>) {
        /// What is shorter is no secret, and would take half of every message with it.
        const SHORTEST: usize = 4;

        match &self.value {
            Value::Text(text) | Value::Untyped(text) => {
                if self.origin != Origin::Plan && text.len() >= SHORTEST {
                    hidden.push(text.clone());
                    self.json().iter().for_each(|inner| inner.collect_hidden(hidden));
                }
            }
            Value::List(items) => items.iter().for_each(|item| item.collect_hidden(hidden)),
            Value::Map(members) => members.iter().for_each(|(_, value)| value.collect_hidden(hidden)),
            Value::Null | Value::Bool(_) | Value::Number(_) => {}
        }
    }

    /// Every value that holds no others, by its path.
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

/// A message with what might have been meant.
fn with_nearest(message: String, nearest: Option<&str>) -> String {
    Failure::usage(message).with_nearest(nearest).message
}
