//! One attempt: how it begins, how it is bounded, and what its end means.

use std::panic::AssertUnwindSafe;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::Duration;

use futures_util::FutureExt;
use tokio::sync::OwnedSemaphorePermit;
use tokio::time::Instant;

use super::Loop;
use super::work::Work;
use crate::checkpoint::Urgency;
use crate::clock::Timestamp;
use crate::json::Json;
use crate::run::{Event, NodeId, NodeStatus, Part, Step, Track, schedule};
use crate::task::{self, Ctx, NODE};
use crate::value::{Outputs, Scope};
use crate::workflow::Does;

/// An attempt under way.
pub(super) type Running = Pin<Box<dyn Future<Output = Finished> + Send>>;

/// An attempt that has ended.
pub(super) struct Finished {
    work: Work,
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

impl Loop {
    /// Begins an attempt. Where it ends without waiting for anything, it is over when this returns.
    pub(super) fn begin_step(&mut self, work: Work, slot: OwnedSemaphorePermit, cx: &mut Context<'_>) {
        let workflow = Arc::clone(&self.run.workflow);
        let definition = workflow.node(work.node);
        let (step, timeout) = match (&definition.does, &definition.undo) {
            (_, Some(undo)) if work.part == Part::Undo => (&*undo.step, undo.timeout),
            (Does::Step(step), _) => (&**step, definition.timeout),
            (Does::Wait(_), _) => unreachable!("a node that waits is not attempted"),
        };
        let attempt = self.next_attempt(work);
        let names_secrets = !definition.secrets.is_empty() && work.part != Part::Undo;
        let limit = timeout.map(|timeout| (timeout, Instant::now() + timeout));
        let ctx = Ctx {
            run: Arc::clone(&self.run.names),
            node: definition.name,
            part: work.part,
            attempt,
            deadline: limit.map(|(_, deadline)| deadline),
            over: None,
        };
        self.record(Timestamp::now(), work.event(Step::Started { attempt }), Urgency::Soon);
        let item = self.item(work);
        let mut scope = Scope { item: item.as_ref(), ..self.scope() };
        let input = match (work.part, &definition.each) {
            (Part::Undo, _) => self.run.state.output(work.node),
            (Part::Item(_), Some(each)) if each.is_input => item.as_ref(),
            _ => None,
        };
        scope.input = input.unwrap_or(scope.input);
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
            let mut begun = if names_secrets {
                self.begin_with_secrets(work.node, scope.input.clone(), item.clone(), ctx)
            } else {
                step.begin(&scope, ctx)?
            };
            Ok(match begun.as_mut().poll(cx) {
                Poll::Ready(result) => Begun::Over(result?),
                Poll::Pending => Begun::UnderWay(begun),
            })
        };
        let begun =
            std::panic::catch_unwind(AssertUnwindSafe(|| NODE.sync_scope(node_ctx.clone(), first_poll)));
        let result = match begun {
            Ok(Ok(Begun::UnderWay(begun))) => {
                // Polled again as one of many, it leaves that place's waker where it waits.
                self.running.push(Box::pin(async move {
                    let result = NODE.scope(node_ctx, attempt_within(begun, limit)).await;
                    Finished { work, attempt, at: Timestamp::now(), result, _slot: slot }
                }));
                return;
            }
            Ok(Ok(Begun::Over(output))) => Ok(output),
            Ok(Err(error)) => Err(error),
            Err(panic) => Err(panicked(&*panic)),
        };
        self.take_in(Finished { work, attempt, at: Timestamp::now(), result, _slot: slot });
    }

    /// An attempt that asks for the secrets of its node first. What it is given besides is put aside for it, so that it has
    /// no need of the state meanwhile.
    fn begin_with_secrets(
        &self,
        node: NodeId,
        input: Json,
        item: Option<Json>,
        ctx: Ctx,
    ) -> task::Attempt<Json> {
        let workflow = Arc::clone(&self.run.workflow);
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
            let item = item.as_ref();
            let scope = Scope { run_id: &run.run_id, input: &input, outputs, secrets: &secrets, item };
            let Does::Step(step) = &definition.does else { unreachable!("only a step has arguments") };
            let attempt = step.begin(&scope, ctx)?;
            drop(secrets);
            attempt.await
        })
    }

    /// Takes in the end of an attempt.
    pub(super) fn take_in(&mut self, finished: Finished) {
        let Finished { work, attempt, at, result, .. } = finished;
        match result {
            Ok(output) => {
                let (names, name) = (&self.run.names, self.run.workflow.node(work.node).name);
                tracing::debug!(
                    attempt,
                    workflow = names.workflow,
                    run_id = names.run_id,
                    node = name,
                    "node-completed"
                );
                self.record(at, work.event(Step::Completed { attempt, output }), Urgency::Now);
            }
            Err(error) => self.take_in_failure(work, attempt, at, error),
        }
        if let Part::Item(_) = work.part {
            self.take_in_item(work.node);
        }
        self.conclude();
    }

    fn take_in_failure(&mut self, work: Work, attempt: u32, at: Timestamp, error: task::Error) {
        let names = &self.run.names;
        let definition = self.run.workflow.node(work.node);
        let retry = match (&definition.undo, work.part) {
            (Some(undo), Part::Undo) => undo.retry,
            _ => definition.retry,
        };
        let delay = match error.kind() {
            task::Kind::Permanent => None,
            _ => retry.delay(attempt, fastrand::f64()),
        };
        if let Some(delay) = delay {
            tracing::warn!(workflow = names.workflow, run_id = names.run_id, node = definition.name, attempt,
                error = %error, delay_ms = u64::try_from(delay.as_millis()).unwrap_or(u64::MAX), "node-retrying");
            let until = at.after(delay);
            // The timer is set when this is on disk: a crash must not make an attempt again that another has followed.
            self.record(at, work.event(Step::Retrying { attempt, error, until }), Urgency::Now);
            return;
        }
        match work.part {
            Part::Node => self.fail(work.node, attempt, at, error),
            Part::Item(_) => self.record(at, work.event(Step::Failed { attempt, error }), Urgency::Now),
            Part::Undo => {
                tracing::error!(workflow = names.workflow, run_id = names.run_id, node = definition.name,
                    error = %error, "node-not-undone");
                self.record(at, work.event(Step::Failed { attempt, error }), Urgency::Now);
            }
        }
    }

    /// Fails a node for good, and with it what cannot run without it.
    pub(super) fn fail(&mut self, node: NodeId, attempt: u32, at: Timestamp, error: task::Error) {
        let names = &self.run.names;
        let name = self.run.workflow.node(node).name;
        tracing::warn!(workflow = names.workflow, run_id = names.run_id, node = name, attempt, error = %error,
            "node-failed");
        self.record(at, Event::NodeFailed { node, attempt, error }, Urgency::Now);
        if !self.run.workflow.shape.continues(node) {
            for node in schedule::doomed(&self.run.workflow.shape, &self.run.state, node) {
                self.record(at, Event::NodeSkipped { node }, Urgency::Now);
            }
        }
    }

    /// Which attempt is made next, or again.
    fn next_attempt(&self, work: Work) -> u32 {
        let state = &self.run.state.nodes()[work.node.index()];
        match work.part {
            Part::Node if state.status == NodeStatus::Running => state.attempt,
            Part::Node => state.attempt + 1,
            Part::Item(item) => {
                let items = state.items.as_deref().unwrap_or_default();
                items.get(item as usize).map_or(1, Track::next_attempt)
            }
            Part::Undo => state.undo.as_deref().map_or(1, Track::next_attempt),
        }
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
