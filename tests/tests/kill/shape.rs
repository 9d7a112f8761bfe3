//! Graphs to run, as manifests: every node leaves a trace and returns a digest of what it was given, so that a lost, a
//! repeated or a wrongly fed node shows.

use std::fmt::Write as _;

/// A workflow.
#[derive(Clone, Debug)]
pub(crate) struct Shape {
    pub(crate) name: String,
    pub(crate) max_parallel: usize,
    pub(crate) nodes: Vec<Node>,
}

/// A node of it. What it needs stands before it.
#[derive(Clone, Debug)]
pub(crate) struct Node {
    pub(crate) name: String,
    pub(crate) kind: Kind,
    pub(crate) needs: Vec<usize>,
}

/// What a node does.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum Kind {
    /// A Rust task that takes so many milliseconds.
    Append(u32),
    /// A Rust task whose first attempts fail, so many of them.
    Stumble(u32),
    /// A program.
    Exec,
    /// A timer of so many milliseconds. It leaves no trace.
    Wait(u32),
}

const HEAD: &str = r#"
package: effects

tasks:
  append: { run: "effects::append" }
  stumble: { run: "effects::stumble", retry: { attempts: 4, base_delay: 4ms, max_delay: 10ms, jitter: 0 } }
  program:
    exec:
      - sh
      - -c
      - |
        input=$(cat)
        echo "$ONEIRIC_RUN_ID $ONEIRIC_NODE $ONEIRIC_IDEMPOTENCY_KEY $ONEIRIC_ATTEMPT $$ began" >> journal
        printf %s "$input" | cksum | cut -d ' ' -f 1

workflows:
"#;

/// A manifest of all `shapes`.
pub(crate) fn manifest(name: &str, shapes: &[Shape]) -> String {
    let mut text = format!("oneiric: 1\nname: {name}\n{HEAD}");
    for shape in shapes {
        // Writing to a `String` does not fail.
        let _ = writeln!(text, "  {}:\n    max_parallel: {}\n    nodes:", shape.name, shape.max_parallel);
        for node in &shape.nodes {
            let _ = writeln!(text, "      {}: {{ {} }}", node.name, shape.body(node));
        }
    }
    text
}

impl Shape {
    /// One after the other.
    pub(crate) fn chain(length: usize) -> Self {
        let needs = |index: usize| index.checked_sub(1).into_iter().collect();
        Self::of("chain", 4, (0..length).map(|index| (Kind::Append(4), needs(index))))
    }

    /// One, then `width` side by side, then one that gathers them.
    pub(crate) fn fan(width: usize) -> Self {
        let first = std::iter::once((Kind::Append(2), vec![]));
        let middle = (0..width).map(|_| (Kind::Append(6), vec![0]));
        let last = std::iter::once((Kind::Append(2), (1..=width).collect()));
        Self::of("fan", 6, first.chain(middle).chain(last))
    }

    /// Anything: nodes of every kind, each with up to three needs among those before it.
    pub(crate) fn random(name: &str, rng: &mut fastrand::Rng) -> Self {
        let nodes = (0..rng.usize(10..24)).map(|index| {
            let kind = match rng.u8(..10) {
                0 => Kind::Exec,
                1 => Kind::Wait(rng.u32(1..30)),
                2 | 3 => Kind::Stumble(rng.u32(1..3)),
                _ => Kind::Append(rng.u32(0..8)),
            };
            let mut needs = (0..rng.usize(..=3).min(index)).map(|_| rng.usize(..index)).collect::<Vec<_>>();
            needs.sort_unstable();
            needs.dedup();
            (kind, needs)
        });
        let nodes = nodes.collect::<Vec<_>>();
        Self::of(name, rng.usize(1..6), nodes)
    }

    fn of(name: &str, max_parallel: usize, nodes: impl IntoIterator<Item = (Kind, Vec<usize>)>) -> Self {
        let node = |(index, (kind, needs))| Node { name: format!("n{index}"), kind, needs };
        Self { name: name.to_owned(), max_parallel, nodes: nodes.into_iter().enumerate().map(node).collect() }
    }

    /// What stands in the manifest for `node`: data where the need has some, `depends_on` where it has none.
    fn body(&self, node: &Node) -> String {
        let (silent, telling) = node
            .needs
            .iter()
            .map(|need| &self.nodes[*need])
            .partition::<Vec<_>, _>(|need| matches!(need.kind, Kind::Wait(_)));
        let inputs =
            telling.iter().map(|need| format!("\"${{{}}}\"", need.name)).collect::<Vec<_>>().join(", ");
        let names =
            |nodes: &[&Node]| nodes.iter().map(|node| node.name.clone()).collect::<Vec<_>>().join(", ");
        let after = |nodes: &[&Node]| match nodes {
            [] => String::new(),
            nodes => format!(", depends_on: [{}]", names(nodes)),
        };
        let journal = "journal: \"${input.journal}\"";
        match node.kind {
            Kind::Append(ms) => {
                format!("task: append, with: {{ {journal}, ms: {ms}, inputs: [{inputs}] }}{}", after(&silent))
            }
            Kind::Stumble(failures) => {
                format!(
                    "task: stumble, with: {{ {journal}, failures: {failures}, inputs: [{inputs}] }}{}",
                    after(&silent)
                )
            }
            Kind::Exec => format!("task: program, with: {{ inputs: [{inputs}] }}{}", after(&silent)),
            Kind::Wait(ms) => {
                let all = node.needs.iter().map(|need| &self.nodes[*need]).collect::<Vec<_>>();
                format!("wait: {ms}ms{}", after(&all))
            }
        }
    }
}

impl Kind {
    /// How many traces it leaves when nothing disturbs it.
    pub(crate) fn traces(self) -> usize {
        match self {
            Self::Append(_) | Self::Exec => 1,
            Self::Stumble(failures) => failures as usize + 1,
            Self::Wait(_) => 0,
        }
    }
}
