//! When a call that failed is made again.

use std::time::{Duration, SystemTime};

use reqwest::StatusCode;
use tokio::time::{Instant, sleep, timeout_at};

use super::Policy;
use super::breaker::Breakers;
use super::error::{Error, Kind};
use super::request::Request;
use super::response::Response;
use super::transport::Transport;

/// Sends `request` until it is answered well enough, or not worth another attempt, or there is no time for one.
pub(super) async fn persist(
    transport: &impl Transport,
    breakers: &Breakers,
    policy: &Policy,
    request: &Request,
    deadline: Instant,
) -> Result<Response, Error> {
    let origin = request.origin();
    let mut failed = 0;
    let mut last = None;
    loop {
        let pass = match breakers.admit(&origin) {
            Ok(pass) => pass,
            Err(wait) => return last.unwrap_or_else(|| Err(open(request, wait))),
        };
        let limit = deadline.min(Instant::now() + policy.attempt);
        let outcome = match timeout_at(limit, transport.exchange(request, policy.max_body)).await {
            Ok(outcome) => outcome,
            Err(_) => Err(Error::new(Kind::TimedOut, request, "no answer in time")),
        };
        pass.report(is_well(&outcome));
        failed += 1;
        let Some(wait) = wait(policy, request, &outcome, failed) else { return outcome };
        if Instant::now() + wait >= deadline {
            return outcome;
        }
        tracing::debug!(origin, attempt = failed, wait = ?wait, "http-retry");
        last = Some(outcome);
        sleep(wait).await;
    }
}

/// How long to wait before another attempt, if one is worth it.
fn wait(
    policy: &Policy,
    request: &Request,
    outcome: &Result<Response, Error>,
    failed: u32,
) -> Option<Duration> {
    let asked = match outcome {
        Ok(response) if request.idempotent && will_pass(response.status()) => response.retry_after(),
        Err(error) if error.kind() == Kind::Connect => None,
        Err(error) if request.idempotent && matches!(error.kind(), Kind::Interrupted | Kind::TimedOut) => {
            None
        }
        _ => return None,
    };
    let delay = policy.retry.delay(failed, fastrand::f64())?;
    Some(asked.map_or(delay, |asked| asked.max(delay)))
}

/// Whether a status says that the same request may be answered otherwise in a moment.
fn will_pass(status: StatusCode) -> bool {
    matches!(
        status,
        StatusCode::TOO_MANY_REQUESTS
            | StatusCode::BAD_GATEWAY
            | StatusCode::SERVICE_UNAVAILABLE
            | StatusCode::GATEWAY_TIMEOUT
    )
}

/// Whether a host is up: it answers, be it that it is asked too often.
fn is_well(outcome: &Result<Response, Error>) -> bool {
    match outcome {
        Ok(response) => !will_pass(response.status()) || response.status() == StatusCode::TOO_MANY_REQUESTS,
        Err(error) => matches!(error.kind(), Kind::Body | Kind::Request),
    }
}

fn open(request: &Request, wait: Duration) -> Error {
    Error::new(Kind::Open, request, "left alone for a while after it failed again and again")
        .retry_after(Some(wait))
}

/// The wait that a `Retry-After` header asks for: seconds, or a date (RFC 9110, 10.2.3).
pub(super) fn parse(header: &str) -> Option<Duration> {
    let header = header.trim();
    if let Ok(seconds) = header.parse() {
        return Some(Duration::from_secs(seconds));
    }
    let date = httpdate::parse_http_date(header).ok()?;
    // A date in the past means now.
    Some(date.duration_since(SystemTime::now()).unwrap_or_default())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::clock::secs;

    #[test]
    fn retry_after_is_seconds_or_a_date() {
        assert_eq!(parse(" 7 "), Some(secs(7)));
        assert_eq!(parse("Wed, 21 Oct 2015 07:28:00 GMT"), Some(Duration::ZERO));
        let later = httpdate::fmt_http_date(SystemTime::now() + secs(90));
        let wait = parse(&later).expect("a date");
        assert!((secs(88)..=secs(90)).contains(&wait), "{wait:?}");
        assert_eq!(parse("-1"), None);
        assert_eq!(parse("soon"), None);
    }
}
