//! The signature of a request: AWS Signature Version 4, for any service but S3, which encodes paths in its own way.
//!
//! As in <https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_sigv-create-signed-request.html>. `vectors.json` has
//! signatures of another implementation.

use std::fmt::Write as _;

use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, utf8_percent_encode};
use ring::{digest, hmac};

use super::Keys;
use crate::client::{Request, Url};
use crate::clock::Timestamp;

/// All that is encoded: everything but the unreserved characters of RFC 3986.
const ENCODED: &AsciiSet = &NON_ALPHANUMERIC.remove(b'-').remove(b'.').remove(b'_').remove(b'~');

/// The same for a path, whose parts stay apart.
const PATH: &AsciiSet = &ENCODED.remove(b'/');

const ALGORITHM: &str = "AWS4-HMAC-SHA256";

/// The request with the headers that say who sends it at the time `at`. The service takes it for five minutes.
pub(super) fn sign(
    mut request: Request,
    keys: &Keys,
    (service, region): (&str, &str),
    at: Timestamp,
) -> Request {
    let time =
        jiff::Timestamp::from_microsecond(at.0).unwrap_or_default().strftime("%Y%m%dT%H%M%SZ").to_string();
    let date = &time[..8];
    // What is signed is what is sent.
    let query = query(&request.url);
    request.url.set_query((!query.is_empty()).then_some(&query));
    request = request.header("x-amz-date", &time);
    if let Some(token) = &keys.session_token {
        request = request.header("x-amz-security-token", token.expose());
    }

    let (names, headers) = headers(&request);
    let path = utf8_percent_encode(request.url.path(), PATH).to_string();
    let body = hex(digest::digest(&digest::SHA256, &request.body).as_ref());
    let canonical = format!("{}\n{path}\n{query}\n{headers}\n{names}\n{body}", request.method);
    let scope = format!("{date}/{region}/{service}/aws4_request");
    let digest = hex(digest::digest(&digest::SHA256, canonical.as_bytes()).as_ref());
    let text = format!("{ALGORITHM}\n{time}\n{scope}\n{digest}");

    let secret = format!("AWS4{}", keys.secret_access_key.expose());
    let key = [date, region, service, "aws4_request", &text]
        .iter()
        .fold(secret.into_bytes(), |key, part| hmac(&key, part.as_bytes()));
    let credential = format!("{}/{scope}", keys.access_key_id);
    let signature = hex(&key);
    request.header(
        "authorization",
        &format!("{ALGORITHM} Credential={credential}, SignedHeaders={names}, Signature={signature}"),
    )
}

/// The query, encoded and in order.
fn query(url: &Url) -> String {
    let encode = |part: &str| utf8_percent_encode(part, ENCODED).to_string();
    let mut pairs =
        url.query_pairs().map(|(name, value)| (encode(&name), encode(&value))).collect::<Vec<_>>();
    pairs.sort();
    pairs.into_iter().map(|(name, value)| format!("{name}={value}")).collect::<Vec<_>>().join("&")
}

/// The names of all headers, in order, and a line for each.
fn headers(request: &Request) -> (String, String) {
    let host = request.url.host_str().unwrap_or_default();
    let host = request.url.port().map_or_else(|| host.to_owned(), |port| format!("{host}:{port}"));
    let mut headers = vec![("host", host)];
    for (name, value) in &request.headers {
        let words =
            String::from_utf8_lossy(value.as_bytes()).split_ascii_whitespace().collect::<Vec<_>>().join(" ");
        headers.push((name.as_str(), words));
    }
    headers.sort();
    let names = headers.iter().map(|(name, _)| *name).collect::<Vec<_>>().join(";");
    let lines = headers.iter().flat_map(|(name, value)| [name, ":", value, "\n"]).collect();
    (names, lines)
}

fn hmac(key: &[u8], text: &[u8]) -> Vec<u8> {
    hmac::sign(&hmac::Key::new(hmac::HMAC_SHA256, key), text).as_ref().to_vec()
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().fold(String::new(), |mut text, byte| {
        // Writing into a string does not fail.
        let _ = write!(text, "{byte:02x}");
        text
    })
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use serde::Deserialize;

    use super::*;
    use crate::client::Method;
    use crate::secret::Secret;

    #[derive(Deserialize)]
    struct Vectors {
        access_key_id: String,
        secret_access_key: Secret,
        cases: Vec<Case>,
    }

    #[derive(Deserialize)]
    struct Case {
        name: String,
        region: String,
        service: String,
        method: String,
        url: String,
        #[serde(default)]
        params: Vec<(String, String)>,
        headers: BTreeMap<String, String>,
        body: String,
        token: Option<Secret>,
        authorization: String,
    }

    #[test]
    fn signatures_are_those_of_botocore() {
        let vectors: Vectors = serde_json::from_str(include_str!("vectors.json")).expect("vectors");
        assert_eq!(vectors.cases.len(), 6);
        for case in vectors.cases {
            let mut url = Url::parse(&case.url).expect("a URL");
            if !case.params.is_empty() {
                url.query_pairs_mut().extend_pairs(&case.params);
            }
            let method = Method::from_bytes(case.method.as_bytes()).expect("a method");
            let mut request = Request::new(method, url);
            request.body = case.body.into();
            for (name, value) in &case.headers {
                request = request.header(name, value);
            }
            let keys = Keys {
                access_key_id: vectors.access_key_id.clone(),
                secret_access_key: vectors.secret_access_key.clone(),
                session_token: case.token,
            };
            let at = Timestamp(
                "2026-03-04T05:06:07Z".parse::<jiff::Timestamp>().expect("a time").as_microsecond(),
            );
            let signed = sign(request, &keys, (&case.service, &case.region), at);
            let authorization = signed.headers["authorization"].to_str().expect("text");
            assert_eq!(authorization, case.authorization, "{}", case.name);
        }
    }
}
