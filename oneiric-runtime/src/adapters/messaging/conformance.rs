//! What every adapter that notifies must do, as tests that each of them passes: `conformance::suite!` in its own file.
//!
//! A service is a stub that takes exactly what the adapter's own file says, or the plain HTTP server that anything may be
//! behind. What only one service does is tested beside its adapter.

use serde_json::{Value, json};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpListener;

use super::{About, Messaging, Notification};
use crate::adapters::{Adapter, Error, Kind, Setup};
use crate::client::Client;
use crate::client::stub::{Answer, Asked, Stub, answer};
use crate::secs;

/// The other side of an adapter.
pub(crate) trait Service: 'static {
    /// The adapter.
    type Adapter: Adapter + Messaging;

    /// Settings for a service at `url`. Whatever is secret in them has `canary` in it.
    fn settings(url: &str) -> Value;

    /// What the service answers to the one request that brings [`notification`], whatever its id; panics at any other.
    fn answer(asked: &Asked) -> Answer;

    /// The id by which it knows a repeated notification, if it does.
    fn id(asked: &Asked) -> Option<&str>;
}

/// Declares one test for each case.
macro_rules! suite {
    ($service:ty) => {
        $crate::adapters::messaging::conformance::suite!(
            $service,
            a_notification_is_one_request_as_the_service_wants_it,
            a_repeated_notification_is_known_by_its_id_or_by_nothing,
            a_status_says_what_kind_of_failure_it_is,
            who_is_asked_too_often_says_how_long_to_wait,
            a_service_that_is_not_there_has_nothing,
            what_came_of_a_request_without_an_answer_is_unknown,
            unknown_settings_are_refused
        );
    };
    ($service:ty, $($case:ident),+) => {
        $(
            #[tokio::test]
            async fn $case() {
                $crate::adapters::messaging::conformance::$case::<$service>().await;
            }
        )+
    };
}
pub(crate) use suite;

/// What is sent.
pub(crate) fn notification() -> Notification {
    Notification {
        id: "msg_1".to_owned(),
        channel: Some("deploys".to_owned()),
        title: "[ERROR] deploys".to_owned(),
        text: "It <failed> & stopped.".to_owned(),
        about: Some(About {
            event: "run.failed".to_owned(),
            workflow: "fulfil".to_owned(),
            run_id: "order-7".to_owned(),
        }),
    }
}

/// The adapter with these settings.
pub(crate) async fn open<A: Adapter>(settings: Value) -> Result<A, Error> {
    let settings =
        serde_json::from_value(settings).map_err(|error| Error::new(Kind::Settings, error.to_string()))?;
    A::open(settings, &Setup { name: "teller", program: "test", client: &Client::default() }).await
}

async fn at<S: Service>(url: &str) -> S::Adapter {
    let url = url.trim_end_matches('/');
    open(S::settings(url)).await.unwrap_or_else(|error| panic!("its own settings: {error}"))
}

/// What comes of sending to a server that answers everything so.
async fn fail<S: Service>(respond: impl Fn(&Asked) -> Answer + Send + Sync + 'static) -> (Error, usize) {
    let stub = Stub::serve(respond).await;
    let error = at::<S>(stub.url("").as_str()).await.send(&notification()).await.expect_err("a failure");
    assert!(!error.to_string().contains("canary"), "{error}");
    (error, stub.asked().len())
}

pub(crate) async fn a_notification_is_one_request_as_the_service_wants_it<S: Service>() {
    let stub = Stub::serve(S::answer).await;
    let adapter = at::<S>(stub.url("").as_str()).await;
    adapter.send(&notification()).await.unwrap();
    assert_eq!(stub.asked().len(), 1);
}

pub(crate) async fn a_repeated_notification_is_known_by_its_id_or_by_nothing<S: Service>() {
    let stub = Stub::serve(S::answer).await;
    let adapter = at::<S>(stub.url("").as_str()).await;
    let other = Notification { id: "msg_2".to_owned(), ..notification() };
    for sent in [&notification(), &notification(), &other] {
        adapter.send(sent).await.unwrap();
    }
    let asked = stub.asked();
    let ids: Vec<_> = asked.iter().map(S::id).collect();
    let expected = adapter.knows_repeats().then_some(["msg_1", "msg_1", "msg_2"]);
    assert_eq!(ids, expected.map_or([None; 3], |ids| ids.map(Some)));
}

pub(crate) async fn a_status_says_what_kind_of_failure_it_is<S: Service>() {
    for (status, kind, is_unknown) in [
        (400, Kind::Rejected, false),
        (401, Kind::Denied, false),
        (403, Kind::Denied, false),
        (404, Kind::NotFound, false),
        (413, Kind::Rejected, false),
        (429, Kind::Unavailable, false),
        (500, Kind::Unavailable, true),
        (502, Kind::Unavailable, true),
        (503, Kind::Unavailable, false),
        (504, Kind::Unavailable, true),
    ] {
        let (error, requests) = fail::<S>(move |_| answer(status, "canary")).await;
        assert_eq!((error.kind(), error.is_outcome_unknown()), (kind, is_unknown), "{status}");
        assert_eq!(requests, 1, "an attempt is one request");
    }
}

pub(crate) async fn who_is_asked_too_often_says_how_long_to_wait<S: Service>() {
    for status in [429, 503] {
        let (error, _) = fail::<S>(move |_| {
            let mut answer = answer(status, "");
            answer.headers_mut().insert("retry-after", "7".parse().expect("a header"));
            answer
        })
        .await;
        assert_eq!(error.wait(), Some(secs(7)));
    }
}

pub(crate) async fn a_service_that_is_not_there_has_nothing<S: Service>() {
    let address = TcpListener::bind("127.0.0.1:0").await.unwrap().local_addr().unwrap();
    let error = at::<S>(&format!("http://{address}")).await.send(&notification()).await.unwrap_err();
    assert_eq!((error.kind(), error.is_outcome_unknown()), (Kind::Unavailable, false), "{error}");
    assert!(!error.to_string().contains("canary"), "{error}");
}

pub(crate) async fn what_came_of_a_request_without_an_answer_is_unknown<S: Service>() {
    // It breaks off, says nothing, or begins to answer and does not end.
    for (said, breaks_off) in
        [("", true), ("", false), ("HTTP/1.1 200 OK\r\ncontent-length: 9\r\n\r\n{", false)]
    {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("http://{}", listener.local_addr().unwrap());
        let server = tokio::spawn(async move {
            let (mut stream, _) = listener.accept().await.unwrap();
            let _ = stream.read(&mut [0; 4096]).await.unwrap();
            stream.write_all(said.as_bytes()).await.unwrap();
            if !breaks_off {
                std::future::pending::<()>().await;
            }
        });
        let mut settings = S::settings(&url);
        settings["timeout"] = json!("200ms");
        let error = open::<S::Adapter>(settings).await.ok().unwrap().send(&notification()).await.unwrap_err();
        server.abort();
        assert_eq!((error.kind(), error.is_outcome_unknown()), (Kind::Unavailable, true), "{said}: {error}");
        assert!(!error.to_string().contains("canary"), "{error}");
    }
}

pub(crate) async fn unknown_settings_are_refused<S: Service>() {
    let mut settings = S::settings("http://localhost");
    settings["chanel"] = json!("ops");
    let error = open::<S::Adapter>(settings).await.err().unwrap();
    assert!(error.to_string().contains("unknown field `chanel`"), "{error}");
}
