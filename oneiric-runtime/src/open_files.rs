//! How many files and sockets this process may have open.
//!
//! The limit that a process begins with is for the sake of `select`, which nothing here uses. Programs that nodes start
//! may, so they begin with it again.

use std::sync::OnceLock;

use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};

/// The limit before it was raised.
static ORIGINAL: OnceLock<Rlimit> = OnceLock::new();

/// Raises the limit as far as is allowed.
pub(crate) fn raise() {
    let limit = getrlimit(Resource::Nofile);
    if limit.current != limit.maximum && ORIGINAL.set(limit).is_ok() {
        // Where it is refused, the old limit does until there are very many connections.
        let _ = setrlimit(Resource::Nofile, Rlimit { current: limit.maximum, maximum: limit.maximum });
    }
}

/// The limit for a program that is started, if it is not this process's own.
pub(crate) fn original() -> Option<Rlimit> {
    ORIGINAL.get().copied()
}
