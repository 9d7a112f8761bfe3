//! The plan as JSON: what is embedded in the binary, and what `oneiric plan --format json` prints.

use std::fmt::Write as _;
use std::time::Duration;

use super::{
    Adapter, Auth, Choice, Condition, Does, Expr, Http, Node, NodeId, Notifications, OnFailure, Part, Plan,
    Ranked, Reference, Retry, Scheduler, Secrets, Step, Test, Workflow,
};
use crate::json::Json;

/// The version of the document's form.
pub const FORMAT: u32 = 1;

/// The whole program, compiled from the manifest at this path.
pub fn program(plan: &Plan, manifest: &str) -> Json {
    let workflows = plan.workflows.iter().map(|one| (one.name.value.clone(), workflow(one))).collect();
    let mut entries = object([
        ("format", Some(Json::value(FORMAT))),
        ("oneiric", Some(Json::value(env!("CARGO_PKG_VERSION")))),
        ("name", Some(Json::value(&*plan.name))),
        ("description", plan.description.as_deref().map(Json::value)),
        ("manifest", Some(Json::value(manifest))),
    ]);
    entries.extend(around(plan));
    entries.extend(object([
        ("workflows", Some(Json::Object(workflows))),
        ("candidates", (!plan.choices.is_empty()).then(|| Json::list(&plan.choices, choice))),
    ]));
    Json::Object(entries)
}

/// What there is beside workflows.
pub fn surroundings(plan: &Plan) -> Json {
    Json::Object(around(plan))
}

fn around(plan: &Plan) -> Vec<(String, Json)> {
    object([
        ("profile", plan.profile.map(Json::value)),
        ("adapters", (!plan.adapters.is_empty()).then(|| adapters(&plan.adapters))),
        ("secrets", plan.secrets.as_ref().map(secrets)),
        ("scheduler", plan.scheduler.as_ref().map(scheduler)),
        ("checkpoint", plan.checkpoint().map(|adapter| Json::value(adapter.name.as_str()))),
        ("http", plan.http.as_ref().map(http)),
    ])
}

/// The entries that have a value.
fn object<const N: usize>(entries: [(&str, Option<Json>); N]) -> Vec<(String, Json)> {
    entries.into_iter().filter_map(|(key, value)| Some((key.to_owned(), value?))).collect()
}

/// Why this candidate.
fn choice(choice: &Choice) -> Json {
    let ranked = |one: &Ranked| {
        Json::object([
            ("provider", Some(Json::value(one.name.as_str()))),
            ("selected", Some(Json::value(one.selected))),
            ("reasons", Some(Json::list(&one.reasons, |reason| Json::value(reason.as_str())))),
        ])
    };
    Json::object([
        ("section", Some(Json::value(choice.section))),
        ("key", Some(Json::value(choice.key.as_str()))),
        ("ordered", Some(Json::list(&choice.ordered, ranked))),
    ])
}

/// Adapters by name.
fn adapters(adapters: &[Adapter]) -> Json {
    let one = |adapter: &Adapter| {
        let said = Json::object([
            ("provider", Some(Json::value(adapter.provider.as_str()))),
            ("settings", Some(adapter.settings.clone())),
        ]);
        (adapter.name.value.clone(), said)
    };
    Json::Object(adapters.iter().map(one).collect())
}

fn secrets(secrets: &Secrets) -> Json {
    let values = || secrets.values.iter().map(|(name, text)| (name.clone(), Json::value(text.as_str())));
    Json::object([
        ("sources", (!secrets.sources.is_empty()).then(|| texts(&secrets.sources))),
        ("cache_ttl_ms", secrets.cache_ttl.map(millis)),
        ("named", (!secrets.named.is_empty()).then(|| texts(&secrets.named))),
        ("values", (!secrets.values.is_empty()).then(|| Json::Object(values().collect()))),
    ])
}

fn scheduler(scheduler: &Scheduler) -> Json {
    Json::object([("queue", Some(Json::value(scheduler.queue.as_str())))])
}

fn notifications(notifications: &Notifications) -> Json {
    let Notifications { adapter, channel, target, title, include_context, on } = notifications;
    Json::object([
        ("adapter", Some(Json::value(adapter.as_str()))),
        ("channel", channel.as_deref().map(Json::value)),
        ("target", target.as_deref().map(Json::value)),
        ("title", title.as_deref().map(Json::value)),
        ("include_context", include_context.map(Json::value)),
        ("on", on.as_ref().map(|on| Json::list(on, |moment| Json::value(*moment)))),
    ])
}

fn texts(texts: &[String]) -> Json {
    Json::list(texts, |text| Json::value(text.as_str()))
}

/// Who may call. A secret is there by its name.
fn http(http: &Http) -> Json {
    let text = |text: &str| Json::value(text);
    let secret = |name: &str| Json::value(format!("${{secret:{name}}}"));
    let some = |list: &[String]| (!list.is_empty()).then(|| texts(list));
    let auth = match &http.auth {
        Auth::None => Json::object([("kind", Some(text("none")))]),
        Auth::Oidc(oidc) => Json::object([
            ("kind", Some(text("oidc"))),
            ("audiences", Some(texts(&oidc.audiences))),
            ("issuer", Some(text(&oidc.issuer))),
            ("jwks_url", oidc.jwks_url.as_deref().map(text)),
            ("emails", some(&oidc.emails)),
            ("subjects", some(&oidc.subjects)),
            ("leeway_ms", Some(millis(oidc.leeway))),
        ]),
        Auth::SharedSecret(name) => {
            Json::object([("kind", Some(text("shared_secret"))), ("secret", Some(secret(name)))])
        }
        Auth::Hmac(hmac) => Json::object([
            ("kind", Some(text("hmac"))),
            ("scheme", Some(text(hmac.scheme))),
            ("secret", Some(secret(&hmac.secret))),
            ("tolerance_ms", Some(millis(hmac.tolerance))),
            ("signature_header", hmac.signature_header.as_deref().map(text)),
            ("timestamp_header", hmac.timestamp_header.as_deref().map(text)),
            ("url", hmac.url.as_deref().map(text)),
        ]),
    };
    Json::object([("auth", Some(auth)), ("health_path", http.health_path.as_deref().map(text))])
}

/// One workflow. Keys without a value are left out.
pub fn workflow(workflow: &Workflow) -> Json {
    let name = |id: NodeId| Json::value(workflow.node(id).name.as_str());
    Json::object([
        ("digest", Some(Json::value(&*workflow.digest))),
        ("description", workflow.description.as_deref().map(Json::value)),
        ("node_count", Some(Json::value(workflow.nodes.len()))),
        ("edge_count", Some(Json::value(workflow.edge_count()))),
        ("entry_nodes", Some(Json::list(workflow.entry_nodes(), |node| Json::value(node.name.as_str())))),
        ("max_parallel", workflow.max_parallel.map(Json::value)),
        ("timeout_ms", workflow.timeout.map(millis)),
        ("scheduler", workflow.scheduler.as_ref().map(scheduler)),
        ("notifications", workflow.notifications.as_ref().map(notifications)),
        ("levels", Some(Json::list(workflow.levels(), |level| Json::list(level, name)))),
        ("nodes", Some(Json::list(&workflow.nodes, |one| node(workflow, one)))),
    ])
}

/// What a node does, or what undoes it: its kind, the task's name, and what is called, started or waited for.
fn does(does: &Does) -> [(&'static str, Option<Json>); 5] {
    let (kind, task, run, exec, wait) = match does {
        Does::Run { task, path, .. } => ("run", Some(task), Some(Json::value(path.as_str())), None, None),
        Does::Exec { task, argv } => {
            ("exec", Some(task), None, Some(Json::list(argv, |word| Json::value(word.as_str()))), None)
        }
        Does::Wait(time) => ("wait", None, None, None, Some(millis(*time))),
    };
    [
        ("does", Some(Json::value(kind))),
        ("task", task.map(|task| Json::value(task.as_str()))),
        ("run", run),
        ("exec", exec),
        ("wait_ms", wait),
    ]
}

fn condition(workflow: &Workflow, condition: &Condition) -> Json {
    let value = ("value", Some(reference(workflow, &condition.value)));
    let tests = condition.tests.iter().map(|test| match test {
        Test::AnyOf(values) => ("any_of", Some(Json::list(values, |value| Json::from(value.clone())))),
        Test::Exists(is_there) => ("exists", Some(Json::value(*is_there))),
    });
    Json::object([value].into_iter().chain(tests))
}

fn node(workflow: &Workflow, node: &Node) -> Json {
    let [kind, task, run, exec, wait] = does(&node.does);
    let undo = node.undo.as_ref();
    let with = node.with.as_ref().map(|with| {
        let arguments =
            with.arguments.iter().map(|(name, value)| (name.value.clone(), expr(workflow, value)));
        Json::Object(arguments.collect())
    });
    let needs = (!node.needs.is_empty())
        .then(|| Json::list(&node.needs, |need| Json::value(workflow.node(*need).name.as_str())));
    Json::object([
        ("id", Some(Json::value(node.name.as_str()))),
        kind,
        task,
        run,
        exec,
        wait,
        ("when", (!node.when.is_empty()).then(|| Json::list(&node.when, |one| condition(workflow, one)))),
        ("for_each", node.each.as_ref().map(|each| reference(workflow, &each.list))),
        ("max_parallel", node.each.as_ref().and_then(|each| each.max_parallel).map(Json::value)),
        ("with", with),
        ("depends_on", needs),
        ("compensate", undo.map(|undo| Json::object(does(&undo.does)))),
        ("compensate_retry", undo.and_then(|undo| undo.retry).map(retry)),
        ("compensate_timeout_ms", undo.and_then(|undo| undo.timeout).map(millis)),
        ("retry", node.retry.map(retry)),
        ("timeout_ms", node.timeout.map(millis)),
        ("on_failure", (node.on_failure == OnFailure::Continue).then(|| Json::value("continue"))),
    ])
}

fn retry(retry: Retry) -> Json {
    Json::object([
        ("attempts", Some(Json::value(retry.attempts))),
        ("base_delay_ms", retry.base_delay.map(millis)),
        ("max_delay_ms", retry.max_delay.map(millis)),
        ("jitter", retry.jitter.map(Json::value)),
    ])
}

fn millis(time: Duration) -> Json {
    Json::value(u64::try_from(time.as_millis()).unwrap_or(u64::MAX))
}

fn reference(workflow: &Workflow, reference: &Reference) -> Json {
    Json::value(format!("${{{}}}", path(workflow, reference)))
}

/// The value as the manifest has it, references and all.
pub(super) fn expr(workflow: &Workflow, value: &Expr) -> Json {
    match value {
        Expr::Literal(value) => Json::from(escaped(value)),
        Expr::Reference(it) => reference(workflow, it),
        Expr::Template(parts) => {
            let text = parts.iter().map(|part| match part {
                Part::Text(text) => escape(text),
                Part::Reference(reference) => format!("${{{}}}", path(workflow, reference)),
            });
            Json::value(text.collect::<String>())
        }
        Expr::Array(items) => Json::list(items, |item| expr(workflow, item)),
        Expr::Object(entries) => {
            Json::Object(entries.iter().map(|(key, value)| (key.clone(), expr(workflow, value))).collect())
        }
    }
}

/// A reference without its dollar sign and braces.
pub(super) fn path(workflow: &Workflow, reference: &Reference) -> String {
    let (mut text, steps) = match reference {
        Reference::RunId => return "run.id".to_owned(),
        Reference::Secret(name) => return format!("secret:{name}"),
        Reference::Item(steps) => ("item".to_owned(), steps),
        Reference::Input(steps) => ("input".to_owned(), steps),
        Reference::Output(node, steps) => {
            let name = workflow.node(*node).name.as_str();
            (if is_bare(name) { name.to_owned() } else { quoted(name) }, steps)
        }
    };
    for step in steps {
        match step {
            Step::Field(name) if is_bare(name) => {
                text.push('.');
                text.push_str(name);
            }
            Step::Field(name) => text.push_str(&quoted(name)),
            Step::Index(index) => _ = write!(text, "[{index}]"),
        }
    }
    text
}

fn is_bare(name: &str) -> bool {
    !name.is_empty() && name.chars().all(|char| char.is_alphanumeric() || "_-@+".contains(char))
}

fn quoted(name: &str) -> String {
    format!("[{}]", serde_json::Value::from(name))
}

fn escape(text: &str) -> String {
    text.replace("${", "$${")
}

/// A literal in which no text would be read as a reference. As deep as the value, which the reader bounds.
fn escaped(value: &serde_json::Value) -> serde_json::Value {
    use serde_json::Value;
    match value {
        Value::String(text) => Value::String(escape(text)),
        Value::Array(items) => items.iter().map(escaped).collect(),
        Value::Object(map) => {
            Value::Object(map.iter().map(|(key, value)| (key.clone(), escaped(value))).collect())
        }
        other => other.clone(),
    }
}
