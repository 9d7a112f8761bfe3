//! What `oneiric build` makes: programs that need nothing of the system, made again only as far as they must be.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant, SystemTime};

use object::elf;
use object::read::elf::{Dyn, FileHeader, ProgramHeader};
use oneiric_tests::{Compiler, Place, Program, Project, workspace};
use serde_json::{Value, json};

#[test]
fn every_sample_builds_and_runs() {
    let table = [
        ("hello", "hello", json!({})),
        ("fulfillment", "fulfil", json!({ "order_id": "7", "day": "monday" })),
        ("fulfillment", "pause", json!({})),
    ];
    let samples = std::fs::read_dir(workspace().join("manifests")).expect("there are samples");
    for sample in samples {
        let path = sample.expect("the folder can be read").path();
        let name = path.file_stem().and_then(|stem| stem.to_str()).expect("a name");
        let runs = table.iter().filter(|(sample, ..)| *sample == name).collect::<Vec<_>>();
        assert!(!runs.is_empty(), "nothing runs {}", path.display());
        let project = Project::sample(name);
        let output = project.build().success();
        assert!(!output.stderr.contains("warning:"), "nobody is told of what is ours to mend: {output}");
        let place = Place::new(&Program::at(project.out().to_owned()));
        let plan = place.run(["workflow", "plan", "--json"]).success().json();
        let workflows = plan["workflows"].as_object().expect("workflows").keys().collect::<Vec<_>>();
        assert_eq!(workflows, runs.iter().map(|(_, workflow, _)| workflow).collect::<Vec<_>>(), "of {name}");
        for (_, workflow, input) in runs {
            let answer =
                place.run(["workflow", "run", workflow, "--context", &input.to_string(), "--json"]).success();
            assert_eq!(answer.json()["status"], "completed", "{answer}");
        }
    }
}

#[test]
fn hello_says_hello() {
    let place = Place::new(&Project::sample("hello").program());
    let answer = place.run(["workflow", "run", "hello", "--run-id", "r1", "--json"]).success().json();
    let greeting = json!({ "greeting": "Hello, world!", "words": ["Hello", "world"] });
    assert_eq!(answer["results"]["greeting"], greeting);
    assert_eq!(answer["results"]["pause"], Value::Null);
    let echo = json!({ "said": "Hello, world!", "to": "world", "line": "run r1 said: Hello, world!" });
    assert_eq!(answer["results"]["echo"], echo);
}

/// A fifteenth of a small program, for nothing. Glibc that is linked statically learnt it late, so it is left alone.
#[test]
fn relocations_are_packed_with_musl() {
    let manifest = "oneiric: 1\nname: packed\nworkflows: { main: { nodes: { nap: { wait: 1ms } } } }\n";
    let project = Project::new("packed", manifest);
    let path = project.manifest().to_str().expect("its path is text");
    let built = Compiler::get().run(["build", path, "--debug", "--json"]).success().json();
    let program = std::fs::read(built["binary"].as_str().expect("its path")).unwrap();
    let header = elf::FileHeader64::<object::Endianness>::parse(&*program).unwrap();
    let endian = header.endian().unwrap();
    let segments = header.program_headers(endian, &*program).unwrap().iter();
    let mut entries = segments.filter_map(|segment| segment.dynamic(endian, &*program).unwrap()).flatten();
    let is_packed = entries.any(|entry| entry.d_tag(endian) == elf::DT_RELR);
    assert_eq!(is_packed, built["target"].as_str().is_some_and(|target| target.contains("musl")), "{built}");
}

#[test]
fn a_program_needs_no_library_and_no_interpreter() {
    let program = std::fs::read(Program::probe().path()).unwrap();
    let header = elf::FileHeader64::<object::Endianness>::parse(&*program).unwrap();
    let endian = header.endian().unwrap();
    for segment in header.program_headers(endian, &*program).unwrap() {
        assert_ne!(segment.p_type(endian), elf::PT_INTERP);
        let Some(entries) = segment.dynamic(endian, &*program).unwrap() else { continue };
        assert!(entries.iter().all(|entry| entry.d_tag(endian) != elf::DT_NEEDED));
    }
}

#[test]
fn a_program_runs_where_there_is_nothing_else() {
    // Not even the environment: no home, no path, no temporary folder.
    let place = Place::new(Program::probe());
    let mut command = place.command(["workflow", "run", "work", "--json", "--context"]);
    command
        .arg(place.input(json!({ "ms": 0 })).to_string())
        .env_clear()
        .env("ONEIRIC_STATE_DIR", place.state());
    let _ = oneiric_tests::Process::spawn(&mut command).wait().success();
}

#[test]
fn an_unchanged_manifest_rewrites_nothing() {
    const MANIFEST: &str =
        "oneiric: 1\nname: unchanged\nworkflows:\n  w:\n    nodes:\n      a: { wait: 1ms }\n";
    let project = Project::new("unchanged", MANIFEST);
    project.program();
    let folder = workspace().join("target/oneiric/unchanged");
    let files = ["Cargo.toml", "Cargo.lock", "src/main.rs", "src/plan.json"].map(|file| folder.join(file));
    let times = || files.iter().map(|file| modified(file)).collect::<Vec<_>>();
    let before = times();
    // The machine may be busy with something else once, but hardly three times.
    let took = (0..3).map(|_| {
        let began = Instant::now();
        project.program();
        began.elapsed()
    });
    let took = took.min().unwrap();
    assert_eq!(times(), before);
    assert!(took < Duration::from_secs(2), "{took:?}");

    project.rewrite(&MANIFEST.replace("1ms", "2ms"));
    project.program();
    assert_ne!(modified(&files[3]), before[3], "a changed manifest is built anew");
}

#[test]
fn a_second_manifest_finds_the_dependencies_compiled() {
    let manifest = |name: &str| {
        format!(
            "oneiric: 1\nname: {name}\npackage: effects\ntasks:\n  bulk: {{ run: \"effects::bulk\" }}\n\
             workflows:\n  w:\n    nodes:\n      a: {{ task: bulk, with: {{ bytes: 3 }} }}\n"
        )
    };
    // Two kinds of program there are: with a package and without. Other tests build both meanwhile.
    Project::new("reuse-1", &manifest("reuse-1")).program();
    Project::sample("hello").program();
    let before = libraries();
    assert!(!before.is_empty(), "no compiled runtime below {}", workspace().join("target").display());
    Project::new("reuse-2", &manifest("reuse-2")).program();
    assert_eq!(libraries(), before);
}

#[test]
fn a_manifest_with_faults_leaves_no_program() {
    let project = Project::new(
        "cycle",
        "oneiric: 1\nname: cycle\nworkflows:\n  w:\n    nodes:\n      a: { wait: 1s, depends_on: [b] }\n      b: { wait: 1s, depends_on: [a] }\n",
    );
    let output = project.build().code(1);
    output.says(&["cycle", "manifest.yaml:6:", "a", "b"]);
    assert!(!project.out().exists());
    let _ = Compiler::get().run(["build", "no/such/manifest.yaml"]).code(3);
    let _ = Compiler::get().run(["build"]).code(2);
}

fn modified(path: &Path) -> SystemTime {
    path.metadata()
        .and_then(|file| file.modified())
        .unwrap_or_else(|error| panic!("{}: {error}", path.display()))
}

/// The runtime as it was compiled for programs, and when.
fn libraries() -> BTreeMap<PathBuf, SystemTime> {
    let targets = entries(&workspace().join("target")).into_iter();
    let folders = targets.map(|target| target.join("debug/deps")).filter(|folder| folder.is_dir());
    let is_ours = |file: &PathBuf| {
        let name = file.file_name().unwrap_or_default().to_string_lossy();
        name.starts_with("liboneiric-") && name.ends_with(".rlib")
    };
    let files = folders.flat_map(|folder| entries(&folder)).filter(is_ours);
    files.map(|file| (file.clone(), modified(&file))).collect()
}

fn entries(folder: &Path) -> Vec<PathBuf> {
    let entries = std::fs::read_dir(folder).expect("the folder can be read");
    entries.map(|entry| entry.expect("the folder can be read").path()).collect()
}
