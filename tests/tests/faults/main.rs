//! What a program does when its disk, its files or its neighbours fail it: it says what is wrong and what to do, ends
//! with code 1, and has lost nothing that it answered for.

mod medium;

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::os::unix::process::CommandExt;
use std::path::Path;
use std::process::Command;

use medium::Medium;
use oneiric_tests::{LIMIT, Output, Place, Process, Program, Server};
use rusqlite::Connection;
use serde_json::json;

/// A place in which one run, `r1`, has ended.
fn used_place() -> Place {
    let place = Place::new(Program::probe());
    let _ =
        place.run(["workflow", "run", "bulk", "--run-id", "r1", "--context", r#"{"bytes":3000}"#]).success();
    place
}

/// Starts another run, which must fail with a message about the database.
#[track_caller]
fn refused(place: &Place, parts: &[&str]) {
    for arguments in [&["workflow", "run", "echo"] as &[&str], &["orchestrate", "--no-http"]] {
        let output = place.run(arguments);
        assert_eq!(output.status.code(), Some(1), "{output}");
        told(&output, place.state(), parts);
    }
}

/// Asserts that what a person reads names a place and holds these parts, and is no panic.
#[track_caller]
fn told(output: &Output, place: &Path, parts: &[&str]) {
    let text = format!("{}{}", output.stdout, output.stderr);
    assert!(!text.contains("panicked"), "{output}");
    assert!(text.contains(&*place.to_string_lossy()), "it does not say where\n{output}");
    for part in parts {
        assert!(text.contains(part), "it does not say `{part}`\n{output}");
    }
}

#[test]
fn a_full_disk_ends_the_program_and_loses_nothing() {
    for medium in Medium::all() {
        let place = Place::new(Program::probe()).with_state(medium.path().join("state"));
        let server = Server::spawn(&mut medium.confine(place.command(serve())));
        server.wait_until_ready();
        let mut kept = Vec::new();
        for number in 0..1000 {
            let run_id = format!("r{number}");
            let request = json!({ "workflow": "bulk", "run_id": run_id, "context": { "bytes": 20_000 } });
            match server.try_request("POST", "/tasks/workflow", Some(&request.to_string())) {
                Ok(answer) if answer.status == 200 => kept.push(run_id),
                _ => break,
            }
        }
        assert!(kept.len() > 3 && kept.len() < 1000, "{} runs fit on {medium:?}", kept.len());
        assert!(server.process().ends_within(LIMIT), "it goes on without a disk\n{}", server.process());
        let output = server.kill();
        assert_eq!(output.status.code(), Some(1), "{output}");
        told(&output, place.state(), &[medium.way_out(), "start again"]);

        // As long as nothing is done about it, it says so again.
        let output = Process::spawn(&mut medium.confine(place.command([
            "workflow",
            "run",
            "bulk",
            "--context",
            r#"{"bytes":900000}"#,
        ])))
        .wait();
        assert_eq!(output.status.code(), Some(1), "{output}");
        told(&output, place.state(), &[medium.way_out()]);

        medium.make_room();
        let server = Server::start(&place);
        for run_id in &kept {
            let shown = place.show(run_id);
            assert_eq!(shown["status"], "completed", "{run_id} was answered for, and now: {shown:#}");
            assert_eq!(shown["nodes"][0]["output"].as_str().map(str::len), Some(20_000));
        }
        assert_eq!(server.post(&json!({ "workflow": "echo" })).status, 200);
        let _ = server.stop().success();
    }
}

fn serve() -> [&'static str; 5] {
    ["orchestrate", "--http-host", "127.0.0.1", "--http-port", "0"]
}

#[test]
fn a_state_directory_that_may_not_be_written_is_named() {
    let place = used_place();
    let nobody = |arguments: &[&str]| {
        let mut command = place.command(arguments);
        if rustix::process::geteuid().is_root() {
            // Modes mean nothing to root, so it is somebody else who tries.
            command.uid(65534).gid(65534);
        }
        Process::spawn(&mut command).wait()
    };
    let mode = |path: &Path, mode: u32| fs::set_permissions(path, fs::Permissions::from_mode(mode)).unwrap();
    mode(place.path(), 0o755);
    mode(place.state(), 0o555);
    for file in fs::read_dir(place.state()).unwrap() {
        mode(&file.unwrap().path(), 0o444);
    }
    let output = nobody(&["workflow", "run", "echo"]);
    assert_eq!(output.status.code(), Some(1), "{output}");
    told(&output, place.state(), &["writable for this user"]);

    mode(place.path(), 0o555);
    let elsewhere = place.path().join("new");
    let mut command = place.command(["workflow", "run", "echo"]);
    if rustix::process::geteuid().is_root() {
        command.uid(65534).gid(65534);
    }
    let output = Process::spawn(command.env("ONEIRIC_STATE_DIR", &elsewhere)).wait();
    assert_eq!(output.status.code(), Some(1), "{output}");
    told(&output, &elsewhere, &["state directory"]);
    mode(place.path(), 0o755);
    mode(place.state(), 0o755);
}

#[test]
fn a_database_that_another_program_has_locked_is_named() {
    let place = used_place();
    let other = Connection::open(place.database()).unwrap();
    other.execute_batch("BEGIN EXCLUSIVE").unwrap();
    refused(&place, &["oneiric.db", "another program"]);
    drop(other);
    assert_eq!(place.show("r1")["status"], "completed");
    let _ = place.run(["workflow", "run", "echo"]).success();
}

#[test]
fn a_damaged_database_is_refused() {
    let place = used_place();
    let whole = fs::read(place.database()).unwrap();

    let mut damaged = whole.clone();
    damaged[..64].fill(0x5a);
    fs::write(place.database(), &damaged).unwrap();
    refused(&place, &["oneiric.db", "backup"]);

    fs::write(place.database(), &whole[..whole.len() / 2 - 100]).unwrap();
    refused(&place, &["oneiric.db", "backup"]);

    fs::write(place.database(), "nobody's database").unwrap();
    refused(&place, &["oneiric.db", "backup"]);

    // One bit of an output, which no structure of the database covers.
    let mut damaged = whole.clone();
    let output = damaged.windows(64).position(|bytes| bytes.iter().all(|byte| *byte == b'x')).unwrap();
    damaged[output + 10] ^= 1;
    fs::write(place.database(), &damaged).unwrap();
    let shown = place.run(["runs", "show", "r1"]).code(1);
    assert!(shown.stderr.contains("r1") && shown.stderr.contains("checksum"), "{shown}");

    fs::write(place.database(), &whole).unwrap();
    assert_eq!(place.show("r1")["status"], "completed");
}

#[test]
fn a_database_of_another_program_or_version_is_refused() {
    let place = used_place();
    let set = |name: &str, value: i64| {
        Connection::open(place.database()).unwrap().pragma_update(None, name, value).unwrap();
    };
    let database = Connection::open(place.database()).unwrap();
    let ours = database.pragma_query_value(None, "user_version", |row| row.get(0)).unwrap();
    drop(database);
    set("user_version", 99);
    refused(&place, &["oneiric.db", "99"]);
    set("user_version", ours);
    let _ = place.run(["workflow", "run", "echo"]).success();
    set("application_id", 7);
    refused(&place, &["oneiric.db"]);

    fs::remove_file(place.database()).unwrap();
    fs::create_dir(place.database()).unwrap();
    refused(&place, &["oneiric.db", "directory"]);
}

#[test]
fn a_state_directory_has_one_process() {
    let place = used_place();
    let first = Process::spawn(&mut place.command(["workflow", "run", "endless"]));
    oneiric_tests::wait_for(|| place.path().join("family").exists());
    // It does not serve, so nobody can be asked to do the work instead.
    let second: Command = place.command(["workflow", "run", "echo"]);
    let output = { second }.output().unwrap();
    let text = String::from_utf8_lossy(&output.stderr);
    assert_eq!(output.status.code(), Some(1), "{text}");
    let pid = first.pid().as_raw_nonzero().to_string();
    assert!(text.contains(&pid) && text.contains("ONEIRIC_STATE_DIR"), "{text}");
    // Whoever only reads may do so.
    assert_eq!(place.show("r1")["status"], "completed");
    first.terminate();
    assert!(first.ends_within(LIMIT), "{first}");
}
