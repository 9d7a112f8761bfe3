//! Drives one run: begins what is ready, records what happens before acting on it, and ends when nothing is left.
//!
//! The loop owns everything that it waits for. Events are applied to the state when they are handed to the store, in
//! order; dependants are begun, and anybody is told, only when the store says that they are on disk.

use std::collections::{BinaryHeap, VecDeque};
use std::future::poll_fn;
use std::panic::AssertUnwindSafe;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::Duration;

use futures_util::stream::FuturesUnordered;
use futures_util::{FutureExt, StreamExt};
use tokio::sync::{OwnedSemaphorePermit, Semaphore, mpsc};
use tokio::time::{Instant, Sleep};

use super::schedule::{self, Schedule};
use super::{Entry, Event, NodeId, NodeStatus, Reason, State, Status};
use crate::checkpoint::{self, Reply, RunKey, Store, Urgency};
use crate::clock::Timestamp;
use crate::json::Json;
use crate::task::{self, Ctx, NODE, RunNames};
use crate::value::{Outputs, Scope};
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
}

/// How driving a run came to its end.
pub(crate) enum Outcome {
    /// The run has ended, and this is on disk.
    Ended(State),
    /// It was told to stop and goes on at the next start.
    Stopped,
    /// The store failed.
    Failed(checkpoint::Error),
}

/// How many steps are taken before others on this thread get their turn, and what has happened is written.
const TURN: usize = 512;

type Running = Pin<Box<dyn Future<Output = Finished> + Send>>;

/// An attempt that has ended.
struct Finished {
    node: NodeId,
    attempt: u32,
    at: Timestamp,
    result: Result<Json, task::Error>,
    _slot: OwnedSemaphorePermit,
}

/// An attempt that has been polled once.
enum Begun {
    Over(Json),
    UnderWay(task::Attempt<Json>),
}

/// A moment at which a node's timer is due, soonest first in a [`BinaryHeap`].
#[derive(Eq, Ord, PartialEq, PartialOrd)]
struct Due(std::cmp::Reverse<Timestamp>, NodeId);

struct Loop {
    run: Execution,
    schedule: Schedule,
    running: FuturesUnordered<Running>,
    timers: BinaryHeap<Due>,
    alarm: Option<(Timestamp, Pin<Box<Sleep>>)>,
    deadline: Option<Timestamp>,
    /// Entries that happened in this turn and are not with the store yet.
    fresh: Vec<Entry>,
    urgency: Urgency,
    /// Entries with the store: what they let begin once they are on disk.
    writing: VecDeque<(Reply<()>, Vec<NodeId>)>,
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
            match (state.status, state.until) {
                (NodeStatus::Running, _) => self.schedule.make_ready(&self.run.workflow.ranks, node),
                (NodeStatus::Waiting | NodeStatus::Retrying, Some(until)) => {
                    self.timers.push(Due(std::cmp::Reverse(until), node));
                }
                _ => {}
            }
        }
        if let Some(reason) = self.run.state.cancelling() {
            self.cancel_nodes(reason);
        }
        self.conclude();
    }

    /// One turn: take in what happened, begin what is ready, write. `Ready(None)` when the run has ended.
    fn turn(&mut self, cx: &mut Context<'_>) -> Poll<Option<Outcome>> {
        let mut steps = 0;
        loop {
            let mut moved = match self.take_in_commits(cx) {
                Ok(moved) => moved,
                Err(error) => return Poll::Ready(Some(Outcome::Failed(error))),
            };
            if let Some(outcome) = self.take_in_commands(cx) {
                return Poll::Ready(Some(outcome));
            }
            moved |= self.take_in_timers(cx);
            while steps < TURN && self.begin_next(cx) {
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
            Err(error) => Poll::Ready(Some(Outcome::Failed(error))),
            Ok(true) => {
                cx.waker().wake_by_ref();
                Poll::Pending
            }
            Ok(false) => Poll::Pending,
        }
    }

    fn take_in_commits(&mut self, cx: &mut Context<'_>) -> Result<bool, checkpoint::Error> {
        let mut moved = false;
        while let Some((reply, _)) = self.writing.front_mut() {
            let Poll::Ready(answer) = reply.poll_unpin(cx) else { break };
            answer?;
            moved = true;
            if let Some((_, ended)) = self.writing.pop_front()
                && self.run.state.cancelling().is_none()
            {
                for node in ended {
                    self.go_on_after(node);
                }
            }
        }
        Ok(moved)
    }

    /// Lets begin what waited for the end of an attempt at `node` to be on disk.
    fn go_on_after(&mut self, node: NodeId) {
        let state = &self.run.state.nodes()[node.index()];
        match (state.status, state.until) {
            (NodeStatus::Retrying, Some(until)) => self.timers.push(Due(std::cmp::Reverse(until), node)),
            _ => self.schedule.settle(&self.run.workflow.shape, &self.run.workflow.ranks, node),
        }
    }

    fn take_in_commands(&mut self, cx: &mut Context<'_>) -> Option<Outcome> {
        while let Poll::Ready(Some(command)) = self.run.commands.poll_recv(cx) {
            match command {
                Command::Cancel => self.cancel(Reason::Requested),
                Command::Drain => self.draining = true,
                Command::Abandon => return Some(Outcome::Stopped),
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
                if let Some(Due(_, node)) = self.timers.pop() {
                    self.fire(node, now);
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

    fn fire(&mut self, node: NodeId, now: Timestamp) {
        match self.run.state.nodes()[node.index()].status {
            NodeStatus::Waiting => {
                let event = Event::NodeCompleted { node, attempt: 0, output: Json::null() };
                self.record(now, event, Urgency::Now);
                self.conclude();
            }
            NodeStatus::Retrying => self.schedule.make_ready(&self.run.workflow.ranks, node),
            _ => {}
        }
    }

    /// Begins one ready node, if there is one, and a slot for it if it needs one.
    fn begin_next(&mut self, cx: &mut Context<'_>) -> bool {
        if self.draining || self.run.state.cancelling().is_some() {
            return false;
        }
        let Some(node) = self.schedule.peek() else { return false };
        let workflow = Arc::clone(&self.run.workflow);
        match &workflow.node(node).does {
            Does::Wait(duration) => self.begin_wait(node, *duration),
            Does::Step(step) => {
                if self.running.len() >= workflow.max_parallel {
                    return false;
                }
                let Some(slot) = self.take_slot(cx) else { return false };
                self.begin_step(node, &**step, slot, cx);
            }
        }
        self.schedule.next();
        true
    }

    fn begin_wait(&mut self, node: NodeId, duration: Duration) {
        let now = Timestamp::now();
        let until = now.after(duration);
        self.record(now, Event::NodeWaiting { node, until }, Urgency::Soon);
        self.timers.push(Due(std::cmp::Reverse(until), node));
    }

    /// Begins an attempt. Where it ends without waiting for anything, it is over when this returns.
    fn begin_step(
        &mut self,
        node: NodeId,
        step: &dyn crate::workflow::Step,
        slot: OwnedSemaphorePermit,
        cx: &mut Context<'_>,
    ) {
        let definition = self.run.workflow.node(node);
        let state = &self.run.state.nodes()[node.index()];
        let attempt = if state.status == NodeStatus::Running { state.attempt } else { state.attempt + 1 };
        let names_secrets = !definition.secrets.is_empty();
        let limit = definition.timeout.map(|timeout| (timeout, Instant::now() + timeout));
        let ctx = Ctx {
            run: Arc::clone(&self.run.names),
            node: definition.name,
            attempt,
            deadline: limit.map(|(_, deadline)| deadline),
            over: None,
        };
        self.record(Timestamp::now(), Event::NodeStarted { node, attempt }, Urgency::Soon);
        let scope = Scope {
            run_id: &self.run.names.run_id,
            input: &self.run.input,
            outputs: Outputs::State(&self.run.state),
            secrets: &[],
        };
        let names = &self.run.names;
        tracing::debug!(
            attempt,
            workflow = names.workflow,
            run_id = names.run_id,
            node = ctx.node,
            "node-started"
        );
        let node_ctx = ctx.clone();
        let first_poll = || {
            let mut work =
                if names_secrets { self.begin_with_secrets(node, ctx) } else { step.begin(&scope, ctx)? };
            Ok(match work.as_mut().poll(cx) {
                Poll::Ready(result) => Begun::Over(result?),
                Poll::Pending => Begun::UnderWay(work),
            })
        };
        let begun =
            std::panic::catch_unwind(AssertUnwindSafe(|| NODE.sync_scope(node_ctx.clone(), first_poll)));
        let result = match begun {
            Ok(Ok(Begun::UnderWay(work))) => {
                // Polled again as one of many, it leaves that place's waker where it waits.
                self.running.push(Box::pin(async move {
                    let result = NODE.scope(node_ctx, attempt_within(work, limit)).await;
                    Finished { node, attempt, at: Timestamp::now(), result, _slot: slot }
                }));
                return;
            }
            Ok(Ok(Begun::Over(output))) => Ok(output),
            Ok(Err(error)) => Err(error),
            Err(panic) => Err(panicked(&*panic)),
        };
        self.take_in(Finished { node, attempt, at: Timestamp::now(), result, _slot: slot });
    }

    /// An attempt that asks for the secrets of its node first. What it is given besides is put aside for it, so that it has
    /// no need of the state meanwhile.
    fn begin_with_secrets(&self, node: NodeId, ctx: Ctx) -> task::Attempt<Json> {
        let workflow = Arc::clone(&self.run.workflow);
        let input = self.run.input.clone();
        let needs = workflow.node(node).needs.iter();
        let kept = needs.map(|need| (*need, self.run.state.output(*need).cloned())).collect::<Vec<_>>();
        Box::pin(async move {
            let definition = workflow.node(node);
            let mut secrets = Vec::with_capacity(definition.secrets.len());
            for name in &definition.secrets {
                secrets.push((*name, ctx.run.adapters.secret(name).await?));
            }
            let run = Arc::clone(&ctx.run);
            let outputs = Outputs::Kept(&kept);
            let scope = Scope { run_id: &run.run_id, input: &input, outputs, secrets: &secrets };
            let Does::Step(step) = &definition.does else { unreachable!("only a step has arguments") };
            let attempt = step.begin(&scope, ctx)?;
            drop(secrets);
            attempt.await
        })
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

    fn take_in(&mut self, finished: Finished) {
        let Finished { node, attempt, at, result, .. } = finished;
        match result {
            Ok(output) => {
                let (names, name) = (&self.run.names, self.run.workflow.node(node).name);
                tracing::debug!(
                    attempt,
                    workflow = names.workflow,
                    run_id = names.run_id,
                    node = name,
                    "node-completed"
                );
                self.record(at, Event::NodeCompleted { node, attempt, output }, Urgency::Now);
            }
            Err(error) => self.take_in_failure(node, attempt, at, error),
        }
        self.conclude();
    }

    fn take_in_failure(&mut self, node: NodeId, attempt: u32, at: Timestamp, error: task::Error) {
        let names = &self.run.names;
        let name = self.run.workflow.node(node).name;
        let retry = self.run.workflow.node(node).retry;
        let delay = match error.kind() {
            task::Kind::Permanent => None,
            _ => retry.delay(attempt, fastrand::f64()),
        };
        if let Some(delay) = delay {
            tracing::warn!(workflow = names.workflow, run_id = names.run_id, node = name, attempt, error = %error,
                delay_ms = u64::try_from(delay.as_millis()).unwrap_or(u64::MAX), "node-retrying");
            let until = at.after(delay);
            // The timer is set when this is on disk: a crash must not make an attempt again that another has followed.
            self.record(at, Event::NodeRetrying { node, attempt, error, until }, Urgency::Now);
            return;
        }
        tracing::warn!(workflow = names.workflow, run_id = names.run_id, node = name, attempt, error = %error,
            "node-failed");
        self.record(at, Event::NodeFailed { node, attempt, error }, Urgency::Now);
        if !self.run.workflow.shape.continues(node) {
            for node in schedule::doomed(&self.run.workflow.shape, &self.run.state, node) {
                self.record(at, Event::NodeSkipped { node }, Urgency::Now);
            }
        }
    }

    fn cancel(&mut self, reason: Reason) {
        if self.run.state.cancelling().is_some() || self.run.state.status() != Status::Running {
            return;
        }
        self.record(Timestamp::now(), Event::CancelRequested { reason }, Urgency::Now);
        self.cancel_nodes(reason);
        self.conclude();
    }

    /// Stops what is under way; dropping an attempt stops it.
    fn cancel_nodes(&mut self, _reason: Reason) {
        self.running.clear();
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
            self.record(Timestamp::now(), Event::RunEnded { status }, Urgency::Now);
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
        let ended = entries
            .iter()
            .filter_map(|entry| match entry.event {
                Event::NodeCompleted { node, .. } | Event::NodeRetrying { node, .. } => Some(node),
                Event::NodeFailed { node, .. } if self.run.workflow.shape.continues(node) => Some(node),
                _ => None,
            })
            .collect();
        let reply = self.run.store.append(self.run.key, entries, urgency);
        self.writing.push_back((reply, ended));
    }
}

/// An attempt that fails when it takes longer than `limit`, or panics.
async fn attempt_within(
    work: task::Attempt<Json>,
    limit: Option<(Duration, Instant)>,
) -> Result<Json, task::Error> {
    let work = AssertUnwindSafe(work).catch_unwind();
    let result = match limit {
        None => work.await,
        Some((timeout, deadline)) => {
            let Ok(result) = tokio::time::timeout_at(deadline, work).await else {
                return Err(task::Error::new(task::Kind::TimedOut, format!("timed out after {timeout:?}")));
            };
            result
        }
    };
    result.unwrap_or_else(|panic| Err(panicked(&*panic)))
}

fn panicked(panic: &(dyn std::any::Any + Send)) -> task::Error {
    let message = panic
        .downcast_ref::<&str>()
        .map(|text| (*text).to_owned())
        .or_else(|| panic.downcast_ref::<String>().cloned())
        .unwrap_or_else(|| "no message".to_owned());
    task::Error::new(task::Kind::Panicked, format!("panicked: {message}"))
}
