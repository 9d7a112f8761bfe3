//! `--profile`: which profile a program is made for.

use crate::manifest;

#[derive(Clone, Copy, Debug, Default, clap::Args)]
pub(crate) struct Profile {
    /// Make the program for this profile, whatever the manifest says
    #[arg(long, value_name = "PROFILE", value_parser = parser())]
    profile: Option<&'static str>,
}

impl Profile {
    /// What was chosen, if anything was.
    pub(crate) fn chosen(self) -> Option<&'static str> {
        self.profile
    }
}

fn parser() -> impl clap::builder::TypedValueParser<Value = &'static str> {
    use clap::builder::{PossibleValue, PossibleValuesParser, TypedValueParser as _};

    let value = |(name, about): (&'static str, &'static str)| {
        PossibleValue::new(name).help(about.trim_end_matches('.'))
    };
    PossibleValuesParser::new(manifest::PROFILES.map(value))
        .try_map(|name| manifest::profile(&name).ok_or("there is no such profile"))
}
