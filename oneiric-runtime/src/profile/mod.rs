//! Where a program runs, and what that decides where nobody says otherwise.
//!
//! How a profile is chosen is in `choice`; what is set over it, and by whom, in `toggle`.

mod choice;
mod toggle;

use std::net::Ipv4Addr;
use std::time::Duration;

pub(crate) use self::choice::Choice;
pub(crate) use self::toggle::{SUPERVISOR, Toggle, Toggles};

/// Where a program runs.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub(crate) enum Profile {
    /// On a machine, for long.
    #[default]
    Default,
    /// In a container that somebody starts and stops with the load.
    Serverless,
}

/// What a profile decides.
#[derive(Debug)]
#[expect(clippy::struct_excessive_bools, reason = "each is a switch")]
pub(crate) struct Defaults {
    /// Whether the program listens on a port.
    pub(crate) http: bool,
    /// The address that it listens on. Without callers that are verified a port is for this machine alone, unless somebody
    /// put the program where its surroundings decide who may come.
    pub(crate) http_host: Ipv4Addr,
    /// Whether other processes may give orders: whether there is a control socket.
    pub(crate) supervisor: bool,
    /// Whether queues are asked for runs. A container that is stopped with the load cannot wait for them: they are sent there.
    pub(crate) pull: bool,
    /// The kinds of adapters that are asked for secrets, in this order, where the manifest names no sources.
    pub(crate) secret_sources: &'static [&'static str],
    /// How long adapters and secrets are left alone for the sake of the first answer, or until it is given. Without a limit a
    /// program that nobody has asked for anything has asked nobody either.
    pub(crate) warm_up_within: Option<Duration>,
    /// Whether files are watched for changes. Everything is compiled in, so no profile has anything to watch.
    pub(crate) watchers: bool,
    /// Whether a manifest is fetched from elsewhere. It is compiled in.
    pub(crate) remote: bool,
    /// Whether the manifest that is compiled in is the only one.
    pub(crate) inline_manifest_only: bool,
}

const DEFAULT: Defaults = Defaults {
    http: true,
    http_host: Ipv4Addr::LOCALHOST,
    supervisor: true,
    pull: true,
    secret_sources: &[],
    warm_up_within: Some(Duration::from_millis(250)),
    watchers: false,
    remote: false,
    inline_manifest_only: true,
};

const SERVERLESS: Defaults = Defaults {
    http_host: Ipv4Addr::UNSPECIFIED,
    pull: false,
    warm_up_within: None,
    secret_sources: &["secrets.gcp-secret-manager", "secrets.aws-secret-manager", "secrets.file"],
    ..DEFAULT
};

impl Profile {
    /// All there are.
    pub(crate) const ALL: [Self; 2] = [Self::Default, Self::Serverless];

    /// Its name.
    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Default => "default",
            Self::Serverless => "serverless",
        }
    }

    /// The profile of this name, however it is capitalised.
    pub(crate) fn named(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|profile| profile.name().eq_ignore_ascii_case(name))
    }

    /// What it decides.
    pub(crate) fn defaults(self) -> &'static Defaults {
        match self {
            Self::Default => &DEFAULT,
            Self::Serverless => &SERVERLESS,
        }
    }
}
