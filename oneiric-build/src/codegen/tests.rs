//! Plans made by hand, so that what is written can be read beside what it is written from.

use std::time::Duration;

use super::*;
use crate::manifest::{Span, Spanned};
use crate::plan::{
    Adapter, Does, Expr, Node, NodeId, OnFailure, Part, Reference, Retry, Step, With, Workflow,
};

fn at<T>(value: T) -> Spanned<T> {
    Spanned::new(value, Span::default())
}

fn node(name: &str, does: Does) -> Node {
    Node {
        name: at(name.into()),
        does,
        with: None,
        needs: Vec::new(),
        after: Vec::new(),
        retry: None,
        timeout: None,
        on_failure: OnFailure::Fail,
        when: Vec::new(),
        each: None,
        undo: None,
    }
}

fn run(path: &str) -> Does {
    Does::Run { task: "task".into(), path: at(path.into()), span: Span::default() }
}

fn exec(argv: &[&str]) -> Does {
    Does::Exec { task: "task".into(), argv: argv.iter().map(ToString::to_string).collect() }
}

fn with(arguments: Vec<(&str, Expr)>) -> With {
    let arguments = arguments.into_iter().map(|(name, expr)| (at(name.to_owned()), at(expr))).collect();
    With { span: Span::default(), arguments }
}

fn input(path: &[&str]) -> Expr {
    Expr::Reference(Reference::Input(path.iter().map(|name| Step::Field((*name).into())).collect()))
}

fn output(node: u32, steps: Vec<Step>) -> Expr {
    Expr::Reference(Reference::Output(NodeId(node), steps))
}

fn adapter(name: &str, provider: &str, path: &str) -> Adapter {
    Adapter {
        name: at(name.to_owned()),
        provider: provider.into(),
        path: path.into(),
        feature: None,
        settings: crate::json::Json::Object(Vec::new()),
    }
}

fn fulfillment() -> Plan {
    let mut fetch = node("order", run("shop::fetch"));
    fetch.with = Some(with(vec![("id", input(&["id"]))]));
    let mut payment = node("payment", run("shop::charge"));
    payment.with = Some(with(vec![("order", output(0, vec![]))]));
    payment.needs = vec![NodeId(0)];
    payment.retry = Some(Retry {
        attempts: 5,
        base_delay: Some(Duration::from_secs(1)),
        max_delay: Some(Duration::from_secs(30)),
        jitter: Some(0.5),
    });
    payment.timeout = Some(Duration::from_secs(30));
    let mut report = node("report", exec(&["python3", "report.py"]));
    report.with = Some(with(vec![
        ("day", input(&["day"])),
        ("first", output(0, vec![Step::Field("lines".into()), Step::Index(0)])),
        (
            "title",
            Expr::Template(vec![
                Part::Text("order ".into()),
                Part::Reference(Reference::RunId),
                Part::Text(" of ".into()),
                Part::Reference(Reference::Input(vec![Step::Field("id".into())])),
            ]),
        ),
    ]));
    report.needs = vec![NodeId(0), NodeId(1)];
    report.after = vec![NodeId(1)];
    report.on_failure = OnFailure::Continue;
    let mut ship = node("ship-it", run("shop::ship"));
    ship.with = Some(with(vec![
        ("order", output(0, vec![Step::Field("lines".into()), Step::Index(0), Step::Field("type".into())])),
        ("carrier", Expr::Literal("dhl".into())),
        ("urgent", Expr::Literal(true.into())),
        ("report", output(2, vec![Step::Field("url".into())])),
        ("list", Expr::Array(vec![output(1, vec![]), Expr::Literal(1.into())])),
    ]));
    ship.needs = vec![NodeId(0), NodeId(1), NodeId(2)];
    let mut pause = node("pause", Does::Wait(Duration::from_secs(10)));
    pause.needs = vec![NodeId(3)];
    pause.after = vec![NodeId(3)];

    Plan {
        choices: Vec::new(),
        profile: None,
        adapters: vec![adapter("jobs", "queue.cloudtasks", "adapters::queue::CloudTasks")],
        secrets: None,
        scheduler: None,
        checkpoint: None,
        http: None,
        name: "fulfillment".into(),
        description: Some("Take an order, charge it, ship it.\n\nSlowly.".into()),
        package: Some(at("shop".into())),
        workflows: vec![
            Workflow {
                name: at("fulfil".into()),
                description: Some("Charge once, then ship.".into()),
                max_parallel: Some(8),
                timeout: Some(Duration::from_mins(10)),
                scheduler: None,
                notifications: None,
                nodes: vec![fetch, payment, report, ship, pause],
                digest: String::new(),
            },
            Workflow {
                name: at("re-do".into()),
                description: None,
                max_parallel: None,
                timeout: None,
                scheduler: None,
                notifications: None,
                nodes: vec![node("again", run("shop::fetch"))],
                digest: String::new(),
            },
        ],
    }
}

#[test]
fn a_plan_reads_as_a_person_would_write_it() {
    let text = main_rs(&fulfillment(), "manifests/fulfillment.yaml");
    insta::assert_snapshot!(text);
    assert_eq!(
        text,
        main_rs(&fulfillment(), "manifests/fulfillment.yaml"),
        "the same plan gives the same text"
    );
    syn::parse_file(&text).unwrap();
}

#[test]
fn nothing_in_a_description_escapes_its_comment() {
    let mut plan = fulfillment();
    plan.description = Some("a */ \r b\u{202e}\n#![forbid(x)]\n\n\n/ \"quoted\"".into());
    let text = main_rs(&plan, "odd\nname.yaml");
    assert!(text.starts_with("// @generated by oneiric"), "{text}");
    assert!(!text.contains(['\r', '\u{202e}']), "{text}");
    assert!(
        text.contains("//! a */ \\r b\\u{202e}\n//! #![forbid(x)]\n//!\n//!\n//! / \"quoted\"\n"),
        "{text}"
    );
    syn::parse_file(&text).unwrap();
}
