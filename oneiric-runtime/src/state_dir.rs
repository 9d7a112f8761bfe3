//! Where a program keeps its state: `ONEIRIC_STATE_DIR`, or `.oneiric` beside where it is started.
//!
//! Making the directory, and judging whether it will do, is the store's.

use std::ffi::OsString;
use std::path::PathBuf;

/// The variable that names it.
const VARIABLE: &str = "ONEIRIC_STATE_DIR";

/// The directory as the environment has it.
pub(crate) fn from_environment() -> PathBuf {
    named(std::env::var_os(VARIABLE))
}

fn named(variable: Option<OsString>) -> PathBuf {
    // An empty variable is how many a shell and container says that there is none.
    variable.filter(|name| !name.is_empty()).unwrap_or_else(|| ".oneiric".into()).into()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_variable_names_the_directory() {
        assert_eq!(named(Some("/var/lib/shop".into())), PathBuf::from("/var/lib/shop"));
        assert_eq!(named(None), PathBuf::from(".oneiric"));
        assert_eq!(named(Some("".into())), PathBuf::from(".oneiric"));
    }
}
