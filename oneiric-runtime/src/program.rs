//! What the compiler knew of a program: the `plan.json` inside it.
//!
//! It is read when somebody asks, and a workflow's definition is not taken apart: runs keep it as text. What the nodes do
//! is code and not in here.

use std::borrow::Cow;
use std::fmt;
use std::sync::OnceLock;

use serde::Deserialize;
use serde::de::{Deserializer, MapAccess, Visitor};
use serde_json::value::RawValue;

use crate::adapters;
use crate::app::App;
use crate::callers::Auth;
use crate::json::Json;
use crate::registry::{Definition, Registry};

/// The version of the plan's form that this runtime reads.
const FORMAT: u32 = 1;

/// What a program is called that no compiler has named.
pub(crate) const UNNAMED: &str = "oneiric";

/// A program's plan.
#[derive(Debug)]
pub(crate) struct Program {
    text: &'static str,
    plan: OnceLock<Plan<'static>>,
}

#[derive(Debug, Deserialize)]
struct Plan<'a> {
    #[serde(default = "first_format")]
    format: u32,
    #[serde(default = "unnamed")]
    name: String,
    #[serde(default)]
    description: Option<String>,
    #[serde(default)]
    profile: Option<String>,
    #[serde(default)]
    http: Http,
    #[serde(default, borrow)]
    adapters: Option<&'a RawValue>,
    #[serde(default, borrow)]
    secrets: Option<&'a RawValue>,
    #[serde(default)]
    scheduler: Option<Scheduler>,
    #[serde(default, borrow)]
    workflows: Workflows<'a>,
}

/// What takes the runs that are enqueued, of a workflow or of all.
#[derive(Debug, Deserialize)]
struct Scheduler {
    queue: String,
}

/// What the manifest says of HTTP.
#[derive(Debug, Default, Deserialize)]
pub(crate) struct Http {
    /// How callers show who they are, if that is said.
    pub(crate) auth: Option<Auth>,
    /// Where the program says that it is alive, if that is said.
    pub(crate) health_path: Option<String>,
}

/// Definitions by name, in the plan's order.
#[derive(Debug, Default)]
struct Workflows<'a>(Vec<(String, &'a RawValue)>);

#[derive(Deserialize)]
struct Digest<'a> {
    #[serde(borrow)]
    digest: Cow<'a, str>,
}

fn first_format() -> u32 {
    FORMAT
}

fn unnamed() -> String {
    UNNAMED.to_owned()
}

impl Program {
    /// The program whose plan is `text`.
    pub(crate) const fn new(text: &'static str) -> Self {
        Self { text, plan: OnceLock::new() }
    }

    /// Its name.
    pub(crate) fn name(&self) -> &str {
        &self.plan().name
    }

    /// What it is for.
    pub(crate) fn description(&self) -> Option<&str> {
        self.plan().description.as_deref()
    }

    /// The profile that it was built for, if that is fixed.
    pub(crate) fn profile(&self) -> Option<&str> {
        self.plan().profile.as_deref()
    }

    /// What the manifest says of HTTP.
    pub(crate) fn http(&self) -> &Http {
        &self.plan().http
    }

    /// The definition of a workflow, as `workflow plan --json` prints it.
    pub(crate) fn definition(&self, workflow: &str) -> Option<&'static RawValue> {
        let workflows = &self.plan().workflows.0;
        workflows.iter().find(|(name, _)| name == workflow).map(|(_, definition)| *definition)
    }

    /// The queue that the manifest gives a workflow.
    pub(crate) fn queue_of(&self, workflow: &str) -> Option<String> {
        #[derive(Deserialize)]
        struct Scheduled {
            scheduler: Option<Scheduler>,
        }
        let scheduled: Scheduled = serde_json::from_str(self.definition(workflow)?.get()).ok()?;
        scheduled.scheduler.map(|scheduler| scheduler.queue)
    }

    /// The queue that the manifest gives workflows without one of their own.
    pub(crate) fn queue(&self) -> Option<&str> {
        self.plan().scheduler.as_ref().map(|scheduler| scheduler.queue.as_str())
    }

    /// What the manifest says of adapters and secrets.
    fn adapters(&self) -> adapters::Plan {
        fn read<T: serde::de::DeserializeOwned + Default>(part: Option<&RawValue>) -> T {
            part.map_or_else(T::default, |part| {
                serde_json::from_str(part.get())
                    .unwrap_or_else(|error| panic!("the program's plan is not the compiler's: {error}"))
            })
        }
        let plan = self.plan();
        adapters::Plan { adapters: read(plan.adapters), secrets: read(plan.secrets) }
    }

    /// The workflows of `app`, each with its definition.
    pub(crate) fn registry(&self, app: App) -> Registry {
        let mut adapters = self.adapters();
        if adapters.secrets.sources.is_empty() {
            // The manifest does not say, so the profile does.
            for kind in app.profile.defaults().secret_sources {
                let of_kind = app.adapters.iter().filter(|adapter| adapter.id == *kind);
                adapters.secrets.sources.extend(of_kind.map(|adapter| adapter.name.to_owned()));
            }
        }
        Registry::of(app, self.name(), adapters, |name| {
            let text = self.definition(name)?;
            let digest: Digest<'_> = serde_json::from_str(text.get())
                .unwrap_or_else(|error| panic!("the plan of `{name}` is not the compiler's: {error}"));
            Some(Definition { digest: digest.digest.into_owned(), text: Json::trusted(text.get()) })
        })
    }

    fn plan(&self) -> &Plan<'static> {
        self.plan.get_or_init(|| {
            let plan: Plan<'_> = serde_json::from_str(self.text)
                .unwrap_or_else(|error| panic!("the program's plan is not the compiler's: {error}"));
            let format = plan.format;
            assert!(
                format == FORMAT,
                "the program's plan is of format {format}, and this runtime reads {FORMAT}"
            );
            plan
        })
    }
}

impl<'de: 'a, 'a> Deserialize<'de> for Workflows<'a> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Entries;

        impl<'de> Visitor<'de> for Entries {
            type Value = Workflows<'de>;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("workflows by name")
            }

            fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Workflows<'de>, A::Error> {
                let mut workflows = Vec::new();
                while let Some(entry) = map.next_entry()? {
                    workflows.push(entry);
                }
                Ok(Workflows(workflows))
            }
        }

        deserializer.deserialize_map(Entries)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    static PROGRAM: Program = Program::new(
        r#"{"format":1,"oneiric":"0.1.0","name":"shop","description":"Sells.","manifest":"shop.yaml",
            "workflows":{"b":{"digest":"d1","nodes":[{"id":"x","with":{"n":1.0}}]},"a":{"digest":"d2","nodes":[]}}}"#,
    );

    #[test]
    fn a_plan_is_read_and_its_definitions_are_kept_as_they_are() {
        assert_eq!(PROGRAM.name(), "shop");
        assert_eq!(PROGRAM.description(), Some("Sells."));
        let definition = PROGRAM.definition("b").unwrap().get();
        assert_eq!(definition, r#"{"digest":"d1","nodes":[{"id":"x","with":{"n":1.0}}]}"#);
        assert!(PROGRAM.definition("c").is_none());
    }

    #[test]
    fn runs_get_the_digest_of_the_compiler() {
        let mut app = App::default();
        app.workflow("a", |_| {});
        app.workflow("c", |_| {});
        let registry = PROGRAM.registry(app);
        assert_eq!(registry.get("a").unwrap().definition().digest, "d2");
        assert_ne!(registry.get("c").unwrap().definition().digest, "d2");
    }

    #[test]
    fn a_program_without_a_plan_has_a_name_all_the_same() {
        assert_eq!(Program::new("{}").name(), "oneiric");
    }

    #[test]
    #[should_panic(expected = "format 9")]
    fn a_later_plan_is_refused() {
        Program::new(r#"{"format":9,"name":"x","workflows":{}}"#).name();
    }
}
