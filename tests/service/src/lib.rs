//! A workflow written as a function, of the same tasks as `manifests/service.yaml`.

use oneiric::{Retry, millis, secs};
use shop::{Carrier, Letter, charge, fetch, ship, thank};

/// Charge once, then ship while the bank has time to change its mind.
#[oneiric::dag(timeout = "10m", max_parallel = 8)]
pub async fn fulfil(order_id: String, carrier: Carrier) -> Letter {
    let order = fetch(order_id);
    let payment =
        charge(order).retry(Retry::attempts(5).base_delay(secs(1)).max_delay(secs(30))).timeout(secs(30));
    let pause = oneiric::wait(millis(1500)).after(&payment);
    let parcel = ship(order, payment, carrier);
    thank(order.customer.name, parcel).after(&pause)
}

#[cfg(test)]
mod tests {
    use oneiric::App;
    use oneiric::flow::Flow;
    use oneiric::task::Error;
    use oneiric::testing::Trial;

    use super::*;

    oneiric::manifest!("manifests/service.yaml");

    fn by_hand() -> App {
        let mut app = App::default();
        app.dag("fulfil", fulfil::Def);
        app
    }

    #[test]
    fn the_manifest_and_the_function_have_one_plan() {
        let (plan, _) = oneiric_build::check(include_str!("../manifests/service.yaml")).expect("it is sound");
        let compiled = oneiric_build::plan::json::workflow(&plan.workflows[0]).compact();
        let value = |text: &str| serde_json::from_str::<serde_json::Value>(text).expect("a plan is JSON");
        assert_eq!(value(fulfil::Def::plan().text()), value(&compiled));
    }

    #[tokio::test(start_paused = true)]
    async fn a_result_has_the_functions_type() {
        let engine = Trial::of(by_hand()).engine();
        let run = fulfil::start(&engine, "7".to_owned(), Carrier::Dhl).await.expect("it starts");
        let letter: Letter = run.result().await.expect("it completes");
        assert_eq!(letter.text, "Thank you! Dhl-7 is on its way to London.");
    }

    #[tokio::test(start_paused = true)]
    async fn a_run_is_joined_by_its_id() {
        let engine = Trial::of(by_hand()).engine();
        let mut results = Vec::new();
        for _ in 0..2 {
            let run = fulfil::start_as(&engine, "order-7", "7".to_owned(), Carrier::Courier).await;
            let run = run.expect("it starts");
            results.push((run.is_new(), run.result().await.expect("it completes").text));
        }
        let thanks = "Thank you! Courier-7 is on its way to London.".to_owned();
        assert_eq!(results, [(true, thanks.clone()), (false, thanks)]);
    }

    #[tokio::test(start_paused = true)]
    async fn the_manifest_and_the_function_run_alike() {
        let input = serde_json::json!({ "order_id": "7", "carrier": "dhl" });
        let mut runs = Vec::new();
        for app in [by_hand(), app()] {
            let closed = std::sync::atomic::AtomicBool::new(true);
            let trial = Trial::of(app).replace(shop::charge::Def, move |ctx, (order,)| {
                if closed.swap(false, std::sync::atomic::Ordering::Relaxed) {
                    return Err(Error::transient("the bank is closed"));
                }
                Ok(shop::Payment { reference: format!("{}-{}", order.id, ctx.attempt()), amount: 1 })
            });
            let report = trial.run("fulfil", &input).await;
            let nodes = report.nodes.iter().map(|node| {
                let output = node.output.as_ref().map(|output| output.text().to_owned());
                (node.node.clone(), node.status, node.attempts, output)
            });
            runs.push((report.status, nodes.collect::<Vec<_>>()));
        }
        assert_eq!(runs[0], runs[1]);
        assert_eq!(runs[0].1.len(), 5);
        assert_eq!(runs[0].1[1].2, 2, "the payment took two attempts");
    }
}
