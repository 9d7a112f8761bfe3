//! A manifest inside a program that has a main function of its own: what `oneiric::manifest!` and build scripts call.
//!
//! Here alone the library reads a file without its `cli` feature. Everything else is left to the stages in between.

use std::fmt::Write as _;
use std::path::{Path, PathBuf};

use proc_macro2::TokenStream;

use crate::codegen;
use crate::codegen::style::Style;
use crate::diagnostic::{Diagnostic, Diagnostics, Label, Severity};
use crate::plan::Plan;

/// For build scripts: compiles the manifest at `path`, from the package's folder, to `<its name>.rs` in `OUT_DIR`, and
/// lets cargo run the script again when the manifest changes.
///
/// The file holds one function, `pub fn app() -> oneiric::App`:
///
/// ```ignore
/// include!(concat!(env!("OUT_DIR"), "/app.rs"));
/// ```
///
/// A manifest with faults ends the build script, with every fault shown at its line.
///
/// ```no_run
/// oneiric_build::compile("manifests/app.yaml");
/// ```
#[expect(clippy::print_stdout, reason = "how a build script talks to cargo")]
pub fn compile(path: impl AsRef<Path>) {
    let path = path.as_ref();
    let root = PathBuf::from(std::env::var_os("CARGO_MANIFEST_DIR").unwrap_or_default());
    let shown = path.to_string_lossy();
    println!("cargo::rerun-if-changed={shown}");
    let written = app(&root.join(path), &shown, &Home::of_script(&root)).and_then(|app| {
        let out = PathBuf::from(std::env::var_os("OUT_DIR").ok_or("`compile` is for build scripts")?);
        let file = out.join(path.file_stem().unwrap_or(path.as_os_str())).with_extension("rs");
        write_if_changed(&file, &codegen::pretty(app))
            .map_err(|error| format!("cannot write {}: {error}", file.display()))
    });
    if let Err(faults) = written {
        for line in faults.lines() {
            println!("cargo::error={line}");
        }
        std::process::exit(1);
    }
}

/// The function `app` for the manifest in `file`, or the text that says what is wrong. `shown` is where a person would say
/// that the file is.
pub fn app(file: &Path, shown: &str, home: &Home) -> Result<TokenStream, String> {
    let source = std::fs::read(file).map_err(|error| format!("cannot read {}: {error}", file.display()))?;
    let plan = match crate::check_bytes(&source) {
        Ok((plan, _)) => plan,
        Err(faults) => return Err(describe(&faults, &String::from_utf8_lossy(&source), shown)),
    };
    let mut style = Embedded { own: home.own(&plan) };
    Ok(codegen::app(&plan, shown, &mut style))
}

/// The package that the code will be part of.
#[derive(Debug, Default)]
pub struct Home {
    /// The crate whose functions are `crate::…` there.
    crate_name: Option<String>,
}

impl Home {
    /// The crate that rustc is compiling, in a macro.
    pub fn of_macro() -> Self {
        let variable = |name: &str| std::env::var(name).ok();
        let root = PathBuf::from(std::env::var_os("CARGO_MANIFEST_DIR").unwrap_or_default());
        let package = variable("CARGO_PKG_NAME").map(|name| name.replace('-', "_"));
        let is_library = variable("CARGO_BIN_NAME").is_none() && variable("CARGO_CRATE_NAME") == package;
        let is_alone = variable("CARGO_BIN_NAME").is_some() && !root.join("src/lib.rs").is_file();
        Self { crate_name: package.filter(|_| is_library || is_alone) }
    }

    /// The package of a build script. One with a library and a program includes the code into the program.
    fn of_script(root: &Path) -> Self {
        let has = |file: &str| root.join(file).is_file();
        let package = std::env::var("CARGO_PKG_NAME").ok().map(|name| name.replace('-', "_"));
        Self { crate_name: package.filter(|_| !(has("src/lib.rs") && has("src/main.rs"))) }
    }

    fn own(&self, plan: &Plan) -> Option<String> {
        let package = plan.package.as_ref()?.replace('-', "_");
        self.crate_name.clone().filter(|name| *name == package)
    }
}

/// Code in the middle of someone's crate.
struct Embedded {
    /// The crate that it is in the middle of, if the manifest names its functions.
    own: Option<String>,
}

impl Style for Embedded {
    fn path(&self, path: &str) -> TokenStream {
        let (first, rest) = path.split_once("::").unwrap_or((path, ""));
        if self.own.as_deref() == Some(first) {
            let rest = rest.split("::").map(codegen::field);
            return quote::quote!(crate #(::#rest)*);
        }
        let segments = path.split("::").map(codegen::field);
        quote::quote!(#(::#segments)*)
    }
}

/// Every error as plain text, as the compiler's command line shows it with more care.
fn describe(faults: &Diagnostics, source: &str, shown: &str) -> String {
    let mut text = String::new();
    for fault in faults.iter().filter(|fault| fault.severity == Severity::Error) {
        let Diagnostic { code, message, primary, related, notes, help, .. } = fault;
        let separator = if text.is_empty() { "" } else { "\n" };
        let _ = writeln!(text, "{separator}error[{}]: {message}", code.0);
        place(&mut text, primary, source, shown);
        for label in related {
            place(&mut text, label, source, shown);
        }
        for note in notes {
            let _ = writeln!(text, "  = note: {note}");
        }
        for help in help {
            let _ = writeln!(text, "  = help: {help}");
        }
    }
    text.truncate(text.trim_end().len());
    text
}

fn place(text: &mut String, label: &Label, source: &str, shown: &str) {
    let start = label.span.start.min(source.len());
    let before = source.get(..start).unwrap_or_default();
    let line = before.matches('\n').count() + 1;
    let begin = before.rfind('\n').map_or(0, |at| at + 1);
    let column = before[begin..].chars().count() + 1;
    let content = source.get(begin..).unwrap_or_default().lines().next().unwrap_or_default();
    let width = source
        .get(start..label.span.end.min(begin + content.len()))
        .map_or(1, |it| it.chars().count().max(1));
    let number = line.to_string();
    let margin = " ".repeat(number.len());
    let _ = writeln!(text, "{margin}--> {shown}:{line}:{column}");
    let _ = writeln!(text, "{margin} |");
    let _ = writeln!(text, "{number} | {content}");
    let underline = format!("{}{} {}", " ".repeat(column - 1), "^".repeat(width), label.text);
    let _ = writeln!(text, "{margin} | {}", underline.trim_end());
}

/// Leaves a file alone that says the same already, so that nothing is compiled again.
fn write_if_changed(file: &Path, text: &str) -> std::io::Result<()> {
    if std::fs::read(file).is_ok_and(|before| before == text.as_bytes()) {
        return Ok(());
    }
    std::fs::write(file, text)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_fault_is_shown_at_its_line() {
        let source = "oneiric: 1\nname: x\ntasks: { t: { exec: [a] } }\nworkflows: { w: { nodes: { a: { task: u } } } }\n";
        let faults = crate::check(source).expect_err("there is no task `u`");
        let text = describe(&faults, source, "app.yaml");
        assert!(text.starts_with("error[O3001]: there is no task `u`\n --> app.yaml:4:39\n"), "{text}");
        assert!(text.contains("\n4 | workflows: {"), "{text}");
    }

    #[test]
    fn functions_of_the_crate_itself_are_found_in_it() {
        let path =
            |own: Option<&str>| Embedded { own: own.map(str::to_owned) }.path("shop::a::b").to_string();
        assert_eq!(path(Some("shop")), "crate :: a :: b");
        assert_eq!(path(Some("other")), ":: shop :: a :: b");
    }
}
