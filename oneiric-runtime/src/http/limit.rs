//! Bodies, up to a size and within a time.

use std::time::Duration;

use bytes::Bytes;
use http_body_util::{BodyExt, LengthLimitError, Limited};
use hyper::StatusCode;
use hyper::body::{Body, Incoming};

use super::answer::Answer;

/// The largest body. It becomes a run's input, which is kept in the store and in memory; Cloud Tasks sends at most as much.
const MAX_BODY: usize = 1024 * 1024;

/// How long a client may take to send it.
const TIMEOUT: Duration = Duration::from_secs(30);

/// How long who is turned away may take to send it.
const DISCARD_TIMEOUT: Duration = Duration::from_secs(1);

/// Reads a body, or says what is wrong with it.
pub(super) async fn read(body: Incoming) -> Result<Bytes, Answer> {
    // Refused before it is sent, if the client says how much it will be.
    if body.size_hint().lower() > MAX_BODY as u64 {
        return Err(too_large());
    }
    match tokio::time::timeout(TIMEOUT, Limited::new(body, MAX_BODY).collect()).await {
        Ok(Ok(body)) => Ok(body.to_bytes()),
        Ok(Err(error)) if error.is::<LengthLimitError>() => Err(too_large()),
        // The client is gone or does not speak HTTP, so this is hardly ever read.
        Ok(Err(_)) => Err(Answer::error(StatusCode::BAD_REQUEST, "body-incomplete")),
        Err(_) => Err(Answer::error(StatusCode::REQUEST_TIMEOUT, "request-timeout")),
    }
}

/// Takes the body of a caller who is turned away, and keeps nothing of it, so that the connection can be used again and
/// the answer is not lost because what was sent is still unread. Says whether it has ended.
pub(super) async fn discard(mut body: Incoming) -> bool {
    let ended = async {
        let mut left = MAX_BODY;
        while let Some(frame) = body.frame().await {
            let length = frame.ok().and_then(|frame| frame.into_data().ok()).map_or(0, |data| data.len());
            match left.checked_sub(length) {
                Some(less) if length > 0 => left = less,
                _ => return false,
            }
        }
        true
    };
    tokio::time::timeout(DISCARD_TIMEOUT, ended).await.unwrap_or(false)
}

fn too_large() -> Answer {
    Answer::explained(StatusCode::PAYLOAD_TOO_LARGE, "payload-too-large", "a body has at most 1 MiB")
}
