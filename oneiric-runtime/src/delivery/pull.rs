//! Fetches runs from queues that do not bring them, as long as the program serves.
//!
//! A message is acknowledged when its run is on disk, and not before: from then on the store answers for it, whatever
//! happens to the process. One that cannot be a run is let be, so that it comes again and ends where the subscription
//! sends what nobody takes. One that comes at a bad time, because the program stops or its store fails, is given back
//! for another instance at once.

use std::sync::Arc;
use std::time::Duration;

use futures_util::future::join_all;
use tokio::sync::watch;
use tokio::task::JoinSet;

use super::{Delivery, pubsub};
use crate::adapters::queue::{Inbox, Queue, Received};
use crate::adapters::{Adapters, Error};
use crate::clock::secs;
use crate::engine::{Engine, StartError};
use crate::task::Retry;

/// Runs under way from which on no more are fetched: the others are better off where another instance can have them.
const ENOUGH: usize = 512;

/// How long a run may take to be on disk before its message's lease is renewed, and for how long that is. The shortest
/// lease of a subscription is 10 seconds.
const LEASE: Duration = secs(30);
const RENEW_AFTER: Duration = secs(5);

/// How long messages in hand may take to be dealt with when the program stops.
const FAREWELL: Duration = secs(1);

/// The loops that fetch.
pub(crate) struct Pulling {
    tasks: JoinSet<()>,
    stop: watch::Sender<bool>,
}

impl Pulling {
    /// Begins to fetch from every queue of the program that lets itself be fetched from.
    pub(crate) fn start(engine: &Engine) -> Self {
        let (stop, stopping) = watch::channel(false);
        let mut tasks = JoinSet::new();
        let adapters = engine.registry().adapters();
        for name in adapters.declared().filter(|one| one.id.starts_with("queue.")).map(|one| one.name) {
            let (engine, adapters, mut stopping) = (engine.clone(), Arc::clone(adapters), stopping.clone());
            tasks.spawn(async move {
                let queue = tokio::select! {
                    queue = open(&adapters, name) => queue,
                    _ = stopping.wait_for(|stop| *stop) => return,
                };
                if let Some(inbox) = queue.inbox() {
                    tracing::info!(adapter = name, queue = inbox.name(), "queue-pulled");
                    pull(&engine, inbox, &mut stopping).await;
                }
            });
        }
        Self { tasks, stop }
    }

    /// Fetches no more. What was fetched is a run by then, or is given back.
    pub(crate) async fn stop(mut self) {
        self.stop.send_replace(true);
        let ended = async { while self.tasks.join_next().await.is_some() {} };
        // Who is cut off leaves leases that end by themselves.
        let _ = tokio::time::timeout(FAREWELL, ended).await;
    }
}

/// The queue `name`, however long it takes until it can be opened.
async fn open(adapters: &Adapters, name: &str) -> Arc<dyn Queue> {
    let mut failed = 0;
    loop {
        match adapters.queue(name).await {
            Ok(queue) => return queue,
            Err(error) => {
                failed += 1;
                tracing::warn!(adapter = name, error = %error, failed, "queue-pull-failed");
                rest(&error, failed).await;
            }
        }
    }
}

async fn pull(engine: &Engine, inbox: &dyn Inbox, stopping: &mut watch::Receiver<bool>) {
    let mut failed = 0;
    loop {
        let received = tokio::select! {
            biased;
            _ = stopping.wait_for(|stop| *stop) => return,
            received = async {
                engine.fewer_than(ENOUGH).await;
                inbox.receive().await
            } => received,
        };
        match received {
            Ok(received) => {
                failed = 0;
                take(engine, inbox, &received).await;
            }
            Err(error) => {
                failed += 1;
                tracing::warn!(queue = inbox.name(), error = %error, failed, "queue-pull-failed");
                tokio::select! {
                    () = rest(&error, failed) => {}
                    _ = stopping.wait_for(|stop| *stop) => return,
                }
            }
        }
    }
}

/// Waits after so many failures in a row, at least as long as the other side asks for.
async fn rest(error: &Error, failed: u32) {
    // A second at first, a minute at last.
    let delay = Retry::attempts(u32::MAX).delay(failed, fastrand::f64()).unwrap_or_default();
    tokio::time::sleep(error.wait().map_or(delay, |wait| wait.max(delay))).await;
}

/// What becomes of a message.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
enum Fate {
    /// Its run is on disk.
    Taken,
    /// It is no run, and will not become one.
    LetBe,
    /// It comes at a bad time.
    GivenBack,
}

/// Starts the runs of these messages, and says so to the queue.
async fn take(engine: &Engine, inbox: &dyn Inbox, received: &[Received]) {
    let fates = {
        let mut starting =
            std::pin::pin!(join_all(received.iter().map(|one| start(engine, inbox.name(), one))));
        let receipts = received.iter().map(|one| one.receipt.clone()).collect::<Vec<_>>();
        loop {
            tokio::select! {
                fates = &mut starting => break fates,
                () = tokio::time::sleep(RENEW_AFTER) => {
                    let renewed = inbox.lend(&receipts, LEASE).await;
                    log_failure(inbox, renewed);
                }
            }
        }
    };
    let of = |fate: Fate| {
        let those = received.iter().zip(&fates).filter(move |(_, other)| **other == fate);
        those.map(|(one, _)| one.receipt.clone()).collect::<Vec<_>>()
    };
    let (taken, given_back) = (of(Fate::Taken), of(Fate::GivenBack));
    if !taken.is_empty() {
        log_failure(inbox, inbox.acknowledge(&taken).await);
    }
    if !given_back.is_empty() {
        log_failure(inbox, inbox.lend(&given_back, Duration::ZERO).await);
    }
}

/// What could not be said comes out right all the same: the lease ends, and the run is the same when it comes again.
fn log_failure(inbox: &dyn Inbox, said: Result<(), Error>) {
    if let Err(error) = said {
        tracing::warn!(queue = inbox.name(), error = %error, "queue-not-told");
    }
}

async fn start(engine: &Engine, queue: &str, received: &Received) -> Fate {
    let Received { id, data, attempt, .. } = received;
    let start = match pubsub::read(data, queue, id) {
        Ok(start) => start,
        Err(refused) => {
            tracing::error!(
                queue,
                queue_message = id,
                code = refused.code,
                detail = refused.detail,
                "message-refused"
            );
            return Fate::LetBe;
        }
    };
    let workflow = start.workflow.clone();
    match engine.start(start).await {
        Ok(handle) => {
            let delivery = Delivery {
                queue: queue.to_owned(),
                message: id.clone(),
                attempt: *attempt,
                ..Delivery::default()
            };
            delivery.log(&workflow, handle.run_id(), handle.is_new());
            Fate::Taken
        }
        Err(StartError::Draining | StartError::Store(_)) => Fate::GivenBack,
        Err(error) => {
            tracing::error!(queue, queue_message = id, workflow, error = %error, "message-refused");
            Fate::LetBe
        }
    }
}

#[cfg(test)]
mod tests {
    use std::collections::VecDeque;
    use std::sync::Mutex;

    use futures_util::future::BoxFuture;
    use tokio::sync::Notify;

    use super::*;
    use crate::adapters::Kind;
    use crate::app::App;
    use crate::checkpoint::{Filter, Memory};
    use crate::clock::hours;

    /// An inbox that tells what it was told.
    #[derive(Default)]
    struct Remembering {
        waiting: Mutex<VecDeque<Result<Vec<Received>, Error>>>,
        told: Mutex<Vec<String>>,
        news: Notify,
    }

    impl Remembering {
        fn holding(rounds: impl IntoIterator<Item = Result<Vec<Received>, Error>>) -> Self {
            Self { waiting: Mutex::new(rounds.into_iter().collect()), ..Self::default() }
        }

        fn tell(&self, what: String) {
            self.told.lock().unwrap().push(what);
            self.news.notify_one();
        }

        async fn told(&self, count: usize) -> Vec<String> {
            loop {
                let told = self.told.lock().unwrap().clone();
                if told.len() >= count {
                    return told;
                }
                self.news.notified().await;
            }
        }
    }

    impl Inbox for Remembering {
        fn name(&self) -> &'static str {
            "inbox"
        }

        fn receive(&self) -> BoxFuture<'_, Result<Vec<Received>, Error>> {
            let next = self.waiting.lock().unwrap().pop_front();
            Box::pin(async {
                match next {
                    Some(round) => round,
                    None => std::future::pending().await,
                }
            })
        }

        fn acknowledge<'a>(&'a self, receipts: &'a [String]) -> BoxFuture<'a, Result<(), Error>> {
            self.tell(format!("acknowledged {}", receipts.join(" ")));
            Box::pin(std::future::ready(Ok(())))
        }

        fn lend<'a>(&'a self, receipts: &'a [String], lease: Duration) -> BoxFuture<'a, Result<(), Error>> {
            self.tell(format!("lent {} for {}s", receipts.join(" "), lease.as_secs()));
            Box::pin(std::future::ready(Ok(())))
        }
    }

    fn received(id: &str, data: &str) -> Received {
        Received {
            receipt: format!("r{id}"),
            id: id.to_owned(),
            data: data.as_bytes().to_vec(),
            attempt: None,
        }
    }

    fn engine() -> Engine {
        let mut app = App::default();
        app.workflow("pause", |dag| {
            dag.wait("pause", hours(1));
        });
        Engine::new(app, Arc::new(Memory::new()))
    }

    #[tokio::test]
    async fn a_message_is_acknowledged_when_its_run_is_kept_and_let_be_when_it_is_none() {
        let (engine, inbox) = (engine(), Remembering::default());
        let messages = [
            received("1", r#"{"workflow":"pause","run_id":"a"}"#),
            received("2", r#"{"workflow":"none"}"#),
            received("3", "no JSON"),
            received("4", r#"{"workflow":"pause"}"#),
            received("5", r#"{"workflow":"pause","run_id":"a","context":{"other":true}}"#),
        ];
        take(&engine, &inbox, &messages).await;
        assert_eq!(inbox.told(1).await, ["acknowledged r1 r4"]);
        take(&engine, &inbox, &messages[..1]).await;
        assert_eq!(inbox.told(2).await[1], "acknowledged r1", "it is the same run, so it is taken");
        assert_eq!(engine.list(Filter { limit: 10, ..Filter::default() }).await.unwrap().len(), 2);
    }

    #[tokio::test]
    async fn what_comes_while_the_program_stops_is_given_back() {
        let (engine, inbox) = (engine(), Remembering::default());
        engine.drain();
        take(&engine, &inbox, &[received("1", r#"{"workflow":"pause"}"#)]).await;
        assert_eq!(inbox.told(1).await, ["lent r1 for 0s"]);
    }

    #[tokio::test(start_paused = true)]
    async fn after_a_failure_it_waits_as_long_as_it_is_told_and_goes_on() {
        let failure = Error::new(Kind::Unavailable, "away").retry_after(secs(90));
        let rounds = [Err(failure), Ok(vec![received("1", r#"{"workflow":"pause"}"#)])];
        let (engine, inbox) = (engine(), Remembering::holding(rounds));
        let (stop, mut stopping) = watch::channel(false);
        let began = tokio::time::Instant::now();
        let told = tokio::select! {
            () = pull(&engine, &inbox, &mut stopping) => panic!("nobody stopped it"),
            told = inbox.told(1) => told,
        };
        assert_eq!(told, ["acknowledged r1"]);
        assert!(began.elapsed() >= secs(90), "{:?}", began.elapsed());
        stop.send_replace(true);
        pull(&engine, &inbox, &mut stopping).await;
    }
}
