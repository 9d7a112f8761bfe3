//! The page about operating a program works: its commands are run, and print what it shows.

use std::net::TcpListener;
use std::process::Command;

use oneiric_tests::{Place, Process, Program, Server, workspace};

/// A command of the page, and what it shows of its output.
struct Step {
    command: String,
    shown: Vec<String>,
}

/// The sessions of a page, as one.
fn steps(page: &str) -> Vec<Step> {
    let mut steps: Vec<Step> = Vec::new();
    let mut lines = page.lines();
    while let Some(line) = lines.next() {
        if line != "```console" {
            continue;
        }
        for line in lines.by_ref().take_while(|line| *line != "```") {
            match (line.strip_prefix("$ "), steps.last_mut()) {
                (Some(command), _) => steps.push(Step { command: command.to_owned(), shown: Vec::new() }),
                (None, Some(step)) => step.shown.push(line.to_owned()),
                (None, None) => panic!("`{line}` is the output of no command"),
            }
        }
    }
    steps
}

/// Whether a line is the one that is shown, in which `…` stands for anything.
fn is_shown(shown: &str, line: &str) -> bool {
    let mut parts = shown.split('…');
    let Some(mut rest) = line.strip_prefix(parts.next().unwrap_or_default()) else { return false };
    let mut ends_anyhow = false;
    for part in parts {
        let Some(at) = rest.find(part) else { return false };
        rest = &rest[at + part.len()..];
        ends_anyhow = part.is_empty();
    }
    rest.is_empty() || ends_anyhow
}

#[test]
fn every_command_prints_what_the_page_shows() {
    let page = std::fs::read_to_string(workspace().join("docs/operations.md")).expect("the page is there");
    let place = Place::new(Program::operated());
    std::os::unix::fs::symlink(Program::operated().path(), place.path().join("app"))
        .expect("it can be linked");
    let port = TcpListener::bind(("127.0.0.1", 0))
        .and_then(|listener| listener.local_addr())
        .expect("there are ports");
    let port = port.port().to_string();
    let mut server = None;
    let steps = steps(&page);
    assert!(steps.len() >= 10, "the page has commands");
    for Step { command, shown } in steps {
        let mut shell = Command::new("sh");
        // Another port than the one of the page, which may be in use here.
        let text = command.replace("8080", &port);
        shell.current_dir(place.path());
        for (name, _) in
            std::env::vars_os().filter(|(name, _)| name.to_string_lossy().starts_with("ONEIRIC_"))
        {
            shell.env_remove(name);
        }
        if let Some(serving) = text.strip_suffix(" &") {
            let started = Server::spawn(shell.args(["-c", &format!("exec env {serving}")]));
            started.wait_until_ready();
            server = Some(started);
            continue;
        }
        if text.starts_with("kill ") {
            let stopped = server.take().expect("something runs").stop().success();
            let log = stopped.stdout.lines().collect::<Vec<_>>();
            let mut log = log.into_iter();
            for shown in &shown {
                assert!(log.any(|line| is_shown(shown, line)), "$ {command}\nno `{shown}` in\n{stopped}");
            }
            continue;
        }
        let output = Process::spawn(shell.args(["-c", &text])).wait();
        assert_eq!(output.status.code(), Some(0), "$ {command}\n{output}");
        let lines = output.stdout.lines().collect::<Vec<_>>();
        let fits = lines.len() == shown.len()
            && shown.iter().zip(&lines).all(|(shown, line)| is_shown(shown, &line.replace(&port, "8080")));
        assert!(fits, "$ {command}\nprints, and the page shows\n{}\n{output}", shown.join("\n"));
    }
    assert!(server.is_none(), "the page ends what it starts");
}
