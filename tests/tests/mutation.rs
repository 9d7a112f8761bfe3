//! Every sample manifest with one thing in it renamed, dropped, doubled or moved: each mutant either checks to the same plan
//! or is answered with one diagnostic, which points into its text: one mistake gives one message.
//!
//! Those that check to another plan without a word are survivors. Each of them has to fall under a class in [`JUDGED`], which
//! says why nobody could know that it was a mistake.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write as _;
use std::path::PathBuf;

use oneiric_build::diagnostic::Diagnostics;
use oneiric_build::plan::{self, Plan};
use oneiric_tests::workspace;
use serde_json::Value;
use serde_yaml::Value as Yaml;

/// What is done to a manifest.
#[derive(Clone, Copy, Debug, Eq, Ord, PartialEq, PartialOrd)]
enum Change {
    Rename,
    Drop,
    Double,
    Move,
}
use Change::{Double, Drop, Move, Rename};

/// A place that may be changed without a diagnostic, and the reason why; `*` is any one key or position, `**` any number.
struct Class {
    changes: &'static [Change],
    place: &'static str,
    why: &'static str,
}

const JUDGED: &[Class] = &[
    Class { changes: &[Rename], place: "name", why: "any name that fits is one, and nothing refers to it" },
    Class { changes: &[Rename, Drop], place: "**/description", why: "prose, which only people read" },
    Class {
        changes: &[Rename],
        place: "tasks/*/run",
        why: "whether the function is there, rustc says of the generated code",
    },
    Class {
        changes: &[Rename, Drop, Double, Move],
        place: "tasks/*/exec/*",
        why: "the arguments of a program are its own business",
    },
    Class { changes: &[Drop], place: "**/retry", why: "optional: without it there is one attempt" },
    Class { changes: &[Drop], place: "**/retry/*", why: "optional: the runtime's default holds" },
    Class { changes: &[Drop], place: "**/timeout", why: "optional: without it there is no limit" },
    Class {
        changes: &[Drop],
        place: "workflows/*/max_parallel",
        why: "optional: the runtime's default holds",
    },
    Class {
        changes: &[Rename, Drop],
        place: "workflows/*",
        why: "a workflow that nothing refers to may have any name, or not be there",
    },
    Class {
        changes: &[Rename, Drop],
        place: "workflows/*/nodes/*",
        why: "a node that no other one names may have any name, or not be there",
    },
    Class {
        changes: &[Drop],
        place: "workflows/*/nodes/*/with",
        why: "without arguments, a task is given the run's input",
    },
    Class { changes: &[Drop], place: "workflows/*/nodes/*/depends_on", why: "a node may wait for nothing" },
    Class { changes: &[Drop], place: "workflows/*/nodes/*/depends_on/*", why: "or for one node less" },
    Class {
        changes: &[Drop],
        place: "workflows/*/nodes/*/on_failure",
        why: "optional: a failure fails the run",
    },
    Class { changes: &[Drop], place: "scheduler", why: "optional: who enqueues a run can name the queue" },
    Class {
        changes: &[Drop],
        place: "workflows/*/nodes/*/when",
        why: "optional: without conditions a node always runs",
    },
    Class {
        changes: &[Rename, Drop],
        place: "workflows/*/nodes/*/when/**",
        why: "which values decide, and by how many conditions, is the author's choice",
    },
    Class {
        changes: &[Double, Move],
        place: "workflows/*/nodes/*/when/**",
        why: "all conditions have to hold, and one value of `any_of` will do, however often and in which order they stand",
    },
    Class {
        changes: &[Drop],
        place: "workflows/*/nodes/*/for_each",
        why: "optional: a node that does not use `${item}` can do without a list",
    },
    Class {
        changes: &[Drop],
        place: "workflows/*/nodes/*/max_parallel",
        why: "optional: the workflow's limit holds",
    },
    Class {
        changes: &[Rename, Drop, Double, Move],
        place: "workflows/*/nodes/*/with/**",
        why: "the names and values of arguments are the task's own; rustc, or the program, says what it does not take",
    },
    Class { changes: &[Drop], place: "adapters/*/settings", why: "an adapter has defaults" },
    Class { changes: &[Drop], place: "adapters/*/settings/*", why: "optional: the adapter's default holds" },
    Class {
        changes: &[Rename],
        place: "adapters/*/settings/*",
        why: "what the other side calls its things, nobody here knows",
    },
    Class {
        changes: &[Rename, Drop],
        place: "adapters/*/settings/default_attributes/*",
        why: "any name and any text will do",
    },
    Class {
        changes: &[Rename, Drop],
        place: "adapters/*",
        why: "a Rust function may ask for an adapter of any name, or for none",
    },
    Class { changes: &[Drop], place: "adapters", why: "or for none at all" },
    Class {
        changes: &[Rename, Drop, Double],
        place: "adapters/chat/**",
        why: "of several candidates another one is taken, and `oneiric plan` says which",
    },
    Class { changes: &[Drop], place: "profile", why: "optional: who starts the program says it" },
    Class { changes: &[Drop], place: "secrets/cache_ttl", why: "optional: the runtime's default holds" },
    Class {
        changes: &[Drop],
        place: "secrets/values",
        why: "a source, or the environment, may have what stands in it",
    },
    Class {
        changes: &[Rename, Drop],
        place: "secrets/values/*",
        why: "a function may ask for a secret of any name, and a source may have what stood there",
    },
    Class {
        changes: &[Rename, Drop, Double, Move],
        place: "tasks/one-fetch/**",
        why: "of several candidates another one is taken, and `oneiric plan` says which",
    },
    Class {
        changes: &[Rename, Drop, Double, Move],
        place: "tasks/one-load/**",
        why: "of several candidates another one is taken, and `oneiric plan` says which",
    },
    Class {
        changes: &[Rename, Drop, Double],
        place: "workflows/one-night/**",
        why: "of several candidates another one is taken, and `oneiric plan` says which",
    },
    Class {
        changes: &[Rename, Drop],
        place: "source",
        why: "the name of a program may be any that fits, and has a default",
    },
    Class {
        changes: &[Drop, Double, Move],
        place: "entries/*",
        why: "of several candidates another one is taken, and `oneiric plan` says which",
    },
    Class {
        changes: &[Rename],
        place: "entries/*/provider",
        why: "what a candidate is called is said nowhere else",
    },
    Class {
        changes: &[Rename],
        place: "entries/*/key",
        why: "a workflow that nothing refers to may have any name",
    },
    Class {
        changes: &[Drop],
        place: "entries/*/priority",
        why: "of several candidates another one is taken, and `oneiric plan` says which",
    },
    Class {
        changes: &[Rename, Drop, Double, Move],
        place: "entries/*/factory/*",
        why: "the arguments of a program are its own business",
    },
    Class {
        changes: &[Drop],
        place: "entries/*/timeout_seconds",
        why: "optional: without it there is no limit",
    },
    Class {
        changes: &[Drop],
        place: "entries/*/retry_policy/**",
        why: "optional: without it there is one attempt",
    },
    Class {
        changes: &[Rename],
        place: "entries/*/dag/tasks/*/id",
        why: "a node that no other one names may have any name",
    },
    Class {
        changes: &[Rename, Drop],
        place: "entries/*/dag/tasks/*/payload/**",
        why: "the names and values of arguments are the task's own",
    },
];

/// A document that can hold what no reader of YAML would give: a key twice.
#[derive(Clone, Debug)]
enum Tree {
    Leaf(Value),
    List(Vec<Tree>),
    Mapping(Vec<(String, Tree)>),
}

impl Tree {
    fn of(yaml: &Yaml) -> Self {
        match yaml {
            Yaml::Sequence(items) => Self::List(items.iter().map(Self::of).collect()),
            Yaml::Mapping(entries) => Self::Mapping(
                entries
                    .iter()
                    .map(|(key, value)| (key.as_str().expect("keys are text").to_owned(), Self::of(value)))
                    .collect(),
            ),
            leaf => Self::Leaf(serde_json::to_value(leaf).expect("a scalar is JSON")),
        }
    }

    /// As JSON, which is YAML as well; a line for each key, so that a span can be wrong by a line.
    fn write(&self, depth: usize, out: &mut String) {
        let indent = " ".repeat(2 * depth + 2);
        let (open, close) = if matches!(self, Self::List(_)) { ('[', ']') } else { ('{', '}') };
        match self {
            Self::Leaf(value) => return out.push_str(&value.to_string()),
            Self::List(items) => {
                out.push(open);
                for item in items {
                    _ = write!(out, "\n{indent}");
                    item.write(depth + 1, out);
                    out.push(',');
                }
            }
            Self::Mapping(entries) => {
                out.push(open);
                for (key, value) in entries {
                    _ = write!(out, "\n{indent}{}: ", Value::from(key.as_str()));
                    value.write(depth + 1, out);
                    out.push(',');
                }
            }
        }
        _ = write!(out, "\n{}{close}", &indent[2..]);
    }

    fn text(&self) -> String {
        let mut out = String::new();
        self.write(0, &mut out);
        out + "\n"
    }

    /// Every mutant of this tree: what was changed, where, and the whole tree with the change.
    fn mutants(&self) -> Vec<(Change, String, Self)> {
        let mut found = Vec::new();
        match self {
            Self::Leaf(Value::String(text)) => {
                found.extend(
                    renamed(text).into_iter().map(|text| (Rename, String::new(), Self::Leaf(text.into()))),
                );
            }
            Self::Leaf(_) => {}
            Self::List(items) => {
                let place = |position: usize| position.to_string();
                found.extend(
                    rearranged(items)
                        .into_iter()
                        .map(|(change, at, items)| (change, place(at), Self::List(items))),
                );
                for (position, item) in items.iter().enumerate() {
                    for (change, at, mutant) in item.mutants() {
                        let mut items = items.clone();
                        items[position] = mutant;
                        found.push((change, join(&place(position), &at), Self::List(items)));
                    }
                }
            }
            Self::Mapping(entries) => {
                let place = |position: usize| entries[position].0.replace('/', "~");
                found.extend(
                    rearranged(entries)
                        .into_iter()
                        .map(|(change, at, entries)| (change, place(at), Self::Mapping(entries))),
                );
                for (position, (key, value)) in entries.iter().enumerate() {
                    let mut other = entries.clone();
                    other[position].0 = format!("{key}x");
                    found.push((Rename, place(position), Self::Mapping(other)));
                    for (change, at, mutant) in value.mutants() {
                        let mut entries = entries.clone();
                        entries[position].1 = mutant;
                        found.push((change, join(&place(position), &at), Self::Mapping(entries)));
                    }
                }
            }
        }
        found
    }
}

/// A text with a letter more at its end, and with each of its references named differently, dropped and doubled.
fn renamed(text: &str) -> Vec<String> {
    let mut found = vec![format!("{text}x")];
    for (start, _) in text.match_indices("${") {
        let Some(length) = text[start..].find('}') else { continue };
        let (before, reference, after) =
            (&text[..start], &text[start..=start + length], &text[start + length + 1..]);
        let root = reference[2..].find(['.', '[', '}']).map_or(reference.len(), |root| root + 2);
        found.push(format!("{before}{}x{}{after}", &reference[..root], &reference[root..]));
        found.push(format!("{before}{after}"));
        found.push(format!("{before}{reference}{reference}{after}"));
    }
    found
}

/// Without each item, with it twice, and with it after the next one.
fn rearranged<T: Clone>(items: &[T]) -> Vec<(Change, usize, Vec<T>)> {
    let mut found = Vec::new();
    for at in 0..items.len() {
        let mut fewer = items.to_vec();
        fewer.remove(at);
        found.push((Drop, at, fewer));
        let mut more = items.to_vec();
        more.insert(at, items[at].clone());
        found.push((Double, at, more));
        if at + 1 < items.len() {
            let mut other = items.to_vec();
            other.swap(at, at + 1);
            found.push((Move, at, other));
        }
    }
    found
}

fn join(key: &str, rest: &str) -> String {
    if rest.is_empty() { key.to_owned() } else { format!("{key}/{rest}") }
}

/// The plan without what the order of the manifest alone decides: nodes, workflows and arguments by name.
fn meaning(plan: &Plan) -> Value {
    let text = plan::json::program(plan, "manifest.yaml").compact();
    let mut program: Value = serde_json::from_str(&text).expect("a plan is JSON");
    for workflow in program["workflows"].as_object_mut().expect("workflows have names").values_mut() {
        sort(&mut workflow["entry_nodes"]);
        for level in workflow["levels"].as_array_mut().expect("levels are a list") {
            sort(level);
        }
        sort(&mut workflow["nodes"]);
        for node in workflow["nodes"].as_array_mut().expect("nodes are a list") {
            if node.get("depends_on").is_some() {
                sort(&mut node["depends_on"]);
            }
        }
    }
    program
}

fn sort(list: &mut Value) {
    let list = list.as_array_mut().expect("it is a list");
    list.sort_by_key(|item| item.get("id").unwrap_or(item).to_string());
}

/// Whether there is something to read, and all of it is about the text.
fn points_into(text: &str, faults: &Diagnostics) -> bool {
    for fault in faults {
        for label in std::iter::once(&fault.primary).chain(&fault.related) {
            let covered = text.get(label.span.start..label.span.end);
            assert!(covered.is_some(), "{:?} is not in the text: {fault:?}", label.span);
        }
    }
    !faults.is_empty()
}

fn matches(pattern: &[&str], place: &[&str]) -> bool {
    match (pattern, place) {
        ([], []) => true,
        (["**", rest @ ..], _) => (0..=place.len()).any(|skipped| matches(rest, &place[skipped..])),
        ([first, pattern @ ..], [key, place @ ..]) => {
            (*first == "*" || first == key) && matches(pattern, place)
        }
        _ => false,
    }
}

fn judged(change: Change, place: &str) -> Option<usize> {
    let place: Vec<&str> = place.split('/').collect();
    JUDGED.iter().position(|class| {
        let pattern: Vec<&str> = class.place.split('/').collect();
        class.changes.contains(&change) && matches(&pattern, &place)
    })
}

/// The sample manifests, and those of the cases without a fault.
fn samples() -> Vec<PathBuf> {
    let folders = ["manifests", "tests/manifests/pass"].map(|folder| workspace().join(folder));
    let entries = folders.iter().flat_map(|folder| std::fs::read_dir(folder).expect("the samples are there"));
    let paths = entries.map(|entry| entry.expect("a folder can be read").path());
    let mut files: Vec<PathBuf> =
        paths.map(|path| if path.is_dir() { path.join("manifest.yaml") } else { path }).collect();
    files.sort();
    files
}

#[test]
fn no_mutant_goes_unnoticed() {
    let (mut total, mut refused, mut same, mut warned) = (0, 0, 0, 0);
    let mut survivors: BTreeMap<usize, usize> = BTreeMap::new();
    let mut unjudged = BTreeSet::new();
    let mut several = Vec::new();
    for file in samples() {
        let text = std::fs::read_to_string(&file).expect("a sample can be read");
        let tree = Tree::of(&serde_yaml::from_str(&text).expect("another reader takes it too"));
        let expected = meaning(&oneiric_build::check(&text).expect("a sample is sound").0);
        let again = oneiric_build::check(&tree.text()).expect("it is sound as JSON").0;
        assert_eq!(meaning(&again), expected, "{} means the same as JSON", file.display());
        for (change, place, mutant) in tree.mutants() {
            total += 1;
            let text = mutant.text();
            match oneiric_build::check(&text) {
                Err(faults) => {
                    assert!(
                        points_into(&text, &faults),
                        "{change:?} {place}: refused without a word\n{text}"
                    );
                    if faults.len() != 1 {
                        several.push(format!("{change:?} {place} ({})", file.display()));
                    }
                    refused += 1;
                }
                Ok((plan, warnings)) if points_into(&text, &warnings) => {
                    plan::text(&plan);
                    warned += 1;
                }
                Ok((plan, _)) if meaning(&plan) == expected => same += 1,
                Ok(_) => match judged(change, &place) {
                    Some(class) => *survivors.entry(class).or_default() += 1,
                    None => _ = unjudged.insert(format!("{change:?} {place} ({})", file.display())),
                },
            }
        }
    }
    println!("{total} mutants: {refused} refused, {warned} with a warning, {same} with the same plan");
    for (class, count) in &survivors {
        let Class { changes, place, why } = &JUDGED[*class];
        println!("{count:5} survive: {changes:?} {place}: {why}");
    }
    assert!(
        unjudged.is_empty(),
        "survivors that nobody has judged:\n{}",
        unjudged.into_iter().collect::<Vec<_>>().join("\n")
    );
    assert!(several.is_empty(), "one mistake with more than one message:\n{}", several.join("\n"));
    let idle: Vec<&str> = (0..JUDGED.len())
        .filter(|class| !survivors.contains_key(class))
        .map(|class| JUDGED[class].place)
        .collect();
    assert!(idle.is_empty(), "no survivor is of these classes: {idle:?}");
}
