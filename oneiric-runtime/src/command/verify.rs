//! `__verify`, for the compiler: builds every workflow and checks every literal of the manifest against its type.

use clap::Command;
use serde_json::json;

use super::Context;
use super::output::Done;
use crate::json::Json;

const NAME: &str = "__verify";

pub(super) fn command() -> Command {
    Command::new(NAME).hide(true)
}

pub(super) fn run(context: &Context) -> Done {
    let registry = context.program.registry(context.app.clone());
    let mut faults = Vec::new();
    for name in registry.names() {
        let workflow = registry.get(name).map(crate::registry::Entry::workflow);
        for (node, argument, message) in workflow.iter().flat_map(|workflow| workflow.faults()) {
            faults.push(json!({ "workflow": name, "node": node, "argument": argument, "message": message }));
        }
    }
    let is_good = faults.is_empty();
    let document = Json::trusted(json!({ "faults": faults }).to_string());
    Done::new(document, |document| format!("{}\n", document.text())).good(is_good)
}
