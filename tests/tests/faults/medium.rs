//! Places on which little fits.

use std::path::Path;
use std::process::Command;

use tempfile::TempDir;

/// A folder with about a megabyte of room, until more is made.
#[derive(Debug)]
pub(crate) enum Medium {
    /// Files may not grow: the limit that a shell's `ulimit` sets. Anybody can have this.
    Limit(TempDir),
    /// A small file system, which takes the right to mount one.
    Mount(TempDir),
}

impl Medium {
    /// Those that there can be here.
    pub(crate) fn all() -> Vec<Self> {
        let folder = || tempfile::tempdir().expect("a temporary folder can be made");
        let mut all = vec![Self::Limit(folder())];
        let mount = folder();
        if run("mount", &["-t", "tmpfs", "-o", "size=1m", "tmpfs"], mount.path()) {
            all.push(Self::Mount(mount));
        }
        all
    }

    pub(crate) fn path(&self) -> &Path {
        let (Self::Limit(folder) | Self::Mount(folder)) = self;
        folder.path()
    }

    /// `command`, with no more room than there is.
    pub(crate) fn confine(&self, command: Command) -> Command {
        if matches!(self, Self::Mount(_)) {
            return command;
        }
        // A shell counts in blocks of 512 or of 1024 bytes. The signal would kill before anything could be said.
        let mut shell = Command::new("sh");
        shell.args(["-c", r#"trap "" XFSZ; ulimit -f 1024; exec "$0" "$@""#]).arg(command.get_program());
        shell.args(command.get_args());
        for (name, value) in command.get_envs() {
            match value {
                Some(value) => shell.env(name, value),
                None => shell.env_remove(name),
            };
        }
        if let Some(folder) = command.get_current_dir() {
            shell.current_dir(folder);
        }
        shell
    }

    /// What a person is told to do about it. The system has another error for a limit than for a disk.
    pub(crate) fn way_out(&self) -> &'static str {
        match self {
            Self::Limit(_) => "check the disk",
            Self::Mount(_) => "make room",
        }
    }

    /// Makes room, for whoever is not confined.
    pub(crate) fn make_room(&self) {
        if matches!(self, Self::Mount(_)) {
            assert!(
                run("mount", &["-o", "remount,size=64m"], self.path()),
                "it was mounted, so it can be again"
            );
        }
    }
}

impl Drop for Medium {
    fn drop(&mut self) {
        if matches!(self, Self::Mount(_)) {
            run("umount", &["--lazy"], self.path());
        }
    }
}

/// Whether a command on `path` succeeds.
fn run(program: &str, arguments: &[&str], path: &Path) -> bool {
    Command::new(program).args(arguments).arg(path).output().is_ok_and(|output| output.status.success())
}
