//! What the macros write, as committed files, which the package `macro-tests` compiles. `UPDATE=1` rewrites them.

use std::path::Path;

use proc_macro2::TokenStream;
use quote::quote;

use crate::{dag, task};

#[track_caller]
fn is_written(file: &str, expansion: TokenStream) {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../tests/macros/src/expanded").join(file);
    let text = format!("// What a macro writes; see `oneiric-macros/src/tests.rs`.\n\n{}", pretty(expansion));
    if std::env::var_os("UPDATE").is_some_and(|value| value == "1") {
        std::fs::write(&path, &text).unwrap();
    }
    let found = std::fs::read_to_string(&path).unwrap_or_default();
    assert_eq!(found, text, "`{file}` is stale: `UPDATE=1 cargo test -p oneiric-macros`");
}

fn pretty(expansion: TokenStream) -> String {
    oneiric_build::codegen::pretty(expansion)
}

#[test]
fn a_task() {
    let options = quote!(retry(attempts = 5, base_delay = "1s"), timeout = "30s");
    let item = quote! {
        /// Charges a customer.
        pub async fn charge(ctx: oneiric::Ctx, order: String, amount: u64) -> Result<u64, std::io::Error> {
            let _ = (ctx, order);
            Ok(amount)
        }
    };
    is_written("task.rs", task::expand(options, &item));
}

#[test]
fn a_task_of_one_argument() {
    let item = quote! {
        /// Looks up an order.
        pub fn fetch(id: String) -> String {
            id
        }
    };
    is_written("one_argument.rs", task::expand(TokenStream::new(), &item));
}

#[test]
fn a_workflow() {
    let item = quote! {
        /// Charge an order once.
        pub async fn fulfil(id: String, amount: u64) -> u64 {
            let order = fetch(id).timeout(secs(5));
            let pause = oneiric::wait(mins(1)).after(&order);
            charge(order, amount).retry(3).after(&pause)
        }
    };
    is_written("workflow.rs", dag::expand(quote!(timeout = "2h"), &item));
}

#[test]
fn a_workflow_with_conditions_lists_and_undoing() {
    let item = quote! {
        /// Charge each line of an order, and give the money back when the parcel is lost.
        pub async fn careful(id: String, lines: Vec<u64>, express: bool) -> u64 {
            let order = fetch(id);
            let paid = charge(order, item).each(lines).max_parallel(2).compensate(refund);
            let quick = charge(order, 1).when(express).after(&paid);
            let slow = count(quick).when(!express).or_continue();
            count(slow)
        }
    };
    is_written("careful.rs", dag::expand(TokenStream::new(), &item));
}
