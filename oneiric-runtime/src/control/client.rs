//! Sending an order to the process that has the store.

use std::io;
use std::path::Path;
use std::time::Duration;

use bytes::Bytes;
use http_body_util::{BodyExt, Full};
use hyper::client::conn::http1;
use hyper::header::HOST;
use hyper::{Method, Request};
use hyper_util::rt::TokioIo;
use tokio::net::UnixStream;

use super::order::Order;
use super::socket;
use crate::failure::Failure;
use crate::http::route::{CONTROL, CONTROL_HEALTH, PROBE};
use crate::json::Json;

/// How long a process may have the store and not listen yet. It begins to listen as soon as the store is open.
const PATIENCE: Duration = Duration::from_secs(1);

/// Sends `order` to the process that listens in `state_dir`, and gives back its answer; nothing if no process listens.
pub(crate) async fn send(state_dir: &Path, order: &Order) -> Option<Result<Json, Failure>> {
    let stream = connect(state_dir).await.ok()?;
    Some(say(stream, CONTROL, Some(order)).await)
}

/// The same, where it is no matter if no process has the store: nobody is waited for who never listened.
pub(crate) async fn send_if_running(state_dir: &Path, order: &Order) -> Option<Result<Json, Failure>> {
    if socket::is_there(state_dir) { send(state_dir, order).await } else { None }
}

/// Asks the process that listens in `state_dir` how it is; nothing if no process listens.
pub(crate) async fn ask_health(state_dir: &Path, probes: bool) -> Option<Result<Json, Failure>> {
    if !socket::is_there(state_dir) {
        return None;
    }
    let stream = connect(state_dir).await.ok()?;
    let path = if probes { format!("{CONTROL_HEALTH}?{PROBE}") } else { CONTROL_HEALTH.to_owned() };
    Some(say(stream, &path, None).await)
}

async fn say(stream: UnixStream, path: &str, order: Option<&Order>) -> Result<Json, Failure> {
    let body = order.map(serde_json::to_vec).transpose();
    let body = body.map_err(|error| Failure::new("internal", error.to_string()))?;
    exchange(stream, path, body).await.unwrap_or_else(|error| {
        let message = format!("the running process went away before it answered: {error}");
        Err(Failure::new("process-gone", message))
    })
}

async fn connect(state_dir: &Path) -> io::Result<UnixStream> {
    let tries = async {
        loop {
            match socket::connect(state_dir) {
                Ok(stream) => return stream,
                Err(_) => tokio::time::sleep(PATIENCE / 20).await,
            }
        }
    };
    tokio::time::timeout(PATIENCE, tries).await.map_err(|_| io::ErrorKind::TimedOut.into())
}

/// Sends `body` to a path, and gives back the document that comes.
async fn exchange(
    stream: UnixStream,
    path: &str,
    body: Option<Vec<u8>>,
) -> Result<Result<Json, Failure>, Box<dyn std::error::Error + Send + Sync>> {
    let (mut sender, connection) = http1::handshake(TokioIo::new(stream)).await?;
    let connection = tokio::spawn(connection);
    let method = if body.is_some() { Method::POST } else { Method::GET };
    let request = Request::builder()
        .method(method)
        .uri(path)
        .header(HOST, "oneiric")
        .body(Full::new(Bytes::from(body.unwrap_or_default())))?;
    let response = sender.send_request(request).await?;
    let is_good = response.status().is_success();
    let body = response.into_body().collect().await?.to_bytes();
    connection.abort();
    Ok(if is_good { Ok(serde_json::from_slice(&body)?) } else { Err(serde_json::from_slice(&body)?) })
}
