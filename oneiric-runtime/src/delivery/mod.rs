//! Runs that a queue brings: what is known of the delivery, and how a queue is asked for more.
//!
//! A queue delivers at least once, and now and then more often. What makes a repeated delivery the same run is the run's
//! id, which every message has: the sender's, or one that follows from the message's own. So what is here decides
//! nothing; it reads what a queue says and tells it in the log.

pub(crate) mod cloud_tasks;
#[cfg(feature = "queue-pubsub")]
pub(crate) mod pubsub;
#[cfg(feature = "queue-pubsub")]
pub(crate) mod pull;

/// How a queue brought a run.
#[derive(Clone, Debug, Default, Eq, PartialEq)]
pub(crate) struct Delivery {
    /// The queue, or the subscription, as it calls itself.
    pub(crate) queue: String,
    /// The task, or the message, in it.
    pub(crate) message: String,
    /// Which attempt to deliver it this is, from 1; `None` where the queue does not count.
    pub(crate) attempt: Option<u32>,
    /// How many attempts before this one were answered.
    pub(crate) answered: Option<u32>,
    /// The status that the attempt before this one was answered with.
    pub(crate) previous_status: Option<u16>,
}

impl Delivery {
    /// Tells that it was taken for this run.
    pub(crate) fn log(&self, workflow: &str, run_id: &str, is_new: bool) {
        tracing::info!(
            workflow,
            run_id,
            queue = self.queue,
            queue_message = self.message,
            delivery_attempt = self.attempt,
            deliveries_answered = self.answered,
            previous_status = self.previous_status,
            is_new,
            "run-delivered"
        );
    }
}
