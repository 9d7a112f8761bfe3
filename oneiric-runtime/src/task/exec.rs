//! A node that is a program: JSON in on standard input, JSON out on standard output, without a shell.
//!
//! Each attempt is a process group of its own that ends with it: when the program ends, when the attempt is dropped
//! because it timed out or was cancelled, and when this process dies, although what the program has started itself may then
//! live until the next start (`orphans`). There is no grace for a dropped attempt, because
//! the next one may begin at once and two of them must never overlap. Retries and timeouts are left to the scheduler.

use std::io::{self, ErrorKind};
use std::os::unix::process::ExitStatusExt;
use std::process::{ExitStatus, Stdio};
use std::time::Duration;

use rustix::process::{Pid, Signal, kill_process_group};
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWriteExt};
use tokio::process::{Child, ChildStdin, Command};

use super::{Ctx, Error};
use crate::json::Json;
use crate::{open_files, orphans};

/// The most that a program may print. An output is kept in the store and in memory and handed to every dependant, so
/// larger results belong in a file or an object store, with their name as the output.
const MAX_OUTPUT: usize = 1024 * 1024;

/// A line of standard error is logged up to this length; a log line should stay far below what log services take.
const MAX_LINE: usize = 8 * 1024;

/// Lines of standard error that are logged for one attempt, so that a program in a loop cannot flood the log.
const MAX_LINES: usize = 1000;

/// How much of the end of standard error is kept in the node's error: a traceback's last lines.
const TAIL: usize = 2 * 1024;

/// How long what a program wrote before it ended may take to arrive. It is in the pipe already; only a process that left
/// the group and holds the pipe open makes this wait.
const STRAGGLERS: Duration = Duration::from_secs(1);

/// Runs `argv` with `input` until it ends.
///
/// It must be polled on a thread that lives as long as this process, because Linux ties a child to the thread that
/// started it.
pub(crate) async fn run(argv: Vec<String>, input: Json, ctx: Ctx) -> Result<Json, Error> {
    let name = argv.first().cloned().unwrap_or_default();
    let mut child = command(&argv, &ctx).spawn().map_err(|error| not_started(&name, &error))?;
    let group = Group::of(&child);
    let (stdin, stdout, stderr) = (child.stdin.take(), child.stdout.take(), child.stderr.take());
    let (Some(stdin), Some(stdout), Some(stderr)) = (stdin, stdout, stderr) else {
        return Err(Error::transient(format!("`{name}` has no pipes")));
    };

    let mut output = Vec::new();
    let mut log = Log::new(&ctx);
    let mut is_over = false;
    let status = {
        let collect = async {
            if collect(stdout, &mut output).await {
                is_over = true;
                group.kill();
            }
        };
        let mut pipes =
            std::pin::pin!(async { tokio::join!(feed(stdin, &input), collect, log.read(stderr)) });
        tokio::select! {
            biased;
            _ = &mut pipes => child.wait().await,
            status = child.wait() => {
                // What it left behind would hold the pipes open.
                group.kill();
                let _ = tokio::time::timeout(STRAGGLERS, pipes).await;
                status
            }
        }
    };
    drop(group);
    let tail = log.end();
    if is_over {
        let limit = MAX_OUTPUT / 1024;
        return Err(Error::permanent(format!(
            "`{name}` printed more than {limit} KiB; write large results elsewhere and print where they are"
        )));
    }
    let status = status.map_err(|error| Error::transient(format!("cannot wait for `{name}`: {error}")))?;
    if !status.success() {
        return Err(Error::transient(format!("`{name}` {}{tail}", ending(status))));
    }
    read_output(&name, &output)
}

fn command(argv: &[String], ctx: &Ctx) -> Command {
    let (program, arguments) = argv.split_first().map_or(("", argv), |(first, rest)| (first.as_str(), rest));
    let mut command = Command::new(program);
    command
        .args(arguments)
        .env("ONEIRIC_RUN_ID", ctx.run_id())
        .env("ONEIRIC_WORKFLOW", ctx.workflow())
        .env("ONEIRIC_NODE", ctx.node())
        .env("ONEIRIC_ATTEMPT", ctx.attempt().to_string())
        .env("ONEIRIC_IDEMPOTENCY_KEY", ctx.idempotency_key())
        .env(orphans::VARIABLE, orphans::mark())
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .process_group(0)
        // The group is killed by its guard; this lets tokio collect the child when nobody waits for it any more.
        .kill_on_drop(true);
    #[cfg(target_os = "linux")]
    arrange_child(&mut command);
    command
}

/// Has the kernel kill the program when the thread that started it ends, however that comes about, and gives it the
/// limits that this process began with.
#[cfg(target_os = "linux")]
fn arrange_child(command: &mut Command) {
    let parent = Pid::from_raw(std::process::id().cast_signed());
    let open_files = open_files::original();
    let arrange = move || {
        if let Some(limit) = open_files {
            rustix::process::setrlimit(rustix::process::Resource::Nofile, limit)?;
        }
        rustix::process::set_parent_process_death_signal(Some(Signal::KILL))?;
        // It may have died before this was arranged.
        if rustix::process::getppid() == parent { Ok(()) } else { Err(ErrorKind::BrokenPipe.into()) }
    };
    #[expect(
        unsafe_code,
        reason = "between fork and exec only system calls are made, and nothing is allocated"
    )]
    unsafe {
        command.pre_exec(arrange);
    }
}

/// A program and what it started; all of it is killed when this goes.
struct Group(Option<Pid>);

impl Group {
    fn of(child: &Child) -> Self {
        Self(child.id().and_then(|id| Pid::from_raw(id.cast_signed())))
    }

    fn kill(&self) {
        if let Some(group) = self.0 {
            // A group of which nothing is left is what is wanted.
            let _ = kill_process_group(group, Signal::KILL);
        }
    }
}

impl Drop for Group {
    fn drop(&mut self) {
        self.kill();
    }
}

/// Writes the input and closes the pipe. A program need not read it.
async fn feed(mut stdin: ChildStdin, input: &Json) {
    // The line feed is for programs that read lines.
    for part in [input.text(), "\n"] {
        if stdin.write_all(part.as_bytes()).await.is_err() {
            return;
        }
    }
}

/// Reads to the end, and says whether there was more than is allowed.
async fn collect(stdout: impl AsyncRead + Unpin, output: &mut Vec<u8>) -> bool {
    let mut bounded = stdout.take(MAX_OUTPUT as u64 + 1);
    // An error ends it like the end of the pipe; the program's own ending says the rest.
    let _ = bounded.read_to_end(output).await;
    output.len() > MAX_OUTPUT
}

/// What a program says on standard error.
struct Log<'a> {
    ctx: &'a Ctx,
    line: Vec<u8>,
    lines: usize,
    tail: Vec<u8>,
}

impl<'a> Log<'a> {
    fn new(ctx: &'a Ctx) -> Self {
        Self { ctx, line: Vec::new(), lines: 0, tail: Vec::new() }
    }

    /// Logs lines as they come.
    async fn read(&mut self, mut stderr: impl AsyncRead + Unpin) {
        let mut chunk = [0; 4096];
        while let Ok(length @ 1..) = stderr.read(&mut chunk).await {
            self.take(&chunk[..length]);
        }
    }

    fn take(&mut self, chunk: &[u8]) {
        self.tail.extend_from_slice(chunk);
        let surplus = self.tail.len().saturating_sub(TAIL);
        self.tail.drain(..surplus);
        for part in chunk.split_inclusive(|byte| *byte == b'\n') {
            self.line.extend_from_slice(part);
            if part.ends_with(b"\n") || self.line.len() >= MAX_LINE {
                self.flush();
            }
        }
    }

    fn flush(&mut self) {
        let line = String::from_utf8_lossy(&self.line);
        let line = line.trim_end();
        if !line.is_empty() {
            self.lines += 1;
            if self.lines <= MAX_LINES {
                let line = line.get(..line.floor_char_boundary(MAX_LINE)).unwrap_or(line);
                let ctx = self.ctx;
                tracing::info!(
                    line,
                    workflow = ctx.workflow(),
                    run_id = ctx.run_id(),
                    node = ctx.node(),
                    "node-stderr"
                );
            }
        }
        self.line.clear();
    }

    /// The last of it, to stand in an error.
    fn end(mut self) -> String {
        self.flush();
        if let Some(lines @ 1..) = self.lines.checked_sub(MAX_LINES) {
            let ctx = self.ctx;
            tracing::warn!(
                lines,
                workflow = ctx.workflow(),
                run_id = ctx.run_id(),
                node = ctx.node(),
                "node-stderr-cut"
            );
        }
        let tail = String::from_utf8_lossy(&self.tail);
        let tail = tail.trim();
        if tail.is_empty() { String::new() } else { format!(": {tail}") }
    }
}

fn ending(status: ExitStatus) -> String {
    match (status.code(), status.signal()) {
        (Some(code), _) => format!("exited with status {code}"),
        (None, Some(signal)) => {
            let name = match signal {
                1 => " (SIGHUP)",
                2 => " (SIGINT)",
                4 => " (SIGILL)",
                6 => " (SIGABRT)",
                7 => " (SIGBUS)",
                8 => " (SIGFPE)",
                9 => " (SIGKILL)",
                11 => " (SIGSEGV)",
                13 => " (SIGPIPE)",
                15 => " (SIGTERM)",
                _ => "",
            };
            format!("was killed by signal {signal}{name}")
        }
        (None, None) => "ended".to_owned(),
    }
}

fn read_output(name: &str, output: &[u8]) -> Result<Json, Error> {
    if output.trim_ascii().is_empty() {
        return Ok(Json::null());
    }
    let document = std::str::from_utf8(output).map_err(|error| error.to_string());
    let document = document.and_then(|text| Json::from_text(text).map_err(|error| error.to_string()));
    document.map_err(|error| {
        let text = String::from_utf8_lossy(output);
        let shown = text.trim_start();
        let beginning = shown.get(..shown.floor_char_boundary(200)).unwrap_or_default();
        let more = if beginning.len() < shown.len() { "…" } else { "" };
        Error::permanent(format!("`{name}` did not print one JSON document ({error}): {beginning:?}{more}"))
    })
}

/// Why a program was not started. Only a lack of memory or processes can be better another time.
fn not_started(name: &str, error: &io::Error) -> Error {
    match error.kind() {
        ErrorKind::NotFound if name.contains('/') => Error::permanent(format!(
            "there is no program `{name}` (seen from the directory that this process runs in), or the interpreter that \
             its first line names is missing"
        )),
        ErrorKind::NotFound => Error::permanent(format!("there is no program `{name}` in PATH")),
        ErrorKind::PermissionDenied => Error::permanent(format!("`{name}` is not executable by this user")),
        ErrorKind::ArgumentListTooLong => Error::permanent(format!("the arguments of `{name}` are too long")),
        _ if error.raw_os_error() == Some(rustix::io::Errno::NOEXEC.raw_os_error()) => Error::permanent(
            format!("`{name}` is neither a program for this machine nor a script that begins with `#!`"),
        ),
        _ => Error::transient(format!("cannot start `{name}`: {error}")),
    }
}

#[cfg(test)]
mod tests;
