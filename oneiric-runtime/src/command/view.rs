//! A run as people see it, made of the document that programs get.

use std::fmt::Write;
use std::time::Duration;

use serde::Deserialize;

use super::duration;
use super::table::Table;
use crate::json::Json;

/// How much of an output or an error stands in a table.
const EXCERPT: usize = 72;

/// A run, of `runs show` or `workflow run`.
#[derive(Deserialize)]
#[expect(clippy::struct_field_names, reason = "the keys of the document")]
pub(super) struct Run {
    pub(super) run_id: String,
    pub(super) workflow: String,
    pub(super) status: String,
    created_at: Option<String>,
    ended_at: Option<String>,
    error: Option<String>,
    parked: Option<String>,
    pub(super) nodes: Vec<Node>,
    #[serde(default)]
    notifications: Vec<Notification>,
}

/// One of its nodes.
#[derive(Deserialize)]
#[expect(clippy::struct_field_names, reason = "the keys of the document")]
pub(super) struct Node {
    pub(super) node: String,
    pub(super) status: String,
    attempts: u32,
    started_at: Option<String>,
    ended_at: Option<String>,
    until: Option<String>,
    output: Option<Json>,
    error: Option<String>,
    #[serde(default)]
    items: Vec<Track>,
    compensation: Option<Track>,
}

/// An instance of a node, or the undoing of one.
#[derive(Deserialize)]
struct Track {
    status: String,
    error: Option<String>,
}

/// Somebody who is told of it.
#[derive(Deserialize)]
struct Notification {
    adapter: String,
    title: String,
    status: String,
    attempts: u32,
    until: Option<String>,
    error: Option<String>,
}

impl Run {
    pub(super) fn is_completed(&self) -> bool {
        self.status == "completed"
    }

    /// All of it, for a person.
    pub(super) fn text(&self) -> String {
        let Self { run_id, workflow, status, .. } = self;
        let mut text = format!("{workflow} {status}");
        let starts = self.nodes.iter().filter_map(|node| node.started_at.as_deref()).min();
        let ends = self.nodes.iter().filter_map(|node| node.ended_at.as_deref()).max();
        let took = between(self.created_at.as_deref().or(starts), self.ended_at.as_deref().or(ends));
        // Writing to a String cannot fail, here and below.
        if let Some(took) = took {
            let _ = write!(text, " in {}", duration::show(took));
        }
        let _ = writeln!(text, ", run {run_id}");
        for reason in [&self.error, &self.parked].into_iter().flatten() {
            let _ = writeln!(text, "  {reason}");
        }
        let mut table = Table::new(["NODE", "STATUS", "TRIES", "TIME", "OUTPUT"]);
        for node in &self.nodes {
            table.row([
                node.node.clone(),
                node.state(),
                node.attempts.to_string(),
                node.took().map(duration::show).unwrap_or_default(),
                node.remark(),
            ]);
        }
        text.push_str(&table.text("  "));
        if !self.notifications.is_empty() {
            let mut table = Table::new(["NOTIFICATION", "BY", "STATUS", "TRIES", ""]);
            for one in &self.notifications {
                let until = one.until.as_ref().map(|until| format!("due {until}: "));
                let error = one.error.as_deref().map(excerpt).unwrap_or_default();
                table.row([
                    excerpt(&one.title),
                    one.adapter.clone(),
                    one.status.clone(),
                    one.attempts.to_string(),
                    until.unwrap_or_default() + &error,
                ]);
            }
            text.push('\n');
            text.push_str(&table.text("  "));
        }
        text
    }
}

impl Node {
    /// Whether nothing more will happen to it.
    pub(super) fn has_ended(&self) -> bool {
        self.ended_at.is_some()
    }

    pub(super) fn took(&self) -> Option<Duration> {
        between(self.started_at.as_deref(), self.ended_at.as_deref())
    }

    /// Its status, with how many of its instances are done while it is at them, and whether it is undone.
    fn state(&self) -> String {
        let done = self.items.iter().filter(|item| item.status == "completed").count();
        match &self.compensation {
            Some(undo) if undo.status == "completed" => format!("{}, undone", self.status),
            Some(undo) if undo.status == "failed" => format!("{}, not undone", self.status),
            Some(_) => format!("{}, being undone", self.status),
            None if self.items.is_empty() || self.status == "completed" => self.status.clone(),
            None => format!("{} {done}/{}", self.status, self.items.len()),
        }
    }

    /// What is worth saying of it.
    fn remark(&self) -> String {
        if let Some(error) = self.compensation.as_ref().and_then(|undo| undo.error.as_ref()) {
            return excerpt(error);
        }
        match (&self.error, &self.output, &self.until) {
            (Some(error), _, _) => excerpt(error),
            (_, Some(output), _) => excerpt(output.text()),
            (_, _, Some(until)) if !self.has_ended() => format!("due {until}"),
            _ => String::new(),
        }
    }
}

fn between(start: Option<&str>, end: Option<&str>) -> Option<Duration> {
    let read = |time: &str| time.parse::<jiff::Timestamp>().ok();
    read(end?)?.duration_since(read(start?)?).try_into().ok()
}

/// The beginning of `text` on one line.
pub(super) fn excerpt(text: &str) -> String {
    let mut line = text.split_whitespace().collect::<Vec<_>>().join(" ");
    if let Some((cut, _)) = line.char_indices().nth(EXCERPT) {
        line.truncate(cut);
        line.push('…');
    }
    line
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_run_is_a_line_and_a_table() {
        let document = r#"{"workflow":"w","run_id":"r","status":"failed","error":"node `b` failed","results":{},"nodes":[
            {"node":"a","status":"completed","attempts":1,"started_at":"2026-01-01T00:00:00.000000Z",
             "ended_at":"2026-01-01T00:00:00.012500Z","output":{"n": 1}},
            {"node":"b","status":"failed","attempts":2,"started_at":"2026-01-01T00:00:01.000000Z",
             "ended_at":"2026-01-01T00:00:02.500000Z","error":"no\n luck"},
            {"node":"c","status":"skipped","attempts":0},
            {"node":"d","status":"completed","attempts":1,"compensation":{"status":"failed","attempts":1,"error":"late"}},
            {"node":"e","status":"failed","attempts":0,"items":[{"status":"completed"},{"status":"failed"}]}],
            "notifications":[
            {"adapter":"chat","title":"[ERROR] ops","status":"retrying","attempts":1,"error":"away",
             "until":"2026-01-01T00:00:04.000000Z"}]}"#;
        let run: Run = serde_json::from_str(document).unwrap();
        let expected = [
            "w failed in 2.50 s, run r",
            "  node `b` failed",
            "  NODE  STATUS                 TRIES  TIME     OUTPUT",
            "  a     completed              1      12.5 ms  {\"n\": 1}",
            "  b     failed                 2      1.50 s   no luck",
            "  c     skipped                0",
            "  d     completed, not undone  1               late",
            "  e     failed 1/2             0",
            "",
            "  NOTIFICATION  BY    STATUS    TRIES",
            "  [ERROR] ops   chat  retrying  1      due 2026-01-01T00:00:04.000000Z: away",
        ];
        assert_eq!(run.text().lines().collect::<Vec<_>>(), expected);
        assert!(!run.is_completed());
    }
}
