//! The server with real workflows, over real sockets.

use std::net::SocketAddr;
use std::sync::atomic::{AtomicUsize, Ordering};

use http_body_util::BodyExt;
use hyper::Method;
use hyper::client::conn::http1::handshake;
use serde_json::Value;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::task::JoinHandle;

use super::lifecycle::Stage;
use super::*;
use crate::app::App;
use crate::checkpoint::Memory;
use crate::dag::Dag;
use crate::engine::Engine;
use crate::secs;
use crate::task::Error;

/// Tasks, each a function as a user would write it.
mod work {
    use super::*;

    #[oneiric::task]
    pub(super) async fn count(key: String) -> String {
        // Long enough for everybody else who asks for the same run to arrive.
        tokio::time::sleep(Duration::from_millis(100)).await;
        if key == "often" {
            OFTEN.fetch_add(1, Ordering::SeqCst);
        }
        format!("counted {key}")
    }

    #[oneiric::task]
    pub(super) async fn fail() -> Result<(), Error> {
        Err(Error::permanent("no such order"))
    }

    pub(super) static OFTEN: AtomicUsize = AtomicUsize::new(0);
}

fn count(dag: &Dag) {
    let key = dag.input().get("key");
    dag.task("count", work::count::Def).with(work::count::Args { key });
}

fn fail(dag: &Dag) {
    dag.task("fail", work::fail::Def).with(work::fail::Args {});
}

fn pause(dag: &Dag) {
    dag.wait("pause", secs(600));
}

/// A server at work.
struct Running {
    address: SocketAddr,
    lifecycle: Lifecycle,
    engine: Engine,
    server: Server,
    serving: JoinHandle<()>,
}

impl Running {
    /// A server whose store is not open yet.
    async fn opening() -> Self {
        Self::behind(|_| Front::open()).await
    }

    /// One whose store is not open yet, with this public door.
    async fn behind(front: impl FnOnce(&Lifecycle) -> Front) -> Self {
        let mut app = App::default();
        app.workflow("count", count);
        app.workflow("fail", fail);
        app.workflow("pause", pause);
        let engine = Engine::new(app, Arc::new(Memory::new()));
        let lifecycle = Lifecycle::new();
        let server = Server::new(lifecycle.clone(), front(&lifecycle));
        let listener = TcpListener::bind(("127.0.0.1", 0)).await.unwrap();
        let address = listener.local_addr().unwrap();
        let serving = tokio::spawn(server.clone().serve(listener));
        Self { address, lifecycle, engine, server, serving }
    }

    async fn ready() -> Self {
        Self::opening().await.opened()
    }

    fn opened(self) -> Self {
        self.lifecycle.enter(Stage::Ready(self.engine.clone()));
        self
    }

    async fn ask(
        &self,
        method: Method,
        path: &str,
        body: impl Into<Bytes>,
    ) -> (u16, hyper::HeaderMap, Value) {
        self.ask_as(None, method, path, body).await
    }

    async fn ask_as(
        &self,
        authorization: Option<&str>,
        method: Method,
        path: &str,
        body: impl Into<Bytes>,
    ) -> (u16, hyper::HeaderMap, Value) {
        let stream = TcpStream::connect(self.address).await.unwrap();
        let (mut sender, connection) = handshake(TokioIo::new(stream)).await.unwrap();
        tokio::spawn(connection);
        let mut request = Request::builder().method(method).uri(path).header("host", "test");
        if let Some(authorization) = authorization {
            request = request.header("authorization", authorization);
        }
        let request = request.body(Full::new(body.into())).unwrap();
        let response = sender.send_request(request).await.unwrap();
        let (head, body) = response.into_parts();
        let body = body.collect().await.unwrap().to_bytes();
        let document = if body.is_empty() { Value::Null } else { serde_json::from_slice(&body).unwrap() };
        (head.status.as_u16(), head.headers, document)
    }

    async fn post(&self, body: &str) -> (u16, Value) {
        let (status, headers, document) = self.ask(Method::POST, "/tasks/workflow", body.to_owned()).await;
        assert_eq!(headers["content-type"], "application/json; charset=utf-8");
        (status, document)
    }
}

#[tokio::test]
async fn a_run_is_answered_with_its_results_and_nothing_else() {
    let running = Running::ready().await;
    let body = r#"{"workflow":"count","run_id":"r","context":{"key":"once"},"metadata":{"n":1.0},"workflow_provider":"p"}"#;
    let (status, document) = running.post(body).await;
    assert_eq!(status, 200, "{document}");
    assert_eq!(document["status"], "completed");
    let result = document["result"].as_object().unwrap();
    let keys = result.keys().map(String::as_str).collect::<Vec<_>>();
    assert_eq!(keys, ["metadata", "processed_at", "results", "run_id", "workflow", "workflow_provider"]);
    assert_eq!(result["run_id"], "r");
    assert_eq!(result["workflow"], "count");
    assert_eq!(result["workflow_provider"], "p");
    assert_eq!(result["metadata"]["n"], 1.0);
    assert_eq!(result["results"]["count"], "counted once");
    assert_eq!(result["results"]["count__attempts"], 1);
    assert!(result["results"]["count__duration"].as_f64().unwrap() >= 0.1);
    let at: jiff::Timestamp = result["processed_at"].as_str().unwrap().parse().unwrap();
    assert!(at <= jiff::Timestamp::now());
}

#[tokio::test]
async fn one_run_id_runs_once_and_everybody_is_told_the_same() {
    let running = Running::ready().await;
    let body = r#"{"workflow":"count","run_id":"same","context":{"key":"often"}}"#;
    let answers = futures_util::future::join_all((0..20).map(|_| running.post(body))).await;
    let later = running.post(body).await;
    assert!(answers.iter().all(|answer| *answer == later), "{answers:?}");
    assert_eq!(later.0, 200);
    assert_eq!(work::OFTEN.load(Ordering::SeqCst), 1);

    let other = r#"{"workflow":"count","run_id":"same","context":{"key":"other"}}"#;
    let (status, document) = running.post(other).await;
    assert_eq!((status, &document["error"]), (409, &"run-id-conflict".into()));
}

#[tokio::test]
async fn what_goes_wrong_has_a_status_and_a_code() {
    let running = Running::ready().await;
    for (body, status, code) in [
        ("{", 400, "invalid-json"),
        ("[]", 400, "payload-must-be-object"),
        ("{}", 400, "workflow-key-missing"),
        (r#"{"workflow":"count","checkpoint":{"count":7}}"#, 400, "checkpoint-not-accepted"),
        (r#"{"workflow":"none"}"#, 404, "workflow-unknown"),
        (r#"{"workflow":"fail","run_id":"f"}"#, 500, "workflow-execution-failed"),
    ] {
        let (actual, document) = running.post(body).await;
        assert_eq!((actual, document["error"].as_str()), (status, Some(code)), "{body}: {document}");
    }
    let (_, document) = running.post(r#"{"workflow":"fail","run_id":"f"}"#).await;
    assert_eq!(document["run_id"], "f");
    assert_eq!(document["detail"], "node `fail` failed after 1 attempt(s): no such order");
}

#[tokio::test]
async fn paths_and_methods_that_are_not_there_are_answered_in_json() {
    let running = Running::ready().await;
    let (status, _, document) = running.ask(Method::GET, "/", "").await;
    assert_eq!((status, &document["error"]), (404, &"not-found".into()));
    let (status, headers, document) = running.ask(Method::DELETE, "/tasks/workflow", "").await;
    assert_eq!((status, &document["error"]), (405, &"method-not-allowed".into()));
    assert_eq!(headers["allow"], "POST");
    let (status, _, _) = running.ask(Method::POST, route::CONTROL, "{}").await;
    assert_eq!(status, 404, "orders come through the socket alone");
    let (status, _, document) = running.ask(Method::HEAD, "/healthz", "").await;
    assert_eq!((status, document), (200, Value::Null));
}

#[tokio::test]
async fn a_body_is_bounded() {
    let running = Running::ready().await;
    let padding = " ".repeat(1024 * 1024);
    let (status, document) = running.post(&format!(r#"{{"workflow":"fail"}}{padding}"#)).await;
    assert_eq!((status, &document["error"]), (413, &"payload-too-large".into()));
    let largest = format!(r#"{{"workflow":"fail"}}{}"#, &padding[r#"{"workflow":"fail"}"#.len()..]);
    assert_eq!(running.post(&largest).await.0, 500);
}

#[tokio::test]
async fn health_is_answered_before_the_store_is_open_and_work_waits_for_it() {
    let running = Running::opening().await;
    assert_eq!(running.ask(Method::GET, "/healthz", "").await.0, 200);
    let (status, _, document) = running.ask(Method::GET, "/readyz", "").await;
    assert_eq!((status, &document["missing"][0]), (503, &"store".into()));

    let (answer, ()) = tokio::join!(running.post(r#"{"workflow":"fail"}"#), async {
        tokio::time::sleep(Duration::from_millis(100)).await;
        running.lifecycle.enter(Stage::Recovering(running.engine.clone()));
    });
    assert_eq!(answer.0, 500, "it ran, and failed as it should");
    let (status, _, document) = running.ask(Method::GET, "/readyz", "").await;
    assert_eq!((status, &document["missing"][0]), (503, &"recovery".into()));
    running.lifecycle.enter(Stage::Ready(running.engine.clone()));
    assert_eq!(running.ask(Method::GET, "/readyz", "").await.0, 200);
}

#[tokio::test]
async fn a_program_that_stops_refuses_work_and_answers_those_who_wait() {
    let running = Running::ready().await;
    let waiting = running.post(r#"{"workflow":"pause","run_id":"p"}"#);
    let stopping = async {
        while running.engine.in_flight() == 0 {
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
        running.lifecycle.enter(Stage::Stopping);
        let (status, headers, document) =
            running.ask(Method::POST, "/tasks/workflow", r#"{"workflow":"fail"}"#).await;
        assert_eq!((status, &document["error"]), (503, &"draining".into()));
        assert_eq!(headers["retry-after"], "1");
        assert_eq!(headers["connection"], "close");
        let (status, _, document) = running.ask(Method::GET, "/readyz", "").await;
        assert_eq!((status, &document["missing"][0]), (503, &"draining".into()));
        assert_eq!(running.ask(Method::GET, "/healthz", "").await.0, 200);
        running.engine.stop(Duration::from_secs(1)).await.unwrap();
    };
    let ((status, document), ()) = tokio::join!(waiting, stopping);
    assert_eq!((status, &document["error"]), (503, &"draining".into()));
    running.server.close();
    running.serving.await.unwrap();
    assert!(TcpStream::connect(running.address).await.is_err(), "nobody listens any more");
}

#[tokio::test]
async fn a_client_that_goes_away_does_not_stop_its_run() {
    let running = Running::ready().await;
    let body = r#"{"workflow":"count","run_id":"left","context":{"key":"left"}}"#;
    let mut stream = TcpStream::connect(running.address).await.unwrap();
    let head = format!("POST /tasks/workflow HTTP/1.1\r\nhost: x\r\ncontent-length: {}\r\n\r\n", body.len());
    stream.write_all(format!("{head}{body}").as_bytes()).await.unwrap();
    while running.engine.in_flight() == 0 {
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
    drop(stream);
    let (status, document) = running.post(body).await;
    assert_eq!((status, &document["result"]["results"]["count__attempts"]), (200, &1.into()));
}

#[tokio::test]
async fn a_connection_serves_many_requests() {
    let running = Running::ready().await;
    let mut stream = TcpStream::connect(running.address).await.unwrap();
    for _ in 0..3 {
        stream.write_all(b"GET /healthz HTTP/1.1\r\nhost: x\r\n\r\n").await.unwrap();
        let mut answer = [0; 1024];
        let length = stream.read(&mut answer).await.unwrap();
        let answer = std::str::from_utf8(&answer[..length]).unwrap();
        assert!(answer.starts_with("HTTP/1.1 200 OK") && answer.ends_with(r#"{"status":"ok"}"#), "{answer}");
    }
}

#[tokio::test]
async fn nobody_may_start_work_where_the_manifest_does_not_say_who() {
    let front = Front { callers: Callers::Undeclared, health_path: "/alive".to_owned() };
    let running = Running::behind(|_| front).await.opened();
    let (status, document) = running.post(r#"{"workflow":"fail"}"#).await;
    assert_eq!((status, &document["error"]), (403, &"callers-undeclared".into()));
    let detail = document["detail"].as_str().unwrap();
    assert!(detail.contains("`http: { auth: none }`"), "it says what to write: {detail}");
    assert_eq!(running.ask(Method::GET, "/alive", "").await.0, 200);
    assert_eq!(running.ask(Method::GET, "/healthz", "").await.0, 404);
    assert_eq!(running.ask(Method::GET, "/readyz", "").await.0, 200);
    assert_eq!(running.engine.in_flight(), 0);
}

#[cfg(feature = "callers-hmac")]
mod with_a_secret {
    use super::*;
    use crate::callers::Auth;

    // It comes from the manifest, as secrets do that nobody else has.
    const PLAN: &str = r#"{"secrets":{"values":{"HTTP_TESTS_DOOR":"open sesame"}}}"#;

    async fn running(auth: &str) -> Running {
        let auth: Auth = serde_json::from_str(auth).unwrap();
        let mut running = Running::behind(|lifecycle| Front {
            callers: Callers::new(Some(&auth), Arc::new(lifecycle.clone())).unwrap(),
            health_path: route::HEALTH.to_owned(),
        })
        .await;
        let app = App::compiled(PLAN, |app| app.workflow("fail", fail));
        running.engine = Engine::new(app, Arc::new(Memory::new()));
        running.opened()
    }

    #[tokio::test]
    async fn who_has_the_secret_may_call_and_nobody_else() {
        let running = running(r#"{"kind":"shared_secret","secret":"${secret:HTTP_TESTS_DOOR}"}"#).await;
        let call = async |authorization, body: &str| {
            let answer =
                running.ask_as(authorization, Method::POST, "/tasks/workflow", body.to_owned()).await;
            let (status, headers, document) = answer;
            let challenge = headers.get("www-authenticate").map(|value| value.to_str().unwrap().to_owned());
            (status, challenge.unwrap_or_default(), document["error"].as_str().unwrap_or_default().to_owned())
        };
        let work = r#"{"workflow":"fail"}"#;
        let ran = (500, String::new(), "workflow-execution-failed".to_owned());
        assert_eq!(call(Some("Bearer open sesame"), work).await, ran);
        assert_eq!(call(Some("bearer  open sesame"), work).await, ran);
        let missing = (401, "Bearer".to_owned(), "credentials-missing".to_owned());
        for authorization in
            [None, Some(""), Some("Bearer"), Some("Basic b3BlbiBzZXNhbWU="), Some("open sesame")]
        {
            assert_eq!(call(authorization, work).await, missing, "{authorization:?}");
        }
        let wrong = (401, "Bearer error=\"invalid_token\"".to_owned(), "credentials-invalid".to_owned());
        for authorization in ["Bearer open", "Bearer Open sesame", "Bearer open sesame2"] {
            assert_eq!(call(Some(authorization), work).await, wrong, "{authorization}");
        }
        // What a stranger sends is not looked at, and the connection is answered all the same.
        assert_eq!(call(None, &" ".repeat(2 << 20)).await, missing);
        assert_eq!(call(Some("Bearer open sesame"), "{").await.2, "invalid-json");
    }

    #[tokio::test]
    async fn a_body_is_not_parsed_before_its_signature_is_good() {
        let auth =
            r#"{"kind":"hmac","scheme":"github","secret":"${secret:HTTP_TESTS_DOOR}","tolerance_ms":1}"#;
        let running = running(auth).await;
        let (status, headers, document) = running.ask(Method::POST, "/tasks/workflow", "{").await;
        assert_eq!((status, &document["error"]), (401, &"credentials-missing".into()));
        assert_eq!(headers["www-authenticate"], "Signature");
    }

    #[tokio::test]
    async fn a_secret_that_nobody_has_lets_nobody_in() {
        let running = running(r#"{"kind":"shared_secret","secret":"${secret:HTTP_TESTS_NO_SUCH}"}"#).await;
        let answer = running.ask_as(Some("Bearer x"), Method::POST, "/tasks/workflow", "{}").await;
        let (status, headers, document) = answer;
        assert_eq!((status, &document["error"]), (503, &"callers-not-judged".into()));
        assert_eq!(headers["retry-after"], "5");
        assert!(document.get("detail").is_none(), "{document}");
    }
}
