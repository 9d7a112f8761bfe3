//! What is healthy and what is not, on adapters that say so.

use super::*;
use crate::adapters::messaging::{Messaging, Notification};
use crate::adapters::{self, Kind, Setup};
use crate::app::App;
use crate::checkpoint::Memory;

use std::sync::Arc;

use futures_util::future::BoxFuture;

/// An adapter that does as its setting says.
struct Says(String);

#[derive(Deserialize)]
struct Settings {
    #[serde(default)]
    mood: String,
}

impl adapters::Adapter for Says {
    const ID: &'static str = "messaging.says";
    type Settings = Settings;

    async fn open(settings: Settings, _: &Setup<'_>) -> Result<Self, adapters::Error> {
        match settings.mood.as_str() {
            "shut" => Err(adapters::Error::new(Kind::Denied, "it is shut")),
            _ => Ok(Self(settings.mood)),
        }
    }

    async fn health(&self) -> Result<(), adapters::Error> {
        match self.0.as_str() {
            "ill" => Err(adapters::Error::new(Kind::Unavailable, "it is ill")),
            "mute" => std::future::pending().await,
            _ => Ok(()),
        }
    }
}

impl Messaging for Says {
    fn send<'a>(&'a self, _: &'a Notification) -> BoxFuture<'a, Result<(), adapters::Error>> {
        Box::pin(std::future::ready(Ok(())))
    }
}

/// A program with one adapter in this mood, which needs this secret.
async fn health(mood: &str, secret: &str, probes: bool) -> Health {
    let plan = serde_json::json!({
        "name": "shop",
        "adapters": { "chat": { "settings": { "mood": mood } } },
        "secrets": { "values": { "TOKEN": "canary" }, "named": [secret] },
    });
    let mut app = App { plan: Some(plan.to_string().leak()), ..App::default() };
    app.messaging::<Says>("chat");
    let engine = Engine::new(app, Arc::new(Memory::new()));
    let lifecycle = crate::http::lifecycle::Lifecycle::new();
    lifecycle.enter(crate::http::lifecycle::Stage::Ready(engine.clone()));
    if !probes {
        engine.registry().adapters().warm_up().await;
    }
    let process = Process::this(lifecycle.facts(), "ready", None);
    let health = Health::of_running(lifecycle.facts(), process, &engine, probes).await;
    let text = serde_json::to_string(&health).unwrap() + &health.to_string();
    assert!(!text.contains("canary"), "{text}");
    // What one process says, another reads.
    serde_json::from_str(&serde_json::to_string(&health).unwrap()).unwrap()
}

#[tokio::test(start_paused = true)]
async fn one_that_is_well_says_so() {
    for probes in [false, true] {
        let health = health("well", "TOKEN", probes).await;
        assert!(health.is_healthy(), "{health:?}");
        assert_eq!(health.lifecycle_state["chat"].probe.is_some(), probes);
        assert_eq!(health.secrets.values.len(), 1);
        let text = health.to_string();
        assert!(text.starts_with("shop: healthy, ready, process "), "{text}");
        assert!(text.contains("  TOKEN: found in manifest\n"), "{text}");
    }
}

#[tokio::test(start_paused = true)]
async fn what_cannot_be_opened_is_no_better_for_being_asked() {
    for probes in [false, true] {
        let health = health("shut", "TOKEN", probes).await;
        assert_eq!(health.problems, ["the adapter `chat`: it is shut"]);
        assert!(health.to_string().contains("Adapter: chat (messaging.says) failed: it is shut\n"));
    }
}

#[tokio::test(start_paused = true)]
async fn what_is_open_may_be_ill_all_the_same() {
    assert!(health("ill", "TOKEN", false).await.is_healthy());
    assert_eq!(health("ill", "TOKEN", true).await.problems, ["the adapter `chat`: it is ill"]);
    let health = health("mute", "TOKEN", true).await;
    assert_eq!(health.problems, ["the adapter `chat` does not answer within 5s"]);
    assert!(health.to_string().contains("Adapter: chat (messaging.says) ready, does not answer\n"));
}

#[tokio::test(start_paused = true)]
async fn a_secret_that_is_named_must_be_there() {
    for probes in [false, true] {
        let health = health("well", "NOWHERE_ELSE", probes).await;
        assert_eq!(health.problems, ["there is no secret `NOWHERE_ELSE` in the environment"]);
    }
}
