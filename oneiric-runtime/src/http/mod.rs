//! The HTTP server: health, readiness, and work, on a port and on a socket.
//!
//! It listens before the store is open, so that the first answer waits for nothing that it does not need. Connections,
//! requests, bodies and the time for each are bounded. What a run is, is left to the engine.

pub(crate) mod answer;
mod door;
pub(crate) mod lifecycle;
mod limit;
pub(crate) mod route;

pub(crate) mod submission;
mod tasks;
#[cfg(test)]
mod tests;

use std::convert::Infallible;
use std::io;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use http_body_util::Full;
use hyper::body::Incoming;
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper::{Request, Response, StatusCode};
use hyper_util::rt::{TokioIo, TokioTimer};
use hyper_util::server::graceful::GracefulShutdown;
use serde_json::json;
use tokio::sync::{OwnedSemaphorePermit, Semaphore, watch};

use self::answer::Answer;
use self::door::{Connection, Door, Listener};
use self::lifecycle::Lifecycle;
use self::route::Route;
use crate::control;
use crate::delivery::cloud_tasks;
use crate::telemetry::Trace;

pub(crate) use self::submission::check_run_id;

/// Connections at once. More wait in the kernel's queue until one of these is done.
const MAX_CONNECTIONS: usize = 2048;

/// Requests at once that want work done. Fewer than connections, so that health and readiness are always answered.
const MAX_REQUESTS: usize = 1024;

/// How long a client may take to send a request's head, and how long a connection may be idle.
const HEAD_TIMEOUT: Duration = Duration::from_secs(30);

/// How long clients that are being answered may take to read when the program stops.
const FAREWELL: Duration = Duration::from_secs(1);

/// How long to wait after the system had no connection to give, such as when it is out of file descriptors.
const PAUSE: Duration = Duration::from_millis(100);

/// A server that can be asked through several doors.
#[derive(Clone)]
pub(crate) struct Server(Arc<Inner>);

struct Inner {
    lifecycle: Lifecycle,
    connections: Arc<Semaphore>,
    requests: Semaphore,
    farewell: watch::Sender<bool>,
    /// Whether anything was answered yet.
    answered: watch::Sender<bool>,
}

impl Server {
    pub(crate) fn new(lifecycle: Lifecycle) -> Self {
        Self(Arc::new(Inner {
            lifecycle,
            connections: Arc::new(Semaphore::new(MAX_CONNECTIONS)),
            requests: Semaphore::new(MAX_REQUESTS),
            farewell: watch::Sender::new(false),
            answered: watch::Sender::new(false),
        }))
    }

    /// Waits until the first answer is given.
    pub(crate) async fn first_answer(&self) {
        // The sender is ours, so it is there as long as we are.
        let _ = self.0.answered.subscribe().wait_for(|answered| *answered).await;
    }

    /// Takes no more connections and lets those that are there end.
    pub(crate) fn close(&self) {
        self.0.farewell.send_replace(true);
    }

    /// Answers those who come to `listener`, until [`close`](Self::close).
    pub(crate) async fn serve<L: Listener>(self, listener: L) {
        let graceful = GracefulShutdown::new();
        let mut farewell = self.0.farewell.subscribe();
        loop {
            let accepted = tokio::select! {
                biased;
                _ = farewell.wait_for(|closing| *closing) => break,
                accepted = self.accept(&listener) => accepted,
            };
            match accepted {
                Ok((connection, place)) => self.attend(connection, place, L::DOOR, &graceful),
                Err(error) => {
                    tracing::warn!(error = %error, "http-accept-failed");
                    tokio::time::sleep(PAUSE).await;
                }
            }
        }
        let _ = tokio::time::timeout(FAREWELL, graceful.shutdown()).await;
    }

    /// Answers what comes over `connection`, in a task of its own.
    fn attend(
        &self,
        connection: Connection,
        place: OwnedSemaphorePermit,
        door: Door,
        graceful: &GracefulShutdown,
    ) {
        let server = self.clone();
        let service = service_fn(move |request| server.clone().respond(door, request));
        let connection = http1::Builder::new()
            .timer(TokioTimer::new())
            .header_read_timeout(HEAD_TIMEOUT)
            .serve_connection(TokioIo::new(connection), service);
        let connection = graceful.watch(connection);
        tokio::spawn(async move {
            // A client that goes away, or sends what is not HTTP, is none of our business.
            let _ = connection.await;
            drop(place);
        });
    }

    /// The next connection, and its place among those that may be.
    async fn accept<L: Listener>(&self, listener: &L) -> io::Result<(Connection, OwnedSemaphorePermit)> {
        let place = Arc::clone(&self.0.connections).acquire_owned().await.map_err(io::Error::other)?;
        Ok((listener.accept().await?, place))
    }

    async fn respond(
        self,
        door: Door,
        request: Request<Incoming>,
    ) -> Result<Response<Full<Bytes>>, Infallible> {
        let answer = match route::find(door, request.method(), request.uri().path()) {
            Err(answer) => answer,
            Ok(Route::Health) => Answer::json(StatusCode::OK, &json!({ "status": "ok" })),
            Ok(Route::Readiness) => self.readiness(),
            Ok(Route::Inspection) => control::answer_health(&self.0.lifecycle, request.uri().query()).await,
            Ok(route @ (Route::Workflow | Route::Control)) => self.work(route, request).await,
        };
        let answer = if self.0.lifecycle.is_stopping() { answer.closing() } else { answer };
        // Whoever waits for it is woken when this task has written what it returns here.
        self.0.answered.send_if_modified(|answered| !std::mem::replace(answered, true));
        Ok(answer.into_response())
    }

    fn readiness(&self) -> Answer {
        // Adapters that could not be opened are named, and tried again by whoever needs them: work that does without goes on.
        let adapters = self.0.lifecycle.adapters_not_ready();
        let (status, mut document) = match self.0.lifecycle.missing() {
            None => (StatusCode::OK, json!({ "status": "ready" })),
            Some(missing) => {
                (StatusCode::SERVICE_UNAVAILABLE, json!({ "status": "not-ready", "missing": [missing] }))
            }
        };
        if !adapters.is_empty() {
            document["adapters"] = json!(adapters);
        }
        Answer::json(status, &document)
    }

    async fn work(&self, route: Route, request: Request<Incoming>) -> Answer {
        if route == Route::Workflow && self.0.lifecycle.is_stopping() {
            return tasks::stopping();
        }
        let Ok(_place) = self.0.requests.try_acquire() else {
            return Answer::later("too-many-requests", "as many requests as may be are being worked on", 1);
        };
        let (head, body) = request.into_parts();
        let body = match limit::read(body).await {
            Ok(body) => body,
            // What is left of the body would be taken for the next request.
            Err(answer) => return answer.closing(),
        };
        // In a task of its own, because hyper drops this future when the client goes away, and a run that is being
        // started must not be left half started.
        let lifecycle = self.0.lifecycle.clone();
        let (delivery, trace) = (cloud_tasks::read(&head.headers), Trace::of_headers(&head.headers));
        let work = tokio::spawn(async move {
            match route {
                Route::Control => control::answer(&lifecycle, &body).await,
                _ => tasks::answer(&lifecycle, delivery, trace, &body).await,
            }
        });
        work.await.unwrap_or_else(|_| Answer::error(StatusCode::INTERNAL_SERVER_ERROR, "internal"))
    }
}
