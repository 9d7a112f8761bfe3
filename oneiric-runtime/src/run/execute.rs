//! Drives one run: begins what is ready, records what happens before acting on it, and ends when nothing is left.
//!
//! The loop owns everything that it waits for. Events are applied to the state when they are handed to the store, in
//! order; dependants are begun, and anybody is told, only when the store says that they are on disk. Notifications are
//! recorded here and sent elsewhere.

mod attempt;
mod fan;
#[cfg(test)]
mod tests;
mod undo;
mod work;

use std::collections::{BinaryHeap, HashMap, VecDeque};
use std::future::poll_fn;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::Duration;

use futures_util::stream::FuturesUnordered;
use futures_util::{FutureExt, StreamExt};
use tokio::sync::{OwnedSemaphorePermit, Semaphore, mpsc};
use tokio::time::Sleep;

use self::attempt::Running;
use self::fan::Fan;
pub(super) use self::work::Work;
use super::schedule::Schedule;
use super::{Entry, Event, NodeId, NodeStatus, NotificationStep, Part, Reason, State, Status, Step, report};
use crate::checkpoint::{self, Reply, RunKey, Store, Urgency};
use crate::clock::Timestamp;
use crate::json::Json;
use crate::notifications::{Deliveries, Facts, Moment, Notifications};
use crate::task::{self, RunNames};
use crate::value::{Bind, Outputs, Scope};
use crate::workflow::{Does, Shared};

/// What a run needs to go on.
pub(crate) struct Execution {
    pub(crate) key: RunKey,
    pub(crate) names: Arc<RunNames>,
    pub(crate) input: Json,
    pub(crate) workflow: Shared,
    pub(crate) state: State,
    pub(crate) store: Arc<dyn Store>,
    /// Nodes of all runs that may be under way at once.
    pub(crate) slots: Arc<Semaphore>,
    pub(crate) commands: mpsc::Receiver<Command>,
    /// Who is told of it, if somebody is.
    pub(crate) notifications: Option<Arc<Notifications>>,
    pub(crate) deliveries: Arc<Deliveries>,
}

/// What the outside can ask of a run under way.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Command {
    /// End it.
    Cancel,
    /// Begin no more nodes, and stop when those under way have ended. The run goes on at the next start.
    Drain,
    /// Stop now. Nodes under way are begun again at the next start.
    Abandon,
    /// Stop now, because another process may go on with the run.
    Lose,
}

/// How driving a run came to its end.
pub(crate) enum Outcome {
    /// The run has ended, and this is on disk.
    Ended(State),
    /// It was told to stop and goes on at the next start.
    Stopped,
    /// Another process may go on with it. What more is asked of it here comes from this queue.
    Lost(mpsc::Receiver<Command>),
    /// The store failed.
    Failed(checkpoint::Error),
}

/// How many steps are taken before others on this thread get their turn, and what has happened is written.
const TURN: usize = 512;

/// A moment at which a timer is due, soonest first in a [`BinaryHeap`].
#[derive(Eq, Ord, PartialEq, PartialOrd)]
struct Due(std::cmp::Reverse<Timestamp>, Work);

/// Entries with the store, and what follows once they are on disk.
struct Written {
    reply: Reply<()>,
    /// What ended.
    ended: Vec<Work>,
    /// The notifications that became due.
    due: Vec<u32>,
}

struct Loop {
    run: Execution,
    schedule: Schedule,
    running: FuturesUnordered<Running>,
    /// The lists of nodes that have instances and have not ended.
    fans: HashMap<NodeId, Fan>,
    timers: BinaryHeap<Due>,
    alarm: Option<(Timestamp, Pin<Box<Sleep>>)>,
    deadline: Option<Timestamp>,
    /// Entries that happened in this turn and are not with the store yet.
    fresh: Vec<Entry>,
    urgency: Urgency,
    writing: VecDeque<Written>,
    slot: Option<Pin<Box<dyn Future<Output = Option<OwnedSemaphorePermit>> + Send>>>,
    draining: bool,
}

impl Execution {
    /// Runs until the run has ended, or must stop.
    pub(crate) async fn drive(self) -> Outcome {
        let mut driver = Loop::new(self);
        driver.pick_up();
        let outcome = poll_fn(|cx| driver.turn(cx)).await;
        match outcome {
            Some(outcome) => outcome,
            None => Outcome::Ended(driver.run.state),
        }
    }
}

impl Loop {
    fn new(run: Execution) -> Self {
        let schedule = Schedule::new(&run.workflow.shape, &run.workflow.ranks, &run.state);
        let deadline = run.workflow.timeout.map(|timeout| run.state.began_at().after(timeout));
        Self {
            run,
            schedule,
            running: FuturesUnordered::new(),
            fans: HashMap::new(),
            timers: BinaryHeap::new(),
            alarm: None,
            deadline,
            fresh: Vec::new(),
            urgency: Urgency::Soon,
            writing: VecDeque::new(),
            slot: None,
            draining: false,
        }
    }

    /// Takes up what was under way when the process before this one ended.
    fn pick_up(&mut self) {
        for node in self.run.workflow.shape.nodes() {
            let state = &self.run.state.nodes()[node.index()];
            let undo = state.undo.as_ref().and_then(|undo| undo.until);
            match (state.status, state.until) {
                (NodeStatus::Running, _) if state.items.is_some() => self.pick_up_fan(node),
                (NodeStatus::Running, _) => self.schedule.make_ready(&self.run.workflow.ranks, node),
                (NodeStatus::Waiting | NodeStatus::Retrying, Some(until)) => {
                    self.timers.push(Due(std::cmp::Reverse(until), Work::node(node)));
                }
                _ => {}
            }
            if let Some(until) = undo {
                self.timers.push(Due(std::cmp::Reverse(until), Work { node, part: Part::Undo }));
            }
        }
        if let Some(reason) = self.run.state.cancelling() {
            self.cancel_nodes(reason);
        }
        self.announce_start();
        self.conclude();
    }

    /// One turn: take in what happened, begin what is ready, write. `Ready(None)` when the run has ended.
    fn turn(&mut self, cx: &mut Context<'_>) -> Poll<Option<Outcome>> {
        let mut steps = 0;
        loop {
            let mut moved = match self.take_in_commits(cx) {
                Ok(moved) => moved,
                Err(error) => return Poll::Ready(Some(self.give_up(error))),
            };
            if let Some(outcome) = self.take_in_commands(cx) {
                return Poll::Ready(Some(outcome));
            }
            moved |= self.take_in_timers(cx);
            while steps < TURN && (self.begin_next(cx) || self.begin_undo(cx)) {
                steps += 1;
                moved = true;
            }
            while steps < TURN
                && let Poll::Ready(Some(finished)) = self.running.poll_next_unpin(cx)
            {
                steps += 1;
                moved = true;
                self.take_in(finished);
            }
            if steps >= TURN {
                self.write();
                cx.waker().wake_by_ref();
                return Poll::Pending;
            }
            if !moved {
                break;
            }
        }
        self.write();
        if self.writing.is_empty() {
            if self.run.state.status() != Status::Running {
                return Poll::Ready(None);
            }
            if self.draining && self.running.is_empty() {
                return Poll::Ready(Some(Outcome::Stopped));
            }
            return Poll::Pending;
        }
        // What was just handed to the store must wake this task when it is on disk.
        match self.take_in_commits(cx) {
            Err(error) => Poll::Ready(Some(self.give_up(error))),
            Ok(true) => {
                cx.waker().wake_by_ref();
                Poll::Pending
            }
            Ok(false) => Poll::Pending,
        }
    }

    /// What an error of the store means for this run.
    fn give_up(&mut self, error: checkpoint::Error) -> Outcome {
        if error.kind() == checkpoint::Kind::Held { self.lose() } else { Outcome::Failed(error) }
    }

    /// Ends here at once; dropping the attempts stops them.
    fn lose(&mut self) -> Outcome {
        self.running.clear();
        Outcome::Lost(std::mem::replace(&mut self.run.commands, mpsc::channel(1).1))
    }

    fn take_in_commits(&mut self, cx: &mut Context<'_>) -> Result<bool, checkpoint::Error> {
        let mut moved = false;
        while let Some(written) = self.writing.front_mut() {
            let Poll::Ready(answer) = written.reply.poll_unpin(cx) else { break };
            answer?;
            moved = true;
            let Some(Written { ended, due, .. }) = self.writing.pop_front() else { break };
            for work in ended {
                self.go_on_after(work);
            }
            for number in due {
                self.deliver(number);
            }
        }
        Ok(moved)
    }

    /// Hands over a notification that is on disk.
    fn deliver(&self, number: u32) {
        if let Some(outgoing) = self.run.state.outbox().get(number) {
            let (names, deliveries) = (&self.run.names, &self.run.deliveries);
            deliveries.add(self.run.key, &names.run_id, names.workflow, number, outgoing.clone());
        }
    }

    /// Lets begin what waited for the end of an attempt to be on disk.
    fn go_on_after(&mut self, work: Work) {
        if self.run.state.cancelling().is_some() && work.part != Part::Undo {
            return;
        }
        match (work.part, self.until(work)) {
            (_, Some(until)) => self.timers.push(Due(std::cmp::Reverse(until), work)),
            (Part::Node, None) => {
                self.schedule.settle(&self.run.workflow.shape, &self.run.workflow.ranks, work.node);
            }
            (Part::Item(_) | Part::Undo, None) => {}
        }
    }

    /// When the next attempt of something is due that failed and is tried again.
    fn until(&self, work: Work) -> Option<Timestamp> {
        let state = &self.run.state.nodes()[work.node.index()];
        match work.part {
            Part::Node if state.status != NodeStatus::Retrying => None,
            Part::Node => state.until,
            Part::Item(item) => state.items.as_ref()?.get(item as usize)?.until,
            Part::Undo => state.undo.as_ref()?.until,
        }
    }

    fn take_in_commands(&mut self, cx: &mut Context<'_>) -> Option<Outcome> {
        while let Poll::Ready(Some(command)) = self.run.commands.poll_recv(cx) {
            match command {
                Command::Cancel => self.cancel(Reason::Requested),
                Command::Drain => self.draining = true,
                Command::Abandon => return Some(Outcome::Stopped),
                Command::Lose => return Some(self.lose()),
            }
        }
        None
    }

    /// Fires what is due and sets the alarm for what is next.
    fn take_in_timers(&mut self, cx: &mut Context<'_>) -> bool {
        let mut moved = false;
        loop {
            let now = Timestamp::now();
            if self.deadline.is_some_and(|deadline| deadline <= now) {
                self.deadline = None;
                self.cancel(Reason::DeadlinePassed);
                return true;
            }
            while let Some(Due(until, _)) = self.timers.peek()
                && until.0 <= now
            {
                if let Some(Due(_, work)) = self.timers.pop() {
                    self.fire(work, now);
                    moved = true;
                }
            }
            let next = self.timers.peek().map(|due| due.0.0);
            let Some(next) = next.into_iter().chain(self.deadline).min() else {
                self.alarm = None;
                return moved;
            };
            if self.alarm.as_ref().is_none_or(|(at, _)| *at != next) {
                self.alarm = Some((next, Box::pin(tokio::time::sleep_until(next.instant()))));
            }
            let Some((_, sleep)) = &mut self.alarm else { return moved };
            if sleep.poll_unpin(cx).is_pending() {
                return moved;
            }
            self.alarm = None;
        }
    }

    fn fire(&mut self, work: Work, now: Timestamp) {
        let node = work.node;
        match (work.part, self.run.state.nodes()[node.index()].status) {
            (Part::Node, NodeStatus::Waiting) => {
                let event = Event::NodeCompleted { node, attempt: 0, output: Json::null() };
                self.record(now, event, Urgency::Now);
                self.conclude();
            }
            (Part::Node, NodeStatus::Retrying) => self.schedule.make_ready(&self.run.workflow.ranks, node),
            (Part::Item(item), NodeStatus::Running) => self.item_is_due(node, item),
            // What is to be undone next is looked up in every turn.
            _ => {}
        }
    }

    /// Begins one ready node, or an instance of one, if there is one, and a slot for it if it needs one.
    fn begin_next(&mut self, cx: &mut Context<'_>) -> bool {
        if self.draining || self.run.state.cancelling().is_some() {
            return false;
        }
        let Some(node) = self.schedule.peek() else { return false };
        let workflow = Arc::clone(&self.run.workflow);
        let definition = workflow.node(node);
        if self.run.state.nodes()[node.index()].status == NodeStatus::Pending {
            match holds(&definition.when, &self.scope()) {
                Ok(true) => {}
                Ok(false) => return self.leave_out(node),
                Err(error) => return self.fail_unbegun(node, error),
            }
        }
        if let Some(each) = &definition.each {
            return self.begin_item(node, each, cx);
        }
        match &definition.does {
            Does::Wait(duration) => self.begin_wait(node, *duration),
            Does::Step(_) => {
                let Some(slot) = self.place(cx) else { return false };
                self.begin_step(Work::node(node), slot, cx);
            }
        }
        self.schedule.next();
        true
    }

    /// Skips a node whose condition does not hold.
    fn leave_out(&mut self, node: NodeId) -> bool {
        self.schedule.next();
        self.record(Timestamp::now(), Event::NodeLeftOut { node }, Urgency::Now);
        self.conclude();
        true
    }

    /// Fails a node for which something is missing before its first attempt.
    fn fail_unbegun(&mut self, node: NodeId, error: task::Error) -> bool {
        self.schedule.next();
        let now = Timestamp::now();
        self.record(now, Event::NodeStarted { node, attempt: 1 }, Urgency::Soon);
        self.fail(node, 1, now, error);
        self.conclude();
        true
    }

    fn begin_wait(&mut self, node: NodeId, duration: Duration) {
        let now = Timestamp::now();
        let until = now.after(duration);
        self.record(now, Event::NodeWaiting { node, until }, Urgency::Soon);
        self.timers.push(Due(std::cmp::Reverse(until), Work::node(node)));
    }

    /// A place among the nodes of this run and of all runs that are under way.
    fn place(&mut self, cx: &mut Context<'_>) -> Option<OwnedSemaphorePermit> {
        if self.running.len() >= self.run.workflow.max_parallel { None } else { self.take_slot(cx) }
    }

    fn take_slot(&mut self, cx: &mut Context<'_>) -> Option<OwnedSemaphorePermit> {
        if self.slot.is_none() {
            if let Ok(slot) = Arc::clone(&self.run.slots).try_acquire_owned() {
                return Some(slot);
            }
            let slots = Arc::clone(&self.run.slots);
            self.slot = Some(Box::pin(async move { slots.acquire_owned().await.ok() }));
        }
        let Poll::Ready(slot) = self.slot.as_mut()?.poll_unpin(cx) else { return None };
        self.slot = None;
        slot
    }

    fn cancel(&mut self, reason: Reason) {
        let state = &self.run.state;
        let is_undoing = state.next_undo(&self.run.workflow.shape).is_some();
        if state.cancelling().is_some() || state.status() != Status::Running || is_undoing {
            return;
        }
        self.record(Timestamp::now(), Event::CancelRequested { reason }, Urgency::Now);
        self.cancel_nodes(reason);
        self.conclude();
    }

    /// Stops what is under way; dropping an attempt stops it.
    fn cancel_nodes(&mut self, _reason: Reason) {
        self.running.clear();
        self.fans.clear();
        self.timers.clear();
        self.deadline = None;
        let now = Timestamp::now();
        for node in self.run.workflow.shape.nodes() {
            if !self.run.state.nodes()[node.index()].status.is_end() {
                self.record(now, Event::NodeCancelled { node }, Urgency::Now);
            }
        }
    }

    /// Records the end of the run in the same transaction as the end of its last node.
    fn conclude(&mut self) {
        if self.run.state.status() == Status::Running
            && let Some(status) = self.run.state.conclusion(&self.run.workflow.shape)
        {
            let now = Timestamp::now();
            self.record(now, Event::RunEnded { status }, Urgency::Now);
            if let Some(moment) = Moment::of(status) {
                self.announce(now, moment, Urgency::Now);
            }
        }
    }

    /// Has somebody told that the run has begun, once in its life.
    fn announce_start(&mut self) {
        let about = |event: &str| {
            let mut told = self.run.state.outbox().iter().map(|outgoing| &outgoing.due.notification);
            told.any(|one| one.about.as_ref().is_some_and(|about| about.event == event))
        };
        if self.run.notifications.is_some() && !about(Moment::Started.event()) {
            self.announce(Timestamp::now(), Moment::Started, Urgency::Soon);
        }
    }

    /// Records what is to be sent, if somebody wants to be told of this moment.
    fn announce(&mut self, at: Timestamp, moment: Moment, urgency: Urgency) {
        let Some(notifications) = &self.run.notifications else { return };
        let state = &self.run.state;
        let reason = report::reason(state, |node| self.run.workflow.node(node).name);
        let due = notifications.due(
            moment,
            &Facts {
                workflow: self.run.names.workflow,
                run_id: &self.run.names.run_id,
                input: &self.run.input,
                reason: reason.as_deref(),
            },
        );
        if let Some(due) = due {
            let number = state.outbox().next_number();
            let step = NotificationStep::Due(Box::new(due));
            self.record(at, Event::Notification { number, step }, urgency);
        }
    }

    /// Applies an event and keeps it for the store.
    fn record(&mut self, at: Timestamp, event: Event, urgency: Urgency) {
        let entry = Entry { at, event };
        self.run
            .state
            .apply(&self.run.workflow.shape, &entry)
            .expect("the scheduler only does what the state allows");
        self.fresh.push(entry);
        if urgency == Urgency::Now {
            self.urgency = Urgency::Now;
        }
    }

    /// Hands what happened to the store.
    fn write(&mut self) {
        if self.fresh.is_empty() {
            return;
        }
        let entries = std::mem::take(&mut self.fresh);
        let urgency = std::mem::replace(&mut self.urgency, Urgency::Soon);
        let ended = entries.iter().filter_map(|entry| self.released_by(&entry.event)).collect();
        let due = entries.iter().filter_map(|entry| match entry.event {
            Event::Notification { number, .. } => Some(number),
            _ => None,
        });
        let due = due.collect::<Vec<_>>();
        for number in &due {
            let names = &self.run.names;
            self.run.deliveries.expect(self.run.key, &names.run_id, names.workflow, *number);
        }
        let reply = self.run.store.append(self.run.key, entries, urgency);
        self.writing.push_back(Written { reply, ended, due });
    }

    /// Whose end, once it is on disk, lets something begin.
    fn released_by(&self, event: &Event) -> Option<Work> {
        match event {
            Event::NodeCompleted { node, .. }
            | Event::NodeRetrying { node, .. }
            | Event::NodeLeftOut { node } => Some(Work::node(*node)),
            Event::NodeFailed { node, .. } if self.run.workflow.shape.continues(*node) => {
                Some(Work::node(*node))
            }
            Event::Item { node, item, step: Step::Retrying { .. } } => {
                Some(Work { node: *node, part: Part::Item(*item) })
            }
            Event::Undo { node, step: Step::Retrying { .. } } => Some(Work { node: *node, part: Part::Undo }),
            _ => None,
        }
    }

    /// What a node that begins now can see.
    fn scope(&self) -> Scope<'_> {
        Scope {
            run_id: &self.run.names.run_id,
            input: &self.run.input,
            outputs: Outputs::State(&self.run.state),
            secrets: &[],
            item: None,
        }
    }
}

/// Whether all conditions of a node hold.
fn holds(conditions: &[Bind<bool>], scope: &Scope<'_>) -> Result<bool, task::Error> {
    for condition in conditions {
        if !condition.read(scope)? {
            return Ok(false);
        }
    }
    Ok(true)
}
