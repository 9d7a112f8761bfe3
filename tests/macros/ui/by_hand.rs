//! A graph written by hand, as generated programs are: what is no task, and a task that needs its arguments named.

use oneiric::Dag;

struct NoTask;

#[oneiric::task]
fn ship(order: String, carrier: String) -> usize {
    order.len() + carrier.len()
}

fn no_task(dag: &Dag) {
    dag.task("ship", NoTask);
}

fn no_arguments(dag: &Dag) {
    dag.task("ship", ship::Def).with_input();
}

fn main() {}
