//! Notifications in Slack, as a bot posts them.
//!
//! ```yaml
//! adapters:
//!   chat:
//!     provider: messaging.slack
//!     settings:
//!       token: "${secret:SLACK_TOKEN}"
//!       default_channel: deploys
//! ```
//!
//! The token is that of a bot (`xoxb-…`) with the scope `chat:write`. It posts to the channels that it is a member of; with
//! `chat:write.public` to every public one, and with `chat:write.customize` under another name and icon. The title stands
//! in bold above the text; in neither does anything of Slack's markup work, so nobody can be called by what failed.
//!
//! Slack does not tell a repeated message from a new one. One whose fate is unknown is therefore not sent again. When Slack
//! wants to be left alone for a while (`429`, `Retry-After`), it is.
//!
//! Slack's API: <https://docs.slack.dev/reference/methods/chat.postMessage>.

use std::fmt::Write as _;

use futures_util::future::BoxFuture;
use serde::{Deserialize, Serialize};

use super::{Messaging, Notification};
use crate::adapters::{Adapter, Error, Kind, Setup};
use crate::client::{Client, Policy, Request, Url};
use crate::secret::Secret;
use crate::settings::Period;
use crate::task::Retry;

/// Who posts, and where.
#[derive(Debug, Deserialize)]
#[cfg_attr(feature = "catalog", derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
pub struct Settings {
    /// The bot's token.
    pub token: Secret,
    /// The channel of notifications that name none: its name or its id.
    #[serde(default)]
    pub default_channel: Option<String>,
    /// Where Slack's API is.
    #[serde(default = "default_base_url")]
    #[cfg_attr(feature = "catalog", schemars(url))]
    pub base_url: String,
    /// The name to post under; the bot's own where there is none.
    #[serde(default)]
    pub default_username: Option<String>,
    /// The icon to post with, such as `:robot_face:`; the bot's own where there is none.
    #[serde(default)]
    pub default_icon_emoji: Option<String>,
    /// How long a call may take.
    #[serde(default = "default_timeout")]
    pub timeout: Period,
}

fn default_base_url() -> String {
    "https://slack.com/api".to_owned()
}

fn default_timeout() -> Period {
    Period::secs(10)
}

/// A bot in a workspace.
pub struct Slack {
    client: Client,
    settings: Settings,
    post: Url,
    test: Url,
}

/// The arguments of `chat.postMessage`.
#[derive(Serialize)]
struct Post<'a> {
    channel: &'a str,
    text: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    username: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    icon_emoji: Option<&'a str>,
}

/// What every method answers.
#[derive(Deserialize)]
struct Answer {
    ok: bool,
    error: Option<String>,
}

impl Adapter for Slack {
    const ID: &'static str = "messaging.slack";
    type Settings = Settings;

    async fn open(settings: Settings, setup: &Setup<'_>) -> Result<Self, Error> {
        let timeout = settings.timeout.0;
        // One attempt: the next one is for who sends.
        let policy = Policy { total: timeout, attempt: timeout, retry: Retry::attempts(1), ..Policy::default() };
        let method = |name: &str| {
            let url = format!("{}/{name}", settings.base_url.trim_end_matches('/'));
            Url::parse(&url).map_err(|_| Error::new(Kind::Settings, "the setting `base_url` is not a URL"))
        };
        Ok(Self {
            client: setup.client().with_policy(policy),
            post: method("chat.postMessage")?,
            test: method("auth.test")?,
            settings,
        })
    }

    async fn health(&self) -> Result<(), Error> {
        self.call(&self.test, &serde_json::json!({})).await
    }
}

impl Messaging for Slack {
    fn send<'a>(&'a self, notification: &'a Notification) -> BoxFuture<'a, Result<(), Error>> {
        Box::pin(async move {
            let Settings { default_channel, default_username, default_icon_emoji, .. } = &self.settings;
            let channel = notification.channel.as_ref().or(default_channel.as_ref()).ok_or_else(|| {
                let message = "the notification names no channel, and the setting `default_channel` is not set";
                Error::new(Kind::Settings, message)
            })?;
            let post = Post {
                channel,
                text: text(notification),
                username: default_username.as_deref(),
                icon_emoji: default_icon_emoji.as_deref(),
            };
            self.call(&self.post, &post).await
        })
    }
}

impl Slack {
    async fn call(&self, method: &Url, arguments: &impl Serialize) -> Result<(), Error> {
        let body = serde_json::to_vec(arguments)
            .map_err(|error| Error::new(Kind::Rejected, format!("the message is not JSON: {error}")))?;
        let request = Request::post(method.clone())
            .bearer(self.settings.token.expose())
            // Without the character set Slack warns.
            .body("application/json; charset=utf-8", body);
        let response = self.client.send(request).await?.ok()?;
        // Who answers 200 and is not Slack may have passed the call on.
        let answer: Answer = response.json().map_err(|error| Error::from(error).outcome_unknown())?;
        if answer.ok { Ok(()) } else { Err(refused(&answer.error.unwrap_or_default())) }
    }
}

/// What Slack means by the name of an error. A name that is not known here is a refusal.
fn refused(error: &str) -> Error {
    let is_a_name = error.len() <= 64 && error.bytes().all(|byte| byte.is_ascii_lowercase() || byte == b'_');
    let name = if is_a_name { error } else { "an error of no known form" };
    let (kind, meaning) = match name {
        "not_authed" | "invalid_auth" | "account_inactive" | "token_revoked" | "token_expired" => {
            (Kind::Denied, ": the token is not one that it takes")
        }
        "missing_scope" | "no_permission" | "not_allowed_token_type" => {
            (Kind::Denied, ": the bot lacks a scope, such as `chat:write`")
        }
        "not_in_channel" => (Kind::Denied, ": invite the bot to the channel"),
        "access_denied" | "ekm_access_denied" | "org_login_required" | "restricted_action"
        | "restricted_action_read_only_channel" | "team_access_not_granted" => (Kind::Denied, ""),
        "channel_not_found" => {
            (Kind::NotFound, ": there is no such channel, or it is private and the bot is not in it")
        }
        "ratelimited" | "rate_limited" | "service_unavailable" | "team_added_to_org" => (Kind::Unavailable, ""),
        // "It's possible some aspect of the operation succeeded before the error was raised."
        "internal_error" | "fatal_error" => {
            return Error::new(Kind::Unavailable, format!("Slack failed: {name}")).outcome_unknown();
        }
        _ => (Kind::Rejected, ""),
    };
    Error::new(kind, format!("Slack refused it: {name}{meaning}"))
}

/// The title in bold above the text, with nothing in them that is markup: <https://docs.slack.dev/messaging/formatting-message-text>.
fn text(notification: &Notification) -> String {
    let escaped = |text: &str| text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;");
    let title = escaped(notification.title.trim()).replace(['\n', '\r'], " ");
    let mut text = if title.is_empty() { String::new() } else { format!("*{title}*\n") };
    // Writing to a String cannot fail.
    let _ = write!(text, "{}", escaped(notification.text.trim()));
    text
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::super::conformance::{self, Service, notification};
    use super::*;
    use crate::client::stub::{self, Asked, Stub, answer};

    const TOKEN: &str = "xoxb-canary";

    struct Workspace;

    impl Service for Workspace {
        type Adapter = Slack;

        fn settings(url: &str) -> Value {
            json!({ "token": TOKEN, "base_url": format!("{url}/api/"), "default_icon_emoji": ":robot_face:" })
        }

        fn answer(asked: &Asked) -> stub::Answer {
            assert_eq!((&*asked.method.to_string(), &*asked.target), ("POST", "/api/chat.postMessage"));
            assert_eq!(asked.header("authorization"), format!("Bearer {TOKEN}"));
            assert_eq!(asked.header("content-type"), "application/json; charset=utf-8");
            let body = json!({
                "channel": "deploys", "icon_emoji": ":robot_face:",
                "text": "*[ERROR] deploys*\nIt &lt;failed&gt; &amp; stopped.",
            });
            assert_eq!(serde_json::from_str::<Value>(asked.text()).unwrap(), body);
            answer(200, r#"{"ok":true,"channel":"C1","ts":"1.2"}"#)
        }

        fn id(_: &Asked) -> Option<&str> {
            None
        }
    }

    conformance::suite!(Workspace);

    async fn slack(answers: &'static str) -> (Slack, Stub) {
        let stub = Stub::serve(move |_| answer(200, answers)).await;
        let settings = json!({ "token": TOKEN, "base_url": stub.url("/api").as_str() });
        (conformance::open(settings).await.unwrap(), stub)
    }

    #[tokio::test]
    async fn an_answer_that_is_not_ok_is_a_failure_of_its_kind() {
        for (said, kind, is_unknown) in [
            (r#"{"ok":false,"error":"invalid_auth"}"#, Kind::Denied, false),
            (r#"{"ok":false,"error":"missing_scope","needed":"chat:write"}"#, Kind::Denied, false),
            (r#"{"ok":false,"error":"channel_not_found"}"#, Kind::NotFound, false),
            (r#"{"ok":false,"error":"msg_too_long"}"#, Kind::Rejected, false),
            (r#"{"ok":false,"error":"never heard of"}"#, Kind::Rejected, false),
            (r#"{"ok":false}"#, Kind::Rejected, false),
            (r#"{"ok":false,"error":"ratelimited"}"#, Kind::Unavailable, false),
            (r#"{"ok":false,"error":"fatal_error"}"#, Kind::Unavailable, true),
            ("<html>", Kind::Rejected, true),
        ] {
            let error = slack(said).await.0.send(&notification()).await.unwrap_err();
            assert_eq!((error.kind(), error.is_outcome_unknown()), (kind, is_unknown), "{said}");
        }
        let error = slack(r#"{"ok":false,"error":"xoxb-canary"}"#).await.0.send(&notification()).await.unwrap_err();
        assert!(!error.to_string().contains("canary"), "{error}");
    }

    #[tokio::test]
    async fn health_asks_who_the_token_is() {
        let (slack, stub) = slack(r#"{"ok":true,"user":"oneiric"}"#).await;
        slack.health().await.unwrap();
        let asked = stub.asked();
        assert_eq!((&*asked[0].target, asked[0].header("authorization")), ("/api/auth.test", "Bearer xoxb-canary"));
        let (revoked, _stub) = self::slack(r#"{"ok":false,"error":"token_revoked"}"#).await;
        assert_eq!(revoked.health().await.unwrap_err().kind(), Kind::Denied);
    }

    #[tokio::test]
    async fn a_notification_without_a_channel_goes_to_the_default_one() {
        let stub = Stub::serve(|_| answer(200, r#"{"ok":true}"#)).await;
        let url = stub.url("").to_string();
        let nowhere = Notification { channel: None, ..notification() };
        let settings = json!({ "token": TOKEN, "base_url": url, "default_channel": "C42", "default_username": "Ops" });
        conformance::open::<Slack>(settings).await.unwrap().send(&nowhere).await.unwrap();
        let post: Value = serde_json::from_str(stub.asked()[0].text()).unwrap();
        assert_eq!((&post["channel"], &post["username"]), (&json!("C42"), &json!("Ops")));
        let slack = conformance::open::<Slack>(json!({ "token": TOKEN, "base_url": url })).await.unwrap();
        assert_eq!(slack.send(&nowhere).await.unwrap_err().kind(), Kind::Settings);
        assert_eq!(stub.asked().len(), 1);
    }

    #[test]
    fn nothing_in_a_message_is_markup() {
        let loud = Notification { title: "a\nb <!channel>".into(), text: " <@U1> & \n".into(), ..notification() };
        assert_eq!(text(&loud), "*a b &lt;!channel&gt;*\n&lt;@U1&gt; &amp;");
        assert_eq!(text(&Notification { title: String::new(), text: "x".into(), ..notification() }), "x");
    }
}
