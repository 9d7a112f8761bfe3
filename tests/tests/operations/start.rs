//! What a program does between its start and its first answer, seen in its system calls; and what that costs.

use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;

use oneiric_tests::{Place, Server, wait_for};
use serde_json::json;

use super::{completes, orchestrate, place};

/// A system call, as strace prints it with `-f -y`: `PID name(arguments) = result`.
#[derive(Debug)]
struct Call {
    name: String,
    line: String,
}

impl Call {
    fn read(line: &str) -> Option<Self> {
        let (_, call) = line.split_once(' ')?;
        let call = call.trim_start();
        // The rest of a call during which another was made stands on a line of its own, `<... open resumed>) = 18`, and has
        // nothing that its beginning had not; what was read is at the end.
        let name = match call.strip_prefix("<... ") {
            Some(rest) => rest.split_once('>')?.0,
            None => call.split_once('(')?.0,
        };
        Some(Self { name: name.to_owned(), line: line.to_owned() })
    }

    /// The path that it is about, if it is about one.
    fn path(&self) -> Option<PathBuf> {
        let (_, rest) = self.line.split_once('"')?;
        Some(rest.split_once('"')?.0.into())
    }

    fn is(&self, names: &[&str]) -> bool {
        names.contains(&self.name.as_str())
    }

    /// Whether it speaks to, or looks for, somebody who is not this program.
    fn is_of_the_network(&self) -> bool {
        self.is(&["connect", "sendto", "sendmsg", "sendmmsg"]) || self.line.contains("AF_INET6")
    }
}

/// All calls of a program under the serverless profile, from exec to the end of its first answer.
fn calls_until_the_first_answer(place: &Place) -> Vec<Call> {
    let trace = place.path().join("trace");
    let mut traced = orchestrate(place);
    traced.args(["--profile", "serverless"]);
    let mut strace = Command::new("strace");
    // The tracer stands beside the program and not before it, so that signals reach the one that they are for.
    strace.args(["-D", "-f", "-s", "256", "-e", "trace=network,file,read,write,writev", "-o"]).arg(&trace);
    strace.arg(traced.get_program()).args(traced.get_args()).current_dir(place.path()).env_clear();
    strace.env("PATH", std::env::var_os("PATH").unwrap_or_default());
    strace.envs(traced.get_envs().filter_map(|(name, value)| Some((name, value?))));
    // `spawn` waits for the line of the log that says where it listens, so that what the program does by itself is done.
    let server = Server::spawn(&mut strace);
    let answer = server.get("/healthz");
    assert_eq!((answer.status, answer.json()), (200, json!({ "status": "ok" })));
    drop(completes(&server, "measure"));
    let log = server.process().lines().concat();
    assert!(log.contains("adapter-ready"), "what came later is not looked at, and was done: {log}");
    let _ = server.stop().success();
    let read = || std::fs::read_to_string(&trace).unwrap_or_default();
    wait_for(|| read().contains("+++ exited with 0 +++"));
    let text = read();
    let mut calls = Vec::new();
    for call in text.lines().filter_map(Call::read) {
        let is_answer =
            call.is(&["write", "writev", "sendto", "sendmsg"]) && call.line.contains("HTTP/1.1 200 OK");
        if is_answer {
            return calls;
        }
        calls.push(call);
    }
    panic!("no answer is seen in the trace; can this machine trace processes?\n{text}");
}

#[test]
fn nothing_is_asked_of_the_network_or_of_foreign_files_before_the_first_answer() {
    let version = Command::new("strace").arg("--version").output();
    assert!(version.is_ok_and(|output| output.status.success()), "strace is missing: `.ci/test` installs it");

    let place = place();
    let calls = calls_until_the_first_answer(&place);
    let exec = calls.iter().position(|call| call.name == "execve").expect("it is started");
    let listens = calls.iter().position(|call| call.is(&["listen"])).expect("it listens");
    let asked = calls.iter().position(|call| call.line.contains("GET /healthz")).expect("it is asked");
    assert!(exec < listens && listens < asked, "{calls:#?}");

    for call in &calls {
        assert!(!call.is_of_the_network(), "before the first answer: {}", call.line);
    }
    // What stands between exec and the listening socket is in the way of the answer, so there is no file at all.
    let about_files =
        ["open", "openat", "stat", "lstat", "newfstatat", "statx", "access", "readlink", "mkdir"];
    for call in &calls[exec + 1..listens] {
        assert!(!call.is(&about_files), "before it listens: {}", call.line);
    }
    // Beside the answer the program opens its store, and nothing that is not its own. SQLite looks whether the way to its
    // file has links in it, and takes chance from the system for the salt of its log; that the store's folder is there after
    // a power cut takes a look at the one that it is in.
    let own = [place.state(), place.path(), Path::new("/dev/urandom")];
    for call in calls[listens..].iter().filter(|call| call.is(&["open", "openat"])) {
        let path = call.path().unwrap_or_else(|| panic!("what does it open? {}", call.line));
        let is_own = path.starts_with(place.state()) || own.contains(&path.as_path());
        assert!(is_own, "before the first answer: {}", call.line);
    }
    assert!(calls.iter().all(|call| !call.line.contains("secrets.json")), "secrets are asked for later");
}

/// Processor time, because the clock of a machine that runs other tests says little; `cargo oneiric-bench start` measures
/// by the clock, beside a bare hyper server.
#[test]
fn a_start_costs_little_time_and_memory() {
    let place = place();
    let (mut times, mut memory) = (Vec::new(), 0);
    for _ in 0..20 {
        let mut command = orchestrate(&place);
        let server = Server::spawn(command.args(["--profile", "serverless"]));
        assert_eq!(server.get("/healthz").status, 200);
        let pid = server.process().pid().as_raw_pid();
        times.push(processor_time(pid));
        memory = memory.max(resident(pid));
        server.kill();
    }
    times.sort();
    let median = times[times.len() / 2];
    println!("exec to the first 200: {median:?} of the processor, {} KiB", memory / 1024);
    assert!(median < Duration::from_millis(50), "{times:?}");
    assert!(memory < 30_000_000, "{memory} bytes");
}

/// What all threads of a process have had of the processor so far.
fn processor_time(pid: i32) -> Duration {
    let tasks = std::fs::read_dir(format!("/proc/{pid}/task")).expect("it runs");
    let nanoseconds = |task: std::fs::DirEntry| {
        let text = std::fs::read_to_string(task.path().join("schedstat")).ok()?;
        text.split(' ').next()?.parse::<u64>().ok()
    };
    let sum = tasks.filter_map(|task| nanoseconds(task.ok()?)).sum::<u64>();
    assert!(sum > 0, "this system says nothing of processor time");
    Duration::from_nanos(sum)
}

/// The most memory that a process has had, in bytes.
fn resident(pid: i32) -> u64 {
    let status = std::fs::read_to_string(format!("/proc/{pid}/status")).expect("it runs");
    let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:")).expect("the system says it");
    1024 * line.trim().trim_end_matches(" kB").parse::<u64>().expect("a number")
}
