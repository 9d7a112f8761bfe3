//! The least HTTP client: asks until somebody answers, and says how long that took.

use std::io::{Read, Write};
use std::net::{Ipv4Addr, SocketAddr, TcpListener, TcpStream};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use anyhow::{Context, ensure};

/// Longer than any program may take to start.
const PATIENCE: Duration = Duration::from_secs(20);

/// A port that nobody listens on.
pub(crate) fn free_port() -> anyhow::Result<u16> {
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).context("cannot listen")?;
    Ok(listener.local_addr()?.port())
}

/// Starts `command`, which serves on `port`, and asks it at once; ends with the first answer and the time it took, from
/// before the process was made.
pub(crate) fn first_answer(command: &mut Command, port: u16) -> anyhow::Result<(Server, Duration)> {
    let start = Instant::now();
    let server = Server::start(command)?;
    let mut stream = connect(port, start).with_context(|| format!("{command:?} does not listen"))?;
    ask(&mut stream, "/healthz")?;
    Ok((server, start.elapsed()))
}

/// Asks until the program on `port` says that it is ready.
pub(crate) fn wait_until_ready(port: u16) -> anyhow::Result<()> {
    let start = Instant::now();
    loop {
        let mut stream = connect(port, start)?;
        match ask(&mut stream, "/readyz") {
            Ok(()) => return Ok(()),
            Err(error) => ensure!(start.elapsed() < PATIENCE, "{error}"),
        }
        std::thread::sleep(Duration::from_millis(5));
    }
}

fn connect(port: u16, start: Instant) -> anyhow::Result<TcpStream> {
    loop {
        match TcpStream::connect(SocketAddr::from((Ipv4Addr::LOCALHOST, port))) {
            Ok(stream) => return Ok(stream),
            Err(error) => ensure!(start.elapsed() < PATIENCE, "{error}"),
        }
        // The program that starts needs the processor more than the question does.
        std::thread::yield_now();
    }
}

fn ask(stream: &mut TcpStream, path: &str) -> anyhow::Result<()> {
    stream.set_read_timeout(Some(PATIENCE))?;
    write!(stream, "GET {path} HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n")?;
    let mut answer = [0; 64];
    let length = stream.read(&mut answer)?;
    let answer = String::from_utf8_lossy(&answer[..length]);
    ensure!(answer.starts_with("HTTP/1.1 200"), "the answer is: {answer}");
    Ok(())
}

/// A program that serves. It is killed when it is no longer needed.
pub(crate) struct Server(Child);

impl Server {
    /// Starts it, and does not ask it anything.
    pub(crate) fn start(command: &mut Command) -> anyhow::Result<Self> {
        let child = command.stdin(Stdio::null()).stdout(Stdio::null()).spawn();
        Ok(Self(child.with_context(|| format!("cannot start {command:?}"))?))
    }

    /// The sum of a number over all threads' status, such as their voluntary context switches.
    pub(crate) fn sum_of_threads(&self, line: &str) -> anyhow::Result<f64> {
        let threads =
            std::fs::read_dir(format!("/proc/{}/task", self.0.id())).context("cannot list the threads")?;
        let numbers = threads.map(|thread| number(&thread?.path().join("status"), line));
        numbers.sum()
    }

    /// Resident memory in bytes.
    pub(crate) fn memory(&self) -> anyhow::Result<f64> {
        Ok(number(format!("/proc/{}/status", self.0.id()).as_ref(), "VmRSS")? * 1024.0)
    }

    /// Ends it as a power cut would.
    pub(crate) fn kill(mut self) -> anyhow::Result<()> {
        self.0.kill().and_then(|()| self.0.wait()).context("cannot kill the server")?;
        Ok(())
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        // Both fail only for a process that is gone.
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

fn number(status: &std::path::Path, line: &str) -> anyhow::Result<f64> {
    let text =
        std::fs::read_to_string(status).with_context(|| format!("cannot read {}", status.display()))?;
    let line =
        text.lines().find_map(|text| text.strip_prefix(line)).with_context(|| format!("no `{line}`"))?;
    Ok(line.trim_matches(|c: char| !c.is_ascii_digit()).parse()?)
}
