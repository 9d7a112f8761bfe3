//! Data that does not fit is a build error at the manifest's line, for functions as they really are.
//!
//! A fault is announced in a comment at the end of its line: the code, and the text that it is at.

use oneiric_tests::Project;

#[test]
fn arguments_and_their_types_are_checked() {
    check(
        "wiring",
        r#"
oneiric: 1
name: wiring
package: effects
tasks:
  fetch: { run: "effects::fetch" }
  pay: { run: "effects::pay" }
  cat: { exec: [cat] }
workflows:
  faulty:
    nodes:
      order: { task: fetch, with: { id: 1 } }
      payment: { task: pay, with: { order: "${order}", cents: 5 } }
      json: { task: cat }
      fine: { task: pay, with: { order: "${json}", cents: "${payment.cents}" } }
      unknown:
        task: pay
        with:
          order: "${order}"
          cents: 5
          currency: euro  # O5101 at currency
      missing:  # O5102 at missing
        task: pay
        with: { order: "${order}" }
      other-type:
        task: pay
        with:
          order: "${payment}"  # O5103 at "${payment}"
          cents: 5
      part-of-other-type:
        task: pay
        with:
          order: "${order}"
          cents: "${order.lines}"  # O5103 at "${order.lines}"
      no-such-part:
        task: fetch
        with:
          id: "${order.idd}"  # O5106 at "${order.idd}"
"#,
    );
}

#[test]
fn literals_are_checked_against_their_types() {
    check(
        "literals",
        r#"
oneiric: 1
name: literals
package: effects
tasks:
  fetch: { run: "effects::fetch" }
  pay: { run: "effects::pay" }
workflows:
  faulty:
    nodes:
      order: { task: fetch, with: { id: 1 } }
      text-for-number:
        task: fetch
        with:
          id: seven  # O5104 at seven
      negative:
        task: fetch
        with:
          id: -1  # O5104 at -1
      object:
        task: pay
        with:
          order: { id: 1 }  # O5104 at { id: 1 }
          cents: 5
"#,
    );
}

#[test]
fn functions_are_checked() {
    check(
        "functions",
        r#"
oneiric: 1
name: functions
package: effects
tasks:
  misspelt: { run: "effects::fech" }  # O5105 at "effects::fech"
  unmarked: { run: "effects::unmarked" }  # O5105 at "effects::unmarked"
  hidden: { run: "effects::hidden" }  # O5105 at "effects::hidden"
workflows:
  faulty:
    nodes:
      a: { task: misspelt, with: { id: 1 } }
      b: { task: unmarked, with: { n: 1 } }
      c: { task: hidden, with: { n: 1 } }
"#,
    );
}

/// Builds `manifest` and compares what is reported with what it announces.
#[track_caller]
fn check(name: &str, manifest: &str) {
    let output = Project::new(name, manifest.trim_start()).build();
    assert_eq!(output.status.code(), Some(1), "{output}");
    let mut found = reported(&output.stderr);
    let mut expected = announced(manifest.trim_start());
    found.sort();
    expected.sort();
    assert_eq!(found, expected, "{output}");
}

/// The code and the place of every error in rendered diagnostics.
fn reported(stderr: &str) -> Vec<(String, usize, usize)> {
    let mut code = None;
    let mut faults = Vec::new();
    for line in stderr.lines() {
        if let Some((head, _)) = line.strip_prefix("error[").and_then(|rest| rest.split_once(']')) {
            code = Some(head);
        } else if let Some(place) = line.trim_start().strip_prefix("--> ")
            && let Some(code) = code.take()
            && let [column, line, file] = place.rsplitn(3, ':').collect::<Vec<_>>()[..]
        {
            assert!(file.ends_with("manifest.yaml"), "a fault outside the manifest: {place}\n{stderr}");
            let number = |text: &str| text.parse::<usize>().expect("a line or a column");
            faults.push((code.to_owned(), number(line), number(column)));
        }
    }
    faults
}

/// The code and the place of every fault that comments announce.
fn announced(manifest: &str) -> Vec<(String, usize, usize)> {
    let faults = manifest.lines().enumerate().filter_map(|(index, line)| {
        let (text, comment) = line.split_once("  # ")?;
        let (code, at) = comment.split_once(" at ")?;
        let column = text.rfind(at).unwrap_or_else(|| panic!("`{at}` is not in line {}", index + 1));
        Some((code.to_owned(), index + 1, column + 1))
    });
    faults.collect()
}
