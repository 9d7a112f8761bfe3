//! The layers: what the manifest says, the config file over it, the environment over both.
//!
//! The file is JSON of the form `{"profile": "serverless", "adapters": {"chat": {"default_channel": "ops"}}}`. The variable for
//! the same is `ONEIRIC_ADAPTERS__CHAT__DEFAULT_CHANNEL`: two underscores between names, capitals, and `_` for whatever cannot
//! stand in a variable's name. `{"workflows": {"options": {"queue_category": "jobs"}}}` is the queue of workflows that name none,
//! as the Python project has it.

use serde_json::{Map, Value as Json};

use super::surroundings::{ConfigFile, FILE, PREFIX, Surroundings};
use super::{Origin, Setting, Value, with_nearest};
use crate::failure::{Failure, nearest};

/// What variables that set something of an adapter begin with.
const ADAPTERS: &str = "ONEIRIC_ADAPTERS__";

/// The variable for the queue of workflows that name none.
const QUEUE: &str = "ONEIRIC_WORKFLOWS__OPTIONS__QUEUE_CATEGORY";

/// Variables that are read elsewhere, or given to programs that nodes start and to secrets' source.
const KNOWN: [&str; 13] = [
    "ONEIRIC_ATTEMPT",
    FILE,
    "ONEIRIC_IDEMPOTENCY_KEY",
    "ONEIRIC_LOG",
    "ONEIRIC_NODE",
    "ONEIRIC_PROFILE",
    "ONEIRIC_RUN_ID",
    "ONEIRIC_RUNTIME_SUPERVISOR__ENABLED",
    "ONEIRIC_SHUTDOWN_GRACE",
    "ONEIRIC_STATE_DIR",
    "ONEIRIC_TLS_ROOTS",
    "ONEIRIC_WORKFLOW",
    QUEUE,
];

/// What is set, layer over layer.
#[derive(Clone, Debug, Default)]
pub(crate) struct Layers {
    queue: Option<String>,
    adapters: Vec<(String, Setting)>,
}

impl Layers {
    /// What the manifest says of the adapters of a program; `plan` has a member for each that it names.
    pub(crate) fn of_plan(names: impl IntoIterator<Item = &'static str>, plan: &Map<String, Json>) -> Self {
        let settings = |name: &str| plan.get(name).and_then(|adapter| adapter.get("settings"));
        let adapters = names.into_iter().map(|name| {
            let settings = settings(name).cloned().unwrap_or_else(|| Json::Object(Map::new()));
            (name.to_owned(), Setting::of(settings, &Origin::Plan))
        });
        Self { adapters: adapters.collect(), ..Self::default() }
    }

    /// Lays the config file and the environment of this process over them.
    pub(crate) fn with_surroundings(mut self, surroundings: &Surroundings) -> Result<Self, Failure> {
        let file = surroundings.file();
        self.lay_file(file)
            .map_err(|message| Failure::usage(format!("the config file `{}`: {message}", file.path)))?;
        for (name, text) in surroundings.variables() {
            self.lay_variable(name, text.clone()).map_err(Failure::usage)?;
        }
        Ok(self)
    }

    /// The settings of an adapter.
    pub(crate) fn adapter(&self, name: &str) -> Setting {
        let found = self.adapters.iter().find(|(known, _)| known == name);
        found.map_or_else(|| Setting::empty(Origin::Plan), |(_, setting)| setting.clone())
    }

    /// The queue of workflows that name none.
    pub(crate) fn queue(&self) -> Option<&str> {
        self.queue.as_deref()
    }

    fn lay_file(&mut self, file: &ConfigFile) -> Result<(), String> {
        if file.queue.is_some() {
            self.queue.clone_from(&file.queue);
        }
        for (name, settings) in &file.adapters {
            let Some((_, setting)) = self.adapters.iter_mut().find(|(known, _)| known == name) else {
                return Err(self.unknown_adapter(name, str::to_owned));
            };
            setting.overlay(Setting::of(settings.clone(), &Origin::File));
        }
        Ok(())
    }

    fn lay_variable(&mut self, variable: &str, text: String) -> Result<(), String> {
        if variable == QUEUE {
            self.queue = Some(text);
            return Ok(());
        }
        let Some(path) = variable.strip_prefix(ADAPTERS) else { return check_name(variable) };
        let (name, path) = path.split_once("__").unwrap_or((path, ""));
        if self.adapters.iter().all(|(known, _)| in_capitals(known) != name) {
            let unknown = self.unknown_adapter(name, in_capitals);
            return Err(format!("{variable}: {unknown}"));
        }
        if path.is_empty() {
            return Err(format!("{variable} sets nothing; write {ADAPTERS}{name}__SETTING"));
        }
        let origin = Origin::Variable(variable.to_owned());
        let mut setting = Setting { value: Value::Untyped(text), origin: origin.clone() };
        for name in path.rsplit("__") {
            let members = vec![(name.to_lowercase(), setting)];
            setting = Setting { value: Value::Map(members), origin: origin.clone() };
        }
        for (_, adapter) in self.adapters.iter_mut().filter(|(known, _)| in_capitals(known) == name) {
            adapter.overlay(setting.clone());
        }
        Ok(())
    }

    fn unknown_adapter(&self, name: &str, shown: impl Fn(&str) -> String) -> String {
        let known = self.adapters.iter().map(|(known, _)| shown(known)).collect::<Vec<_>>();
        let message = format!("the program has no adapter `{name}`");
        with_nearest(message, nearest(name, known.iter().map(String::as_str)))
    }
}

/// How a name is written in a variable.
fn in_capitals(name: &str) -> String {
    let letter = |c: char| if c.is_ascii_alphanumeric() { c.to_ascii_uppercase() } else { '_' };
    name.chars().map(letter).collect()
}

/// Names that differ in a letter or two of theirs are this much alike.
const TYPO: f64 = 0.97;

/// Whether a variable that is not about an adapter can be meant for somebody. One that is nearly a known name, or that names
/// a section, is a mistake; any other is somebody else's.
fn check_name(variable: &str) -> Result<(), String> {
    let is_elsewhere =
        !variable.starts_with(PREFIX) || variable.starts_with("ONEIRIC_SECRET_") || KNOWN.contains(&variable);
    let nearest = nearest(variable, KNOWN);
    let is_typo = nearest.is_some_and(|known| strsim::jaro_winkler(known, variable) > TYPO);
    if !is_elsewhere && (variable.contains("__") || is_typo) {
        return Err(with_nearest(format!("{variable} sets nothing"), nearest));
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn layers() -> Layers {
        let plan = serde_json::json!({
            "chat": { "provider": "messaging.slack", "settings": { "default_channel": "deploys", "retry": { "attempts": 3 } } },
        });
        let Json::Object(plan) = plan else { panic!("it is an object") };
        Layers::of_plan(["chat", "work-queue"], &plan)
    }

    fn file(text: &str) -> ConfigFile {
        ConfigFile::parse(text).unwrap()
    }

    fn shown(layers: &Layers, adapter: &str) -> Vec<String> {
        let setting = layers.adapter(adapter);
        let show = |(path, leaf): (String, &Setting)| format!("{path} = {:?} ({})", leaf.value, leaf.origin);
        setting.leaves().into_iter().map(show).collect()
    }

    #[test]
    fn the_environment_wins_over_the_file_and_the_file_over_the_plan() {
        let mut layers = layers();
        layers
            .lay_file(&file(r#"{"adapters": {"chat": {"default_channel": "ops", "retry": {"wait": "1s"}}}}"#))
            .unwrap();
        layers.lay_variable("ONEIRIC_ADAPTERS__CHAT__RETRY__ATTEMPTS", "5".to_owned()).unwrap();
        assert_eq!(
            shown(&layers, "chat"),
            [
                r#"default_channel = Text("ops") (config file)"#,
                r#"retry.attempts = Untyped("5") (ONEIRIC_ADAPTERS__CHAT__RETRY__ATTEMPTS)"#,
                r#"retry.wait = Text("1s") (config file)"#,
            ]
        );
    }

    #[test]
    fn names_are_turned_into_those_of_variables() {
        let mut layers = layers();
        layers.lay_variable("ONEIRIC_ADAPTERS__WORK_QUEUE__TOPIC", "t".to_owned()).unwrap();
        assert_eq!(
            shown(&layers, "work-queue"),
            [r#"topic = Untyped("t") (ONEIRIC_ADAPTERS__WORK_QUEUE__TOPIC)"#]
        );
    }

    #[test]
    fn the_queue_of_all_workflows_can_be_set() {
        let mut layers = layers();
        assert_eq!(layers.queue(), None);
        layers.lay_file(&file(r#"{"workflows": {"options": {"queue_category": "work-queue"}}}"#)).unwrap();
        assert_eq!(layers.queue(), Some("work-queue"));
        layers.lay_variable(QUEUE, "other".to_owned()).unwrap();
        assert_eq!(layers.queue(), Some("other"));
    }

    #[test]
    fn unknown_names_are_refused_with_the_nearest() {
        let mut layers = layers();
        let mut variable = |name: &str| layers.lay_variable(name, String::new()).unwrap_err();
        assert_eq!(
            variable("ONEIRIC_ADAPTERS__CHAD__X"),
            "ONEIRIC_ADAPTERS__CHAD__X: the program has no adapter `CHAD`; did you mean `CHAT`?"
        );
        assert!(variable("ONEIRIC_ADAPTERS__CHAT").contains("sets nothing"));
        assert!(variable("ONEIRIC_ADAPTER__CHAT__X").contains("sets nothing"));
        assert_eq!(
            variable("ONEIRIC_STATEDIR"),
            "ONEIRIC_STATEDIR sets nothing; did you mean `ONEIRIC_STATE_DIR`?"
        );
        let fault = self::layers().lay_file(&file(r#"{"adapters": {"chats": {}}}"#)).unwrap_err();
        assert!(fault.contains("no adapter `chats`; did you mean `chat`?"), "{fault}");
    }

    #[test]
    fn variables_of_others_are_let_be() {
        let mut layers = layers();
        for name in ["ONEIRIC_SECRET_DB__PASSWORD", "ONEIRIC_PROFILE", "ONEIRIC_SHOP_COLOUR"] {
            assert_eq!(layers.lay_variable(name, String::new()), Ok(()), "{name}");
        }
    }
}
