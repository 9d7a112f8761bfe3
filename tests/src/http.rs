//! Requests of the tests' own.

use std::net::SocketAddr;

use serde_json::Value;

use crate::LIMIT;

/// A client that takes every answer as one, and waits no longer than [`LIMIT`].
pub(crate) fn agent() -> ureq::Agent {
    ureq::Agent::config_builder()
        .http_status_as_error(false)
        .allow_non_standard_methods(true)
        .timeout_global(Some(LIMIT))
        .build()
        .new_agent()
}

/// A request to a service that is on this machine, and the status and the body of its answer. The headers are `name:
/// value`.
///
/// # Panics
/// If there is no answer.
#[track_caller]
pub(crate) fn request(
    address: SocketAddr,
    method: &str,
    target: &str,
    headers: &[(&str, &str)],
    body: Option<&str>,
) -> (u16, String) {
    let mut request = ureq::http::Request::builder().method(method).uri(format!("http://{address}{target}"));
    for (name, value) in headers {
        request = request.header(*name, *value);
    }
    let sent = match body {
        Some(body) => agent().run(request.body(body).expect("it is a request")),
        None => agent().run(request.body(()).expect("it is a request")),
    };
    let mut response = sent.unwrap_or_else(|error| panic!("{method} {address}{target}: {error}"));
    let body = response.body_mut().read_to_string();
    (response.status().as_u16(), body.unwrap_or_else(|error| panic!("{method} {address}{target}: {error}")))
}

/// A request in JSON whose answer is JSON.
///
/// # Panics
/// If there is no answer, or none with status 200.
#[track_caller]
pub(crate) fn json(address: SocketAddr, method: &str, target: &str, body: Option<&Value>) -> Value {
    let body = body.map(Value::to_string);
    let (status, answer) =
        request(address, method, target, &[("content-type", "application/json")], body.as_deref());
    assert_eq!(status, 200, "{method} {target}: {answer}");
    serde_json::from_str(&answer).unwrap_or_else(|error| panic!("{method} {target}: {error}\n{answer}"))
}
