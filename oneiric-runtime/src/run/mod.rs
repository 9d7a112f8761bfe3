//! One run of one workflow.

mod event;

pub use event::{Entry, Event, NodeId, Reason, Status};
