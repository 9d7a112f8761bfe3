//! A shop's side of an order: the Rust functions that `manifests/fulfillment.yaml` names.
//!
//! Each is an ordinary function, to be called and tested as one; the attribute lets a manifest name it.

use oneiric::Ctx;
use oneiric::task::Error;
use serde::{Deserialize, Serialize};

/// What somebody wants to have.
#[derive(Clone, Debug, Deserialize, PartialEq, Serialize)]
pub struct Order {
    /// The shop's number for it.
    pub id: String,
    /// Who it is for.
    pub customer: Customer,
    /// What is in it.
    pub lines: Vec<Line>,
}

/// Who an order is for.
#[derive(Clone, Debug, Deserialize, PartialEq, Serialize)]
pub struct Customer {
    /// How to address them.
    pub name: String,
    /// Where they live.
    pub city: String,
}

/// Some of one article.
#[derive(Clone, Debug, Deserialize, PartialEq, Serialize)]
pub struct Line {
    /// The article.
    pub sku: String,
    /// How many.
    pub quantity: u32,
    /// What one costs, in cents.
    pub price: u64,
}

/// Money received.
#[derive(Clone, Debug, Deserialize, PartialEq, Serialize)]
pub struct Payment {
    /// The bank's number for it.
    pub reference: String,
    /// How much, in cents.
    pub amount: u64,
}

/// What is on its way.
#[derive(Clone, Debug, Deserialize, PartialEq, Serialize)]
pub struct Parcel {
    /// The carrier's number for it.
    pub tracking: String,
    /// Where it goes.
    pub city: String,
    /// The payment that it was sent for.
    pub paid_by: String,
}

/// Something to be read.
#[derive(Clone, Debug, Deserialize, PartialEq, Serialize)]
pub struct Letter {
    /// By whom.
    pub to: String,
    /// What it says.
    pub text: String,
}

/// How a parcel travels.
#[derive(Clone, Copy, Debug, Deserialize, PartialEq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Carrier {
    /// In a van.
    Dhl,
    /// On a bicycle.
    Courier,
}

/// Looks up an order.
///
/// # Errors
/// When there is no such order.
#[oneiric::task]
pub async fn fetch(id: String) -> Result<Order, Error> {
    if id.is_empty() {
        return Err(Error::permanent("an order has a number"));
    }
    let lines = vec![
        Line { sku: "teapot".into(), quantity: 1, price: 4_200 },
        Line { sku: "cup".into(), quantity: 4, price: 650 },
    ];
    Ok(Order { id, customer: Customer { name: "Ada".into(), city: "London".into() }, lines })
}

/// Charges the customer once: the bank knows a repeated call by its idempotency key.
#[oneiric::task]
pub async fn charge(ctx: Ctx, order: Order) -> Payment {
    let amount = order.lines.iter().map(|line| u64::from(line.quantity) * line.price).sum();
    Payment { reference: ctx.idempotency_key(), amount }
}

/// Hands the goods to a carrier.
#[oneiric::task]
pub fn ship(order: Order, payment: Payment, carrier: Carrier) -> Parcel {
    let Payment { reference, .. } = payment;
    Parcel { tracking: format!("{carrier:?}-{}", order.id), city: order.customer.city, paid_by: reference }
}

/// Writes to the customer.
#[oneiric::task]
pub fn thank(name: String, parcel: Parcel) -> Letter {
    let Parcel { tracking, city, .. } = parcel;
    Letter { to: name, text: format!("Thank you! {tracking} is on its way to {city}.") }
}

/// Hands the goods to a courier, who takes the money where none has come.
#[oneiric::task]
pub fn deliver(order: Order, payment: Option<Payment>) -> Parcel {
    let paid_by = payment.map_or_else(|| "cash".to_owned(), |payment| payment.reference);
    ship(order, Payment { reference: paid_by, amount: 0 }, Carrier::Courier)
}

/// Takes one line of an order from the shelf.
#[oneiric::task]
#[expect(clippy::needless_pass_by_value, reason = "a task owns its arguments")]
pub fn pick(line: Line, sku: String, order: String) -> String {
    format!("{} {sku} for order {order}", line.quantity)
}

/// What one line of an order weighs, in grams.
#[oneiric::task]
#[expect(clippy::needless_pass_by_value, reason = "a task owns its arguments")]
pub fn weigh(line: Line) -> u32 {
    line.quantity * 250
}

/// Gives money back.
#[oneiric::task]
pub fn refund(payment: Payment) {
    drop(payment);
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_task_is_called_as_any_function_is() {
        let parcel = Parcel { tracking: "Dhl-7".into(), city: "Paris".into(), paid_by: "1".into() };
        assert_eq!(thank("Eve".into(), parcel).text, "Thank you! Dhl-7 is on its way to Paris.");
    }
}
