//! What is switched on and off in a program, by its profile and by those who say otherwise.

use std::net::IpAddr;
use std::time::Duration;

use serde::Serialize;
use serde_json::Value;

use super::{Choice, Defaults};
use crate::failure::Failure;
use crate::settings::Surroundings;

/// The variable that lets other processes give orders, or does not.
pub(crate) const SUPERVISOR: &str = "ONEIRIC_RUNTIME_SUPERVISOR__ENABLED";

/// The variable with which a platform names the port.
const PORT: &str = "PORT";

/// All of them.
#[derive(Clone, Debug)]
pub(crate) struct Toggles {
    /// Whether there is a control socket.
    pub(crate) supervisor: bool,
    /// Whether there is a port.
    pub(crate) http: bool,
    /// The address that it is on.
    pub(crate) http_host: IpAddr,
    /// Whether queues are asked for runs.
    #[cfg_attr(
        not(feature = "queue-pubsub"),
        expect(dead_code, reason = "no queue of this program can be asked")
    )]
    pub(crate) pull: bool,
    /// How long adapters wait for the first answer to be given.
    pub(crate) warm_up_within: Option<Duration>,
    /// What people are shown: these, and those that are the same for every program.
    pub(crate) shown: Vec<Toggle>,
}

/// One of them, and how it came to be what it is.
#[derive(Clone, Debug, Serialize)]
pub(crate) struct Toggle {
    pub(crate) name: &'static str,
    /// What the profile says.
    pub(crate) profile_default: Value,
    /// What the config file says.
    pub(crate) config: Option<Value>,
    /// What the environment says.
    pub(crate) environment: Option<Value>,
    /// What counts.
    pub(crate) effective: Value,
    /// Who says so: `profile`, `config file`, or a variable.
    pub(crate) from: &'static str,
}

impl Toggles {
    /// What counts under this profile, in these surroundings.
    ///
    /// # Errors
    /// When a variable is neither on nor off.
    pub(crate) fn of(choice: Choice, surroundings: &Surroundings) -> Result<Self, Failure> {
        let Defaults {
            http,
            http_host,
            supervisor,
            pull,
            warm_up_within,
            watchers,
            remote,
            inline_manifest_only,
            ..
        } = choice.profile.defaults();
        let config = surroundings.file().supervisor;
        let variable = surroundings.variable(SUPERVISOR).map(read_switch).transpose()?;
        let is_hosted = surroundings.variable(PORT).is_some();
        let everywhere = std::net::Ipv4Addr::UNSPECIFIED;
        let host = if is_hosted { everywhere } else { *http_host };

        let constant = |name, value: bool| Toggle::new(name, value.into(), None, None, "");
        let shown = vec![
            Toggle::new(
                "runtime_supervisor.enabled",
                (*supervisor).into(),
                config.map(Value::from),
                variable.map(Value::from),
                SUPERVISOR,
            ),
            constant("http.enabled", *http),
            Toggle::new(
                "http.host",
                http_host.to_string().into(),
                None,
                is_hosted.then(|| everywhere.to_string().into()),
                PORT,
            ),
            constant("queues.pull", *pull),
            Toggle::new(
                "adapters.open",
                match warm_up_within {
                    Some(limit) => format!("after the first answer, or {} ms", limit.as_millis()),
                    None => "after the first answer".to_owned(),
                }
                .into(),
                None,
                None,
                "",
            ),
            constant("watchers.enabled", *watchers),
            constant("remote.enabled", *remote),
            constant("inline_manifest_only", *inline_manifest_only),
        ];
        Ok(Self {
            supervisor: variable.or(config).unwrap_or(*supervisor),
            http: *http,
            http_host: host.into(),
            pull: *pull,
            warm_up_within: *warm_up_within,
            shown,
        })
    }
}

impl Toggle {
    fn new(
        name: &'static str,
        profile_default: Value,
        config: Option<Value>,
        environment: Option<Value>,
        variable: &'static str,
    ) -> Self {
        let (effective, from) = match (&environment, &config) {
            (Some(value), _) => (value, variable),
            (None, Some(value)) => (value, "config file"),
            (None, None) => (&profile_default, "profile"),
        };
        let effective = effective.clone();
        Self { name, profile_default, config, environment, effective, from }
    }
}

/// Reads what a variable says, in the words that people use for it.
fn read_switch(text: &str) -> Result<bool, Failure> {
    const WORDS: [(&str, bool); 8] = [
        ("true", true),
        ("1", true),
        ("on", true),
        ("yes", true),
        ("false", false),
        ("0", false),
        ("off", false),
        ("no", false),
    ];
    let found = WORDS.into_iter().find(|(word, _)| word.eq_ignore_ascii_case(text));
    let wrong = || Failure::usage(format!("{SUPERVISOR} should be true or false"));
    found.map(|(_, value)| value).ok_or_else(wrong)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::profile::{Profile, choice::Origin};

    fn toggles(profile: Profile, file: &str, variables: &[(&str, &str)]) -> Result<Toggles, Failure> {
        let surroundings = Surroundings::of(file, variables.iter().copied()).unwrap();
        Toggles::of(Choice { profile, origin: Origin::Flag }, &surroundings)
    }

    #[test]
    fn what_is_said_wins_over_the_profile_whichever_it_is() {
        for profile in Profile::ALL {
            let toggles = |file, variables: &[_]| {
                let toggles = toggles(profile, file, variables).unwrap();
                assert_eq!(toggles.shown[0].effective, toggles.supervisor);
                (toggles.supervisor, toggles.shown[0].from)
            };
            let off = r#"{"runtime_supervisor": {"enabled": false}}"#;
            assert_eq!(toggles("{}", &[]), (true, "profile"));
            assert_eq!(toggles(off, &[]), (false, "config file"));
            assert_eq!(toggles(off, &[(SUPERVISOR, "On")]), (true, SUPERVISOR));
            assert_eq!(toggles("{}", &[(SUPERVISOR, "false")]), (false, SUPERVISOR));
        }
        let failure = toggles(Profile::Default, "{}", &[(SUPERVISOR, "canary")]).unwrap_err();
        assert_eq!(failure.message, "ONEIRIC_RUNTIME_SUPERVISOR__ENABLED should be true or false");
    }

    #[test]
    fn only_a_hosted_program_listens_on_every_address() {
        let host =
            |profile, variables: &[_]| toggles(profile, "{}", variables).unwrap().http_host.to_string();
        assert_eq!(host(Profile::Default, &[]), "127.0.0.1");
        assert_eq!(host(Profile::Default, &[("PORT", "80")]), "0.0.0.0");
        assert_eq!(host(Profile::Serverless, &[]), "0.0.0.0");
    }
}
