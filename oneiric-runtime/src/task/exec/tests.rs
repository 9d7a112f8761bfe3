//! Real programs, started by the shell of the machine.

use std::path::Path;
use std::sync::Arc;

use super::*;
use crate::millis;
use crate::task::{Kind, RunNames};

async fn sh(script: &str, input: &str) -> Result<Json, Error> {
    program(&["/bin/sh", "-c", script], input).await
}

async fn program(argv: &[&str], input: &str) -> Result<Json, Error> {
    let ctx = Ctx {
        over: None,
        run: Arc::new(RunNames {
            run_id: "r1".to_owned(),
            workflow: "w",
            trace: None,
            adapters: Arc::default(),
        }),
        node: "n",
        part: crate::run::Part::Node,
        attempt: 2,
        deadline: None,
    };
    run(argv.iter().map(|word| (*word).to_owned()).collect(), Json::from_text(input).unwrap(), ctx).await
}

/// Waits until `done`, for what another process does.
async fn until(mut done: impl FnMut() -> bool, what: &str) {
    for _ in 0..500 {
        if done() {
            return;
        }
        tokio::time::sleep(millis(10)).await;
    }
    panic!("waited in vain: {what}");
}

fn read_pid(path: &Path) -> Option<u32> {
    std::fs::read_to_string(path).ok()?.trim().parse().ok()
}

/// Neither running nor waiting to be collected.
fn is_gone(pid: u32) -> bool {
    !Path::new("/proc").join(pid.to_string()).exists()
}

#[tokio::test]
async fn a_document_goes_in_and_a_document_comes_out() {
    let output = sh("cat", r#"{"day": "2026-01-01", "n": [1, 2]}"#).await.unwrap();
    assert_eq!(output.text().trim(), r#"{"day": "2026-01-01", "n": [1, 2]}"#);
}

#[tokio::test]
async fn a_line_can_be_read_as_a_line() {
    assert_eq!(sh(r#"read line && echo "$line""#, "7").await.unwrap().parse::<u32>().unwrap(), 7);
}

#[tokio::test]
async fn large_documents_pass_both_pipes_at_once() {
    let text = format!("\"{}\"", "x".repeat(900_000));
    assert_eq!(sh("cat", &text).await.unwrap().text().trim(), text);
}

#[tokio::test]
async fn no_output_is_null() {
    assert_eq!(sh("cat >/dev/null", "1").await.unwrap(), Json::null());
    assert_eq!(sh("cat >/dev/null; echo", "1").await.unwrap(), Json::null());
}

#[tokio::test]
async fn what_is_not_json_is_shown_and_not_tried_again() {
    let error = sh("echo hello", "1").await.unwrap_err();
    assert_eq!(error.kind(), Kind::Permanent);
    assert!(error.message().contains(r#""hello\n""#), "{error}");
    let error = sh("echo 1 2", "1").await.unwrap_err();
    assert!(error.message().contains("one JSON document"), "{error}");
    let error = sh(r"printf '\377'", "1").await.unwrap_err();
    assert!(error.message().contains("utf-8"), "{error}");
}

#[tokio::test]
async fn the_environment_says_which_attempt_it_is() {
    let script = r#"printf '"%s %s %s %s %s"' "$ONEIRIC_RUN_ID" "$ONEIRIC_WORKFLOW" "$ONEIRIC_NODE" \
        "$ONEIRIC_ATTEMPT" "$ONEIRIC_IDEMPOTENCY_KEY""#;
    assert_eq!(sh(script, "null").await.unwrap().text(), r#""r1 w n 2 r1/n""#);
}

#[tokio::test]
async fn arguments_meet_no_shell() {
    let output = program(&["printf", "\"%s\"", "$HOME; `id` *"], "null").await.unwrap();
    assert_eq!(output.text(), "\"$HOME; `id` *\"");
}

#[tokio::test]
async fn a_failure_says_its_status_and_the_end_of_standard_error() {
    let error = sh("echo first >&2; echo 'no such order' >&2; exit 3", "1").await.unwrap_err();
    assert_eq!(error.kind(), Kind::Transient);
    assert_eq!(error.message(), "`/bin/sh` exited with status 3: first\nno such order");

    let error = sh("kill -TERM $$", "1").await.unwrap_err();
    assert_eq!(error.message(), "`/bin/sh` was killed by signal 15 (SIGTERM)");
}

#[tokio::test]
async fn the_end_of_a_long_standard_error_is_kept_and_no_more() {
    let script = "i=0; while [ $i -lt 3000 ]; do echo line $i >&2; i=$((i+1)); done; exit 1";
    let error = sh(script, "1").await.unwrap_err();
    assert!(error.message().ends_with("line 2999"), "{error}");
    assert!(error.message().len() < TAIL + 100, "{}", error.message().len());
}

#[tokio::test]
async fn a_program_that_is_not_there_is_not_tried_again() {
    for (argv, says) in [
        (["no-such-program-here"], "no program `no-such-program-here` in PATH"),
        (["./no-such-program-here"], "seen from the directory"),
        (["/etc/passwd"], "not executable"),
        ([""], "no program"),
    ] {
        let error = program(&argv, "1").await.unwrap_err();
        assert_eq!(error.kind(), Kind::Permanent, "{error}");
        assert!(error.message().contains(says), "{error}");
    }
}

#[test]
fn a_script_without_interpreter_is_told_apart() {
    // glibc would have the shell read it, musl would not.
    let error = not_started("script", &io::Error::from(rustix::io::Errno::NOEXEC));
    assert_eq!(error.kind(), Kind::Permanent);
    assert!(error.message().contains("`#!`"), "{error}");
}

#[tokio::test]
async fn input_that_nobody_reads_neither_hangs_nor_fails() {
    let text = format!("\"{}\"", "x".repeat(900_000));
    assert_eq!(sh("echo 1", &text).await.unwrap().text().trim(), "1");
    assert_eq!(sh("exec <&-; sleep 0.1; echo 2", &text).await.unwrap().text().trim(), "2");
}

#[tokio::test]
async fn too_much_output_kills_the_program() {
    let dir = tempfile::tempdir().unwrap();
    let pid = dir.path().join("pid");
    let error = sh(&format!("echo $$ > {}; exec yes", pid.display()), "1").await.unwrap_err();
    assert_eq!(error.kind(), Kind::Permanent);
    assert!(error.message().contains("more than 1024 KiB"), "{error}");
    assert!(is_gone(read_pid(&pid).unwrap()));
}

#[tokio::test]
async fn what_a_program_leaves_behind_ends_with_it() {
    let dir = tempfile::tempdir().unwrap();
    let pid = dir.path().join("pid");
    let began = std::time::Instant::now();
    let output = sh(&format!("sleep 60 & echo $! > {}; echo 5", pid.display()), "1").await.unwrap();
    assert_eq!(output.text().trim(), "5");
    assert!(began.elapsed() < Duration::from_secs(30), "it waited for the process in the background");
    let pid = read_pid(&pid).unwrap();
    until(|| is_gone(pid) || is_zombie(pid), "the background process is gone").await;
}

#[tokio::test]
async fn a_process_that_left_the_group_does_not_hold_the_node_up() {
    let began = std::time::Instant::now();
    let output = sh("setsid sleep 20 & echo 6", "1").await.unwrap();
    assert_eq!(output.text().trim(), "6");
    assert!(began.elapsed() < Duration::from_secs(10));
}

#[tokio::test]
async fn dropping_an_attempt_kills_the_whole_group() {
    let dir = tempfile::tempdir().unwrap();
    let (own, grandchild, late) = (dir.path().join("own"), dir.path().join("child"), dir.path().join("late"));
    // It ignores every signal that can be ignored.
    let script = format!(
        "trap '' TERM INT HUP; echo $$ > {}; (sleep 1; echo late > {}) & echo $! > {}; wait; sleep 60",
        own.display(),
        late.display(),
        grandchild.display()
    );
    let attempt = sh(&script, "1");
    let both = || read_pid(&own).is_some() && read_pid(&grandchild).is_some();
    tokio::select! {
        result = attempt => panic!("it ended by itself: {result:?}"),
        () = until(both, "the program has begun") => {}
    }
    let (own, grandchild) = (read_pid(&own).unwrap(), read_pid(&grandchild).unwrap());
    until(|| is_gone(own), "the program is gone and collected").await;
    until(|| is_gone(grandchild) || is_zombie(grandchild), "what it started is gone").await;
    tokio::time::sleep(millis(1200)).await;
    assert!(!late.exists(), "the grandchild went on");
}

/// Dead, and waiting for a parent that is not ours to collect it.
fn is_zombie(pid: u32) -> bool {
    let stat = std::fs::read_to_string(format!("/proc/{pid}/stat")).unwrap_or_default();
    stat.rsplit_once(')').is_some_and(|(_, rest)| rest.trim_start().starts_with(['Z', 'X']))
}

/// Where the test below has its second process write the number of its child.
const CHILD: &str = "ONEIRIC_TEST_EXEC_CHILD";

#[tokio::test]
async fn a_program_dies_with_a_killed_parent() {
    if let Ok(path) = std::env::var(CHILD) {
        // This is the second process, which is killed while it waits.
        let ended = sh(&format!("echo $$ > {path}; exec sleep 60"), "1").await;
        panic!("the program ended by itself: {ended:?}");
    }
    let dir = tempfile::tempdir().unwrap();
    let pid = dir.path().join("pid");
    let mut parent = std::process::Command::new(std::env::current_exe().unwrap())
        .args(["--exact", "task::exec::tests::a_program_dies_with_a_killed_parent", "--nocapture"])
        .env(CHILD, &pid)
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .spawn()
        .unwrap();
    until(|| read_pid(&pid).is_some(), "the second process has started its program").await;
    let child = read_pid(&pid).unwrap();
    assert!(!is_gone(child));
    parent.kill().unwrap();
    parent.wait().unwrap();
    until(|| is_gone(child) || is_zombie(child), "the program is gone").await;
}
