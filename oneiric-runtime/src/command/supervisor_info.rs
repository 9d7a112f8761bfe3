//! `supervisor-info`: what a program is set to, and who says so.
//!
//! A setting of an adapter is shown with its value where the manifest says it, because there is no secret in a manifest; of
//! one that a file or the environment says, only that they do.

use std::fmt::Write;

use clap::Command;
use serde::Serialize;
use serde_json::Value;

use super::output::Done;
use super::table::Table;
use super::{Context, json_argument};
use crate::failure::Failure;
use crate::json::Json;
use crate::profile::{SUPERVISOR, Toggle};

pub(super) const NAME: &str = "supervisor-info";

pub(super) fn command() -> Command {
    Command::new(NAME)
        .about("Show what is switched on and off, what is set, and who says so")
        .arg(json_argument())
}

/// All of it.
#[derive(Serialize)]
struct Info<'a> {
    program: &'a str,
    profile: Chosen,
    toggles: &'a [Toggle],
    secrets: Secrets,
    adapters: Vec<Adapter>,
}

#[derive(Serialize)]
struct Chosen {
    name: &'static str,
    from: &'static str,
}

/// Who is asked for secrets, in this order.
#[derive(Serialize)]
struct Secrets {
    order: Vec<String>,
    cache_ttl_ms: u64,
}

#[derive(Serialize)]
struct Adapter {
    name: &'static str,
    provider: &'static str,
    settings: Vec<Setting>,
}

#[derive(Serialize)]
struct Setting {
    path: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    value: Option<Value>,
    from: String,
}

pub(super) fn run(context: &Context) -> Result<Done, Failure> {
    let registry = context.program.registry(context.app.clone());
    let adapters = registry.adapters();
    let layers = adapters.layers()?;
    let adapter = |declared: crate::adapters::Declared| {
        let setting = layers.adapter(declared.name);
        let leaf = |(path, leaf): (String, &crate::settings::Setting)| Setting {
            path,
            value: leaf.shown(),
            from: leaf.origin.to_string(),
        };
        let settings = setting.leaves().into_iter().filter(|(path, _)| !path.is_empty()).map(leaf).collect();
        Adapter { name: declared.name, provider: declared.id, settings }
    };
    let info = Info {
        program: context.program.name(),
        profile: Chosen { name: context.profile.profile.name(), from: context.profile.origin.name() },
        toggles: &context.toggles.shown,
        secrets: Secrets { order: adapters.secret_order(), cache_ttl_ms: adapters.secrets_kept_for() },
        adapters: adapters.declared().map(adapter).collect(),
    };
    let document = Json::of(&info).map_err(|error| Failure::new("internal", error.to_string()))?;
    Ok(Done::new(document, |_| text(&info)))
}

/// For people. The first line is that of the first Oneiric.
fn text(info: &Info<'_>) -> String {
    let Some(supervisor) = info.toggles.first() else { return String::new() };
    let mut text = format!(
        "Supervisor toggles: profile={} runtime={} poll_interval=none\n",
        show(&supervisor.profile_default),
        show(&supervisor.effective)
    );
    // Writing to a String cannot fail, here and below.
    if let Some(value) = &supervisor.environment {
        let _ = writeln!(text, "Env override: {SUPERVISOR}={value}");
    }
    let Chosen { name, from } = info.profile;
    let _ = writeln!(text, "Profile: {name} (from {from})");
    let kept = super::duration::show(std::time::Duration::from_millis(info.secrets.cache_ttl_ms));
    let _ = writeln!(text, "Secrets: asked of {}; kept for {kept}", info.secrets.order.join(", then "));

    let mut toggles = Table::new(["TOGGLE", "PROFILE", "CONFIG", "ENVIRONMENT", "EFFECTIVE", "FROM"]);
    let optional = |value: &Option<Value>| value.as_ref().map_or_else(|| "-".to_owned(), show);
    for toggle in info.toggles {
        toggles.row([
            toggle.name.to_owned(),
            show(&toggle.profile_default),
            optional(&toggle.config),
            optional(&toggle.environment),
            show(&toggle.effective),
            toggle.from.to_owned(),
        ]);
    }
    let _ = write!(text, "\n{}", toggles.text("  "));
    for Adapter { name, provider, settings } in &info.adapters {
        let _ = writeln!(text, "\n{name} ({provider})");
        if settings.is_empty() {
            continue;
        }
        let mut table = Table::new(["SETTING", "VALUE", "FROM"]);
        for Setting { path, value, from } in settings {
            let value = value.as_ref().map_or_else(|| "(not shown)".to_owned(), show);
            table.row([path.clone(), value, from.clone()]);
        }
        text.push_str(&table.text("  "));
    }
    text
}

fn show(value: &Value) -> String {
    match value {
        Value::Bool(true) => "on".to_owned(),
        Value::Bool(false) => "off".to_owned(),
        Value::String(text) => text.clone(),
        other => other.to_string(),
    }
}
