//! An HTTP server in the test itself, for services that nobody emulates: it records what comes and answers as told.

use std::collections::{BTreeMap, VecDeque};
use std::net::SocketAddr;
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use axum::Router;
use axum::body::Bytes;
use axum::extract::State;
use axum::http::{HeaderMap, Method, StatusCode, Uri};
use axum::response::{IntoResponse, Response};
use serde_json::Value;
use tokio::sync::oneshot;

use crate::LIMIT;

/// A server on a port of its own.
pub struct Stub {
    address: SocketAddr,
    shared: Arc<Shared>,
    stop: Option<oneshot::Sender<()>>,
    thread: Option<JoinHandle<()>>,
}

/// A request.
#[derive(Clone, Debug)]
pub struct Received {
    /// The method.
    pub method: String,
    /// The path and the query.
    pub target: String,
    /// The headers, by their names in small letters.
    pub headers: BTreeMap<String, String>,
    /// The body.
    pub body: String,
    /// When it was there.
    pub at: Instant,
}

/// An answer.
#[derive(Clone, Debug)]
pub struct Reply {
    /// The status code.
    pub status: u16,
    /// Headers.
    pub headers: Vec<(&'static str, String)>,
    /// The body.
    pub body: String,
    /// How long it is kept back.
    pub delay: Duration,
}

struct Shared {
    answer: Box<dyn Fn(&Received) -> Reply + Send + Sync>,
    state: Mutex<Seen>,
    changed: Condvar,
}

#[derive(Default)]
struct Seen {
    received: Vec<Received>,
    next: VecDeque<Reply>,
}

impl Stub {
    /// Starts a server that answers with what `answer` says.
    ///
    /// # Panics
    /// If it cannot listen.
    pub fn start(answer: impl Fn(&Received) -> Reply + Send + Sync + 'static) -> Self {
        let shared =
            Arc::new(Shared { answer: Box::new(answer), state: Mutex::default(), changed: Condvar::new() });
        let listener =
            std::net::TcpListener::bind(("127.0.0.1", 0)).expect("the loopback interface has a free port");
        listener.set_nonblocking(true).expect("a socket can be non-blocking");
        let address = listener.local_addr().expect("it listens");
        let (stop, stopped) = oneshot::channel();
        let app = Router::new().fallback(respond).with_state(Arc::clone(&shared));
        let thread = std::thread::spawn(move || {
            let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
            runtime.expect("a runtime can be made").block_on(async move {
                let listener = tokio::net::TcpListener::from_std(listener).expect("it listens");
                tokio::select! {
                    // Connections that are still open are dropped with the runtime.
                    _ = stopped => {}
                    result = axum::serve(listener, app) => result.expect("it serves until it is told not to"),
                }
            });
        });
        Self { address, shared, stop: Some(stop), thread: Some(thread) }
    }

    /// `http://` and where it listens.
    pub fn url(&self) -> String {
        format!("http://{}", self.address)
    }

    /// Answers the next request that has no such answer yet with this.
    pub fn next(&self, reply: Reply) {
        self.shared.lock().next.push_back(reply);
    }

    /// All requests so far, oldest first.
    pub fn received(&self) -> Vec<Received> {
        self.shared.lock().received.clone()
    }

    /// All requests, once there are this many.
    ///
    /// # Panics
    /// If they do not come.
    #[track_caller]
    pub fn wait_for(&self, count: usize) -> Vec<Received> {
        let seen = self.shared.lock();
        let waited = self.shared.changed.wait_timeout_while(seen, LIMIT, |seen| seen.received.len() < count);
        let received = waited.unwrap_or_else(PoisonError::into_inner).0.received.clone();
        assert!(received.len() >= count, "{} of {count} requests came: {received:#?}", received.len());
        received
    }
}

impl Drop for Stub {
    fn drop(&mut self) {
        if let Some(stop) = self.stop.take() {
            let _ = stop.send(());
        }
        let end = self.thread.take().map(JoinHandle::join);
        if !std::thread::panicking() {
            assert!(end.is_none_or(|end| end.is_ok()), "the stub at {} panicked", self.address);
        }
    }
}

impl Reply {
    /// An answer in JSON.
    pub fn json(status: u16, body: &Value) -> Self {
        let headers = vec![("content-type", "application/json; charset=utf-8".to_owned())];
        Self { status, headers, body: body.to_string(), delay: Duration::ZERO }
    }

    /// A bare answer.
    pub fn status(status: u16) -> Self {
        Self { status, headers: Vec::new(), body: String::new(), delay: Duration::ZERO }
    }

    /// The same with another header.
    #[must_use]
    pub fn header(mut self, name: &'static str, value: impl Into<String>) -> Self {
        self.headers.push((name, value.into()));
        self
    }

    /// The same, kept back for so long.
    #[must_use]
    pub fn after(mut self, delay: Duration) -> Self {
        self.delay = delay;
        self
    }
}

impl Received {
    /// The body as JSON.
    ///
    /// # Panics
    /// If it is none.
    #[track_caller]
    pub fn json(&self) -> Value {
        serde_json::from_str(&self.body)
            .unwrap_or_else(|error| panic!("the body is no JSON: {error}\n{self:?}"))
    }
}

impl Shared {
    fn lock(&self) -> MutexGuard<'_, Seen> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

async fn respond(
    State(shared): State<Arc<Shared>>,
    method: Method,
    uri: Uri,
    headers: HeaderMap,
    body: Bytes,
) -> Response {
    let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
    let received = Received {
        method: method.to_string(),
        target: uri.to_string(),
        headers: headers.iter().map(|(name, value)| (name.to_string(), text(value.as_bytes()))).collect(),
        body: text(&body),
        at: Instant::now(),
    };
    let told = shared.lock().next.pop_front();
    let reply = told.unwrap_or_else(|| (shared.answer)(&received));
    shared.lock().received.push(received);
    shared.changed.notify_all();
    tokio::time::sleep(reply.delay).await;
    let status = StatusCode::from_u16(reply.status).expect("the test names a status");
    let mut response = (status, reply.body).into_response();
    for (name, value) in reply.headers {
        response.headers_mut().insert(name, value.parse().expect("the test names a header"));
    }
    response
}
