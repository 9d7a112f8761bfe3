//! Tasks whose arguments and results have types of their own.

use serde::{Deserialize, Serialize};

/// What a customer wants.
#[derive(Clone, Debug, Deserialize, Serialize)]
pub struct Order {
    /// Its number.
    pub id: u64,
    /// What is in it.
    pub lines: Vec<String>,
}

/// That a customer has paid.
#[derive(Clone, Debug, Deserialize, Serialize)]
pub struct Payment {
    /// The order that was paid.
    pub order: u64,
    /// How much, in cents.
    pub cents: u64,
}

/// Looks an order up.
#[oneiric::task]
pub async fn fetch(id: u64) -> Order {
    Order { id, lines: vec!["tea".to_owned(), "sugar".to_owned()] }
}

/// Takes the money for an order.
#[oneiric::task]
pub async fn pay(order: Order, cents: u64) -> Payment {
    Payment { order: order.id, cents }
}
