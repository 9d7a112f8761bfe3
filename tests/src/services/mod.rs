//! What programs speak to: the services that a test starts, each on a free port of the loopback interface.
//!
//! A service is the real one where it can be had, an emulator of its maker's where it cannot, and a double of ours
//! where there is neither. Doubles are strict: what the real service would refuse, they refuse. Each is started by the
//! test that needs it, awaited with a limit and ended with the test; one whose program is missing fails the test and
//! says what installs it. Two tests never share one, but for Postgres, where each has a schema of its own.

mod gcp;
mod moto;
mod postgres;
mod pubsub;
mod python;
mod slack;
mod stub;
mod webhook;

pub use gcp::Gcp;
pub use moto::Moto;
pub use postgres::Postgres;
pub use pubsub::PubSub;
pub use slack::Slack;
pub use stub::{Received, Reply, Stub};
pub use webhook::Webhook;
