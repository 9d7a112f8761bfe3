//! Which profile a program runs under: the command line over the environment over the config file over the default. One that
//! the build has fixed can be named, and no other.

use super::Profile;
use crate::failure::Failure;
use crate::settings::Surroundings;

/// The variable that chooses one where no flag does.
pub(crate) const VARIABLE: &str = "ONEIRIC_PROFILE";

/// A profile, and who chose it.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub(crate) struct Choice {
    pub(crate) profile: Profile,
    /// `--profile`, `ONEIRIC_PROFILE`, `config file`, `build` or `default`.
    pub(crate) origin: Origin,
}

/// Who chose a profile.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub(crate) enum Origin {
    /// The command line.
    Flag,
    /// The environment.
    Variable,
    /// The config file.
    File,
    /// Whoever built the program.
    Build,
    /// Nobody.
    #[default]
    Nobody,
}

impl Origin {
    /// As it is shown.
    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Flag => "--profile",
            Self::Variable => VARIABLE,
            Self::File => "config file",
            Self::Build => "build",
            Self::Nobody => "default",
        }
    }
}

impl Choice {
    /// The profile that the flag, the surroundings or the build names.
    ///
    /// # Errors
    /// When there is no such profile, or it is not the one that the program was built for.
    pub(crate) fn of(
        flag: Option<&str>,
        surroundings: &Surroundings,
        fixed: Option<&str>,
    ) -> Result<Self, Failure> {
        let named = [
            (Origin::Flag, flag),
            (Origin::Variable, surroundings.variable(VARIABLE)),
            (Origin::File, surroundings.file().profile.as_deref()),
        ];
        let named = named.into_iter().find_map(|(origin, name)| Some((origin, name?)));
        let chosen = match named {
            None => None,
            Some((origin, name)) => Some(Self { profile: read(origin.name(), name)?, origin }),
        };
        let Some(fixed) = fixed else { return Ok(chosen.unwrap_or_default()) };
        let built_for = read("the program's plan", fixed)?;
        match chosen {
            Some(chosen) if chosen.profile != built_for => Err(Failure::usage(format!(
                "{} is `{}`, and this program was built for the profile {} alone; build it without --profile to choose \
                 when it starts",
                chosen.origin.name(),
                chosen.profile.name(),
                built_for.name(),
            ))),
            Some(chosen) => Ok(chosen),
            None => Ok(Self { profile: built_for, origin: Origin::Build }),
        }
    }
}

fn read(source: &str, name: &str) -> Result<Profile, Failure> {
    Profile::named(name)
        .ok_or_else(|| Failure::usage(format!("{source} is `{name}`, and should be default or serverless")))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn choose(
        flag: Option<&str>,
        variable: Option<&str>,
        file: &str,
        fixed: Option<&str>,
    ) -> Result<(&'static str, &'static str), String> {
        let variables = variable.map(|name| (VARIABLE, name));
        let surroundings = Surroundings::of(file, variables).unwrap();
        let choice = Choice::of(flag, &surroundings, fixed).map_err(|failure| {
            assert!(failure.is_usage());
            failure.message
        })?;
        Ok((choice.profile.name(), choice.origin.name()))
    }

    #[test]
    fn the_nearest_to_the_command_line_wins() {
        let file = r#"{"profile": "serverless"}"#;
        assert_eq!(choose(Some("default"), Some("serverless"), file, None), Ok(("default", "--profile")));
        assert_eq!(choose(None, Some("default"), file, None), Ok(("default", "ONEIRIC_PROFILE")));
        assert_eq!(choose(None, None, file, None), Ok(("serverless", "config file")));
        assert_eq!(choose(None, None, "{}", None), Ok(("default", "default")));
        assert_eq!(choose(None, None, "{}", Some("serverless")), Ok(("serverless", "build")));
    }

    #[test]
    fn only_known_profiles_are_taken() {
        assert_eq!(choose(Some("Serverless"), None, "{}", None), Ok(("serverless", "--profile")));
        let message = choose(None, Some("standard"), "{}", None).unwrap_err();
        assert!(message.contains("ONEIRIC_PROFILE is `standard`"), "{message}");
    }

    #[test]
    fn one_that_is_built_in_refuses_another() {
        assert_eq!(
            choose(Some("serverless"), None, "{}", Some("serverless")),
            Ok(("serverless", "--profile"))
        );
        let message = choose(None, Some("default"), "{}", Some("serverless")).unwrap_err();
        assert!(message.contains("built for the profile serverless alone"), "{message}");
    }
}
