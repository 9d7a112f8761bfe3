//! What rustc says of both ends of an edge: at the argument.

use serde::{Deserialize, Serialize};

#[derive(Deserialize, Serialize)]
pub struct Order {
    pub total: u64,
}

#[oneiric::task]
fn fetch(id: String) -> Order {
    Order { total: id.len() as u64 }
}

#[oneiric::task]
fn charge(amount: u64) -> String {
    amount.to_string()
}

fn no_task(n: u64) -> u64 {
    n
}

#[oneiric::dag]
async fn edge(id: String) {
    let order = fetch(id);
    charge(order);
}

#[oneiric::dag]
async fn field(id: String) {
    let order = fetch(id);
    charge(order.totl);
}

#[oneiric::dag]
async fn parameter(id: u64) {
    fetch(id);
}

#[oneiric::dag]
async fn literal() {
    charge("four");
}

#[oneiric::dag]
async fn arity(id: String) {
    let order = fetch();
    charge(order.total, 2);
}

#[oneiric::dag]
async fn result(id: String) -> u64 {
    fetch(id)
}

#[oneiric::dag]
async fn failure(id: String) {
    let order = fetch(id).or_continue();
    charge(order.total);
}

#[oneiric::dag]
async fn condition(id: String) {
    let order = fetch(id).when(id);
    charge(order.total);
}

#[oneiric::dag]
async fn list(id: String) {
    let order = fetch(id);
    charge(item).each(order.total);
}

#[oneiric::dag]
async fn undo(id: String) {
    fetch(id).compensate(charge);
}

#[oneiric::dag]
async fn unmarked() {
    no_task(1);
}

fn main() {
    let mut app = oneiric::App::default();
    app.dag("fetch", fetch::Def);
}
