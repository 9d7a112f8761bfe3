//! Every message of the macros. `TRYBUILD=overwrite` rewrites them.

use std::path::{Path, PathBuf};

use proc_macro2::{TokenStream, TokenTree};
use quote::ToTokens;

/// Sentences that nobody is told: documentation of what is written, and what the code before has ruled out.
const NO_MESSAGES: [&str; 5] = [
    "The workflow `{text}`.",
    "code has no words for these",
    "this is not a workflow",
    "The argument `{name}`.",
    "The task [`{name}`]({name}()) as a workflow names it.",
];

#[test]
fn messages() {
    // The cases are compiled as a package of trybuild's, and the manifest's path is from the package's folder.
    let folder = Path::new(env!("CARGO_TARGET_TMPDIR")).with_file_name("tests/trybuild/macro-tests/ui");
    std::fs::create_dir_all(&folder).expect("the folder can be made");
    std::fs::copy("ui/faulty.yaml", folder.join("faulty.yaml")).expect("it can be copied");
    trybuild::TestCases::new().compile_fail("ui/*.rs");
}

#[test]
fn every_message_has_a_case() {
    let seen = files("ui", "stderr").iter().map(|file| read(file)).collect::<String>();
    let mut missing = Vec::new();
    for file in files("../../oneiric-macros/src", "rs").iter().filter(|file| !file.ends_with("tests.rs")) {
        let mut code = syn::parse_file(&read(file)).expect("it is Rust");
        code.attrs.clear();
        code.items.retain(|item| !matches!(item, syn::Item::Mod(module) if module.ident == "tests"));
        let mut texts = Vec::new();
        collect(code.into_token_stream(), &mut texts);
        missing.extend(texts.into_iter().filter(|text| !is_said(text, &seen)));
    }
    assert_eq!(missing, NO_MESSAGES, "add a case to `ui` for each message that is new");
}

/// Sentences in the code's literals. Those in attributes are no messages.
fn collect(tokens: TokenStream, texts: &mut Vec<String>) {
    let mut after_hash = false;
    for token in tokens {
        let is_attribute = std::mem::take(&mut after_hash);
        match token {
            TokenTree::Group(group) if !is_attribute => collect(group.stream(), texts),
            TokenTree::Punct(punct) => after_hash = matches!(punct.as_char(), '#'),
            TokenTree::Literal(literal) => {
                let text = syn::parse2::<syn::LitStr>(TokenTree::from(literal).into());
                texts.extend(text.map(|text| text.value()).ok().filter(|text| text.contains(' ')));
            }
            _ => {}
        }
    }
}

/// Whether what stands between the holes of `text` was printed.
fn is_said(text: &str, seen: &str) -> bool {
    let pieces = text.split('{').map(|piece| piece.rsplit('}').next().unwrap_or(piece));
    pieces.flat_map(|piece| piece.split('`')).all(|piece| seen.contains(piece.trim()))
}

/// The files below `folder` that end like this.
fn files(folder: impl AsRef<Path>, ending: &str) -> Vec<PathBuf> {
    let mut found = Vec::new();
    for entry in std::fs::read_dir(folder).expect("it is there") {
        let path = entry.expect("it can be read").path();
        if path.is_dir() {
            found.extend(files(&path, ending));
        } else if path.extension().is_some_and(|it| it == ending) {
            found.push(path);
        }
    }
    found.sort();
    found
}

fn read(file: &Path) -> String {
    std::fs::read_to_string(file).expect("it can be read")
}
