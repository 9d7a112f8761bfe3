//! The tutorial works: its files are what it says, its commands are run, and they print what it shows.

use std::fmt::Write as _;
use std::path::Path;
use std::process::Command;

use oneiric_tests::workspace;

/// A piece of the page.
enum Piece {
    /// Text that goes to the end of a file.
    File(String, String),
    /// A command, and what it prints.
    Command(String, String),
}

/// The fenced blocks of `page`, in order.
fn pieces(page: &str) -> Vec<Piece> {
    let mut pieces = Vec::new();
    let mut lines = page.lines();
    while let Some(line) = lines.next() {
        let Some(fence) = line.strip_prefix("```") else { continue };
        let block = lines.by_ref().take_while(|line| *line != "```").collect::<Vec<_>>();
        if let Some(file) = fence.strip_prefix("rust ") {
            pieces.push(Piece::File(file.to_owned(), block.join("\n") + "\n"));
            continue;
        }
        assert_eq!(fence, "console", "a block is a file or a session");
        for line in block {
            match (line.strip_prefix("$ "), pieces.last_mut()) {
                (Some(command), _) => pieces.push(Piece::Command(command.to_owned(), String::new())),
                (None, Some(Piece::Command(_, output))) => writeln!(output, "{line}").expect("it is memory"),
                (None, _) => panic!("`{line}` is the output of no command"),
            }
        }
    }
    pieces
}

/// What makes a package quick to build here: the versions that are on this machine, and a target folder that stays.
fn prepare(folder: &Path) {
    let top = workspace().canonicalize().expect("the workspace is there");
    std::fs::copy(top.join("Cargo.lock"), folder.join("Cargo.lock")).expect("it can be copied");
    let target = top.join("target/tutorial");
    std::fs::create_dir_all(&target).expect("it can be made");
    std::os::unix::fs::symlink(target, folder.join("target")).expect("it can be linked");
}

#[test]
fn every_command_does_what_the_page_shows() {
    let page = std::fs::read_to_string(workspace().join("docs/tutorial.md")).expect("the page is there");
    let folder = tempfile::tempdir().expect("a folder can be made");
    let mut place = folder.path().to_owned();
    let mut ran = 0;
    let mut program = String::new();
    for piece in pieces(&page) {
        match piece {
            Piece::File(name, text) => {
                // The first block replaces what cargo wrote.
                program = if program.is_empty() { text } else { program + "\n" + &text };
                std::fs::write(place.join(name), &program).expect("it can be written");
            }
            Piece::Command(command, shown) => {
                ran += 1;
                if let Some(name) = command.strip_prefix("cd ") {
                    place.push(name);
                    prepare(&place);
                    continue;
                }
                // Only what is in the workspace's lock is on this machine for sure; cargo need not ask anybody.
                let command = command.replace(
                    "cargo add --quiet oneiric-runtime",
                    "cargo add --quiet --offline --path \"$RUNTIME\"",
                );
                let output = Command::new("sh")
                    .args(["-c", &command])
                    .current_dir(&place)
                    .env("RUNTIME", workspace().join("oneiric-runtime").canonicalize().expect("it is there"))
                    .env("CARGO_NET_OFFLINE", "true")
                    .env_remove("CARGO_TARGET_DIR")
                    .env_remove("RUSTFLAGS")
                    .output()
                    .expect("there is a shell");
                let printed = String::from_utf8_lossy(&output.stdout);
                let errors = String::from_utf8_lossy(&output.stderr);
                if command.starts_with("cargo test") {
                    assert!(printed.contains("1 passed"), "$ {command}\n{printed}{errors}");
                    continue;
                }
                assert_eq!(printed, shown, "$ {command}\n{errors}");
                // The one that is killed is meant to be.
                let killed = command.starts_with("timeout");
                assert!(output.status.success() || killed, "$ {command}\n{errors}");
            }
        }
    }
    assert!(ran >= 10, "the page has commands");
}
