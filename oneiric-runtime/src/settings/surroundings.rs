//! What surrounds a program when it starts: its environment, and the config file that this names.
//!
//! Both belong to the process, and are read once in it. What the file says of adapters is judged where they are known.

use std::path::PathBuf;
use std::sync::OnceLock;

use serde_json::{Map, Value as Json};

use super::with_nearest;
use crate::failure::{Failure, nearest};

/// The variable that names the config file.
pub(crate) const FILE: &str = "ONEIRIC_CONFIG";

/// What all our variables begin with.
pub(super) const PREFIX: &str = "ONEIRIC_";

/// A variable that platforms set for every program.
const PORT: &str = "PORT";

/// The surroundings of a process.
#[derive(Debug, Default)]
pub(crate) struct Surroundings {
    file: ConfigFile,
    /// Those that are about us, by name.
    variables: Vec<(String, String)>,
}

/// What a config file says.
#[derive(Debug, Default)]
pub(crate) struct ConfigFile {
    /// How it is called in messages.
    pub(super) path: String,
    /// The profile that it chooses.
    pub(crate) profile: Option<String>,
    /// Whether other processes may give orders.
    pub(crate) supervisor: Option<bool>,
    /// The queue of workflows that name none.
    pub(super) queue: Option<String>,
    /// Settings by the names of adapters.
    pub(super) adapters: Map<String, Json>,
}

impl Surroundings {
    /// Those of this process.
    ///
    /// # Errors
    /// When the config file cannot be read.
    pub(crate) fn get() -> Result<&'static Self, Failure> {
        static SURROUNDINGS: OnceLock<Result<Surroundings, Failure>> = OnceLock::new();
        SURROUNDINGS.get_or_init(Self::read).as_ref().map_err(Clone::clone)
    }

    /// What the config file says.
    pub(crate) fn file(&self) -> &ConfigFile {
        &self.file
    }

    /// A variable that is set and not empty.
    pub(crate) fn variable(&self, name: &str) -> Option<&str> {
        let found = self.variables.iter().find(|(known, _)| known == name);
        found.map(|(_, value)| value.as_str()).filter(|value| !value.is_empty())
    }

    /// All variables, by name.
    pub(super) fn variables(&self) -> &[(String, String)] {
        &self.variables
    }

    fn read() -> Result<Self, Failure> {
        let variables = std::env::vars_os().filter_map(|(name, value)| {
            let name = name.into_string().ok().filter(|name| name.starts_with(PREFIX) || name == PORT)?;
            Some((name, value.to_string_lossy().into_owned()))
        });
        let mut variables = variables.collect::<Vec<_>>();
        // The environment has no order of its own.
        variables.sort();
        let file = match std::env::var_os(FILE).filter(|path| !path.is_empty()).map(PathBuf::from) {
            None => ConfigFile::default(),
            Some(path) => {
                let shown = path.display();
                let text = std::fs::read_to_string(&path)
                    .map_err(|error| Failure::usage(format!("{FILE}: cannot read `{shown}`: {error}")))?;
                let mut file = ConfigFile::parse(&text)
                    .map_err(|message| Failure::usage(format!("the config file `{shown}`: {message}")))?;
                file.path = shown.to_string();
                file
            }
        };
        Ok(Self { file, variables })
    }

    /// For tests: a file with this text, and these variables.
    #[cfg(test)]
    pub(crate) fn of<'a>(
        file: &str,
        variables: impl IntoIterator<Item = (&'a str, &'a str)>,
    ) -> Result<Self, String> {
        let owned = |(name, value): (&str, &str)| (name.to_owned(), value.to_owned());
        Ok(Self { file: ConfigFile::parse(file)?, variables: variables.into_iter().map(owned).collect() })
    }
}

impl ConfigFile {
    /// Reads the text of one. What is wrong is told without what is in it, which may be secret.
    pub(super) fn parse(text: &str) -> Result<Self, String> {
        let document: Json = serde_json::from_str(text)
            .map_err(|error| format!("it is not JSON, at line {} column {}", error.line(), error.column()))?;
        let Json::Object(sections) = document else {
            return Err("it should be an object, such as {\"adapters\": {\"chat\": {…}}}".to_owned());
        };
        let mut file = Self::default();
        for (section, value) in sections {
            match (&*section, value) {
                ("profile", Json::String(name)) => file.profile = Some(name),
                ("profile", _) => return Err("`profile` should be text".to_owned()),
                ("runtime_supervisor", value) => file.supervisor = Some(supervisor(&value)?),
                ("workflows", value) => file.queue = Some(queue(&value)?),
                ("adapters", Json::Object(adapters)) => {
                    if let Some((name, _)) = adapters.iter().find(|(_, settings)| !settings.is_object()) {
                        return Err(format!("`adapters.{name}` should be an object of settings"));
                    }
                    file.adapters = adapters;
                }
                ("adapters", _) => return Err("`adapters` should be an object, with one for each".to_owned()),
                _ => {
                    let message = format!("there is nothing called `{section}` to set");
                    let known = nearest(&section, ["adapters", "profile", "runtime_supervisor", "workflows"]);
                    return Err(with_nearest(message, known));
                }
            }
        }
        Ok(file)
    }
}

/// The queue that the options of all workflows name.
fn queue(value: &Json) -> Result<String, String> {
    let name = only(value, "options").and_then(|options| only(options, "queue_category")?.as_str());
    let wrong = || "`workflows` should be {\"options\": {\"queue_category\": \"NAME\"}}".to_owned();
    name.map(str::to_owned).ok_or_else(wrong)
}

/// The one member that there may be.
fn only<'a>(value: &'a Json, name: &str) -> Option<&'a Json> {
    value.as_object().filter(|members| members.len() == 1)?.get(name)
}

fn supervisor(value: &Json) -> Result<bool, String> {
    let enabled = only(value, "enabled").and_then(Json::as_bool);
    enabled.ok_or_else(|| {
        "`runtime_supervisor` should be {\"enabled\": true} or {\"enabled\": false}".to_owned()
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_no_config_file_is_told_with_its_place_and_nothing_of_it() {
        for (file, message) in [
            ("[", "it is not JSON, at line 1"),
            ("[]", "it should be an object"),
            (r#"{"adaptors": {}}"#, "did you mean `adapters`?"),
            (r#"{"adapters": {"chat": 1}}"#, "`adapters.chat` should be an object"),
            (r#"{"adapters": 1}"#, "`adapters` should be an object"),
            (r#"{"profile": 1}"#, "`profile` should be text"),
            (r#"{"runtime_supervisor": {"enabled": "canary"}}"#, "should be {\"enabled\": true}"),
            (r#"{"workflows": {"options": {"queue": "canary"}}}"#, "`workflows` should be {\"options\""),
            (r#"{"runtime_supervisor": {"enabld": true}}"#, "should be {\"enabled\": true}"),
        ] {
            let fault = ConfigFile::parse(file).unwrap_err();
            assert!(fault.contains(message) && !fault.contains("canary"), "{file}: {fault}");
        }
    }

    #[test]
    fn an_empty_variable_is_none() {
        let surroundings = Surroundings::of("{}", [("ONEIRIC_A", ""), ("ONEIRIC_B", "b")]).unwrap();
        assert_eq!(surroundings.variable("ONEIRIC_A"), None);
        assert_eq!(surroundings.variable("ONEIRIC_B"), Some("b"));
    }
}
