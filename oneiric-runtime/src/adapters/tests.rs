//! The life of adapters, on some that only remember what happened to them.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use futures_util::future::{BoxFuture, join_all};
use serde::Deserialize;

use super::messaging::{Messaging, Notification};
use super::{Adapter, Adapters, Error, Kind, Plan, Setup, State};
use crate::app::App;
use crate::engine::{Engine, Start};
use crate::json::Json;
use crate::{Ctx, Secret};

/// Opened so often, and closed in this order.
static OPENED: AtomicUsize = AtomicUsize::new(0);
static CLOSED: Mutex<Vec<String>> = Mutex::new(Vec::new());

/// An adapter that takes a while to open.
struct Slow {
    name: String,
    channel: String,
    token: Option<Secret>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Settings {
    #[serde(default)]
    channel: String,
    token: Option<Secret>,
}

impl Adapter for Slow {
    const ID: &'static str = "messaging.slow";
    type Settings = Settings;

    async fn open(settings: Settings, setup: &Setup<'_>) -> Result<Self, Error> {
        tokio::time::sleep(Duration::from_millis(10)).await;
        OPENED.fetch_add(1, Ordering::Relaxed);
        if settings.channel == "nowhere" {
            return Err(Error::new(Kind::Unavailable, "there is no such channel"));
        }
        if settings.channel == "careless" {
            let message = format!("{:?} is refused", settings.token.map(|token| token.expose().to_owned()));
            return Err(Error::new(Kind::Denied, message));
        }
        Ok(Self { name: setup.name().to_owned(), channel: settings.channel, token: settings.token })
    }

    async fn close(&self) -> Result<(), Error> {
        CLOSED.lock().expect("nothing panics with it").push(self.name.clone());
        Ok(())
    }
}

impl Messaging for Slow {
    fn send<'a>(&'a self, _: &'a Notification) -> BoxFuture<'a, Result<(), Error>> {
        Box::pin(std::future::ready(Ok(())))
    }
}

#[crate::task]
async fn tell(ctx: Ctx, token: Secret) -> Result<String, crate::task::Error> {
    let slow = ctx.adapter::<Slow>("c").await?;
    let is_same = ctx.secret("TOKEN").await?.expose() == token.expose();
    Ok(format!("{} {is_same}", slow.name))
}

/// The adapters `a`, `b` and `c`, with these settings.
fn adapters(settings: &serde_json::Value) -> Adapters {
    let mut app = App::default();
    app.messaging::<Slow>("a");
    app.messaging::<Slow>("b");
    app.adapter::<Slow>("c");
    let serde_json::Value::Object(adapters) = settings.clone() else { panic!("settings by adapter") };
    let values = serde_json::json!({ "values": { "TOKEN": "canary" } });
    let secrets = serde_json::from_value(values).expect("a plan of secrets");
    Adapters::new("test", app.adapters, Plan { adapters, secrets })
}

#[tokio::test(start_paused = true)]
async fn an_adapter_is_opened_once_and_closed_in_reverse_order() {
    let adapters = adapters(&serde_json::json!({}));
    let before = OPENED.load(Ordering::Relaxed);
    let opened = join_all((0..5).map(|_| adapters.get::<Slow>("b"))).await;
    assert!(opened.iter().all(Result::is_ok));
    assert_eq!(OPENED.load(Ordering::Relaxed), before + 1);
    assert!(adapters.messaging("a").await.is_ok());
    adapters.close().await;
    assert_eq!(*CLOSED.lock().unwrap(), ["a", "b"], "`b` was opened first, and nobody opened `c`");
}

#[tokio::test(start_paused = true)]
async fn settings_get_their_secrets_when_the_adapter_is_opened() {
    let adapters = adapters(&serde_json::json!({
        "a": { "settings": { "channel": "ops", "token": "${secret:TOKEN}" } },
    }));
    adapters.check().unwrap();
    let slow = adapters.get::<Slow>("a").await.ok().unwrap();
    assert_eq!(slow.channel, "ops");
    assert_eq!(slow.token.as_ref().map(Secret::expose), Some("canary"));
}

#[tokio::test(start_paused = true)]
async fn what_cannot_be_opened_is_tried_again_by_the_next() {
    let adapters = adapters(&serde_json::json!({
        "a": { "settings": { "channel": "nowhere" } },
        "b": { "settings": { "token": "${secret:NOWHERE_ELSE}" } },
    }));
    let before = OPENED.load(Ordering::Relaxed);
    for _ in 0..2 {
        assert_eq!(adapters.get::<Slow>("a").await.err().map(|error| error.kind()), Some(Kind::Unavailable));
    }
    assert!(OPENED.load(Ordering::Relaxed) >= before + 2);
    let error = adapters.get::<Slow>("b").await.err().unwrap();
    assert_eq!(error.to_string(), "there is no secret `NOWHERE_ELSE` in the environment");
}

#[tokio::test(start_paused = true)]
async fn an_adapter_that_forgets_itself_gives_no_secret_away() {
    let adapters = adapters(&serde_json::json!({
        "a": { "settings": { "channel": "careless", "token": "${secret:TOKEN}" } },
    }));
    let error = adapters.get::<Slow>("a").await.err().unwrap();
    assert_eq!(error.to_string(), "Some(\"…\") is refused");
    let (_, state) = adapters.states().next().unwrap();
    assert_eq!(state, State::Failed { error: error.to_string() });
}

#[tokio::test(start_paused = true)]
async fn what_was_opened_with_a_forgotten_secret_is_opened_anew() {
    let adapters = adapters(&serde_json::json!({
        "a": { "settings": { "token": "${secret:TOKEN}" } },
        "b": {},
        "c": { "settings": { "token": "${secret:TOKEN@2}" } },
    }));
    adapters.warm_up().await;
    assert!(adapters.is_warm());
    let held = adapters.get::<Slow>("c").await.ok().unwrap();
    assert_eq!(adapters.forget_secrets(&["OTHER".to_owned()]).await, (0, vec![]));
    assert_eq!(adapters.forget_secrets(&["TOKEN".to_owned()]).await, (2, vec!["a", "c"]));
    let states = adapters.states().map(|(_, state)| state).collect::<Vec<_>>();
    assert_eq!(states, [State::NotOpened, State::Ready, State::NotOpened]);
    assert_eq!(adapters.replaced(), 1, "`a` is closed, and `c` is still held");
    drop(held);
    assert_eq!(adapters.forget_secrets(&[]).await, (0, vec![]));
    assert_eq!(adapters.replaced(), 0);
    assert!(adapters.get::<Slow>("c").await.is_ok());
}

#[tokio::test(start_paused = true)]
async fn an_opening_that_is_given_up_leaves_no_trace() {
    let adapters = adapters(&serde_json::json!({}));
    let opening = tokio::time::timeout(Duration::from_millis(1), adapters.get::<Slow>("a"));
    assert!(opening.await.is_err());
    assert_eq!(adapters.states().next().map(|(_, state)| state), Some(State::NotOpened));
    assert!(adapters.get::<Slow>("a").await.is_ok());
}

#[test]
fn wrong_settings_and_names_are_told() {
    let adapters = adapters(&serde_json::json!({ "b": { "settings": { "chanel": "ops" } } }));
    let failure = adapters.check().unwrap_err();
    assert!(failure.is_usage());
    assert!(
        failure.message.starts_with(
            "the settings of the adapter `b` (messaging.slow): unknown field `chanel`, expected `channel`"
        ),
        "{failure}"
    );
}

#[tokio::test(start_paused = true)]
async fn a_task_gets_its_adapters_and_secrets() {
    let mut app = App { plan: Some(r#"{"secrets":{"values":{"TOKEN":"canary"}}}"#), ..App::default() };
    app.adapter::<Slow>("c");
    app.workflow("w", |dag| {
        dag.task("tell", tell::Def).with(tell::Args { token: crate::value::secret("TOKEN") });
        dag.exec("cat", ["cat"]).with(crate::value::object([("token", crate::value::secret("NO_SUCH"))]));
    });
    let engine = Engine::new(app, Arc::new(crate::checkpoint::Memory::new()));
    let start =
        Start { workflow: "w".to_owned(), run_id: None, input: Json::trusted("{}"), labels: Json::null() };
    let report = engine.start(start).await.unwrap().finished().await.unwrap();
    assert_eq!(report.output::<String>("tell").as_deref(), Some("c true"));
    let failed = report.node("cat").unwrap().error.clone().unwrap();
    assert_eq!(failed, "there is no secret `NO_SUCH` in the environment");
}
