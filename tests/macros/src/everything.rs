//! Every form that the macros take.

use oneiric::task::Error;
use oneiric::{Ctx, Retry, mins, secs};
use serde::{Deserialize, Serialize};

/// An order.
#[derive(Clone, Deserialize, Serialize)]
pub struct Order {
    /// Its number.
    pub id: String,
    /// What is in it.
    pub lines: Vec<Line>,
}

/// Some of one article.
#[derive(Clone, Deserialize, Serialize)]
pub struct Line {
    /// The article.
    pub sku: String,
}

/// Tasks in a module of their own.
pub mod tasks {
    use super::{Ctx, Error, Order};

    /// Fallible, with an error of the standard library.
    ///
    /// # Errors
    /// Never.
    #[oneiric::task]
    pub async fn fetch(
        r#type: String,
        count: u64,
        cheap: bool,
        weight: f64,
    ) -> Result<Order, std::io::Error> {
        let _ = (count, cheap, weight);
        Ok(Order { id: r#type, lines: Vec::new() })
    }

    #[oneiric::task(retry = 5, timeout = "1h30m", idempotent)]
    pub(crate) fn look(ctx: Ctx, sku: String) -> Result<String, Error> {
        if ctx.is_cancelled() { Err(Error::transient("over")) } else { Ok(sku) }
    }

    #[oneiric::task(retry(attempts = 3, base_delay = "100ms", max_delay = "PT5M", jitter = 0.5))]
    pub(super) async fn join(a: Option<String>, b: String) -> String {
        a.unwrap_or_default() + &b
    }

    /// Of no arguments.
    #[oneiric::task]
    pub fn nothing() {}
}

/// A task in the workflow's own module.
#[oneiric::task]
pub async fn local(order: Order) -> Order {
    order
}

/// Every kind of line.
#[oneiric::dag]
pub async fn everything(kind: String, other: Order) -> Line {
    let order = tasks::fetch(kind, 3, true, -1.5).retry(2);
    let first = tasks::look(order.lines[0].sku).retry(Retry::attempts(3).jitter(0.5)).or_continue();
    let second = crate::everything::tasks::look("a \"quoted\" text").timeout(mins(2));
    let pause = oneiric::wait(secs(3)).after([&first, &second]);
    let joined = self::tasks::join(first, other.lines[1].sku).after(&pause).after(&second);
    let r#type = tasks::join(first, joined);
    tasks::nothing();
    let last = local(other).after(&r#type);
    last.lines[0]
}

/// A workflow that is a function need not be async, or return anything.
#[oneiric::dag(max_parallel = 2, timeout = "1d")]
pub(crate) fn plain() {
    tasks::nothing();
}

/// A program of both.
pub fn program() -> oneiric::App {
    let mut app = oneiric::App::default();
    app.dag("everything", everything::Def);
    app.dag("plain", plain::Def);
    app.dag("behind", behind::Def);
    app
}

#[derive(Clone, Deserialize, Serialize)]
struct Private;

#[oneiric::task]
fn hide(private: Private) -> Private {
    private
}

/// Private types may stand behind private functions.
#[oneiric::dag]
fn behind(private: Private) -> Private {
    hide(private)
}
