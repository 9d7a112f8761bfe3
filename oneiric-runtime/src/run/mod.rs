//! One run of one workflow: what can happen to it, where it stands, what comes next.

mod event;
pub(crate) mod execute;
#[cfg(test)]
mod interleaving;
pub(crate) mod outbox;
mod outline;
pub(crate) mod report;
pub(crate) mod results;
pub(crate) mod schedule;
mod shape;
mod state;
mod track;

pub(crate) use event::Part;
pub use event::{Entry, Event, NodeId, Reason, Status, Step};
pub use outbox::{Due, NotificationStatus, NotificationStep, Outbox, Outgoing};
pub use outline::Outline;
pub use report::{NodeReport, NotificationReport, Report, TrackReport};
pub use shape::Shape;
pub use state::{Illegal, NodeState, NodeStatus, State};
pub use track::Track;
