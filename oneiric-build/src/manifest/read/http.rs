//! The section `http`: who may call the program, and where it says that it is alive.

use super::auth;
use super::fields::{Fields, text};
use super::section::{Form, Key, Section};
use crate::diagnostic::{Diagnostic, Diagnostics};
use crate::manifest::yaml::{Entry, Node};
use crate::manifest::{Http, Spanned, faults};

pub(super) static HTTP: Section = Section {
    what: "`http`",
    about: "Who may call the program.",
    keys: &[
        Key::new("auth", &auth::FORM, "How callers show who they are.").required(),
        Key::new("health_path", &Form::Text, "Where it says that it is alive.").default("/healthz"),
    ],
    one_of: &[],
};

/// The paths that mean something else, and what.
const TAKEN: [(&str, &str); 3] = [
    ("/readyz", "there it says whether it can take work"),
    ("/tasks/workflow", "there it takes work"),
    ("/control", "there it takes orders of its own commands"),
];

pub(super) fn read(entry: &Entry<'_>, faults: &mut Diagnostics) -> Option<Http> {
    let fields = Fields::open(&entry.value, entry.key_span, &HTTP, faults)?;
    let health_path = fields.get("health_path").and_then(|node| path(node, faults));
    let auth = fields.require("auth", "auth: { oidc: { audience: \"https://…\" } }", faults);
    Some(Http { auth: auth.and_then(|node| auth::read(node, faults)), health_path })
}

/// A path that is free.
fn path(node: &Node<'_>, faults: &mut Diagnostics) -> Option<String> {
    let Spanned { value: path, span } = text(node, faults)?;
    let fault = |message| Diagnostic::error(&faults::VALUE, span, message);
    if !path.starts_with('/') {
        faults.push(fault(format!("`{path}` is not a path")).help(format!("write `/{path}`")));
    } else if path.contains(['?', '#']) || path.contains(|char: char| !char.is_ascii_graphic()) {
        faults.push(
            fault(format!("`{path}` is not a path"))
                .help("leave out the query, and write what is not ASCII as `%` and two hexadecimal digits"),
        );
    } else if let Some((_, why)) = TAKEN.iter().find(|(taken, _)| *taken == path) {
        faults.push(fault(format!("`{path}` is taken")).label(*why));
    } else {
        return Some(path);
    }
    None
}
