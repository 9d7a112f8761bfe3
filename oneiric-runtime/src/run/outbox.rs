//! The notifications of a run: what is to be sent, and how far that is.
//!
//! They are part of the run's log and folded like the rest of it. What is to be sent is entered in the transaction that
//! makes it due, so it is sent whoever lives to do it. An attempt is entered before it is made, and what came of it after:
//! where a crash leaves only the first, nobody knows the outcome. None of it depends on where the run's nodes stand, so
//! whoever sends need not know.

use std::sync::Arc;

use serde::{Deserialize, Serialize};

use super::{Entry, Event};
use crate::adapters::messaging::Notification;
use crate::clock::Timestamp;

/// A notification, and what brings it.
#[derive(Clone, Debug, Deserialize, Eq, PartialEq, Serialize)]
pub struct Due {
    /// The adapter.
    pub adapter: String,
    /// What it sends.
    pub notification: Notification,
}

/// What can happen to a notification.
#[derive(Clone, Debug, Deserialize, Eq, PartialEq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum NotificationStep {
    /// It is to be sent.
    Due(Box<Due>),
    /// An attempt to send it is about to be made.
    Sending {
        /// Which attempt, from 1.
        attempt: u32,
    },
    /// It was not taken, and another attempt is to come.
    Retrying {
        /// Why.
        error: String,
        /// When the next attempt is made.
        #[serde(with = "crate::clock::micros")]
        until: Timestamp,
    },
    /// The other side has it.
    Sent,
    /// It will not be sent any more.
    GivenUp {
        /// Why.
        error: String,
        /// Whether the other side may have it all the same.
        is_outcome_unknown: bool,
    },
}

/// The notifications of a run, in the order in which they became due.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Outbox(Vec<Outgoing>);

/// Where a notification stands.
#[derive(Clone, Debug, PartialEq)]
pub struct Outgoing {
    /// What it is.
    pub due: Arc<Due>,
    /// How far it is.
    pub status: NotificationStatus,
    /// How many attempts were begun.
    pub attempts: u32,
    /// When it became due.
    pub due_at: Timestamp,
    /// When the next attempt is made.
    pub until: Option<Timestamp>,
    /// When it was sent or given up.
    pub settled_at: Option<Timestamp>,
    /// Why the latest attempt failed.
    pub error: Option<String>,
}

/// How far a notification is.
#[derive(Clone, Copy, Debug, Eq, PartialEq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum NotificationStatus {
    /// It is to be sent.
    Due,
    /// An attempt to send it is under way, or was when the process died.
    Sending,
    /// It was not taken, and the next attempt is not due yet.
    Retrying,
    /// The other side has it.
    Sent,
    /// It was given up, and the other side does not have it.
    Failed,
    /// It was given up, and nobody knows whether the other side has it.
    OutcomeUnknown,
}

impl NotificationStatus {
    /// Whether nothing more will happen to it.
    pub fn is_settled(self) -> bool {
        matches!(self, Self::Sent | Self::Failed | Self::OutcomeUnknown)
    }
}

impl Outgoing {
    /// A notification that is due now.
    pub(crate) fn new(due: &Due, at: Timestamp) -> Self {
        Self {
            due: Arc::new(due.clone()),
            status: NotificationStatus::Due,
            attempts: 0,
            due_at: at,
            until: None,
            settled_at: None,
            error: None,
        }
    }

    /// Whether `step` can happen now.
    pub(crate) fn allows(&self, step: &NotificationStep) -> bool {
        match step {
            NotificationStep::Due(_) => false,
            // After a crash one may be under way already.
            NotificationStep::Sending { attempt } => {
                !self.status.is_settled() && *attempt == self.attempts + 1
            }
            NotificationStep::Retrying { .. } | NotificationStep::Sent => {
                self.status == NotificationStatus::Sending
            }
            NotificationStep::GivenUp { .. } => !self.status.is_settled(),
        }
    }

    /// Takes a step into account that [`allows`](Self::allows) lets pass.
    pub(crate) fn apply(&mut self, at: Timestamp, step: &NotificationStep) {
        self.until = None;
        match step {
            NotificationStep::Due(_) => {}
            NotificationStep::Sending { attempt } => {
                self.attempts = *attempt;
                self.status = NotificationStatus::Sending;
            }
            NotificationStep::Retrying { error, until } => {
                self.error = Some(error.clone());
                self.until = Some(*until);
                self.status = NotificationStatus::Retrying;
            }
            NotificationStep::Sent => {
                self.error = None;
                self.status = NotificationStatus::Sent;
            }
            NotificationStep::GivenUp { error, is_outcome_unknown: false } => {
                self.error = Some(error.clone());
                self.status = NotificationStatus::Failed;
            }
            NotificationStep::GivenUp { error, is_outcome_unknown: true } => {
                self.error = Some(error.clone());
                self.status = NotificationStatus::OutcomeUnknown;
            }
        }
        self.settled_at = self.status.is_settled().then_some(at);
    }
}

impl Outbox {
    /// The notifications in a log, whatever else it tells; nothing if they make no sense.
    pub fn replay(log: &[Entry]) -> Option<Self> {
        let mut outbox = Self::default();
        for Entry { at, event } in log {
            if let Event::Notification { number, step } = event {
                if !outbox.allows(*number, step) {
                    return None;
                }
                outbox.apply(*at, *number, step);
            }
        }
        Some(outbox)
    }

    /// Whether `step` can happen now.
    pub(super) fn allows(&self, number: u32, step: &NotificationStep) -> bool {
        match self.get(number) {
            Some(outgoing) => outgoing.allows(step),
            None => matches!(step, NotificationStep::Due(_)) && number == self.next_number(),
        }
    }

    /// Takes a step into account that [`allows`](Self::allows) lets pass.
    pub(super) fn apply(&mut self, at: Timestamp, number: u32, step: &NotificationStep) {
        match (self.0.get_mut(number as usize), step) {
            (None, NotificationStep::Due(due)) => self.0.push(Outgoing::new(due, at)),
            (Some(outgoing), step) => outgoing.apply(at, step),
            (None, _) => {}
        }
    }

    /// The number of the next notification.
    pub fn next_number(&self) -> u32 {
        u32::try_from(self.0.len()).unwrap_or(u32::MAX)
    }

    /// A notification by its number, which is its place in the order.
    pub fn get(&self, number: u32) -> Option<&Outgoing> {
        self.0.get(number as usize)
    }

    /// Every notification.
    pub fn iter(&self) -> impl Iterator<Item = &Outgoing> {
        self.0.iter()
    }

    /// The notifications to which something is still to happen, each with its number.
    pub fn unsettled(&self) -> impl Iterator<Item = (u32, &Outgoing)> {
        (0..).zip(&self.0).filter(|(_, outgoing)| !outgoing.status.is_settled())
    }
}

#[cfg(test)]
pub(crate) mod tests {
    use super::*;

    pub(crate) fn due(id: &str) -> NotificationStep {
        let notification = Notification {
            id: id.to_owned(),
            channel: None,
            title: "title".to_owned(),
            text: "text".to_owned(),
            about: None,
        };
        NotificationStep::Due(Box::new(Due { adapter: "chat".to_owned(), notification }))
    }

    fn given_up(is_outcome_unknown: bool) -> NotificationStep {
        NotificationStep::GivenUp { error: "no".to_owned(), is_outcome_unknown }
    }

    fn retrying() -> NotificationStep {
        NotificationStep::Retrying { error: "later".to_owned(), until: Timestamp(9) }
    }

    fn sending(attempt: u32) -> NotificationStep {
        NotificationStep::Sending { attempt }
    }

    /// The outbox after these steps of notification 0.
    fn after(steps: &[NotificationStep]) -> Option<Outbox> {
        let entry = |(at, step): (i64, &NotificationStep)| Entry {
            at: Timestamp(at),
            event: Event::Notification { number: 0, step: step.clone() },
        };
        Outbox::replay(&(1..).zip(steps).map(entry).collect::<Vec<_>>())
    }

    #[test]
    fn a_notification_is_due_then_attempted_then_settled() {
        let steps = [due("a"), sending(1), retrying(), sending(2), NotificationStep::Sent];
        let expected = [
            (NotificationStatus::Due, 0, None),
            (NotificationStatus::Sending, 1, None),
            (NotificationStatus::Retrying, 1, Some(Timestamp(9))),
            (NotificationStatus::Sending, 2, None),
            (NotificationStatus::Sent, 2, None),
        ];
        for (count, expected) in (1..).zip(expected) {
            let outbox = after(&steps[..count]).unwrap();
            let outgoing = outbox.get(0).unwrap();
            assert_eq!((outgoing.status, outgoing.attempts, outgoing.until), expected);
            assert_eq!(outbox.unsettled().count(), usize::from(count < 5));
        }
        let outbox = after(&steps).unwrap();
        assert_eq!(outbox.get(0).unwrap().settled_at, Some(Timestamp(5)));
        assert_eq!(outbox.get(0).unwrap().error, None);
    }

    #[test]
    fn after_a_crash_an_attempt_is_followed_by_another_or_by_nothing() {
        let again = after(&[due("a"), sending(1), sending(2)]).unwrap();
        assert_eq!(again.get(0).unwrap().attempts, 2);
        let unknown = after(&[due("a"), sending(1), given_up(true)]).unwrap();
        assert_eq!(unknown.get(0).unwrap().status, NotificationStatus::OutcomeUnknown);
        let gone = after(&[due("a"), given_up(false)]).unwrap();
        assert_eq!(gone.get(0).unwrap().status, NotificationStatus::Failed);
    }

    #[test]
    fn what_makes_no_sense_is_refused() {
        for steps in [
            &[sending(1)][..],
            &[due("a"), due("b")],
            &[due("a"), NotificationStep::Sent],
            &[due("a"), retrying()],
            &[due("a"), sending(2)],
            &[due("a"), sending(1), sending(1)],
            &[due("a"), sending(1), NotificationStep::Sent, sending(2)],
            &[due("a"), given_up(false), given_up(true)],
        ] {
            assert_eq!(after(steps), None, "{steps:?}");
        }
        let later = Entry { at: Timestamp(0), event: Event::Notification { number: 1, step: due("a") } };
        assert_eq!(Outbox::replay(&[later]), None, "numbers begin at 0");
    }
}
