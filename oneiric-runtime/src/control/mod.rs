//! Orders from one process to the one that has the store, over a socket in the state directory.
//!
//! Only one process may write to a state directory. A command that changes something opens the store itself if nobody
//! has it; otherwise it sends its order to the process that does. Either way [`perform`] carries it out.

mod client;
mod order;
mod socket;
#[cfg(test)]
mod tests;

pub(crate) use self::client::{ask_health, send, send_if_running};
pub(crate) use self::order::{Order, Place, perform, show};
pub(crate) use self::socket::{check_peer, forget, listen};

use hyper::StatusCode;

use crate::failure::Failure;
use crate::health::Health;
use crate::http::answer::Answer;
use crate::http::lifecycle::Lifecycle;
use crate::http::route::PROBE;

/// Says how the program is; `query` may ask for more than is known already.
pub(crate) async fn answer_health(lifecycle: &Lifecycle, query: Option<&str>) -> Answer {
    match lifecycle.engine().await {
        Ok(engine) => {
            let probes = query == Some(PROBE);
            let health = Health::of_running(lifecycle.facts(), lifecycle.process(), &engine, probes).await;
            Answer::json(StatusCode::OK, &health)
        }
        Err(_) => Answer::json(StatusCode::CONFLICT, &not_now()),
    }
}

fn not_now() -> Failure {
    Failure::new("draining", "the running process is starting or stopping; try again")
}

/// Carries out the order in `body` and answers it.
pub(crate) async fn answer(lifecycle: &Lifecycle, body: &[u8]) -> Answer {
    let Ok(order) = serde_json::from_slice::<Order>(body) else {
        // The two processes are of different versions, since the client writes what this reads.
        let failure = Failure::new(
            "order-unknown",
            "the running process does not know this order; is it of another version?",
        );
        return Answer::json(StatusCode::BAD_REQUEST, &failure);
    };
    let done = match lifecycle.engine().await {
        Ok(engine) => perform(&engine, order, Place::Server).await,
        Err(_) => Err(not_now()),
    };
    match done {
        Ok(document) => Answer::json(StatusCode::OK, &document),
        Err(failure) => Answer::json(StatusCode::CONFLICT, &failure),
    }
}
