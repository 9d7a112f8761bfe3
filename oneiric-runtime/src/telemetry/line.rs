//! An event as it is about to be written: its fields with their values as JSON, and the names of its run and node.

use std::fmt::Debug;

use tracing::Metadata;
use tracing::field::{Field, Visit};

use super::trace::Trace;
use crate::clock::Timestamp;

/// The fields that say where an event belongs; they stand after the event's own.
pub(super) const CONTEXT: [&str; 3] = ["workflow", "run_id", "node"];

/// An event.
pub(super) struct Line<'a> {
    pub(super) fields: &'a Fields,
    pub(super) metadata: &'a Metadata<'static>,
    pub(super) at: Timestamp,
    pub(super) trace: Option<Trace>,
}

/// Fields of an event or a span.
#[derive(Debug, Default)]
pub(super) struct Fields {
    /// What an event says, which by convention here is its name.
    message: Option<String>,
    /// Values of [`CONTEXT`], as JSON.
    context: [Option<String>; 3],
    /// All others: names, and values as JSON.
    others: Vec<(&'static str, String)>,
}

impl Line<'_> {
    /// What happened.
    pub(super) fn event(&self) -> &str {
        self.fields.message.as_deref().unwrap_or_else(|| self.metadata.name())
    }
}

impl Fields {
    /// The fields that belong to the event alone.
    pub(super) fn others(&self) -> impl Iterator<Item = (&'static str, &str)> {
        self.others.iter().map(|(name, value)| (*name, value.as_str()))
    }

    /// Where it belongs, as far as that is known.
    pub(super) fn context(&self) -> impl Iterator<Item = (&'static str, &str)> {
        CONTEXT.into_iter().zip(&self.context).filter_map(|(name, value)| Some((name, value.as_deref()?)))
    }

    /// Takes what `outer` has and this has not.
    pub(super) fn inherit(&mut self, outer: &Self) {
        for (own, outer) in self.context.iter_mut().zip(&outer.context) {
            if own.is_none() {
                own.clone_from(outer);
            }
        }
        for (name, value) in &outer.others {
            if self.others.iter().all(|(own, _)| own != name) {
                self.others.push((name, value.clone()));
            }
        }
    }

    /// Takes the names of a run, and of a node of it, where none are given.
    pub(super) fn inherit_names(&mut self, [run_id, workflow]: [&str; 2], node: Option<&str>) {
        for (own, name) in self.context.iter_mut().zip([Some(workflow), Some(run_id), node]) {
            if own.is_none() {
                *own = name.map(quoted);
            }
        }
    }

    fn put(&mut self, field: &Field, value: String) {
        let name = field.name();
        if let Some(index) = CONTEXT.iter().position(|known| *known == name) {
            self.context[index] = Some(value);
        } else if let Some((_, old)) = self.others.iter_mut().find(|(known, _)| *known == name) {
            *old = value;
        } else {
            self.others.push((name, value));
        }
    }
}

impl Visit for Fields {
    fn record_str(&mut self, field: &Field, value: &str) {
        if field.name() == "message" {
            self.message = Some(value.to_owned());
        } else {
            self.put(field, quoted(value));
        }
    }

    fn record_debug(&mut self, field: &Field, value: &dyn Debug) {
        self.record_str(field, &format!("{value:?}"));
    }

    fn record_error(&mut self, field: &Field, value: &(dyn std::error::Error + 'static)) {
        self.record_str(field, &value.to_string());
    }

    fn record_i64(&mut self, field: &Field, value: i64) {
        self.put(field, value.to_string());
    }

    fn record_u64(&mut self, field: &Field, value: u64) {
        self.put(field, value.to_string());
    }

    fn record_bool(&mut self, field: &Field, value: bool) {
        self.put(field, value.to_string());
    }

    fn record_f64(&mut self, field: &Field, value: f64) {
        // JSON has no number for infinity and the like.
        self.put(field, if value.is_finite() { value.to_string() } else { quoted(&value.to_string()) });
    }
}

/// `text` as a JSON string.
pub(super) fn quoted(text: &str) -> String {
    serde_json::to_string(text).expect("text is JSON")
}
