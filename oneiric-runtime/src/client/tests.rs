//! The client on a network that does as a test says, with time that jumps; and against real servers on this machine.

use std::collections::VecDeque;
use std::sync::Mutex;

use bytes::Bytes;
use rcgen::{BasicConstraints, CertificateParams, IsCa, Issuer, KeyPair};
use reqwest::header::{HeaderMap, HeaderValue, RETRY_AFTER};
use rustls::pki_types::PrivateKeyDer;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpListener;
use tokio_rustls::TlsAcceptor;

use super::stub::{Stub, answer};
use super::*;

/// A network on which each attempt goes as the next line of a script says.
struct Script(Mutex<VecDeque<Line>>);

#[derive(Clone, Copy)]
enum Line {
    Status(u16),
    RetryAfter(u16, &'static str),
    Fails(Kind),
    Hangs,
}

impl Script {
    fn new(lines: impl IntoIterator<Item = Line>) -> Self {
        Self(Mutex::new(lines.into_iter().collect()))
    }

    /// Lines that were not needed.
    fn left(&self) -> usize {
        self.0.lock().expect("no panic").len()
    }
}

impl Transport for Script {
    async fn exchange(&self, request: &Request, _max_body: usize) -> Result<Response, Error> {
        let line =
            self.0.lock().expect("no panic").pop_front().expect("another attempt than the script knows of");
        let respond = |status, headers| {
            let status = StatusCode::from_u16(status).expect("a status");
            Ok(Response::new(request, status, headers, Bytes::new()))
        };
        match line {
            Line::Status(status) => respond(status, HeaderMap::new()),
            Line::RetryAfter(status, wait) => {
                respond(status, HeaderMap::from_iter([(RETRY_AFTER, HeaderValue::from_static(wait))]))
            }
            Line::Fails(kind) => Err(Error::new(kind, request, "as the script says")),
            Line::Hangs => std::future::pending().await,
        }
    }
}

fn url(url: &str) -> Url {
    Url::parse(url).expect("a URL")
}

fn get() -> Request {
    Request::get(url("https://here.example/secret-path?key=secret-key"))
}

fn post() -> Request {
    Request::post(url("https://here.example/")).json(&1)
}

/// Sends a request over a scripted network: how it went, and how long it took.
async fn call(script: &Script, request: Request) -> (Result<u16, Kind>, Duration) {
    let policy = Policy { retry: Policy::default().retry.jitter(0.0), ..Policy::default() };
    let begun = Instant::now();
    let outcome = send(script, &Breakers::default(), &policy, request).await;
    (outcome.map(|response| response.status().as_u16()).map_err(|error| error.kind()), begun.elapsed())
}

#[tokio::test(start_paused = true)]
async fn statuses_that_pass_are_tried_again_further_and_further_apart() {
    for status in [429, 502, 503, 504] {
        let script = Script::new([Line::Status(status), Line::Status(status), Line::Status(200)]);
        assert_eq!(call(&script, get()).await, (Ok(200), millis(200 + 400)), "{status}");
    }
    let script = Script::new([Line::Status(503); 3]);
    assert_eq!(call(&script, get()).await, (Ok(503), millis(600)), "three attempts and no more");
    for status in [200, 400, 404, 500, 501] {
        let script = Script::new([Line::Status(status)]);
        assert_eq!(call(&script, get()).await, (Ok(status), Duration::ZERO), "{status}");
    }
}

#[tokio::test(start_paused = true)]
async fn what_may_have_been_done_is_not_done_again() {
    for line in [Line::Status(503), Line::Fails(Kind::Interrupted), Line::Hangs] {
        let script = Script::new([line, Line::Status(200)]);
        let (outcome, _) = call(&script, post()).await;
        assert_ne!(outcome, Ok(200));
        assert_eq!(script.left(), 1);
        let script = Script::new([line, Line::Status(200)]);
        assert_eq!(call(&script, post().idempotent()).await.0, Ok(200));
    }
    let script = Script::new([Line::Fails(Kind::Connect), Line::Status(200)]);
    assert_eq!(call(&script, post()).await.0, Ok(200), "nothing was sent the first time");
}

#[tokio::test(start_paused = true)]
async fn a_service_that_names_a_time_is_not_asked_before() {
    let script = Script::new([Line::RetryAfter(429, "7"), Line::Status(200)]);
    assert_eq!(call(&script, get()).await, (Ok(200), secs(7)));
    let script = Script::new([Line::RetryAfter(503, "0"), Line::Status(200)]);
    assert_eq!(call(&script, get()).await, (Ok(200), millis(200)), "nor at once");
}

#[tokio::test(start_paused = true)]
async fn a_wait_that_ends_too_late_is_not_begun() {
    let script = Script::new([Line::RetryAfter(503, "30"), Line::Status(200)]);
    let (outcome, took) = call(&script, get()).await;
    assert_eq!((outcome, took), (Ok(503), Duration::ZERO));
    let request = get();
    let headers = HeaderMap::from_iter([(RETRY_AFTER, HeaderValue::from_static("30"))]);
    let error = Response::new(&request, StatusCode::SERVICE_UNAVAILABLE, headers, Bytes::new()).ok();
    let error = error.map(|_| ()).expect_err("503");
    assert_eq!(
        (error.ask_again_in(), error.is_transient()),
        (Some(secs(30)), true),
        "but whoever asked is told"
    );
}

#[tokio::test(start_paused = true)]
async fn attempts_and_calls_end_in_time() {
    let script = Script::new([Line::Hangs, Line::Status(200)]);
    assert_eq!(call(&script, get()).await, (Ok(200), secs(10) + millis(200)));
    let script = Script::new([Line::Hangs; 3]);
    assert_eq!(call(&script, get()).await, (Err(Kind::TimedOut), secs(30)), "the third has less time");
}

#[tokio::test(start_paused = true)]
async fn a_host_that_is_down_is_left_alone_and_probed() {
    let (breakers, policy) = (Breakers::new(2, secs(30)), Policy::default());
    let script = Script::new([Line::Fails(Kind::Connect), Line::Status(503)]);
    let response = send(&script, &breakers, &policy, get()).await.expect("the last answer before it opened");
    assert_eq!(response.status(), 503);
    let error = send(&script, &breakers, &policy, get()).await.map(|_| ()).expect_err("open");
    assert_eq!(error.kind(), Kind::Open);
    assert!(error.ask_again_in().is_some_and(|wait| wait <= secs(30)), "{error:?}");
    tokio::time::advance(secs(30)).await;
    let script = Script::new([Line::Status(200)]);
    assert!(send(&script, &breakers, &policy, get()).await.is_ok());
}

#[tokio::test(start_paused = true)]
async fn being_asked_too_often_is_not_being_down() {
    let breakers = Breakers::new(1, secs(30));
    let script = Script::new([Line::Status(429), Line::Status(500), Line::Status(429), Line::Status(200)]);
    for _ in 0..2 {
        assert!(send(&script, &breakers, &Policy::default(), get()).await.is_ok());
    }
}

#[tokio::test(start_paused = true)]
async fn errors_name_the_origin_and_nothing_that_may_be_secret() {
    let request = get().bearer("secret-token").header("x\n", "secret-header");
    let error = send(&Script::new([]), &Breakers::default(), &Policy::default(), request).await.map(|_| ());
    let error = error.expect_err("no header");
    assert_eq!(error.kind(), Kind::Request);
    let request = get().bearer("secret\n");
    let other = send(&Script::new([]), &Breakers::default(), &Policy::default(), request).await.map(|_| ());
    assert_eq!(
        other.expect_err("no header").to_string(),
        "GET https://here.example: the header `authorization` cannot be sent"
    );
    let body = Bytes::from_static(b"{\"token\": \"secret-value\"}");
    let response = Response::new(&get(), StatusCode::OK, HeaderMap::new(), body);
    let wrong = response.json::<Vec<u8>>().expect_err("no list");
    assert_eq!(
        wrong.to_string(),
        "GET https://here.example: answered another document than expected (line 1, column 0)"
    );
    for error in [error, wrong] {
        assert!(!format!("{error} {error:?}").contains("secret"), "{error:?}");
    }
}

#[tokio::test]
async fn a_real_server_is_asked_as_written() {
    let stub = Stub::serve(|_| answer(200, "[1]")).await;
    let request = Request::post(stub.url("/a/b?c=d")).bearer("t").form([("grant", "a b"), ("x", "&")]);
    let response = Client::default().send(request).await.expect("an answer").ok().expect("success");
    assert_eq!(response.json::<Vec<u8>>().expect("a list"), [1]);
    let [asked] = stub.asked().try_into().expect("one request");
    assert_eq!((asked.method.as_str(), asked.target.as_str()), ("POST", "/a/b?c=d"));
    assert_eq!(asked.header("authorization"), "Bearer t");
    assert_eq!(asked.header("content-type"), "application/x-www-form-urlencoded");
    assert_eq!(asked.header("user-agent"), concat!("oneiric/", env!("CARGO_PKG_VERSION")));
    assert_eq!(asked.text(), "grant=a+b&x=%26");
}

#[tokio::test]
async fn a_real_redirect_to_another_origin_carries_no_credential() {
    let there = Stub::serve(|_| answer(200, "there")).await;
    let location = HeaderValue::from_str(there.url("/b").as_str()).expect("a header");
    let here = Stub::serve(move |_| {
        let mut answer = answer(302, "");
        answer.headers_mut().insert("location", location.clone());
        answer
    })
    .await;
    let request = Request::get(here.url("/")).bearer("t").header("x-api-key", "k").header("cookie", "c");
    let response = Client::default().send(request).await.expect("an answer");
    assert_eq!(response.body(), b"there");
    assert_eq!(here.asked()[0].header("x-api-key"), "k");
    let [asked] = there.asked().try_into().expect("one request");
    let names = asked.headers.keys().map(ToString::to_string).collect::<Vec<_>>();
    assert!(!names.iter().any(|name| ["authorization", "x-api-key", "cookie", "referer"].contains(&&**name)));
}

#[tokio::test]
async fn a_redirect_in_circles_ends() {
    let stub = Stub::serve(|_| {
        let mut answer = answer(302, "");
        answer.headers_mut().insert("location", HeaderValue::from_static("/again"));
        answer
    })
    .await;
    let error = Client::default().send(Request::get(stub.url("/"))).await.map(|_| ()).expect_err("no end");
    assert_eq!(error.kind(), Kind::Redirect);
    assert_eq!(stub.asked().len(), 6);
}

#[tokio::test]
async fn an_answer_that_is_too_large_is_refused() {
    let stub = Stub::serve(|_| answer(200, vec![b'x'; 1001])).await;
    let client = |max_body| Client::new(Policy { max_body, ..Policy::default() });
    let error = client(1000).send(Request::get(stub.url("/"))).await.map(|_| ()).expect_err("too large");
    assert_eq!(error.kind(), Kind::Body);
    assert!(client(1001).send(Request::get(stub.url("/"))).await.is_ok());

    // A server that does not say how much it will send.
    let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
    let address = listener.local_addr().expect("an address");
    tokio::spawn(async move {
        let (mut stream, _) = listener.accept().await.expect("a client");
        let _ = stream.read(&mut [0; 4096]).await;
        let _ = stream.write_all(b"HTTP/1.1 200 OK\r\nconnection: close\r\n\r\n").await;
        while stream.write_all(&[b'x'; 4096]).await.is_ok() {}
    });
    let request = Request::get(url(&format!("http://{address}/")));
    let error = client(100_000).send(request).await.map(|_| ()).expect_err("no end");
    assert_eq!(error.kind(), Kind::Body);
}

#[tokio::test]
async fn a_connection_that_breaks_is_made_again_for_what_only_reads() {
    let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
    let address = listener.local_addr().expect("an address");
    let server = tokio::spawn(async move {
        for reply in [
            &b"HTTP/1.1 200 OK\r\ncontent-length: 9\r\n\r\nhalf"[..],
            b"HTTP/1.1 200 OK\r\ncontent-length: 4\r\n\r\nfull",
        ] {
            let (mut stream, _) = listener.accept().await.expect("a client");
            let _ = stream.read(&mut [0; 4096]).await;
            stream.write_all(reply).await.expect("an answer");
        }
    });
    let response =
        Client::default().send(Request::get(url(&format!("http://{address}/")))).await.expect("an answer");
    assert_eq!(response.body(), b"full");
    server.await.expect("two connections");
}

#[tokio::test]
async fn a_host_without_a_server_is_no_connection() {
    let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
    let address = listener.local_addr().expect("an address");
    drop(listener);
    let client = Client::new(Policy { retry: Retry::attempts(1), ..Policy::default() });
    let error = client.send(Request::post(url(&format!("http://{address}/x?k=s")))).await.map(|_| ());
    let error = error.expect_err("nobody there");
    assert_eq!(error.kind(), Kind::Connect);
    assert_eq!(error.to_string(), format!("POST http://{address}: Connection refused (os error 111)"));
}

#[tokio::test]
async fn only_servers_that_the_roots_vouch_for_are_spoken_to() {
    let key = KeyPair::generate().expect("a key");
    let mut ca = CertificateParams::new([]).expect("names");
    ca.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
    let ca_pem = ca.self_signed(&key).expect("a certificate").pem();
    let issuer = Issuer::new(ca, key);
    let server_key = KeyPair::generate().expect("a key");
    let certificate = CertificateParams::new(["localhost".to_owned()]).expect("a name");
    let certificate = certificate.signed_by(&server_key, &issuer).expect("a certificate");
    let config =
        rustls::ServerConfig::builder_with_provider(Arc::new(rustls::crypto::ring::default_provider()))
            .with_safe_default_protocol_versions()
            .expect("protocols")
            .with_no_client_auth()
            .with_single_cert(
                vec![certificate.der().clone()],
                PrivateKeyDer::try_from(server_key.serialize_der()).expect("a key"),
            )
            .expect("a certificate and its key");
    let stub = Stub::serve_tls(TlsAcceptor::from(Arc::new(config)), |_| answer(200, "safe")).await;
    let port = stub.url("/").port().expect("a port");
    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path().join("ca.pem");
    std::fs::write(&path, ca_pem).expect("a file");

    let ask = async |roots, name| {
        let client = Client::new(Policy { retry: Retry::attempts(1), ..Policy::default() });
        client.shared.roots.set(roots).expect("a new client");
        let answer = client.send(Request::get(url(&format!("https://{name}:{port}/")))).await;
        answer.map(|response| response.body().to_vec())
    };
    assert_eq!(ask(Roots::File(path.clone()), "localhost").await.expect("an answer"), b"safe");
    for (roots, name) in [(Roots::Embedded, "localhost"), (Roots::File(path.clone()), "127.0.0.1")] {
        let error = ask(roots, name).await.expect_err("not vouched for");
        assert_eq!(error.kind(), Kind::Connect);
        assert!(error.to_string().contains("invalid peer certificate"), "{error}");
    }
    assert_eq!(stub.asked().len(), 1);
    let error = ask(Roots::File(folder.path().join("none.pem")), "localhost").await.expect_err("no roots");
    assert_eq!(error.kind(), Kind::Setup);
}
