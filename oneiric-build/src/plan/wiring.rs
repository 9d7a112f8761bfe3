//! What a program has beside its workflows: adapters, secrets, where runs are kept.

use std::collections::BTreeSet;

use super::{Adapter, Http, Notifications, Scheduler, Secrets};
use crate::adapters;
use crate::catalog;
use crate::index::Index;
use crate::json::Json;
use crate::manifest::{self, Manifest, Node, Root, Setting, SettingKind, SettingText, Spanned};

/// The adapters, in the manifest's order. All that a manifest declares are in the program: Rust functions may use them.
pub(super) fn adapters(manifest: &Manifest) -> Vec<Adapter> {
    let written = manifest.adapters.iter().flatten();
    written
        .map(|written| {
            let id = written.provider.as_ref().expect("an adapter without a provider has been refused");
            let provider = catalog::provider(id).expect("the rule `unknown-provider` found nothing");
            Adapter {
                name: written.name.clone(),
                provider: provider.id.clone(),
                path: provider.path.clone(),
                feature: provider.feature.clone(),
                settings: written.settings.as_ref().map_or(Json::Object(Vec::new()), settings),
            }
        })
        .collect()
}

/// Settings as JSON, in which a secret stays `${secret:NAME}`. As deep as the value.
fn settings(setting: &Setting) -> Json {
    match &setting.kind {
        SettingKind::Null | SettingKind::Unread => Json::Value(serde_json::Value::Null),
        SettingKind::Bool(value) => Json::value(*value),
        SettingKind::Number(number) => Json::Value(serde_json::Value::Number(number.clone())),
        SettingKind::Text(SettingText::Plain(text)) => Json::value(text.as_str()),
        SettingKind::Text(SettingText::Secret(secret)) => {
            Json::value(format!("${{secret:{}}}", secret.value))
        }
        SettingKind::Text(SettingText::Mixed(_)) => {
            unreachable!("a secret is all of a setting, or is refused")
        }
        SettingKind::List(items) => Json::list(items, settings),
        SettingKind::Mapping(entries) => {
            Json::Object(entries.iter().map(|(name, value)| (name.value.clone(), settings(value))).collect())
        }
    }
}

/// Where secrets come from, where it is not from the environment alone.
pub(super) fn secrets(manifest: &Manifest) -> Option<Secrets> {
    let sources: Vec<String> =
        adapters::sources(manifest).into_iter().map(|name| name.value.clone()).collect();
    let written = manifest.secrets.as_ref();
    let values = written.iter().flat_map(|secrets| &secrets.values);
    let secrets = Secrets {
        cache_ttl: written.and_then(|secrets| secrets.cache_ttl),
        values: values.map(|(name, text)| (name.value.clone(), text.value.clone())).collect(),
        named: named_secrets(manifest),
        sources,
    };
    let Secrets { sources, cache_ttl, values, named } = &secrets;
    let says_nothing = sources.is_empty() && cache_ttl.is_none() && values.is_empty() && named.is_empty();
    (!says_nothing).then_some(secrets)
}

/// Who may call.
pub(super) fn http(http: &manifest::Http) -> Http {
    let auth = http.auth.as_ref().expect("what cannot be read has been refused");
    Http { auth: auth.value.clone(), health_path: http.health_path.clone() }
}

/// The secrets that workflows name, and the one that callers have, sorted.
fn named_secrets(manifest: &Manifest) -> Vec<String> {
    let nodes = manifest.workflows.iter().flatten().flat_map(|workflow| workflow.nodes.iter().flatten());
    let named = nodes.flat_map(Node::references).filter_map(|reference| match &reference.root {
        Root::Secret(name) => Some(name.clone()),
        _ => None,
    });
    let auth = manifest.http.as_ref().and_then(|http| http.auth.as_ref());
    let callers = auth.and_then(|auth| auth.value.secret()).map(str::to_owned);
    named.chain(callers).collect::<BTreeSet<_>>().into_iter().collect()
}

/// The adapter that keeps runs: which of the plan's it is.
pub(super) fn checkpoint(index: &Index<'_>) -> Option<usize> {
    let name = &index.manifest.checkpoint.as_ref()?.adapter;
    let is_it = |adapter: &manifest::Adapter| adapter.name.value == name.value;
    let place = index.manifest.adapters.iter().flatten().position(is_it);
    Some(place.expect("the rule `unknown-adapter` found nothing"))
}

pub(super) fn scheduler(written: &manifest::Scheduler) -> Scheduler {
    Scheduler { queue: named(written.queue.as_ref()) }
}

pub(super) fn notifications(written: &manifest::Notifications) -> Notifications {
    Notifications {
        adapter: named(written.adapter.as_ref()),
        channel: written.channel.clone(),
        target: written.target.clone(),
        title: written.title.clone(),
        include_context: written.include_context,
        on: written.on.clone(),
    }
}

fn named(name: Option<&Spanned<String>>) -> String {
    name.expect("a key that has to be there has been demanded").value.clone()
}

#[cfg(test)]
mod tests {
    use crate::Choices;
    use crate::plan::Plan;

    fn plan(profile: Option<&'static str>, more: &str) -> Plan {
        let text = format!(
            "oneiric: 1\nname: n\nadapters:\n  own: {{ provider: secrets.file, settings: {{ path: s.json }} }}\n  vault: {{ provider: secrets.gcp-secret-manager, settings: {{ project_id: demo }} }}\n{more}workflows: {{ main: {{ nodes: {{ a: {{ wait: 1s }} }} }} }}\n"
        );
        let choices = Choices { profile, ..Choices::default() };
        crate::check_with(text.as_bytes(), &choices).unwrap_or_else(|faults| panic!("{faults:#?}")).0
    }

    #[test]
    fn the_profile_chooses_sources_where_the_manifest_does_not() {
        let sources = |plan: Plan| plan.secrets.map(|secrets| secrets.sources).unwrap_or_default();
        assert!(sources(plan(None, "")).is_empty());
        assert_eq!(sources(plan(Some("serverless"), "")), ["vault", "own"]);
        assert_eq!(sources(plan(Some("serverless"), "secrets: { sources: [own] }\n")), ["own"]);
    }

    #[test]
    fn a_profile_that_is_asked_for_has_the_last_word() {
        assert_eq!(plan(None, "").profile, None);
        assert_eq!(plan(None, "profile: serverless\n").profile, Some("serverless"));
        assert_eq!(plan(Some("default"), "profile: serverless\n").profile, Some("default"));
    }

    #[test]
    fn a_program_needs_the_features_of_what_it_has() {
        let text = "oneiric: 1\nname: n\nadapters:\n  jobs: { provider: queue.pubsub, settings: { project_id: p, topic: t } }\n  own: { provider: secrets.env }\nworkflows: { main: { nodes: { a: { wait: 1s } } } }\n";
        let (plan, _) = crate::check(text).unwrap_or_else(|faults| panic!("{faults:#?}"));
        assert_eq!(plan.features(), ["queue-pubsub", "sqlite"]);
    }
}
