//! A server for tests, in this process, which answers as a test says and remembers what it was asked.

use std::net::SocketAddr;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use bytes::Bytes;
use http_body_util::{BodyExt, Full};
use hyper::body::Incoming;
use hyper::header::HeaderMap;
use hyper::service::service_fn;
use hyper_util::rt::TokioIo;
use reqwest::{Method, Url};
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::TcpListener;
use tokio::task::{JoinHandle, JoinSet};
use tokio_rustls::TlsAcceptor;

/// A server that runs until it is dropped.
pub(crate) struct Stub {
    address: SocketAddr,
    asked: Arc<Mutex<Vec<Asked>>>,
    task: JoinHandle<()>,
}

/// A request as the server saw it.
#[derive(Clone, Debug)]
pub(crate) struct Asked {
    pub(crate) method: Method,
    /// Path and query.
    pub(crate) target: String,
    pub(crate) headers: HeaderMap,
    pub(crate) body: Bytes,
}

/// What the server answers.
pub(crate) type Answer = hyper::Response<Full<Bytes>>;

/// An answer of this status and body.
pub(crate) fn answer(status: u16, body: impl Into<Bytes>) -> Answer {
    let mut answer = Answer::new(Full::new(body.into()));
    *answer.status_mut() = hyper::StatusCode::from_u16(status).expect("a status");
    answer
}

impl Asked {
    /// A header as text, empty if it was not sent.
    pub(crate) fn header(&self, name: &str) -> &str {
        self.headers.get(name).map_or("", |value| value.to_str().expect("a header of text"))
    }

    /// The body as text.
    pub(crate) fn text(&self) -> &str {
        std::str::from_utf8(&self.body).expect("a body of text")
    }
}

impl Stub {
    /// A server on a port of its own.
    pub(crate) async fn serve(respond: impl Fn(&Asked) -> Answer + Send + Sync + 'static) -> Self {
        Self::start(None, respond).await
    }

    /// The same with TLS.
    pub(crate) async fn serve_tls(
        tls: TlsAcceptor,
        respond: impl Fn(&Asked) -> Answer + Send + Sync + 'static,
    ) -> Self {
        Self::start(Some(tls), respond).await
    }

    async fn start(
        tls: Option<TlsAcceptor>,
        respond: impl Fn(&Asked) -> Answer + Send + Sync + 'static,
    ) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
        let address = listener.local_addr().expect("an address");
        let asked = Arc::<Mutex<Vec<Asked>>>::default();
        let (seen, respond) = (asked.clone(), Arc::new(respond));
        let task = tokio::spawn(async move {
            // Dropped with this task, and the connections with it.
            let mut connections = JoinSet::new();
            while let Ok((stream, _)) = listener.accept().await {
                let (tls, seen, respond) = (tls.clone(), seen.clone(), respond.clone());
                connections.spawn(async move {
                    let Some(tls) = tls else { return converse(stream, &seen, &*respond).await };
                    // A client that does not trust this server leaves here.
                    if let Ok(stream) = tls.accept(stream).await {
                        converse(stream, &seen, &*respond).await;
                    }
                });
            }
        });
        Self { address, asked, task }
    }

    /// The URL of a path on this server.
    pub(crate) fn url(&self, path: &str) -> Url {
        Url::parse(&format!("http://{}{path}", self.address)).expect("a URL")
    }

    /// Its address, as `host:port`.
    pub(crate) fn host(&self) -> String {
        self.address.to_string()
    }

    /// Ends it, so that nobody is there any more.
    pub(crate) async fn stop(mut self) {
        self.task.abort();
        // It ends because it is told to.
        let _ = (&mut self.task).await;
    }

    /// All that it was asked so far.
    pub(crate) fn asked(&self) -> Vec<Asked> {
        lock(&self.asked).clone()
    }
}

impl Drop for Stub {
    fn drop(&mut self) {
        self.task.abort();
    }
}

/// Answers the requests of one connection.
async fn converse(
    stream: impl AsyncRead + AsyncWrite + Send + Unpin + 'static,
    seen: &Mutex<Vec<Asked>>,
    respond: &(impl Fn(&Asked) -> Answer + Send + Sync),
) {
    let service = service_fn(async |request: hyper::Request<Incoming>| {
        let (head, body) = request.into_parts();
        let asked = Asked {
            method: head.method,
            target: head.uri.to_string(),
            headers: head.headers,
            body: body.collect().await?.to_bytes(),
        };
        lock(seen).push(asked.clone());
        Ok::<_, hyper::Error>(respond(&asked))
    });
    // A client may leave whenever it likes.
    let _ = hyper::server::conn::http1::Builder::new().serve_connection(TokioIo::new(stream), service).await;
}

fn lock(asked: &Mutex<Vec<Asked>>) -> MutexGuard<'_, Vec<Asked>> {
    asked.lock().unwrap_or_else(PoisonError::into_inner)
}
