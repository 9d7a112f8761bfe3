//! What a process takes: time on the processor and memory, whatever else the machine is busy with.

use std::process::Command;
use std::time::{Duration, Instant};

use crate::{LIMIT, Output, Process};

/// What a process took, and what it printed.
#[derive(Clone, Debug)]
pub struct Cost {
    /// Time on a processor. Of a process with one thread, it is the time it takes on a machine that has nothing else to do.
    pub processor: Duration,
    /// Time on the clock.
    pub clock: Duration,
    /// The most memory that was resident, in bytes; measured every millisecond.
    pub memory: u64,
    /// What is left of it.
    pub output: Output,
}

impl Cost {
    /// Runs `command` to its end.
    ///
    /// # Panics
    /// If it takes longer than [`LIMIT`].
    #[track_caller]
    pub fn of(command: &mut Command) -> Self {
        let start = Instant::now();
        let process = Process::spawn(command);
        let pid = process.pid().as_raw_nonzero();
        let mut memory = 0;
        loop {
            memory = high_water(&format!("/proc/{pid}/status")).unwrap_or(0).max(memory);
            if process.ends_within(Duration::from_millis(1)) {
                break;
            }
            assert!(start.elapsed() < LIMIT, "it does not end\n{process}");
        }
        let clock = start.elapsed();
        // Until it is waited for, the system still knows what it took.
        let processor = time_on_processor(&format!("/proc/{pid}/schedstat")).expect("the kernel counts time");
        Self { processor, clock, memory, output: process.wait() }
    }
}

/// The most memory that a process ever had resident.
fn high_water(status: &str) -> Option<u64> {
    let status = std::fs::read_to_string(status).ok()?;
    let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:"))?;
    Some(line.trim().strip_suffix(" kB")?.parse::<u64>().ok()? * 1024)
}

/// The first number of `schedstat`, in nanoseconds.
fn time_on_processor(schedstat: &str) -> Option<Duration> {
    let text = std::fs::read_to_string(schedstat).ok()?;
    Some(Duration::from_nanos(text.split_whitespace().next()?.parse().ok()?))
}
