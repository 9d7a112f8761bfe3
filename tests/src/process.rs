//! A process that a test started: what it prints is read as it comes, and it does not outlive the test.

use std::fmt;
use std::io::{BufRead, BufReader, Read};
use std::process::{Child, Command, Stdio};
use std::sync::{Arc, Condvar, Mutex, PoisonError};
use std::thread;
use std::time::{Duration, Instant};

use rustix::event::{PollFd, PollFlags, Timespec, poll};
use rustix::process::{Pid, PidfdFlags, Signal, kill_process, pidfd_open};

use crate::Output;

/// How long anything may take before a test gives up: longer than whatever is slow on a busy machine, shorter than a
/// person's patience.
pub const LIMIT: Duration = Duration::from_mins(1);

/// A child process.
pub struct Process {
    command: String,
    child: Child,
    stdout: Stream,
    stderr: Stream,
}

impl Process {
    /// Starts it, with nothing on its standard input.
    ///
    /// # Panics
    /// If it cannot be started.
    #[track_caller]
    pub fn spawn(command: &mut Command) -> Self {
        let text = format!("{command:?}");
        command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped());
        let mut child = command.spawn().unwrap_or_else(|error| panic!("cannot start {text}: {error}"));
        let stdout = Stream::read(child.stdout.take().expect("it is piped"));
        let stderr = Stream::read(child.stderr.take().expect("it is piped"));
        Self { command: text, child, stdout, stderr }
    }

    /// Waits until it has ended by itself.
    ///
    /// # Panics
    /// If that takes longer than [`LIMIT`].
    #[track_caller]
    pub fn wait(mut self) -> Output {
        assert!(self.ends_within(LIMIT), "it does not end\n{self}");
        let status = self.child.wait().expect("it has ended");
        Output {
            command: std::mem::take(&mut self.command),
            status,
            stdout: self.stdout.all(),
            stderr: self.stderr.all(),
        }
    }

    /// Whether it ends before this time is over.
    ///
    /// # Panics
    /// If the system does not let a process be waited for.
    pub fn ends_within(&self, limit: Duration) -> bool {
        let Ok(process) = pidfd_open(self.pid(), PidfdFlags::empty()) else { return true };
        let deadline = Instant::now() + limit;
        loop {
            let left = deadline.saturating_duration_since(Instant::now());
            let left = Timespec::try_from(left).expect("a limit is a small number of seconds");
            match poll(&mut [PollFd::new(&process, PollFlags::IN)], Some(&left)) {
                Ok(ready) => return ready > 0,
                Err(rustix::io::Errno::INTR) => {}
                Err(error) => panic!("cannot wait for a process: {error}"),
            }
        }
    }

    /// Ends it as `kill -9` does, and waits until it is gone. What it printed until then is the answer.
    ///
    /// # Panics
    /// If the system does not let go of it.
    pub fn kill(mut self) -> Output {
        self.signal(Signal::KILL);
        let status = self.child.wait().expect("a killed process ends");
        Output {
            command: std::mem::take(&mut self.command),
            status,
            stdout: self.stdout.all(),
            stderr: self.stderr.all(),
        }
    }

    /// Asks it to end.
    pub fn terminate(&self) {
        self.signal(Signal::TERM);
    }

    /// Ends it as `kill -9` does, without waiting for that.
    pub fn strike(&self) {
        self.signal(Signal::KILL);
    }

    /// Waits for the first line on its standard output that `pick` wants.
    ///
    /// # Panics
    /// If it ends without one, or takes longer than [`LIMIT`].
    #[track_caller]
    pub fn line<T>(&self, pick: impl Fn(&str) -> Option<T>) -> T {
        self.try_line(pick).unwrap_or_else(|| panic!("the line waited for does not come\n{self}"))
    }

    /// The first line on its standard output that `pick` wants, or nothing if it ends, or prints for [`LIMIT`], without
    /// one.
    pub fn try_line<T>(&self, pick: impl Fn(&str) -> Option<T>) -> Option<T> {
        self.stdout.find(pick)
    }

    /// The lines on its standard output so far.
    pub fn lines(&self) -> Vec<String> {
        self.stdout.lock().lines.clone()
    }

    /// Its id.
    pub fn pid(&self) -> Pid {
        Pid::from_child(&self.child)
    }

    fn signal(&self, signal: Signal) {
        // Until it is waited for, which takes `self`, the id cannot be another process's.
        let _ = kill_process(self.pid(), signal);
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        // Both fail only for a process that is gone.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

impl fmt::Display for Process {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (stdout, stderr) = (self.stdout.so_far(), self.stderr.so_far());
        write!(f, "$ {}\n--- stdout\n{stdout}\n--- stderr\n{stderr}", self.command)
    }
}

/// Waits until something holds that nobody announces.
///
/// # Panics
/// If it takes longer than [`LIMIT`].
#[track_caller]
pub fn wait_for(mut holds: impl FnMut() -> bool) {
    let deadline = Instant::now() + LIMIT;
    while !holds() {
        assert!(Instant::now() < deadline, "it never comes about");
        thread::sleep(Duration::from_millis(5));
    }
}

/// What comes out of a pipe, line by line.
struct Stream(Arc<(Mutex<Printed>, Condvar)>);

#[derive(Default)]
struct Printed {
    lines: Vec<String>,
    has_ended: bool,
}

impl Stream {
    fn read(pipe: impl Read + Send + 'static) -> Self {
        let shared = Arc::<(Mutex<Printed>, Condvar)>::default();
        let writer = Arc::clone(&shared);
        thread::spawn(move || {
            let mut pipe = BufReader::new(pipe);
            loop {
                let mut line = Vec::new();
                let is_end = pipe.read_until(b'\n', &mut line).map_or(true, |length| length == 0);
                let mut printed = writer.0.lock().unwrap_or_else(PoisonError::into_inner);
                printed.has_ended = is_end;
                if !is_end {
                    printed.lines.push(String::from_utf8_lossy(&line).into_owned());
                }
                writer.1.notify_all();
                if is_end {
                    return;
                }
            }
        });
        Self(shared)
    }

    /// The first line that `pick` wants, once it is there.
    fn find<T>(&self, pick: impl Fn(&str) -> Option<T>) -> Option<T> {
        let deadline = Instant::now() + LIMIT;
        let mut seen = 0;
        let mut printed = self.lock();
        loop {
            if let Some(found) = printed.lines[seen..].iter().find_map(|line| pick(line)) {
                return Some(found);
            }
            seen = printed.lines.len();
            let left = deadline.saturating_duration_since(Instant::now());
            if printed.has_ended || left.is_zero() {
                return None;
            }
            printed = self.0.1.wait_timeout(printed, left).unwrap_or_else(PoisonError::into_inner).0;
        }
    }

    /// Everything, once the pipe is closed. A process that has ended has closed it, unless it left a child behind that
    /// holds it: that one is not waited for longer than a moment.
    fn all(&self) -> String {
        let moment = Duration::from_secs(2);
        let printed = self.0.1.wait_timeout_while(self.lock(), moment, |printed| !printed.has_ended);
        printed.unwrap_or_else(PoisonError::into_inner).0.lines.concat()
    }

    fn so_far(&self) -> String {
        self.lock().lines.concat()
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, Printed> {
        self.0.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
