//! `workflow plan`: what the workflows are made of.

use std::fmt::Write;

use clap::{Arg, ArgAction, ArgMatches, Command};
use serde::Deserialize;
use serde_json::Value;

use crate::command::output::Done;
use crate::command::table::Table;
use crate::command::{Context, duration, json_argument, view};
use crate::failure::{Failure, nearest};
use crate::json::Json;
use crate::registry::Registry;

pub(super) const NAME: &str = "plan";

pub(super) fn command() -> Command {
    Command::new(NAME)
        .about("Show what workflows are made of")
        .arg(
            Arg::new("workflow")
                .long("workflow")
                .value_name("KEY")
                .action(ArgAction::Append)
                .help("Only this workflow; may be given more than once"),
        )
        .arg(json_argument())
}

pub(super) fn run(context: &Context, matches: &ArgMatches) -> Result<Done, Failure> {
    let registry = context.program.registry(context.app.clone());
    let asked = matches.get_many::<String>("workflow").into_iter().flatten().map(String::as_str);
    let (found, missing) = choose(&registry, &asked.collect::<Vec<_>>());
    let document = document(&registry, &found, &missing)?;
    let suggestions = missing.iter().map(|name| {
        let unknown = Failure::new("workflow-unknown", format!("there is no workflow `{name}`"));
        unknown.with_nearest(nearest(name, registry.names())).message
    });
    let suggestions = suggestions.collect::<Vec<_>>();
    let is_good = missing.is_empty();
    Ok(Done::new(document, |_| text(&registry, &found, &suggestions)).good(is_good))
}

/// The workflows that are asked for, in the program's order, and the names that there are not.
fn choose<'a>(registry: &Registry, asked: &[&'a str]) -> (Vec<&'static str>, Vec<&'a str>) {
    let all = asked.is_empty()
        || asked.iter().any(|name| ["all", "*"].contains(name) && registry.get(name).is_none());
    let found = registry.names().filter(|name| all || asked.contains(name)).collect();
    let missing =
        asked.iter().copied().filter(|name| !["all", "*"].contains(name) && registry.get(name).is_none());
    let mut missing = missing.collect::<Vec<_>>();
    missing.dedup();
    (found, missing)
}

fn document(registry: &Registry, found: &[&str], missing: &[&str]) -> Result<Json, Failure> {
    // The definitions are put in as they are: taking them apart would change the order of their keys.
    let name = |name: &&str| Value::from(*name).to_string();
    let definition = |name: &&str| registry.get(name).map_or("null", |entry| entry.definition().text.text());
    let workflows = found.iter().map(|workflow| format!("{}:{}", name(workflow), definition(workflow)));
    let workflows = workflows.collect::<Vec<_>>().join(",");
    let missing = missing.iter().map(name).collect::<Vec<_>>().join(",");
    Json::from_text(&format!("{{\"workflows\":{{{workflows}}},\"missing\":[{missing}]}}"))
        .map_err(|error| Failure::new("internal", error.to_string()))
}

#[derive(Deserialize)]
struct Definition {
    #[serde(default)]
    digest: String,
    description: Option<String>,
    timeout_ms: Option<u64>,
    max_parallel: Option<u32>,
    nodes: Vec<Node>,
}

#[derive(Deserialize)]
struct Node {
    id: String,
    does: Option<String>,
    run: Option<String>,
    exec: Option<Vec<String>>,
    wait_ms: Option<u64>,
    #[serde(default)]
    depends_on: Vec<String>,
    retry: Option<Retry>,
    timeout_ms: Option<u64>,
    on_failure: Option<String>,
}

#[derive(Deserialize)]
struct Retry {
    attempts: u32,
}

fn text(registry: &Registry, found: &[&str], missing: &[String]) -> String {
    let mut text = String::new();
    for name in found {
        let definition =
            registry.get(name).and_then(|entry| entry.definition().text.parse::<Definition>().ok());
        if let Some(definition) = definition {
            text.push_str(if text.is_empty() { "" } else { "\n" });
            definition.show(name, &mut text);
        }
    }
    if found.is_empty() && missing.is_empty() {
        text.push_str("this program has no workflows\n");
    }
    for line in missing {
        // Writing to a String cannot fail, here and below.
        let _ = writeln!(text, "{line}");
    }
    text
}

impl Definition {
    fn show(&self, name: &str, text: &mut String) {
        let edges: usize = self.nodes.iter().map(|node| node.depends_on.len()).sum();
        let _ = write!(text, "{name}: {}, {}", counted(self.nodes.len(), "node"), counted(edges, "edge"));
        if let Some(limit) = self.max_parallel {
            let _ = write!(text, ", at most {limit} at once");
        }
        if let Some(timeout) = self.timeout_ms {
            let _ = write!(text, ", within {}", millis(timeout));
        }
        let digest = self.digest.get(..12).unwrap_or(&self.digest);
        let _ = writeln!(text, ", digest {digest}");
        for line in self.description.iter().flat_map(|description| description.lines()) {
            let _ = writeln!(text, "  {line}");
        }
        let mut table = Table::new(["NODE", "DOES", "AFTER", ""]);
        for node in &self.nodes {
            table.row([node.id.clone(), node.work(), node.depends_on.join(", "), node.options()]);
        }
        text.push_str(&table.text("  "));
    }
}

impl Node {
    fn work(&self) -> String {
        match (&self.run, &self.exec, self.wait_ms) {
            (Some(function), _, _) => function.clone(),
            (_, Some(argv), _) => view::excerpt(&argv.join(" ")),
            (_, _, Some(wait)) => format!("wait {}", millis(wait)),
            _ => self.does.clone().unwrap_or_default(),
        }
    }

    fn options(&self) -> String {
        let attempts = self.retry.as_ref().map(|retry| counted(retry.attempts as usize, "attempt"));
        let timeout = self.timeout_ms.map(|timeout| format!("{} each", millis(timeout)));
        let goes_on = self.on_failure.as_deref().filter(|policy| *policy == "continue");
        let goes_on = goes_on.map(|_| "the run goes on if it fails".to_owned());
        [attempts, timeout, goes_on].into_iter().flatten().collect::<Vec<_>>().join(", ")
    }
}

fn millis(millis: u64) -> String {
    duration::show(crate::millis(millis))
}

fn counted(count: usize, what: &str) -> String {
    format!("{count} {what}{}", if count == 1 { "" } else { "s" })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::app::App;
    use crate::program::Program;

    fn registry() -> Registry {
        let plan = r#"{"name":"p","workflows":{
            "b":{"digest":"0123456789abcdef","description":"Does b.","node_count":2,"nodes":[
                {"id":"fetch","does":"run","run":"shop::fetch","retry":{"attempts":3},"timeout_ms":30000},
                {"id":"pause","does":"wait","wait_ms":1500,"depends_on":["fetch"],"on_failure":"continue"}]},
            "a":{"digest":"x","nodes":[]}}}"#;
        let mut app = App::default();
        app.workflow("b", |_| {});
        app.workflow("a", |_| {});
        Program::new(plan).registry(app)
    }

    #[test]
    fn definitions_are_printed_as_they_are_and_unknown_names_are_listed() {
        let registry = registry();
        let (found, missing) = choose(&registry, &["a", "c"]);
        let document = document(&registry, &found, &missing).unwrap();
        assert_eq!(document.text(), r#"{"workflows":{"a":{"digest":"x","nodes":[]}},"missing":["c"]}"#);
        assert_eq!(choose(&registry, &[]).0, ["b", "a"]);
        assert_eq!(choose(&registry, &["*"]), (vec!["b", "a"], vec![]));
    }

    #[test]
    fn people_get_a_table() {
        let registry = registry();
        assert_eq!(
            text(&registry, &["b"], &[]),
            "b: 2 nodes, 1 edge, digest 0123456789ab\n  Does b.\n  NODE   DOES         AFTER\n  fetch  shop::fetch         3 attempts, 30.00 s each\n  pause  wait 1.50 s  fetch  the run goes on if it fails\n"
        );
    }
}
