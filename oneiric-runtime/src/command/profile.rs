//! The profile that a program runs under.
//!
//! There is nothing yet that a profile switches but the address that the server listens on; whatever comes to depend on
//! it should ask here. The flag is known before and after the subcommand.

use clap::{Arg, ArgMatches};

use crate::failure::Failure;

/// The variable that chooses one where no flag does.
const VARIABLE: &str = "ONEIRIC_PROFILE";

/// Where a program runs.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) enum Profile {
    /// On a machine, for long.
    Default,
    /// In a container that somebody starts and stops with the load.
    Serverless,
}

impl Profile {
    pub(super) fn name(self) -> &'static str {
        match self {
            Self::Default => "default",
            Self::Serverless => "serverless",
        }
    }
}

pub(super) fn argument() -> Arg {
    Arg::new("profile").long("profile").global(true).value_name("PROFILE").help("default or serverless")
}

/// The profile that the flag or the environment names.
pub(super) fn of(matches: &ArgMatches) -> Result<Profile, Failure> {
    if let Some(name) = matches.get_one::<String>("profile") {
        return read("--profile", name);
    }
    match std::env::var_os(VARIABLE) {
        Some(name) if !name.is_empty() => read(VARIABLE, &name.to_string_lossy()),
        _ => Ok(Profile::Default),
    }
}

fn read(source: &str, name: &str) -> Result<Profile, Failure> {
    [Profile::Default, Profile::Serverless]
        .into_iter()
        .find(|profile| profile.name().eq_ignore_ascii_case(name))
        .ok_or_else(|| Failure::usage(format!("{source} is `{name}`, and should be default or serverless")))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_known_profiles_are_taken() {
        assert_eq!(read("x", "Serverless"), Ok(Profile::Serverless));
        let failure = read("ONEIRIC_PROFILE", "standard").unwrap_err();
        assert!(failure.is_usage());
        assert!(failure.message.contains("ONEIRIC_PROFILE is `standard`"), "{failure}");
    }
}
