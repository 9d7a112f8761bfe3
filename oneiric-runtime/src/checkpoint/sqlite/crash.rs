//! Death at a chosen commit, for the tests that prove what survives it. Debug builds only.

use rustix::process::{Signal, getpid, kill_process};

/// `ONEIRIC_CRASH_AT_COMMIT=N[:before|:after]`: right before (or, which is the default, right after) its Nth commit, the
/// process kills itself as `kill -9` would.
pub(super) struct Crash {
    at: Option<(u64, bool)>,
    commits: u64,
}

impl Crash {
    /// As the environment says; what makes no sense there stops the process, so that no test passes by a slip.
    pub(super) fn from_env() -> Self {
        let at = std::env::var("ONEIRIC_CRASH_AT_COMMIT").ok().map(|wish| {
            let (number, moment) = wish.split_once(':').unwrap_or((&wish, "after"));
            assert!(matches!(moment, "before" | "after"), "ONEIRIC_CRASH_AT_COMMIT=N[:before|:after]");
            (number.parse().expect("ONEIRIC_CRASH_AT_COMMIT=N[:before|:after]"), moment == "before")
        });
        Self { at, commits: 0 }
    }

    pub(super) fn before_commit(&mut self) {
        self.commits += 1;
        self.die_at((self.commits, true));
    }

    pub(super) fn after_commit(&self) {
        self.die_at((self.commits, false));
    }

    fn die_at(&self, moment: (u64, bool)) {
        if self.at == Some(moment) {
            kill_process(getpid(), Signal::KILL).expect("a process may kill itself");
        }
    }
}
