//! What programs leave behind when the process that started them is killed.
//!
//! Linux ends a program with the process that started it, but not what the program has started itself. So every program
//! carries the mark of its process in its environment and hands it on, the state directory keeps the mark of whoever holds
//! it, and the next one to hold it ends what still carries that mark, before it begins any node again. What has changed its
//! environment, or belongs to another user, is not found.

use std::sync::LazyLock;

/// The variable that programs carry the mark in.
pub(crate) const VARIABLE: &str = "ONEIRIC_PROCESS";

/// What this process and no other one is called.
pub(crate) fn mark() -> &'static str {
    static MARK: LazyLock<String> =
        LazyLock::new(|| format!("{}-{:016x}", std::process::id(), fastrand::u64(..)));
    &MARK
}

/// The number of the process that has this mark.
#[cfg(feature = "sqlite")]
pub(crate) fn process_of(mark: &str) -> &str {
    mark.split_once('-').map_or(mark, |(number, _)| number)
}

/// Ends everything that carries the mark of a process that is gone.
#[cfg(all(feature = "sqlite", target_os = "linux"))]
pub(crate) fn end(mark: &str) {
    use std::time::Duration;

    /// One of them may start another while this looks, so it looks again, but not for ever.
    const ROUNDS: usize = 20;
    /// A process that was killed is there for a moment longer.
    const PAUSE: Duration = Duration::from_millis(2);

    let mut ended = 0;
    for _ in 0..ROUNDS {
        let found = end_once(mark);
        if found == 0 {
            break;
        }
        ended = ended.max(found);
        std::thread::sleep(PAUSE);
    }
    if ended > 0 {
        tracing::warn!(processes = ended, "orphans-ended");
    }
}

/// Other systems do not show the environment of a process.
#[cfg(all(feature = "sqlite", not(target_os = "linux")))]
pub(crate) fn end(_: &str) {}

#[cfg(all(feature = "sqlite", target_os = "linux"))]
fn end_once(mark: &str) -> usize {
    use rustix::process::{Pid, PidfdFlags, Signal, pidfd_open, pidfd_send_signal};

    let Ok(processes) = std::fs::read_dir("/proc") else { return 0 };
    let pids = processes.flatten().filter_map(|entry| entry.file_name().to_str()?.parse().ok());
    pids.filter(|pid: &i32| {
        // The descriptor stands for this very process, so that a later one of the same number is safe.
        let process = Pid::from_raw(*pid).and_then(|pid| pidfd_open(pid, PidfdFlags::empty()).ok());
        let environment = std::fs::read(format!("/proc/{pid}/environ")).unwrap_or_default();
        process.is_some_and(|process| {
            carries(&environment, mark) && pidfd_send_signal(process, Signal::KILL).is_ok()
        })
    })
    .count()
}

/// Whether an environment, as the kernel shows it, has the mark.
#[cfg(all(feature = "sqlite", target_os = "linux"))]
fn carries(environment: &[u8], mark: &str) -> bool {
    let value = |entry: &'_ [u8]| {
        let (name, value) = entry.split_at_checked(VARIABLE.len())?;
        (name == VARIABLE.as_bytes() && value.strip_prefix(b"=") == Some(mark.as_bytes())).then_some(())
    };
    environment.split(|byte| *byte == 0).any(|entry| value(entry).is_some())
}

#[cfg(all(test, feature = "sqlite", target_os = "linux"))]
mod tests {
    use std::process::{Command, Stdio};

    use super::*;

    fn sleeper(mark: &str) -> std::process::Child {
        let mut sleep = Command::new("sleep");
        sleep.arg("60").env(VARIABLE, mark).stdin(Stdio::null()).spawn().expect("there is a `sleep`")
    }

    #[test]
    fn only_what_carries_the_mark_is_ended() {
        let (mut ours, mut other) = (sleeper("1-00aa"), sleeper("1-00aab"));
        end("1-00aa");
        assert_eq!(ours.wait().expect("it is our child").code(), None, "a signal ended it");
        assert!(other.try_wait().expect("it is our child").is_none());
        other.kill().and_then(|()| other.wait()).expect("it is our child");
    }

    #[test]
    fn a_mark_is_the_whole_value_of_its_variable() {
        assert!(carries(b"A=b\0ONEIRIC_PROCESS=1-2\0", "1-2"));
        assert!(!carries(b"A=b\0ONEIRIC_PROCESS=1-23\0", "1-2"));
        assert!(!carries(b"XONEIRIC_PROCESS=1-2\0A=ONEIRIC_PROCESS=1-2\0", "1-2"));
        assert!(!carries(b"", "1-2"));
    }
}
