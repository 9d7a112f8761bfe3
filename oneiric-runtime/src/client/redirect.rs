//! Where a redirect leads, and what goes there.
//!
//! The meaning of each status is that of RFC 9110, 15.4. Beyond it: what was said to one origin in confidence is not
//! said to another, and nobody is led from an encrypted connection to one that is not.

use reqwest::header::{ACCEPT, ACCEPT_LANGUAGE, CONTENT_TYPE, HeaderMap, HeaderName, LOCATION};
use reqwest::{Method, StatusCode};

use super::error::{Error, Kind};
use super::request::Request;
use super::response::Response;

/// All that another origin is told. Any other header may be a credential, whatever its name.
const HARMLESS: [HeaderName; 2] = [ACCEPT, ACCEPT_LANGUAGE];

/// The request that `response` asks for in place of `request`, if it asks for one.
///
/// Nothing that may change something is repeated because of a 301 or 302, or at another origin: such a redirect is the
/// answer.
///
/// # Errors
///
/// [`Kind::Redirect`] if it leads nowhere that a request could go.
pub(super) fn next(request: &Request, response: &Response) -> Result<Option<Request>, Error> {
    let reads = request.method.is_safe();
    let method = match response.status() {
        StatusCode::SEE_OTHER if request.method != Method::HEAD => Method::GET,
        StatusCode::MOVED_PERMANENTLY | StatusCode::FOUND if !reads => return Ok(None),
        StatusCode::MOVED_PERMANENTLY
        | StatusCode::FOUND
        | StatusCode::SEE_OTHER
        | StatusCode::TEMPORARY_REDIRECT
        | StatusCode::PERMANENT_REDIRECT => request.method.clone(),
        _ => return Ok(None),
    };
    let Some(location) = response.header(LOCATION.as_str()) else { return Ok(None) };
    let refused = |detail| Err(Error::new(Kind::Redirect, request, detail));
    let Ok(mut url) = request.url.join(location) else { return refused("a redirect to what is no URL") };
    match (request.url.scheme(), url.scheme()) {
        (_, "https") | ("http", "http") => {}
        _ => return refused("a redirect to where nothing is encrypted"),
    }
    let mut next = request.clone();
    if method != request.method {
        next.body.clear();
        next.headers.remove(CONTENT_TYPE);
    }
    if url.origin() != request.url.origin() {
        if !method.is_safe() {
            return Ok(None);
        }
        next.body.clear();
        next.headers = harmless(&request.headers);
        // Both are possible for an `http` or `https` URL.
        let _ = url.set_username("");
        let _ = url.set_password(None);
    }
    Ok(Some(Request { method, url, ..next }))
}

fn harmless(headers: &HeaderMap) -> HeaderMap {
    let kept = HARMLESS.into_iter().filter_map(|name| headers.get(&name).map(|value| (name, value.clone())));
    kept.collect()
}

#[cfg(test)]
mod tests {
    use bytes::Bytes;
    use reqwest::Url;
    use reqwest::header::HeaderValue;

    use super::*;

    const HERE: &str = "https://here.example/a?key=k";

    fn from(request: &Request, status: u16, location: &str) -> Result<Option<Request>, Error> {
        let mut headers = HeaderMap::new();
        headers.insert(LOCATION, HeaderValue::from_str(location).expect("a header"));
        let status = StatusCode::from_u16(status).expect("a status");
        next(request, &Response::new(request, status, headers, Bytes::new()))
    }

    fn request(method: Method) -> Request {
        Request::new(method, Url::parse(HERE).expect("a URL"))
            .bearer("t")
            .header("x-api-key", "k")
            .header("cookie", "c")
            .header("accept", "text/plain")
            .body("text/plain", "b")
    }

    /// Method, URL, header names and body of what follows.
    fn summary(method: Method, status: u16, location: &str) -> Option<(String, String, Vec<String>, usize)> {
        let next = from(&request(method), status, location).expect("a redirect")?;
        let mut names = next.headers.keys().map(ToString::to_string).collect::<Vec<_>>();
        names.sort();
        Some((next.method.to_string(), next.url.to_string(), names, next.body.len()))
    }

    #[test]
    fn another_origin_is_told_no_credential() {
        for elsewhere in ["https://there.example/b", "//there.example/b", "https://x:y@there.example/b"] {
            let (_, url, names, body) = summary(Method::GET, 302, elsewhere).expect("followed");
            assert_eq!(
                (url.as_str(), names, body),
                ("https://there.example/b", vec!["accept".to_owned()], 0)
            );
        }
        let (_, _, names, _) = summary(Method::GET, 302, "https://here.example:444/b").expect("followed");
        assert_eq!(names, ["accept"], "another port is another origin");
    }

    #[test]
    fn the_same_origin_is_told_everything_again() {
        let (method, url, names, body) = summary(Method::POST, 307, "/b").expect("followed");
        assert_eq!((method.as_str(), url.as_str(), body), ("POST", "https://here.example/b", 1));
        assert_eq!(names, ["accept", "authorization", "content-type", "cookie", "x-api-key"]);
    }

    #[test]
    fn see_other_reads_without_the_body() {
        let (method, _, names, body) = summary(Method::POST, 303, "/b").expect("followed");
        assert_eq!((method.as_str(), body), ("GET", 0));
        assert_eq!(names, ["accept", "authorization", "cookie", "x-api-key"]);
        assert_eq!(summary(Method::HEAD, 303, "/b").expect("followed").0, "HEAD");
    }

    #[test]
    fn what_changes_something_is_not_repeated_elsewhere() {
        assert_eq!(summary(Method::POST, 308, "https://there.example/"), None);
        assert_eq!(summary(Method::POST, 301, "/b"), None);
        assert_eq!(summary(Method::DELETE, 302, "/b"), None);
        assert_eq!(summary(Method::GET, 304, "/b"), None);
    }

    #[test]
    fn nobody_is_led_out_of_encryption_or_away_from_http() {
        for location in ["http://here.example/", "ftp://here.example/", "file:///etc/passwd", "https://["] {
            let error = from(&request(Method::GET), 302, location).map(|_| ()).expect_err("refused");
            assert_eq!(error.kind(), Kind::Redirect);
            assert!(error.to_string().starts_with("GET https://here.example: a redirect to "), "{error}");
        }
    }
}
