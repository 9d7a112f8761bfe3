//! One run of one workflow: what can happen to it, where it stands, what comes next.

mod event;
pub(crate) mod execute;
#[cfg(test)]
mod interleaving;
mod outline;
mod report;
pub(crate) mod results;
pub(crate) mod schedule;
mod shape;
mod state;
mod track;

pub(crate) use event::Part;
pub use event::{Entry, Event, NodeId, Reason, Status, Step};
pub use outline::Outline;
pub use report::{NodeReport, Report, TrackReport};
pub use shape::Shape;
pub use state::{Illegal, NodeState, NodeStatus, State};
pub use track::Track;
